"""Systems of linear equations, solved by LAPACK through NumPy."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.primitive import Primitive, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, is_floating, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.movement import all_rows, matrix_transpose

if TYPE_CHECKING:
    from maplet.core.array import Array


def _shape(a: ArrayType, b: ArrayType) -> ArrayType:
    if a.dtype != b.dtype or not is_floating(a.dtype):
        raise DTypeError(
            f"solve takes floating arrays of one dtype, given {short_name(a.dtype)}, {short_name(b.dtype)}"
        )
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(f"solve: A X = B with A (…, n, n) and B (…, n, k), given {a.shape} and {b.shape}")
    return b


def _value(a: Any, b: Any) -> Any:
    with np.errstate(all="ignore"):
        try:
            return np.linalg.solve(a.astype(np.float64), b.astype(np.float64)).astype(b.dtype)
        except np.linalg.LinAlgError:  # singular: no solution, or many
            return np.full(b.shape, np.nan, b.dtype)


def _pullback(g: Array, out: Array, a: Array, b: Array, *, needed: tuple[bool, bool]) -> list[Array | None]:
    along = bind("solve", matrix_transpose(a), g)  # ∂L/∂B = A⁻ᵀ G
    across = -bind("matmul", along, matrix_transpose(out)) if needed[0] else None  # ∂L/∂A = −A⁻ᵀ G Xᵀ
    return [across, along]


def _batch(size: int, *xs: Array, batched: tuple[bool, bool]) -> Array:
    return bind("solve", *all_rows(size, xs, batched))


register(Primitive(
    "solve", shape=_shape, reference=_value, gradient=_pullback, batch=_batch, notation="{0}^{{-1}} {1}",
    convention="of a singular matrix the result is NaN",
    example=lambda rng: ([rng.normal(size=(2, 3, 3)) + 3 * np.eye(3), rng.normal(size=(2, 3, 2))], {}),
))  # fmt: skip
