"""What this thread is doing: which trace is recording, inside which layer, at which line of the user's code."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, cast

from maplet.errors import MapletError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from maplet.core.trace import Trace

F = TypeVar("F", bound="Callable[..., Any]")

package_folder = str(Path(__file__).resolve().parents[1]) + os.sep


class Layer(Protocol):
    """Whatever can be entered as a layer: it can name the layers that it holds."""

    def name_of(self, child: object) -> str:
        """The attribute path under which ``child`` stands."""
        ...


class _Thread(threading.local):
    """The trace that records now, and the layers that are being called, outermost first."""

    trace: Trace | None = None
    begun: list[tuple[Any, Any]] | None = (
        None  # optimizers that begin while `jit` records (else None), and what they will move
    )
    watch: Callable[..., None] | None = None  # is shown every value that is computed; see `maplet.transforms.debug`

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.names: list[str] = []  # of the layers in the one around, found when first asked for
        self.expected: list[tuple[FrameType, dict[str, Any]]] = []  # what `expect` has bound, by call of a function


thread = _Thread()


class Derivation(NamedTuple):
    """How a derivative came to be: by the pullback of an operation (reverse mode), or as its tangent (forward mode)."""

    kind: Literal["pullback", "tangent"]
    operation: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.operation}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node came from. Kept beside the graph and out of equality, so that two users' equal programs are equal.

    Parameters
    ----------
    file, line
        The user's line.
    layers
        The layers that were being called, outermost first, each by its path in the one around it.
    name
        For inputs, their name.
    derivations
        For a node that a derivative made, of which operation it is the pullback or the tangent; if that was itself
        made by a derivative, the operation behind that one follows. The last is the one that the user wrote. Empty in
        the forward pass.
    trainable
        For inputs, whether a trainable parameter stands behind them.
    guard
        "inside" where elements that are infinite or NaN are taken out again behind it (see `transforms/masks`); "end"
        where that is done.
    """

    file: str = ""
    line: int = 0
    layers: tuple[str, ...] = ()
    name: str = ""
    derivations: tuple[Derivation, ...] = ()
    trainable: bool = False
    guard: Literal["", "inside", "end"] = ""

    @property
    def layer(self) -> str:
        """The dotted path of the layer, such as ``encoder.layers.0``; empty outside any."""
        return ".".join(self.layers)

    @property
    def rule(self) -> str:
        """Which derivative made the node: ``pullback of sqrt``; empty in the forward pass."""
        return " of ".join(str(made) for made in self.derivations if made.operation)

    @property
    def order(self) -> int:
        """0 in the forward pass, where tangents stand too; 1 in the backward pass, 2 in the backward pass of that."""
        return sum(made.kind == "pullback" for made in self.derivations)

    def pulled_back(self, operation: str) -> Origin:
        """The origin of what the pullback of this node's operation makes."""
        return replace(self, derivations=(Derivation("pullback", operation), *self.derivations))

    def pushed_forward(self, operation: str) -> Origin:
        """The origin of what computes the tangent of this node."""
        return replace(self, derivations=(Derivation("tangent", operation), *self.derivations))

    def __str__(self) -> str:
        place = f"{Path(self.file).name}:{self.line}" if self.file else ""
        return " · ".join(part for part in (self.rule, self.layer, place) if part)


def user_line() -> tuple[str, int]:
    """File and line of the innermost frame that is not maplet's own."""
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (the traceback module does the same at twenty times the cost)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(package_folder):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "", 0


def layer_names() -> tuple[str, ...]:
    """The layers that are being called, each by its path in the one around it; the outermost has none."""
    layers, names = thread.layers, thread.names
    for depth in range(len(names) + 1, len(layers)):
        names.append(layers[depth - 1].name_of(layers[depth]))
    return tuple(names)


def here(name: str = "") -> Origin:
    """The origin of whatever is made now."""
    file, line = user_line()
    return Origin(file, line, layer_names() if thread.layers else (), name)


def transform_origin() -> Origin | None:
    """Where the transform that is running says that its nodes come from; None where none says so."""
    return thread.trace.origin if thread.trace is not None else None


def located(function: F) -> F:
    """A function whose errors say in which line of the user's code it was called."""

    @wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except MapletError as error:
            locate(error)
            raise

    return cast("F", calling)


def locate(error: MapletError) -> None:
    """Say in an error where it happened, if it does not know: the layer that is being called and the user's line."""
    if error.where is None:
        error.where = str(here()) or None


def within(error: MapletError, part: str) -> None:
    """Add to the place of an error in which part of a computation it was: ``step 3 of 10 of a scan``."""
    error.where = f"{error.where}, in {part}" if error.where else f"in {part}"


@contextmanager
def entered(layer: Layer) -> Generator[None]:
    """Call a layer: everything recorded meanwhile belongs to it."""
    thread.layers.append(layer)
    try:
        yield
    finally:
        thread.layers.pop()
        del thread.names[max(len(thread.layers) - 1, 0) :]
        forget_finished()


def forget_finished() -> None:
    """Let go of what `expect` has bound in functions that have returned, and with it of their local variables."""
    if not thread.expected:
        return
    running: set[FrameType] = set()
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (as in user_line)
    while frame is not None:
        running.add(frame)
        frame = frame.f_back
    thread.expected[:] = [entry for entry in thread.expected if entry[0] in running]
