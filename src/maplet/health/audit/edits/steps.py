"""Edits of a whole step: what leads from the right cotangent of one value to a wrong one of a value before it.

These are the last resort before "unknown": the step is known to be wrong, since what goes into it is right, and where
it stands in the forward pass tells what it should have been.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.factors import explained
from maplet.health.audit.edits.operands import contractions
from maplet.health.audit.edits.places import meaningful
from maplet.health.audit.numbers import ratio
from maplet.health.audit.truth import elementwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call

few = 400  # entries of a value whose Jacobian is looked at


def rescaled(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """A multiple of a cotangent by a number that the program computes: a scalar factor of the chain rule left out."""
    uses = _uses(bench)
    for call in calls:
        value = values[call.number]
        if np.size(value) < 2 or call.number in bench.no_cotangents:
            continue
        for number, right in bench.truth.cotangents.items():
            if not bench.turns.may_pair(call.number, number):
                continue
            factor = ratio(value, right) if np.shape(value) == right.shape else None
            if factor is None or abs(factor - 1) < 1e-6 or number not in uses or explained(factor, bench) is not None:
                continue
            detail: dict[str, Any] = {"place": (number, uses[number]), "base": call.number}
            cause = Cause.MISSING_DERIVATIVE
            if abs(float(Fraction(factor).limit_denominator(1000)) / factor - 1) < 1e-11:  # the program computes others
                cause, detail = Cause.FACTOR, detail | {"factor": factor}
            yield Edit((call.number,), (cause,), 2.3, _cotangent(number), detail)


def cut_off(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``dh = np.zeros_like(h)``: zeros where a cotangent belongs, and nothing that is gathered in them."""
    gathering = frozenset(["add", "setitem", "add_at"])
    for call in calls:
        value = values[call.number]
        takers = bench.takers.get(call.number, ())
        if call.function is not None or np.any(value) or any(bench.calls[n].kind in gathering for n in takers):
            continue
        for number, right in bench.truth.cotangents.items():
            if right.shape == np.shape(value) != () and np.any(right):
                yield Edit((call.number,), (Cause.CLIPPED,), 1.25, _cotangent(number), {"words": "zeros"})


