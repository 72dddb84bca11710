"""Matrices as products of triangles and of orthogonal matrices: Cholesky and QR."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from maplet.core.context import located
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import GradientError
from maplet.ops.arguments import as_array
from maplet.ops.creation import eye, zeros
from maplet.ops.diagonals import tril
from maplet.ops.identity import several
from maplet.ops.lapack import by_lapack, require_matrices, row_by_row
from maplet.ops.movement import matrix_transpose
from maplet.ops.slicing import concat
from maplet.settings import choice, flag

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class QRResult(NamedTuple):
    """What `qr` gives: x = Q R."""

    Q: Array
    R: Array


def lower_half(x: Array) -> Array:
    """The lower triangle of square matrices with half the diagonal, so that a symmetric S is half(S) + half(S)ᵀ."""
    return tril(x) * (1.0 - 0.5 * eye(x.shape[-1], dtype=x.dtype))


def added(*terms: Array | None) -> Array | None:
    """The sum of what is there; None where nothing is."""
    there = [term for term in terms if term is not None]
    total = there[0] if there else None
    for term in there[1:]:
        total = term if total is None else total + term
    return total


# ── Cholesky ─────────────────────────────────────────────────────────────────────────────────────


def _cholesky_shape(a: ArrayType) -> ArrayType:
    require_matrices("cholesky", a, square=True)
    return a


def _cholesky_pullback(g: Array, out: Array, a: Array, *, needed: Any) -> list[Array]:
    # S = L⁻ᵀ Φ(Lᵀ ∂L/∂L) L⁻¹, where Φ takes the lower triangle with half the diagonal; what flows to both triangles of
    # a symmetric matrix flows to the lower one, which is read. Source: I. Murray, "Differentiation of the Cholesky
    # decomposition" (2016), (10).
    upper = matrix_transpose(out)
    inner = bind("solve", upper, lower_half(upper @ g))
    s = bind("solve", upper, matrix_transpose(inner))
    return [lower_half(s + matrix_transpose(s))]


register(Primitive(
    "cholesky", shape=_cholesky_shape, reference=by_lapack(np.linalg.cholesky, _cholesky_shape),
    gradient=_cholesky_pullback, batch=row_by_row("cholesky"), notation=r"\operatorname{{chol}} {0}",
    convention="only the lower triangle is read, and has a derivative; of a matrix that is not positive definite the "
        "result is NaN",
    example=lambda rng: ([0.3 * rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)], {}),
))  # fmt: skip


@operation
@located
def cholesky(x: ArrayLike, /, *, upper: bool = False) -> Array:
    """The lower triangle L with positive diagonal of which x = L Lᵀ, for symmetric positive definite matrices.

    Only the lower triangle of ``x`` is read (the upper one with ``upper``), so the gradient is in that triangle. NaN
    where a matrix is not positive definite; a small multiple of the identity, added to it, helps where it is nearly so.

    Parameters
    ----------
    x
        Symmetric matrices (…, n, n).
    upper
        Whether the result is the upper triangle U of which x = Uᵀ U.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.cholesky(mp.asarray([[4.0, 2.0], [2.0, 5.0]]))
    Array([[2., 0.],
           [1., 2.]], dtype=float32)
    """
    x = as_array(x)
    require_matrices("cholesky", x.type, square=True)
    if flag("cholesky: upper", upper):
        return matrix_transpose(bind("cholesky", matrix_transpose(x)))
    return bind("cholesky", x)


# ── QR ───────────────────────────────────────────────────────────────────────────────────────────


def _qr_shape(a: ArrayType, *, mode: str) -> tuple[ArrayType, ArrayType]:
    require_matrices("qr", a)
    (*lead, rows, columns) = a.shape
    inner = rows if mode == "complete" else min(rows, columns)
    return ArrayType((*lead, rows, inner), a.dtype), ArrayType((*lead, inner, columns), a.dtype)


def _qr_pullback(
    cotangents: list[Array | None], out: list[Array], a: Array, *, needed: Any, mode: str
) -> list[Array | None]:
    (q, r), (g_q, g_r) = out, cotangents
    rows, columns = a.shape[-2:]
    if mode == "complete" and rows > columns:
        raise GradientError(
            f"qr: with mode='complete' the matrix Q of one with more rows than columns ({rows} and {columns}) is not "
            "determined by it, so it has no derivative",
            fix="mp.linalg.qr(x), with mode='reduced'",
        )
    if rows >= columns:
        return [_tall_qr_pullback(q, r, g_q, g_r)]
    # A = (X, Y) with X square is Q (U, V), where X = Q U, and V = Qᵀ Y. Source: H. Liao and others, "Differentiable
    # programming tensor networks" (2019), III.A.
    if g_r is None:
        square = _tall_qr_pullback(q, r[..., :rows], g_q, None)
        rest = zeros((*a.shape[:-1], columns - rows), dtype=a.dtype)
    else:
        g_u, g_v = g_r[..., :rows], g_r[..., rows:]
        square = _tall_qr_pullback(q, r[..., :rows], added(g_q, a[..., rows:] @ matrix_transpose(g_v)), g_u)
        rest = q @ g_v
    return [concat([square, rest], axis=-1)]


def _tall_qr_pullback(q: Array, r: Array, g_q: Array | None, g_r: Array | None) -> Array:
    # ∂L/∂A = (∂L/∂Q + Q sym M) R⁻ᵀ with M = R (∂L/∂R)ᵀ − (∂L/∂Q)ᵀ Q, where sym M mirrors the lower triangle. Source:
    # M. Seeger and others, "Auto-differentiating linear algebra" (2017), there for A = L Q.
    m = added(
        None if g_r is None else r @ matrix_transpose(g_r),
        None if g_q is None else -(matrix_transpose(g_q) @ q),
    )
    assert m is not None  # noqa: S101  (a rule runs only where a cotangent came in)
    half = lower_half(m)
    whole = added(g_q, q @ (half + matrix_transpose(half)))
    assert whole is not None  # noqa: S101  (the second term is there)
    return matrix_transpose(bind("solve", r, matrix_transpose(whole)))


def _qr_cases(rng: np.random.Generator) -> Any:
    return [rng.normal(size=(2, 4, 3)) + 2 * np.eye(4, 3)], {"mode": "reduced"}


register(Primitive(
    "qr", shape=_qr_shape, reference=by_lapack(np.linalg.qr, _qr_shape), gradient=_qr_pullback,
    batch=row_by_row("qr"), notation=r"\operatorname{{qr}} {0}",
    convention="the signs on the diagonal of R are those of LAPACK; the derivative is NaN where the columns (of a wide "
        "matrix: the first ones) depend on each other, and there is none of a complete Q of a tall matrix",
    example=_qr_cases,
))  # fmt: skip


@operation
@located
def qr(x: ArrayLike, /, *, mode: Literal["reduced", "complete"] = "reduced") -> QRResult:
    """Matrices as products x = Q R of orthonormal columns Q and an upper triangle R.

    The signs on the diagonal of R are those that LAPACK chooses. Differentiable where the columns of ``x`` (of a wide
    matrix as many as it has rows) are independent; elsewhere the derivative is NaN.

    Parameters
    ----------
    x
        Matrices (…, m, n).
    mode
        "reduced": Q is (…, m, k) and R is (…, k, n), with k = min(m, n). "complete": Q is (…, m, m), R is (…, m, n);
        then there is no derivative where m > n.

    Examples
    --------
    >>> import maplet as mp
    >>> q, r = mp.linalg.qr(mp.asarray([[0.0, 2.0], [1.0, 3.0]]))
    >>> mp.abs(r)
    Array([[1., 3.],
           [0., 2.]], dtype=float32)
    """
    choice("qr: mode", mode, ("reduced", "complete"))
    return QRResult(*several("qr", as_array(x), mode=mode))
