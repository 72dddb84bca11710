"""Linear algebra, under the names of the Python array API standard (2024.12).

A matrix is the last two axes of an array; those before them count matrices. What needs LAPACK (the host computes it)
takes float32 and float64, computes in float64 and rounds once.
"""

from __future__ import annotations

from typing import NoReturn

from maplet.core.advice import no_attribute
from maplet.ops.contraction import matmul
from maplet.ops.determinants import det, slogdet
from maplet.ops.diagonals import diagonal
from maplet.ops.factorizations import cholesky, qr
from maplet.ops.linear_algebra import inv, pinv, solve
from maplet.ops.movement import matrix_transpose
from maplet.ops.norms import matrix_norm, vector_norm
from maplet.ops.products import cross, matrix_power, outer, tensordot, trace, vecdot
from maplet.ops.spectra import eigh, eigvalsh, matrix_rank, svd, svdvals

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot",
    "trace", "vecdot", "vector_norm",
]  # fmt: skip

_symmetric = "only those of symmetric matrices, which are real"
_advice = {
    "cond": "s = mp.linalg.svdvals(x); s[..., 0] / s[..., -1]",
    "dot": "mp.matmul, or a @ b",
    "eig": f"mp.linalg.eigh: {_symmetric}",
    "eigvals": f"mp.linalg.eigvalsh: {_symmetric}",
    "lstsq": "mp.linalg.pinv(a) @ b",
    "lu": "mp.linalg.solve, det and inv, which use it",
    "multi_dot": "a @ b @ c",
    "norm": "mp.linalg.vector_norm or mp.linalg.matrix_norm",
}


def __getattr__(name: str) -> NoReturn:
    raise no_attribute("module 'maplet.linalg'", name, _advice)


def __dir__() -> list[str]:
    return __all__
