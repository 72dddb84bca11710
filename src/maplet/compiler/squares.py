"""Reading what lies turned: a nest that goes along the rows of its result, and along the columns of what it reads.

One element after another would each come from a line of the cache of its own. So the nest goes in squares: as many rows
of the other array as a vector has lanes are loaded as they lie, turned in registers, and put where the nest reads them
row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from maplet.compiler.combining import below
from maplet.compiler.elements import Element, Fetch, Total
from maplet.compiler.loops import Ahead, For, Load, Store, apply, index, integer, plus, times, turned
from maplet.compiler.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.compiler.elements import Axis
    from maplet.compiler.loops import Kernel, Statement, Value
    from maplet.compiler.lowering import Lowering


soon_after = 4
"""So many squares before its turn a row is asked for: nothing else foretells that it is needed. 2000 × 2000 from memory
takes 1.0 instead of 1.4 ms, and 2048 × 2048, where rows share their places in a cache, 1.3 instead of 2.9."""


@dataclass(frozen=True)
class Squares:
    """What a nest reads turned, the axis along which that lies, and the one along which the nest's vectors go."""

    fetches: tuple[Fetch, ...]
    along: Axis
    vector: Axis


def squares(lowering: Lowering, outer: Sequence[Axis], vector: Axis | None) -> Squares | None:
    """What a nest reads turned; None if nothing, or too little for whole squares, or sums stand in between."""
    if vector is None or any(isinstance(element, Total) for element in lowering.elements):
        return None
    if lowering.extents[vector] < lowering.wide:
        return None
    fetches = [e for e in lowering.elements if isinstance(e, Fetch) and e.guard is None and e.dtype != "bool"]
    for along in outer:
        found = tuple(fetch for fetch in fetches if _is_turned(lowering, fetch, along, vector))
        if found and lowering.extents[along] >= lowering.wide:
            return Squares(found, along, vector)
    return None


def _is_turned(lowering: Lowering, fetch: Fetch, along: Axis, vector: Axis) -> bool:
    terms = dict(lowering.terms(fetch.at))
    atoms = [atom for atom in terms if isinstance(atom, Element)]
    plain = not any({along, vector} & lowering.depends(atom) for atom in atoms)
    return plain and terms.get(along) == 1 and terms.get(vector, 0) not in (0, 1)


def loops_in_squares(
    lowering: Lowering, head: Kernel, outer: Sequence[Axis], square: Squares, statements: Callable[[Scope], None]
) -> tuple[list[Statement], int]:
    """Loops over axes around statements, one of which goes by squares; the outermost one is shared among threads."""
    wide, along = lowering.wide, square.along
    variables = {axis: index(lowering.fresh("i")) for axis in outer}
    scope = Scope(None, integer(0), None)
    for axis in outer:
        if axis is not along:
            scope = Scope(axis, variables[axis], scope)
    n = lowering.extent(square.vector)
    whole = apply("bitwise_and", n, integer(-wide))
    body: list[Statement] = []
    for start, end, masked in ((integer(0), whole, False), (whole, n, True)):
        column = index(lowering.fresh("v"))
        mask = below(column, n, wide) if masked else None
        lanes = Scope(square.vector, column, scope, lanes=wide, mask=mask)
        inside = _squares_of_rows(lowering, square, variables[along], lanes, statements)
        body.append(For(column, start, end, wide, tuple(inside)))
    for number, axis in reversed(list(enumerate(outer))):
        rounds = lowering.extent(axis)
        if axis is along:
            rounds = apply("floor_divide", plus(rounds, integer(wide - 1)), integer(wide))
        first, last = (head.begin, head.end) if number == 0 else (integer(0), rounds)
        body = [For(variables[axis], first, last, 1, tuple(body))]
    count = lowering.extents[outer[0]]
    return body, ceil(count / wide) if outer[0] is along else count


def _squares_of_rows(
    lowering: Lowering, square: Squares, number: Value, lanes: Scope, statements: Callable[[Scope], None]
) -> list[Statement]:
    """Turn the squares with some number, then go through their rows."""
    wide, along = lowering.wide, square.along
    extent, row = lowering.extent(along), index(lowering.fresh("r"))
    first = times(number, integer(wide))
    columns = [plus(lanes.at, integer(lane)) for lane in range(wide)]
    if lanes.mask is not None:  # beyond the end the last one is read again, and not used
        last = plus(lowering.extent(square.vector), integer(-1))
        columns = [apply("minimum", column, last) for column in columns]
    corners = [Scope(along, first, Scope(square.vector, column, lanes.outer)) for column in columns]
    mask = below(first, extent, wide)
    made: list[Statement] = []
    for fetch in square.fetches:
        source, own = lowering.buffer(fetch.source), lowering.own(fetch.dtype, wide * wide)
        places = [lowering.position(fetch.at, corner, 1) for corner in corners]
        for lane in range(wide):
            soon = Scope(square.vector, plus(lanes.at, integer(soon_after * wide + lane)), lanes.outer)
            made.append(Ahead(source, lowering.position(fetch.at, Scope(along, first, soon), 1)))
        rows = turned([Load(fetch.dtype, wide, source, place, mask) for place in places])
        made += [Store(own, integer(n * wide), one) for n, one in enumerate(rows)]
        at = times(apply("subtract", row, first), integer(wide))
        lowering.given[fetch] = Load(fetch.dtype, wide, own, at)
    inner = Scope(along, row, lanes)
    statements(inner)
    stop = apply("minimum", plus(first, integer(wide)), extent)
    return [*made, For(row, first, stop, 1, tuple(inner.statements))]
