"""Where in the user's code something happens."""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np

from maplet.core.context import package_folder


class Line(NamedTuple):
    """A line of the user's code, outermost first where one function calls another."""

    function: str
    file: str
    number: int


numpy_folder = np.__path__[0]


def user_lines() -> tuple[tuple[Line, ...], tuple[int, ...]]:
    """The lines of the user's code that are being run, outermost first; and at which place of each."""
    found: list[Line] = []
    places: list[int] = []
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (as in maplet.core.context)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(package_folder):
            if found:
                break
        elif not file.startswith((numpy_folder, "<")):
            places.append(frame.f_lasti)
            found.append(Line(frame.f_code.co_name, file, frame.f_lineno))
        frame = frame.f_back
    return tuple(reversed(found)), tuple(reversed(places))