def skipped_products(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``dH = dP`` for ``dH = A.T @ dP``, behind P = A @ H: a product that is left out where the shapes do not tell."""
    truth = bench.truth
    steps = [(o, n) for n in truth.active if bench.calls[n].kind in contractions for o in bench.calls[n].operands]
    for first, last in steps if not truth.problem else ():
        right, before = truth.cotangents[last], truth.cotangents.get(first)
        if before is None or before.shape != right.shape or np.size(right) < 2 or ratio(right, before) is not None:
            continue
        for call in calls:
            factor = ratio(right, values[call.number]) if bench.turns.may_pair(call.number, last) else None
            if factor is not None:
                detail = {"place": (first, last), "base": call.number}
                yield Edit((call.number,), (Cause.MISSING_DERIVATIVE,), 2.3, _cotangent(first, factor), detail)


def _uses(bench: Bench) -> dict[int, int]:
    """The call that takes a value of the forward pass first."""
    found: dict[int, int] = {}
    for call in bench.calls[: bench.run.loss + 1]:
        for operand in call.operands:
            found.setdefault(operand, call.number)
    return found


def _cotangent(number: int, factor: float = 1.0) -> Callable[[Bench, list[Any], int], Any]:
    return lambda bench, _v, _n: bench.truth.cotangents[number] * factor


def wrong_steps(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """The step back from p to s, where p is no function of s element by element: a softmax, a normalization."""
    places = _places(bench)
    given: dict[int, list[tuple[int, float]]] = {}
    for number in {last for _, last in places}:
        right = bench.truth.cotangents[number]
        several = [
            (c.number, ratio(values[c.number], right)) for c in calls if np.shape(values[c.number]) == right.shape
        ]
        given[number] = [(base, factor) for base, factor in several if factor is not None]
    for call in calls:
        behind = bench.run.tape.ancestors([call.number])
        for first, last in places:
            if not bench.turns.may_pair(call.number, first):
                continue
            right = bench.truth.cotangents[first]
            base = next(((b, f) for b, f in given[last] if b in behind), None)
            if base is None or np.shape(values[call.number]) != right.shape or ratio(values[call.number], right):
                continue
            cause = _cause(bench, values[call.number], values[base[0]], first, last)
            detail = {"place": (first, last), "base": base[0], "other": None}
            yield Edit((call.number,), (cause,), 2.6, _cotangent(first, 1 / base[1]), detail)


def wrong_starts(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """The first step, ∂L/∂r for an r that the loss is made of, where another function of r stands: r for sign(r)."""
    truth, names, uses = bench.truth, bench.run.names, _uses(bench)
    if truth.problem:
        return
    begins = {region.first for region in truth.regions}
    begins |= set(names)
    cotangents = [(n, c) for n, c in truth.cotangents.items() if n in uses and n in begins and n not in truth.wrt]
    known: set[int] = set()
    for call in calls:
        value = values[call.number]
        given = any(o in known for o in call.operands)
        if given or any(ratio(value, right) is not None for _, right in cotangents if np.size(right) > 1):
            known.add(call.number)
            continue
        twins = bench.run.tape.ancestors([call.number]) - {call.number}
        for number, right in cotangents if call.kind in elementwise and call.number not in bench.no_cotangents else ():
            fits = np.shape(value) == right.shape != () and bench.turns.may_pair(call.number, number)
            if fits and _is_behind(bench, number, twins):
                detail = {"place": (number, uses[number]), "base": call.number, "other": None, "only_right": True}
                cause = Cause.MISSING_DERIVATIVE if _lacks(bench, value, right) else Cause.WRONG_DERIVATIVE
                yield Edit((call.number,), (cause,), 2.7, _cotangent(number), detail)


def _lacks(bench: Bench, value: Any, right: Any) -> bool:
    """Whether a local derivative is left out in one branch of several: some entries are right, the others lack it."""
    lacking = ~np.isclose(value, right, rtol=1e-9, atol=1e-12)
    factors = (p.derivative for p in meaningful(bench) if p.derivative.shape == right.shape)
    mended = (np.where(lacking, value * factor, value) for factor in factors)
    return not np.all(lacking) and any(ratio(each, right) is not None for each in mended)


def _is_behind(bench: Bench, number: int, computed: set[int]) -> bool:
    """Whether a value, or one that is computed again and is the same, is among what was computed."""
    value = bench.run.value(number)
    return number in computed or any(np.array_equal(bench.run.value(n), value) for n in computed)


def _places(bench: Bench) -> list[tuple[int, int]]:
    """Pairs of named values of one shape, of which the second comes from the first without a product of matrices."""
    truth, names = bench.truth, bench.run.names
    if truth.problem:
        return []
    inside = {(region.first, region.last) for region in truth.regions}
    found: list[tuple[int, int]] = []
    reached: dict[int, set[int]] = {}
    for number in truth.active:
        call = bench.calls[number]
        operands = [o for o in call.operands if o in truth.cotangents]
        if call.kind not in contractions:
            reached[number] = {root for o in operands for root in (o, *reached.get(o, ()))}
        for first in reached.get(number, ()):
            same = np.shape(bench.run.value(first)) == np.shape(bench.run.value(number)) != ()
            named = number in names and first in names and first not in truth.wrt
            if same and named and (first, number) not in inside and bench.turns.are_near(first, number):
                found.append((first, number))
    return found


def _cause(bench: Bench, value: Any, base: Any, first: int, last: int) -> Cause:
    """What is wrong with a step: nothing is done, only the diagonal is there, or it is another function's."""
    if ratio(value, base) is not None:
        return Cause.MISSING_DERIVATIVE
    if np.size(value) <= few:
        diagonal = bench.truth.differences(first, last, diagonal=True) * base
        if ratio(value, diagonal) is not None:
            return Cause.MISSING_PATH
    return Cause.WRONG_DERIVATIVE
