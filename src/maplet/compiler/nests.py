"""Whole nests and scatters as kernels: which loops stand around the values, and what is stored."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from maplet.compiler.blocks import Nest
from maplet.compiler.combining import below, together
from maplet.compiler.elements import Axis, Fetch, Function, Linear, Running, Total, within
from maplet.compiler.evaluator import Evaluator
from maplet.compiler.interleaved import interleaving, is_interleaved
from maplet.compiler.liveness import touched
from maplet.compiler.loops import (
    Ahead,
    Constant,
    For,
    Kernel,
    Load,
    Statement,
    Steps,
    Store,
    Variable,
    apply,
    index,
    integer,
    plus,
    splat,
    times,
)
from maplet.compiler.lowering import KernelCall, Lowering
from maplet.compiler.scopes import Scope
from maplet.compiler.segments import segments
from maplet.compiler.squares import loops_in_squares, squares
from maplet.compiler.totals import running_total
from maplet.core.kinds import cheap_functions
from maplet.core.types import short_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.compiler.blocks import Scatter
    from maplet.compiler.loops import Value
    from maplet.compiler.segments import Segment
    from maplet.core.graph import Node

vectors, few = 16, 4  # vectors side by side where sums are added up across them, and functions that leave room for it

near, far = 1 << 23, 512
"""Bytes of all that a nest touches: up to here it lies in the last cache, and a core may wait for what another one has
read, as the weights in the forward pass before their update. So lines that will be written are asked for so many bytes
ahead: 83 → 60 µs for 200,000 parameters."""

# ── whole nests ──────────────────────────────────────────────────────────────────────────────────


def lower_nest(nest: Nest) -> KernelCall:
    """A nest as a kernel."""
    for node, element in nest.outputs.items():
        if isinstance(element, Running):
            return _lower_running(nest, node, element)
    lowering = Lowering(list(nest.outputs.values()), nest.axes, nest.evaluator.checks)
    head = Kernel("", (), (), ())
    sums_in_lanes = any(isinstance(e, Total) and e.in_lanes and e.axis.extent > 1 for e in lowering.elements)
    outer = [axis for axis in nest.axes if axis in lowering.extents]
    vector = outer.pop() if outer and not sums_in_lanes else None
    lowering.wide = 8 if any(e.dtype in ("f64", "i64", "u64") for e in nest.outputs.values()) else 16
    if _adds_up(lowering) and vector is not None:
        lowering.wide *= _side_by_side(lowering, vector)
        lowering.block = lowering.wide  # each position takes long
    place = Linear(0, dict(zip(nest.axes, strides(nest.shape), strict=True)))
    touches = sum(node.array_type.nbytes for node in touched(nest))
    ahead = not outer and touches <= near

    def statements(scope: Scope) -> None:
        lowering.report(scope, set())
        lanes = scope.vector()
        for node, element in nest.outputs.items():
            value, mask = lowering.value(element, scope), None
            ones, _ = lowering.base(place, scope, None if lanes is None else lanes.axis)
            if lanes is not None:
                value, ones, mask = splat(value, lanes.lanes), [*ones, lanes.at], lanes.mask
            buffer, at = lowering.buffer(node, written=True), plus(*ones)
            if ahead and mask is None:
                further = far // node.array_type.dtype.itemsize
                scope.statements.append(Ahead(buffer, plus(at, integer(further)), written=True))
            scope.statements.append(Store(buffer, at, value, mask))

    turned = squares(lowering, outer, vector)
    if turned is not None:
        body, count = loops_in_squares(lowering, head, outer, turned, statements)
    elif vector is not None and is_interleaved(lowering, outer, vector):
        woven = interleaving(lowering, nest.outputs, place, vector)
        body, count = loops(lowering, head, outer[:-1], outer[-1], woven)
    else:
        body, count = loops(lowering, head, outer, vector, statements)
    rounds = prod(nest.shape) * prod(e.axis.extent for e in lowering.elements if isinstance(e, Total))
    return lowering.call("+".join(n.primitive.name for n in nest.nodes), body, count, rounds, head)


def _lower_running(nest: Nest, node: Node, running: Running) -> KernelCall:
    """A nest that goes through one of its axes in order, and hands on what it has so far."""
    roots = [running.body] if running.factor is None else [running.body, running.factor]
    lowering, head = Lowering(roots, (), nest.evaluator.checks), Kernel("", (), (), ())
    along = running.axis
    number = nest.axes.index(along) if along in nest.axes else 0
    outer: list[Axis] = []
    for axes in (nest.axes[:number], nest.axes[number:]):  # an axis before it and one behind it are never one
        lowering.take_axes([axis for axis in axes if axis is not along])
        outer += [axis for axis in axes if axis in lowering.extents]
    behind = [axis for axis in outer if axis in nest.axes[number:]]
    vector = behind[-1] if behind else None
    outer = [axis for axis in outer if axis is not vector]
    lowering.extents[along] = along.extent
    lowering.wide = 8 if running.dtype in ("f64", "i64", "u64") else 16
    if vector is not None:
        lowering.wide *= _side_by_side(lowering, vector)
        lowering.block = lowering.wide
    place = Linear(0, dict(zip(nest.axes, strides(nest.shape), strict=True)))

    def statements(scope: Scope) -> None:
        variable = index(lowering.fresh("k"))
        inner = Scope(along, variable, scope)
        lowering.report(inner, set())
        following, carry = running_total(lowering, running, inner)
        lanes = scope.vector()
        ones, _ = lowering.base(place, inner, None if lanes is None else lanes.axis)
        at = plus(*ones) if lanes is None else plus(*ones, lanes.at)
        mask = None if lanes is None else lanes.mask
        inner.statements.append(Store(lowering.buffer(node, written=True), at, following, mask))
        body = tuple(inner.statements)
        scope.statements.append(For(variable, integer(0), lowering.extent(along), 1, body, (carry,)))

    body, count = loops(lowering, head, outer, vector, statements)
    return lowering.call(node.primitive.name, body, count, prod(nest.shape), head)


def _side_by_side(lowering: Lowering, vector: Axis) -> int:
    """How many vectors go side by side along an axis: the memory is then read in longer pieces."""
    most = lowering.extents[vector] // lowering.wide
    return max(1, min(vectors, 1 << (most.bit_length() - 1))) if most else 1


def _adds_up(lowering: Lowering) -> bool:
    """Whether a nest does little but sums across its vectors."""
    sums = [e for e in lowering.elements if isinstance(e, Total)]
    inside = [e for e in within([total.body for total in sums]) if isinstance(e, Function)]
    plain = not any(total.combiner.startswith("arg") for total in sums)
    return bool(sums) and plain and len(inside) <= few and all(e.name in cheap_functions for e in inside)


def strides(shape: Sequence[int]) -> list[int]:
    """The distance of neighbours along each axis, in row-major order."""
    return [prod(shape[n + 1 :]) for n in range(len(shape))]


def loops(
    lowering: Lowering, head: Kernel, outer: Sequence[Axis], vector: Axis | None, statements: Callable[[Scope], None]
) -> tuple[list[Statement], int]:
    """Loops over axes around statements; the outermost one is shared among threads."""
    root = Scope(None, integer(0), None)
    scopes = [root]
    for axis in outer:
        scopes.append(Scope(axis, index(lowering.fresh("i")), scopes[-1]))
    innermost = scopes[-1]
    count = lowering.extents[outer[0]] if outer else 1
    if vector is None:
        statements(innermost)
    else:
        n = lowering.extent(vector)
        if outer:
            start, stop = integer(0), n
        else:
            count = -(-lowering.extents[vector] // lowering.block)
            start = apply("multiply", head.begin, integer(lowering.block))
            stop = apply("minimum", apply("multiply", head.end, integer(lowering.block)), n)
        for segment in segments(lowering.elements, vector, lowering.extents[vector]):
            lowering.known = segment.holds
            vector_loops(lowering, innermost, vector, limits(lowering, segment, start, stop), statements)
        lowering.known = {}
    for n in range(len(outer) - 1, -1, -1):
        scope = scopes[n + 1]
        assert isinstance(scope.at, Variable)  # noqa: S101  (so it was made above)
        first, last = (head.begin, head.end) if n == 0 else (integer(0), lowering.extent(outer[n]))
        scopes[n].statements.append(For(scope.at, first, last, 1, tuple(scope.statements)))
    return root.statements, count


def limits(lowering: Lowering, segment: Segment, start: Value, stop: Value) -> tuple[Value, Value]:
    """Where a segment begins and ends, in the part of the axis that is gone through."""
    first, last = (None if at is None else lowering.size(at, ("cut", at)) for at in (segment.first, segment.stop))
    if isinstance(start, Constant):  # the whole axis, in which every cut lies
        return start if first is None else first, stop if last is None else last
    begin = start if first is None else apply("maximum", start, first)
    end = stop if last is None else apply("minimum", stop, last)
    return begin, apply("maximum", begin, end)


def vector_loops(
    lowering: Lowering,
    around: Scope,
    axis: Axis,
    limits: tuple[Value, Value],
    statements: Callable[[Scope], None],
) -> None:
    """The loop over whole vectors, and that over what is left."""
    (start, stop), wide = limits, lowering.wide
    whole = apply("add", start, apply("bitwise_and", apply("subtract", stop, start), integer(-wide)))
    for first, last, masked in ((start, whole, False), (whole, stop, True)):
        variable = index(lowering.fresh("v"))
        scope = Scope(axis, variable, around, lanes=wide, stop=stop)
        if masked:
            scope.mask = below(variable, stop, wide)
        statements(scope)
        around.statements.append(For(variable, first, last, wide, tuple(scope.statements)))


# ── scattering ───────────────────────────────────────────────────────────────────────────────────


def lower_scatter(scatter: Scatter) -> list[KernelCall]:
    """A kernel that visits the positions in order, and before it one that fills the array, if it is not there."""
    node = scatter.node
    shape = scatter.shape
    visit = _visit(scatter, shape, short_name(node.array_type.dtype))
    begin = [lower_fill(node, shape, -1 if scatter.combiner == "max" else 0)] if scatter.into is None else []
    return [*begin, visit]


def lower_fill(node: Node, shape: Sequence[int], number: float) -> KernelCall:
    """A kernel that writes one number everywhere."""
    dtype = short_name(node.array_type.dtype)
    head = Kernel("", (), (), ())
    axis = Axis(prod(shape))
    lowering = Lowering([], [axis])
    lowering.extents[axis] = axis.extent

    def statements(scope: Scope) -> None:
        buffer = lowering.buffer(node, written=True)
        scope.statements.append(Store(buffer, scope.at, Constant(dtype, scope.lanes, number), scope.mask))

    body, count = loops(lowering, head, [], axis, statements)
    return lowering.call("fill", body, count, axis.extent, head)


def sum_of_parts(node: Node, parts: Node, combiner: str, stored: Callable[[Node], bool]) -> Nest:
    """A nest that puts the parts of a sum together, one after another."""
    shape, count = node.array_type.shape, parts.array_type.shape[0]
    axis, dtype = Axis(count), short_name(node.array_type.dtype)
    nest = Nest(tuple(Axis(length) for length in shape), shape, Evaluator(stored, {}))
    at = nest.evaluator.flat(nest.place(), shape) + Linear(0, {axis: prod(shape)} if count > 1 else {})
    nest.outputs[node] = Total(dtype, combiner, axis, Fetch(dtype, parts, at, None), False)
    return nest


def _visit(scatter: Scatter, shape: tuple[int, ...], dtype: str) -> KernelCall:
    node = scatter.node
    lowering = Lowering(scatter.roots, (), scatter.checks)
    head = Kernel("", (), (), ())
    before = [a for a in scatter.axes[: scatter.aimed] if a.extent != 1]
    after = [a for a in scatter.axes[scatter.aimed + 1 :] if a.extent != 1]
    sums = [a for a in scatter.sums if a.extent != 1]
    lowering.wide = 8 if dtype in ("f64", "i64", "u64") else 16
    factors = dict(zip(scatter.axes, strides(shape), strict=True))
    aimed = scatter.axes[scatter.aimed]
    place = Linear(0, {a: f for a, f in factors.items() if a is not aimed and a.extent != 1})
    for axis in (*scatter.axes, *scatter.sums):
        lowering.extents[axis] = axis.extent

    def statements(scope: Scope) -> None:
        lowering.report(scope, set())
        value = splat(lowering.value(scatter.body, scope), scope.lanes)
        ones, _ = lowering.base(place, scope, scope.axis if scope.lanes > 1 else None)
        looked_up = lowering.value(scatter.at, scope)
        row = times(looked_up, splat(lowering.size(factors[aimed], ("row", aimed)), looked_up.lanes))
        if row.lanes > 1:  # each lane has a place of its own, as the axis in lanes is one of the result
            first = splat(plus(*ones, scope.at), row.lanes)
            at = apply("add", apply("add", first, Steps("i64", row.lanes)), row)
        else:
            at = plus(*ones, row, scope.at) if scope.lanes > 1 else plus(*ones, row)
        buffer = lowering.buffer(node, written=True)
        old = Load(dtype, scope.lanes, buffer, at, scope.mask)
        if scatter.into is None:
            new = apply(together(scatter.combiner, dtype), old, value, dtype=dtype)
        else:  # what lies outside is aimed at the first place, and leaves it as it is
            new = apply(
                "where", splat(lowering.value(scatter.into.outside, scope), scope.lanes), old, value, dtype=dtype
            )
        scope.statements.append(Store(buffer, at, new, scope.mask))

    vector = after.pop() if after else None
    if not before and vector is not None and not sums and not after:
        body, count = loops(lowering, head, [], vector, statements)
    else:
        alone = Axis(1)  # a loop of one round, where nothing can be shared among threads
        lowering.extents[alone] = 1
        outer = [*(before or [alone]), *sums, *after]
        body, count = loops(lowering, head, outer, vector, statements)
    rounds = prod(a.extent for a in (*scatter.axes, *scatter.sums)) // max(1, shape[scatter.aimed])
    return lowering.call("scatter", body, count, rounds, head)
