"""``maplet audit``: gradients written by hand, compared with the right ones, and the cause where they differ."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from maplet.cli.files import existing, loaded, named
from maplet.cli.language import language
from maplet.cli.options import require_meaning
from maplet.core.reading import Reader
from maplet.errors import GraphError, SettingError
from maplet.health.audit import audit as audit_functions
from maplet.health.audit import audit_script
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from maplet.health.audit import Report


@click.command()
@click.argument("forward", metavar="FORWARD|SCRIPT")
@click.argument("backward", metavar="[BACKWARD]", required=False)
@click.option("--arg", "arguments", multiple=True, metavar="NAME|TYPE", help="An argument of FORWARD, in order.")
@click.option("--loss", metavar="FUNCTION", help="What makes the loss of what FORWARD gives; a name in its file.")
@click.option("--wrt", metavar="NAMES", help="What the gradients belong to, in order: W1,b1.")
@language
@click.option("--seed", default=0, show_default=True, help="Of random arguments, and of those that confirm.")
def audit(forward: str, backward: str | None, **options: Any) -> None:
    """Say which gradients of BACKWARD are wrong, why, and in which line.

    FORWARD and BACKWARD are functions or methods in files, FILE.py:NAME; the files are run, as Python would. What
    FORWARD is given are objects of its file with the names of its parameters, or what --arg names: an object of the
    file, or the type of an array, which is then random.

    \b
    maplet audit net.py:forward net.py:backward
    maplet audit net.py:net.forward net.py:net.backward --arg X --arg y
    maplet audit net.py:loss net.py:gradient --arg f64[5,3] --arg f64[5]

    SCRIPT is a whole program, FILE.py: it is run until a turn of its training loop has changed the parameters, and that
    update is checked against the gradient of its loss.

    The status is 0 if every gradient is right, 1 if one is wrong or was not judged.
    """  # noqa: D301  (\b is how click keeps lines apart)
    whole("--seed", options["seed"], least=0)
    require_meaning({"functions"} if backward is not None else (), f"{forward} is a whole program")
    if backward is None:
        if ":" in Path(forward).name:
            raise SettingError(
                f"which function gives the gradients of {forward}?", fix=f"maplet audit {forward} FILE.py:NAME"
            )
        report = audit_script(existing(forward), seed=options["seed"], language=options["language"])
    else:
        report = _of_functions(forward, backward, **options)
    click.echo(str(report))
    if not report:
        click.get_current_context().exit(1)


def _of_functions(
    forward: str,
    backward: str,
    *,
    arguments: Sequence[str],
    loss: str | None,
    wrt: str | None,
    language: str,
    seed: int,
) -> Report:
    modules: dict[Path, ModuleType] = {}

    def function(source: str) -> tuple[Callable[..., Any], ModuleType, Path]:
        place, _, name = source.rpartition(":")
        if not place or not name:
            raise SettingError(f"{source} is no function of a file", fix="FILE.py:NAME")
        path = existing(place)
        module = modules.setdefault(path, modules.get(path) or loaded(path))
        found = named(module, name, path)
        if not callable(found):
            raise SettingError(f"{name} of {path} is {type(found).__name__}, not a function")
        return found, module, path

    first, module, path = function(forward)
    second, *_ = function(backward)
    rng = np.random.default_rng(seed)
    names = arguments or _parameters(first)
    given = [_argument(text, module, path, rng) for text in names]
    return audit_functions(
        first,
        second,
        *given,
        loss=named(module, loss, path) if loss else None,
        wrt=wrt.split(",") if wrt else None,
        language=language,
        seed=seed,
    )


def _parameters(function: Callable[..., Any]) -> list[str]:
    return [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]


def _argument(text: str, module: ModuleType, path: Path, rng: np.random.Generator) -> Any:
    """An object of the file, or a random array of a type."""
    if "[" not in text:
        if hasattr(module, text.split(".", maxsplit=1)[0]):
            return named(module, text, path)
        raise SettingError(
            f"{path} has nothing that is called {text}",
            fix=f"define it there, or say what it is, in order: --arg f64[5,3] (an array), --arg {text} (a name)",
        )
    try:
        kind = Reader(text).array_type()
    except GraphError as error:
        raise SettingError(f"--arg {text} is no type of an array: {error.message}", fix="such as f64[5,3]") from error
    if kind.dtype.kind == "f":
        return rng.standard_normal(kind.shape).astype(kind.dtype)
    return rng.integers(0, 2, kind.shape).astype(kind.dtype)
