"""What a number by which gradients are off is made of: a sign, twos, and counts of rows or outputs."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from itertools import combinations, combinations_with_replacement
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.program.tape import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maplet.health.audit.edits.bench import Bench

Count = tuple[str, str]
"""Where a number comes from: a key of `words`, and the name that goes into it."""


class Atom(NamedTuple):
    """A number that gradients are off by: what that would mean, and where the number comes from.

    One that the program computes from its data, such as a sum of weights, is another number for other data; `number`
    is the call that gives it, and `power` is 1 or -1.
    """

    value: float
    cause: Cause
    source: Count
    number: int | None = None
    power: int = 1

    def of(self, bench: Bench) -> float:
        """The number in a run."""
        return self.value if self.number is None else float(np.sum(bench.run.value(self.number))) ** self.power


def explained(factor: float, bench: Bench) -> tuple[tuple[Cause, ...], dict[str, Any]] | None:
    """The causes for which a gradient is to be multiplied by a factor; None where it is no product of known numbers."""
    sign = (Cause.SIGN,) if factor < 0 else ()
    size, known = abs(factor), bench.atoms
    for count in range(3):
        for chosen in combinations_with_replacement(known, count):
            if abs(np.prod([atom.value for atom in chosen]) / size - 1) < 1e-6 and not _cancel(chosen):
                causes = (*sign, *dict.fromkeys(atom.cause for atom in chosen))
                counts = [(atom.value, *atom.source) for atom in chosen]
                return (causes, {"factor": factor, "counts": counts, "atoms": chosen}) if causes else None
    return None


def _cancel(chosen: tuple[Atom, ...]) -> bool:
    return len(chosen) == 2 and abs(chosen[0].value * chosen[1].value - 1) < 1e-9


def atoms(bench: Bench) -> list[Atom]:
    """Numbers that gradients are off by, the likeliest first."""
    found = [Atom(2.0, Cause.FACTOR, ("number", "2")), Atom(0.5, Cause.FACTOR, ("number", "1/2"))]
    averaged, other = _counts(bench)
    constants = _constants(bench)
    # A number with a point, such as a temperature of 3.0, is seldom how many of something there are.
    named = [atom for atom in constants if atom.cause is Cause.FACTOR and atom.source[1].startswith("constant")]
    for several in (_means(averaged), named, _means(other), constants):
        found += [atom for atom in several if not any(abs(atom.value / known.value - 1) < 1e-12 for known in found)]
    return found


def _means(counts: Mapping[int, Count]) -> list[Atom]:
    found: list[Atom] = []
    for count, source in counts.items():
        if count > 2:
            found += [Atom(1 / count, Cause.MISSING_MEAN, source), Atom(float(count), Cause.EXTRA_MEAN, source)]
    return found


def _constants(bench: Bench) -> list[Atom]:
    """The single numbers that the loss multiplies with or divides by; one that is computed from data is a count."""
    run, behind, active = bench.run, bench.run.tape.ancestors([bench.run.loss]), set(bench.truth.active)
    found: list[Atom] = []
    for call in bench.calls[: run.loss + 1]:
        for arg in call.args if call.kind in ("multiply", "divide", "power") and call.number in behind else ():
            number = _constant(run.value(arg.number) if isinstance(arg, Ref) else arg)
            if number in (0.0, 1.0):
                continue
            if isinstance(arg, Ref) and bench.calls[arg.number].function is not None:
                of = ("elements", run.names.get(arg.number, ""))
                if arg.number not in active:
                    found.append(Atom(1 / number, Cause.MISSING_MEAN, of, arg.number, -1))
                    found.append(Atom(number, Cause.EXTRA_MEAN, of, arg.number))
            else:
                kind = "constant" if number > 1 and not isinstance(arg, int | np.integer) else ""
                found.append(Atom(number, Cause.FACTOR, ("number", f"{kind} {number:g}")))
                found.append(Atom(1 / number, Cause.FACTOR, ("number", f"{kind} 1/{number:g}")))
    return found


def _constant(value: Any) -> float:
    """The size of a number that stands alone; 0 of anything else."""
    alone = isinstance(value, int | float | np.ndarray | np.generic) and np.size(value) == 1
    return abs(float(np.asarray(value).reshape(()))) if alone else 0.0


def _counts(bench: Bench) -> tuple[dict[int, Count], dict[int, Count]]:
    """What a mean may go over: rows of the data and what the loss averages; then other sums and axes."""
    run = bench.run
    behind = run.tape.ancestors([run.loss])
    data = {name: np.shape(run.value(n)) for name, n in run.inputs.items() if n not in bench.truth.wrt and n in behind}
    averaged: dict[int, Count] = {}
    other: dict[int, Count] = {}
    for name, shape in data.items():
        if shape:
            averaged.setdefault(shape[0], ("rows", name))
    for call in bench.calls[: run.loss + 1]:
        by = call.args[1] if call.kind == "divide" and call.number in behind else None
        if isinstance(by, int | np.integer) and by in bench.turns.counts:
            averaged.setdefault(int(by), ("turns", ""))
        if call.kind in ("mean", "sum", "reduce") and call.number in behind and call.operands:
            shape = np.shape(run.value(call.operands[0]))
            name = run.names.get(call.operands[0], "")
            added = int(np.prod(shape)) // max(np.size(run.value(call.number)), 1)
            (averaged if call.kind == "mean" else other).setdefault(added, counted(added, shape, name))
            for length in (int(np.prod(shape)), *shape, *_products(shape)):
                other.setdefault(length, counted(length, shape, name))
    for name, shape in data.items():
        for length in shape[1:]:
            other.setdefault(length, ("row", name))
    for count in bench.turns.counts:
        other.setdefault(count, ("turns", ""))
    return averaged, other


def counted(length: int, shape: tuple[int, ...], name: str) -> Count:
    """What a length is, of an array of a shape: all elements, the rows, another axis."""
    if length == prod(shape) or length not in shape:
        return "elements", name
    return ("rows" if length == shape[0] else "row"), name


def _products(shape: tuple[int, ...]) -> list[int]:
    """How many elements some of the axes hold together."""
    return [prod(axes) for count in range(2, min(len(shape), 4)) for axes in combinations(shape, count)]
