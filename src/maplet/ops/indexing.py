"""Operations whose positions are data: looking up rows, picking one element per row, `a[key]` and `a[key] = v`."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.index_notation import Access, Cast, Expression, Literal, Read, Reduce, indices, select
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import (
    ArrayType,
    default_int,
    is_integer,
    short_name,
    wide_enough,
)
from maplet.errors import DTypeError, PositionError, ShapeError
from maplet.ops.arguments import as_array, broadcast_shape, count_axis
from maplet.ops.creation import arange, zeros
from maplet.ops.elementwise import equal, where
from maplet.ops.movement import all_rows, broadcast_to, moveaxis, repeat_rows, reshape

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
        raise DTypeError(
            f"{name} takes integer positions, not {short_name(positions.dtype)}",
            fix="convert: positions.astype(mp.int64)",
        )


def require_inside(positions: Any, axis: int, shape: Shape) -> None:
    """Refuse positions that lie outside an axis of an array of a given shape; negative ones count from the end."""
    length = shape[axis]
    if positions.size and not (-length <= positions.min() and positions.max() < length):
        wrong = int(positions[(positions < -length) | (positions >= length)].flat[0])
        run = f"positions run from {-length} to {length - 1}" if length else "the axis is empty"
        raise PositionError(f"index {wrong} is outside axis {axis} of an array of shape {shape}", fix=run)


# ── whole slices at positions: take, and its adjoint add_at ──────────────────────────────────────
# take: out[lead…, before…, p…, after…] = x[lead…, before…, positions[lead…, p…], after…]. The axis of the positions is
# counted from the front of x. The first `batch` axes, `lead`, are shared by x and the positions: each row of a batch
# has its own positions. They are named only where there are any.


def _take_shape(x: ArrayType, positions: ArrayType, *, axis: int, batch: int = 0) -> ArrayType:
    require_positions("take", positions)
    _require_lead("take", x.shape, positions.shape, axis, batch)
    return ArrayType((*x.shape[:axis], *positions.shape[batch:], *x.shape[axis + 1 :]), x.dtype)


def _require_lead(name: str, shape: Shape, positions: Shape, axis: int, batch: int) -> None:
    if not 0 <= batch <= axis or shape[:batch] != positions[:batch]:
        raise ShapeError(
            f"{name} along axis {axis}: {shape} and positions {positions} do not share {batch} leading axes"
        )


def _take_value(x: Any, positions: Any, *, axis: int, batch: int = 0) -> Any:
    require_inside(positions, axis, x.shape)
    if not batch:
        return np.take(x, positions, axis=axis)
    count = positions.ndim - batch
    found = np.moveaxis(x, axis, batch)[*_rows_beside(positions, batch), positions]
    return np.moveaxis(found, range(batch, batch + count), range(axis, axis + count))


def _rows_beside(positions: Any, batch: int) -> list[Any]:
    """The numbers of the rows, one array per leading axis, to stand beside positions as NumPy's indices."""
    lead = cast("tuple[Any, ...]", np.indices(positions.shape[:batch], sparse=True))
    return [numbers.reshape(*numbers.shape, *[1] * (positions.ndim - batch)) for numbers in lead]


def _take_access(x: ArrayType, positions: ArrayType, *, axis: int, batch: int = 0) -> Access:
    count = positions.ndim - batch
    axes = indices(x.ndim - 1 + count)
    inner = axes[axis : axis + count]
    at = _wrapped(Read(1, (*axes[:batch], *inner)), positions.dtype, x.shape[axis])
    return Access(axes, Read(0, (*axes[:axis], at, *axes[axis + count :])))


def _take_gradient(
    g: Array, out: Array, x: Array, positions: Array, *, needed: Any, axis: int, batch: int = 0
) -> list[Array | None]:
    return [bind("add_at", g, positions, axis=axis, length=x.shape[axis], **_named(batch)), None]  # twice taken: both


def _named(batch: int) -> dict[str, int]:
    return {"batch": batch} if batch else {}


def _take_batch(
    size: int, x: Array, positions: Array, *, batched: tuple[bool, bool], axis: int, batch: int = 0
) -> Array:
    if batched == (True, True):
        return bind("take", x, positions, axis=axis + 1, batch=batch + 1)
    if batched[0]:  # the rows are one more axis before the one that the positions point into
        return moveaxis(bind("take", moveaxis(x, 0, batch), positions, axis=axis + 1, **_named(batch)), batch, 0)
    return moveaxis(bind("take", x, moveaxis(positions, 0, batch), axis=axis, **_named(batch)), axis, 0)


