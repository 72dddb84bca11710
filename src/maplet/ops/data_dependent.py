"""Operations whose result has a shape that depends on the data: where something is, and what occurs.

They need values: outside a trace, or inside one that computes while it records (eager `mp.grad`). Positions carry no
gradient; the values that they pick out do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from maplet.core.array import Array
from maplet.core.primitive import operation
from maplet.core.trace import bind
from maplet.errors import ShapeError
from maplet.ops.arguments import as_array, known_value
from maplet.ops.movement import reshape

if TYPE_CHECKING:
    from maplet.core.array import ArrayLike

keep_the_shape = "keep the shape: mp.where(condition, x, 0) and mp.sum(condition) need no positions; or leave mp.jit"
count_each = "compute it outside mp.jit; for known values, mp.one_hot(x, n) or mp.segment_sum counts them"


class UniqueAll(NamedTuple):
    """What occurs in an array, where first, where in `values` each element of the array is, and how often it occurs."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCounts(NamedTuple):
    """What occurs in an array, and how often."""

    values: Array
    counts: Array


class UniqueInverse(NamedTuple):
    """What occurs in an array, and where in `values` each of its elements is."""

    values: Array
    inverse_indices: Array


@operation
def nonzero(x: ArrayLike, /) -> tuple[Array, ...]:
    """The positions of the elements that are not 0 (not false), one array for each axis, in row-major order.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.nonzero(mp.asarray([0.0, 3.0, 0.0, 2.0]))
    (Array([1, 3], dtype=int64),)
    """
    x = as_array(x)
    if not x.ndim:
        raise ShapeError("nonzero: an array without axes has no positions", fix="compare it: x != 0")
    value = known_value("nonzero of", x, keep_the_shape)
    return tuple(Array(positions) for positions in np.nonzero(value))


@operation
def unique_all(x: ArrayLike, /) -> UniqueAll:
    """What occurs in an array, in ascending order, with its positions and counts. Every NaN is one of its own.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.unique_all(mp.asarray([3, 1, 3])).counts
    Array([1, 2], dtype=int64)
    """
    return _unique("unique_all", as_array(x))


def _unique(name: str, x: Array) -> UniqueAll:
    found = np.unique_all(known_value(f"{name} of", x, count_each))
    first = Array(found.indices)
    values = bind("take", reshape(x, (-1,)), first, axis=0)
    return UniqueAll(values, first, Array(found.inverse_indices), Array(found.counts))


@operation
def unique_counts(x: ArrayLike, /) -> UniqueCounts:
    """What occurs in an array, in ascending order, and how often."""
    found = _unique("unique_counts", as_array(x))
    return UniqueCounts(found.values, found.counts)


@operation
def unique_inverse(x: ArrayLike, /) -> UniqueInverse:
    """What occurs in an array, in ascending order, and where in that each of its elements is."""
    found = _unique("unique_inverse", as_array(x))
    return UniqueInverse(found.values, found.inverse_indices)


@operation
def unique_values(x: ArrayLike, /) -> Array:
    """What occurs in an array, in ascending order.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.unique_values(mp.asarray([3, 1, 3]))
    Array([1, 3], dtype=int64)
    """
    return _unique("unique_values", as_array(x)).values
