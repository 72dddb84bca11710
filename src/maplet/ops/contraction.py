"""Sums of products: the matrix product, which is where a network spends its time."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, Literal, Read, Reduce, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import broadcast_shape, meet, require
from maplet.ops.movement import expand_dims, matrix_transpose, permute_dims, reshape, squeeze
from maplet.ops.records import aligned_batch

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


def _matmul_shape(x: ArrayType, y: ArrayType) -> ArrayType:
    if x.dtype != y.dtype:
        raise DTypeError(f"matmul takes arrays of one dtype, given {short_name(x.dtype)} and {short_name(y.dtype)}")
    if x.shape[-1] != y.shape[-2]:
        turned = "T" if x.ndim == y.ndim == 2 else "mT"
        fix = f"transpose the first: x.{turned} @ y" if x.shape[-2] == y.shape[-2] else (
            f"transpose the second: x @ y.{turned}" if x.shape[-1] == y.shape[-1] else "the inner lengths must be equal"
        )  # fmt: skip
        raise ShapeError(
            f"matmul: {x.shape} @ {y.shape}: the last axis of the first has length {x.shape[-1]}, "
            f"the second last of the second {y.shape[-2]}", fix=fix,
        )  # fmt: skip
    batch = broadcast_shape("matmul (axes before the matrices)", x.shape[:-2], y.shape[:-2])
    return ArrayType((*batch, x.shape[-2], y.shape[-1]), x.dtype)


def _matmul_value(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.matmul(x, y)


def _matmul_gradient(g: Array, out: Array, x: Array, y: Array, *, needed: tuple[bool, bool]) -> list[Array | None]:
    return [
        bind("matmul", g, matrix_transpose(y)) if needed[0] else None,  # ∂L/∂X = G Yᵀ
        bind("matmul", matrix_transpose(x), g) if needed[1] else None,  # ∂L/∂Y = Xᵀ G
    ]


def _matmul_access(x: ArrayType, y: ArrayType) -> Access:
    out = indices(max(x.ndim, y.ndim))
    (k,) = indices(1, start=len(out))
    batch, i, j = out[:-2], out[-2], out[-1]

    def at(t: ArrayType) -> tuple[Any, ...]:
        own = batch[len(batch) - (t.ndim - 2) :]
        return tuple(Literal(0) if n == 1 else b for n, b in zip(t.shape, own, strict=False))

    product = Read(0, (*at(x), i, k)) * Read(1, (*at(y), k, j))
    return Access(out, Reduce("sum", k, x.shape[-1], product))


def _matmul_batch(size: int, x: Array, y: Array, *, batched: tuple[bool, bool]) -> Array:
    # What has two axes here is one matrix that all rows share. It meets them in one product, so that its gradient is
    # one product too, which sums over the rows, and not a matrix for each of them.
    if y.ndim == 2:
        *lead, k = x.shape
        return reshape(bind("matmul", reshape(x, (prod(lead), k)), y), (*lead, y.shape[1]))
    if x.ndim == 2 and y.ndim == 3:
        k, columns = y.shape[1:]
        side_by_side = reshape(permute_dims(y, (1, 0, 2)), (k, size * columns))
        return permute_dims(reshape(bind("matmul", x, side_by_side), (x.shape[0], size, columns)), (1, 0, 2))
    return align_matrices(size, x, y, batched=batched)


align_matrices = aligned_batch("matmul")

register(Primitive(
    "matmul", shape=_matmul_shape, reference=_matmul_value, gradient=_matmul_gradient, batch=_matmul_batch,
    access=_matmul_access, notation="{0} {1}",
    example=lambda rng: ([rng.normal(size=(2, 1, 3, 4)), rng.normal(size=(3, 4, 2))], {}),
))  # fmt: skip


@operation
def matmul(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """The matrix product ``out[…,i,j] = Σ_k x1[…,i,k]·x2[…,k,j]``.

    Axes before the last two are broadcast. A 1-D first argument is a row, a 1-D second one a column, and that axis is
    dropped from the result, as in NumPy.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.matmul(mp.asarray([1.0, 2.0]), mp.asarray([3.0, 4.0]))
    Array(11.)
    """
    x, y = (require("matmul", a, "uif", "arrays of numbers") for a in meet(x1, x2))
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"matmul takes no scalars, given shapes {x.shape} and {y.shape}", fix="use * instead of @")
    row, column = x.ndim == 1, y.ndim == 1
    out = bind("matmul", expand_dims(x, axis=0) if row else x, expand_dims(y, axis=1) if column else y)
    if column:
        out = squeeze(out, axis=-1)
    return squeeze(out, axis=-1 if column else -2) if row else out
