"""Edits that put another value that has a name in the place of an operand, and what it means that it belongs there."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.bench import Bench, rearranging
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.operands import contractions, is_target
from maplet.health.audit.edits.places import is_at_the_end
from maplet.health.audit.program.tape import Ref
from maplet.health.audit.truth import elementwise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.program.tape import Call

comparisons = frozenset(["greater", "greater_equal", "less", "less_equal"])


def exchanged(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """Another value that has a name in the place of an operand, in one call or in all of a line."""
    pool = _pool(bench)
    lines: dict[tuple[Any, int], list[int]] = {}
    for call in calls:
        for ref in call.operands:
            lines.setdefault((call.lines[0] if call.lines else None, ref), []).append(call.number)
    for (_, ref), numbers in lines.items():
        own = bench.calls[numbers[0]]
        in_loop = bench.counts[own.lines, own.kind] > 1
        for other in pool:
            if other == ref or other >= numbers[0] or not bench.turns.may_pair(numbers[0], other):
                continue
            if not _may_stand_for(bench, values, ref, other):
                continue
            if other >= bench.run.begin and in_loop:  # the name is that of the last turn alone
                continue
            groups = [tuple(numbers), *[(n,) for n in numbers]] if len(numbers) > 1 else [tuple(numbers)]
            for group in groups:
                why = _cause_of(bench, ref, other, [bench.calls[n] for n in group])
                yield _swap(group, ref, other, why, in_loop=in_loop and ref < bench.run.begin)


def _pool(bench: Bench) -> list[int]:
    outputs = {o.number for o in bench.outputs}
    products = (call.number for call in bench.calls[: bench.run.begin] if call.kind in contractions)
    named = (n for n in bench.run.names if n not in outputs)
    return list(dict.fromkeys([*bench.run.inputs.values(), *named, *products]))


def _may_stand_for(bench: Bench, values: Values, ref: int, other: int) -> bool:
    a, b = values[ref], values[other]
    several = np.ndim(b) > 0 or _is_recoded(bench, ref, other)
    return np.shape(a) == np.shape(b) and several and not np.array_equal(a, b)


def _is_recoded(bench: Bench, used: int, number: int) -> bool:
    """Whether one number is made of another alone, such as a label of −1 and 1 of one of 0 and 1."""
    if number in bench.active:
        return False
    for _ in range(4):
        operands = bench.calls[used].operands
        if len(operands) != 1 or operands[0] < number:
            return False
        if operands[0] == number:
            return True
        used = operands[0]
    return False


def _swap(numbers: tuple[int, ...], ref: int, other: int, why: tuple[Cause, float], *, in_loop: bool) -> Edit:
    cause, cost = why

    def apply(bench: Bench, v: list[Any], n: int) -> Any:
        return bench.calls[n].compute(v, {ref: v[other]}) if ref in bench.calls[n].operands else v[n]

    # A helper that is given a wrong value does not have the fault: the line that calls it has.
    outer = {"outer": True} if cause in (Cause.DERIVATIVE_AT_OUTPUT, Cause.DERIVATIVE_AT_INPUT) else {}
    mask = {"words": Cause.WRONG_VALUE} if cause is Cause.WRONG_DERIVATIVE else {}
    detail = {"used": ref, "right": other, **outer, **mask}
    return Edit(numbers, (cause,), cost, apply, detail | ({"place": (ref, other)} if in_loop else {}))


def _cause_of(bench: Bench, used: int, right: int, calls: Sequence[Call]) -> tuple[Cause, float]:
    """What it means that one value stands in the place of another."""
    if why := _made_of_it(bench, used, right):
        return why
    if (is_target(bench, used) and is_target(bench, right)) or _is_label(bench, used, right, calls):
        return Cause.WRONG_TARGET, 1.8
    if all(call.kind in comparisons for call in calls):
        return Cause.WRONG_DERIVATIVE, 1.75  # a mask
    if all(call.kind not in (*contractions, "transpose") for call in calls) and not _is_residual(bench, calls):
        product = any(call.kind == "multiply" for call in calls)
        cause = _misplaced(bench, used, right, by_product=product)
        if cause is not None:
            return cause, 1.75
    if bench.calls[right].kind in contractions and right not in bench.run.names:
        made = used in bench.run.tape.ancestors([right])  # one matrix stands where its product with another belongs
        return (Cause.MISSING_DERIVATIVE if made else Cause.WRONG_VALUE), 2.3
    return Cause.WRONG_VALUE, _cost_of_wrong_value(bench, used, right, calls)


def _is_residual(bench: Bench, calls: Sequence[Call]) -> bool:
    """Whether calls only add or take arrays from each other; in a local derivative there is a number, as in 1 - a."""
    whole = all(isinstance(arg, Ref) and np.ndim(bench.run.value(arg.number)) for call in calls for arg in call.args)
    return whole and all(call.kind in ("add", "subtract") for call in calls)


def _made_of_it(bench: Bench, used: int, right: int) -> tuple[Cause, float] | None:
    """What it means that a value stands in the place of what it was computed from: of an input, or what it bounds."""
    if bench.calls[used].kind == "clip" and right in bench.calls[used].operands:
        return Cause.CLIPPED, 1.2
    is_input = right in bench.run.inputs.values() and used >= bench.run.begin
    if not is_input or right not in bench.run.tape.ancestors([used]):
        return None
    if is_target(bench, right):
        return Cause.WRONG_TARGET, 1.8
    if _is_update(bench, right, used):
        return Cause.STALE_WEIGHTS, 1.2
    call = bench.calls[used]
    bent = call.operands == (right,) and call.kind in elementwise - {"negative", "positive", "multiply", "divide"}
    return (Cause.WRONG_DERIVATIVE, 1.75) if bent and right in bench.truth.wrt else None


def _is_label(bench: Bench, used: int, right: int, calls: Sequence[Call]) -> bool:
    """Whether one value stands for another that the loss compares with the output: smoothed labels, the clean image."""
    active = bench.truth.cotangents
    if used in active or right in active or not all(_compares(bench, call) for call in calls):
        return False
    made = right in bench.run.tape.ancestors([used])  # in a code of its own: the class before, all above a half
    if used >= bench.run.begin and bench.calls[used].kind != "getitem" and not made:
        return False
    behind = {right}
    for call in bench.calls[right + 1 : bench.run.loss + 1]:
        if not behind.isdisjoint(call.operands):
            if call.number not in active:
                behind.add(call.number)
            elif is_at_the_end(bench, call.number):
                return True
    return False


def _compares(bench: Bench, call: Call) -> bool:
    """Whether a call takes labels from something, or chooses by them; one that only turns them may multiply them."""
    if _turns(bench, call):
        return all(_compares(bench, bench.calls[n]) for n in bench.takers.get(call.number, ()))
    return call.kind in ("subtract", "getitem", "setitem", "equal")


def _turns(bench: Bench, call: Call) -> bool:
    """Whether a call gives all entries of its operand in another shape."""
    return call.kind in rearranging and np.size(bench.run.value(call.number)) == np.size(
        bench.run.value(call.operands[0])
    )


def _misplaced(bench: Bench, used: int, right: int, *, by_product: bool) -> Cause | None:
    """Whether one of two values is an activation of the other."""
    between = bench.truth.between if not bench.truth.problem else {}
    cause = Cause.DERIVATIVE_AT_OUTPUT if (right, used) in between else Cause.DERIVATIVE_AT_INPUT
    if (right, used) not in between and (used, right) not in between:
        return None
    value = bench.run.value(right)
    factors = bench.truth.factors if by_product else ()
    multiplied = any(last != used and np.array_equal(value, factor) for _, last, factor in factors)
    return None if multiplied else cause


def _cost_of_wrong_value(bench: Bench, used: int, right: int, calls: Sequence[Call]) -> float:
    """The likelier, the more names there are and the simpler the line."""
    names, begin = bench.run.names, bench.run.begin
    product = len(calls) == 1 and (
        _turns(bench, calls[0]) or calls[0].kind in ("multiply", "matmul", "dot", "outer", "power")
    )
    if product and used in names and right in names and (used < begin or bench.is_named(used)):
        return 1.25
    computed = max(used, right) < begin and all(bench.calls[n].function is not None for n in (used, right))
    turns = bench.counts[calls[0].lines, calls[0].kind]
    # In a loop over states one of them is easily taken for another.
    return 1.85 if computed and turns > 1 and all(call.kind in elementwise for call in calls) else 2.2


def _is_update(bench: Bench, weights: int, used: int) -> bool:
    """Whether a value is weights less a step, or weights of which some entries are."""
    call = bench.calls[used]
    if call.kind in ("setitem", "add_at"):
        while call.kind in ("setitem", "add_at"):  # of some entries, then of others
            base = call.args[call.kind == "add_at"]
            if not isinstance(base, Ref):
                return False
            call = bench.calls[base.number]
        return call.number == weights and weights in bench.truth.wrt
    steps = [call, *(bench.calls[o] for o in call.operands if call.kind not in ("add", "subtract"))]
    return weights in bench.truth.wrt and any(c.kind in ("add", "subtract") and weights in c.operands for c in steps)
