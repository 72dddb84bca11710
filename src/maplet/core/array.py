"""Array: the single thing that a user holds, a mutable handle on an immutable value.

Outside a trace an array has a value. Inside one it stands for a node of the graph that is being recorded; traced with
values it carries both. Operators look their operation up by name, so this file knows none of them.
"""

# The state of a handle is nobody's business but this file's and the trace's.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias, cast

import numpy as np

from maplet.core import memory
from maplet.core.context import here, thread
from maplet.core.exchange import Exchange
from maplet.core.operators import Operators
from maplet.core.primitive import operations
from maplet.core.python_flow import advice_on_bool, advice_on_index
from maplet.core.tree import changes, replace
from maplet.core.types import ArrayType, as_dtype, default_float, default_int, kind_of, short_name
from maplet.errors import DataError, DTypeError, ShapeError, TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from maplet.core.graph import Node
    from maplet.core.trace import Trace

Value = np.ndarray[Any, np.dtype[Any]]

ArrayLike: TypeAlias = "Array | np.ndarray[Any, Any] | np.generic | float | Sequence[Any]"

advice_on_value = "compute with the array itself; its value exists only when the graph runs"


class Array(Operators, Exchange):
    """An n-dimensional array of numbers.

    Made by `mp.asarray` and by every operation. NumPy reads it without copying (``np.asarray(a)`` is a read-only
    view); ``a[i] = v`` gives the handle a new value and leaves every other array as it was.

    Examples
    --------
    >>> import maplet as mp
    >>> a = mp.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> a.T @ a
    Array([[10., 14.],
           [14., 20.]], dtype=float32)
    """

    __slots__ = ("__weakref__", "_node", "_trace", "_value")
    __array_priority__ = 1000  # `ndarray * Array` is ours

    _value: Value | None
    _node: Node | None
    _trace: Trace | None

    def __init__(self, value: Any, dtype: Any = None) -> None:
        if isinstance(value, Array):  # also a traced one: a parameter may be made from what is being computed
            source = value if dtype is None else value.astype(dtype)
            _begin(self, source._value, source._node, source._trace)
        else:
            _begin(self, to_numpy(value, dtype), None, None)
            if thread.trace is not None:
                thread.trace.adopt(self)

    # ── what it is ───────────────────────────────────────────────────────────────────────────────

    @property
    def type(self) -> ArrayType:
        """Shape and dtype together."""
        if self._node is not None:
            return cast("ArrayType", self._node.type)
        return type_of(self._value)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self.type.shape if self._value is None else self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The kind of number."""
        return self.type.dtype if self._value is None else self._value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.type.size

    # ── its value ────────────────────────────────────────────────────────────────────────────────

    def numpy(self) -> Value:
        """The value as a read-only NumPy view, without copying."""
        if self._trace is not None:
            raise traced_error(self, "giving NumPy the value of", fix=(
                "use the operation of the same name from maplet (mp.sin instead of np.sin), so that the graph and "
                "its gradient go through it; a.item() reads one number for printing"
            ))  # fmt: skip
        return cast("Value", self._value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Value:
        value = self.numpy()
        if dtype is not None and np.dtype(dtype) != value.dtype:
            if copy is False:
                raise ValueError(f"the conversion of {value.dtype} to {np.dtype(dtype)} needs a copy")
            return value.astype(dtype)
        return value.copy() if copy else value

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        """NumPy's functions take the value and give NumPy arrays; they cannot take an array that is being traced."""
        values = [
            replace(argument, lambda leaf: leaf.numpy() if isinstance(leaf, Array) else leaf)
            for argument in (args, kwargs)
        ]
        return function(*values[0], **values[1])

    def item(self) -> Any:
        """The one element as a Python number; inside an eager `grad` this reads the number out of the graph."""
        value = self._concrete("reading a number from")
        self._require_one("reading a number from", "a.tolist() gives all; a[0] or mp.sum(a) makes one of them")
        return value.item()

    def tolist(self) -> Any:
        """The elements as nested Python lists."""
        return self.numpy().tolist()

    def __bool__(self) -> bool:
        value = self._concrete("a Python condition on", advice_on_bool)
        self._require_one(
            "a Python condition on", "ask a.any() or a.all(); element by element write & | ~ for and, or, not"
        )
        return bool(value.item())

    def __float__(self) -> float:
        return float(self._one_number("float"))

    def __complex__(self) -> complex:
        return complex(self._one_number("complex"))

    def __int__(self) -> int:
        return int(self._one_number("int", advice_on_index))

    def __index__(self) -> int:
        if kind_of(self.dtype) not in "iu":
            raise DTypeError(f"an index is an integer, not {short_name(self.dtype)}", fix="convert: x.astype(mp.int64)")
        return cast("SupportsIndex", self._concrete("a Python index from", advice_on_index)).__index__()

    def _concrete(self, use: str, advice: Callable[[], str] = lambda: advice_on_value) -> Value:
        if self._value is None or (self._trace is not None and not self._trace.alive):
            raise traced_error(self, use, advice())
        if steady_value(self) is None:
            raise TraceError(
                f"{use} an array from outside the function that is compiled ({self.type}): at the next call of the "
                "program it may have another value",
                fix=advice(),
                where=str(here()) or None,
            )
        return self._value

    def _one_number(self, kind: str, advice: Callable[[], str] = lambda: advice_on_value) -> Any:
        if self._trace is not None and kind_of(self.dtype) == "f":
            raise traced_error(self, f"{kind}() on", fix=(
                "a Python number leaves the graph and its gradient would be lost in silence; "
                "keep the array, or write a.item() where losing it is meant"
            ))  # fmt: skip
        value = self._concrete(f"{kind}() on", advice)
        self._require_one(f"{kind}() on", "a.tolist() gives all; a[0] or mp.sum(a) makes one of them")
        return value.item()

    def _require_one(self, use: str, fix: str) -> None:
        if self.size != 1:
            raise ShapeError(f"{use} an array of shape {self.shape}: it has {self.size} elements, not one", fix=fix)

    def __format__(self, specification: str) -> str:
        return format(self.item() if specification and not self.shape else str(self), specification)

    def __setitem__(self, key: Any, value: ArrayLike) -> None:
        assign(self, operations["setitem"](self, key, value))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length, and no rows to go through")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[n] for n in range(len(self)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Array:
        """A handle of its own on the same value; that cannot change, so there is nothing more to copy."""
        return twin(self if thread.trace is None else thread.trace.handle(self), self)

    def __repr__(self) -> str:
        if self._trace is not None:
            known = "" if self._value is None else f", now {np.array2string(self._value, threshold=8)}"
            return f"Array({self.type}, traced{known})"
        value = cast("Value", self._value)
        text = np.array2string(value, separator=", ", prefix="Array(")
        return (
            f"Array({text})"
            if value.dtype == default_float and not value.ndim
            else f"Array({text}, dtype={value.dtype})"
        )


