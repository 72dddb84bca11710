"""Containers and objects of the user's: copied with other arrays in them, and searched for arrays."""

# What a program of a user's holds may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import Array
from maplet.errors import GradientError
from maplet.health.audit.program.foreign import is_foreign, numbers_of
from maplet.health.audit.program.tape import Recorded

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
            return _like(tree, [self.tree(value, joined(name, key)) for key, value in _items(tree)])
        if _is_plain_object(tree):
            twin = self.memo[id(tree)] = object.__new__(type(tree))
            for key, value in _attributes(tree).items():
                object.__setattr__(twin, key, self.tree(value, joined(name, key)))  # a frozen dataclass has no other
            return twin
        return tree


def _items(tree: Any) -> list[tuple[Any, Any]]:
    """The items of a list or tuple, under their places or the names of a namedtuple."""
    return list(zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True))


def _like(tree: Any, items: list[Any]) -> Any:
    """Items as a list, tuple or namedtuple, as another is."""
    if isinstance(tree, list):
        return items
    return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)


def _attributes(tree: Any) -> dict[str, Any]:
    """What an object holds, in its dict and in the slots of its classes."""
    slots = [(cls, slot) for cls in type(tree).__mro__ for slot in _slots(cls)]
    names = [f"_{cls.__name__.lstrip('_')}{slot}" if slot.startswith("__") else slot for cls, slot in slots]
    return {**getattr(tree, "__dict__", {}), **{name: getattr(tree, name) for name in names if hasattr(tree, name)}}


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return tuple(s for s in ((slots,) if isinstance(slots, str) else slots) if s not in ("__dict__", "__weakref__"))


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
    if hasattr(tree, "_fields"):
        return False
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
    has_slots = (
        any(map(_slots, type(tree).__mro__)) and type(tree).__module__.split(".")[0] not in sys.stdlib_module_names
    )
    holds = hasattr(tree, "__dict__") or has_slots
    return holds and not isinstance(tree, kinds) and not callable(getattr(tree, "__array__", None))


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
        items = iter(_items(tree))
    elif _is_plain_object(tree):
        items = iter(_attributes(tree).items())
    return [found for key, value in items for found in arrays_in(value, joined(name, key), seen)]


def numbers_in(tree: Any, name: str = "", depth: int = 3) -> list[tuple[str, float]]:
    """Every plain number among variables, and in the dicts and objects that they hold, with its path."""
    if type(tree) in (int, float, np.float64) or (isinstance(tree, Recorded) and np.ndim(tree.value) == 0):
        return [(name, float(plain(tree)))]
    items = tree if isinstance(tree, dict) else _attributes(tree) if _is_plain_object(tree) else {}
    return (
        [found for key, value in items.items() for found in numbers_in(value, joined(name, key), depth - 1)]
        if depth
        else []
    )


def unrecorded(tree: Any, module: str, seen: set[int] | None = None) -> Any:
    """What a program has kept, with arrays in the place of recorded ones: lists, dicts and its own objects changed."""
    seen = set() if seen is None else seen
    if isinstance(tree, Recorded):
        return np.array(tree.value)
    own = _is_plain_object(tree) and type(tree).__module__ == module
    if id(tree) in seen or not (own or type(tree) in (list, dict) or isinstance(tree, tuple)):
        return tree
    seen.add(id(tree))
    before = dict(tree if type(tree) is dict else _attributes(tree) if own else _items(tree))
    now = {key: unrecorded(value, module, seen) for key, value in before.items()}
    changed = {key: value for key, value in now.items() if value is not before[key]}
    if isinstance(tree, tuple):
        return _like(tree, list(now.values())) if changed else tree
    put = partial(object.__setattr__, tree) if own else tree.__setitem__
    for key, value in changed.items():
        put(key, value)
    return tree
