"""What of an update is the learning rate, and what the gradient.

``W -= rate * dW`` says which is which. ``w -= 0.1 * 2 / n * X.T @ (p - y)`` does not: there what is written before the
gradient may belong to either, but it is one learning rate for all parameters. So several readings of all updates are
tried together, and the one is taken under which most of them are right, but for their sign.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import combinations, product
from math import isnan, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.numbers import agrees, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.scripts.losses import Loss
    from maplet.health.audit.scripts.places import Part, Place, Reading
    from maplet.health.audit.scripts.turn import Turn


close = 1e-9


class Choice(NamedTuple):
    """What is taken for the gradient of one parameter.

    Parameters
    ----------
    rate
        The learning rate.
    places
        The place of each part of the update; none where the whole update is taken.
    sign
        1 where it is the gradient of the loss, -1 where it is its opposite, else 0.
    decays
        Whether the update does something else besides.
    """

    rate: float
    places: tuple[Place, ...]
    sign: float
    decays: bool = False

    @property
    def is_right(self) -> bool:
        """Whether it is the gradient of the loss, but for its sign."""
        return self.sign != 0


class Rates:
    """The readings of all updates, and which of them is taken."""

    def __init__(self, turn: Turn, loss: Loss, readings: Sequence[Reading]) -> None:
        self.turn = turn
        self.loss = loss
        self.readings = readings
        self.free = 0.0  # a common factor that no line tells, where it is taken for the learning rate

    def chosen(self) -> dict[str, Choice]:
        """The choice for each parameter."""
        best: dict[str, Choice] = {}
        most = 0
        for rates in self._policies():
            found = {r.update.name: self._choice(r, rates[r.update.name]) for r in self.readings}
            right = sum(choice.is_right for choice in found.values())
            if right > most or not best:
                best, most = found, right
        common = self._common() if self._stands_alone else 0.0
        if most < len(self.readings) and common:
            best = {r.update.name: self._choice(r, common) for r in self.readings}
        rates = {float(f"{choice.rate:.9g}") for choice in best.values()}
        is_plain = all(r.is_multiple and not r.keeps for r in self.readings)
        if is_plain and len(rates) == 1 and self._stands_alone and not self._is_told(*rates):
            self.free = rates.pop()
        return best

    # ── what may be the rate ─────────────────────────────────────────────────────────────────────

    def _policies(self) -> Iterator[dict[str, float]]:
        """Learning rates of all parameters, the likeliest first."""
        whole = {r.update.name: self._whole(r) for r in self.readings}
        named = [{r.update.name: rate for r, rate in zip(self.readings, rates, strict=True)} for rates in self._named()]
        keeps = any(r.keeps for r in self.readings)
        told = [rates for rates in named if any(rates.values())]
        for rates in told if not keeps else [whole, *told]:
            yield {name: rate or whole[name] for name, rate in rates.items()}
        if not told:
            several = [
                c for r in self.readings for c in {*self._written(r), *([self._own(r)] if self._stands_alone else [])}
            ]
            for rate, _ in Counter(float(f"{c:.9g}") for c in several if c).most_common(12):
                yield dict.fromkeys(whole, rate)
        yield whole

    def _named(self) -> list[tuple[float, ...]]:
        """What the lines call a learning rate, 0 where they call nothing so; several where it has changed meanwhile."""
        found: list[tuple[float, ...]] = []
        for last in (-1, 0):
            each = [
                prod([self.turn.rates[name][last] for name in sorted(names)]) if names else 0.0
                for names in map(self._names, self.readings)
            ]
            if tuple(each) not in found:
                found.append(tuple(each))
        return found

    def _names(self, reading: Reading) -> set[str]:
        return {name for s in reading.statements for name in s.names} & self.turn.rates.keys()

    def _whole(self, reading: Reading) -> float:
        """All that stands before the gradient."""
        by = next((abs(part.places[-1].by) for part in reading.parts if part.places), 1.0)
        return 1.0 if isnan(by) or not by else by

    def _written(self, reading: Reading) -> list[float]:
        """The products of the numbers that the lines of an update write out or name, which are no whole numbers."""
        numbers = self.turn.numbers
        named = [numbers[name] for s in reading.statements for name in sorted(s.names & numbers.keys())]
        constants = [*(c for s in reading.statements for c in s.constants), *named][:6]
        several = [prod(some) for count in range(1, len(constants) + 1) for some in combinations(constants, count)]
        return [c for c in dict.fromkeys(several) if c != int(c)]

    def _own(self, reading: Reading) -> float:
        """The number by which an update would be right; 0 where there is none."""
        right = self.loss.truth.cotangents[reading.update.old]
        step = self._step(reading)
        by = ratio(right, step) if step.shape == right.shape else None
        return abs(by) if by else 0.0

    def _common(self) -> float:
        """The number by which all updates would be right, if it is one for all."""
        own = [self._own(reading) for reading in self.readings]
        return own[0] if own and all(own) and max(own) - min(own) <= 1e-6 * own[0] else 0.0

    def _is_told(self, rate: float) -> bool:
        """Whether some line says a learning rate, in a number or by name."""
        named = [value for rates in self._named() for value in rates]
        several = [*named, *(c for r in self.readings for c in self._written(r))]
        return any(abs(rate / c - 1) < 1e-6 for c in several if c)

    @cached_property
    def _stands_alone(self) -> bool:
        """Whether the derivation stands in the lines of the updates, and no step of it anywhere else."""
        turn, tape = self.turn, self.turn.tape
        forward = self._forward
        lines = {s.line for r in self.readings for s in r.statements}
        known = [tape.values[n] for n in forward]
        active = set(forward)
        for number in sorted(tape.ancestors([r.update.new for r in self.readings]) - forward):
            call = tape.calls[number]
            if not active.isdisjoint(call.operands):
                active.add(number)
            if number < turn.begin or number not in active or not call.lines:
                continue
            again = any(np.array_equal(call.value, other) for other in known)
            if turn.statement(call.lines[-1]).line not in lines and not again:
                return False
        return True

    # ── one parameter ────────────────────────────────────────────────────────────────────────────

    def _step(self, reading: Reading) -> Any:
        values = self.turn.tape.values
        return np.asarray(values[reading.update.old]) - np.asarray(values[reading.update.new])

    def _choice(self, reading: Reading, rate: float) -> Choice:
        """Of the places of an update, under a learning rate, the right one; else the one before which it stands."""
        several, whole = [part.places for part in reading.parts], self._step(reading) / rate
        if not reading.is_multiple or reading.keeps:
            whole = None
        ordered = [self._ordered(reading, places, rate) for places in several]
        for places in product(*ordered) if prod(map(len, several)) <= 64 else ():
            given = self._gradient(reading, places, rate)
            if sign := self._sign(reading, given):
                decays = whole is not None and not agrees(whole, given, 1e-6)
                return Choice(rate, places, sign, decays=decays)
        if whole is not None and (sign := self._sign(reading, whole)):  # with a decay that stands apart
            return Choice(rate, (), sign)
        if whole is not None and self._is_inside(reading, rate):
            return Choice(rate, (), 0)
        return Choice(rate, tuple(self._before(reading, part, rate) for part in reading.parts), 0)

    def _is_inside(self, reading: Reading, rate: float) -> bool:
        """Whether a learning rate that has a name stands before no place, as in ``(rate * X.T) @ d``."""
        before = any(abs(abs(place.by) / rate - 1) < close for part in reading.parts for place in part.places)
        told = (prod([self.turn.rates[name][last] for name in self._names(reading)]) for last in (-1, 0))
        return bool(self._names(reading)) and not before and any(abs(by / rate - 1) < close for by in told)

    def _ordered(self, reading: Reading, places: Sequence[Place], rate: float) -> list[Place]:
        """The places, those first before which the learning rate stands alone; with the decay, if the loss has one."""
        several = list(places) if reading.penalised else list(places)[::-1]
        return sorted(several, key=lambda place: (not abs(abs(place.by) / rate - 1) < close, place.by < 0))

    def _before(self, reading: Reading, part: Part, rate: float) -> Place:
        """The place that is taken where none is right."""
        last = part.places[-1]
        if isnan(last.by) and last.number in self._forward and len(part.places) > 1:  # x of (p - y) * x is none
            last = part.places[-2]
        if isnan(last.by):
            return last
        for by in (rate, abs(last.by)):
            first = self._ordered(reading, part.places, by)[0]
            if abs(abs(first.by) / by - 1) < close:
                return first
        return last

    @cached_property
    def _forward(self) -> set[int]:
        return self.turn.tape.ancestors([self.loss.number])

    def _gradient(self, reading: Reading, places: Sequence[Place], rate: float) -> Any:
        tape, shape = self.turn.tape, np.shape(self.turn.tape.values[reading.update.old])
        total: Any = 0.0
        for part, place in zip(reading.parts, places, strict=True):
            value = np.asarray(tape.values[place.number]) * (1.0 if isnan(place.by) else place.by / rate)
            total = total + part.value(tape, value, shape)
        return total

    def _sign(self, reading: Reading, given: Any) -> float:
        truth, old = self.loss.truth, reading.update.old
        rights = [right for right in (truth.cotangents[old], truth.without_small.get(old)) if right is not None]
        return next((sign for sign in (1.0, -1.0) if any(agrees(sign * given, right, 1e-6) for right in rights)), 0.0)
