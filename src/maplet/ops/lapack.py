"""How LAPACK is asked, through NumPy, for what a matrix gives: its factors, its determinant, the solution of A X = B.

float32 is computed in float64 and rounded once. Where LAPACK gives up (on a matrix that is singular, or not positive
definite, or holds NaN), all that this matrix gives is NaN; the other matrices of a batch keep what they give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.trace import bind
from maplet.core.types import ArrayType, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.movement import all_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array

precise = (np.dtype(np.float32), np.dtype(np.float64))


def require_precise(name: str, *types: ArrayType) -> None:
    """Refuse what is not float32 or float64, all of one kind."""
    for given in types:
        if given.dtype not in precise:
            raise DTypeError(
                f"{name} takes float32 or float64, not {short_name(given.dtype)}",
                fix="convert first: x.astype(mp.float32), or mp.float64 for twice the digits",
            )
        if given.dtype != types[0].dtype:
            shown = " and ".join(short_name(t.dtype) for t in types)
            raise DTypeError(f"{name} takes arrays of one dtype, given {shown}", fix="convert one with x.astype(...)")


def require_matrices(name: str, x: ArrayType, *, square: bool = False) -> None:
    """Refuse what is no matrix (the last two axes) of float32 or float64, or where it is asked for not a square one."""
    require_precise(name, x)
    if x.ndim < 2:
        raise ShapeError(
            f"{name} takes a matrix, or an array of matrices in its last two axes, given shape {x.shape}",
            fix="x[None, :] makes a row of a vector, x[:, None] a column",
        )
    if square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"{name} takes square matrices, given {x.shape[-2]} rows and {x.shape[-1]} columns (shape {x.shape})",
            fix="mp.linalg.pinv, qr and svd take matrices that are not square",
        )


def by_lapack(function: Callable[..., Any], shape: Callable[..., Any]) -> Callable[..., Any]:
    """The reference of an operation from a function of NumPy and the shape of its results."""

    def reference(*xs: Any, **params: Any) -> Any:
        wide = [x.astype(np.float64, copy=False) for x in xs]
        try:
            found = _results(function, wide, params)
        except np.linalg.LinAlgError:
            found = _one_by_one(function, wide, params, shape)
        with np.errstate(all="ignore"):
            rounded = [np.asarray(x).astype(xs[0].dtype, copy=False) for x in found]
        return rounded[0] if len(rounded) == 1 else tuple(rounded)

    return reference


def _results(function: Callable[..., Any], xs: Sequence[Any], params: dict[str, Any]) -> Sequence[Any]:
    with np.errstate(all="ignore"):
        found = function(*xs, **params)
    return cast("tuple[Any, ...]", found) if isinstance(found, tuple) else (found,)


def _one_by_one(
    function: Callable[..., Any], xs: Sequence[Any], params: dict[str, Any], shape: Callable[..., Any]
) -> Sequence[Any]:
    """The results for each matrix alone; NaN for those at which LAPACK gives up."""
    gives = shape(*[ArrayType(x.shape, x.dtype) for x in xs], **params)
    kinds = cast("tuple[ArrayType, ...]", gives) if isinstance(gives, tuple) else (cast("ArrayType", gives),)
    out = [np.full(kind.shape, np.nan) for kind in kinds]
    for index in np.ndindex(xs[0].shape[:-2]):
        try:
            found = _results(function, [x[index] for x in xs], params)
        except np.linalg.LinAlgError:
            continue
        for whole, part in zip(out, found, strict=True):
            whole[index] = part
    return out


def row_by_row(name: str) -> Callable[..., Array]:
    """The batch rule of what treats every matrix alike: the rows of the batch are one more axis before the matrices."""

    def batch(size: int, *xs: Array, batched: tuple[bool, ...], **params: Any) -> Array:
        return bind(name, *all_rows(size, xs, batched), **params)

    return batch