register(Primitive(
    "take", shape=_take_shape, reference=_take_value, gradient=_take_gradient, batch=_take_batch,
    access=_take_access, notation="{0}_{{{1}}}", convention=negative,
    example=lambda rng: ([rng.normal(size=(2, 5, 3)), rng.integers(-5, 5, size=(2, 4))], {"axis": 1}),
))  # fmt: skip


def _add_at_shape(g: ArrayType, positions: ArrayType, *, axis: int, length: int, batch: int = 0) -> ArrayType:
    require_positions("add_at", positions)
    _require_lead("add_at", g.shape, positions.shape, axis, batch)
    if g.shape[axis : axis + positions.ndim - batch] != positions.shape[batch:]:
        raise ShapeError(f"add_at along axis {axis}: {g.shape} has not one row for each of {positions.shape}")
    return ArrayType((*g.shape[:axis], length, *g.shape[axis + positions.ndim - batch :]), g.dtype)


def _add_at_value(g: Any, positions: Any, *, axis: int, length: int, batch: int = 0) -> Any:
    count = positions.ndim - batch
    rows = np.moveaxis(g, range(axis, axis + count), range(batch, batch + count))
    require_inside(positions, axis, (*g.shape[:axis], length, *g.shape[axis + count :]))
    out = wide_enough(np.zeros((*g.shape[:batch], length, *rows.shape[batch + count :]), g.dtype))
    np.add.at(out, (*_rows_beside(positions, batch), positions), rows)
    return np.moveaxis(out, batch, axis).astype(g.dtype, copy=False)


def _add_at_access(g: ArrayType, positions: ArrayType, *, axis: int, length: int, batch: int = 0) -> Access:
    count = positions.ndim - batch
    axes = indices(g.ndim - count + 1)
    inner = indices(count, start=len(axes))
    hit = _wrapped(Read(1, (*axes[:batch], *inner)), positions.dtype, length).equals(axes[axis])
    value: Expression = select(hit, Read(0, (*axes[:axis], *inner, *axes[axis + 1 :])), 0)
    for index, extent in reversed(list(zip(inner, positions.shape[batch:], strict=True))):
        value = Reduce("sum", index, extent, value)
    return Access(axes, value)


def _add_at_gradient(
    g: Array, out: Array, x: Array, positions: Array, *, needed: Any, axis: int, length: int, batch: int = 0
) -> list[Array | None]:
    return [bind("take", g, positions, axis=axis, **_named(batch)), None]


def _add_at_batch(
    size: int, g: Array, positions: Array, *, batched: tuple[bool, bool], axis: int, length: int, batch: int = 0
) -> Array:
    if batched[1]:
        rows = g if batched[0] else repeat_rows(g, size)
        return bind("add_at", rows, positions, axis=axis + 1, length=length, batch=batch + 1)
    added = bind("add_at", moveaxis(g, 0, batch), positions, axis=axis + 1, length=length, **_named(batch))
    return moveaxis(added, batch, 0)


register(Primitive(
    "add_at", shape=_add_at_shape, reference=_add_at_value, gradient=_add_at_gradient, batch=_add_at_batch,
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
            raise ShapeError(f"take from an array with {x.ndim} axes needs axis=", fix="mp.take(x, indices, axis=0)")
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
    batch=lambda size, *xs, batched, axis: bind("take_along_axis", *all_rows(size, xs, batched), axis=axis + 1),
    access=_along_access, notation="{0}_{{{1}}}", convention=negative,
    example=lambda rng: ([rng.normal(size=(3, 5)), rng.integers(-5, 5, size=(3, 2))], {"axis": 1}),
))  # fmt: skip


def _add_along_shape(g: ArrayType, positions: ArrayType, *, axis: int, length: int) -> ArrayType:
    require_positions("add_along_axis", positions)
    if positions.shape != g.shape:
        raise ShapeError(f"add_along_axis: {g.shape} has not one element for each of the positions {positions.shape}")
    return ArrayType((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)


def _add_along_value(g: Any, positions: Any, *, axis: int, length: int) -> Any:
    out = wide_enough(np.zeros((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype))
    require_inside(positions, axis, out.shape)
    grid: list[Any] = list(np.indices(g.shape, sparse=True))
    grid[axis] = positions
    np.add.at(out, tuple(grid), g)
    return out.astype(g.dtype, copy=False)


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
    batch=lambda size, *xs, batched, axis, length: bind(
        "add_along_axis", *all_rows(size, xs, batched), axis=axis + 1, length=length
    ),
    access=_add_along_access, notation=r"\sum_{{{1}}} {0}", convention=negative,
    example=lambda rng: ([rng.normal(size=(3, 2)), rng.integers(-5, 5, size=(3, 2))], {"axis": 1, "length": 5}),
))  # fmt: skip


