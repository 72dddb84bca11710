"""``a[key]`` and ``a[key] = v`` with NumPy's meaning, spelled out in slices, reshapes and one look-up."""

# Whether a position is inside can be said early where an array's value is known.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import builtins
import operator
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.primitive import operation
from maplet.core.trace import bind, same
from maplet.core.types import (
    bool_dtype,
    default_int,
    python_numbers,
    short_name,
)
from maplet.errors import AxisError, DTypeError, PositionError, ShapeError, TraceError
from maplet.ops.arguments import as_array, broadcast_shape, convert, holds, known_value
from maplet.ops.creation import arange
from maplet.ops.elementwise import logical_or, where
from maplet.ops.indexing import require_inside, require_positions
from maplet.ops.movement import broadcast_to, permute_dims, reshape

if TYPE_CHECKING:
    from maplet.core.array import ArrayLike
    from maplet.core.types import Shape


@operation
def getitem(x: Array, key: Any) -> Array:
    """``x[key]`` with NumPy's meaning: integers, slices, ``...``, ``None``, and arrays of integers or booleans."""
    if _is_mask(key) and not key.ndim:  # it stands for a new axis, of length 1 or 0
        value = key._value if isinstance(key, Array) else key
        x, key = reshape(x, (1, *x.shape)), reshape(key, (1,)) if value is None else Array(np.reshape(value, (1,)))
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
        raise AxisError(f"{used} indices and {ellipses} ellipses for an array of shape {shape}")
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
    if isinstance(part, slice):
        try:
            cast("Any", part).indices(0)
        except (TypeError, ValueError):
            raise PositionError(
                f"{part!r} selects nothing", fix="its ends are integers or None, its step is not 0"
            ) from None
    if part is None or part is Ellipsis or isinstance(part, slice):
        return cast("Any", part)
    if _is_one_boolean(part):
        raise DTypeError("a single boolean is no index", fix="use mp.where, or a boolean array of the array's shape")
    if not isinstance(part, Array | np.ndarray | list | tuple):
        try:
            return operator.index(part)
        except TypeError:
            raise DTypeError(
                f"an index of type {type(part).__name__} is not an integer, slice or array",
                fix="x[2], x[1:3], x[:, None], x[x > 0]",
            ) from None
    empty = isinstance(part, list | tuple) and not part
    array = as_array(cast("Any", part), default_int if empty else None)
    if array.dtype != bool_dtype:
        require_positions("an index array", array.type)
    elif not isinstance(part, Array):
        return Array(part)  # not as a constant of the trace: where it is true must be known now
    return array


def _where_true(array: Array, shape: Shape) -> list[Array]:
    """The positions at which a boolean array of the same shape is true, one array per axis; an axis may have none."""
    if any(n not in (0, length) for n, length in zip(array.shape, shape, strict=True)):
        raise AxisError(
            f"a boolean index of shape {array.shape} for axes of shape {shape}", fix="the shapes must be equal"
        )
    value = known_value("indexing with", array, fix="keep the shape: mp.where(mask, x, 0), or sum with weights")
    return [Array(positions) for positions in np.nonzero(value)]


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
            if not -n <= part < n:  # for NumPy this small question is a long one
                require_inside(np.asarray(part), axis, x.shape)
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
    outside: Array | None = None
    for (axis, array), length in zip(arrays.items(), x_lengths, strict=True):
        array = convert(array, default_int)  # noqa: PLW2901  (the same array, as positions)
        if array._value is not None:
            require_inside(array._value, axis, x.shape)
        elif len(axes) > 1:  # beyond one axis, and yet perhaps inside of the merged one
            beyond = logical_or(array < -length, array >= length)
            outside = beyond if outside is None else logical_or(outside, beyond)
        wrapped = array if len(axes) == 1 else where(array < 0, array + length, array)
        position = wrapped if position is None else position * length + wrapped
    x = permute_dims(x, (*rest[:front], *axes, *rest[front:]))
    x = reshape(x, (*[x.shape[a] for a in range(front)], prod(x_lengths), *x.shape[front + len(axes) :]))
    assert position is not None  # noqa: S101  (there is at least one index array)
    if outside is not None:
        position = where(outside, prod(x_lengths), position)  # which `take` refuses when it runs
    return bind("take", x, broadcast_to(position, common), axis=front)


@operation
def setitem(x: Array, key: Any, value: ArrayLike) -> Array:
    """A new array: ``x`` with ``value`` at ``key``; where a position occurs twice the last value stays.

    A boolean array as the whole key makes a `where`, if the value does not depend on how many are true; then it may be
    traced.
    """
    if _is_mask(key) and key.shape == x.shape[: key.ndim]:
        new = _fitting(x, value)
        after = x.shape[key.ndim :]
        if _is_shared(new.shape, after):
            mask = reshape(as_array(key), (*key.shape, *[1] * len(after)))
            return where(mask, broadcast_to(new, after), x)
        if isinstance(key, Array) and key._value is None:
            raise TraceError(
                f"assigning {new.type} where a traced boolean array ({key.type}) is true depends on how many are",
                fix="assign a number, or what all of them share; else x = mp.where(mask, values, x), with a value for "
                "each element of x",
            )
    positions = getitem(reshape(arange(x.size), x.shape), key)
    new = _fitting(x, value)
    if len(new.shape) > positions.ndim or broadcast_shape("assignment", new.shape, positions.shape) != positions.shape:
        raise ShapeError(
            f"cannot assign an array of shape {new.shape} to a part of shape {positions.shape}",
            fix="give a number, or values of the shape of the part",
        )
    if not positions.size:
        return same(x)
    new = reshape(broadcast_to(new, positions.shape), (-1,))
    return reshape(bind("put", reshape(x, (-1,)), reshape(positions, (-1,)), new), x.shape)


def _fitting(x: Array, value: ArrayLike) -> Array:
    """What is to be assigned, in the dtype of the array; refused where that would lose something."""
    new = value if isinstance(value, python_numbers) else as_array(value)
    fits = np.can_cast(new.dtype, x.dtype, "same_kind") if isinstance(new, Array) else holds(x.dtype, new)
    if not fits:
        given = short_name(new.dtype) if isinstance(new, Array) else repr(new)
        raise DTypeError(
            f"cannot assign {given} to a part of an array of {short_name(x.dtype)} without loss",
            fix="convert one of them with x.astype(...)",
        )
    return as_array(new, x.dtype)


def _is_shared(shape: Shape, part: Shape) -> bool:
    """Whether a value of a shape is repeated to each part of another shape."""
    return len(shape) <= len(part) and all(n in (1, m) for n, m in zip(shape[::-1], part[::-1], strict=False))
