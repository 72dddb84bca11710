"""What undoes a matrix: the solution of A X = B, the inverse, the pseudo-inverse. Computed by LAPACK through NumPy."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.context import located
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, float_limits, is_floating, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array, broadcast_shape, meet
from maplet.ops.creation import eye
from maplet.ops.lapack import by_lapack, require_matrices, require_precise, row_by_row
from maplet.ops.movement import all_rows, broadcast_to, expand_dims, matrix_transpose, permute_dims, reshape, squeeze

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike

# ── A X = B ──────────────────────────────────────────────────────────────────────────────────────


def _solve_shape(a: ArrayType, b: ArrayType) -> ArrayType:
    if a.dtype != b.dtype or not is_floating(a.dtype):
        raise DTypeError(
            f"solve takes floating arrays of one dtype, given {short_name(a.dtype)}, {short_name(b.dtype)}"
        )
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(f"solve: A X = B with A (…, n, n) and B (…, n, k), given {a.shape} and {b.shape}")
    return b


def _solve_pullback(g: Array, out: Array, a: Array, b: Array, *, needed: tuple[bool, bool]) -> list[Array | None]:
    along = bind("solve", matrix_transpose(a), g)  # ∂L/∂B = A⁻ᵀ G
    across = -bind("matmul", along, matrix_transpose(out)) if needed[0] else None  # ∂L/∂A = −A⁻ᵀ G Xᵀ
    return [across, along]


def _solve_batch(size: int, a: Array, b: Array, *, batched: tuple[bool, bool]) -> Array:
    if not batched[0]:  # one matrix for all rows is factored once
        return _with_more_columns(a, b, 1)
    return bind("solve", *all_rows(size, (a, b), batched))


def _with_more_columns(a: Array, b: Array, count: int) -> Array:
    """The solution where B has so many axes in front that A has not: for A they are further columns."""
    front = tuple(range(count))
    columns = permute_dims(b, (*range(count, b.ndim - 1), *front, b.ndim - 1))  # (…, n, front, k)
    found = reshape(bind("solve", a, reshape(columns, (*a.shape[:-1], -1 if b.size else 0))), columns.shape)
    return permute_dims(found, (*range(a.ndim - 1, b.ndim - 1), *range(a.ndim - 1), b.ndim - 1))


register(Primitive(
    "solve", shape=_solve_shape, reference=by_lapack(np.linalg.solve, _solve_shape), gradient=_solve_pullback,
    batch=_solve_batch, notation="{0}^{{-1}} {1}", convention="of a singular matrix the result is NaN",
    example=lambda rng: ([rng.normal(size=(2, 3, 3)) + 3 * np.eye(3), rng.normal(size=(2, 3, 2))], {}),
))  # fmt: skip


@operation
@located
def solve(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """The solution X of A X = B, for a square matrix A = ``x1`` and B = ``x2``: a vector, or a matrix of columns.

    Axes before the matrices are broadcast. Computed in float64 by elimination with pivots, rounded once; NaN where A is
    singular. The gradient is ∂L/∂B = A⁻ᵀ G and ∂L/∂A = −(∂L/∂B) Xᵀ.

    Raises
    ------
    ShapeError
        If A is not square, or B has another number of rows.
    DTypeError
        If they are not float32 or float64.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.solve(mp.asarray([[2.0, 0.0], [0.0, 4.0]]), mp.asarray([2.0, 2.0]))
    Array([1. , 0.5], dtype=float32)
    """
    a, b = meet(x1, x2)
    require_precise("solve", a.type, b.type)
    require_matrices("solve", a.type, square=True)
    vector = b.ndim == 1
    if vector:
        b = expand_dims(b, axis=-1)
    if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise ShapeError(
            f"solve: A X = B with A of shape {a.shape} and B of shape {as_array(x2).shape}, which has not "
            f"{a.shape[-1]} rows",
            fix="B is a vector of that length, or has its columns in the last axis: (…, n, k)",
        )
    lead = broadcast_shape("solve (axes before the matrices)", a.shape[:-2], b.shape[:-2])
    more = len(lead) - (a.ndim - 2)
    if lead[more:] == a.shape[:-2]:  # what A has not is repeated for B alone, so that A is factored once
        out = _with_more_columns(a, broadcast_to(b, (*lead, *b.shape[-2:])), more)
    else:
        out = bind("solve", *[broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b)])
    return squeeze(out, axis=-1) if vector else out


@operation
@located
def inv(x: ArrayLike, /) -> Array:
    """The inverse of square matrices, the X of A X = I; NaN where a matrix is singular.

    To solve A X = B, `solve` is faster and more exact.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.inv(mp.asarray([[2.0, 0.0], [0.0, 4.0]]))
    Array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """
    x = as_array(x)
    require_matrices("inv", x.type, square=True)
    return bind("solve", x, broadcast_to(eye(x.shape[-1], dtype=x.dtype), x.shape))


# ── the pseudo-inverse ───────────────────────────────────────────────────────────────────────────


def _pinv_shape(a: ArrayType, rtol: ArrayType) -> ArrayType:
    require_matrices("pinv", a)
    require_precise("pinv", a, rtol)
    if rtol.shape != a.shape[:-2]:
        raise ShapeError(f"pinv takes one rtol for each matrix, given {rtol.shape} for matrices of shape {a.shape}")
    return ArrayType((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)


def _pinv_value(a: Any, rtol: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    large = s > rtol[..., None] * s.max(axis=-1, keepdims=True, initial=0.0)
    inverse = np.where(large, 1 / np.where(large, s, 1.0), 0.0)
    return (np.swapaxes(vh, -1, -2) * inverse[..., None, :]) @ np.swapaxes(u, -1, -2)


def _pinv_pullback(g: Array, out: Array, a: Array, rtol: Array, *, needed: Any) -> list[Array | None]:
    # dP = −P dA P + P Pᵀ dAᵀ (I − A P) + (I − P A) dAᵀ Pᵀ P where the rank stays. Source: G. Golub, V. Pereyra, "The
    # differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate" (1973), (4.12).
    p, gt = matrix_transpose(out), matrix_transpose(g)
    left = (gt - a @ (out @ gt)) @ out @ p
    right = p @ out @ (gt - (gt @ out) @ a)
    return [left + right - p @ g @ p, None]


register(Primitive(
    "pinv", shape=_pinv_shape, reference=by_lapack(_pinv_value, _pinv_shape), gradient=_pinv_pullback,
    batch=row_by_row("pinv"), notation="{0}^+",
    convention="the derivative is that along matrices of the same rank; none flows to rtol",
    example=lambda rng: ([rng.normal(size=(2, 4, 3)) + 3 * np.eye(4, 3), np.full(2, 1e-3)], {}),
))  # fmt: skip


@operation
@located
def pinv(x: ArrayLike, /, *, rtol: ArrayLike | None = None) -> Array:
    """The pseudo-inverse of Moore and Penrose, A⁺ = V S⁺ Uᵀ with the decomposition A = U S Vᵀ of `svd`.

    ``pinv(A) @ b`` is the shortest of all x for which A x is nearest to b. The derivative is that along matrices of the
    same rank; coinciding singular values are no hindrance.

    Parameters
    ----------
    x
        Matrices (…, m, n).
    rtol
        Singular values up to ``rtol`` times the greatest count as 0; one number, or one for each matrix. By default
        max(m, n) times the distance from 1 to the next number of the dtype.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.pinv(mp.asarray([[2.0], [0.0]]))
    Array([[0.5, 0. ]], dtype=float32)
    """
    x = as_array(x)
    require_matrices("pinv", x.type)
    return bind("pinv", x, broadcast_to(tolerance(x, rtol), x.shape[:-2]))


def tolerance(x: Array, rtol: ArrayLike | None) -> Array:
    """What share of the greatest singular value of a matrix counts as 0."""
    if rtol is None:
        rtol = max(x.shape[-2:]) * float(float_limits(x.dtype).eps)
    return as_array(rtol, x.dtype)
