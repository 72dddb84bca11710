"""Edits of a sign or a factor: what is a multiple of what is right."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.factors import Atom, explained
from maplet.health.audit.program.tape import Call, filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.edits.bench import Bench

few = 80  # calls, of which each is tried with every factor


def scaled(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """A gradient that is a multiple of the right one; or a term in a sum that is."""
    wanted = {round(f, 9): f for f in bench.ratios(values).values() if abs(f - 1) > 1e-6}
    reasons = {f: explained(f, bench) for f in wanted.values()}
    known = (Atom(-1.0, Cause.SIGN, ("", "")), *bench.atoms)
    terms = {ref for call in calls if call.kind in ("add", "subtract") for ref in call.operands}
    for call in calls:
        for factor, found in reasons.items():
            causes, detail = found or ((Cause.FACTOR,), {"factor": factor, "counts": []})
            yield multiplied(call, factor, causes, 0.6 + 0.4 * len(causes) if found else 6.0, detail)
        if call.number in terms or (len(calls) <= few and call.number in bench.linear):
            for atom in known:
                detail = {"factor": atom.value, "counts": [(atom.value, *atom.source)], "atoms": (atom,)}
                yield multiplied(call, atom.value, (atom.cause,), 1.5, detail)
        if call.kind in ("add", "subtract") and len(call.operands) == 2:
            for ref in (ref for ref in call.operands if ref < bench.run.begin and np.ndim(values[ref])):
                yield from (_term_multiplied(call, ref, atom) for atom in known)


def multiplied(call: Call, factor: float, causes: tuple[Cause, ...], cost: float, detail: dict[str, Any]) -> Edit:
    """A value times a number; or times what the program computes, where the number comes from that."""
    atoms_of_it: Sequence[Atom] = detail.get("atoms", ())
    if all(atom.number is None for atom in atoms_of_it):
        return Edit((call.number,), causes, cost, lambda _, v, n: v[n] * factor, detail)
    sign = np.sign(factor)
    return Edit(
        (call.number,), causes, cost, lambda bench, v, n: v[n] * sign * prod(a.of(bench) for a in atoms_of_it), detail
    )


def _term_multiplied(call: Call, ref: int, atom: Atom) -> Edit:
    """A value of the forward pass in a sum, such as the weights of a penalty, times a number."""

    def mend(bench: Bench, values: list[Any], number: int) -> Any:
        return bench.calls[number].compute(values, {ref: values[ref] * atom.of(bench)})

    detail = {"factor": atom.value, "counts": [(atom.value, *atom.source)], "of": ref}
    return Edit((call.number,), (atom.cause,), 1.5, mend, detail)


def turned_exponents(_bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``exp(s)`` for ``exp(-s)``."""
    for call in calls:
        if call.kind == "exp" and call.operands:

            def mend(bench: Bench, values: list[Any], number: int) -> Any:
                call = bench.calls[number]
                return call.compute(values, {call.operands[0]: -values[call.operands[0]]})

            yield Edit((call.number,), (Cause.SIGN,), 1.6, mend)


def opposite(_bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``y - p`` for ``p - y``; ``+`` for ``-``."""
    for call in calls:
        if call.kind == "subtract":
            yield Edit((call.number,), (Cause.SIGN,), 0.9, lambda _, v, n: -v[n])
        if call.kind in ("add", "subtract"):
            by = np.subtract if call.kind == "add" else np.add

            def other(bench: Bench, values: list[Any], number: int, by: Any = by) -> Any:
                return by(*filled(bench.calls[number].args, lambda ref: values[ref.number]))

            yield Edit((call.number,), (Cause.SIGN,), 1.4, other, {"term": True})


def climbing(bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``W += rate * dW``, where the gradient itself is right: one update, or all of them."""
    known = {call.number for call in calls}
    adding = [number for number in bench.run.adding if number in known]
    for numbers in ([tuple(adding)] if len(adding) > 1 else []) + [(number,) for number in adding]:
        yield Edit(numbers, (Cause.CLIMBS,), 0.85, lambda _, v, n: -v[n])
