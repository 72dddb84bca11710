"""Operations that cut arrays apart, join them and pad them: maps from positions to positions, piece by piece."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core import index_notation
from maplet.core.index_notation import Access, Expression, Read, indices, select
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind, same
from maplet.core.types import ArrayType, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array, as_list, count_axes, count_axis, meet
from maplet.ops.movement import all_rows, expand_dims, reshape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape

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
    return list(accumulate(lengths[:-1], initial=0))


def _concat_gradient(g: Array, out: Array, *xs: Array, needed: tuple[bool, ...], axis: int) -> list[Array | None]:
    lengths = [x.shape[axis] for x in xs]  # each piece gets its own part of the cotangent
    return [
        slice_along(g, axis, start, start + length) if wanted else None
        for start, length, wanted in zip(_starts(lengths), lengths, needed, strict=True)
    ]


def _concat_access(*xs: ArrayType, axis: int) -> Access:
    axes = indices(xs[0].ndim)
    starts = _starts([x.shape[axis] for x in xs])

    def chosen(first: int, stop: int) -> Expression:
        """What stands in the operands from ``first`` on: halved again and again, as of many a chain would be deep."""
        if stop - first == 1:
            return Read(first, tuple(i - starts[first] if a == axis else i for a, i in enumerate(axes)))
        middle = (first + stop) // 2
        return select(axes[axis] < starts[middle], chosen(first, middle), chosen(middle, stop))

    return Access(axes, chosen(0, len(xs)))


register(Primitive(
    "concat", shape=_concat_shape, reference=lambda *xs, axis: np.concatenate(xs, axis=axis), gradient=_concat_gradient,
    batch=lambda size, *xs, batched, axis: bind("concat", *all_rows(size, xs, batched), axis=axis + 1),
    access=_concat_access, notation=r"[{0}, {1}, …]",
    example=lambda rng: ([rng.normal(size=(2, 3)), rng.normal(size=(2, 1)), rng.normal(size=(2, 2))], {"axis": 1}),
))  # fmt: skip


@operation
def concat(arrays: Sequence[ArrayLike], /, *, axis: int | None = 0) -> Array:
    """Arrays joined along an axis that they have; with ``axis=None`` they are flattened first."""
    met = meet(*as_list("concat", arrays))
    if axis is None:
        met, axis = [reshape(x, (-1,)) for x in met], 0
    return same(met[0]) if len(met) == 1 else bind("concat", *met, axis=count_axis("concat", axis, met[0].ndim))


@operation
def stack(arrays: Sequence[ArrayLike], /, *, axis: int = 0) -> Array:
    """Arrays of equal shape joined along a new axis."""
    arrays = as_list("stack", arrays)
    shapes = {x.shape for x in map(as_array, arrays)}
    if len(shapes) > 1:
        raise ShapeError(
            f"stack takes arrays of one shape, given {' and '.join(map(str, sorted(shapes)))}",
            fix="mp.concat joins along an axis that they have",
        )
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


def _slice_batch(size: int, x: Array, *, batched: Any, starts: Shape, lengths: Shape, steps: Shape) -> Array:
    return bind("slice", x, starts=(0, *starts), lengths=(size, *lengths), steps=(1, *steps))


register(Primitive(
    "slice", shape=_slice_shape, reference=_slice_value, gradient=_slice_gradient, batch=_slice_batch,
    access=_slice_access, notation="{0}_{{[:]}}",
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


def _pad_batch(size: int, x: Array, *, batched: Any, low: Shape, high: Shape, between: Shape) -> Array:
    return bind("pad", x, low=(0, *low), high=(0, *high), between=(0, *between))


register(Primitive(
    "pad", shape=_pad_shape, reference=_pad_value, gradient=_pad_gradient, batch=_pad_batch, access=_pad_access,
    notation=r"\operatorname{{pad}}({0})",
    example=lambda rng: ([rng.normal(size=(2, 3))], {"low": (1, 0), "high": (0, 2), "between": (1, 0)}),
))  # fmt: skip
