"""Sums, products and extremes over an axis: in lanes, one position after another, or in parts; and up to each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.combining import below, neutral, together
from maplet.compiler.elements import Axis, Function, part_of
from maplet.compiler.extremes import position_in_lanes, position_of_extreme
from maplet.compiler.loops import (
    After,
    Carry,
    Constant,
    Fold,
    For,
    Variable,
    apply,
    converted,
    index,
    integer,
    plus,
    splat,
    times,
)
from maplet.compiler.scopes import Scope

if TYPE_CHECKING:
    from maplet.compiler.elements import Element, Running, Total
    from maplet.compiler.loops import Value
    from maplet.compiler.lowering import Lowering

short = 4  # terms: a loop would take longer than they
narrow = ("f16", "bf16")  # floats whose sums are taken in f32


def put_together(lowering: Lowering, total: Total, scope: Scope, lanes: int) -> Value:
    """What a total comes to; in lanes where its scope has none yet."""
    in_lanes = total.in_lanes and scope.vector() is None
    if total.combiner.startswith("arg"):
        if in_lanes:
            return position_in_lanes(lowering, total, scope)
        return position_of_extreme(lowering, total, scope, lanes)
    wide = "f32" if total.dtype in narrow else total.dtype
    if total.axis.extent == 1 and total.start is None:
        return lowering.value(total.body, scope)
    if in_lanes:
        lanes = 64 if total.axis.extent >= 512 else 16
    start: Value = Constant(wide, lanes, neutral(total.combiner, wide))
    if total.start is not None:
        start = splat(lowering.value(total.start, scope), lanes)
    n = lowering.extent(total.axis)
    if not in_lanes and total.start is None and part_of(total.axis.extent) < total.axis.extent:
        result = _parts(lowering, total, scope, wide, start)
    elif not in_lanes and total.start is None and total.axis.extent <= short:
        result = _one_after_another(lowering, total, scope, wide, start)
    elif not in_lanes:
        result = _rounds(lowering, total, scope, wide, start, (integer(0), n, 1), masked=False)
    else:
        whole = apply("bitwise_and", n, integer(-lanes))
        result = _rounds(lowering, total, scope, wide, start, (integer(0), whole, lanes), masked=False)
        result = _rounds(lowering, total, scope, wide, result, (whole, n, lanes), masked=True)
        result = Fold(wide, 1, "any" if wide == "bool" and total.combiner == "sum" else total.combiner, result)
    return converted(total.dtype, result)


def _one_after_another(lowering: Lowering, total: Total, scope: Scope, dtype: str, start: Value) -> Value:
    """A short sum, such as that over a window, without a loop."""
    result = start
    for position in range(total.axis.extent):
        inner = Scope(total.axis, integer(position), scope)
        lowering.report(inner, {total.axis})
        found = _wide(lowering, total.body, inner, dtype)
        scope.statements += inner.statements
        result = apply(together(total.combiner, dtype), result, splat(found, start.lanes), dtype=dtype)
    return result


def _parts(lowering: Lowering, total: Total, scope: Scope, dtype: str, start: Value) -> Value:
    """A long sum: each part from the beginning, then one part after another."""
    part = part_of(total.axis.extent)
    size, count = lowering.size(part, ("part", total.axis)), -(-total.axis.extent // part)
    inner = Scope(Axis(count), index(lowering.fresh("p")), scope)
    first = times(inner.at, size)
    stop = apply("minimum", plus(first, size), lowering.extent(total.axis))
    neutral_start: Value = Constant(dtype, start.lanes, neutral(total.combiner, dtype))
    found = _rounds(lowering, total, inner, dtype, neutral_start, (first, stop, 1), masked=False)
    carried = Variable(dtype, start.lanes, lowering.fresh("a"))
    following = apply(together(total.combiner, dtype), carried, found, dtype=dtype)
    assert isinstance(inner.at, Variable)  # noqa: S101  (it was made above)
    parts = lowering.size(count, ("parts", total.axis))
    loop = For(inner.at, integer(0), parts, 1, tuple(inner.statements), (Carry(carried, start, following),))
    scope.statements.append(loop)
    return After(dtype, start.lanes, loop, 0)


def _rounds(  # noqa: PLR0917  (what it adds up, where, from what number on, and how far)
    lowering: Lowering,
    total: Total,
    scope: Scope,
    dtype: str,
    start: Value,
    limits: tuple[Value, Value, int],
    *,
    masked: bool,
) -> Value:
    """A loop that takes one position (or one vector of them) per round into what was put together so far."""
    variable = index(lowering.fresh("k"))
    first, stop, step = limits
    inner = Scope(total.axis, variable, scope, lanes=max(1, step))
    if masked:
        inner.mask = below(variable, stop, step)
    carried = Variable(dtype, start.lanes, lowering.fresh("a"))
    lowering.report(inner, {total.axis})
    found = _wide(lowering, total.body, inner, dtype)
    following: Value = apply(together(total.combiner, dtype), carried, splat(found, start.lanes), dtype=dtype)
    if inner.mask is not None:
        following = apply("where", inner.mask, following, carried, dtype=dtype)
    loop = For(variable, first, stop, step, tuple(inner.statements), (Carry(carried, start, following),))
    scope.statements.append(loop)
    return After(dtype, start.lanes, loop, 0)


def _wide(lowering: Lowering, body: Element, scope: Scope, dtype: str) -> Value:
    """What is added up, in the dtype of the sum; a product of narrow floats is not rounded before."""
    match body:
        case Function(dtype=own, name="multiply", arguments=(x, y)) if own != dtype:
            factors = [lowering.value(one, scope) for one in (x, y)]
            lanes = max(factor.lanes for factor in factors)
            return apply("multiply", *(splat(converted(dtype, factor), lanes) for factor in factors))
        case _:
            return converted(dtype, lowering.value(body, scope))


def running_total(lowering: Lowering, running: Running, inner: Scope) -> tuple[Value, Carry]:
    """What is put together at a place, as it is stored, and how it is handed on; ``inner`` goes along the axis."""
    vector = inner.vector()
    lanes = 1 if vector is None else vector.lanes
    wide = "f32" if running.dtype in narrow else running.dtype
    start = -0.0 if running.combiner == "sum" and wide[0] == "f" else neutral(running.combiner, wide)
    carried = Variable(wide, lanes, lowering.fresh("a"))
    before: Value = carried
    if running.factor is not None:
        before = apply("multiply", before, splat(converted(wide, lowering.value(running.factor, inner)), lanes))
    found = splat(converted(wide, lowering.value(running.body, inner)), lanes)
    following = apply(together(running.combiner, wide), before, found, dtype=wide)
    return converted(running.dtype, following), Carry(carried, Constant(wide, lanes, start), following)
