"""A margin around an array: of a constant, or of the array's own elements.

The margin of an axis is made of pieces of that axis, taken forwards, backwards, or one element over and over; which
pieces these are is known before any value is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.primitive import operation
from maplet.core.trace import bind, same
from maplet.errors import SettingError, ShapeError
from maplet.ops.arguments import as_array, as_shape, meet
from maplet.ops.movement import broadcast_to
from maplet.ops.slicing import concat, slice_along
from maplet.settings import choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from maplet.core.array import ArrayLike
    from maplet.core.types import Shape

    Positions = np.ndarray[Any, np.dtype[np.int64]]


@operation
def pad(
    x: ArrayLike,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    /,
    mode: Literal["constant", "edge", "reflect", "symmetric", "wrap"] = "constant",
    *,
    value: ArrayLike = 0.0,
) -> Array:
    """The array with a margin around it.

    Parameters
    ----------
    x
        The array.
    pad_width
        How wide the margin is: one number, a pair (before, after), or one pair per axis.
    mode
        What is in it, for ``a b c d``: with "constant" ``value``; with "edge" ``a a|a b c d``, with "reflect"
        ``c b|a b c d``, with "symmetric" ``b a|a b c d``, with "wrap" ``c d|a b c d``.
    value
        The constant.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.pad(mp.asarray([1.0, 2.0]), (1, 2))
    Array([0., 1., 2., 0., 0.], dtype=float32)
    >>> mp.pad(mp.asarray([1.0, 2.0, 3.0]), (2, 1), mode="reflect")
    Array([3., 2., 1., 2., 3., 2.], dtype=float32)
    """
    x = as_array(x)
    low, high = _widths(pad_width, x.ndim)
    choice("pad: mode", mode, ("constant", *position_of))
    plain = not isinstance(value, Array | np.ndarray) and value == 0
    if mode != "constant":
        if not plain:
            raise SettingError(f"pad: mode={mode!r} takes its margin from the array, and no value", fix="leave it out")
        return _with_own_margin(x, mode, low, high)
    if not any(low) and not any(high):
        return same(x)
    padded = bind("pad", x, low=low, high=high, between=(0,) * x.ndim)
    if plain:
        return padded
    inside = bind("pad", broadcast_to(as_array(True), x.shape), low=low, high=high, between=(0,) * x.ndim)
    padded, margin = meet(padded, value)
    return bind("where", inside, padded, margin)


def _widths(given: Any, ndim: int) -> tuple[Shape, Shape]:
    nested = isinstance(given, list | tuple) and any(
        isinstance(pair, list | tuple) for pair in cast("list[Any]", given)
    )
    pairs = cast("list[Any]", given if nested else [given])
    try:
        both = [as_shape("pad", pair) for pair in pairs]
        widths = np.broadcast_to(np.asarray(both, dtype=np.int64), (ndim, 2)).tolist()
    except (ValueError, OverflowError):  # ShapeError is one
        raise ShapeError(
            f"pad: {given!r} says no widths for an array with {ndim} axes",
            fix="give one integer, a pair (before, after), or one pair per axis: ((1, 1), (0, 2))",
        ) from None
    return tuple(low for low, _ in widths), tuple(high for _, high in widths)


# ── a margin of its own elements ─────────────────────────────────────────────────────────────────


def _mirrored(at: Positions, length: int, period: int) -> Positions:
    """Positions that run up and down: of each period, the first half forwards and the rest backwards."""
    inside = at % max(period, 1)
    return np.where(inside < length, inside, period - inside - (period == 2 * length))


# Mode → which element of an axis of a given length stands at a place before or behind it.
position_of: dict[str, Callable[[Positions, int], Positions]] = {
    "edge": lambda at, length: np.clip(at, 0, length - 1),
    "reflect": lambda at, length: _mirrored(at, length, 2 * length - 2),  # the last element is not repeated
    "symmetric": lambda at, length: _mirrored(at, length, 2 * length),
    "wrap": lambda at, length: at % length,
}


most_pieces = 9  # of an axis with its margin: a margin many times as long as the axis is looked up


def _with_own_margin(x: Array, mode: str, low: Shape, high: Shape) -> Array:
    out = x
    for axis, (before, after) in enumerate(zip(low, high, strict=True)):
        if not before and not after:
            continue
        length = x.shape[axis]
        if not length:
            raise ShapeError(f"pad: axis {axis} of shape {x.shape} is empty, and has nothing for its margin")
        left = position_of[mode](np.arange(-before, 0), length)
        right = position_of[mode](np.arange(length, length + after), length)
        pieces = [*_pieces(out, axis, left), out, *_pieces(out, axis, right)]
        if len(pieces) > most_pieces:
            positions = np.concatenate([left, np.arange(length), right])
            out = bind("take", out, Array(positions), axis=axis)
        else:
            out = concat(pieces, axis=axis)
    return same(x) if out is x else out


def _pieces(x: Array, axis: int, positions: Positions) -> Iterator[Array]:
    """The elements at positions, in as few slices as can be."""
    start = 0
    while start < len(positions):
        first = int(positions[start])
        step = int(positions[start + 1]) - first if start + 1 < len(positions) else 1
        step = step if abs(step) <= 1 else 1
        count = 1
        while start + count < len(positions) and positions[start + count] == first + count * step:
            count += 1
        yield _piece(x, axis, first, count, step)
        start += count


def _piece(x: Array, axis: int, first: int, count: int, step: int) -> Array:
    if not step:
        one = slice_along(x, axis, first, first + 1)
        return broadcast_to(one, tuple(count if a == axis else n for a, n in enumerate(x.shape)))
    starts = tuple(first if a == axis else 0 for a in range(x.ndim))
    lengths = tuple(count if a == axis else n for a, n in enumerate(x.shape))
    return bind(
        "slice", x, starts=starts, lengths=lengths, steps=tuple(step if a == axis else 1 for a in range(x.ndim))
    )
