"""Which of several numbers is the loss that a script trains on."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.numbers import agrees, cosine, ratio
from maplet.health.audit.program.calling import Run
from maplet.health.audit.program.tape import Recorded, Ref, filled
from maplet.health.audit.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.health.audit.program.tape import Tape
    from maplet.health.audit.scripts.places import Reading
    from maplet.health.audit.scripts.turn import Seen, Turn

most = 8  # numbers that are tried


class Loss(NamedTuple):
    """The loss: its call, its derivatives, its name, and how many gradients are a multiple of what it says."""

    number: int
    truth: Truth
    is_named: bool
    name: str = ""
    fits: int = 0


def chosen(turn: Turn, readings: Sequence[Reading]) -> Loss:
    """The number whose gradients are most like those of the script, among those that may be the loss."""
    named = any(seen.name for seen in turn.losses)
    tried = [_tried(turn, number, readings, is_named=named) for number in _candidates(turn)[-most:]]
    likeness, loss = max(tried, key=lambda each: each[0])
    names = {seen.number: seen.name or turn.names.get(seen.number, "") for seen in turn.losses}
    return loss._replace(fits=likeness[0], name=names.get(loss.number, turn.losses[-1].name))


def turned(turn: Turn, loss: Loss, readings: Sequence[Reading]) -> Loss:
    """The opposite of what steps are to make larger, such as a likelihood: a loss that they make less."""
    opposite = turn.tape.call(np.negative, (Recorded(turn.tape, loss.number),), {})
    turn.tape.calls[opposite.number].lines = turn.tape.calls[loss.number].lines
    _, found = _tried(turn, opposite.number, readings, is_named=loss.is_named)
    return found._replace(name=loss.name, fits=loss.fits)


def rewound(tape: Tape, loss: int, news: Mapping[int, int]) -> int:
    """The loss with parameters as they were before their update, old by new, wherever it reads them."""
    behind, moved = tape.ancestors([loss]), dict(news)
    for number in sorted(n for n in behind if n > min(news) and n not in news):
        call = tape.calls[number]
        if moved.keys().isdisjoint(call.operands):
            continue

        def before(ref: Ref) -> Any:
            return Recorded(tape, moved.get(ref.number, ref.number))

        assert call.function is not None  # noqa: S101  (what is entered has no operands)
        args, kwargs = filled(call.args, before), {key: filled(value, before) for key, value in call.kwargs.items()}
        moved[number] = tape.call(call.function, args, kwargs).number
        tape.calls[moved[number]].lines = call.lines
    return moved.get(loss, loss)


def _candidates(turn: Turn) -> list[int]:
    """What depends on most parameters, has a name, is no sum over an epoch, and in which no other goes on."""
    olds = {u.old for u in turn.updates}
    behind = {seen: turn.tape.ancestors([seen.number]) for seen in turn.losses}

    def rank(seen: Seen) -> tuple[int, ...]:
        return len(olds & behind[seen]), bool(seen.name), not seen.added, seen.number >= turn.begin

    best = max(map(rank, behind))
    group = {seen.number: seen for seen in behind if rank(seen) == best}
    last = [n for n in group if not any(n in behind[other] for other in group.values() if other.number != n)]
    several = [n for n in last if group[n].name == group[last[-1]].name]
    return sorted(last) + (_together(turn.tape, several) if len(several) > 1 else [])


def _together(tape: Tape, several: Sequence[int]) -> list[int]:
    """The losses of several parts of a batch, as one: their mean, and their sum."""
    total = Recorded(tape, several[0])
    for number in several[1:]:
        total = tape.call(np.add, (total, Recorded(tape, number)), {})
    mean = tape.call(np.divide, (total, len(several)), {})
    return [mean.number, total.number]


def _tried(
    turn: Turn, number: int, readings: Sequence[Reading], *, is_named: bool
) -> tuple[tuple[int, int, float], Loss]:
    """How like its gradients those of the script are: multiples, the same, and the mean cosine."""
    tape, floor = turn.tape, turn.floor(number)
    run = Run(tape, number, {r.update.name: r.update.old for r in readings})
    run.gradients = dict.fromkeys(run.inputs)
    run.floor = floor
    truth = Truth(run)
    multiples = same = 0
    alone: list[float] = []  # what one number is a multiple of says nothing, unless several agree
    cosines: list[float] = []
    for reading in readings:
        right = truth.cotangents[reading.update.old]
        values = _values(tape, reading)
        factors = [factor for value in values if (factor := ratio(value, right))]
        if np.size(right) == 1:
            alone += [abs(factor) for factor in factors[:1]]
        else:
            multiples += bool(factors)
        same += any(agrees(value, right, 1e-6) for value in values)
        cosines += [max((cosine(value, right) for value in values), default=0.0)]
    if len(alone) > 1 and max(alone) - min(alone) < 1e-6 * max(alone):
        multiples += len(alone)
    return (multiples, same, float(np.mean(cosines))), Loss(number, truth, is_named)


def _values(tape: Tape, reading: Reading) -> list[Any]:
    """What the gradient may be, in the shape of the parameter."""
    old, new = (np.asarray(tape.values[n]) for n in (reading.update.old, reading.update.new))
    plain = [p for part in reading.parts if part.entries is None for p in part.places]
    several = [np.asarray(tape.values[place.number]) for place in plain]
    return [old - new, *(value.reshape(old.shape) for value in several if value.size == old.size)]


def elsewhere(turn: Turn, loss: Loss, readings: Sequence[Reading]) -> Mapping[str, str]:
    """The parameters that this loss says nothing about, and why: none leads to it, or another one is behind the update.

    Where nets are trained in turns, the loss of the second is computed from the first as it is after its update.
    """
    behind, news = turn.tape.ancestors([loss.number]), {r.update.new for r in readings}
    others = set[int]()
    for number in turn.later:
        reached = set(news)
        for each in sorted(turn.tape.ancestors([number])):
            if not reached.isdisjoint(turn.tape.calls[each].operands):
                reached.add(each)
        others |= reached - news
    found: dict[str, str] = {}
    for reading in readings:
        if reading.update.old not in behind:
            found[reading.update.name] = "no loss"
        elif not others.isdisjoint(turn.tape.ancestors([reading.update.new])):
            found[reading.update.name] = "another loss"
    return found
