"""Parameters that a script never updates: what stands beside those that it trains, and stays as it is.

Nothing says of an array that it is a parameter. It is taken for one if it is called like one; if the loss multiplies
by it or adds it, as it does with weights and biases and not with targets; and if the backward pass comes as far as the
step that it enters. A layer that is frozen on purpose is not reached, so nothing is said of it.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from maplet.health.audit.edits.bench import rearranging
from maplet.health.audit.edits.operands import contractions
from maplet.health.audit.numbers import alike, ratio
from maplet.health.audit.parameter_names import is_bias, is_weight, stem
from maplet.health.audit.program.calling import Run
from maplet.health.audit.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.scripts.losses import Loss
    from maplet.health.audit.scripts.places import Reading
    from maplet.health.audit.scripts.turn import Turn

is_kept = re.compile(
    r"(^|_)(true|target|old|prev|previous|best|init|start|frozen|fixed|teacher|ref|mean|avg|ema)(_|\d|$)"
)


def forgotten(turn: Turn, loss: Loss, readings: Sequence[Reading]) -> list[str]:
    """The names of parameters that no update changes, though their gradient is at hand."""
    updated = {reading.update.name for reading in readings}
    olds = [turn.tape.values[u.old] for u in turn.updates]
    behind = turn.tape.ancestors([loss.number])
    last = {path.rpartition(".")[2] for path in updated}
    found: dict[int, str] = {}
    for path, number in turn.still.items():
        is_kept_copy = is_kept.search(path) or any(alike(turn.tape.values[number], old) for old in olds)
        if number in behind and not is_kept_copy and path.rpartition(".")[2] not in turn.elsewhere - last:
            found.setdefault(number, path)
    return [path for number, path in found.items() if _is_within_reach(turn, loss, number, _roles(path, updated))]


def _roles(path: str, updated: set[str]) -> frozenset[str]:
    """What the loss does with a parameter: adds ``b1``, multiplies by ``W1``; either with ``A1`` beside an ``A2``."""
    name = path.rpartition(".")[2]
    beside = path[-1].isdigit() and stem(path) in set(map(stem, updated))
    adds = frozenset(["add"]) if beside or is_bias.search(name) else frozenset[str]()
    return adds | (contractions if beside or is_weight.search(name) else frozenset[str]())


def _is_within_reach(turn: Turn, loss: Loss, number: int, roles: frozenset[str]) -> bool:
    """Whether the loss multiplies by an array or adds it, and the derivative for what comes of it is computed."""
    if not roles:
        return False
    tape = turn.tape
    value = np.asarray(tape.values[number])
    if value.ndim == 2 and value.shape[0] == value.shape[1] and alike(value, value.T):  # a covariance, a graph
        return False
    run = Run(tape, loss.number, {"it": number})
    run.gradients, run.floor = {"it": None}, turn.floor(loss.number)
    truth = Truth(run)
    made = [c for c in _takers(turn, number, loss, roles) if c in truth.cotangents and not _is_target(turn, loss, c)]
    given = tape.values[turn.begin :]
    return any(np.ptp(truth.cotangents[c]) and any(ratio(v, truth.cotangents[c]) for v in given) for c in made)


def _takers(turn: Turn, number: int, loss: Loss, roles: frozenset[str]) -> Iterator[int]:
    """The products and sums of the loss that an array enters, turned round or not."""
    reached = {number}
    behind = turn.tape.ancestors([loss.number])
    for call in turn.tape.calls[turn.floor(loss.number) : loss.number + 1]:
        if call.number in behind and not reached.isdisjoint(call.operands):
            if call.kind in rearranging:
                reached.add(call.number)
            elif call.kind in roles:
                yield call.number


def _is_target(turn: Turn, loss: Loss, number: int) -> bool:
    """Whether a value is taken from what the parameters give: that of a net which is to be learned."""
    tape, reached = turn.tape, {number}
    active, behind = {u.old for u in turn.updates}, tape.ancestors([loss.number])
    for call in tape.calls[: loss.number + 1]:
        comes, joins = not active.isdisjoint(call.operands), not reached.isdisjoint(call.operands)
        if comes and (joins or call.number == number) and call.number in behind:
            return joins and call.kind == "subtract"
        active |= {call.number} if comes else set()
        reached |= {call.number} if joins else set()
    return False
