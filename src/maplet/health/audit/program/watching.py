"""To see what functions do when they return, also while a profiler is at work."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType


@contextmanager
def watching(note: Callable[[FrameType, str, Any], object]) -> Generator[None]:
    """Call a function for each event that `sys.setprofile` tells of; afterwards it is as before.

    A profiler that is written in C, as cProfile up to Python 3.11, is no function that could be set again: it rests
    meanwhile.
    """
    before = sys.getprofile()
    rest, resume = (None if callable(before) else getattr(before, name, None) for name in ("disable", "enable"))
    if rest is not None:
        rest()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before if resume is None else None)
        if resume is not None:
            resume()
