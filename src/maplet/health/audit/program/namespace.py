"""While a program is recorded, the name ``np`` in its file stands for NumPy and the recorder behind it.

NumPy asks a recorded array before it computes with one, but not when it makes one from nothing: into ``np.zeros(…)`` no
recorded number could be written. So arrays that the program makes are recorded too. Only the globals of the functions
that the user named are touched, and they are put back.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.program.library import Library, is_library
from maplet.health.audit.program.methods import nested
from maplet.health.audit.program.tape import Float, Recorded, Tape, referred, refs, shaped_alike

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from types import CellType, ModuleType

makers = ("zeros", "ones", "empty", "full", "eye", "identity", "array", "asarray", "asfarray", "ascontiguousarray",
          "atleast_1d", "atleast_2d", "zeros_like", "ones_like", "full_like")  # fmt: skip
whole = ("floor", "ceil", "trunc")  # which `math` gives as whole numbers, NumPy as floating ones
missing: Any = object()


class Namespace:
    """NumPy (or `math`) as the user's file sees it while it is recorded."""

    def __init__(self, module: ModuleType, tape: Tape, *, draws: bool = False) -> None:
        self._module = module
        self._tape = tape
        self._draws = draws  # whether random arrays are recorded as well, where they are the parameters of a script

    def __getattr__(self, name: str) -> Any:
        if self._module is math:
            owner = math if name in whole else np
            found = getattr(owner, {"pow": "power"}.get(name, name), getattr(math, name))
        else:
            found = getattr(self._module, name)
        if self._draws and name == "random":
            return _Draws(found, self._tape)
        return self._maker(name, found) if name in makers and self._module is np else found

    def _maker(self, name: str, function: Any) -> Any:
        def make(*args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], Recorded) and name in ("asarray", "ascontiguousarray"):
                return args[0]
            if args and isinstance(args[0], Recorded) and function in shaped_alike:
                return function(*args, **kwargs)
            if any(refs(referred((args, tuple(kwargs.values()))))):
                return self._tape.call(nested if name in ("array", "asarray") else function, args, kwargs)
            made = function(*referred(args), **{key: referred(value) for key, value in kwargs.items()})
            return self._tape.make(made) if isinstance(made, np.ndarray) else made

        return make


def seen_as(found: Any, tape: Tape) -> Any:
    """NumPy, `math`, `numpy.random`, or what was imported out of one of them, as a script sees it."""
    if found is np or found is math:
        return Namespace(found, tape, draws=True)
    if found is np.random:
        return _Draws(found, tape)
    name = getattr(found, "__name__", "")
    if getattr(np.random, name, None) is not None and getattr(np.random, name) == found:
        return getattr(_Draws(np.random, tape), name)
    return next((getattr(Namespace(m, tape), name) for m in (np, math) if getattr(m, name, None) is found), found)


def _drawn(make: Any, tape: Tape, *args: Any) -> _Draws:
    return _Draws(make(*args), tape)


class _Draws:
    """`np.random`, or a generator of it, whose arrays are recorded."""

    def __init__(self, source: Any, tape: Tape) -> None:
        self._source = source
        self._tape = tape

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._source, name)
        if name in ("default_rng", "RandomState"):
            return partial(_drawn, found, self._tape)
        if not callable(found):
            return found

        def draw(*args: Any, **kwargs: Any) -> Any:
            made = found(*args, **kwargs)
            return self._tape.enter(made) if isinstance(made, np.ndarray) else made

        return draw


@contextmanager
def recording(functions: Iterable[Any], tape: Tape) -> Generator[None]:
    """Let the files in which some functions stand see NumPy through the recorder, and maplet and PyTorch as well."""
    spaces = {id(space): space for space in map(globals_of, functions) if space is not None}
    before: list[tuple[dict[str, Any], str, Any]] = []
    for space in spaces.values():
        for name, value in list(space.items()):
            if value is np or value is math:
                before.append((space, name, value))
                space[name] = Namespace(value, tape)
            elif is_library(value):
                before.append((space, name, value))
                space[name] = Library(value, Namespace(np, tape))
        before.append((space, "float", space.get("float", missing)))
        space["float"] = Float
    cells = [cell for function in functions for cell in _cells(function) if is_library(_content(cell))]
    modules = [cell.cell_contents for cell in cells]
    for cell, module in zip(cells, modules, strict=True):
        cell.cell_contents = Library(module, Namespace(np, tape))
    try:
        yield
    finally:
        for cell, module in zip(cells, modules, strict=True):
            cell.cell_contents = module
        for space, name, value in before:
            if value is missing:
                space.pop(name, None)
            else:
                space[name] = value


def globals_of(function: Any) -> dict[str, Any] | None:
    """The globals that a function reads: those of the file where it stands."""
    function = getattr(function, "__func__", function)
    function = getattr(function, "__wrapped__", function)
    return getattr(function, "__globals__", None)


def _cells(function: Any) -> Sequence[CellType]:
    """The variables around a function that it reads."""
    return getattr(getattr(function, "__func__", function), "__closure__", None) or ()


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # set later
        return None
