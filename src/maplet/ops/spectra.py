"""What matrices stretch, and by how much: eigenvalues of symmetric matrices, singular values of any; the rank."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.core.context import located
from maplet.core.primitive import Primitive, operation, register
from maplet.core.types import ArrayType, default_int
from maplet.errors import GradientError
from maplet.ops.arguments import as_array
from maplet.ops.creation import eye, zeros
from maplet.ops.factorizations import added, lower_half
from maplet.ops.identity import several
from maplet.ops.lapack import by_lapack, require_matrices, row_by_row
from maplet.ops.linear_algebra import tolerance
from maplet.ops.movement import broadcast_to, expand_dims, matrix_transpose
from maplet.ops.reduction import max as greatest
from maplet.ops.reduction import sum as summed
from maplet.settings import flag

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class EighResult(NamedTuple):
    """What `eigh` gives: x V = V diag(λ)."""

    eigenvalues: Array
    eigenvectors: Array


class SVDResult(NamedTuple):
    """What `svd` gives: x = U diag(S) Vh."""

    U: Array
    S: Array
    Vh: Array


def _across(values: Array) -> Array:
    """Numbers as a row, which scales the columns of a matrix."""
    return expand_dims(values, axis=-2)


def _down(values: Array) -> Array:
    """Numbers as a column, which scales the rows of a matrix."""
    return expand_dims(values, axis=-1)


def _one_over(gaps: Array) -> Array:
    """1 / gaps beside the diagonal, where the gaps are 0, and 0 on it."""
    one = eye(gaps.shape[-1], dtype=gaps.dtype)
    return 1.0 / (gaps + one) - one


# ── eigenvalues ──────────────────────────────────────────────────────────────────────────────────


def _eigh_shape(a: ArrayType) -> tuple[ArrayType, ArrayType]:
    require_matrices("eigh", a, square=True)
    return ArrayType(a.shape[:-1], a.dtype), a


def _eigh_pullback(cotangents: list[Array | None], out: list[Array], a: Array, *, needed: Any) -> list[Array]:
    # S = V (diag(∂L/∂λ) + F ∘ Vᵀ ∂L/∂V) Vᵀ with Fᵢⱼ = 1/(λⱼ − λᵢ) beside the diagonal; what flows to both triangles of
    # a symmetric matrix flows to the lower one, which is read. Source: M. Giles, "Collected matrix derivative results
    # for forward and reverse mode algorithmic differentiation" (2008), 3.1.
    (values, vectors), (g_values, g_vectors) = out, cotangents
    transposed = matrix_transpose(vectors)
    turned = None
    if g_vectors is not None:
        turned = vectors @ (_one_over(_across(values) - _down(values)) * (transposed @ g_vectors))
    left = added(None if g_values is None else vectors * _across(g_values), turned)
    assert left is not None  # noqa: S101  (a rule runs only where a cotangent came in)
    s = left @ transposed
    return [lower_half(s + matrix_transpose(s))]


register(Primitive(
    "eigh", shape=_eigh_shape, reference=by_lapack(np.linalg.eigh, _eigh_shape), gradient=_eigh_pullback,
    batch=row_by_row("eigh"), notation=r"\operatorname{{eigh}} {0}",
    convention="only the lower triangle is read, and has a derivative; that of the eigenvectors is infinite or NaN "
        "where eigenvalues coincide; their signs are those of LAPACK",
    example=lambda rng: ([0.3 * rng.normal(size=(2, 3, 3)) + np.diag([1.0, 3.0, 6.0])], {}),
))  # fmt: skip


@operation
def eigh(x: ArrayLike, /) -> EighResult:
    """Eigenvalues λ, in ascending order, and orthonormal eigenvectors of symmetric matrices: x V = V diag(λ).

    Only the lower triangle of ``x`` is read, so the gradient is in that triangle. The vectors stand in the columns of
    V; their signs are those that LAPACK chooses. The derivative of the vectors is infinite or NaN where eigenvalues
    coincide; that of the values is there always, though it depends on the vectors that were chosen.

    Examples
    --------
    >>> import maplet as mp
    >>> values, vectors = mp.linalg.eigh(mp.asarray([[3.0, 0.0], [0.0, 1.0]]))
    >>> values
    Array([1., 3.], dtype=float32)
    """
    return EighResult(*several("eigh", as_array(x)))


@operation
def eigvalsh(x: ArrayLike, /) -> Array:
    """The eigenvalues of symmetric matrices, in ascending order; see `eigh`."""
    return eigh(x).eigenvalues


# ── singular values ──────────────────────────────────────────────────────────────────────────────


def _svd_shape(a: ArrayType, *, full_matrices: bool) -> tuple[ArrayType, ArrayType, ArrayType]:
    require_matrices("svd", a)
    (*lead, rows, columns) = a.shape
    k = min(rows, columns)
    u, vh = (rows, rows if full_matrices else k), (columns if full_matrices else k, columns)
    return ArrayType((*lead, *u), a.dtype), ArrayType((*lead, k), a.dtype), ArrayType((*lead, *vh), a.dtype)


def _svd_pullback(
    cotangents: list[Array | None], out: list[Array], a: Array, *, needed: Any, full_matrices: bool
) -> list[Array | None]:
    # ∂L/∂A = U (diag(∂L/∂S) + (F ∘ skew Uᵀ∂L/∂U) S + S (F ∘ skew Vᵀ∂L/∂V)) Vᵀ + what leaves the spaces of U and V, with
    # skew X = X − Xᵀ and Fᵢⱼ = 1/(sⱼ² − sᵢ²). Source: J. Townsend, "Differentiating the singular value decomposition"
    # (2016).
    (u, s, vh), (g_u, g_s, g_vh) = out, cotangents
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    if full_matrices and rows != columns:
        if g_u is not None or g_vh is not None:
            raise GradientError(
                f"svd: with full_matrices=True, U or Vh of a matrix that is not square ({rows} × {columns}) is not "
                "determined by it, so it has no derivative",
                fix="mp.linalg.svd(x, full_matrices=False)",
            )
        u, vh = u[..., :k], vh[..., :k, :]
    inverse_gaps = None
    if g_u is not None or g_vh is not None:
        inverse_gaps = _one_over((_across(s) - _down(s)) * (_across(s) + _down(s)))
    by_u, beyond_u = _turned(u, g_u, inverse_gaps)
    by_v, beyond_v = _turned(matrix_transpose(vh), None if g_vh is None else matrix_transpose(g_vh), inverse_gaps)
    inside = added(
        None if g_s is None else _across(g_s) * eye(k, dtype=a.dtype),
        None if by_u is None else by_u * _across(s),
        None if by_v is None else by_v * _down(s),
    )
    return [added(
        None if inside is None else u @ inside @ vh,
        None if beyond_u is None or rows == k else (beyond_u / _across(s)) @ vh,
        None if beyond_v is None or columns == k else (u / _across(s)) @ matrix_transpose(beyond_v),
    )]  # fmt: skip


def _turned(vectors: Array, g: Array | None, inverse_gaps: Array | None) -> tuple[Array | None, Array | None]:
    """F ∘ skew(Vᵀ G), the turn within the space of some vectors, and (I − V Vᵀ) G, which leaves that space."""
    if g is None or inverse_gaps is None:
        return None, None
    inner = matrix_transpose(vectors) @ g
    return inverse_gaps * (inner - matrix_transpose(inner)), g - vectors @ inner


def _svd_example(rng: np.random.Generator) -> Any:
    return [0.3 * rng.normal(size=(2, 4, 3)) + np.eye(4, 3) * [1.0, 3.0, 6.0]], {"full_matrices": False}


register(Primitive(
    "svd", shape=_svd_shape, reference=by_lapack(np.linalg.svd, _svd_shape), gradient=_svd_pullback,
    batch=row_by_row("svd"), notation=r"\operatorname{{svd}} {0}",
    convention="signs of the vectors are those of LAPACK; their derivative is infinite or NaN where singular values "
        "coincide, or are 0 in a matrix that is not square, and there is none of the full matrices of such a one",
    example=_svd_example,
))  # fmt: skip


@operation
def svd(x: ArrayLike, /, *, full_matrices: bool = True) -> SVDResult:
    """Matrices as x = U diag(S) Vh with orthonormal columns U, singular values S ≥ 0 and orthonormal rows Vh.

    The singular values descend. The signs of the vectors are those that LAPACK chooses. The derivative of the vectors
    is infinite or NaN where singular values coincide or are 0; that of the values is there always.

    Parameters
    ----------
    x
        Matrices (…, m, n).
    full_matrices
        Whether U is (…, m, m) and Vh is (…, n, n); else (…, m, k) and (…, k, n) with k = min(m, n). The full matrices
        of one that is not square have no derivative.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.svd(mp.asarray([[0.0, 2.0], [0.0, 0.0], [1.0, 0.0]])).S
    Array([2., 1.], dtype=float32)
    """
    return SVDResult(*several("svd", as_array(x), full_matrices=flag("svd: full_matrices", full_matrices)))


@operation
def svdvals(x: ArrayLike, /) -> Array:
    """The singular values of matrices, in descending order; see `svd`."""
    return svd(x, full_matrices=False).S


@operation
@located
def matrix_rank(x: ArrayLike, /, *, rtol: ArrayLike | None = None) -> Array:
    """How many singular values of matrices are greater than ``rtol`` times the greatest; as int64.

    By default ``rtol`` is max(m, n) times the distance from 1 to the next number of the dtype.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.matrix_rank(mp.ones((2, 2)))
    Array(1, dtype=int64)
    """
    x = as_array(x)
    require_matrices("matrix_rank", x.type)
    if 0 in x.shape[-2:]:
        return zeros(x.shape[:-2], dtype=default_int)
    s = svdvals(x)
    least = _down(broadcast_to(tolerance(x, rtol), x.shape[:-2]))
    return summed(s > least * greatest(s, axis=-1, keepdims=True), axis=-1)
