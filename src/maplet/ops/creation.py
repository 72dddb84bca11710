"""Making arrays: from what a user has, or from nothing."""

# The record below is a table of short lambdas, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind, same
from maplet.core.types import ArrayType, as_dtype, default_float, default_int
from maplet.errors import SettingError
from maplet.ops.arguments import as_array, as_shape, convert
from maplet.ops.elementwise import equal
from maplet.ops.movement import broadcast_to, expand_dims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape


@operation
def asarray(x: ArrayLike, /, *, dtype: Any = None) -> Array:
    """An array from numbers, nested lists or a NumPy array (copied, so that later changes to it do not show).

    Python floats become float32; what has a dtype keeps it.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.asarray([1.0, 2.0])
    Array([1., 2.], dtype=float32)
    """
    return same(as_array(x, None if dtype is None else as_dtype(dtype)))


@operation
def full(shape: int | Sequence[int], fill_value: float, *, dtype: Any = None) -> Array:
    """An array of one value."""
    return broadcast_to(
        as_array(fill_value, None if dtype is None else as_dtype(dtype)), as_shape("a new array", shape)
    )


@operation
def zeros(shape: int | Sequence[int], *, dtype: Any = default_float) -> Array:
    """An array of zeros."""
    return full(shape, 0, dtype=dtype)


@operation
def ones(shape: int | Sequence[int], *, dtype: Any = default_float) -> Array:
    """An array of ones."""
    return full(shape, 1, dtype=dtype)


@operation
def zeros_like(x: ArrayLike, /, *, dtype: Any = None) -> Array:
    """Zeros of the shape and dtype of another array."""
    x = as_array(x)
    return zeros(x.shape, dtype=x.dtype if dtype is None else dtype)


@operation
def ones_like(x: ArrayLike, /, *, dtype: Any = None) -> Array:
    """Ones of the shape and dtype of another array."""
    x = as_array(x)
    return ones(x.shape, dtype=x.dtype if dtype is None else dtype)


@operation
def eye(n: int, m: int | None = None, /, *, dtype: Any = default_float) -> Array:
    """The identity matrix, n × m."""
    rows, columns = expand_dims(arange(n), axis=1), expand_dims(arange(n if m is None else m), axis=0)
    return convert(equal(rows, columns), as_dtype(dtype))


# ── counting ─────────────────────────────────────────────────────────────────────────────────────


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
