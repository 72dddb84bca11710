"""Norms of vectors and matrices: how large they are."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Literal

from maplet.core.context import located
from maplet.core.primitive import operation
from maplet.errors import SettingError, ShapeError
from maplet.ops.arguments import as_array, as_floating, convert
from maplet.ops.composite import norm
from maplet.ops.elementwise import abs as absolute
from maplet.ops.elementwise import equal, not_equal, power, where
from maplet.ops.movement import expand_dims
from maplet.ops.reduction import max as greatest
from maplet.ops.reduction import min as least
from maplet.ops.reduction import sum as summed
from maplet.ops.spectra import svdvals
from maplet.settings import flag, real

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike

    Order = float | Literal["fro", "nuc"]


@operation
@located
def vector_norm(
    x: ArrayLike, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False, ord: float = 2
) -> Array:
    """The norm (Σ |x|^p)^(1/p) of vectors over axes, all of them by default, for any real p = ``ord``.

    ``ord`` = ∞ gives the greatest |x|, −∞ the least, 0 how many elements are not 0. The gradient of the zero vector is
    taken as 0 for 1 < p < ∞; those that tie for ±∞ share the gradient.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.vector_norm(mp.asarray([3.0, 4.0])), mp.linalg.vector_norm(mp.asarray([3.0, 4.0]), ord=1)
    (Array(5.), Array(7.))
    """
    x = as_floating(as_array(x))
    ord = ord if ord in (inf, -inf) else real("vector_norm: ord", ord)
    options: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    if ord == 2:
        return norm(x, **options)
    if ord == 0:
        return summed(convert(not_equal(x, 0.0), x.dtype), **options)
    sizes = absolute(x)
    if ord in (inf, -inf):
        return greatest(sizes, **options) if ord > 0 else least(sizes, **options)
    if ord == 1:
        return summed(sizes, **options)
    total = summed(power(sizes, ord), **options)
    zero = equal(total, 0.0)
    return where(zero, 0.0, power(where(zero, 1.0, total), 1.0 / ord))


@operation
@located
def matrix_norm(x: ArrayLike, /, *, keepdims: bool = False, ord: Order = "fro") -> Array:
    """A norm of matrices, the last two axes.

    =========  ================================================
    ``ord``    norm
    =========  ================================================
    ``"fro"``  √Σ x², of Frobenius
    ``"nuc"``  the sum of the singular values
    1, −1      the greatest, the least sum of |x| over a column
    ∞, −∞      the greatest, the least sum of |x| over a row
    2, −2      the greatest, the least singular value
    =========  ================================================

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.matrix_norm(mp.asarray([[3.0, 0.0], [0.0, 4.0]]))
    Array(5.)
    """
    x = as_floating(as_array(x))
    if x.ndim < 2:
        raise ShapeError(
            f"matrix_norm takes a matrix, or an array of matrices in its last two axes, given shape {x.shape}",
            fix="mp.linalg.vector_norm(x)",
        )
    known = {1, 2, inf, -1, -2, -inf}
    if isinstance(ord, bool) or not isinstance(ord, str | int | float) or ord not in {"fro", "nuc", *known}:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SettingError(f"matrix_norm: ord={ord!r}", fix="'fro', 'nuc', 1, 2, mp.inf, or −1, −2, −mp.inf")
    if ord == "fro":
        return norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        out = summed(svdvals(x), axis=-1)
    else:
        sizes = svdvals(x) if ord in (2, -2) else summed(absolute(x), axis=-2 if ord in (1, -1) else -1)
        out = greatest(sizes, axis=-1) if float(ord) > 0 else least(sizes, axis=-1)
    if flag("matrix_norm: keepdims", keepdims):
        return expand_dims(expand_dims(out, axis=-1), axis=-1)
    return out
