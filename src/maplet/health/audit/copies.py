"""Containers and objects of the user's: copied with other arrays in them, and searched for arrays."""

# What a program of a user's holds may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import Array
from maplet.errors import GradientError
from maplet.health.audit.foreign import is_foreign, numbers_of
from maplet.health.audit.tape import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Tree = Any
_own_package = __name__.rpartition(".")[0]  # the recorder, which stands where the user's file has NumPy


def is_array(value: Any) -> bool:
    """An array or a number, recorded or not."""
    known = isinstance(value, Recorded | np.ndarray | np.generic | float | int) and not isinstance(value, bool)
    return known or is_foreign(value)


def plain(value: Any) -> Any:
    """The numbers behind an array."""
    return np.asarray(value.value) if isinstance(value, Recorded) else numbers_of(value)


class Copy:
    """Arguments as the run sees them: their arrays and floats replaced, lists, dicts and objects copied."""

    def __init__(self, enter: Callable[[Any, str], Any]) -> None:
        self.enter = enter
        self.memo: dict[int, Any] = {}

    def tree(self, tree: Tree, name: str) -> Tree:
        """A copy; what stands in two places is copied once."""
        if id(tree) in self.memo:
            return self.memo[id(tree)]
        found = self._fresh(tree, name)
        if not isinstance(tree, int | str | type(None)):
            self.memo[id(tree)] = found
        return found

    def _fresh(self, tree: Tree, name: str) -> Tree:
        if isinstance(tree, np.ndarray | np.floating) or type(tree) is float or is_foreign(tree):
            return self.enter(tree, name) if _is_real(numbers_of(tree), name) else tree
        if isinstance(tree, list | tuple) and _are_numbers(tree):  # a vector or matrix that is written as a list
            return self.enter(np.asarray(tree, np.float64), name)
        if isinstance(tree, complex):
            _is_real(np.asarray(tree), name)
        if isinstance(tree, dict):
            return {key: self.tree(value, joined(name, key)) for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            items = [self.tree(value, joined(name, n)) for n, value in enumerate(tree)]
            return items if isinstance(tree, list) else tuple(items)
        if _is_plain_object(tree):
            twin = self.memo[id(tree)] = object.__new__(type(tree))
            vars(twin).update({key: self.tree(value, joined(name, key)) for key, value in vars(tree).items()})
            return twin
        return tree


def _is_real(numbers: Any, name: str) -> bool:
    if numbers.dtype.kind == "c":
        raise GradientError(
            f"{name or 'an argument'} is complex ({numbers.dtype}); gradients of real numbers are audited",
            fix="give the real and the imaginary part as two arguments",
        )
    if numbers.dtype.kind == "O" and any(isinstance(one, int | float | np.ndarray) for one in numbers.flat):
        raise GradientError(
            f"{name or 'an argument'} is an array of objects (dtype object); one of numbers was expected",
            fix="give numbers as x.astype(float), and arrays of several shapes as a list",
        )
    return numbers.dtype.kind in "fiub"


def _are_numbers(tree: Any) -> bool:
    """Whether a list, or one of lists of one length, holds numbers of which one has a point."""
    entries = list(_entries(tree))
    if not any(type(one) is float for one in entries) or not all(type(one) in (float, int) for one in entries):
        return False
    return len(entries) > 1 and _shape_of(tree) is not None


def _entries(tree: Any) -> Iterator[Any]:
    for one in tree:
        if isinstance(one, list | tuple):
            yield from _entries(one)
        else:
            yield one


def _shape_of(tree: Any) -> tuple[int, ...] | None:
    """The shape of nested lists; None where they are ragged."""
    if not isinstance(tree, list | tuple):
        return ()
    shapes = {_shape_of(one) for one in tree}
    return None if len(shapes) != 1 or None in shapes else (len(tree), *(shapes.pop() or ()))


def joined(name: str, key: object) -> str:
    """The path of a part: ``layers.0.W``."""
    return f"{name}.{key}" if name else str(key)


def _is_plain_object(tree: Any) -> bool:
    """An object of a class of the user's own."""
    kinds = type | types.ModuleType | types.FunctionType | types.MethodType | Array | np.random.Generator
    if type(tree).__module__.startswith(_own_package):
        return False
    return hasattr(tree, "__dict__") and not isinstance(tree, kinds) and not callable(getattr(tree, "__array__", None))


def arrays_in(tree: Any, name: str = "", seen: set[int] | None = None) -> list[tuple[str, Any]]:
    """Every array that an object holds by now, with its path."""
    seen = set() if seen is None else seen
    if isinstance(tree, Recorded | np.ndarray | np.floating) or is_foreign(tree):
        return [(name, tree)]
    if id(tree) in seen or isinstance(tree, str | int | type(None)):
        return []
    seen.add(id(tree))
    items: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(tree, dict):
        items = iter(tree.items())
    elif isinstance(tree, list | tuple):
        items = enumerate(tree)
    elif _is_plain_object(tree):
        items = iter(vars(tree).items())
    return [found for key, value in items for found in arrays_in(value, joined(name, key), seen)]


def numbers_in(tree: Any, name: str = "", depth: int = 3) -> list[tuple[str, float]]:
    """Every plain number among variables, and in the dicts and objects that they hold, with its path."""
    if type(tree) in (int, float, np.float64) or (isinstance(tree, Recorded) and np.ndim(tree.value) == 0):
        return [(name, float(plain(tree)))]
    items = tree.items() if isinstance(tree, dict) else vars(tree).items() if _is_plain_object(tree) else ()
    return [found for key, value in items for found in numbers_in(value, joined(name, key), depth - 1)] if depth else []
