"""``maplet explain``: every step of backpropagation, of a run, of a function in a file, or of an expression."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from maplet.cli.files import existing, loaded, named, of_user
from maplet.cli.language import language
from maplet.cli.output import require_place
from maplet.cli.runs import read_of_run, trained_on
from maplet.data.output import write_output
from maplet.errors import SettingError
from maplet.explain.derivation import explained
from maplet.explain.derive import Gradients
from maplet.explain.expressions import expression_of, require_small, setting
from maplet.explain.reference import page as page_of_operations
from maplet.health.codes import rule_of
from maplet.messages import suggest
from maplet.train.explaining import derivation_of
from maplet.train.reading import read_config
from maplet.train.run import load

if TYPE_CHECKING:
    from maplet.explain.derivation import Derivation

formats = ("text", "latex", "mermaid", "html", "formulas", "numpy")
is_function = re.compile(r".+\.py:[\w.]+")
is_code = re.compile(r"M[LD]\d{3}")
is_entry = re.compile(r"(.+)\[([\d,\s]+)\]")
is_inside = re.compile(r"(.+?)(?:\[(-?\d+)\])?")
usage = 'maplet explain runs/digits, file.py:loss, or "mse(x @ w, y)" --set x=…'


@click.command()
@click.argument("source", required=False, metavar="[SOURCE]")
@click.option("--row", type=int, help="Of a run: the row of the test part, from 0.  [default: 0]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="An argument: x=[[1,2]], or y:int=[0,1].")
@language
@click.option("--format", type=click.Choice(formats), help="[default: text]")
@click.option("--entry", metavar="NAME[0,1]", help="Only how this one element comes to its value and gradient.")
@click.option(
    "--inside", metavar="NAME[3]", help="What happens inside a loop (its step 3), a branch, a function called."
)
@click.option("--unfold", metavar="LAYER|all", help="Show the steps of a folded layer, or all of them.")
@click.option("--step", type=float, metavar="RATE", help="One step of gradient descent instead.")
@click.option(
    "--names", metavar="NAME,…", help="What --step moves, or formulas are of.  [default: parameters; else every input]"
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file.  [default: standard output]")
@click.option("--operations", is_flag=True, help="The page of all operations and their derivatives.")
def explain(source: str | None, *, language: str, output: Path | None, operations: bool, **options: Any) -> None:
    """Show every step of backpropagation through SOURCE.

    SOURCE is a run directory, whose network is explained on one row of its test data; a function of a file,
    FILE.py:FUNCTION, whose parameters are found by name among the file's own variables or given by --set (where none
    is, and all have defaults, it is explained at these); an expression of maplet's operations; or a rule of the lint or
    the doctor, such as ML003. The formats formulas and numpy give the gradients alone, simplified.

    \b
    maplet explain runs/penguins --row 3 --format html -o row3.html
    maplet explain net.py:loss --format numpy
    maplet explain net.py:loss --inside v1[0]
    maplet explain "mse(sigmoid(x @ w + b), y)" --set x=[[1,2]] --set w=[[1],[-1]] --set b=0 --set y=[[1]]
    maplet explain "mse(x @ w, y)" --set x=[[1,2]] --set w=[[1],[-1]] --set y=[[1]] --step 0.1 --names w
    maplet explain ML003
    """  # noqa: D301  (\b is how click keeps lines apart)
    if operations:
        _no_other("--operations", source=source, **options)
        text = page_of_operations(language).rstrip("\n")
    elif source is None:
        raise SettingError("what is to be explained?", fix=usage)
    elif is_code.fullmatch(source) and not _is_directory(source):
        _no_other(source, **options)
        text = f"{source}\n\n{rule_of(source).section(language)}"
    else:
        text = _explained(source, language, output, **options)
    if output is None:
        click.echo(text)
    else:
        write_output(output, text + "\n")


def _explained(
    source: str, language: str, output: Path | None, *, row: int | None, settings: tuple[str, ...], inside: str | None,
    **view: Any,
) -> str:  # fmt: skip
    given = _given(settings)
    of_file, of_run = is_function.fullmatch(source) is not None, _is_directory(source)
    if output is not None:
        read = [Path(source.rpartition(":")[0])] if of_file else read_of_run(Path(source)) if of_run else []
        require_place(output, read)
    if row is not None and (of_file or not of_run):
        raise SettingError(f"--row {row}: only a run has rows", fix="--set gives the arguments of anything else")
    if of_file:
        derivation = _of_file(source, given, language)
    elif of_run:
        derivation = _of_run(Path(source), row or 0, given, language)
    else:
        derivation = _of_expression(source, given, language)
    if inside is not None:
        found = is_inside.fullmatch(inside)
        name, step = found.groups() if found else (inside, None)
        derivation = derivation.inside(name, None if step is None else int(step))
    return _shown(derivation, **view)


def _given(settings: tuple[str, ...]) -> dict[str, Any]:
    """The arguments that --set gives, each once."""
    given: dict[str, Any] = {}
    for text in settings:
        name, array = setting(text)
        if name in given:
            raise SettingError(f"--set {text}: {name} is given twice", fix="leave one of both out")
        given[name] = array
    return given


def _is_directory(source: str) -> bool:
    """Whether there is a directory of that name; a long expression is no name at all."""
    try:
        return Path(source).is_dir()
    except (OSError, ValueError):
        return False


def _shown(
    derivation: Derivation, *, format: str | None, entry: str | None, unfold: str | None, step: float | None,
    names: str | None,
) -> str:  # fmt: skip
    chosen = None if names is None else [name.strip() for name in names.split(",") if name.strip()]
    if step is not None:
        _no_other("--step", format=format, entry=entry, unfold=unfold)
        return derivation.descend(step, chosen).text()
    if format in ("formulas", "numpy"):
        _no_other(f"--format {format}", entry=entry, unfold=unfold)
        gradients = Gradients(derivation, chosen)
        return gradients.text() if format == "formulas" else gradients.numpy().rstrip("\n")
    if names is not None:
        raise SettingError(f"--names {names}: all gradients are shown", fix=f"--step 0.1 --names {names}")
    if entry is not None:
        _no_other("--entry", format=format, unfold=unfold)
        return derivation.text(entry=_entry(entry))
    opened = True if unfold == "all" else unfold or False
    return cast("str", getattr(derivation, format or "text")(unfold=opened))


def _entry(text: str) -> tuple[str, tuple[int, ...]]:
    """``hidden.weight[0,1]`` as its name and its place."""
    found = is_entry.fullmatch(text)
    places = [place.strip() for place in found[2].split(",")] if found else [""]
    if found is None or not all(place.isdecimal() for place in places):
        raise SettingError(
            f"--entry {text}: expected one element of an array", fix="such as --entry hidden.weight[0,1]"
        )
    return found[1], tuple(map(int, places))


def _no_other(what: str, **options: Any) -> None:
    """Refuse options that have no meaning beside another, instead of leaving them out of account."""
    for name, value in options.items():
        if value not in (None, ()):
            called = "--set" if name == "settings" else name if name == "source" else f"--{name}"
            raise SettingError(f"{what} does not go with {called}", fix="leave one of both out")


# ── an expression, a function of a file ──────────────────────────────────────────────────────────


def _of_expression(text: str, given: dict[str, Any], language: str) -> Derivation:
    if text.endswith(".py") or text.startswith(("./", "/", "~", "runs/")):
        raise SettingError(f"{text} is no run directory, no function of a file and no expression", fix=usage)
    names, function = expression_of(text)
    _require(names, given, f"the expression {text}")
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  (functions have one, if they are given one)
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    )
    arrays = [given[name] for name in names]
    require_small(function, arrays)
    return explained(function, arrays, language=language, has_lines=False)


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
        usual = {p.name: p.default for p in parameters if p.name in needed and p.default is not p.empty}
        known = {name: getattr(module, name) for name in needed if hasattr(module, name)} | given
        if needed and not known and len(usual) == len(needed):  # the point that the function itself names
            known = usual
        asked = [n for n, name in enumerate(needed) if name in known or name not in usual]
        names = needed[: asked[-1] + 1] if asked else []
        known = {name: usual[name] for name in names if name in usual} | known
        _require(names, known, source)
        return explained(function, [known[name] for name in names], language=language)


def _require(names: list[str], given: dict[str, Any], what: str) -> None:
    unknown = [name for name in given if name not in names]
    if unknown:
        raise SettingError(
            f"--set {unknown[0]}: {what} takes no {unknown[0]}", fix=suggest(unknown[0], names, kind="names")
        )
    missing = [name for name in names if name not in given]
    if missing:
        raise SettingError(
            f"{what} needs a value for {', '.join(missing)}", fix=" ".join(f"--set {name}=…" for name in missing)
        )


# ── a run ────────────────────────────────────────────────────────────────────────────────────────


def _of_run(path: Path, row: int, given: dict[str, Any], language: str) -> Derivation:
    """The loss of a run's network on one row of its test part."""
    if given:
        raise SettingError(f"--set {next(iter(given))}: a run has its own net and rows", fix="--row chooses among them")
    read_config(path)  # what is no run at all is told first
    net = load(path).net
    problem, config = trained_on(path, net, language)
    x, y = problem.test if len(problem.test[1]) else problem.validation
    if not 0 <= row < len(y):
        raise SettingError(f"--row {row}: the test part has {len(y)} rows", fix=f"a number from 0 to {len(y) - 1}")
    rows = slice(row, row + 1)
    return derivation_of(net, config["loss"], x[rows], y[rows], language, columns=problem.preprocessing.columns)
