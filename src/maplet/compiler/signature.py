"""What decides whether a compiled function fits a call: the structure of its arguments, types, and static values.

What the function reaches from outside counts like an argument: the variables of its closure, its global names, the
attributes of its ``self``, and those of the functions that it calls in turn.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.tree import Stateful, children

if TYPE_CHECKING:
    from collections.abc import Sequence

plain: Any = (bool, int, float, str, bytes, type(None), complex, np.dtype)
opaque = (ModuleType, type, BuiltinFunctionType, np.ndarray, np.generic)
libraries = ("maplet", "numpy", "functools", "builtins")


class Flat:
    """Trees laid out flat: their arrays and objects, each once, and a key that tells all the rest.

    Two calls with equal keys run the same program.
    """

    def __init__(self, trees: Sequence[Any]) -> None:
        self.arrays: list[Array] = []
        self.objects: list[Stateful] = []
        self.counts: list[int] = []  # in how many places each array stands
        self.kept: list[Any] = []  # what the key knows by its identity, which nothing else may take meanwhile
        self.containers: list[Any] = []  # the lists and dicts, whose changes nobody reports
        self.cells: list[tuple[Any, Any]] = []  # the variables of closures, and what they hold
        self.names: list[tuple[dict[str, Any], str, Any]] = []  # the global names, and what they stand for
        self._numbers: dict[int, int] = {}
        self._met: dict[int, int] = {}
        tokens: list[Any] = []
        for tree in trees:
            self._walk(tree, tokens)
        self.types = tuple([array.type for array in self.arrays])
        self.structure = tuple(tokens)
        self.key = (self.structure, self.types)

    def _walk(self, branch: Any, tokens: list[Any]) -> None:
        if isinstance(branch, Array):
            number = self._numbers.get(id(branch))
            if number is None:
                number = self._numbers[id(branch)] = len(self.arrays)
                self.arrays.append(branch)
                self.counts.append(0)
            self.counts[number] += 1
            tokens.append((type(branch), number, getattr(branch, "trainable", None)))
        elif isinstance(branch, plain):
            tokens.append((type(branch), branch if branch == branch else "nan"))  # noqa: PLR0124  (NaN is not itself)
        elif isinstance(branch, Stateful):
            known = self._numbers.get(id(branch))
            if known is not None:
                tokens.append((type(branch), known))
                return
            self._numbers[id(branch)] = len(self.objects)
            self.objects.append(branch)
            tokens.append(type(branch))
            usual = {name: value for kind in reversed(type(branch).__mro__) for name, value in vars(kind).items()}
            for name, child in children(branch):
                if not (isinstance(child, plain) and usual.get(name, self) is child):  # what the class says already
                    tokens.append(name)
                    self._walk(child, tokens)
            tokens.append("end")
        elif id(branch) in self._met:
            tokens.append(self._met[id(branch)])
        else:
            self._met[id(branch)] = len(self._met)
            if isinstance(branch, dict | list | tuple):
                tokens.append((type(cast("object", branch)), len(cast("Sequence[Any]", branch))))
                if not isinstance(branch, tuple):
                    self.containers.append(branch)
                self._below(branch, tokens)
            else:
                self._walk_other(branch, tokens)

    def _below(self, branch: Any, tokens: list[Any]) -> None:
        for name, child in children(branch):
            tokens.append(name)
            self._walk(child, tokens)

    def _walk_other(self, value: Any, tokens: list[Any]) -> None:
        """A function, or an object that is no tree: known by its identity, and by what it reaches."""
        self.kept.append(value)
        tokens.append((type(value), id(value)))
        if isinstance(value, FunctionType):
            if not str(value.__globals__.get("__name__")).startswith(libraries):
                self._walk_function(value, tokens)
            else:
                self._walk_cells(value, tokens)
        elif isinstance(value, MethodType):
            self._walk(value.__self__, tokens)
            self._walk(value.__func__, tokens)
        elif not isinstance(value, opaque) and not type(value).__module__.startswith(("builtins", "numpy")):
            held = getattr(value, "__dict__", None)
            if isinstance(held, dict) and type(value).__name__ != "Jitted":
                self._walk(held, tokens)
            for name in ("func", "args", "keywords", "function"):  # of a partial, of a function that is compiled
                if hasattr(value, name):
                    self._walk(getattr(value, name), tokens)

    def _walk_function(self, function: FunctionType, tokens: list[Any]) -> None:
        self._walk_cells(function, tokens)
        self._walk_names(function.__globals__, names_in(function.__code__), tokens)
        self._walk(function.__defaults__, tokens)
        self._walk(function.__kwdefaults__, tokens)

    def _walk_names(self, space: dict[str, Any], names: set[str], tokens: list[Any]) -> None:
        """The global names, and those of the modules among them: ``settings.net``, ``mp.random.default``."""
        of_library = str(space.get("__name__")).startswith(libraries)
        for name in sorted(name for name in names if name in space):
            value = space[name]
            if isinstance(value, ModuleType):
                if id(value) not in self._met:
                    self._met[id(value)] = len(self._met)
                    self._walk_names(vars(value), names, tokens)
            elif not of_library or isinstance(value, Array | Stateful):
                self.names.append((space, name, value))
                tokens.append(name)
                self._walk(value, tokens)

    def _walk_cells(self, function: FunctionType, tokens: list[Any]) -> None:
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # a variable that has no value yet
                tokens.append("empty")
                continue
            self.cells.append((cell, content))
            self._walk(content, tokens)

    def position(self, array: Array) -> int | None:
        """The number of an array; None if it stands nowhere here."""
        number = self._numbers.get(id(array))
        return number if number is not None and _is_at(self.arrays, number, array) else None

    def object_number(self, found: Stateful) -> int | None:
        """The number of an object; None if it stands nowhere here."""
        number = self._numbers.get(id(found))
        return number if number is not None and _is_at(self.objects, number, found) else None


def _is_at(items: Sequence[Any], number: int, wanted: object) -> bool:
    return number < len(items) and items[number] is wanted


def names_in(code: Any) -> set[str]:
    """The global names that some code may ask for, functions inside it included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            names |= names_in(constant)
    return names
