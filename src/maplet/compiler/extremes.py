"""Where the greatest or least element stands: argmax and argmin. The first of equal ones wins, and NaN over numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.combining import below, nan, neutral
from maplet.compiler.loops import (
    After,
    Apply,
    Carry,
    Constant,
    Fold,
    For,
    Steps,
    Value,
    Variable,
    apply,
    converted,
    index,
    integer,
    splat,
)
from maplet.compiler.scopes import Scope

if TYPE_CHECKING:
    from maplet.compiler.elements import Total
    from maplet.compiler.lowering import Lowering

counted_in_32_bits = 1 << 31  # elements of an axis


def position_of_extreme(lowering: Lowering, total: Total, scope: Scope, lanes: int) -> Value:
    """One position after another, for as many places of the result as there are lanes."""
    kind = _kind(total)
    variable = index(lowering.fresh("k"))
    inner = Scope(total.axis, variable, scope)
    best, position = Variable(kind, lanes, lowering.fresh("a")), Variable("i64", lanes, lowering.fresh("p"))
    lowering.report(inner, {total.axis})
    found = splat(converted(kind, lowering.value(total.body, inner)), lanes)
    better = _better(total.combiner, found, best)
    carries = (
        Carry(best, Constant(kind, lanes, neutral(total.combiner[3:], kind)), apply("where", better, found, best)),
        Carry(position, Constant("i64", lanes, 0), apply("where", better, splat(variable, lanes), position)),
    )
    loop = For(variable, integer(0), lowering.extent(total.axis), 1, tuple(inner.statements), carries)
    scope.statements.append(loop)
    return After("i64", lanes, loop, 1)


def position_in_lanes(lowering: Lowering, total: Total, scope: Scope) -> Value:
    """Along an axis whose elements lie side by side: each lane has its own best, and the best of these wins."""
    kind, lanes = _kind(total), 64 if total.axis.extent >= 512 else 16
    counted = "i32" if total.axis.extent < counted_in_32_bits else "i64"
    steps = converted(counted, Steps("i64", lanes))
    best: Value = Constant(kind, lanes, neutral(total.combiner[3:], kind))
    position = steps
    n = lowering.extent(total.axis)
    whole = apply("bitwise_and", n, integer(-lanes))
    for first, stop, masked in ((integer(0), whole, False), (whole, n, True)):
        variable = index(lowering.fresh("k"))
        mask = below(variable, stop, lanes) if masked else None
        inner = Scope(total.axis, variable, scope, lanes=lanes, mask=mask)
        known, at = Variable(kind, lanes, lowering.fresh("a")), Variable(counted, lanes, lowering.fresh("p"))
        lowering.report(inner, {total.axis})
        found = splat(converted(kind, lowering.value(total.body, inner)), lanes)
        here = apply("add", splat(converted(counted, variable), lanes), steps)
        better = _better(total.combiner, found, known)
        better = better if mask is None else apply("logical_and", mask, better)
        carries = (
            Carry(known, best, apply("where", better, found, known)),
            Carry(at, position, apply("where", better, here, at)),
        )
        loop = For(variable, first, stop, lanes, tuple(inner.statements), carries)
        scope.statements.append(loop)
        best, position = After(kind, lanes, loop, 0), After(counted, lanes, loop, 1)
    winner: Value = apply("equal", best, splat(Fold(kind, 1, total.combiner[3:], best), lanes), dtype="bool")
    if kind[0] == "f":
        winner = apply("logical_or", winner, nan(best))  # where there is one, it is the extreme
    last = Constant(counted, lanes, (1 << (int(counted[1:]) - 1)) - 1)
    return converted("i64", Fold(counted, 1, "min", apply("where", winner, position, last)))


def _kind(total: Total) -> str:
    """The dtype in which elements are compared: truth values as numbers."""
    return {"bool": "u8", "bf16": "f32"}.get(total.body.dtype, total.body.dtype)


def _better(combiner: str, found: Value, best: Value) -> Value:
    """Whether an element takes the place of the best so far: it is beyond it, or the first NaN."""
    if found.dtype[0] != "f":
        return Apply("bool", found.lanes, "greater" if combiner == "argmax" else "less", (found, best))
    within = Apply("bool", found.lanes, "less_equal" if combiner == "argmax" else "greater_equal", (found, best))
    number = Apply("bool", best.lanes, "equal", (best, best))
    return apply("logical_and", apply("logical_not", within), number)
