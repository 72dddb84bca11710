"""``maplet ir``: a function at each stage on its way to machine code."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import numpy as np

from maplet import optim
from maplet.cli.files import existing, loaded, named, of_user
from maplet.core.array import from_value
from maplet.core.reading import Reader
from maplet.core.recording import trace
from maplet.core.types import ArrayType, default_int
from maplet.errors import CheckpointError, GraphError, MapletError, SettingError
from maplet.nn.architecture import build
from maplet.nn.losses import losses
from maplet.train.reading import batch_size, input_shape, read_config
from maplet.train.stepping import Stepping
from maplet.train.storage import damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from maplet.core.array import Array

stages = ("graph", "fused", "loops", "llvm", "asm")
is_type = re.compile(r"(bool|[fiu]\d+)\[.*")
our_line = re.compile(r"( · |   # )core\.py:\d+(?= · |$)", re.MULTILINE)  # click's, which called what stands in a run


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option("--stage", type=click.Choice(stages), default="fused", show_default=True, help="How far on the way.")
@click.option(
    "--arg",
    "arguments",
    multiple=True,
    metavar="TYPE|NAME|NUMBER",
    help="An argument, in order: an array's type, a name of the file (a module, an optimizer), or a number.",
)
def ir(source: str, stage: str, arguments: tuple[str, ...]) -> None:
    """Print what SOURCE is on its way from Python to machine code.

    SOURCE is a function of a file, FILE.py:FUNCTION, or a run directory, of which the training step is shown. The
    file is run, as Python would; the function is only recorded.

    \b
    maplet ir net.py:step --arg net --arg optimizer --arg f32[128,784] --arg i64[128]
    maplet ir runs/digits --stage loops

    Stages: graph, the operations; fused, what is computed in which nest and what is stored; loops, the kernels; llvm
    and asm, the same in LLVM's language and in that of the CPU.
    """  # noqa: D301  (\b is how click keeps lines apart)
    if Path(source).is_dir():
        if arguments:
            raise SettingError("--arg: a run directory knows what its training step is given", fix="leave it out")
        function, given = training_step(Path(source))
        click.echo(our_line.sub("", _text(stage, function, given)))
        return
    function, given = _of_file(source, arguments)
    click.echo(_text(stage, function, given))


def _text(stage: str, function: Callable[..., Any], given: Sequence[Any]) -> str:
    try:
        from maplet.compiler.stages import stage_text  # noqa: PLC0415  (no other command needs a compiler)
    except ImportError as error:
        raise SettingError(f"the compiler cannot be loaded: {error}", fix="pip install llvmlite") from error
    with of_user(getattr(function, "__name__", "the function")):
        return stage_text(stage, function, *given).rstrip("\n")


# ── functions in files ───────────────────────────────────────────────────────────────────────────


def _of_file(source: str, arguments: Sequence[str]) -> tuple[Callable[..., Any], list[Any]]:
    place, _, name = source.rpartition(":")
    if not place or not name:
        raise SettingError(
            f"{source} is neither a run directory nor a function of a file", fix="maplet ir file.py:function --arg …"
        )
    path = existing(place)
    module = loaded(path)
    function = named(module, name, path)
    if not callable(function):
        raise SettingError(f"{name} of {path} is {type(function).__name__}, not a function")
    return function, [_argument(text, module, path) for text in arguments]


def _argument(text: str, module: ModuleType, path: Path) -> Any:
    """An array of a type, an object of the file, or a number."""
    if is_type.fullmatch(text):
        try:
            reader = Reader(text)
            kind = reader.array_type()
            if reader.at < len(text):
                raise reader.wrong("there is text behind it", 1)
        except GraphError as error:
            why = error.message.partition("text: ")[2]
            raise SettingError(f"--arg {text} is no type of an array: {why}", fix="such as f32[128,784]") from error
        return array_of(kind)
    try:
        number = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return named(module, text, path)
    return number


def array_of(kind: ArrayType) -> Array:
    """An array of a type that takes no memory: nobody looks at its values."""
    return from_value(np.broadcast_to(np.zeros((), kind.dtype), kind.shape))


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


def training_step(path: Path) -> tuple[Callable[..., Any], list[Any]]:
    """The step that a run iterates, and arguments of the types that it was given."""
    config = read_config(path)
    try:
        size, shape = batch_size(config, path / "config.json"), input_shape(config, path / "config.json")
        if not shape or config["loss"] not in losses:
            raise CheckpointError(
                f"{path} was trained with a loss or with inputs that only your own program has",
                fix="write the step as a function: maplet ir file.py:step",
            )
        net = build(cast("dict[str, Any]", config["network"]), initialize=False)
        optimizer = optim.build(config["optimizer"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, MapletError):
            raise
        raise damaged(path / "config.json", repr(error)) from error
    net.train()
    optimizer.init(net)
    x = array_of(ArrayType((size, *shape[1:]), next(iter(net.parameters().values())).dtype))
    given = trace(net, x).outputs[0].array_type
    y = array_of(ArrayType((size,), default_int) if config["loss"] == "cross_entropy" else given)
    return Stepping(net, optimizer, losses[config["loss"]]).programs["step"], [net, optimizer, x, y, None]