class Parameter(Array):
    """An array that training changes. As an attribute of a module it is a weight; ``trainable = False`` freezes it.

    Examples
    --------
    >>> Parameter([0.0, 0.0]).trainable
    True
    """

    __slots__ = ("_trainable",)
    _trainable: bool

    def __init__(self, value: Any, dtype: Any = None, *, trainable: bool = True) -> None:
        super().__init__(value, dtype)
        self.trainable = trainable

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return self._trainable

    @trainable.setter
    def trainable(self, on: bool) -> None:
        changes.count += 1  # a compiled step looks whether anything was set
        self._trainable = on


# ── making arrays ────────────────────────────────────────────────────────────────────────────────


def to_numpy(value: Any, dtype: Any = None) -> Value:
    """A NumPy array that nobody else can write to; Python floats become float32, what has a dtype keeps it."""
    has_dtype = hasattr(value, "dtype")
    refuse_masked(value)
    array = _read(value)
    if kind_of(array.dtype) not in "biuf":
        raise DTypeError(
            f"cannot make an array of numbers from {type(value).__name__} (NumPy reads it as {array.dtype})",
            fix="give real numbers, or nested lists of them; an integer beyond 64 bits as a float, 1e30",
        )
    if dtype is None and not has_dtype:
        dtype = {"f": default_float, "i": default_int}.get(kind_of(array.dtype))
    target = as_dtype(array.dtype if dtype is None else dtype)
    if not has_dtype and kind_of(array.dtype) in "iu" and kind_of(target) in "iu" and array.size:
        require_range(array.min(), target)
        require_range(array.max(), target)
    only_ours = isinstance(value, bool | int | float | list | tuple)
    array = array.astype(target, copy=False) if only_ours else memory.converted(array, target)
    array.flags.writeable = False
    return array


def refuse_masked(value: Any) -> None:
    """An array of which elements are missing is no array of numbers."""
    mask: Any = getattr(value, "mask", None)
    if isinstance(value, np.ma.MaskedArray) and np.any(mask):
        raise DataError(
            f"{np.sum(mask)} of the {np.size(mask)} elements are masked, and in an array no number may be missing",
            fix="fill them, a.filled(0.0), or leave out their rows, np.ma.compress_rows(a)",
        )


