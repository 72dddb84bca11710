"""Operations whose positions are data: looking up rows, picking one element per row, `a[key]` and `a[key] = v`."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# Whether a position is inside can be said early where an array's value is known.
# ruff: noqa: ARG001, ARG005, SLF001
# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import builtins
import operator
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.index_notation import Access, Call, Cast, Expression, Literal, Read, Reduce, indices, select
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind, same
from maplet.core.types import (
    ArrayType,
    as_dtype,
    bool_dtype,
    default_float,
    default_int,
    is_integer,
    python_numbers,
    short_name,
)
from maplet.errors import DTypeError, SettingError, ShapeError, TraceError
from maplet.ops.arguments import as_array, broadcast_shape, convert, count_axis, holds
from maplet.ops.elementwise import where
from maplet.ops.movement import broadcast_to, permute_dims, reshape

if TYPE_CHECKING:
    from maplet.core.array import ArrayLike
    from maplet.core.types import Shape

negative = "negative positions count from the end; a position outside is an error"


def _wrapped(position: Expression, dtype: np.dtype[Any], length: int) -> Expression:
    if dtype != default_int:
        position = Cast(position, default_int)
    return select(position < 0, position + length, position)


def _positions_type(name: str, positions: ArrayType) -> None:
    if not is_integer(positions.dtype):
        raise DTypeError(f"{name} takes integer positions, not {short_name(positions.dtype)}")


# ── whole slices at positions: take, and its adjoint add_at ──────────────────────────────────────


def _take_shape(x: ArrayType, positions: ArrayType, *, axis: int) -> ArrayType:
    _positions_type("take", positions)
    return ArrayType((*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :]), x.dtype)


def _take_access(x: ArrayType, positions: ArrayType, *, axis: int) -> Access:
    axes = indices(x.ndim - 1 + positions.ndim)
    inner = axes[axis : axis + positions.ndim]
    at = _wrapped(Read(1, inner), positions.dtype, x.shape[axis])
    return Access(axes, Read(0, (*axes[:axis], at, *axes[axis + positions.ndim :])))


register(Primitive(
    "take", shape=_take_shape, reference=lambda x, positions, *, axis: np.take(x, positions, axis=axis),
    gradient=lambda g, out, x, positions, *, needed, axis: [
        bind("add_at", g, positions, axis=axis, length=x.shape[axis]), None,  # a row taken twice gets both
    ],
    access=_take_access, notation="{0}_{{{1}}}", convention=negative,
    example=lambda rng: ([rng.normal(size=(2, 5, 3)), rng.integers(-5, 5, size=(2, 4))], {"axis": 1}),
))  # fmt: skip


def _add_at_shape(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> ArrayType:
    _positions_type("add_at", positions)
    return ArrayType((*g.shape[:axis], length, *g.shape[axis + positions.ndim :]), g.dtype)


def _add_at_value(g: Any, positions: Any, *, axis: int, length: int) -> Any:
    out = np.zeros((length, *g.shape[:axis], *g.shape[axis + positions.ndim :]), g.dtype)
    rows = np.moveaxis(g, range(axis, axis + positions.ndim), range(positions.ndim))
    np.add.at(out, positions, rows)
    return np.moveaxis(out, 0, axis)


def _add_at_access(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> Access:
    axes = indices(g.ndim - positions.ndim + 1)
    inner = indices(positions.ndim, start=len(axes))
    hit = _wrapped(Read(1, inner), positions.dtype, length).equals(axes[axis])
    value: Expression = select(hit, Read(0, (*axes[:axis], *inner, *axes[axis + 1 :])), 0)
    for index, extent in reversed(list(zip(inner, positions.shape, strict=True))):
        value = Reduce("sum", index, extent, value)
    return Access(axes, value)


register(Primitive(
    "add_at", shape=_add_at_shape, reference=_add_at_value,
    gradient=lambda g, out, x, positions, *, needed, axis, length: [bind("take", g, positions, axis=axis), None],
    access=_add_at_access, notation=r"\sum_{{{1}}} {0}", convention=negative,
    example=lambda rng: ([rng.normal(size=(2, 4, 3)), rng.integers(-5, 5, size=(4,))], {"axis": 1, "length": 5}),
))  # fmt: skip


@operation
def take(x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Array:
    """The slices of ``x`` at integer positions along an axis; the positions may have any shape.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.take(mp.asarray([10.0, 20.0, 30.0]), mp.asarray([2, 0]), axis=0)
    Array([30., 10.], dtype=float32)
    """
    x = as_array(x)
    if axis is None:
        if x.ndim != 1:
            raise ShapeError(f"take from an array with {x.ndim} axes needs axis=")
        axis = 0
    return bind("take", x, as_array(indices), axis=count_axis("take", axis, x.ndim))


# ── one element per place: take_along_axis, and its adjoint ──────────────────────────────────────


def _along_shape(x: ArrayType, positions: ArrayType, *, axis: int) -> ArrayType:
    _positions_type("take_along_axis", positions)
    if positions.ndim != x.ndim or any(
        n != m for a, (n, m) in enumerate(zip(x.shape, positions.shape, strict=True)) if a != axis
    ):
        raise ShapeError(f"take_along_axis: {x.shape} and positions {positions.shape} differ outside axis {axis}")
    return ArrayType(positions.shape, x.dtype)


def _along_access(x: ArrayType, positions: ArrayType, *, axis: int) -> Access:
    axes = indices(x.ndim)
    at = _wrapped(Read(1, axes), positions.dtype, x.shape[axis])
    return Access(axes, Read(0, (*axes[:axis], at, *axes[axis + 1 :])))


register(Primitive(
    "take_along_axis", shape=_along_shape,
    reference=lambda x, positions, *, axis: np.take_along_axis(x, positions, axis=axis),
    gradient=lambda g, out, x, positions, *, needed, axis: [
        bind("add_along_axis", g, positions, axis=axis, length=x.shape[axis]), None,
    ],
    access=_along_access, notation="{0}_{{{1}}}", convention=negative,
    example=lambda rng: ([rng.normal(size=(3, 5)), rng.integers(-5, 5, size=(3, 2))], {"axis": 1}),
))  # fmt: skip


def _add_along_shape(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> ArrayType:
    _positions_type("add_along_axis", positions)
    return ArrayType((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)


def _add_along_value(g: Any, positions: Any, *, axis: int, length: int) -> Any:
    out = np.zeros((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)
    grid: list[Any] = list(np.indices(g.shape, sparse=True))
    grid[axis] = positions
    np.add.at(out, tuple(grid), g)
    return out


def _add_along_access(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> Access:
    axes = indices(g.ndim)
    (p,) = indices(1, start=g.ndim)
    at = (*axes[:axis], p, *axes[axis + 1 :])
    hit = _wrapped(Read(1, at), positions.dtype, length).equals(axes[axis])
    return Access(axes, Reduce("sum", p, g.shape[axis], select(hit, Read(0, at), 0)))


register(Primitive(
    "add_along_axis", shape=_add_along_shape, reference=_add_along_value,
    gradient=lambda g, out, x, positions, *, needed, axis, length: [
        bind("take_along_axis", g, positions, axis=axis), None,
    ],
    access=_add_along_access, notation=r"\sum_{{{1}}} {0}", convention=negative,
    example=lambda rng: ([rng.normal(size=(3, 2)), rng.integers(-5, 5, size=(3, 2))], {"axis": 1, "length": 5}),
))  # fmt: skip


@operation
def take_along_axis(x: ArrayLike, indices: ArrayLike, /, *, axis: int = -1) -> Array:
    """One element for each position: ``out[i,j] = x[i, indices[i,j]]`` for the last axis."""
    x, positions = as_array(x), as_array(indices)
    at = count_axis("take_along_axis", axis, x.ndim)
    shape = tuple(n if a != at else p for a, (n, p) in enumerate(zip(x.shape, positions.shape, strict=False)))
    return bind("take_along_axis", x, broadcast_to(positions, shape), axis=at)


# ── which update lands where ─────────────────────────────────────────────────────────────────────


def _last_at_shape(positions: ArrayType, *, length: int) -> ArrayType:
    _positions_type("last_at", positions)
    return ArrayType((length,), default_int)


def _last_at_value(positions: Any, *, length: int) -> Any:
    out = np.full(length, -1)
    np.maximum.at(out, positions, np.arange(positions.size))
    return out


def _last_at_access(positions: ArrayType, *, length: int) -> Access:
    (i, p) = indices(2)
    hit = _wrapped(Read(0, (p,)), positions.dtype, length).equals(i)
    last = Reduce("max", p, positions.size, select(hit, p, Literal(-1)))
    return Access((i,), Call("maximum", (last, Literal(-1))) if positions.size else Literal(-1))


register(Primitive(
    "last_at", shape=_last_at_shape, reference=_last_at_value, access=_last_at_access,
    notation=r"\operatorname{{last}}({0})", convention="−1 where no position points; " + negative,
    example=lambda rng: ([rng.integers(-5, 5, size=(4,))], {"length": 5}),
))  # fmt: skip

# ── a[key] ───────────────────────────────────────────────────────────────────────────────────────


@operation
def getitem(x: Array, key: Any) -> Array:
    """``x[key]`` with NumPy's meaning: integers, slices, ``...``, ``None``, and arrays of integers or booleans."""
    parts = _spelled_out(x.shape, key)
    x = _basic(x, parts)
    arrays = {
        axis: part for axis, part in enumerate(p for p in parts if not isinstance(p, int)) if isinstance(part, Array)
    }
    if not arrays:
        return x
    # NumPy's rule: beside an index array a plain integer counts as one; the axes that they index go where the first
    # stood if they stand side by side, else to the front.
    places = [n for n, part in enumerate(parts) if isinstance(part, int | Array)]
    side_by_side = places[-1] - places[0] == len(places) - 1
    return _advanced(x, arrays, front=places[0] if side_by_side else 0)


