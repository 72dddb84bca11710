"""The adjoint of convolution, which spreads each element over a window: decoders, upsampling, generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.primitive import operation
from maplet.core.trace import bind
from maplet.errors import SettingError, ShapeError
from maplet.ops.arguments import meet, require
from maplet.ops.convolution import conv
from maplet.ops.slicing import flip
from maplet.ops.spatial import margins_of, one_per_axis, spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike


@operation
def conv_transpose(
    x: ArrayLike,
    w: ArrayLike,
    /,
    *,
    strides: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding: str | int | Sequence[Sequence[int]] = "valid",
    output_padding: int | Sequence[int] = 0,
) -> Array:
    """The sum of all windows of weights, ``out[n, s…, o] = Σ_{p·stride + k·dilation = s} Σ_c x[n, p…, c]·w[k…, c, o]``.

    With strides the result is longer than ``x``: along a spatial axis it has
    (length − 1)·stride + (k − 1)·dilation + 1 places, less the padding, which is cut off on both sides.

    Parameters
    ----------
    x
        (N, spatial…, C): N examples with C channels.
    w
        (kernel…, C / groups, O), as in `conv`: the weights of O output channels.
    strides, dilation, groups
        As in `conv`: by how much windows lie apart in the result, and the elements of a window.
    padding
        What is cut off. ``"valid"``: nothing. ``"same"``: as much as leaves length · stride places. An integer, or a
        pair (before, behind) for each spatial axis: what `conv` with that padding would have put around its input.
    output_padding
        Places more at the end: where the stride is greater than 1, several lengths become one by `conv`.

    Raises
    ------
    ShapeError
        If the axes or channels do not fit, or more is cut off than there is.
    SettingError
        If strides, dilation, groups or padding say nothing that can be done.

    Examples
    --------
    >>> import maplet as mp
    >>> x, w = mp.asarray([1.0, 2.0]).reshape((1, 2, 1)), mp.asarray([1.0, 1.0, 1.0]).reshape((3, 1, 1))
    >>> mp.conv_transpose(x, w, strides=2)[0, :, 0]
    Array([1., 1., 3., 2., 2.], dtype=float32)
    """
    x, w = (require("conv_transpose", a, "uif", "arrays of numbers") for a in meet(x, w))
    count = x.ndim - 2
    if count < 1 or w.ndim != x.ndim:
        raise ShapeError(
            f"conv_transpose: x has shape {x.shape}, w {w.shape}",
            fix="x is (N, spatial…, C), w is (kernel…, C / groups, O), channels last",
        )
    moves, steps = (
        one_per_axis("conv_transpose", "strides", strides, count),
        one_per_axis("conv_transpose", "dilation", dilation, count),
    )
    more = (output_padding,) * count if isinstance(output_padding, int) else tuple(output_padding)
    if len(more) != count or any(not 0 <= n < max(s, d) for n, s, d in zip(more, moves, steps, strict=True)):
        raise SettingError(
            f"conv_transpose: output_padding={output_padding!r}: expected, for each of {count} spatial axes, a number "
            f"from 0 to less than its stride or dilation"
        )
    spans = spans_of(w.shape[:-2], steps)
    low, high = [0] * count, [0] * count
    for axis, (cut, span, stride) in enumerate(zip(_cuts(padding, x, spans, moves), spans, moves, strict=True)):
        low[axis], high[axis] = span - 1 - cut[0], span - 1 - cut[1] + more[axis]
        if (x.shape[axis + 1] - 1) * stride + span - sum(cut) + more[axis] < 1:
            raise ShapeError(
                f"conv_transpose: padding {cut} leaves nothing of spatial axis {axis}", fix="take less padding"
            )
    between = tuple(s - 1 for s in moves)
    spread = bind(
        "pad", x, low=(0, *(max(n, 0) for n in low), 0), high=(0, *(max(n, 0) for n in high), 0),
        between=(0, *between, 0),
    )  # fmt: skip
    if min((*low, *high)) < 0:  # more is cut off than stands around
        starts = (0, *(max(-n, 0) for n in low), 0)
        ends = (0, *(max(-n, 0) for n in high), 0)
        lengths = tuple(n - s - e for n, s, e in zip(spread.shape, starts, ends, strict=True))
        spread = bind("slice", spread, starts=starts, lengths=lengths, steps=(1,) * x.ndim)
    return conv(spread, flip(w, axis=range(count)), dilation=steps, groups=groups)


def _cuts(padding: object, x: Array, spans: Sequence[int], strides: Sequence[int]) -> Sequence[tuple[int, int]]:
    """How many places are cut off before and behind each spatial axis."""
    if padding == "same":  # (length − 1)·stride + span places become length·stride
        surplus = [max(span - stride, 0) for span, stride in zip(spans, strides, strict=True)]
        return [(n // 2, n - n // 2) for n in surplus]
    return margins_of("conv_transpose", padding, x.shape[1:-1], tuple(spans), tuple(strides))
