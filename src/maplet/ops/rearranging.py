"""Arrays repeated, turned round, taken apart and laid over each other: compositions of movements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.primitive import operation
from maplet.core.trace import bind, same
from maplet.core.types import is_integer, short_name
from maplet.errors import DTypeError, SettingError, ShapeError
from maplet.ops.arguments import as_array, as_shape, broadcast_shape, count_axis, known_value, one_or_more
from maplet.ops.movement import broadcast_to, expand_dims, reshape
from maplet.ops.slicing import concat, slice_along
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import ArrayLike

# ── repeated ─────────────────────────────────────────────────────────────────────────────────────


@operation
def broadcast_arrays(*arrays: ArrayLike) -> list[Array]:
    """Arrays repeated to the shape in which they meet."""
    xs = [as_array(x) for x in arrays]
    shape = broadcast_shape("broadcast_arrays", *[x.shape for x in xs]) if xs else ()
    return [broadcast_to(x, shape) for x in xs]


@operation
def repeat(x: ArrayLike, repeats: int | ArrayLike, /, *, axis: int | None = None) -> Array:
    """Each element along an axis (or of the flattened array) several times: as often as its own number says.

    Numbers of their own, a list or an array of integers, must be known, as the shape of the result depends on them.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.repeat(mp.asarray([1, 2]), 2)
    Array([1, 1, 2, 2], dtype=int64)
    """
    x = as_array(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    at = count_axis("repeat", axis, x.ndim)
    if isinstance(cast("Any", repeats), int | np.integer):
        times = whole("repeat: repeats", repeats, least=0)
        long = expand_dims(x, axis=at + 1)
        each = broadcast_to(long, (*long.shape[: at + 1], times, *long.shape[at + 2 :]))
        return reshape(each, (*x.shape[:at], x.shape[at] * times, *x.shape[at + 1 :]))
    return bind(
        "take", x, Array(_repeated(x.shape[at], repeats if isinstance(repeats, Array) else Array(repeats))), axis=at
    )


def _repeated(length: int, repeats: Array) -> np.ndarray[Any, Any]:
    """The positions along an axis, each as often as its number says."""
    if not is_integer(repeats.dtype):
        raise DTypeError(
            f"repeat: how often is an integer, not {short_name(repeats.dtype)}", fix="convert: repeats.astype(mp.int64)"
        )
    counts = known_value("repeat by", repeats, fix="give Python integers: mp.repeat(x, 3), mp.repeat(x, [1, 0, 2])")
    if counts.size not in (1, length) or counts.ndim > 1:
        raise ShapeError(
            f"repeat: numbers of shape {counts.shape} for an axis of length {length}",
            fix="give one number, or one for each element of the axis",
        )
    if counts.size and counts.min() < 0:
        raise SettingError(f"repeat: {counts.min()} times is less than never", fix="give numbers ≥ 0")
    return np.repeat(np.arange(length), counts.astype(np.int64))


@operation
def tile(x: ArrayLike, repetitions: int | Sequence[int], /) -> Array:
    """The whole array laid several times along each axis; numbers before those of its own axes make new axes.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.tile(mp.asarray([1, 2]), (2, 2))
    Array([[1, 2, 1, 2],
           [1, 2, 1, 2]], dtype=int64)
    """
    x = as_array(x)
    times = as_shape("tile", repetitions)
    ndim = max(len(times), x.ndim)
    times = (1,) * (ndim - len(times)) + times
    lengths = (1,) * (ndim - x.ndim) + x.shape
    apart = reshape(x, [m for n in lengths for m in (1, n)])
    laid = broadcast_to(apart, [m for k, n in zip(times, lengths, strict=True) for m in (k, n)])
    return reshape(laid, [k * n for k, n in zip(times, lengths, strict=True)])


# ── turned round ─────────────────────────────────────────────────────────────────────────────────


@operation
def roll(x: ArrayLike, /, shift: int | Sequence[int], *, axis: int | Sequence[int] | None = None) -> Array:
    """The elements moved along axes, in a circle: what leaves at the end comes in at the front.

    Without an axis the flattened array is rolled.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.roll(mp.arange(5), 2)
    Array([3, 4, 0, 1, 2], dtype=int64)
    """
    x = as_array(x)
    shifts = [whole("roll: shift", by) for by in one_or_more(shift)]
    if axis is None:
        return reshape(_rolled(reshape(x, (-1,)), 0, sum(shifts)), x.shape)
    axes = [count_axis("roll", a, x.ndim) for a in one_or_more(axis)]
    count = max(len(shifts), len(axes))
    if not {len(shifts), len(axes)} <= {1, count}:
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes", fix="give one for each, or one for all")
    out = x
    for at, by in zip(axes * (count // len(axes)), shifts * (count // len(shifts)), strict=True):
        out = _rolled(out, at, by)
    return same(x) if out is x else out


def _rolled(x: Array, axis: int, by: int) -> Array:
    length = x.shape[axis]
    start = by % length if length else 0
    if not start:
        return x
    ends = slice_along(x, axis, length - start, length), slice_along(x, axis, 0, length - start)
    return concat(ends, axis=axis)


# ── apart ────────────────────────────────────────────────────────────────────────────────────────


@operation
def split(x: ArrayLike, parts: int | Sequence[int], /, *, axis: int = 0) -> tuple[Array, ...]:
    """An array cut along an axis, as NumPy does: into so many equal parts, or before each of some positions.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.split(mp.asarray([1, 2, 3, 4]), 2)
    (Array([1, 2], dtype=int64), Array([3, 4], dtype=int64))
    >>> [part.shape for part in mp.split(mp.zeros((2, 7)), [1, 4], axis=1)]
    [(2, 1), (2, 3), (2, 3)]
    """
    x = as_array(x)
    at = count_axis("split", axis, x.ndim)
    length = x.shape[at]
    if not isinstance(parts, Iterable):
        count = whole("split: parts", parts, least=1)
        if length % count:
            raise ShapeError(
                f"split: an axis of length {length} has no {count} equal parts",
                fix="give the positions at which to cut: mp.split(x, [2, 5])",
            )
        cuts = [length // count * n for n in range(1, count)]
    else:
        cuts = [whole("split: parts", cut) for cut in parts]
    spans = [range(length)[first:last] for first, last in zip([None, *cuts], [*cuts, None], strict=True)]
    return tuple(slice_along(x, at, span.start, span.start + len(span)) for span in spans)


@operation
def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis, each without it: what `stack` puts together.

    Examples
    --------
    >>> import maplet as mp
    >>> a, b = mp.unstack(mp.asarray([[1, 2], [3, 4]]))
    >>> b
    Array([3, 4], dtype=int64)
    """
    x = as_array(x)
    at = count_axis("unstack", axis, x.ndim)
    rest = (*x.shape[:at], *x.shape[at + 1 :])
    return tuple(reshape(slice_along(x, at, n, n + 1), rest) for n in range(x.shape[at]))
