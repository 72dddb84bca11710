"""``maplet explain``: every step of backpropagation, of a run, of a function in a file, or of an expression."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from maplet.cli.files import existing, loaded, named, of_user
from maplet.cli.language import language
from maplet.cli.runs import trained_on
from maplet.errors import DataError, SettingError
from maplet.explain.derivation import explained
from maplet.explain.derive import Gradients
from maplet.explain.expressions import expression_of, setting
from maplet.explain.reference import page as page_of_operations
from maplet.train.explaining import derivation_of
from maplet.train.reading import read_config
from maplet.train.run import load

if TYPE_CHECKING:
    from maplet.explain.derivation import Derivation

formats = ("text", "latex", "mermaid", "html", "formulas", "numpy")
is_function = re.compile(r".+\.py:[\w.]+")
is_entry = re.compile(r"(.+)\[([\d,\s]+)\]")
is_inside = re.compile(r"(.+?)(?:\[(-?\d+)\])?")
usage = 'maplet explain runs/digits, file.py:loss, or "mse(x @ w, y)" --set x=…'


@click.command()
@click.argument("source", required=False, metavar="[SOURCE]")
@click.option("--row", type=int, help="Of a run: the row of the test part, from 0.  [default: 0]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="An argument: x=[[1,2]], or y:int=[0,1].")
@language
@click.option("--format", "kind", type=click.Choice(formats), default="text", show_default=True)
@click.option("--entry", metavar="NAME[0,1]", help="Only how this one element comes to its value and gradient.")
@click.option(
    "--inside", metavar="NAME[3]", help="What happens inside a loop (its step 3), a branch, a function called."
)
@click.option("--unfold", metavar="LAYER|all", help="Show the steps of a folded layer, or all of them.")
@click.option("--step", "learning_rate", type=float, metavar="RATE", help="One step of gradient descent instead.")
@click.option("--move", metavar="NAME,…", help="What --step moves.  [default: parameters; if none, every input]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file.  [default: standard output]")
@click.option("--operations", is_flag=True, help="The page of all operations and their derivatives.")
def explain(
    *, source: str | None, row: int | None, settings: tuple[str, ...], language: str, output: Path | None, operations: bool,
    inside: str | None, **view: Any,
) -> None:  # fmt: skip
    """Show every step of backpropagation through SOURCE.

    SOURCE is a run directory, whose network is explained on one row of its test data; a function of a file,
    FILE.py:FUNCTION, whose parameters are found by name among the file's own variables or given by --set; or an
    expression of maplet's operations. The formats formulas and numpy give the gradients alone, simplified.

    \b
    maplet explain runs/penguins --row 3 --format html -o row3.html
    maplet explain net.py:loss --format numpy
    maplet explain net.py:loss --inside v1[0]
    maplet explain "mse(sigmoid(x @ w + b), y)" --set x=[[1,2]] --set w=[[1],[-1]] --set b=0 --set y=[[1]]
    maplet explain "mse(x @ w, y)" --set x=[[1,2]] --set w=[[1],[-1]] --set y=[[1]] --step 0.1 --move w
    """  # noqa: D301  (\b is how click keeps lines apart)
    if operations:
        if source is not None:
            raise SettingError(
                f"--operations is a page of its own, and {source} is not read", fix="leave one of both out"
            )
        _write(page_of_operations().rstrip("\n"), output)
        return
    if source is None:
        raise SettingError("what is to be explained?", fix=usage)
    given = dict(map(setting, settings))
    of_file, of_run = is_function.fullmatch(source) is not None, _is_directory(source)
    if output is not None:
        read = [source.rpartition(":")[0]] if of_file else _files_of_run(Path(source)) if of_run else []
        require_writable(output, map(Path, read))
    if row is not None and not (of_run and not of_file):
        raise SettingError(f"--row {row}: only a run has rows", fix="--set gives the arguments of anything else")
    if of_file:
        derivation = _of_file(source, given, language)
    else:
        derivation = (
            _of_run(Path(source), row or 0, given, language) if of_run else _of_expression(source, given, language)
        )
    if inside is not None:
        found = is_inside.fullmatch(inside)
        name, step = found.groups() if found else (inside, None)
        derivation = derivation.inside(name, None if step is None else int(step))
    _write(_shown(derivation, **view), output)


def _is_directory(source: str) -> bool:
    """Whether there is a directory of that name; a long expression is no name at all."""
    try:
        return Path(source).is_dir()
    except (OSError, ValueError):
        return False


def _shown(
    derivation: Derivation, kind: str, entry: str | None, unfold: str | None, learning_rate: float | None,
    move: str | None,
) -> str:  # fmt: skip
    if learning_rate is not None:
        names = None if move is None else [name.strip() for name in move.split(",") if name.strip()]
        return derivation.descend(learning_rate, names).text()
    if move is not None:
        raise SettingError(f"--move {move}: nothing is moved without --step", fix=f"--step 0.1 --move {move}")
    if kind in ("formulas", "numpy"):
        gradients = Gradients(derivation, None)
        return gradients.text() if kind == "formulas" else gradients.numpy().rstrip("\n")
    opened = True if unfold == "all" else unfold or False
    if entry is None:
        return cast("str", getattr(derivation, kind)(unfold=opened))
    found = is_entry.fullmatch(entry)
    if found is None or kind != "text":
        raise SettingError(f"--entry {entry}: expected an element, as text", fix="such as --entry hidden.weight[0,1]")
    return derivation.text(entry=(found[1], tuple([int(n) for n in found[2].split(",") if n.strip()])))


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror}") from error


# ── an expression, a function of a file ──────────────────────────────────────────────────────────


def _of_expression(text: str, given: dict[str, Any], language: str) -> Derivation:
    if text.endswith(".py") or text.startswith(("./", "/", "~", "runs/")):
        raise SettingError(f"{text} is no run directory, no function of a file and no expression", fix=usage)
    names, function = expression_of(text)
    _require(names, given, f"the expression {text}")
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  (functions have one, if they are given one)
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    )
    return explained(function, [given[name] for name in names], language=language, has_lines=False)


def _of_file(source: str, given: dict[str, Any], language: str) -> Derivation:
    place, _, name = source.rpartition(":")
    path = existing(place)
    module = loaded(path)
    function = named(module, name, path)
    if not callable(function):
        raise SettingError(f"{name} of {path} is {type(function).__name__}, not a function")
    with of_user(source):
        parameters = inspect.signature(function).parameters.values()
        needed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        optional = {p.name for p in parameters if p.default is not p.empty}
        known = {name: getattr(module, name) for name in needed if hasattr(module, name)} | given
        names = [name for name in needed if name in known or name not in optional]
        _require(names, known, source)
        return explained(function, [known[name] for name in names], language=language)


def _require(names: list[str], given: dict[str, Any], what: str) -> None:
    missing = [name for name in names if name not in given]
    if missing:
        raise SettingError(
            f"{what} needs a value for {', '.join(missing)}", fix=" ".join(f"--set {name}=…" for name in missing)
        )


# ── a run ────────────────────────────────────────────────────────────────────────────────────────


def _of_run(path: Path, row: int, language: str) -> Derivation:
    """The loss of a run's network on one row of its test part."""
    read_config(path)  # what is no run at all is told first
    net = load(path).net
    problem, config = trained_on(path, net, language)
    x, y = problem.test if len(problem.test[1]) else problem.validation
    if not 0 <= row < len(y):
        raise SettingError(f"--row {row}: the test part has {len(y)} rows", fix=f"a number from 0 to {len(y) - 1}")
    return derivation_of(net, config["loss"], x[row : row + 1], y[row : row + 1], language)
