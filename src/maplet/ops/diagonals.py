"""Diagonals and triangles of matrices, the last two axes of an array."""

# The record below is a table of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, Read, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import ShapeError
from maplet.ops.arguments import as_array
from maplet.ops.creation import arange
from maplet.ops.elementwise import equal, where
from maplet.ops.movement import broadcast_to, expand_dims
from maplet.ops.padding import pad
from maplet.settings import whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


def _require_matrix(name: str, x: Array) -> Array:
    if x.ndim < 2:
        raise ShapeError(
            f"{name} takes a matrix, or an array of matrices in its last two axes, given shape {x.shape}",
            fix="mp.reshape(x, (rows, columns))",
        )
    return x


def _places(rows: int, columns: int) -> tuple[Array, Array]:
    return expand_dims(arange(rows), axis=1), expand_dims(arange(columns), axis=0)


# ── the diagonal ─────────────────────────────────────────────────────────────────────────────────


def _shape(x: ArrayType, *, row: int, column: int) -> ArrayType:
    if x.ndim < 2:
        raise ShapeError(f"diagonal takes at least two axes, given shape {x.shape}")
    return ArrayType((*x.shape[:-2], max(0, min(x.shape[-2] - row, x.shape[-1] - column))), x.dtype)


def _access(x: ArrayType, *, row: int, column: int) -> Access:
    axes = indices(x.ndim - 1)
    *lead, i = axes
    return Access(axes, Read(0, (*lead, i + row if row else i, i + column if column else i)))


def _gradient(g: Array, out: Array, x: Array, *, needed: Any, row: int, column: int) -> list[Array]:
    # Back onto the diagonal, zeros beside it.
    *lead, n = g.shape
    i, j = _places(n, n)
    square = where(equal(i, j), expand_dims(g, axis=-1), as_array(0.0, g.dtype))
    around = [(row, max(x.shape[-2] - row - n, 0)), (column, max(x.shape[-1] - column - n, 0))]
    if not n:  # a diagonal outside of the matrix
        return [broadcast_to(as_array(0.0, g.dtype), x.shape)]
    return [pad(square, [*[(0, 0)] * len(lead), *around])]


register(Primitive(
    "diagonal", shape=_shape, reference=lambda x, *, row, column: np.diagonal(x, column - row, -2, -1),
    gradient=_gradient, batch=lambda size, x, *, batched, **start: bind("diagonal", x, **start), access=_access,
    notation=r"\operatorname{{diag}} {0}", example=lambda rng: ([rng.normal(size=(2, 3, 4))], {"row": 0, "column": 1}),
))  # fmt: skip


@operation
def diagonal(x: ArrayLike, /, *, offset: int = 0) -> Array:
    """The diagonal of matrices (the last two axes), or one above (``offset`` > 0) or below it.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linalg.diagonal(mp.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Array([1., 4.], dtype=float32)
    """
    x, by = _require_matrix("diagonal", as_array(x)), whole("diagonal: offset", offset)
    rows, columns = x.shape[-2:]
    return bind("diagonal", x, row=min(max(-by, 0), rows), column=min(max(by, 0), columns))


def _nothing(x: Array) -> Array:
    return as_array(x.dtype.type(0).item(), x.dtype)


# ── triangles ────────────────────────────────────────────────────────────────────────────────────


@operation
def tril(x: ArrayLike, /, *, k: int = 0) -> Array:
    """The lower triangle of matrices, zeros above diagonal ``k``.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.tril(mp.ones((2, 2)))
    Array([[1., 0.],
           [1., 1.]], dtype=float32)
    """
    x, k = _require_matrix("tril", as_array(x)), whole("tril: k", k)
    i, j = _places(*x.shape[-2:])
    return where(j - i <= k, x, _nothing(x))


@operation
def triu(x: ArrayLike, /, *, k: int = 0) -> Array:
    """The upper triangle of matrices, zeros below diagonal ``k``."""
    x, k = _require_matrix("triu", as_array(x)), whole("triu: k", k)
    i, j = _places(*x.shape[-2:])
    return where(j - i >= k, x, _nothing(x))
