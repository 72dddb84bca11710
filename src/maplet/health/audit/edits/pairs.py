"""Two faults on the way of one gradient, neither of which makes anything right as long as the other is there."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.edits.edit import Edit

likely = 1.6  # what an edit of two may cost
most_looked_at = 400
most_work = 1_000_000  # calls that are computed
most = 80


def one_of_two(first: Bench, others: Sequence[Bench], chosen: Sequence[Edit], edits: Sequence[Edit]) -> Edit | None:
    """Of the likeliest two edits that make a gradient right together the one that comes first; the other follows."""
    before = _right(first, chosen)
    unlike = _unlike(first, chosen, edits)
    count = min(most, int((2 * most_work / max(len(first.calls), 1)) ** 0.5))
    pairs = list(combinations(unlike[:count], 2))
    pairs.sort(key=lambda pair: pair[0].cost + pair[1].cost)
    best: tuple[int, float] = (0, np.inf)
    found: Edit | None = None
    for pair in pairs:
        cost = pair[0].cost + pair[1].cost
        if best[0] == len(first.outputs) - len(before) and cost > best[1]:
            break
        right = _right(first, [*chosen, *pair])
        gain = len(right) - len(before) if before <= right else 0
        if gain > best[0] and all(_right(other, [*chosen, *pair]) == right for other in others):
            best, found = (gain, cost), min(pair, key=lambda edit: edit.numbers)
    return found


def _right(bench: Bench, edits: Sequence[Edit]) -> frozenset[str]:
    values = bench.values(edits)
    return bench.right(values) if values is not None else frozenset()


def _unlike(bench: Bench, chosen: Sequence[Edit], edits: Sequence[Edit]) -> list[Edit]:
    """Of the edits that do the same to the wrong gradients the likeliest."""
    before = bench.values(chosen)
    assert before is not None  # noqa: S101  (they were tried)
    seen = {_gradients(bench, before)}
    found: list[Edit] = []
    cheap = sorted((edit for edit in edits if edit.cost <= likely), key=lambda edit: edit.cost)
    for edit in cheap[:most_looked_at]:
        values = bench.values([*chosen, edit])
        if values is not None and (gradients := _gradients(bench, values)) not in seen:
            seen.add(gradients)
            found.append(edit)
    return found


def _gradients(bench: Bench, values: Sequence[object]) -> bytes:
    """All gradients, rounded, as something that can be looked up."""
    parts = [np.asarray(values[o.number], np.float64).reshape(-1) for o in bench.outputs]
    scale = max((float(np.max(np.abs(part), initial=0.0)) for part in parts), default=1.0) or 1.0
    return b"".join(np.round(part / scale, 9).tobytes() + b"|" for part in parts)
