"""Broadcasts in the loss itself: predictions (N, 1) and targets (N,), which make (N, N) together.

Such a loss has a gradient like any other, and its descent is right; but it compares every row with every other. Where
the backward pass goes another way, the loss is mended, and then the gradients are judged by that.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.edits.bench import Bench
from maplet.health.audit.program.tape import Recorded, Ref
from maplet.health.audit.truth import elementwise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.health.audit.program.tape import Call

reducing = frozenset(["sum", "mean", "reduce", "norm", "ravel", "reshape", "transpose"])
expanding = frozenset(["getitem", "expand_dims"])  # y[:, None] is meant so
asking = frozenset(["greater", "greater_equal", "less", "less_equal", "sign", "isnan"])  # where a loss has two branches


def squares(bench: Bench) -> list[int]:
    """The calls of the forward pass that make a square of what the parameters give, and of data."""
    if bench.truth.problem:
        return []
    return [n for n in bench.truth.active if _sides(bench, bench.calls[n]) and _is_summed_up(bench, n)]


def _sides(bench: Bench, call: Call) -> tuple[int, int] | None:
    """What comes from the parameters, and the data, if one is (N, 1) and the other (N,)."""
    operands = [arg.number for arg in call.args if isinstance(arg, Ref)]
    if call.kind not in elementwise or len(operands) != 2:
        return None
    shapes = sorted((np.shape(bench.run.value(n)) for n in operands), key=len)
    is_square = len(shapes[0]) == 1 and shapes[1] == (*shapes[0], 1) and shapes[0][0] > 1
    made = [n for n in operands if bench.calls[n].kind in expanding and n >= bench.run.floor]
    active = [n for n in operands if n in bench.truth.cotangents]
    if not is_square or made or len(active) != 1:
        return None
    return active[0], next(n for n in operands if n != active[0])


def _is_summed_up(bench: Bench, number: int) -> bool:
    """Whether a loss only adds up what is made of each entry, with no weights for the pairs."""
    behind, reached = bench.run.tape.ancestors([bench.run.loss]), {number}
    shape = np.shape(bench.run.value(number))
    for call in bench.calls[number + 1 : bench.run.loss + 1]:
        if call.number not in behind or reached.isdisjoint(call.operands):
            continue
        others = [n for n in call.operands if n not in reached and np.shape(bench.run.value(n)) == shape]
        if call.kind not in elementwise | reducing | asking or any(n not in bench.truth.cotangents for n in others):
            return False
        reached.add(call.number)
    return True


def mended(bench: Bench, numbers: Sequence[int]) -> Bench | None:
    """The same program with a loss in which the data have the shape of the predictions; None where it cannot run so."""
    run, tape = bench.run, bench.run.tape.sibling()
    length = bench.outputs[0].number  # the bench's own calls stand behind
    tape.calls, tape.values = list(run.tape.calls[:length]), list(run.tape.values[:length])
    for number in numbers:
        tape.calls[number] = _aligned(bench, tape.calls[number])
    try:
        tape.values = tape.replay({number: tape.calls[number].compute(tape.values) for number in numbers})
    except (ValueError, IndexError, TypeError):
        return None
    gradients = {name: Recorded(tape, gradient.number) for name, gradient in run.gradients.items()}
    found = Bench(replace(run, tape=tape, gradients=gradients), bench.tolerance)
    found.why = bench.why
    return found


def _aligned(bench: Bench, call: Call) -> Call:
    sides = _sides(bench, call)
    assert sides is not None  # noqa: S101  (asked before)
    active, data = sides
    value = np.reshape(bench.run.value(data), np.shape(bench.run.value(active)))
    args: tuple[Any, ...] = tuple(value if arg == Ref(data) else arg for arg in call.args)
    return replace(call, args=args)
