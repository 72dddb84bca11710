"""Reading elements that lie a few places apart, or backwards: whole vectors, of which lanes are picked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.loops import Load, Pick, integer, plus

if TYPE_CHECKING:
    from maplet.compiler.loops import Buffer, Value

near_factors, most_lanes = (-1, 2, 3, 4), 16  # backwards, or every second, third, fourth element


def spread(buffer: Buffer, dtype: str, lanes: int, factor: int, at: Value) -> Value:
    """Elements that lie a few places apart, or in the other direction: whole vectors, of which lanes are picked."""
    if factor < 0:
        loaded = Load(dtype, lanes, buffer, plus(at, integer(1 - lanes)))
        return Pick(dtype, lanes, loaded, loaded, tuple(reversed(range(lanes))))
    step = lanes - 1  # so that the last vector ends with the last element that is wanted
    found: Value = Load(dtype, lanes, buffer, at)
    for number in range(1, factor):
        following = Load(dtype, lanes, buffer, plus(at, integer(number * step)))
        first, after = number * step + 1, (number + 1) * step  # what it brings that is new
        order = [
            lanes + lane * factor - number * step if first <= lane * factor <= after else lane for lane in range(lanes)
        ]
        if number == 1:
            order = [lane * factor if lane * factor < lanes else place for lane, place in enumerate(order)]
        found = Pick(dtype, lanes, found, following, tuple(order))
    return found
