"""How far numbers are from each other: from their neighbours, and from those that they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.primitive import operation
from maplet.core.trace import same
from maplet.core.types import float64, is_floating
from maplet.ops import reduction
from maplet.ops.arguments import as_array, convert, count_axis, meet
from maplet.ops.elementwise import abs, equal, isfinite, isnan  # noqa: A004  (the standard's name for |x|)
from maplet.ops.slicing import concat, slice_along
from maplet.settings import flag, whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


@operation
def diff(
    x: ArrayLike,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> Array:
    """What each element along an axis has more than the one before it; of that again, ``n`` times in all.

    ``prepend`` and ``append`` are joined to the array first.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.diff(mp.asarray([1.0, 4.0, 9.0]))
    Array([3., 5.], dtype=float32)
    """
    n = whole("diff: n", n, least=0)
    out = as_array(x)
    at = count_axis("diff", axis, out.ndim)
    around = [part for part in (prepend, out, append) if part is not None]
    out = concat(around, axis=at) if len(around) > 1 else same(out)
    for _ in range(min(n, out.shape[at])):  # after that nothing is left
        length = out.shape[at]
        out = slice_along(out, at, min(1, length), length) - slice_along(out, at, 0, max(length - 1, 0))
    return out


@operation
def isclose(
    x1: ArrayLike, x2: ArrayLike, /, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """Whether |x1 − x2| ≤ atol + rtol·|x2|, element by element; equal infinities are close, and NaN on request.

    Integers are compared in float64.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.isclose(mp.asarray([1.0, 2.0]), mp.asarray([1.000001, 2.1]))
    Array([ True, False], dtype=bool)
    """
    x, y = meet(x1, x2)
    if not is_floating(x.dtype):
        x, y = convert(x, float64), convert(y, float64)
    near = abs(x - y) <= atol + rtol * abs(y)
    close = (near & isfinite(y)) | equal(x, y)  # beside an infinity, every finite number would be near
    return close | (isnan(x) & isnan(y)) if flag("isclose: equal_nan", equal_nan) else close


@operation
def allclose(
    x1: ArrayLike, x2: ArrayLike, /, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """Whether every element is close to its counterpart; see `isclose`.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.allclose(mp.asarray([1.0, 2.0]), mp.asarray([1.0, 2.0]) + 1e-7)
    Array(True, dtype=bool)
    """
    return reduction.all(isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan))
