"""Where a number belongs, how many there are, and the greatest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from maplet.core.primitive import operation
from maplet.core.trace import bind
from maplet.core.types import kind_of
from maplet.errors import ShapeError
from maplet.ops import reduction
from maplet.ops.arguments import as_array, count_axis, meet
from maplet.ops.elementwise import isnan, not_equal, where
from maplet.ops.indexing import take_along_axis
from maplet.ops.movement import broadcast_to, moveaxis
from maplet.settings import choice, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike


@operation
def count_nonzero(x: ArrayLike, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """How many elements over axes are not 0 (not false).

    Examples
    --------
    >>> import maplet as mp
    >>> mp.count_nonzero(mp.asarray([0.0, 3.0, -1.0]))
    Array(2, dtype=int64)
    """
    return reduction.sum(not_equal(x, 0), axis=axis, keepdims=keepdims)


# ── the place in an order ────────────────────────────────────────────────────────────────────────


@operation
def searchsorted(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: ArrayLike | None = None,
) -> Array:
    """At which position of ``x1``, which ascends, each number of ``x2`` could be put in without breaking the order.

    Among equal numbers it is the first such position, or the last with ``side="right"``. ``sorter`` are the positions
    that put ``x1`` in order, where it is not. NaN counts as greater than every number. Found by halving: ⌈log₂(n + 1)⌉
    comparisons for each number.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.searchsorted(mp.asarray([1.0, 3.0, 5.0]), mp.asarray([3.0, 4.0]))
    Array([1, 2], dtype=int64)
    """
    choice("searchsorted: side", side, ("left", "right"))
    ordered, wanted = meet(x1, x2)
    if ordered.ndim != 1:
        raise ShapeError(
            f"searchsorted: the numbers in order have one axis, given shape {ordered.shape}",
            fix="mp.reshape(x, (-1,)) if they are in order so",
        )
    if sorter is not None:
        order = as_array(sorter)
        if order.shape != ordered.shape:
            raise ShapeError(
                f"searchsorted: sorter has shape {order.shape}, the numbers {ordered.shape}",
                fix="give the positions that put all of them in order: sorter=mp.argsort(x1)",
            )
        ordered = bind("take", ordered, order, axis=0)
    length = ordered.shape[0]
    low = broadcast_to(as_array(0), wanted.shape)
    high = broadcast_to(as_array(length), wanted.shape)
    for _ in range(length.bit_length()):
        middle = (low + high) // 2
        open_ = low < high
        at_middle = bind("take", ordered, where(open_, middle, 0), axis=0)
        before = _less(at_middle, wanted) if side == "left" else ~_less(wanted, at_middle)
        low = where(open_ & before, middle + 1, low)
        high = where(open_ & ~before, middle, high)
    return low


def _less(x: Array, y: Array) -> Array:
    """Whether x comes before y, with NaN behind every number."""
    return (x < y) | (isnan(y) & ~isnan(x)) if kind_of(x.dtype) == "f" else x < y


# ── the greatest ─────────────────────────────────────────────────────────────────────────────────


class TopK(NamedTuple):
    """The greatest elements, and where they are."""

    values: Array
    positions: Array


@operation
def topk(x: ArrayLike, k: int, /, *, axis: int = -1) -> TopK:
    """The ``k`` greatest elements along an axis, the greatest first, and their positions.

    NaN counts as greater than every number; of equal elements the first comes first. The gradient goes to the elements
    that were taken.

    Examples
    --------
    >>> import maplet as mp
    >>> values, positions = mp.topk(mp.asarray([3.0, 1.0, 2.0]), 2)
    >>> positions
    Array([0, 2], dtype=int64)
    """
    x = as_array(x)
    at = count_axis("topk", axis, x.ndim)
    k = whole("topk: k", k, least=0, most=x.shape[at])
    positions = moveaxis(bind("top", moveaxis(x, at, -1), k=k), -1, at)
    return TopK(take_along_axis(x, positions, axis=at), positions)
