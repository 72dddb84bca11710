"""What decides whether a compiled function fits a call: the structure of its arguments, types, and static values."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array
from maplet.core.tree import Stateful, children, leaves, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

plain = (bool, int, float, str, bytes, type(None), complex)


class Flat:
    """Trees laid out flat: their arrays and objects, each once, and a key that tells all the rest.

    Two calls with equal keys run the same program. Lengths of first axes stand in ``rows``, apart from the key.
    """

    def __init__(self, trees: Sequence[Any]) -> None:
        self.arrays: list[Array] = []
        self.objects: list[Stateful] = []
        self.kept: list[Any] = []  # static values that the key knows by their identity
        self.counts: list[int] = []  # in how many places each array stands
        self.containers: list[Any] = []  # the lists and dicts, whose changes nobody reports
        self._numbers: dict[int, int] = {}
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
        elif isinstance(branch, Stateful):
            known = self._numbers.get(id(branch))
            if known is not None:
                tokens.append((type(branch), known))
                return
            self._numbers[id(branch)] = len(self.objects)
            self.objects.append(branch)
            tokens.append((type(branch), len(vars(branch))))
            self._below(branch, tokens)
        elif isinstance(branch, dict | list | tuple):
            tokens.append((type(cast("object", branch)), len(cast("Sequence[Any]", branch))))
            if not isinstance(branch, tuple):
                self.containers.append(branch)
            self._below(branch, tokens)
        elif isinstance(branch, plain):
            tokens.append((type(branch), branch if branch == branch else "nan"))  # noqa: PLR0124  (NaN alone is not itself)
        else:
            self.kept.append(branch)
            tokens.append((type(branch), id(branch)))

    def _below(self, branch: Any, tokens: list[Any]) -> None:
        for name, child in children(branch):
            tokens.append(name)
            self._walk(child, tokens)

    def position(self, array: Array) -> int | None:
        """The number of an array; None if it stands nowhere here."""
        number = self._numbers.get(id(array))
        return number if number is not None and self.arrays[number] is array else None

    def object_number(self, found: Stateful) -> int | None:
        """The number of an object; None if it stands nowhere here."""
        number = self._numbers.get(id(found))
        return number if number is not None and number < len(self.objects) and self.objects[number] is found else None


def reached(f: Callable[..., Any], depth: int = 3) -> list[Any]:
    """The objects and arrays that a function reaches from outside: by closure, by global names, as its ``self``."""
    found: list[Any] = []
    _reach(f, depth, found, set())
    return found


def _reach(value: Any, depth: int, found: list[Any], seen: set[int]) -> None:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Array | Stateful):
        found.append(value)
    elif isinstance(value, dict | list | tuple):
        tree = cast("Any", value)
        if leaves(tree) or objects(tree):
            found.append(tree)
    elif depth and isinstance(value, FunctionType):
        if not value.__module__.startswith("maplet."):
            cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
            names = [value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__]
            for inner in (*cells, *names, *(value.__defaults__ or ())):
                _reach(inner, depth - 1, found, seen)
        elif hasattr(value, "__wrapped__"):
            _reach(getattr(value, "__wrapped__"), depth, found, seen)  # noqa: B009  (a checker knows no such name)
    elif depth and hasattr(value, "__func__"):
        _reach(value.__self__, depth, found, seen)
        _reach(value.__func__, depth, found, seen)
    elif depth and hasattr(value, "func") and hasattr(value, "args"):  # functools.partial
        for inner in (value.func, *value.args, *value.keywords.values()):
            _reach(inner, depth - 1, found, seen)


def _names(code: Any) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            names |= _names(constant)
    return names


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