@operation
def take_along_axis(x: ArrayLike, indices: ArrayLike, /, *, axis: int = -1) -> Array:
    """One element for each position: ``out[i,j] = x[i, indices[i,j]]`` for the last axis; the others are broadcast."""
    x, positions = as_array(x), as_array(indices)
    at = count_axis("take_along_axis", axis, x.ndim)
    if positions.ndim == x.ndim:
        before, after = (
            broadcast_shape("take_along_axis", x.shape[part], positions.shape[part])
            for part in (slice(at), slice(at + 1, None))
        )
        x = broadcast_to(x, (*before, x.shape[at], *after))
        positions = broadcast_to(positions, (*before, positions.shape[at], *after))
    return bind("take_along_axis", x, positions, axis=at)


# ── slices put in the place of others ────────────────────────────────────────────────────────────
# put: out[lead…, i, rest…] = rows[lead…, p, rest…] for the greatest p with positions[lead…, p] = i, else x there.
# Whoever puts has looked whether positions are inside; one outside changes nothing, so that it cannot fail half-way.


def _put_shape(x: ArrayType, positions: ArrayType, rows: ArrayType, *, batch: int = 0) -> ArrayType:
    require_positions("put", positions)
    _require_lead("put", x.shape, positions.shape, batch, batch)
    if positions.ndim != batch + 1 or rows.shape != (*positions.shape, *x.shape[batch + 1 :]) or rows.dtype != x.dtype:
        raise ShapeError(f"put into {x}: {rows} has not one slice of it for each of the positions {positions.shape}")
    return x


def _put_value(x: Any, positions: Any, rows: Any, *, batch: int = 0) -> Any:
    out, length = np.array(x), x.shape[batch]
    lead = cast("tuple[Any, ...]", np.indices(positions.shape[:-1], sparse=True))
    for at, row in zip(np.moveaxis(positions, -1, 0), np.moveaxis(rows, batch, 0), strict=True):
        inside = (-length <= at) & (at < length)
        places = (*(np.broadcast_to(one, inside.shape)[inside] for one in lead), at[inside])
        out[places] = row[inside]
    return out


def _put_access(x: ArrayType, positions: ArrayType, rows: ArrayType, *, batch: int = 0) -> Access:
    (*axes, p) = indices(x.ndim + 1)
    lead, i, rest = axes[:batch], axes[batch], axes[batch + 1 :]
    if not positions.shape[batch]:
        return Access(tuple(axes), Read(0, tuple(axes)))
    hit = _wrapped(Read(1, (*lead, p)), positions.dtype, x.shape[batch]).equals(i)
    last = Reduce("max", p, positions.shape[batch], select(hit, p, Literal(-1)))
    return Access(tuple(axes), select(last >= 0, Read(2, (*lead, last, *rest)), Read(0, tuple(axes))))


def last_of_each(positions: Array, length: int, *, batch: int = 0) -> Array:
    """For each position, the number of the last one in its row that is equal to it."""
    numbers = broadcast_to(arange(positions.shape[-1]), positions.shape)
    places = zeros((*positions.shape[:-1], length), dtype=default_int)
    return bind(
        "take", bind("put", places, positions, numbers, **_named(batch)), positions, axis=batch, **_named(batch)
    )


def _put_gradient(
    g: Array, out: Array, x: Array, positions: Array, rows: Array, *, needed: Any, batch: int = 0
) -> list[Array | None]:
    found: list[Array | None] = [None, None, None]
    if needed[0]:
        found[0] = bind("put", g, positions, zeros(rows.shape, dtype=g.dtype), **_named(batch))
    if needed[2]:  # a slice that another one replaces has no effect
        stays = equal(last_of_each(positions, x.shape[batch], batch=batch), arange(positions.shape[-1]))
        stays = reshape(stays, (*positions.shape, *[1] * (x.ndim - positions.ndim)))
        found[2] = where(stays, bind("take", g, positions, axis=batch, **_named(batch)), 0)
    return found


register(Primitive(
    "put", shape=_put_shape, reference=_put_value, gradient=_put_gradient,
    batch=lambda size, *xs, batched, batch=0: bind("put", *all_rows(size, xs, batched), batch=batch + 1),
    access=_put_access, notation=r"{0}_{{{1}}} \leftarrow {2}",
    convention="of several slices for one place the last one stays; negative positions count from the end, one outside "
    "changes nothing",
    example=lambda rng: ([rng.normal(size=(5, 3)), rng.integers(-5, 5, size=(4,)), rng.normal(size=(4, 3))], {}),
))  # fmt: skip
