"""How LAPACK is asked, through NumPy, for what a matrix gives: its factors, its determinant, the solution of A X = B.

float32 is computed in float64 and rounded once. Where LAPACK gives up (on a matrix that is singular, or not positive
definite, or holds NaN), all that this matrix gives is NaN; the other matrices of a batch keep what they give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
            with np.errstate(all="ignore"):
                found = function(*wide, **params)
        except np.linalg.LinAlgError:
            found = _one_by_one(function, wide, params, shape)
        if isinstance(found, tuple):
            return tuple([_rounded(part, xs[0].dtype) for part in found])  # pyright: ignore[reportUnknownVariableType]
        return _rounded(found, xs[0].dtype)

    return reference


def _rounded(x: Any, dtype: np.dtype[Any]) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(dtype, copy=False)


def _one_by_one(
    function: Callable[..., Any], xs: Sequence[Any], params: dict[str, Any], shape: Callable[..., Any]
) -> Any:
    """The results for each matrix alone; NaN for those at which LAPACK gives up."""
    from_types = shape(*[ArrayType(x.shape, x.dtype) for x in xs], **params)
    gives = from_types if isinstance(from_types, tuple) else (from_types,)
    out = [np.full(kind.shape, np.nan) for kind in gives]  # pyright: ignore[reportUnknownVariableType]
    for index in np.ndindex(xs[0].shape[:-2]):
        try:
            with np.errstate(all="ignore"):
                found = function(*[x[index] for x in xs], **params)
        except np.linalg.LinAlgError:
            continue
        for whole, part in zip(out, found if isinstance(found, tuple) else (found,), strict=True):  # pyright: ignore[reportUnknownVariableType]
            whole[index] = part
    return tuple(out) if isinstance(from_types, tuple) else out[0]


def row_by_row(name: str) -> Callable[..., Array]:
    """The batch rule of what treats every matrix alike: the rows of the batch are one more axis before the matrices."""

    def batch(size: int, *xs: Array, batched: tuple[bool, ...], **params: Any) -> Array:
        return bind(name, *all_rows(size, xs, batched), **params)

    return batch
