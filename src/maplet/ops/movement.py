"""Operations that only move elements: their index notation is a map from positions to positions."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core import index_notation
from maplet.core.array import Array
from maplet.core.index_notation import Access, Expression, Literal, Read, indices, select
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind, same
from maplet.core.types import ArrayType, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array, as_shape, count_axes, count_axis, meet, require_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import ArrayLike
    from maplet.core.types import Shape

# ── reshape ──────────────────────────────────────────────────────────────────────────────────────


def _reshape_shape(x: ArrayType, *, shape: Shape) -> ArrayType:
    if prod(shape) != x.size or min(shape, default=0) < 0:
        raise ShapeError(f"reshape: {x.shape} has {x.size} elements, {shape} has {prod(shape)}")
    return ArrayType(shape, x.dtype)


def _reshape_access(x: ArrayType, *, shape: Shape) -> Access:
    axes = indices(len(shape))
    position: Expression = Literal(0)
    for index, length in zip(axes, shape, strict=True):
        position = position * length + index
    at: list[Expression] = []
    for length in reversed(x.shape):
        at.append(position % length)
        position = position // length
    return Access(axes, Read(0, tuple(reversed(at))))


register(Primitive(
    "reshape", shape=_reshape_shape, reference=lambda x, *, shape: x.reshape(shape),
    gradient=lambda g, out, x, *, needed, shape: [reshape(g, x.shape)],  # the same elements, back in place
    access=_reshape_access, notation="{0}",
    example=lambda rng: ([rng.normal(size=(2, 6))], {"shape": (3, 2, 2)}),
))  # fmt: skip


@operation
def reshape(x: ArrayLike, /, shape: int | Sequence[int]) -> Array:
    """The same elements, in row-major order, in another shape; one length may be −1.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.reshape(mp.arange(6), (2, -1))
    Array([[0, 1, 2],
           [3, 4, 5]], dtype=int64)
    """
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
def expand_dims(x: ArrayLike, /, *, axis: int = 0) -> Array:
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
        raise ShapeError(f"squeeze: axis {long[0]} of shape {x.shape} has length {x.shape[long[0]]}, not 1")
    return reshape(x, tuple(n for a, n in enumerate(x.shape) if a not in axes))


# ── permute ──────────────────────────────────────────────────────────────────────────────────────


def _permute_access(x: ArrayType, *, axes: tuple[int, ...]) -> Access:
    names = indices(x.ndim)
    return Access(names, Read(0, tuple(names[axes.index(n)] for n in range(x.ndim))))


def _permute_shape(x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"permute_dims: {axes} is not an order of the {x.ndim} axes of {x.shape}")
    return ArrayType(tuple(x.shape[a] for a in axes), x.dtype)


register(Primitive(
    "permute_dims", shape=_permute_shape, reference=lambda x, *, axes: x.transpose(axes),
    gradient=lambda g, out, x, *, needed, axes: [permute_dims(g, tuple(int(n) for n in np.argsort(axes)))],
    access=_permute_access, notation=r"{0}^\top",
    example=lambda rng: ([rng.normal(size=(2, 3, 4))], {"axes": (2, 0, 1)}),
))  # fmt: skip


@operation
def permute_dims(x: ArrayLike, /, axes: Sequence[int]) -> Array:
    """The axes in another order."""
    x = as_array(x)
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
def moveaxis(x: ArrayLike, source: int, destination: int, /) -> Array:
    """One axis moved to another place, the others in their order."""
    x = as_array(x)
    order = [n for n in range(x.ndim) if n != count_axis("moveaxis", source, x.ndim)]
    order.insert(count_axis("moveaxis", destination, x.ndim), count_axis("moveaxis", source, x.ndim))
    return permute_dims(x, order)


# ── broadcast ────────────────────────────────────────────────────────────────────────────────────


def _broadcast_shape(x: ArrayType, *, shape: Shape) -> ArrayType:
    aligned = shape[len(shape) - x.ndim :] if x.ndim <= len(shape) else None
    if aligned is None or any(n not in (1, m) for n, m in zip(x.shape, aligned, strict=True)):
        raise ShapeError(f"broadcast_to: {x.shape} cannot be repeated to {shape}: only axes of length 1 are")
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
    access=_broadcast_access, notation="{0}",
    example=lambda rng: ([rng.normal(size=(3, 1))], {"shape": (2, 3, 4)}),
))  # fmt: skip


@operation
def broadcast_to(x: ArrayLike, /, shape: Sequence[int]) -> Array:
    """The array repeated along new axes and along those of length 1."""
    x = as_array(x)
    target = as_shape("broadcast_to", shape)
    return same(x) if target == x.shape else bind("broadcast_to", x, shape=target)


# ── concat, stack ────────────────────────────────────────────────────────────────────────────────


def _concat_shape(*xs: ArrayType, axis: int) -> ArrayType:
    first = xs[0]
    for x in xs:
        fits = x.ndim == first.ndim and all(
            n == m for a, (n, m) in enumerate(zip(x.shape, first.shape, strict=True)) if a != axis
        )
        if not fits:
            shapes = " and ".join(str(t.shape) for t in xs)
            raise ShapeError(
                f"concat along axis {axis}: shapes {shapes} differ elsewhere", fix="mp.stack makes a new axis"
            )
        if x.dtype != first.dtype:
            raise DTypeError(
                f"concat takes arrays of one dtype, given {short_name(first.dtype)} and {short_name(x.dtype)}"
            )
    length = sum(x.shape[axis] for x in xs)
    return ArrayType((*first.shape[:axis], length, *first.shape[axis + 1 :]), first.dtype)


def _starts(lengths: Sequence[int]) -> list[int]:
    return [sum(lengths[:n]) for n in range(len(lengths))]


def _concat_gradient(g: Array, out: Array, *xs: Array, needed: tuple[bool, ...], axis: int) -> list[Array | None]:
    lengths = [x.shape[axis] for x in xs]  # each piece gets its own part of the cotangent
    return [
        slice_along(g, axis, start, start + length) if wanted else None
        for start, length, wanted in zip(_starts(lengths), lengths, needed, strict=True)
    ]


def _concat_access(*xs: ArrayType, axis: int) -> Access:
    axes = indices(xs[0].ndim)
    lengths = [x.shape[axis] for x in xs]
    value: Expression | None = None
    for operand, start in reversed(list(enumerate(_starts(lengths)))):
        piece = Read(operand, tuple(i - start if a == axis else i for a, i in enumerate(axes)))
        value = piece if value is None else select(axes[axis] < start + lengths[operand], piece, value)
    return Access(axes, value if value is not None else Literal(0))


register(Primitive(
    "concat", shape=_concat_shape, reference=lambda *xs, axis: np.concatenate(xs, axis=axis), gradient=_concat_gradient,
    access=_concat_access, notation=r"[{0}, {1}, …]",
    example=lambda rng: ([rng.normal(size=(2, 3)), rng.normal(size=(2, 1)), rng.normal(size=(2, 2))], {"axis": 1}),
))  # fmt: skip


@operation
def concat(arrays: Sequence[ArrayLike], /, *, axis: int | None = 0) -> Array:
    """Arrays joined along an axis that they have; with ``axis=None`` they are flattened first."""
    require_list("concat", arrays)
    met = meet(*arrays)
    if axis is None:
        met, axis = [reshape(x, (-1,)) for x in met], 0
    return same(met[0]) if len(met) == 1 else bind("concat", *met, axis=count_axis("concat", axis, met[0].ndim))


@operation
def stack(arrays: Sequence[ArrayLike], /, *, axis: int = 0) -> Array:
    """Arrays of equal shape joined along a new axis."""
    require_list("stack", arrays)
    shapes = {x.shape for x in map(as_array, arrays)}
    if len(shapes) > 1:
        raise ShapeError(f"stack takes arrays of one shape, given {' and '.join(map(str, sorted(shapes)))}")
    return concat([expand_dims(x, axis=axis) for x in arrays], axis=axis)


# ── slice, flip ──────────────────────────────────────────────────────────────────────────────────
# A slice is start, length and step per axis; the step may be negative, the length counts the elements taken.


def _slice_shape(x: ArrayType, *, starts: Shape, lengths: Shape, steps: Shape) -> ArrayType:
    for start, length, step, n in zip(starts, lengths, steps, x.shape, strict=True):
        if length and not (0 <= start < n and 0 <= start + (length - 1) * step < n):
            raise ShapeError(f"slice: {length} elements from {start} in steps of {step} leave the shape {x.shape}")
    return ArrayType(lengths, x.dtype)


def _slice_value(x: Any, *, starts: Shape, lengths: Shape, steps: Shape) -> Any:
    key: list[slice] = []
    for start, length, step in zip(starts, lengths, steps, strict=True):
        stop = start + length * step
        key.append(slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0))
    return x[tuple(key)]


def _slice_gradient(
    g: Array, out: Array, x: Array, *, needed: Any, starts: Shape, lengths: Shape, steps: Shape
) -> list[Array]:
    # What was taken gets its cotangent, the rest gets 0: turn the axes that ran backwards, then pad in between.
    for axis, step in enumerate(steps):
        g = flip(g, axis=axis) if step < 0 else g
    low = [s if k > 0 or not n else s + (n - 1) * k for s, n, k in zip(starts, lengths, steps, strict=True)]
    between = [builtin_abs(k) - 1 for k in steps]
    extents = [n + (n - 1) * b if n else 0 for n, b in zip(lengths, between, strict=True)]
    low = [0 if not n else v for v, n in zip(low, lengths, strict=True)]
    high = [size - v - e for size, v, e in zip(x.shape, low, extents, strict=True)]
    return [bind("pad", g, low=tuple(low), high=tuple(high), between=tuple(between))]


builtin_abs = abs


def _slice_access(x: ArrayType, *, starts: Shape, lengths: Shape, steps: Shape) -> Access:
    axes = indices(x.ndim)
    return Access(axes, Read(0, tuple(i * k + s for i, s, k in zip(axes, starts, steps, strict=True))))


register(Primitive(
    "slice", shape=_slice_shape, reference=_slice_value, gradient=_slice_gradient, access=_slice_access,
    notation="{0}_{{[:]}}",
    example=lambda rng: ([rng.normal(size=(5, 6))], {"starts": (1, 5), "lengths": (2, 3), "steps": (2, -2)}),
))  # fmt: skip


def slice_along(x: Array, axis: int, start: int, stop: int) -> Array:
    """The elements from ``start`` to before ``stop`` along one axis."""
    starts = tuple(start if a == axis else 0 for a in range(x.ndim))
    lengths = tuple(stop - start if a == axis else n for a, n in enumerate(x.shape))
    return bind("slice", x, starts=starts, lengths=lengths, steps=(1,) * x.ndim)


@operation
def flip(x: ArrayLike, /, *, axis: int | Sequence[int] | None = None) -> Array:
    """The elements in reverse order along axes."""
    x = as_array(x)
    axes = count_axes("flip", axis, x.ndim)
    return bind(
        "slice", x,
        starts=tuple(n - 1 if a in axes and n else 0 for a, n in enumerate(x.shape)),
        lengths=x.shape,
        steps=tuple(-1 if a in axes else 1 for a in range(x.ndim)),
    )  # fmt: skip


# ── pad ──────────────────────────────────────────────────────────────────────────────────────────


def _pad_shape(x: ArrayType, *, low: Shape, high: Shape, between: Shape) -> ArrayType:
    if min((*low, *high, *between), default=0) < 0:
        raise ShapeError(f"pad: negative widths {low}, {high}, {between}", fix="cut with a slice instead")
    inner = [n + builtin_max(n - 1, 0) * b for n, b in zip(x.shape, between, strict=True)]
    return ArrayType(tuple(v + n + h for v, n, h in zip(low, inner, high, strict=True)), x.dtype)


builtin_max = max


def _pad_value(x: Any, *, low: Shape, high: Shape, between: Shape) -> Any:
    out = np.zeros(_pad_shape(ArrayType(x.shape, x.dtype), low=low, high=high, between=between).shape, x.dtype)
    inside = zip(x.shape, low, between, strict=True)
    out[tuple(slice(v, v + n + builtin_max(n - 1, 0) * b, b + 1) if n else slice(0, 0) for n, v, b in inside)] = x
    return out


def _pad_gradient(
    g: Array, out: Array, x: Array, *, needed: Any, low: Shape, high: Shape, between: Shape
) -> list[Array]:
    starts = tuple(v if n else 0 for v, n in zip(low, x.shape, strict=True))
    return [bind("slice", g, starts=starts, lengths=x.shape, steps=tuple(b + 1 for b in between))]


def _pad_access(x: ArrayType, *, low: Shape, high: Shape, between: Shape) -> Access:
    axes = indices(x.ndim)
    inside: Expression | None = None
    at: list[Expression] = []
    for i, n, v, b in zip(axes, x.shape, low, between, strict=True):
        moved = i - v
        at.append(moved // (b + 1))
        conditions = [moved >= 0, at[-1] < n, (moved % (b + 1)).equals(0)]
        for condition in conditions:
            inside = condition if inside is None else index_notation.call("logical_and", inside, condition)
    taken = Read(0, tuple(at))
    return Access(axes, taken if inside is None else select(inside, taken, 0))


register(Primitive(
    "pad", shape=_pad_shape, reference=_pad_value, gradient=_pad_gradient, access=_pad_access,
    notation=r"\operatorname{{pad}}({0})",
    example=lambda rng: ([rng.normal(size=(2, 3))], {"low": (1, 0), "high": (0, 2), "between": (1, 0)}),
))  # fmt: skip


def _pad_widths(given: Any, ndim: int) -> tuple[Shape, Shape]:
    nested = isinstance(given, list | tuple) and any(
        isinstance(pair, list | tuple) for pair in cast("list[Any]", given)
    )
    pairs = cast("list[Any]", given if nested else [given])
    try:
        both = [as_shape("pad", pair) for pair in pairs]
        widths = np.broadcast_to(np.asarray(both, dtype=np.int64), (ndim, 2)).tolist()
    except ValueError:  # ShapeError is one
        raise ShapeError(
            f"pad: {given!r} says no widths for an array with {ndim} axes",
            fix="give one integer, a pair (before, after), or one pair per axis: ((1, 1), (0, 2))",
        ) from None
    return tuple(low for low, _ in widths), tuple(high for _, high in widths)


@operation
def pad(x: ArrayLike, pad_width: int | Sequence[int] | Sequence[Sequence[int]], /, *, value: ArrayLike = 0.0) -> Array:
    """The array with a margin of a constant value around it.

    ``pad_width`` is one number, a pair (before, after), or one pair per axis.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.pad(mp.asarray([1.0, 2.0]), (1, 2))
    Array([0., 1., 2., 0., 0.], dtype=float32)
    """
    x = as_array(x)
    low, high = _pad_widths(pad_width, x.ndim)
    if not any(low) and not any(high):
        return same(x)
    padded = bind("pad", x, low=low, high=high, between=(0,) * x.ndim)
    if not isinstance(value, Array) and value == 0:
        return padded
    inside = bind("pad", broadcast_to(as_array(True), x.shape), low=low, high=high, between=(0,) * x.ndim)
    padded, margin = meet(padded, value)
    return bind("where", inside, padded, margin)
