"""Windows on an array, and what is put together in each: pooling, moving averages."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.index_notation import Access, Expression, Read, Reduce, call, indices, select
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, default_float, is_narrow, kind_of, wide_enough
from maplet.errors import SettingError, ShapeError
from maplet.ops import reduction
from maplet.ops.arguments import as_array, as_floating, convert, require
from maplet.ops.creation import full
from maplet.ops.elementwise import where
from maplet.ops.movement import broadcast_to, moveaxis
from maplet.ops.spatial import margins_of, one_per_axis, spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape

# ── windows, and their adjoint ───────────────────────────────────────────────────────────────────
# windows: out[k…, …, p, …] = x[…, p·stride + k·dilation, …]: the offsets before all, the places where the axes stood.


def _places(length: int, size: int, stride: int, dilation: int) -> int:
    return max(0, (length - (size - 1) * dilation - 1) // stride + 1)


def _require(name: str, ndim: int, axes: Shape, *steps: Shape) -> None:
    fits = all(len(one) == len(axes) and min(one, default=1) >= 1 for one in steps)
    if not fits or not all(0 <= axis < ndim for axis in axes):
        raise ShapeError(f"{name}: windows, strides and dilation {steps} do not fit to axes {axes} of {ndim}")


def _windows_shape(x: ArrayType, *, axes: Shape, sizes: Shape, strides: Shape, dilation: Shape) -> ArrayType:
    _require("windows", x.ndim, axes, sizes, strides, dilation)
    lengths = list(x.shape)
    for axis, size, stride, step in zip(axes, sizes, strides, dilation, strict=True):
        lengths[axis] = _places(x.shape[axis], size, stride, step)
    return ArrayType((*sizes, *lengths), x.dtype)


def _windows_value(x: Any, *, axes: Shape, strides: Shape, dilation: Shape, **sizes: Shape) -> Any:
    given = ArrayType(x.shape, x.dtype)
    shape = _windows_shape(given, axes=axes, strides=strides, dilation=dilation, **sizes).shape
    steps = list(x.strides)
    for axis, stride in zip(axes, strides, strict=True):
        steps[axis] *= stride
    inner = [x.strides[axis] * step for axis, step in zip(axes, dilation, strict=True)]
    if 0 in shape:
        return np.empty(shape, x.dtype)
    return np.lib.stride_tricks.as_strided(x, shape, (*inner, *steps)).copy()


def _windows_access(x: ArrayType, *, axes: Shape, sizes: Shape, strides: Shape, dilation: Shape) -> Access:
    names = indices(len(axes) + x.ndim)
    offsets, at = names[: len(axes)], list[Expression](names[len(axes) :])
    for axis, k, stride, step in zip(axes, offsets, strides, dilation, strict=True):
        at[axis] = at[axis] * stride + k * step
    return Access(names, Read(0, tuple(at)))


def _windows_gradient(g: Array, out: Array, x: Array, *, needed: Any, axes: Shape, **steps: Shape) -> list[Array]:
    # Each element gets what all windows send back that it lies in.
    return [bind("add_windows", g, axes=axes, lengths=tuple(x.shape[axis] for axis in axes), **steps)]


def _windows_batch(size: int, x: Array, *, batched: Any, axes: Shape, **steps: Shape) -> Array:
    return moveaxis(bind("windows", x, axes=tuple(axis + 1 for axis in axes), **steps), len(axes), 0)


register(Primitive(
    "windows", shape=_windows_shape, reference=_windows_value, gradient=_windows_gradient, batch=_windows_batch,
    access=_windows_access, notation=r"\operatorname{{windows}} {0}",
    example=lambda rng: (
        [rng.normal(size=(2, 7, 6))], {"axes": (1, 2), "sizes": (3, 2), "strides": (2, 1), "dilation": (1, 2)},
    ),
))  # fmt: skip


def _added_shape(
    g: ArrayType, *, axes: Shape, lengths: Shape, sizes: Shape, strides: Shape, dilation: Shape
) -> ArrayType:
    _require("add_windows", g.ndim - len(axes), axes, sizes, strides, dilation)
    shape = list(g.shape[len(axes) :])
    for axis, length, size, stride, step in zip(axes, lengths, sizes, strides, dilation, strict=True):
        if shape[axis] != _places(length, size, stride, step):
            raise ShapeError(f"add_windows: {shape[axis]} windows do not come of an axis of length {length}")
        shape[axis] = length
    if g.shape[: len(axes)] != sizes:
        raise ShapeError(f"add_windows: windows of {sizes} were expected before the axes, given {g.shape}")
    return ArrayType(tuple(shape), g.dtype)


def _added_value(g: Any, *, axes: Shape, lengths: Shape, sizes: Shape, strides: Shape, dilation: Shape) -> Any:
    steps = {"sizes": sizes, "strides": strides, "dilation": dilation}
    out = np.zeros(_added_shape(ArrayType(g.shape, g.dtype), axes=axes, lengths=lengths, **steps).shape, g.dtype)
    out = wide_enough(out)
    ndim = out.ndim
    for offset in np.ndindex(*sizes):
        key: list[slice] = [slice(None)] * ndim
        for axis, k, stride, step in zip(axes, offset, strides, dilation, strict=True):
            places = g.shape[len(axes) + axis]
            reach = (places - 1) * stride + 1 if places else 0
            key[axis] = slice(k * step, k * step + reach, stride)
        out[tuple(key)] += g[offset]
    return out.astype(g.dtype, copy=False)


def _added_access(
    g: ArrayType, *, axes: Shape, lengths: Shape, sizes: Shape, strides: Shape, dilation: Shape
) -> Access:
    ndim = g.ndim - len(axes)
    names = indices(ndim + len(axes))
    out, turns = names[:ndim], names[ndim:]
    at: list[Expression] = list(out)
    offsets: list[Expression] = []
    inside: Expression | None = None
    extents: list[int] = []
    for axis, size, stride, step, turn in zip(axes, sizes, strides, dilation, turns, strict=True):
        if step == 1:  # of the offsets, only those that the stride reaches
            extents.append(-(-size // stride))
            at[axis], offset = out[axis] // stride - turn, out[axis] % stride + turn * stride
            conditions = [offset < size, at[axis] >= 0, at[axis] < g.shape[len(axes) + axis]]
        else:
            extents.append(size)
            moved, offset = out[axis] - turn * step, turn
            at[axis] = moved // stride
            conditions = [(moved % stride).equals(0), at[axis] >= 0, at[axis] < g.shape[len(axes) + axis]]
        offsets.append(offset)
        for condition in conditions:
            inside = condition if inside is None else call("logical_and", inside, condition)
    value: Expression = Read(0, (*offsets, *at))
    value = value if inside is None else select(inside, value, 0)
    for turn, extent in reversed(list(zip(turns, extents, strict=True))):
        value = Reduce("sum", turn, extent, value)
    return Access(out, value)


def _added_gradient(g: Array, out: Array, x: Array, *, needed: Any, lengths: Shape, **steps: Any) -> list[Array]:
    return [bind("windows", g, **steps)]


def _added_batch(size: int, g: Array, *, batched: Any, axes: Shape, **steps: Shape) -> Array:
    return bind("add_windows", moveaxis(g, 0, len(axes)), axes=tuple(axis + 1 for axis in axes), **steps)


def _added_example(rng: np.random.Generator) -> Any:
    return [rng.normal(size=(3, 2, 2, 3, 4))], {
        "axes": (1, 2), "lengths": (8, 6), "sizes": (3, 2), "strides": (2, 1), "dilation": (1, 2),
    }  # fmt: skip


register(Primitive(
    "add_windows", shape=_added_shape, reference=_added_value, gradient=_added_gradient, batch=_added_batch,
    access=_added_access, notation=r"\operatorname{{windows}}^\top {0}", example=_added_example,
))  # fmt: skip


# ── what is put together in each ─────────────────────────────────────────────────────────────────

_combiners = {"max": float("-inf"), "min": float("inf"), "sum": 0.0, "mean": 0.0}


@operation
def reduce_window(
    x: ArrayLike,
    combiner: str,
    window: int | Sequence[int],
    /,
    *,
    strides: int | Sequence[int] | None = None,
    dilation: int | Sequence[int] = 1,
    padding: str | int | Sequence[Sequence[int]] = "valid",
) -> Array:
    """What is put together in every window on an array: ``out[n, p…, c] = max_{k…} x[n, p·stride + k·dilation …, c]``.

    Parameters
    ----------
    x
        (N, spatial…, C), as in `conv`.
    combiner
        ``"max"``, ``"min"``, ``"sum"`` or ``"mean"``. Elements that tie for the greatest share the gradient equally.
    window
        How many elements a window has along each spatial axis, or one number for all.
    strides
        By how much a window lies further than the one before; the window's own lengths if not given (none overlap).
    dilation, padding
        As in `conv`. What stands around the array counts for nothing: neither for a maximum nor in a mean. Of a window
        with nothing of the array in it the sum is 0, and the mean NaN.

    Returns
    -------
    Array
        (N, places…, C).

    Raises
    ------
    ShapeError
        The array has no spatial axis, or a window is longer than the padded array.
    SettingError
        The combiner is none of these; window, strides, dilation or padding say nothing that can be done.

    Examples
    --------
    >>> import maplet as mp
    >>> x = mp.asarray([1.0, 4.0, 2.0, 3.0]).reshape((1, 4, 1))
    >>> mp.reduce_window(x, "max", 2)[0, :, 0]
    Array([4., 3.], dtype=float32)
    >>> mp.reduce_window(x, "mean", 3, strides=1, padding="same")[0, :, 0]
    Array([2.5      , 2.3333333, 3.       , 2.5      ], dtype=float32)
    """
    x = as_array(x)
    if not isinstance(cast("object", combiner), str) or combiner not in _combiners:
        raise SettingError(f"reduce_window: the combiner is not {combiner!r}", fix=f"one of {', '.join(_combiners)}")
    if x.ndim < 3:
        raise ShapeError(f"reduce_window: x{x.shape} has no spatial axis", fix="x is (N, spatial…, C), channels last")
    x = as_floating(x) if combiner == "mean" else x
    if combiner in ("max", "min"):
        require(f"reduce_window {combiner!r}", x, "uif", "numbers")
    count = x.ndim - 2
    sizes = one_per_axis("reduce_window", "window", window, count)
    steps = one_per_axis("reduce_window", "dilation", dilation, count)
    moves = sizes if strides is None else one_per_axis("reduce_window", "strides", strides, count)
    margins = margins_of("reduce_window", padding, x.shape[1:-1], spans_of(sizes, steps), moves)
    for span, n, margin in zip(spans_of(sizes, steps), x.shape[1:-1], margins, strict=True):
        if span > n + sum(margin):
            raise ShapeError(
                f"reduce_window: a window spans {span} elements, the padded axis has {n + sum(margin)}",
                fix='pad the input (padding="same"), or take a smaller window, or less dilation',
            )
    window_of = {"axes": tuple(range(1, count + 1)), "sizes": sizes, "strides": moves, "dilation": steps}
    offsets = tuple(range(count))
    padded = _surrounded(x, margins, _edge(combiner, x))
    if combiner != "mean":
        return getattr(reduction, combiner)(bind("windows", padded, **window_of), axis=offsets)
    if is_narrow(x.dtype):  # as in `mean`, the sum may be more than a half can hold
        return convert(
            reduce_window(convert(x, default_float), "mean", sizes, strides=moves, dilation=steps, padding=margins),
            x.dtype,
        )
    total = reduction.sum(bind("windows", padded, **window_of), axis=offsets)
    if not any(map(any, margins)):
        return total / prod(sizes)
    ones = _surrounded(full((1, *x.shape[1:-1], 1), 1.0, dtype=x.dtype), margins, 0.0)
    return total / reduction.sum(bind("windows", ones, **window_of), axis=offsets)


def _edge(combiner: str, x: Array) -> float:
    """What changes nothing, in the dtype of the array."""
    if kind_of(x.dtype) == "f" or combiner == "sum":
        return _combiners[combiner]
    limits = np.iinfo(x.dtype)
    return int(limits.min if combiner == "max" else limits.max)


def _surrounded(x: Array, margins: Sequence[tuple[int, int]], value: float) -> Array:
    if not any(map(any, margins)):
        return x
    low, high = zip(*margins, strict=True)
    widths = {"low": (0, *low, 0), "high": (0, *high, 0), "between": (0,) * x.ndim}
    padded = bind("pad", x, **widths)
    if value == 0:
        return padded
    inside = bind("pad", broadcast_to(as_array(True), x.shape), **widths)
    return where(inside, padded, as_array(value, x.dtype))
