"""A NumPy program, written down while it runs: every call with its operands, its value and its line.

A `Recorded` stands for an array. NumPy hands every call that meets one to it (`__array_ufunc__`,
`__array_function__`), so ordinary code is recorded as it stands. It has a value throughout, so conditions and loops
over values work. What is changed in place (``z -= z.max()``, ``d[n, y] -= 1``) points the handle at a new call. All
floating numbers are kept in float64, whatever dtypes the program names: rounding is no fault of a derivation.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from maplet.health.audit.program.lines import Line, user_lines
from maplet.health.audit.program.methods import (
    Several,
    Value,
    add_at,
    changed,
    getitem,
    item,
    methods,
    setitem,
    widened,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from types import FrameType


splits: Mapping[Any, int] = {np.split: 0, np.array_split: 0, np.vsplit: 0, np.hsplit: 1, np.dsplit: 2}
"""Functions that take an array apart, and along which axis where none is given."""
in_place = frozenset({np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask})
"""Functions that change their first argument and give nothing."""
shaped_alike = frozenset({np.zeros_like, np.ones_like, np.empty_like, np.full_like})


class Ref(NamedTuple):
    """The place of an operand in the arguments of a call: the number of the call that made it."""

    number: int


@dataclass
class Call:
    """One call of a NumPy function; an input is a call without function."""

    number: int
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    value: Value
    lines: tuple[Line, ...] = ()
    name: str = ""
    place: tuple[int, ...] = ()  # in each of its lines: what stands at one place does the same in every turn of a loop
    kind: str = field(init=False)  # the name of the function: "add", "sum", "matmul"; "" of an input
    operands: tuple[int, ...] = field(init=False)
    is_flat: bool = field(init=False)  # whether every operand is an argument itself, none inside of a list or a key

    def __post_init__(self) -> None:
        self.kind = "" if self.function is None else str(getattr(self.function, "__name__", ""))
        numbers = [ref.number for ref in refs((self.args, tuple(self.kwargs.values())))]
        self.operands = tuple(dict.fromkeys(numbers))
        self.is_flat = len(numbers) == sum(type(arg) is Ref for arg in self.args)

    def compute(self, values: Sequence[Value], swap: Mapping[int, Value] | None = None) -> Value:
        """What the call gives for other values of its operands; ``swap`` puts a value in the place of an operand."""

        def one(ref: Ref) -> Value:
            return swap[ref.number] if swap and ref.number in swap else values[ref.number]

        assert self.function is not None  # noqa: S101  (inputs are not computed)
        if self.is_flat:  # as most are; the search runs millions of them
            return widened(self.function(*[one(a) if type(a) is Ref else a for a in self.args], **self.kwargs))
        found = self.function(*filled(self.args, one), **{k: filled(v, one) for k, v in self.kwargs.items()})
        return widened(found)


class Tape:
    """The calls of one run, in order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.values: list[Value] = []
        self.lost: list[str] = []  # where a value left the recording
        self.method: Callable[[Recorded, str], Any] | None = None  # what its arrays can that NumPy's cannot
        self.made: dict[int, tuple[Line, ...]] = {}  # where the program made arrays of nothing: np.zeros(…)
        self.copies = False  # whether a copy is another value: weights that are kept as they were
        self.exits: list[tuple[Call, Any]] = []  # what became a number of Python's, on which branches and keys depend
        self.returns: dict[tuple[str, str], list[int]] = {}  # of each function of a file: the calls so far, when it did

    def enter(self, value: Value, name: str = "") -> Recorded:
        """An array that comes from outside."""
        return self._add(None, (), {}, widened(np.array(value) if isinstance(value, np.ndarray) else value), name)

    def make(self, value: Value) -> Recorded:
        """An array that the program makes of nothing."""
        found = self.enter(value)
        self.made[found.number], _ = user_lines()
        return found

    def sibling(self) -> Tape:
        """An empty tape for another run of the same calls."""
        found = Tape()
        found.made, found.returns = self.made, self.returns
        return found

    def leave(self, frame: FrameType) -> None:
        """A function of the user's returns."""
        self.returns.setdefault((frame.f_code.co_name, frame.f_code.co_filename), []).append(len(self.calls))

    def call(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run a NumPy function and write it down; what is no array (a shape, a size) is given as it is."""
        args = tuple(referred(one) for one in args)
        kwargs = {key: referred(value) for key, value in kwargs.items()}
        call = Call(-1, function, args, kwargs, None)
        value = call.compute(self.values)
        if isinstance(value, np.ndarray | np.generic):
            return self._add(function, args, kwargs, value)
        if isinstance(value, Several):
            several = self._add(function, args, kwargs, value)
            return tuple(self._add(item, (Ref(several.number), n), {}, widened(one)) for n, one in enumerate(value))
        self.exits.append((call, value))
        return value

    def keeps_exits(self, values: Sequence[Value]) -> bool:
        """Whether with other values the program takes the same branches and keys, as far as they come from values."""
        return all(_is_same(call.compute(values), known) for call, known in self.exits)

    def whole(self, function: Callable[..., Any], value: Value, inputs: Mapping[str, int]) -> Recorded:
        """A program that could not be recorded, as one call with the value that it gave."""
        args = (tuple(inputs), *(Ref(number) for number in inputs.values()))
        return self._add(function, args, {}, widened(np.asarray(value, np.float64)))

    def _add(self, function: Any, args: Any, kwargs: Any, value: Value, name: str = "") -> Recorded:
        number = len(self.calls)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False  # what changes it behind the tape's back is to say so
        lines, place = ((), ()) if function is None else user_lines()
        self.calls.append(Call(number, function, args, kwargs, value, lines, name, place))
        self.values.append(value)
        return Recorded(self, number)

    @np.errstate(all="ignore")
    def replay(self, changed: Mapping[int, Value], wanted: Collection[int] | None = None) -> list[Value]:
        """Every value (or those that are wanted), where some calls give another one."""
        values = list(self.values)
        dirty = set(changed)
        for call in self.calls[min(changed, default=0) :]:
            if call.number in changed:
                values[call.number] = changed[call.number]
            elif not dirty.isdisjoint(call.operands) and (wanted is None or call.number in wanted):
                values[call.number] = call.compute(values)
                dirty.add(call.number)
        return values

    def until(self, end: int) -> Tape:
        """The calls before another one."""
        found = Tape()
        found.calls, found.values, found.lost = self.calls[:end], self.values[:end], list(self.lost)
        found.method, found.made, found.copies = self.method, dict(self.made), self.copies
        found.exits = [(call, value) for call, value in self.exits if all(n < end for n in call.operands)]
        found.returns = {name: [n for n in ends if n <= end] for name, ends in self.returns.items()}
        return found

    def ancestors(self, numbers: Sequence[int]) -> set[int]:
        """The calls that some calls depend on, themselves included."""
        found, todo = set(numbers), list(numbers)
        while todo:
            for operand in self.calls[todo.pop()].operands:
                if operand not in found:
                    found.add(operand)
                    todo.append(operand)
        return found


class UnrecordedError(AttributeError):
    """What an array has, and a recorded one does not."""


class Recorded(NDArrayOperatorsMixin):
    """Stands for an array in the user's program; behaves as NumPy's, and writes down what is done with it."""

    __slots__ = ("number", "tape")
    __array_priority__ = 1000

    def __init__(self, tape: Tape, number: int) -> None:
        self.tape = tape
        self.number = number

    @property
    def value(self) -> Value:
        """The array behind it."""
        return self.tape.values[self.number]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if method == "at":
            return self._changed(add_at, (ufunc, *inputs), inputs[0])
        if method == "__call__" and kwargs.get("where", True) is not True:
            return self._where(ufunc, inputs, kwargs, out)
        found = self.tape.call(getattr(ufunc, method) if method != "__call__" else ufunc, inputs, kwargs)
        return found if out is None else self._written(out[0], found)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        if function in in_place:
            return self._in_place(function, args, kwargs)
        if function in shaped_alike and not any(refs(referred((args[1:], tuple(kwargs.values()))))):
            return self.tape.make(function(args[0].value, *args[1:], **kwargs))  # of the values it takes none
        if function in splits:
            return self._parts(function, *args, **kwargs)
        out = kwargs.get("out")
        if out is None:
            return self.tape.call(function, args, kwargs)
        return self._written(out, self.tape.call(function, args, {k: v for k, v in kwargs.items() if k != "out"}))

    def _where(self, ufunc: Any, inputs: Any, kwargs: dict[str, Any], out: Any) -> Any:
        """``ufunc(…, out=z, where=mask)``: elsewhere ``z`` stays as it was."""
        if out is None:
            raise UnrecordedError(f"{ufunc.__name__}(…, where=…) without out= leaves entries that nothing was put into")
        everywhere = self.tape.call(ufunc, inputs, {k: v for k, v in kwargs.items() if k != "where"})
        return self._written(out[0], self.tape.call(np.where, (kwargs["where"], everywhere, out[0]), {}))

    def _in_place(self, function: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """``np.copyto`` and its like, which change their first argument."""
        if function is not np.copyto:
            self._changed(changed, (function, *args), args[0], kwargs)
        elif kwargs.get("where", True) is True:
            self._changed(setitem, (args[0], ..., args[1]), args[0])
        else:
            self._written(args[0], self.tape.call(np.where, (kwargs["where"], args[1], args[0]), {}))

    def _written(self, out: Any, found: Recorded) -> Any:
        """What ``out=`` names, with a result in it."""
        if isinstance(out, Recorded):
            out.number = found.number
        else:
            np.copyto(out, found.value)
            self._lose()
        return out

    def _parts(self, function: Any, whole: Any, where: Any, axis: int | None = None) -> list[Any]:
        """``np.split`` and its like, as slices."""
        along = splits[function] if axis is None else axis
        along = 0 if function is np.hsplit and np.ndim(whole) == 1 else along
        before = (slice(None),) * (along % whole.ndim)
        places = np.array_split if function is np.array_split else np.split
        return [
            self.tape.call(getitem, (whole, (*before, slice(int(part[0]), int(part[-1]) + 1) if len(part) else [])), {})
            for part in places(np.arange(whole.shape[along]), where)
        ]

    def _changed(self, function: Any, args: Any, target: Any, kwargs: Mapping[str, Any] | None = None) -> None:
        if isinstance(target, Recorded):
            target.number = self.tape.call(function, args, kwargs or {}).number
        else:
            self._lose()

    def _lose(self) -> None:
        lines, _ = user_lines()
        self.tape.lost.append(f"{lines[-1].file}:{lines[-1].number}" if lines else "")

    def __getitem__(self, key: Any) -> Any:
        return self.tape.call(getitem, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        self._changed(setitem, (self, key, value), self)

    def __getattr__(self, name: str) -> Any:
        if self.tape.method is not None and (found := self.tape.method(self, name)) is not None:
            return found
        if name in ("shape", "ndim", "size", "dtype", "nbytes", "itemsize", "strides", "flags"):
            return getattr(self.value, name)
        if name == "T":
            return self.tape.call(np.transpose, (self,), {})
        if name in ("copy", "view", "__copy__"):
            return self.__deepcopy__
        return self._method(name)

    def _method(self, name: str) -> Callable[..., Any]:
        """What a method of an array is: the function of the same name, mostly."""
        if name == "put":
            return lambda *a, **k: self._in_place(np.put, (self, *a), k)
        function = methods.get(name) or (getattr(np, name, None) if hasattr(np.ndarray, name) else None)
        if function is None:
            raise UnrecordedError(f"an array has no attribute {name!r}")
        if name in ("reshape", "transpose"):  # which take their numbers one by one as well
            return lambda *a, **k: self.tape.call(function, (self, a[0] if len(a) == 1 else a or None), k)
        return lambda *a, **k: self.tape.call(function, (self, *a), k)

    def __hash__(self) -> int:
        return id(self)

    def __deepcopy__(self, *_: Any) -> Recorded:
        return self.tape.call(np.copy, (self,), {}) if self.tape.copies else Recorded(self.tape, self.number)

    def __iter__(self) -> Iterator[Any]:
        return (self[n] for n in range(len(self)))

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return self.tape.call(bool, (self,), {})

    def __int__(self) -> int:
        return self.tape.call(int, (self,), {})

    def __index__(self) -> int:
        return self.tape.call(_index, (self,), {})

    def __float__(self) -> float:
        self._lose()
        return float(self.value)

    def __round__(self, digits: int | None = None) -> Any:
        self._lose()
        return round(self.value[()], digits)

    def __trunc__(self) -> int:
        return self.tape.call(_rounded, (math.trunc, self), {})

    def __floor__(self) -> int:
        return self.tape.call(_rounded, (math.floor, self), {})

    def __ceil__(self) -> int:
        return self.tape.call(_rounded, (math.ceil, self), {})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Value:
        self._lose()
        return np.array(self.value, dtype)

    def __format__(self, specification: str) -> str:
        return format(self.value if np.ndim(self.value) else self.value.item(), specification)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return repr(self.value)


class _Kind(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, float)


class Float(float, metaclass=_Kind):
    """``float`` as the user's file sees it: ``float(loss)`` does not leave the recording."""

    def __new__(cls, value: Any = 0.0) -> Any:
        """The recorded number itself, or a Python float."""
        return value if isinstance(value, Recorded) else float(value)


# ── the arguments of a call ──────────────────────────────────────────────────────────────────────


def referred(tree: Any) -> Any:
    """Arguments with the numbers of calls in the place of recorded arrays."""
    if isinstance(tree, Recorded):
        return Ref(tree.number)
    if type(tree) in (tuple, list):
        return type(tree)(referred(one) for one in tree)
    if isinstance(tree, slice):
        return slice(*(_bound(one) for one in (tree.start, tree.stop, tree.step)))
    if tree is Float:
        return float
    if isinstance(tree, range):
        return np.asarray(tree)
    return np.array(tree) if isinstance(tree, np.ndarray) else tree


def _bound(value: Any) -> Any:
    """Where a slice ends; a number of the program that is recorded as a float is whole there."""
    is_float = isinstance(value, Recorded) and np.ndim(value.value) == 0 and value.dtype.kind == "f"
    return _whole(value.value) if is_float else referred(value)


def _whole(value: Any) -> Any:
    return int(value) if value.dtype.kind == "f" and float(value).is_integer() else value


def filled(tree: Any, value_of: Callable[[Ref], Value]) -> Any:
    """Arguments with values in the place of numbers."""
    if isinstance(tree, Ref):
        return value_of(tree)
    if type(tree) in (tuple, list):
        return type(tree)(filled(one, value_of) for one in tree)
    if isinstance(tree, slice):
        return slice(*(filled(one, value_of) for one in (tree.start, tree.stop, tree.step)))
    return tree


def refs(tree: Any) -> Iterator[Ref]:
    """The operands in arguments, in order."""
    if isinstance(tree, Ref):
        yield tree
    elif type(tree) in (tuple, list):
        for one in tree:
            yield from refs(one)
    elif isinstance(tree, slice):
        for one in (tree.start, tree.stop, tree.step):
            yield from refs(one)


def _rounded(function: Callable[[Any], int], value: Value) -> int:
    """A whole number of Python's."""
    return function(value[()])


def _index(value: Value) -> int:
    """A number of Python's that counts, or tells a place."""
    return _whole(value).__index__()


def _is_same(value: Any, known: Any) -> bool:
    """Whether what left the recording is what it was; of what cannot be compared, nothing depends."""
    return bool(np.array_equal(value, known)) if isinstance(known, list | tuple | int | str) else True


def first_not_finite(tape: Tape, numbers: Sequence[int]) -> Call | None:
    """The call with which NaN or infinity begins."""
    behind = tape.ancestors(numbers)
    return next((c for c in tape.calls if c.number in behind and not _is_finite(tape.values[c.number])), None)


def _is_finite(value: Any) -> bool:
    return not isinstance(value, np.ndarray | np.generic) or value.dtype.kind != "f" or bool(np.all(np.isfinite(value)))
