"""What a number by which gradients are off is made of: a sign, twos, and counts of rows or outputs."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from maplet.health.audit.bench import Bench
from maplet.health.audit.causes import Cause


def explained(factor: float, bench: Bench) -> tuple[tuple[Cause, ...], dict[str, Any]] | None:
    """The causes for which a gradient is to be multiplied by a factor; None where it is no product of known numbers."""
    sign = (Cause.SIGN,) if factor < 0 else ()
    size, known = abs(factor), atoms(bench)
    for count in range(3):
        for chosen in combinations_with_replacement(known, count):
            if abs(np.prod([value for value, _, _ in chosen]) / size - 1) < 1e-6 and not _cancel(chosen):
                causes = (*sign, *dict.fromkeys(cause for _, cause, _ in chosen))
                return (causes, {"factor": factor, "counts": [name for _, _, name in chosen]}) if causes else None
    return None


def _cancel(chosen: tuple[Any, ...]) -> bool:
    values = [value for value, _, _ in chosen]
    return len(values) == 2 and abs(values[0] * values[1] - 1) < 1e-9


def atoms(bench: Bench) -> list[tuple[float, Cause, str]]:
    """Numbers that gradients are off by, the likeliest first."""
    run = bench.run
    behind = run.tape.ancestors([run.loss])
    counts: dict[int, str] = {}
    for name, number in run.inputs.items():
        value = run.value(number)
        if number not in bench.truth.wrt and number in behind and np.ndim(value) and value.shape[0] > 1:
            counts.setdefault(value.shape[0], f"rows of {name}")
    for call in bench.calls[: run.loss + 1]:
        if call.kind in ("mean", "sum", "reduce") and call.number in behind and call.operands:
            shape = np.shape(run.value(call.operands[0]))
            for length in (int(np.prod(shape)), *shape):
                if length > 1:
                    counts.setdefault(length, f"elements of {run.names.get(call.operands[0], 'what is averaged')}")
    for name, number in run.inputs.items():
        if number not in bench.truth.wrt and number in behind:
            for length in np.shape(run.value(number))[1:]:
                counts.setdefault(length, f"a row of {name}")
    found: list[tuple[float, Cause, str]] = [(2.0, Cause.FACTOR, "2"), (0.5, Cause.FACTOR, "1/2")]
    for count, name in counts.items():
        if count > 2:
            found += [(1 / count, Cause.MISSING_MEAN, name), (float(count), Cause.EXTRA_MEAN, name)]
    for call in bench.calls[: run.loss + 1]:
        if call.kind in ("multiply", "divide", "power") and call.number in behind:
            for arg in call.args:
                value = run.value(arg.number) if hasattr(arg, "number") else arg
                plain = isinstance(value, int | float | np.ndarray | np.generic) and np.size(value) == 1
                number = abs(float(np.asarray(value).reshape(()))) if plain else 0.0
                if number not in (0.0, 1.0) and not any(abs(number - other) < 1e-12 for other, _, _ in found):
                    found += [(number, Cause.FACTOR, f"{number:g}"), (1 / number, Cause.FACTOR, f"1/{number:g}")]
    return found
