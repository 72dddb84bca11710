"""Runs on other random inputs, on which a verdict is confirmed."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.fresh import fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.health.audit.edits.bench import Bench

others = 2  # how many random inputs besides the given ones
tries = 8  # how many are drawn for one that can be used
little = (0.1, 0.1, 0.01, 0.001)  # by which part of it parameters move that cannot move more


def confirming(
    here: Bench,
    bench: Callable[[Any], Bench],
    draw: Callable[[Callable[..., Any]], Any],
    *,
    smaller: Sequence[float] = (),
) -> list[Bench]:
    """Runs on other random inputs, as many as there can be; at last by ``smaller`` parts of how far they would go."""
    found = (usable(here, lambda move: bench(draw(move)), smaller) for _ in range(others))
    return [each for each in found if each is not None]


def usable(here: Bench, draw: Callable[[Callable[..., Any]], Bench], smaller: Sequence[float]) -> Bench | None:
    """A run on other inputs that makes the same calls, with a loss that is smooth there.

    Edits speak of calls by number. Labels in another order may take other branches; and a probability may be 0 or 1 up
    to rounding on numbers that are too large. If need be labels stay as they are, and then all the data: a program may
    ask for what no others are. Where the parameters move by little, what is the largest stays the largest.
    """
    moves = [partial(fresh, labels=True)] * (tries // 2) + [partial(fresh, labels=False)] * (tries // 2)
    last: Bench | None = None
    for move in [*moves, *[partial(fresh, data=False, by=by) for by in (*[1.0] * (tries // 4), *smaller)]]:
        bench = if_it_runs(lambda move=move: draw(move))
        if bench is None or not np.isfinite(np.sum(bench.run.value(bench.run.loss))):
            continue
        if bench.truth.is_smooth or not here.truth.is_smooth:
            last = bench
        if bench.truth.is_smooth and _steps(bench) == _steps(here):
            return bench
    return last


def if_it_runs(make: Callable[[], Bench]) -> Bench | None:
    """A bench, if the user's program takes its inputs: it may ask for those that it was given."""
    try:
        return make()
    except (Exception, SystemExit):  # noqa: BLE001  (on the inputs given it runs)
        return None


def _steps(bench: Bench) -> list[Any]:
    return [(call.kind, call.lines) for call in bench.calls]
