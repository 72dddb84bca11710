"""What this thread is doing: which trace is recording, inside which layer, at which line of the user's code."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator

    from maplet.core.trace import Trace

package_folder = str(Path(__file__).resolve().parents[1]) + os.sep


class Layer(Protocol):
    """Whatever can be entered as a layer: it can name the layers that it holds."""

    def name_of(self, child: object) -> str:
        """The attribute path under which ``child`` stands."""
        ...


class _Thread(threading.local):
    """The trace that records now, and the layers that are being called, outermost first."""

    trace: Trace | None = None

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.paths: list[str] = []  # of the layers, found when first asked for


thread = _Thread()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node came from: the user's line, the layer, and for inputs their name.

    Kept beside the graph and out of equality, so that two users' equal programs are equal.
    """

    file: str = ""
    line: int = 0
    layer: str = ""
    name: str = ""

    def __str__(self) -> str:
        place = f"{Path(self.file).name}:{self.line}" if self.file else ""
        return " · ".join(part for part in (self.layer, place) if part)


def user_line() -> tuple[str, int]:
    """File and line of the innermost frame that is not maplet's own."""
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (the traceback module does the same at twenty times the cost)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(package_folder):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "", 0


def layer_path() -> str:
    """The dotted path of the layer that is being called, such as ``encoder.layers.0``; empty outside any."""
    layers, paths = thread.layers, thread.paths
    for depth in range(len(paths), len(layers)):
        name = layers[depth - 1].name_of(layers[depth]) if depth else ""
        paths.append(f"{paths[-1]}.{name}" if depth > 1 else name)
    return paths[-1] if paths else ""


def here(name: str = "") -> Origin:
    """The origin of whatever is made now."""
    file, line = user_line()
    return Origin(file, line, layer_path() if thread.layers else "", name)


@contextmanager
def entered(layer: Layer) -> Generator[None]:
    """Call a layer: everything recorded meanwhile belongs to it."""
    thread.layers.append(layer)
    try:
        yield
    finally:
        thread.layers.pop()
        del thread.paths[len(thread.layers) :]
