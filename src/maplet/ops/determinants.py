"""Determinants: as numbers, and as sign and logarithm."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.ops.arguments import as_array
from maplet.ops.creation import eye
from maplet.ops.identity import several
from maplet.ops.lapack import by_lapack, require_matrices, row_by_row
from maplet.ops.movement import expand_dims, matrix_transpose
from maplet.ops.reduction import sum as summed

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class SlogdetResult(NamedTuple):
    """What `slogdet` gives: det = sign · e^logabsdet."""

    sign: Array
    logabsdet: Array


def _of_matrices(x: Array) -> Array:
    """A number for each matrix, as a matrix of one element."""
    return expand_dims(expand_dims(x, axis=-1), axis=-1)


# ── the determinant ──────────────────────────────────────────────────────────────────────────────


def _det_shape(a: ArrayType) -> ArrayType:
    require_matrices("det", a, square=True)
    return ArrayType(a.shape[:-2], a.dtype)


def _det_pullback(g: Array, out: Array, a: Array, *, needed: Any) -> list[Array]:
    return [_of_matrices(g) * bind("cofactor", a)]  # ∂det A/∂A = cof A = det(A) A⁻ᵀ (Jacobi, 1841)


register(Primitive(
    "det", shape=_det_shape, reference=by_lapack(np.linalg.det, _det_shape), gradient=_det_pullback,
    batch=row_by_row("det"), notation=r"\det {0}",
    convention="at a singular matrix the first derivative is there, the second is NaN",
    example=lambda rng: ([rng.normal(size=(2, 3, 3)) + 2 * np.eye(3)], {}),
))  # fmt: skip


def _cofactor_shape(a: ArrayType) -> ArrayType:
    require_matrices("cofactor", a, square=True)
    return a


def _cofactor_value(a: Any) -> Any:
    try:
        return np.asarray(np.linalg.det(a))[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
    except np.linalg.LinAlgError:
        return np.stack([_cofactor_value(matrix) for matrix in a]) if a.ndim > 2 else _singular_cofactor(a)


def _singular_cofactor(a: Any) -> Any:
    """cof(U S Vᵀ) = det(U) det(V) · U cof(S) Vᵀ, where cof(S) has in each place the product of the others."""
    u, s, vh = np.linalg.svd(a)
    others = np.where(np.eye(len(s), dtype=bool), 1.0, s).prod(axis=-1)
    return np.linalg.det(u) * np.linalg.det(vh) * ((u * others) @ vh)


def _cofactor_pullback(g: Array, out: Array, a: Array, *, needed: Any) -> list[Array]:
    # d cof A = tr(A⁻¹ dA) C − A⁻ᵀ dAᵀ C for C = det(A) A⁻ᵀ, so that ∂L/∂A = (⟨G, C⟩ I − C Gᵀ) A⁻ᵀ.
    product = _of_matrices(summed(g * out, axis=(-2, -1)))
    inner = product * eye(a.shape[-1], dtype=a.dtype) - out @ matrix_transpose(g)
    return [matrix_transpose(bind("solve", a, matrix_transpose(inner)))]


# The signed minors of a matrix, of which its determinant has its derivative. Another matrix is due to each place.
register(Primitive(
    "cofactor", shape=_cofactor_shape, reference=by_lapack(_cofactor_value, _cofactor_shape),
    gradient=_cofactor_pullback, batch=row_by_row("cofactor"), notation=r"\operatorname{{cof}} {0}",
    convention="of a singular matrix, too; there the derivative is NaN",
    example=lambda rng: ([rng.normal(size=(2, 3, 3)) + 2 * np.eye(3)], {}),
))  # fmt: skip


@operation
def det(x: ArrayLike, /) -> Array:
    """The determinant of square matrices; 1 for a matrix without rows.

    It leaves the range of its dtype soon: `slogdet` gives its logarithm. The derivative is the matrix of cofactors, of
    a singular matrix, too; there the second derivative is NaN.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.det(mp.asarray([[2.0, 1.0], [1.0, 2.0]]))
    Array(3.)
    """
    return bind("det", as_array(x))


# ── its logarithm ────────────────────────────────────────────────────────────────────────────────


def _slogdet_shape(a: ArrayType) -> tuple[ArrayType, ArrayType]:
    require_matrices("slogdet", a, square=True)
    number = ArrayType(a.shape[:-2], a.dtype)
    return number, number


def _slogdet_pullback(cotangents: list[Array | None], out: list[Array], a: Array, *, needed: Any) -> list[Array | None]:
    g = cotangents[1]
    if g is None:  # only the sign is used, which is constant
        return [None]
    # ∂ ln|det A|/∂A = A⁻ᵀ. Source: M. Giles, "Collected matrix derivative results for forward and reverse mode
    # algorithmic differentiation" (2008), 2.3.1.
    return [bind("solve", matrix_transpose(a), _of_matrices(g) * eye(a.shape[-1], dtype=a.dtype))]


register(Primitive(
    "slogdet", shape=_slogdet_shape, reference=by_lapack(np.linalg.slogdet, _slogdet_shape),
    gradient=_slogdet_pullback, batch=row_by_row("slogdet"), notation=r"\ln |\det {0}|",
    convention="of a singular matrix 0 and −∞; the derivative of the sign is 0, that of the logarithm there NaN",
    example=lambda rng: ([rng.normal(size=(2, 3, 3)) + 2 * np.eye(3)], {}),
))  # fmt: skip


@operation
def slogdet(x: ArrayLike, /) -> SlogdetResult:
    """The sign of the determinant (−1, 0 or 1) and the logarithm of its size: det = sign · e^logabsdet.

    The derivative of the logarithm is A⁻ᵀ, NaN where the matrix is singular; that of the sign is 0.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.slogdet(mp.asarray([[0.0, 1.0], [1.0, 0.0]]))
    SlogdetResult(sign=Array(-1.), logabsdet=Array(0.))
    """
    return SlogdetResult(*several("slogdet", as_array(x)))
