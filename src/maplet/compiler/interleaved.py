"""A last axis that is shorter than a vector: the vectors go along the axis before it, and are woven together.

``stack([a, b, c], axis=-1)`` has three columns. One vector of each column is computed, then lanes are picked so that
``a0 b0 c0 a1 b1 c1 …`` lie side by side, as they are stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.combining import below
from maplet.compiler.elements import Element, Fetch, Linear, Total
from maplet.compiler.loops import Pick, Store, integer, plus, splat, times
from maplet.compiler.scopes import Scope
from maplet.compiler.segments import held_at
from maplet.compiler.strided import near_factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.compiler.elements import Axis
    from maplet.compiler.loops import Value
    from maplet.compiler.lowering import Lowering
    from maplet.core.graph import Node

most_columns = 8


def is_interleaved(lowering: Lowering, outer: Sequence[Axis], last: Axis | None) -> bool:
    """Whether a nest goes along the axis before its last one: that is long, and what is read lies well along it."""
    if not outer or last is None or not 1 < lowering.extents[last] <= most_columns:
        return False
    along = outer[-1]
    if lowering.extents[along] < lowering.wide or any(isinstance(one, Total) for one in lowering.elements):
        return False
    return all(_lies_well(lowering, one, along) for one in lowering.elements if isinstance(one, Fetch))


def _lies_well(lowering: Lowering, fetch: Fetch, along: Axis) -> bool:
    terms = dict(lowering.terms(fetch.at))
    looked_up = any(along in lowering.depends(atom) for atom in terms if isinstance(atom, Element))
    return not looked_up and terms.get(along, 0) in (0, 1, *near_factors)


def interleaving(
    lowering: Lowering, outputs: Mapping[Node, Element], place: Linear, last: Axis
) -> Callable[[Scope], None]:
    """What writes the statements inside the loop over the axis before the last one."""
    columns = lowering.extents[last]

    def statements(scope: Scope) -> None:
        known = lowering.known
        found: dict[Node, list[Value]] = {node: [] for node in outputs}
        for column in range(columns):
            inner = Scope(last, integer(column), scope)
            lowering.known = {**known, **held_at(lowering.elements, last, column)}
            lowering.report(inner, set())
            for node, element in outputs.items():
                found[node].append(splat(lowering.value(element, inner), scope.lanes))
            scope.statements += inner.statements
        lowering.known = known
        ones, _ = lowering.base(place, Scope(last, integer(0), scope), scope.axis)
        first = plus(*ones, times(scope.at, integer(columns)))
        for node, values in found.items():
            buffer = lowering.buffer(node, written=True)
            for number, woven in enumerate(_woven(values)):
                at, mask = plus(first, integer(number * scope.lanes)), None
                if scope.mask is not None:
                    assert scope.stop is not None  # noqa: S101  (a loop in vectors has an end)
                    mask = below(at, plus(*ones, times(scope.stop, integer(columns))), scope.lanes)
                scope.statements.append(Store(buffer, at, woven, mask))

    return statements


def _woven(values: Sequence[Value]) -> list[Value]:
    """Lane l of vector n, of so many, goes to place ``l·count + n``."""
    count, lanes = len(values), values[0].lanes
    found: list[Value] = []
    for number in range(count):
        sources = [divmod(number * lanes + lane, count) for lane in range(lanes)]  # (lane, vector) of each place
        woven = values[0]
        for n in range(1, count):
            order = tuple(
                lanes + source if vector == n else source if n == 1 and vector == 0 else lane
                for lane, (source, vector) in enumerate(sources)
            )
            woven = Pick(woven.dtype, lanes, woven, values[n], order)
        found.append(woven)
    return found
