"""Convolution: a small kernel of weights laid on every window of an array, in any number of spatial dimensions.

The primitive leaves nothing to cases: groups are an axis of their own, so that every position that it reads is affine
in the indices, and padding is another operation before it. Both of its derivatives are convolutions again.
"""

# What the example's lambda is given has no type of its own, as in the records of all operations.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, Expression, Index, Read, Reduce, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import meet, require
from maplet.ops.creation import zeros
from maplet.ops.movement import expand_dims, matrix_transpose, moveaxis, reshape, squeeze
from maplet.ops.slicing import stack
from maplet.ops.spatial import margins_of, one_per_axis, spans_of
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape

# ── the primitive ────────────────────────────────────────────────────────────────────────────────
# out[n, p…, g, o] = Σ_{k…} Σ_i x[n, p·stride + k·dilation …, g, i] · w[k…, g, i, o]


def _conv_shape(x: ArrayType, w: ArrayType, *, strides: Shape, dilation: Shape) -> ArrayType:
    if x.dtype != w.dtype:
        raise DTypeError(f"conv takes arrays of one dtype, given {short_name(x.dtype)} and {short_name(w.dtype)}")
    if not (0 < len(strides) == len(dilation) == x.ndim - 3 == w.ndim - 3 and x.shape[-2:] == w.shape[-3:-1]):
        raise ShapeError(
            f"conv: x{x.shape}, w{w.shape} with strides {strides} and dilation {dilation} do not fit",
            fix="x is (n, spatial…, groups, inputs), w is (kernel…, groups, inputs, outputs)",
        )
    if min((*strides, *dilation, *w.shape[:-3]), default=1) < 1:
        raise ShapeError(
            f"conv: the kernel has shape {w.shape[:-3]}, strides are {strides}, dilation is {dilation}",
            fix="each of these numbers must be 1 or more",
        )
    spans, given = spans_of(w.shape[:-3], dilation), x.shape[1:-2]
    for axis, (span, length) in enumerate(zip(spans, given, strict=True)):
        if span > length:
            spread = f" and spans {span} elements, as dilation is {dilation[axis]}" if dilation[axis] > 1 else ""
            raise ShapeError(
                f"conv: along spatial axis {axis} the kernel has length {w.shape[axis]}{spread}, "
                f"which is longer than the padded input, of length {length}",
                fix='pad the input (padding="same"), or take a shorter kernel, less dilation, smaller strides before',
            )
    places = [(length - span) // s + 1 for length, span, s in zip(given, spans, strides, strict=True)]
    return ArrayType((x.shape[0], *places, x.shape[-2], w.shape[-1]), x.dtype)


def _conv_value(x: Any, w: Any, *, strides: Shape, dilation: Shape) -> Any:
    """All windows side by side as the rows of a matrix, multiplied by the kernel as a matrix, group by group."""
    count, (groups, outputs) = len(strides), (w.shape[-3], w.shape[-1])
    spatial = tuple(range(1, count + 1))
    windows = np.lib.stride_tricks.sliding_window_view(x, spans_of(w.shape[:count], dilation), axis=spatial)
    every, taken = (tuple(slice(None, None, s) for s in steps) for steps in (strides, dilation))
    windows = np.moveaxis(windows[(slice(None), *every, ..., *taken)], (-count - 2, -count - 1), (0, -1))
    places, terms = windows.shape[1 : count + 2], prod(w.shape[:count]) * w.shape[-2]  # windows: (g, n, p…, k…, i)
    rows = windows.reshape(groups, prod(places), terms)
    with np.errstate(all="ignore"):
        out = np.matmul(rows, np.moveaxis(w, -3, 0).reshape(groups, terms, outputs))
    return np.moveaxis(out.reshape(groups, *places, outputs), 0, -2)


def _conv_gradient(
    g: Array, _: Array, x: Array, w: Array, *, needed: tuple[bool, bool], strides: Shape, dilation: Shape
) -> list[Array | None]:
    rules = (_gradient_of_input, _gradient_of_kernel)
    return [rule(g, x, w, strides, dilation) if wanted else None for rule, wanted in zip(rules, needed, strict=True)]


def _reach(g: Array, w: Array, strides: Shape, dilation: Shape) -> Shape:
    """How much of each spatial axis of the input the windows cover together."""
    spans = spans_of(w.shape[:-3], dilation)
    return tuple((p - 1) * s + span for p, s, span in zip(g.shape[1:-2], strides, spans, strict=True))


def _gradient_of_input(g: Array, x: Array, w: Array, strides: Shape, dilation: Shape) -> Array:
    # ∂L/∂x[q·stride + a] = Σ_m Σ_o g[q − m, o]·w[k, i, o] over all k·dilation = a + m·stride: for each phase a another
    # part of the kernel, turned round and laid on g. The phases stand side by side in the end; where no k fits are
    # zeros.
    count, given = len(strides), x.shape[1:-2]
    phases = [_phases(*each) for each in zip(w.shape[:count], strides, dilation, strict=True)]
    places = [-(-length // stride) for length, stride in zip(given, strides, strict=True)]
    margins = [_margin(*each) for each in zip(phases, places, g.shape[1:-2], strict=True)]
    if any(map(any, margins)):
        before, behind = zip(*margins, strict=True)
        g = bind("pad", g, low=(0, *before, 0, 0), high=(0, *behind, 0, 0), between=(0,) * g.ndim)

    def part(chosen: tuple[_Phase | None, ...]) -> Array:
        some = [phase for phase in chosen if phase is not None]
        if len(some) < count:
            return zeros((g.shape[0], *places, *x.shape[-2:]), dtype=g.dtype)
        starts = [before - phase.last for (before, _), phase in zip(margins, some, strict=True)]
        lengths = [n + phase.last - phase.first for n, phase in zip(places, some, strict=True)]
        turned = matrix_transpose(_cut(w, 0, [(p.taps[-1], len(p.taps), -p.taps.step) for p in some]))
        window = _cut(g, 1, [(start, n, 1) for start, n in zip(starts, lengths, strict=True)])
        return bind("conv", window, turned, strides=(1,) * count, dilation=tuple([p.dilation for p in some]))

    def side_by_side(chosen: tuple[_Phase | None, ...]) -> Array:
        axis = len(chosen) + 1
        if axis > count:
            return part(chosen)
        parts = [side_by_side((*chosen, phase)) for phase in phases[axis - 1]]
        if len(parts) == 1:
            return parts[0]
        shape = parts[0].shape
        return reshape(stack(parts, axis=axis + 1), (*shape[:axis], shape[axis] * len(parts), *shape[axis + 1 :]))

    return _cut(side_by_side(()), 1, [(0, length, 1) for length in given])


@dataclass(frozen=True)
class _Phase:
    """Those taps of a kernel that land on every stride-th element, from some first one on."""

    taps: range
    dilation: int
    first: int
    """How far back in g the first of them looks, and the last."""
    last: int


def _phases(kernel: int, stride: int, dilation: int) -> list[_Phase | None]:
    """For each first element the taps that land there: k·dilation = a + m·stride, so every (stride / gcd)-th one."""
    common = gcd(stride, dilation)
    found: list[_Phase | None] = []
    for a in range(stride):
        first = next((k for k in range(kernel) if (k * dilation - a) % stride == 0), None)
        if first is None:
            found.append(None)
            continue
        taps = range(kernel)[first :: stride // common]
        back = [(k * dilation - a) // stride for k in (taps[0], taps[-1])]
        found.append(_Phase(taps, dilation // common, *back))
    return found


def _margin(phases: list[_Phase | None], places: int, length: int) -> tuple[int, int]:
    """How many zeros stand before and behind g, of some length, so that every phase finds its places."""
    some = [phase for phase in phases if phase is not None]
    return max(phase.last for phase in some), max(0, places - min(phase.first for phase in some) - length)


def _cut(x: Array, first: int, spans: Sequence[tuple[int, int, int]]) -> Array:
    """(start, length, step) of some axes; the array itself where that is all of it."""
    every = [(0, n, 1) for n in x.shape]
    every[first : first + len(spans)] = spans
    if all(span == (0, n, 1) for span, n in zip(every, x.shape, strict=True)):
        return x
    starts, lengths, steps = zip(*every, strict=True)
    steps = tuple([step if length > 1 else 1 for step, length in zip(steps, lengths, strict=True)])
    return bind("slice", x, starts=starts, lengths=lengths, steps=steps)


def _gradient_of_kernel(g: Array, x: Array, w: Array, strides: Shape, dilation: Shape) -> Array:
    # ∂L/∂w[k, i, o] = Σ_n Σ_p x[n, p·stride + k·dilation, i]·g[n, p, o]: a convolution with g as its kernel, where n
    # is one more spatial axis, which the kernel covers as a whole; what steps over x is now k, by the dilation, and p
    # lies spread, by the stride. So the sum goes through the memory in order.
    if not x.shape[0]:
        return zeros(w.shape, dtype=w.dtype)  # no examples, and a kernel has no length of 0
    reach = _reach(g, w, strides, dilation)
    x = _cut(x, 1, [(0, length, 1) for length in reach])  # or there would be places beyond the kernel
    inputs_first = expand_dims(moveaxis(x, -1, 0), axis=-1)  # (i, n, s…, g, 1)
    kernel = expand_dims(g, axis=-2)  # (n, p…, g, 1, o)
    found = bind("conv", inputs_first, kernel, strides=(1, *dilation), dilation=(1, *strides))  # (i, 1, k…, g, o)
    return moveaxis(squeeze(found, axis=1), 0, -2)


def _conv_access(x: ArrayType, w: ArrayType, *, strides: Shape, dilation: Shape) -> Access:
    count = len(strides)
    out = indices(x.ndim)
    *kernel, channel = indices(count + 1, start=x.ndim)
    at = [_times(p, s) + _times(k, d) for p, s, k, d in zip(out[1 : count + 1], strides, kernel, dilation, strict=True)]
    value: Expression = Read(0, (out[0], *at, out[-2], channel)) * Read(1, (*kernel, out[-2], channel, out[-1]))
    for axis, extent in reversed([*zip(kernel, w.shape, strict=False), (channel, x.shape[-1])]):
        value = Reduce("sum", axis, extent, value)
    return Access(out, value)


def _times(axis: Index, factor: int) -> Expression:
    return axis if factor == 1 else axis * factor


def _conv_batch(size: int, x: Array, w: Array, *, batched: tuple[bool, bool], strides: Shape, dilation: Shape) -> Array:
    # The rows join an axis that is there already, so that they are one convolution: what they share stays shared,
    # and its gradient is one convolution too, which sums over the rows.
    count = len(strides)
    steps = {"strides": strides, "dilation": dilation}
    if all(batched):  # as further groups
        groups = w.shape[-3]
        out = bind("conv", _join(x, count + 1), _join(w, count), **steps)
        return _part(out, count + 1, size, groups)
    if batched[0]:  # as further examples
        return _part(bind("conv", _join(x, 0), w, **steps), 0, size, x.shape[1])
    return _part(bind("conv", x, _join(w, count + 2), **steps), count + 2, size, w.shape[-1])  # as further outputs


def _join(x: Array, axis: int) -> Array:
    """Rows in front become part of another axis, which is counted without them: (b, …, m, …) → (…, b·m, …)."""
    moved = moveaxis(x, 0, axis)
    return reshape(moved, (*moved.shape[:axis], prod(moved.shape[axis : axis + 2]), *moved.shape[axis + 2 :]))


def _part(x: Array, axis: int, size: int, length: int) -> Array:
    """The rows back in front: (…, b·m, …) → (b, …, m, …)."""
    return moveaxis(reshape(x, (*x.shape[:axis], size, length, *x.shape[axis + 1 :])), axis, 0)


register(Primitive(
    "conv", shape=_conv_shape, reference=_conv_value, gradient=_conv_gradient, batch=_conv_batch, access=_conv_access,
    notation=r"{0} \ast {1}",
    convention="the kernel is not turned round (a cross-correlation, as in all frameworks); where an "
    "infinite weight meets a zero beside the elements (padding, also that of a derivative) it makes NaN",
    example=lambda rng: (
        [rng.normal(size=(2, 6, 5, 2, 2)), rng.normal(size=(2, 2, 2, 2, 3))], {"strides": (2, 1), "dilation": (1, 2)},
    ),
))  # fmt: skip


# ── the public function ──────────────────────────────────────────────────────────────────────────


@operation
def conv(
    x: ArrayLike,
    w: ArrayLike,
    /,
    *,
    strides: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding: str | int | Sequence[Sequence[int]] = "valid",
) -> Array:
    """The convolution ``out[n, p…, o] = Σ_{k…} Σ_c x[n, p·stride + k·dilation …, c]·w[k…, c, o]``, channels last.

    The number of spatial axes is that of ``x`` less two: sequences have one, images two, volumes three. As in other
    frameworks the kernel is not turned round, so that mathematicians call this a cross-correlation.

    Parameters
    ----------
    x
        (N, spatial…, C): N examples with C channels.
    w
        (kernel…, C / groups, O): the weights of O output channels.
    strides
        By how much a window lies further than the one before: one integer ≥ 1, or one for each spatial axis.
    dilation
        By how much the elements of a window lie apart: one integer ≥ 1, or one for each spatial axis.
    groups
        Into how many groups of neighbours the channels fall: the outputs of a group see its own inputs only. With
        groups = C each channel is convolved by itself (depthwise).
    padding
        How many zeros stand around ``x``. ``"valid"``: none. ``"same"``: as many as give ⌈length / stride⌉ places, half
        of them in front, and where their number is odd one more behind. ``"causal"``, for one spatial axis: all in
        front, so that no place sees what comes after it. An integer: as many on every side. Or a pair (before, behind)
        for each spatial axis.

    Returns
    -------
    Array
        (N, places…, O), in the dtype in which the two meet; along a spatial axis there are
        (padded length − (k − 1)·dilation − 1) // stride + 1 places.

    Raises
    ------
    ShapeError
        If the axes or channels do not fit, or the kernel is longer than the padded input.
    SettingError
        If strides, dilation, groups or padding say nothing that can be done.
    DTypeError
        If the arrays are boolean.

    Examples
    --------
    Differences of neighbours, two apart:

    >>> import maplet as mp
    >>> x = mp.asarray([1.0, 4.0, 9.0, 16.0, 25.0]).reshape((1, 5, 1))
    >>> w = mp.asarray([-1.0, 1.0]).reshape((2, 1, 1))
    >>> mp.conv(x, w, dilation=2)[0, :, 0]
    Array([ 8., 12., 16.], dtype=float32)
    >>> mp.conv(x, w, strides=2, padding="same").shape
    (1, 3, 1)
    """
    x, w = (require("conv", a, "uif", "arrays of numbers") for a in meet(x, w))
    count = x.ndim - 2
    _require_channels(x, w, groups)
    steps = {name: one_per_axis("conv", name, v, count) for name, v in (("strides", strides), ("dilation", dilation))}
    spatial, kernel = x.shape[1:-1], w.shape[:-2]
    margins = margins_of("conv", padding, spatial, spans_of(kernel, steps["dilation"]), steps["strides"])
    if any(map(any, margins)):
        low, high = zip(*margins, strict=True)
        x = bind("pad", x, low=(0, *low, 0), high=(0, *high, 0), between=(0,) * x.ndim)
    inputs, outputs = w.shape[-2], w.shape[-1]
    x = reshape(x, (*x.shape[:-1], groups, inputs))
    if groups == 1:
        w = reshape(w, (*kernel, 1, inputs, outputs))
    else:
        w = moveaxis(reshape(w, (*kernel, inputs, groups, outputs // groups)), -2, -3)
    out = bind("conv", x, w, **steps)
    return reshape(out, (*out.shape[:-2], outputs))


def _require_channels(x: Array, w: Array, groups: int) -> None:
    """Refuse axes and channels that do not fit, in the user's own terms."""
    whole("conv: groups", groups, least=1)
    given = f"conv: x has shape {x.shape}, w {w.shape}"
    layout = "x is (N, spatial…, C), w is (kernel…, C / groups, O), channels last"
    if x.ndim < 3:
        raise ShapeError(f"{given}: x has no spatial axis", fix=layout)
    if w.ndim != x.ndim:
        raise ShapeError(f"{given}: the kernel has {w.ndim - 2} spatial axes, x has {x.ndim - 2}", fix=layout)
    channels, inputs, outputs = x.shape[-1], w.shape[-2], w.shape[-1]
    if channels != inputs * groups:
        first = x.shape[1] == inputs * groups
        fix = "channels stand last: mp.moveaxis(x, 1, -1)" if first else (
            f"groups={channels // inputs}" if inputs and channels and channels % inputs == 0 else layout
        )  # fmt: skip
        raise ShapeError(f"{given}: x has {channels} channels, w takes {inputs} in each of {groups} groups", fix=fix)
    if outputs % groups:
        raise ShapeError(f"{given}: {outputs} output channels do not fall into {groups} equal groups")
