"""What convolutions and windows say of their spatial axes: strides, dilation, padding; one number or one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.errors import SettingError, ShapeError
from maplet.ops.arguments import as_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.types import Shape


def spans_of(kernel: Sequence[int], dilation: Sequence[int]) -> Shape:
    """How many neighbouring elements a window covers, those that dilation leaves out included."""
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))


def one_per_axis(operation: str, name: str, given: Any, count: int) -> Shape:
    """A positive integer for each spatial axis."""
    try:
        values = as_shape(operation, cast("list[Any]", given if isinstance(given, list | tuple) else [given] * count))
    except ShapeError:
        values = ()
    if len(values) != count or min(values) < 1:
        raise SettingError(
            f"{operation}: {name} is an integer from 1, or one for each of {count} spatial axes, not {given!r}",
            fix=f"give one integer, {name}=1, or {count} of them",
        )
    return values


def margins_of(operation: str, padding: Any, spatial: Shape, spans: Shape, strides: Shape) -> list[tuple[int, int]]:
    """How many zeros stand before and behind each spatial axis."""
    if isinstance(padding, str) and padding in ("valid", "same", "causal"):
        return _named_margins(operation, padding, spatial, spans, strides)
    count = len(spatial)
    several = cast("list[Any]", padding if isinstance(padding, list | tuple) else [(padding, padding)] * count)
    try:
        pairs = [(before, behind) for before, behind in (as_shape(operation, pair) for pair in several)]
    except (TypeError, ValueError):
        pairs = []
    if len(pairs) != count or min(map(min, pairs)) < 0:
        raise SettingError(
            f"{operation}: padding={padding!r} says nothing for {count} spatial axes",
            fix='"valid", "same", "causal", an integer from 0, or a pair (before, behind) for each: ((1, 1), (0, 2))',
        )
    return pairs


def _named_margins(operation: str, padding: str, spatial: Shape, spans: Shape, strides: Shape) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0)] * len(spatial)
    if padding == "causal":
        if len(spatial) != 1:
            raise SettingError(
                f'{operation}: padding="causal" is for one spatial axis, which is time; here are {len(spatial)}',
                fix="say what stands before and behind each axis: padding=((2, 0), (1, 1))",
            )
        return [(spans[0] - 1, 0)]
    places = [-(-length // stride) for length, stride in zip(spatial, strides, strict=True)]
    wanted = [(p - 1) * s + span for p, s, span in zip(places, strides, spans, strict=True)]
    missing = [max(n - length, 0) for n, length in zip(wanted, spatial, strict=True)]
    return [(n // 2, n - n // 2) for n in missing]
