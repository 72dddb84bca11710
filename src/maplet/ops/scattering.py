"""Numbers added up where they belong: the opposite of looking them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.primitive import operation
from maplet.core.trace import bind
from maplet.core.types import default_int, kind_of
from maplet.errors import ShapeError
from maplet.ops.arguments import as_array, convert, count_axis, meet
from maplet.ops.indexing import require_positions
from maplet.ops.movement import broadcast_to
from maplet.settings import whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


@operation
def segment_sum(x: ArrayLike, segments: ArrayLike, /, num_segments: int) -> Array:
    """The sums of the rows that belong together: ``out[s] = Σ x[i]`` over all i with ``segments[i] = s``.

    ``segments`` has one integer, from 0 to ``num_segments`` − 1, for each row of ``x`` (for each element of its first
    axes, if it has several); a segment without rows is 0. Negative ones count from the end, as positions do everywhere,
    and one outside is an error. Truth values are counted.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.segment_sum(mp.asarray([1.0, 2.0, 4.0]), mp.asarray([0, 1, 0]), 3)
    Array([5., 2., 0.], dtype=float32)
    """
    x, places = as_array(x), as_array(segments)
    require_positions("segment_sum", places.type)
    num_segments = whole("segment_sum: num_segments", num_segments, least=0)
    if x.shape[: places.ndim] != places.shape:
        raise ShapeError(
            f"segment_sum: segments of shape {places.shape} for an array of shape {x.shape}",
            fix="give one segment for each row: segments.shape == x.shape[:1]",
        )
    if kind_of(x.dtype) == "b":
        x = convert(x, default_int)
    return bind("add_at", x, places, axis=0, length=num_segments)


@operation
def scatter_add(x: ArrayLike, positions: ArrayLike, values: ArrayLike, /, *, axis: int = 0) -> Array:
    """The array with values added at positions along an axis; a position that occurs twice gets both.

    Positions along one axis take whole slices, as in `take`: ``out[p[i]] += v[i]``. With as many axes as the array has
    they take one element each, as in `take_along_axis`: ``out[i, p[i,j]] += v[i,j]`` for the last axis.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.scatter_add(mp.zeros((3,)), mp.asarray([0, 2, 0]), mp.asarray([1.0, 2.0, 4.0]))
    Array([5., 0., 2.], dtype=float32)
    """
    x, new = meet(x, values)
    places = as_array(positions)
    require_positions("scatter_add", places.type)
    at = count_axis("scatter_add", axis, x.ndim)
    if places.ndim not in (1, x.ndim):
        raise ShapeError(
            f"scatter_add: positions of shape {places.shape} for an array of shape {x.shape}",
            fix="give positions along one axis, for whole slices, or with as many axes as the array",
        )
    length = x.shape[at]
    if places.ndim == x.ndim and x.ndim > 1:
        return x + bind("add_along_axis", broadcast_to(new, places.shape), places, axis=at, length=length)
    slices = (*x.shape[:at], places.shape[0], *x.shape[at + 1 :])
    return x + bind("add_at", broadcast_to(new, slices), places, axis=at, length=length)
