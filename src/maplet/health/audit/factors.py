"""What a number by which gradients are off is made of: a sign, twos, and counts of rows or outputs."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.tape import Ref

if TYPE_CHECKING:
    from maplet.health.audit.bench import Bench

Count = tuple[str, str]
"""Where a number comes from: a key of `words`, and the name that goes into it."""


def explained(factor: float, bench: Bench) -> tuple[tuple[Cause, ...], dict[str, Any]] | None:
    """The causes for which a gradient is to be multiplied by a factor; None where it is no product of known numbers."""
    sign = (Cause.SIGN,) if factor < 0 else ()
    size, known = abs(factor), atoms(bench)
    for count in range(3):
        for chosen in combinations_with_replacement(known, count):
            if abs(np.prod([value for value, _, _ in chosen]) / size - 1) < 1e-6 and not _cancel(chosen):
                causes = (*sign, *dict.fromkeys(cause for _, cause, _ in chosen))
                return (
                    (causes, {"factor": factor, "counts": [(value, *source) for value, _, source in chosen]})
                    if causes
                    else None
                )
    return None


def _cancel(chosen: tuple[Any, ...]) -> bool:
    values = [value for value, _, _ in chosen]
    return len(values) == 2 and abs(values[0] * values[1] - 1) < 1e-9


def atoms(bench: Bench) -> list[tuple[float, Cause, Count]]:
    """Numbers that gradients are off by, the likeliest first: (number, what it would mean, where it comes from)."""
    found: list[tuple[float, Cause, Count]] = [
        (2.0, Cause.FACTOR, ("number", "2")),
        (0.5, Cause.FACTOR, ("number", "1/2")),
    ]
    for count, source in _counts(bench).items():
        if count > 2:
            found += [(1 / count, Cause.MISSING_MEAN, source), (float(count), Cause.EXTRA_MEAN, source)]
    run, behind = bench.run, bench.run.tape.ancestors([bench.run.loss])
    for call in bench.calls[: run.loss + 1]:
        if call.kind in ("multiply", "divide", "power") and call.number in behind:
            for arg in call.args:
                number = _constant(run.value(arg.number) if isinstance(arg, Ref) else arg)
                if number not in (0.0, 1.0) and not any(abs(number - other) < 1e-12 for other, _, _ in found):
                    found.append((number, Cause.FACTOR, ("number", f"{number:g}")))
                    found.append((1 / number, Cause.FACTOR, ("number", f"1/{number:g}")))
    return found


def _constant(value: Any) -> float:
    """The size of a number that stands alone; 0 of anything else."""
    alone = isinstance(value, int | float | np.ndarray | np.generic) and np.size(value) == 1
    return abs(float(np.asarray(value).reshape(()))) if alone else 0.0


def _counts(bench: Bench) -> dict[int, Count]:
    """What a mean may go over: rows of the data, elements of what is averaged, other axes."""
    run = bench.run
    behind = run.tape.ancestors([run.loss])
    data = {name: np.shape(run.value(n)) for name, n in run.inputs.items() if n not in bench.truth.wrt and n in behind}
    found: dict[int, Count] = {}
    for name, shape in data.items():
        if shape:
            found.setdefault(shape[0], ("rows", name))
    for call in bench.calls[: run.loss + 1]:
        if call.kind in ("mean", "sum", "reduce") and call.number in behind and call.operands:
            shape = np.shape(run.value(call.operands[0]))
            added = int(np.prod(shape)) // max(np.size(run.value(call.number)), 1)
            for length in (added, int(np.prod(shape)), *shape):
                found.setdefault(length, ("elements", run.names.get(call.operands[0], "")))
    for name, shape in data.items():
        for length in shape[1:]:
            found.setdefault(length, ("row", name))
    return found
