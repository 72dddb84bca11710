"""Products of vectors, matrices and arrays of more axes; powers and traces. Composed of `matmul`, products and sums."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

from maplet.core.context import located
from maplet.core.primitive import operation
from maplet.core.trace import bind, same
from maplet.core.types import kind_of, short_name
from maplet.errors import DTypeError, SettingError, ShapeError
from maplet.ops.arguments import as_array, count_axis, meet, require
from maplet.ops.contraction import matmul
from maplet.ops.creation import eye
from maplet.ops.diagonals import diagonal
from maplet.ops.linear_algebra import inv
from maplet.ops.movement import broadcast_to, expand_dims, moveaxis, permute_dims, reshape
from maplet.ops.reduction import sum as summed
from maplet.ops.slicing import stack
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike

    Axes = int | tuple[Sequence[int], Sequence[int]]


def _numbers(name: str, x1: ArrayLike, x2: ArrayLike) -> tuple[Array, Array]:
    x, y = (require(name, a, "uif", "arrays of numbers") for a in meet(x1, x2))
    return x, y


# ── of vectors ───────────────────────────────────────────────────────────────────────────────────


def _vectors(name: str, x1: ArrayLike, x2: ArrayLike, axis: int) -> tuple[Array, Array]:
    """Two arrays with their vectors in the last axis, of one length."""
    x, y = _numbers(name, x1, x2)
    for a in (x, y):
        if not a.ndim:
            raise ShapeError(f"{name} takes vectors, given shapes {x.shape} and {y.shape}", fix="use * for numbers")
    x, y = (moveaxis(a, count_axis(name, axis, a.ndim), -1) for a in (x, y))
    if x.shape[-1] != y.shape[-1]:
        raise ShapeError(
            f"{name}: along axis {axis} there are vectors of length {x.shape[-1]} and {y.shape[-1]}",
            fix="make the lengths equal; only the other axes are broadcast",
        )
    return x, y


@operation
@located
def vecdot(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Array:
    """The inner product of vectors, ``Σ_k x1[…,k]·x2[…,k]``, along an axis; the other axes are broadcast.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.vecdot(mp.asarray([[1.0, 2.0], [3.0, 4.0]]), mp.asarray([1.0, 10.0]))
    Array([21., 43.], dtype=float32)
    """
    x, y = _vectors("vecdot", x1, x2, axis)
    return summed(x * y, axis=-1, dtype=x.dtype)


@operation
@located
def cross(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Array:
    """The cross product of vectors of three elements, at right angles to both; the other axes are broadcast.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.cross(mp.asarray([1.0, 0.0, 0.0]), mp.asarray([0.0, 1.0, 0.0]))
    Array([0., 0., 1.], dtype=float32)
    """
    x, y = _vectors("cross", x1, x2, axis)
    if x.shape[-1] != 3:
        raise ShapeError(
            f"cross takes vectors of 3 elements, given {x.shape[-1]} along axis {axis}",
            fix="axis= says where the vectors lie; of two elements it is x[0] * y[1] - x[1] * y[0]",
        )
    turns = ((1, 2), (2, 0), (0, 1))
    out = stack([x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in turns], axis=-1)
    return moveaxis(out, -1, axis)


@operation
@located
def outer(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Every product of two vectors, ``out[i,j] = x1[i]·x2[j]``.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.outer(mp.asarray([1.0, 2.0]), mp.asarray([3.0, 4.0]))
    Array([[3., 4.],
           [6., 8.]], dtype=float32)
    """
    x, y = _numbers("outer", x1, x2)
    if x.ndim != 1 or y.ndim != 1:
        raise ShapeError(
            f"outer takes two vectors, given shapes {x.shape} and {y.shape}",
            fix="x[..., :, None] * y[..., None, :] for arrays of vectors",
        )
    return expand_dims(x, axis=1) * y


# ── over several axes ────────────────────────────────────────────────────────────────────────────


