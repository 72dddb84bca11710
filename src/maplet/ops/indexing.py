"""Operations whose positions are data: looking up rows, picking one element per row, `a[key]` and `a[key] = v`."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, Call, Cast, Expression, Literal, Read, Reduce, indices, select
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import (
    ArrayType,
    default_int,
    is_integer,
    short_name,
)
from maplet.errors import DTypeError, PositionError, ShapeError
from maplet.ops.arguments import as_array, count_axis
from maplet.ops.movement import broadcast_to

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape

negative = "negative positions count from the end; a position outside is an error"


def _wrapped(position: Expression, dtype: np.dtype[Any], length: int) -> Expression:
    if dtype != default_int:
        position = Cast(position, default_int)
    return select(position < 0, position + length, position)


def require_positions(name: str, positions: ArrayType) -> None:
    """Refuse positions that are no integers."""
    if not is_integer(positions.dtype):
        raise DTypeError(f"{name} takes integer positions, not {short_name(positions.dtype)}")


def require_inside(positions: Any, axis: int, shape: Shape) -> None:
    """Refuse positions that lie outside an axis of an array of a given shape; negative ones count from the end."""
    length = shape[axis]
    if positions.size and not (-length <= positions.min() and positions.max() < length):
        wrong = int(positions[(positions < -length) | (positions >= length)].flat[0])
        run = f"positions run from {-length} to {length - 1}" if length else "the axis is empty"
        raise PositionError(f"index {wrong} is outside axis {axis} of an array of shape {shape}", fix=run)


# ── whole slices at positions: take, and its adjoint add_at ──────────────────────────────────────


def _take_shape(x: ArrayType, positions: ArrayType, *, axis: int) -> ArrayType:
    require_positions("take", positions)
    return ArrayType((*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :]), x.dtype)


def _take_value(x: Any, positions: Any, *, axis: int) -> Any:
    require_inside(positions, axis, x.shape)
    return np.take(x, positions, axis=axis)


def _take_access(x: ArrayType, positions: ArrayType, *, axis: int) -> Access:
    axes = indices(x.ndim - 1 + positions.ndim)
    inner = axes[axis : axis + positions.ndim]
    at = _wrapped(Read(1, inner), positions.dtype, x.shape[axis])
    return Access(axes, Read(0, (*axes[:axis], at, *axes[axis + positions.ndim :])))


register(Primitive(
    "take", shape=_take_shape, reference=_take_value,
    gradient=lambda g, out, x, positions, *, needed, axis: [
        bind("add_at", g, positions, axis=axis, length=x.shape[axis]), None,  # a row taken twice gets both
    ],
    access=_take_access, notation="{0}_{{{1}}}", convention=negative,
    example=lambda rng: ([rng.normal(size=(2, 5, 3)), rng.integers(-5, 5, size=(2, 4))], {"axis": 1}),
))  # fmt: skip


def _add_at_shape(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> ArrayType:
    require_positions("add_at", positions)
    return ArrayType((*g.shape[:axis], length, *g.shape[axis + positions.ndim :]), g.dtype)


def _add_at_value(g: Any, positions: Any, *, axis: int, length: int) -> Any:
    out = np.zeros((length, *g.shape[:axis], *g.shape[axis + positions.ndim :]), g.dtype)
    rows = np.moveaxis(g, range(axis, axis + positions.ndim), range(positions.ndim))
    np.add.at(out, positions, rows)
    return np.moveaxis(out, 0, axis)


def _add_at_access(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> Access:
    axes = indices(g.ndim - positions.ndim + 1)
    inner = indices(positions.ndim, start=len(axes))
    hit = _wrapped(Read(1, inner), positions.dtype, length).equals(axes[axis])
    value: Expression = select(hit, Read(0, (*axes[:axis], *inner, *axes[axis + 1 :])), 0)
    for index, extent in reversed(list(zip(inner, positions.shape, strict=True))):
        value = Reduce("sum", index, extent, value)
    return Access(axes, value)


register(Primitive(
    "add_at", shape=_add_at_shape, reference=_add_at_value,
    gradient=lambda g, out, x, positions, *, needed, axis, length: [bind("take", g, positions, axis=axis), None],
    access=_add_at_access, notation=r"\sum_{{{1}}} {0}", convention=negative,
    example=lambda rng: ([rng.normal(size=(2, 4, 3)), rng.integers(-5, 5, size=(4,))], {"axis": 1, "length": 5}),
))  # fmt: skip


@operation
def take(x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Array:
    """The slices of ``x`` at integer positions along an axis; the positions may have any shape.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.take(mp.asarray([10.0, 20.0, 30.0]), mp.asarray([2, 0]), axis=0)
    Array([30., 10.], dtype=float32)
    """
    x = as_array(x)
    if axis is None:
        if x.ndim != 1:
            raise ShapeError(f"take from an array with {x.ndim} axes needs axis=")
        axis = 0
    return bind("take", x, as_array(indices), axis=count_axis("take", axis, x.ndim))


# ── one element per place: take_along_axis, and its adjoint ──────────────────────────────────────


def _along_shape(x: ArrayType, positions: ArrayType, *, axis: int) -> ArrayType:
    require_positions("take_along_axis", positions)
    if positions.ndim != x.ndim or any(
        n != m for a, (n, m) in enumerate(zip(x.shape, positions.shape, strict=True)) if a != axis
    ):
        raise ShapeError(f"take_along_axis: {x.shape} and positions {positions.shape} differ outside axis {axis}")
    return ArrayType(positions.shape, x.dtype)


def _along_value(x: Any, positions: Any, *, axis: int) -> Any:
    require_inside(positions, axis, x.shape)
    return np.take_along_axis(x, positions, axis=axis)


def _along_access(x: ArrayType, positions: ArrayType, *, axis: int) -> Access:
    axes = indices(x.ndim)
    at = _wrapped(Read(1, axes), positions.dtype, x.shape[axis])
    return Access(axes, Read(0, (*axes[:axis], at, *axes[axis + 1 :])))


register(Primitive(
    "take_along_axis", shape=_along_shape, reference=_along_value,
    gradient=lambda g, out, x, positions, *, needed, axis: [
        bind("add_along_axis", g, positions, axis=axis, length=x.shape[axis]), None,
    ],
    access=_along_access, notation="{0}_{{{1}}}", convention=negative,
    example=lambda rng: ([rng.normal(size=(3, 5)), rng.integers(-5, 5, size=(3, 2))], {"axis": 1}),
))  # fmt: skip


def _add_along_shape(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> ArrayType:
    require_positions("add_along_axis", positions)
    return ArrayType((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)


def _add_along_value(g: Any, positions: Any, *, axis: int, length: int) -> Any:
    out = np.zeros((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)
    grid: list[Any] = list(np.indices(g.shape, sparse=True))
    grid[axis] = positions
    np.add.at(out, tuple(grid), g)
    return out


def _add_along_access(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> Access:
    axes = indices(g.ndim)
    (p,) = indices(1, start=g.ndim)
    at = (*axes[:axis], p, *axes[axis + 1 :])
    hit = _wrapped(Read(1, at), positions.dtype, length).equals(axes[axis])
    return Access(axes, Reduce("sum", p, g.shape[axis], select(hit, Read(0, at), 0)))


register(Primitive(
    "add_along_axis", shape=_add_along_shape, reference=_add_along_value,
    gradient=lambda g, out, x, positions, *, needed, axis, length: [
        bind("take_along_axis", g, positions, axis=axis), None,
    ],
    access=_add_along_access, notation=r"\sum_{{{1}}} {0}", convention=negative,
    example=lambda rng: ([rng.normal(size=(3, 2)), rng.integers(-5, 5, size=(3, 2))], {"axis": 1, "length": 5}),
))  # fmt: skip


@operation
def take_along_axis(x: ArrayLike, indices: ArrayLike, /, *, axis: int = -1) -> Array:
    """One element for each position: ``out[i,j] = x[i, indices[i,j]]`` for the last axis."""
    x, positions = as_array(x), as_array(indices)
    at = count_axis("take_along_axis", axis, x.ndim)
    shape = tuple(n if a != at else p for a, (n, p) in enumerate(zip(x.shape, positions.shape, strict=False)))
    return bind("take_along_axis", x, broadcast_to(positions, shape), axis=at)


# ── which update lands where ─────────────────────────────────────────────────────────────────────


def _last_at_shape(positions: ArrayType, *, length: int) -> ArrayType:
    require_positions("last_at", positions)
    return ArrayType((length,), default_int)


def _last_at_value(positions: Any, *, length: int) -> Any:
    out = np.full(length, -1)
    np.maximum.at(out, positions, np.arange(positions.size))
    return out


def _last_at_access(positions: ArrayType, *, length: int) -> Access:
    (i, p) = indices(2)
    hit = _wrapped(Read(0, (p,)), positions.dtype, length).equals(i)
    last = Reduce("max", p, positions.size, select(hit, p, Literal(-1)))
    return Access((i,), Call("maximum", (last, Literal(-1))) if positions.size else Literal(-1))


register(Primitive(
    "last_at", shape=_last_at_shape, reference=_last_at_value, access=_last_at_access,
    notation=r"\operatorname{{last}}({0})", convention="−1 where no position points; " + negative,
    example=lambda rng: ([rng.integers(-5, 5, size=(4,))], {"length": 5}),
))  # fmt: skip