def _spelled_out(shape: Shape, key: Any) -> list[Any]:
    """One part per axis (int, slice or integer array), and None for each new axis."""
    parts: list[Any] = [_part(part) for part in (cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,))]
    used = builtins.sum(map(_axes_used, parts))
    ellipses = sum(part is Ellipsis for part in parts)
    if used > len(shape) or ellipses > 1:
        raise ShapeError(f"{used} indices and {ellipses} ellipses for an array of shape {shape}")
    gap = next((n for n, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[gap : gap + ellipses] = [slice(None)] * (len(shape) - used)
    spelled: list[Any] = []
    axis = 0
    for part in parts:
        count = _axes_used(part)
        spelled += _where_true(part, shape[axis : axis + count]) if _is_mask(part) else [part]
        axis += count
    return spelled


def _is_mask(part: Any) -> bool:
    return isinstance(part, Array | np.ndarray) and cast("Any", part).dtype == bool_dtype


def _axes_used(part: Any) -> int:
    return 0 if part is None or part is Ellipsis else part.ndim if _is_mask(part) else 1


def _is_one_boolean(part: Any) -> bool:
    return isinstance(part, bool | np.bool_) or (_is_mask(part) and not part.ndim)


def _part(part: Any) -> Any:
    """One part of a key: None, ``...``, a slice, an int, or an array of integers or booleans."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return cast("Any", part)
    if _is_one_boolean(part):
        raise DTypeError("a single boolean is no index", fix="use mp.where, or a boolean array of the array's shape")
    if not isinstance(part, Array | np.ndarray | list | tuple):
        try:
            return operator.index(part)
        except TypeError:
            raise DTypeError(f"an index of type {type(part).__name__} is not an integer, slice or array") from None
    empty = isinstance(part, list | tuple) and not part
    array = as_array(cast("Any", part), default_int if empty else None)
    if array.dtype != bool_dtype:
        _positions_type("an index array", array.type)
    elif not isinstance(part, Array):
        return Array(part)  # not as a constant of the trace: where it is true must be known now
    return array


def _where_true(array: Array, shape: Shape) -> list[Array]:
    """The positions at which a boolean array of the same shape is true, one array per axis."""
    if array.shape != shape:
        raise ShapeError(
            f"a boolean index of shape {array.shape} for axes of shape {shape}", fix="the shapes must be equal"
        )
    if array._value is None:  # only a value tells how many are true
        raise TraceError(
            f"indexing with a traced boolean array ({array.type}) has a result whose shape depends on the data",
            fix="keep the shape: mp.where(mask, x, 0), or sum with weights",
        )
    return [Array(positions) for positions in np.nonzero(array._value)]


def _basic(x: Array, parts: list[Any]) -> Array:
    """Integers, slices and new axes: one slice and one reshape. Axes with an index array stay whole."""
    starts: list[int] = []
    lengths: list[int] = []
    steps: list[int] = []
    shape: list[int] = []
    axis = 0
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        n = x.shape[axis]
        if isinstance(part, int):
            if not -n <= part < n:
                raise IndexError(f"index {part} is outside axis {axis} of an array of shape {x.shape}")
            span = range(part % n, part % n + 1)
        else:
            span = range(n) if isinstance(part, Array) else range(*part.indices(n))
            shape.append(len(span))
        starts.append(span.start if len(span) else 0)
        lengths.append(len(span))
        steps.append(span.step if len(span) > 1 else 1)
        axis += 1
    if tuple(lengths) != x.shape or any(s != 1 for s in steps):
        x = bind("slice", x, starts=tuple(starts), lengths=tuple(lengths), steps=tuple(steps))
    return reshape(x, shape)


def _advanced(x: Array, arrays: dict[int, Array], front: int) -> Array:
    """Index arrays: the axes that they index are merged into one and looked up by a single `take`."""
    axes = list(arrays)
    common = broadcast_shape("index arrays", *[a.shape for a in arrays.values()])
    rest = [a for a in range(x.ndim) if a not in arrays]
    x_lengths = [x.shape[a] for a in axes]
    position: Array | None = None
    for (axis, array), length in zip(arrays.items(), x_lengths, strict=True):
        array = convert(array, default_int)  # noqa: PLW2901
        _inside(array, axis, length, x.shape)
        wrapped = array if len(axes) == 1 else where(array < 0, array + length, array)
        position = wrapped if position is None else position * length + wrapped
    x = permute_dims(x, (*rest[:front], *axes, *rest[front:]))
    x = reshape(x, (*[x.shape[a] for a in range(front)], prod(x_lengths), *x.shape[front + len(axes) :]))
    assert position is not None  # noqa: S101  (there is at least one index array)
    return bind("take", x, broadcast_to(position, common), axis=front)


def _inside(positions: Array, axis: int, length: int, shape: Shape) -> None:
    value = positions._value  # checked where it is known; a compiled program checks when it runs
    if value is not None and value.size and not (-length <= value.min() and value.max() < length):
        wrong = int(value[(value < -length) | (value >= length)].flat[0])
        raise IndexError(f"index {wrong} is outside axis {axis} of an array of shape {shape}")


@operation
def setitem(x: Array, key: Any, value: ArrayLike) -> Array:
    """A new array: ``x`` with ``value`` at ``key``; where a position occurs twice the last value stays."""
    positions = getitem(reshape(arange(x.size), x.shape), key)
    new = value if isinstance(value, python_numbers) else as_array(value)
    fits = np.can_cast(new.dtype, x.dtype, "same_kind") if isinstance(new, Array) else holds(x.dtype, new)
    if not fits:
        given = short_name(new.dtype) if isinstance(new, Array) else repr(new)
        raise DTypeError(
            f"cannot assign {given} to a part of an array of {short_name(x.dtype)} without loss",
            fix="convert one of them with x.astype(...)",
        )
    new = as_array(new, x.dtype)
    if len(new.shape) > positions.ndim or broadcast_shape("assignment", new.shape, positions.shape) != positions.shape:
        raise ShapeError(f"cannot assign an array of shape {new.shape} to a part of shape {positions.shape}")
    if not positions.size:
        return same(x)
    new = reshape(broadcast_to(new, positions.shape), (-1,))
    source = bind("last_at", reshape(positions, (-1,)), length=x.size)
    taken = bind("take", new, where(source < 0, 0, source), axis=0)
    return reshape(where(source >= 0, taken, reshape(x, (-1,))), x.shape)


# ── making arrays from nothing ───────────────────────────────────────────────────────────────────


def _iota_shape(*, shape: Shape, axis: int) -> ArrayType:
    return ArrayType(shape, default_int)


def _iota_value(*, shape: Shape, axis: int) -> Any:
    column = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return np.broadcast_to(column, shape)


register(Primitive(
    "iota", shape=_iota_shape, reference=_iota_value,
    access=lambda *, shape, axis: Access(indices(len(shape)), indices(len(shape))[axis]),
    notation=r"\operatorname{{iota}}", example=lambda rng: ([], {"shape": (2, 3), "axis": 1}),
))  # fmt: skip


@operation
def arange(start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None) -> Array:
    """Numbers from ``start`` to before ``stop``: integers where all three are, else float32.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.arange(3)
    Array([0, 1, 2], dtype=int64)
    """
    first, end = (0, start) if stop is None else (start, stop)
    if step == 0:
        raise SettingError("arange: the step is 0")
    integers = all(isinstance(n, int | np.integer) for n in (first, end, step))
    count = max(0, -int(-(end - first) // step))
    counted = bind("iota", shape=(count,), axis=0)
    if integers:
        out = counted if (first, step) == (0, 1) else counted * int(step) + int(first)
    else:
        out = convert(counted, np.dtype(np.float64)) * float(step) + float(first)
        dtype = default_float if dtype is None else dtype
    return out if dtype is None else convert(out, as_dtype(dtype))