@operation
@located
def tensordot(x1: ArrayLike, x2: ArrayLike, /, *, axes: Axes = 2) -> Array:
    """The sum of products over several axes: ``out[i…,j…] = Σ_k… x1[i…,k…]·x2[k…,j…]``.

    Parameters
    ----------
    x1, x2
        Arrays. The axes of ``x1`` that are left come first in the result, then those of ``x2``.
    axes
        How many axes: the last of ``x1`` and the first of ``x2``. Or which: those of ``x1`` and those of ``x2``, in
        pairs.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.tensordot(mp.ones((2, 3, 4)), mp.ones((4, 3, 5)), axes=((1, 2), (1, 0))).shape
    (2, 5)
    """
    x, y = _numbers("tensordot", x1, x2)
    first, second = _contracted(axes, x.ndim, y.ndim)
    lengths = [x.shape[a] for a in first]
    if lengths != [y.shape[a] for a in second]:
        raise ShapeError(
            f"tensordot: axes {first} of {x.shape} and {second} of {y.shape} have lengths "
            f"{lengths} and {[y.shape[a] for a in second]}",
            fix="the lengths must be equal in pairs; axes=((…), (…)) says which axes meet",
        )
    left, right = ([a for a in range(z.ndim) if a not in taken] for z, taken in ((x, first), (y, second)))
    rows, columns = [x.shape[a] for a in left], [y.shape[a] for a in right]
    matrix = reshape(permute_dims(x, (*left, *first)), (prod(rows), prod(lengths)))
    other = reshape(permute_dims(y, (*second, *right)), (prod(lengths), prod(columns)))
    return reshape(bind("matmul", matrix, other), (*rows, *columns))


def _contracted(axes: Any, ndim: int, other: int) -> tuple[list[int], list[int]]:
    """Which axes of the one meet which axes of the other."""
    if not isinstance(axes, tuple | list):
        count = whole("tensordot: axes", axes)
        if not 0 <= count <= min(ndim, other):
            raise ShapeError(
                f"tensordot over {count} axes of arrays with {ndim} and {other}", fix="axes= is at most the lesser"
            )
        return list(range(ndim - count, ndim)), list(range(count))
    pair = cast("list[Any]", axes)
    if len(pair) != 2:
        raise SettingError(
            f"tensordot: axes={axes!r}: expected a number, or those of x1 and those of x2", fix="axes=((1, 2), (0, 1))"
        )
    first, second = (_counted(side, n) for side, n in zip(pair, (ndim, other), strict=True))
    if len(first) != len(second) or len(set(first)) != len(first) or len(set(second)) != len(second):
        raise SettingError(f"tensordot: axes={axes!r} are not pairs of axes, each once", fix="axes=((1, 2), (0, 1))")
    return first, second


def _counted(axes: Any, ndim: int) -> list[int]:
    several = isinstance(axes, tuple | list | range)
    return [count_axis("tensordot", a, ndim) for a in (cast("list[Any]", axes) if several else [axes])]


# ── of one matrix ────────────────────────────────────────────────────────────────────────────────


@operation
@located
def matrix_power(x: ArrayLike, n: int, /) -> Array:
    """The product of ``n`` copies of square matrices, by squaring; for n < 0 of the inverse, for n = 0 the identity.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.matrix_power(mp.asarray([[1.0, 1.0], [0.0, 1.0]]), 5)
    Array([[1., 5.],
           [0., 1.]], dtype=float32)
    """
    x, n = as_array(x), whole("matrix_power: n", n)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"matrix_power takes square matrices in the last two axes, given shape {x.shape}",
            fix="mp.linalg.matrix_power(x.mT @ x, n)",
        )
    if kind_of(x.dtype) == "b":
        raise DTypeError(f"matrix_power takes numbers, not {short_name(x.dtype)}", fix="convert with x.astype(...)")
    if n == 0:
        return broadcast_to(eye(x.shape[-1], dtype=x.dtype), x.shape)
    power = same(x) if n > 0 else inv(x)
    n, out = abs(n), None
    while n:
        if n % 2:
            out = power if out is None else matmul(out, power)
        n //= 2
        power = matmul(power, power) if n else power
    assert out is not None  # noqa: S101  (n ≥ 1 has a bit that is set)
    return out


@operation
@located
def trace(x: ArrayLike, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sum of the diagonal of matrices, or of one above (``offset`` > 0) or below it.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.trace(mp.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Array(5.)
    """
    return summed(diagonal(x, offset=offset), axis=-1, dtype=dtype)