def _read(value: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except ValueError as error:
        if not isinstance(value, list | tuple):
            raise
        raise ShapeError(
            f"these nested lists have no common length, so they are no array: {error}",
            fix="give every list on one level the same length, or keep the arrays apart in a Python list",
        ) from error


def require_range(number: int, dtype: np.dtype[Any]) -> None:
    """Refuse a Python integer that an integer dtype cannot hold; NumPy would cut off its upper bits in silence."""
    limits = np.iinfo(dtype)
    if not limits.min <= number <= limits.max:
        raise DTypeError(
            f"{number} is outside {dtype}, which goes from {limits.min} to {limits.max}",
            fix="choose a wider dtype, or a float (1e30); a Python number takes the dtype of the array beside it",
        )


class Rebindings:
    """How often a handle that was there already was pointed at something else, anywhere."""

    count = 0


rebindings = Rebindings()


def set_state(array: Array, value: Value | None, node: Node | None, trace: Trace | None) -> None:
    """Point a handle at a value, at a node of a trace, or at both."""
    rebindings.count += 1
    _begin(array, value, node, trace)


def _begin(array: Array, value: Value | None, node: Node | None, trace: Trace | None) -> None:
    array._value = value
    array._node = node
    array._trace = trace


def type_of(value: Any) -> Any:
    """The type of a value; of a tuple of values (what a nested graph gives), the tuple of their types."""
    if isinstance(value, tuple):
        return tuple(map(type_of, cast("tuple[Value, ...]", value)))
    return ArrayType(value.shape, value.dtype)


def from_value(value: Any) -> Array:
    """Wrap what a reference computed; it is not copied and not written to afterwards."""
    if not isinstance(value, tuple):
        value = np.asarray(value)
        value.setflags(write=False)
    array = Array.__new__(Array)
    _begin(array, cast("Value", value), None, None)
    return array


def from_node(node: Node, trace: Trace, value: Value | None, like: Array | None = None) -> Array:
    """An array that stands for a node; with ``like``, of the same class (a parameter stays a parameter)."""
    array = Array.__new__(type(like) if like is not None else Array)
    _begin(array, value, node, trace)
    if isinstance(array, Parameter):
        array.trainable = cast("Parameter", like).trainable
    return array


def copy_handle(array: Array) -> Array:
    """Another handle on the same value or node."""
    copy = Array.__new__(Array)
    _begin(copy, array._value, array._node, array._trace)
    return copy


def twin(array: Array, like: Array) -> Array:
    """Another handle on the same value or node, of the class of another: a parameter stays a parameter."""
    if isinstance(like, Parameter):
        return Parameter(array, trainable=like.trainable)
    return copy_handle(array)


def value_of(array: Array) -> Value | None:
    """The value that an array has, also inside a trace that computes while it records; else None."""
    return array._value


def steady_value(array: Array) -> Value | None:
    """The value of an array, if the program that is being recorded may depend on it; else None.

    A traced array may have none. One from outside a function that `jit` compiles has one, which may be another at the
    next call of the same program.
    """
    compiling, trace = thread.begun is not None, thread.trace
    if array._trace is not None and not array._trace.alive:
        raise traced_error(array, "using", advice_on_value)
    if not compiling or array._trace is not None:
        return array._value
    while trace is not None and id(array) not in trace.born:
        trace = trace.outer
    return None if trace is None else array._value


def same_state(a: Array, b: Array) -> bool:
    """Whether two handles hold the very same value or node."""
    return a._value is b._value and a._node is b._node and a._trace is b._trace


def assign(array: Array, new: Array) -> None:
    """Rebind a handle to another array's value. Inside a trace this is a write to whatever holds the handle."""
    if new.type != array.type:
        raise DTypeError(
            f"a handle of type {array.type} cannot take a value of type {new.type}", fix="convert it first"
        )
    if thread.trace is not None:
        thread.trace.note_handle(array)
        new = thread.trace.handle(new)
    set_state(array, new._value, new._node, new._trace)


def traced_error(array: Array, use: str, fix: str) -> TraceError:
    """The error for a traced array used as if it had a value; says where, and where the array was made."""
    trace, node = array._trace, array._node
    origin = trace.origins.get(node) if trace is not None and node is not None else None
    ended = ""
    if trace is not None and not trace.alive:
        ended = " after its trace has ended"
        fix = "return the array from the traced function instead of keeping it"
    used, made = str(here()), "" if origin is None else str(origin)
    return TraceError(
        f"{use} a traced array ({array.type}){ended} is not possible",
        fix=fix,
        where=f"{used}; the array was made at {made}" if made not in ("", used) else used or None,
    )
