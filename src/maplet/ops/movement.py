"""Operations that only move elements: their index notation is a map from positions to positions."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, cast

import numpy as np

from maplet.core import index_notation
from maplet.core.index_notation import Access, Expression, Literal, Read, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind, same
from maplet.core.types import ArrayType
from maplet.errors import ShapeError
from maplet.ops.arguments import as_array, as_shape, count_axes, count_axis, one_or_more
from maplet.settings import flag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape

# ── the rows of a batch ───────────────────────────────────────────────────────────────────────────
# What the `batch` rules of all operations share: the axis of the rows stands in front of an operand.


def repeat_rows(x: Array, size: int) -> Array:
    """The same array in every row."""
    return broadcast_to(expand_dims(x, axis=0), (size, *x.shape))


def all_rows(size: int, arrays: Sequence[Array], batched: Sequence[bool]) -> list[Array]:
    """Every array with the axis of the rows; those that do not depend on the rows are repeated."""
    return [x if carries else repeat_rows(x, size) for x, carries in zip(arrays, batched, strict=True)]


def align_rows(x: Array, ndim: int) -> Array:
    """Rows of ``ndim`` axes, so that their own axes stand at the right when they meet another operand."""
    rows, *own = x.shape
    return reshape(x, (rows, *[1] * (ndim - len(own)), *own))


# ── reshape ──────────────────────────────────────────────────────────────────────────────────────


def _reshape_shape(x: ArrayType, *, shape: Shape) -> ArrayType:
    if prod(shape) != x.size or min(shape, default=0) < 0:
        raise ShapeError(
            f"reshape: {x.shape} has {x.size} elements, {shape} has {prod(shape)}",
            fix="the number of elements stays; one length may be −1, which is what is left over",
        )
    return ArrayType(shape, x.dtype)


def _reshape_access(x: ArrayType, *, shape: Shape) -> Access:
    axes = indices(len(shape))
    at: list[Expression] = []
    for old, new in _runs(x.shape, shape):
        position: Expression = Literal(0)
        for n in new:
            position = axes[n] if len(new) == 1 else position * shape[n] + axes[n]
        inside: list[Expression] = []
        for n in reversed(old[1:]):
            inside.append(position % x.shape[n])
            position = position // x.shape[n]
        at += [position, *reversed(inside)] if old else []
    return Access(axes, Read(0, tuple(at)))


def _runs(old: Shape, new: Shape) -> Iterator[tuple[range, range]]:
    """Neighbouring axes of two shapes of one size that hold the same elements, as few together as can be."""
    i = j = 0
    while i < len(old) or j < len(new):
        first, second = i, j
        i, j = min(i + 1, len(old)), min(j + 1, len(new))
        while 0 not in old and (sizes := (prod(old[first:i]), prod(new[second:j])))[0] != sizes[1]:
            i, j = (i + 1, j) if sizes[0] < sizes[1] else (i, j + 1)
        if 0 in old:
            i, j = len(old), len(new)
        yield range(first, i), range(second, j)


register(Primitive(
    "reshape", shape=_reshape_shape, reference=lambda x, *, shape: x.reshape(shape),
    gradient=lambda g, out, x, *, needed, shape: [reshape(g, x.shape)],  # the same elements, back in place
    batch=lambda size, x, *, batched, shape: reshape(x, (size, *shape)),
    access=_reshape_access, notation="{0}",
    example=lambda rng: ([rng.normal(size=(2, 6))], {"shape": (3, 2, 2)}),
))  # fmt: skip


@operation
def reshape(x: ArrayLike, /, shape: int | Sequence[int], *, copy: bool | None = None) -> Array:
    """The same elements, in row-major order, in another shape; one length may be −1.

    ``copy`` is the standard's, and changes nothing here: a value is never written to, so nobody could tell.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.reshape(mp.arange(6), (2, -1))
    Array([[0, 1, 2],
           [3, 4, 5]], dtype=int64)
    """
    if copy is not None:
        flag("reshape: copy", copy)
    x = as_array(x)
    wanted = list(as_shape("reshape", shape, open_axis=True))
    if -1 in wanted:
        known = prod(n for n in wanted if n != -1)
        if known == 0 or x.size % known:
            raise ShapeError(f"reshape: {x.shape} with {x.size} elements cannot become {tuple(wanted)}")
        wanted[wanted.index(-1)] = x.size // known
    target = tuple(wanted)
    return same(x) if target == x.shape else bind("reshape", x, shape=target)


@operation
def expand_dims(x: ArrayLike, /, axis: int = 0) -> Array:
    """A new axis of length 1 at a position of the result."""
    x = as_array(x)
    at = count_axis("expand_dims", axis, x.ndim + 1)
    return reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


@operation
def squeeze(x: ArrayLike, /, axis: int | Sequence[int]) -> Array:
    """Without the axes named, which must have length 1."""
    x = as_array(x)
    axes = count_axes("squeeze", axis, x.ndim)
    long = [a for a in axes if x.shape[a] != 1]
    if long:
        raise ShapeError(
            f"squeeze: axis {long[0]} of shape {x.shape} has length {x.shape[long[0]]}, not 1",
            fix="name axes of length 1 only; mp.reshape joins others",
        )
    return reshape(x, tuple(n for a, n in enumerate(x.shape) if a not in axes))


# ── permute ──────────────────────────────────────────────────────────────────────────────────────


def _permute_access(x: ArrayType, *, axes: tuple[int, ...]) -> Access:
    names = indices(x.ndim)
    return Access(names, Read(0, tuple(names[axes.index(n)] for n in range(x.ndim))))


def _permute_shape(x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(
            f"permute_dims: {axes} is not an order of the {x.ndim} axes of {x.shape}",
            fix="name every axis once, counted from 0",
        )
    return ArrayType(tuple(x.shape[a] for a in axes), x.dtype)


def _permute_batch(size: int, x: Array, *, batched: tuple[bool], axes: tuple[int, ...]) -> Array:
    return permute_dims(x, (0, *[a + 1 for a in axes]))


register(Primitive(
    "permute_dims", shape=_permute_shape, reference=lambda x, *, axes: x.transpose(axes),
    gradient=lambda g, out, x, *, needed, axes: [permute_dims(g, tuple(int(n) for n in np.argsort(axes)))],
    batch=_permute_batch,
    access=_permute_access, notation=r"{0}^\top",
    example=lambda rng: ([rng.normal(size=(2, 3, 4))], {"axes": (2, 0, 1)}),
))  # fmt: skip


@operation
def permute_dims(x: ArrayLike, /, axes: Sequence[int]) -> Array:
    """The axes in another order."""
    x = as_array(x)
    if not isinstance(cast("object", axes), list | tuple | range | np.ndarray):
        raise ShapeError(f"permute_dims: {axes!r} is no order of axes", fix=f"name all of them: {tuple(range(x.ndim))}")
    order = tuple(count_axis("permute_dims", a, x.ndim) for a in axes)
    return same(x) if order == tuple(range(x.ndim)) else bind("permute_dims", x, axes=order)


@operation
def matrix_transpose(x: ArrayLike, /) -> Array:
    """The last two axes exchanged."""
    x = as_array(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose takes at least two axes, given shape {x.shape}")
    return permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@operation
def transpose(x: Array, /) -> Array:
    """The transpose of a matrix, ``a.T``; an array with more or fewer axes has none."""
    if x.ndim != 2:
        raise ShapeError(
            f"a.T is the transpose of a matrix, an array with two axes, and not of one of shape {x.shape}",
            fix="a.mT exchanges the last two axes, mp.permute_dims(a, axes) orders them; one axis has no transpose",
        )
    return permute_dims(x, (1, 0))


@operation
def moveaxis(x: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int], /) -> Array:
    """One axis, or several, moved to other places, the others in their order.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.moveaxis(mp.zeros((2, 3, 4)), (0, 1), (-1, 0)).shape
    (3, 4, 2)
    """
    x = as_array(x)
    sources, destinations = (
        [count_axis("moveaxis", a, x.ndim) for a in one_or_more(given)] for given in (source, destination)
    )
    if not len({*sources}) == len(sources) == len(destinations) == len({*destinations}):
        raise ShapeError(
            f"moveaxis: {source} to {destination}: as many different places are needed as there are axes to move",
            fix="mp.moveaxis(x, (0, 1), (1, 2)): each axis and each place once",
        )
    order = [n for n in range(x.ndim) if n not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return permute_dims(x, order)


# ── broadcast ────────────────────────────────────────────────────────────────────────────────────


def _broadcast_shape(x: ArrayType, *, shape: Shape) -> ArrayType:
    aligned = shape[len(shape) - x.ndim :] if x.ndim <= len(shape) else None
    if aligned is None or any(n not in (1, m) for n, m in zip(x.shape, aligned, strict=True)):
        raise ShapeError(
            f"broadcast_to: {x.shape} cannot be repeated to {shape}: only axes of length 1 are",
            fix="axes meet at the right; mp.expand_dims(x, axis=…) makes one of length 1",
        )
    return ArrayType(shape, x.dtype)


def _broadcast_access(x: ArrayType, *, shape: Shape) -> Access:
    axes = indices(len(shape))
    return Access(axes, index_notation.read_broadcast(0, x.shape, axes))


def sum_to(x: Array, shape: Shape) -> Array:
    """Add up over the axes along which an array of the given shape was repeated: the adjoint of broadcasting."""
    if x.shape == shape:
        return x
    leading = x.ndim - len(shape)
    axes = (*range(leading), *(leading + a for a, n in enumerate(shape) if n == 1 and x.shape[leading + a] != 1))
    return reshape(bind("sum", x, axes=axes, keepdims=False), shape)


register(Primitive(
    "broadcast_to", shape=_broadcast_shape, reference=lambda x, *, shape: np.broadcast_to(x, shape),
    gradient=lambda g, out, x, *, needed, shape: [sum_to(g, x.shape)],  # every copy counts
    batch=lambda size, x, *, batched, shape: broadcast_to(align_rows(x, len(shape)), (size, *shape)),
    access=_broadcast_access, notation="{0}",
    example=lambda rng: ([rng.normal(size=(3, 1))], {"shape": (2, 3, 4)}),
))  # fmt: skip


@operation
def broadcast_to(x: ArrayLike, /, shape: Sequence[int]) -> Array:
    """The array repeated along new axes and along those of length 1."""
    x = as_array(x)
    target = as_shape("broadcast_to", shape)
    return same(x) if target == x.shape else bind("broadcast_to", x, shape=target)
