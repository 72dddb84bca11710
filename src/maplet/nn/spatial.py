"""What layers with windows ask of their settings and inputs; arrays are (N, spatial…, C)."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from maplet.errors import SettingError, ShapeError
from maplet.ops.spatial import margins_of, one_per_axis, spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.types import Shape
    from maplet.nn.module import Module

PerAxis: TypeAlias = "int | Sequence[int]"
Padding: TypeAlias = "str | int | Sequence[Sequence[int]]"

axis_names = {1: "T", 2: "H, W", 3: "D, H, W"}


def per_axis(layer: str, name: str, given: PerAxis, count: int) -> Any:
    """One integer from 1, or a tuple with one for each spatial axis, as it was given."""
    values = one_per_axis(layer, name, given, count)
    return values if isinstance(given, list | tuple) else values[0]


def checked_padding(layer: str, given: Padding, count: int) -> Any:
    """A padding as it was given, in plain integers and tuples."""
    margins = margins_of(layer, given, (1,) * count, (1,) * count, (1,) * count)
    if isinstance(given, str):
        return given
    return tuple(margins) if isinstance(given, list | tuple) else index(cast("int", given))


def require_shared_windows(layer: str, padding: Padding, window: PerAxis, dilation: PerAxis, count: int) -> None:
    """Every window shares something with the array, so that it has a mean and a maximum."""
    if isinstance(padding, str):  # "same" and "causal" put less than a window around
        return
    sizes, steps = one_per_axis(layer, "window", window, count), one_per_axis(layer, "dilation", dilation, count)
    spans = spans_of(sizes, steps)
    margins = margins_of(layer, padding, (1,) * count, spans, (1,) * count)
    if any(max(margin) >= span for margin, span in zip(margins, spans, strict=True)):
        raise SettingError(
            f"{layer}: padding={padding!r} is as wide as a window, which spans {spans}: some windows would hold "
            "nothing of the array",
            fix="take less padding than a window spans, or a larger window",
        )


def require_images(layer: Module, shape: Shape, count: int, channels: int | None = None) -> None:
    """Refuse what is not (N, spatial…, C), or has nothing along a spatial axis, in the terms of the layer."""
    if len(shape) == count + 2 and channels in (None, shape[-1]):
        if 0 in shape[1:-1]:
            raise ShapeError(
                f"{layer!r}: in {shape} a spatial axis is empty",
                fix="leave out what is empty; a sequence has one step at least, an image one row and one column",
            )
        return
    if len(shape) == count + 2:
        fix = f"give the layer in_channels={shape[-1]}, or make what comes before it give {channels} channels"
        if shape[1] == channels:
            fix = "channels stand last: mp.moveaxis(x, 1, -1)"
    elif len(shape) == count + 1:
        fix = "give a batch, of one example if need be: mp.expand_dims(x, axis=0)"
        if channels == 1 and shape[-1] != 1:
            fix = "say that there is one channel: mp.expand_dims(x, axis=-1)"
    else:
        fix = f"give one axis of examples, {count} of space or time, and one of channels"
    last = "C" if channels is None else channels
    raise ShapeError(f"{layer!r} takes (N, {axis_names[count]}, {last}), given {shape}", fix=fix)
