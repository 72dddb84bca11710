"""Cutting an axis where conditions on the place change: in each segment a joined or padded array reads one thing.

``where(j < n, x[j], y[j − n])`` is x[j] before n and y[j − n] from there on: two loops, in which nothing is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from maplet.compiler.elements import Element, Function, Number, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maplet.compiler.elements import Axis

most = 5  # segments: each is another pair of loops


@dataclass
class Segment:
    """A part of an axis, and what holds there; ``None``: as far as the axis goes."""

    first: int | None = None
    stop: int | None = None
    holds: dict[Element, bool] = field(default_factory=dict[Element, bool])


def segments(elements: Iterable[Element], axis: Axis, extent: int) -> list[Segment]:
    """The parts of an axis of some length between the places where conditions change."""
    conditions = [(element, at) for element in elements if (at := _changes(element, axis)) is not None]
    cuts = sorted({cut for _, cut in conditions if 0 < cut < extent})
    if not conditions or len(cuts) >= most:
        return [Segment()]
    edges = [0, *cuts, extent]
    return [
        Segment(first or None, stop if stop < extent else None, {c: _holds(c, first >= at) for c, at in conditions})
        for first, stop in pairwise(edges)
    ]


def held_at(elements: Iterable[Element], axis: Axis, place: int) -> dict[Element, bool]:
    """What holds at one place of an axis."""
    conditions = [(element, at) for element in elements if (at := _changes(element, axis)) is not None]
    return {condition: _holds(condition, place >= at) for condition, at in conditions}


def _changes(element: Element, axis: Axis) -> int | None:
    """From which place along an axis on a condition is another one; None if it does not depend on that alone."""
    match element:
        case Function(name="less" | "greater_equal", arguments=(Place(at=at), Number(value=bound))):
            return int(bound) - at.constant if at.terms == {axis: 1} else None
        case _:
            return None


def _holds(condition: Element, beyond: bool) -> bool:
    return beyond if isinstance(condition, Function) and condition.name == "greater_equal" else not beyond


def truth(element: Element, known: dict[Element, bool]) -> bool | None:
    """Whether a condition holds, if that is known."""
    if element in known:
        return known[element]
    match element:
        case Function(name="logical_not", arguments=(one,)):
            found = truth(one, known)
            return None if found is None else not found
        case Function(name="logical_and" | "logical_or" as name, arguments=(one, other)):
            deciding = name == "logical_or"
            both = {truth(one, known), truth(other, known)}
            return deciding if deciding in both else None if None in both else not deciding
        case _:
            return None
