"""Edits of what a loop over time computes with: another state of each turn in the place of its own."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.operands import contractions
from maplet.health.audit.truth import elementwise

if TYPE_CHECKING:
    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call

Swap = Mapping[int, tuple[int, int]]
"""For each call, which operand gives way to which value."""
few = 40  # sequences of states that are tried for another


def shifted(bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """In a loop over time, the state of the step before (or behind) in the place of each state.

    In one line, or wherever the loop takes these states.
    """
    everywhere: dict[frozenset[int], list[tuple[Swap, Swap]]] = {}
    for numbers, used in _sequences(calls):
        before = [bench.states.before(ref) for ref in used]
        late = {early: ref for ref, early in zip(used, before, strict=True)}
        behind = [late.get(ref) or bench.states.behind(ref) for ref in used]
        swaps = _swap(numbers, used, before), _swap(numbers, used, behind)
        everywhere.setdefault(frozenset(used), []).append(swaps)
        for swap in swaps:
            if swap:
                yield _edit(swap, 2.0)
    for several in everywhere.values():
        for swaps in zip(*several, strict=True) if len(several) > 1 else ():
            if all(swaps):
                yield _edit({number: pair for swap in swaps for number, pair in swap.items()}, 2.1)


def same_turn(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """What another line of the forward loop gave in the same turn, in the place of an operand of every turn."""
    turns: dict[Any, list[int]] = {}
    for call in bench.calls[: bench.forward_end]:
        if call.lines:
            turns.setdefault((call.lines, call.kind, call.place), []).append(call.number)
    known: list[list[int]] = []
    of_products = {o for c in bench.calls[: bench.forward_end] if c.kind in contractions for o in c.operands}
    for numbers in turns.values():
        if len(numbers) > 1 and not (bench.run.names.keys() | of_products).isdisjoint(numbers):
            before = [bench.states.before(number) for number in numbers]
            known += [numbers, [number for number in before if number is not None]]
    for numbers, used in _sequences(calls):
        shapes = [np.shape(values[ref]) for ref in used]
        if max(used) >= bench.forward_end:
            continue
        for others in known[:few]:
            if len(others) == len(used) and [np.shape(values[n]) for n in others] == shapes:
                for order in (others, others[::-1]):
                    if order != used:
                        yield _edit(_swap(numbers, used, order), 2.0)


def same_turn_back(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """The same of the backward loop: ``dh = W.T @ dh`` for ``dh = W.T @ da``."""
    turns: dict[Any, list[int]] = {}
    for call in bench.calls[bench.run.begin :]:
        if call.lines:
            turns.setdefault((call.lines, call.kind, call.place), []).append(call.number)
    known = [numbers for numbers in turns.values() if len(numbers) > 1 and numbers[-1] in bench.run.names]
    for numbers, used in _sequences(calls):
        shapes = [np.shape(values[ref]) for ref in used]
        for family in known[:few] if min(used) >= bench.run.begin else ():
            others = [max((m for m in family if m < number), default=None) for number in numbers]
            swap = _swap(numbers, used, others) if len(set(others)) == len(others) and others != used else {}
            if swap and [np.shape(values[other]) for _, other in swap.values()] == shapes:
                yield _edit(swap, 1.7, _cause(bench, used[0], swap[numbers[0]][1]))


def _cause(bench: Bench, used: int, right: int) -> Cause:
    """A cotangent in the place of the one that it is made of, or that is made of it, by a local derivative."""
    for cause, one, other in ((Cause.MISSING_DERIVATIVE, used, right), (Cause.EXTRA_DERIVATIVE, right, used)):
        if bench.calls[other].kind in elementwise and one in bench.run.tape.ancestors([other]):
            return cause
    return Cause.WRONG_VALUE


def _sequences(calls: Sequence[Call]) -> Iterator[tuple[list[int], list[int]]]:
    """The calls that a line makes in all its turns, and what stands at one place of them."""
    groups: dict[tuple[Any, str, tuple[int, ...]], list[Call]] = {}
    for call in calls:
        groups.setdefault((call.lines, call.kind, call.place), []).append(call)
    for group in groups.values():
        for place in range(len(group[0].operands)) if len(group) > 1 else ():
            used = [call.operands[place] for call in group if len(call.operands) > place]
            if len(used) == len(group) and len(set(used)) > 1:
                yield [call.number for call in group], used


def _swap(numbers: Sequence[int], used: Sequence[int], others: Sequence[int | None]) -> Swap:
    """Another value for each call; nothing where one of them has none."""
    if None in others:
        return {}
    return {n: (ref, other) for n, ref, other in zip(numbers, used, others, strict=True) if other is not None}


def _edit(swap: Swap, cost: float, cause: Cause = Cause.WRONG_VALUE) -> Edit:
    first, other = next(iter(swap.values()))

    def apply(bench: Bench, v: list[Any], n: int) -> Any:
        return bench.calls[n].compute(v, {swap[n][0]: v[swap[n][1]]})

    detail = {"used": first, "right": other, "words": Cause.WRONG_VALUE}
    return Edit(tuple(swap), (cause,), cost, apply, detail)
