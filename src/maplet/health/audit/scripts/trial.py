"""The runs of a script that are judged: its first training turn, read, and the same on other inputs."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import GradientError
from maplet.health.audit.fresh import fresh
from maplet.health.audit.program.calling import Run
from maplet.health.audit.program.tape import Recorded, Tape
from maplet.health.audit.scripts.forgotten import forgotten
from maplet.health.audit.scripts.instrument import is_cost, is_gain
from maplet.health.audit.scripts.losses import chosen, elsewhere, turned
from maplet.health.audit.scripts.places import Reading
from maplet.health.audit.scripts.rates import Rates
from maplet.health.audit.scripts.rows import is_of_second_order, is_of_some_rows
from maplet.health.audit.scripts.updates import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.health.audit.scripts.places import Part, Place
    from maplet.health.audit.scripts.rates import Choice
    from maplet.health.audit.scripts.turn import Turn


class OtherBranchError(Exception):
    """With other inputs the script would have done something else than was recorded."""


class Trial:
    """A training turn with its loss and its gradients."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.tape = turn.tape
        self.unjudged: dict[str, str] = {}
        self.remarks: list[tuple[str, dict[str, Any]]] = []
        self.adding: list[int] = []
        self._require_rate()
        reader = Reader(turn)
        readings = [reader.read(update) for update in turn.updates]
        self.unjudged |= {r.update.name: "no gradient" for r in readings if not r.is_read and not self._is_average(r)}
        self.unjudged |= dict.fromkeys(self._shared(), "shared") | dict.fromkeys(turn.plain, "plain number")
        readings = self._some([r for r in readings if r.is_read and self.unjudged.get(r.update.name) != "shared"])
        self.loss = chosen(turn, readings)
        self.unjudged |= elsewhere(turn, self.loss, readings)
        self.readings = self._some([r for r in readings if r.update.name not in self.unjudged])
        self.shown = self.loss.number
        rates = Rates(turn, self.loss, self.readings)
        choices = rates.chosen()
        if is_gain(self.loss.name) and not all(choice.sign > 0 for choice in choices.values()):
            self.loss = turned(turn, self.loss, self.readings)
            rates = Rates(turn, self.loss, self.readings)
            choices = rates.chosen()
        self._require_comparable(choices)
        self._require_direction(choices)
        if rates.free:
            self.remarks.append(("rate", {"rate": f"{rates.free:.6g}"}))
        if any(choice.decays for choice in choices.values()):
            self.remarks.append(("besides", {}))
        # Where right updates add, as those of a likelihood do, or most of them do, one that takes away stands out.
        adding = [any(place.by < 0 for place in choice.places) for choice in choices.values()]
        right = any(adds and choice.sign > 0 for adds, choice in zip(adding, choices.values(), strict=True))
        self.adds = right or 2 * sum(adding) > len(adding) > sum(adding)
        self.given = {r.update.name: self._gradient(r, choices[r.update.name]).number for r in self.readings}
        self.unjudged |= dict.fromkeys(forgotten(turn, self.loss, self.readings), "forgotten")
        self.length = len(self.tape.calls)

    # ── what cannot be judged ────────────────────────────────────────────────────────────────────

    def _some(self, readings: list[Reading]) -> list[Reading]:
        if readings:
            return readings
        names = ", ".join(self.unjudged)
        if set(self.unjudged.values()) == {"shared"}:
            raise self._not_judged(
                f"{names} began as one array", "give each parameter an array of its own, with .copy()"
            )
        raise self._not_judged(f"of which gradient the update of {names} is made could not be told")

    def _shared(self) -> list[str]:
        """The parameters that began as one array: no derivative is that of one of them alone."""
        several = [u for u in self.turn.shared if not self._is_average(Reading(u))]
        olds = {u.old for u in several}
        return [u.name for u in (*self.turn.updates, *several) if u.old in olds]

    def _is_average(self, reading: Reading) -> bool:
        """Whether what changes is made of the parameters alone, as older weights that follow them are."""
        parameters = {n for update in self.turn.updates for n in (update.old, update.new)} - {reading.update.new}
        todo, found = [reading.update.new], set[int]()
        while todo:
            operands = [o for o in self.tape.calls[todo.pop()].operands if o not in found | parameters]
            found.update(operands)
            todo += operands
        return all(np.ndim(self.tape.values[n]) == 0 for n in found if self.tape.calls[n].function is None)

    def _not_judged(self, why: str, fix: str = "") -> GradientError:
        return GradientError(
            f"{Path(self.turn.file).name} is not judged: {why}",
            fix=fix or "write updates as W -= rate * dW, or audit its functions: FILE.py:forward FILE.py:backward",
        )

    def _require_rate(self) -> None:
        """That the updates move the parameters, and not to infinity, by a learning rate that is none."""
        rates = {name: values[-1] for name, values in self.turn.rates.items() if len(values)}
        stays = all(np.array_equal(self.tape.values[u.old], self.tape.values[u.new]) for u in self.turn.updates)
        if stays and not rates:
            why = "its update leaves the parameters as they were, as a learning rate of 0 does"
            raise self._not_judged(why, "give it a learning rate above 0")
        for name, rate in rates.items():
            if not isfinite(rate):
                raise self._not_judged(f"its learning rate {name} is {rate:g}", f"give {name} a number above 0")

    def _require_comparable(self, choices: dict[str, Choice]) -> None:
        """That the loss is the one whose gradient it is; where a gradient is right, it is."""
        if all(choice.is_right for choice in choices.values()):
            return
        cone = self.tape.ancestors([r.update.new for r in self.readings])
        behind = self.tape.ancestors([self.loss.number])
        if is_of_second_order(self.tape, cone - behind):
            raise self._not_judged("its update solves a system of equations, as methods of second order do")
        if self.loss.fits:
            return
        if not self.loss.is_named:
            raise self._not_judged("which number is its loss could not be told")
        if self.loss.number < self.turn.begin:
            raise self._not_judged("its loss was computed before the turn that updates")
        if is_of_some_rows(self.tape, cone - behind, behind, {r.update.old for r in self.readings}):
            raise self._not_judged("its gradient is that of some rows, its loss that of others")

    def _require_direction(self, choices: dict[str, Choice]) -> None:
        """That it is known whether the loss is to fall: right gradients that are added may make a likelihood larger."""
        if is_cost(self.loss.name):
            return
        name = self.loss.name or "its loss"
        falls = all(choice.sign > 0 for choice in choices.values())
        if is_gain(self.loss.name) and falls and self.loss.number == self.shown:
            raise self._not_judged(f"its updates go down {name}, which by its name is to grow")
        adds = all(place.by < 0 for choice in choices.values() for place in choice.places)
        if adds and all(choice.sign < 0 for choice in choices.values()) and self.loss.number == self.shown:
            raise self._not_judged(f"its updates climb, and whether {name} is to grow could not be told")

    # ── gradients ────────────────────────────────────────────────────────────────────────────────

    def _gradient(self, reading: Reading, choice: Choice) -> Recorded:
        """What is taken for the gradient of a parameter, as a call."""
        tape, old, new = self.tape, reading.update.old, reading.update.new
        lines = tape.calls[new].lines
        if not choice.places:
            step = tape.call(np.subtract, (Recorded(tape, old), Recorded(tape, new)), {})
            return self._times(step, 1 / choice.rate, lines)
        total: Recorded | None = None
        for part, place in zip(reading.parts, choice.places, strict=True):
            by = self._sign(reading, part, place) if isnan(place.by) else place.by / choice.rate
            one = self._times(Recorded(tape, place.number), by, lines)
            one = part.spread(tape, one, np.shape(tape.values[old]))
            if total is not None:
                one = tape.call(np.add, (total, one), {})
                tape.calls[one.number].lines = lines
            total = one
        assert total is not None  # noqa: S101  (a reading has parts)
        return total

    def _times(self, value: Recorded, by: float, lines: Any) -> Recorded:
        tape, own = self.tape, self.tape.calls[value.number].lines or lines
        if abs(abs(by) - 1) > 1e-9:
            value = tape.call(np.multiply, (value, abs(by)), {})
            tape.calls[value.number].lines = own
        if by < 0:  # what is added goes up, unless the gradient is turned round itself
            value = tape.call(np.negative, (value,), {})
        elif self.adds:
            value = tape.call(np.positive, (value,), {})
        if by < 0 or self.adds:
            tape.calls[value.number].lines = lines
            self.adding.append(value.number)
        return value

    def _sign(self, reading: Reading, part: Part, place: Place) -> float:
        """Whether an update goes down what it is made of: it is the other way round for the opposite."""
        values, new = self.tape.values, reading.update.new
        value = np.asarray(values[place.number])
        turned = np.asarray(self.tape.replay({place.number: -value})[new]) - np.asarray(values[new])
        whole = part.value(self.tape, value, turned.shape)
        return -1.0 if float(np.sum(turned * whole.reshape(turned.shape))) < 0 else 1.0

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def run(self, rng: np.random.Generator | None = None, move: Callable[..., dict[str, Any]] = fresh) -> Run:
        """The run, or the same on other random inputs."""
        tape = self._moved(rng, move) if rng is not None else self.tape
        found = Run(tape, self.loss.number, {r.update.name: r.update.old for r in self.readings})
        found.names = {**self.turn.names, **{r.update.old: r.update.name for r in self.readings}}
        found.gradients = {name: Recorded(tape, number) for name, number in self.given.items()}
        found.floor = self.turn.floor(self.loss.number)
        found.adding = tuple(self.adding)
        # A loss that is only printed is computed when the gradients are known: what leads to them alone is backward.
        backward = tape.ancestors(list(self.given.values())) - tape.ancestors([self.loss.number])
        made = (n for n in backward if n >= found.floor and tape.calls[n].function is not None)
        found.begin = min(made, default=self.length)
        return found

    def _moved(self, rng: np.random.Generator, move: Callable[..., dict[str, Any]]) -> Tape:
        """The same calls on other inputs."""
        parameters = {str(r.update.old) for r in self.readings}
        behind = self.tape.ancestors([self.loss.number])
        entered = {str(c.number): c.value for c in self.tape.calls if c.function is None and c.number in behind}
        entered |= {str(r.update.old): self.tape.values[r.update.old] for r in self.readings}
        moved = move(entered, parameters, rng)
        tape, values = self.tape.sibling(), self.tape.replay({int(name): value for name, value in moved.items()})
        if not self.tape.keeps_exits(values):
            raise OtherBranchError
        tape.values, tape.calls = values[: self.length], self.tape.calls[: self.length]
        return tape

    def losses(self) -> tuple[float, float]:
        """The loss before and after the update."""
        moved = {r.update.old: self.tape.values[r.update.new] for r in self.readings}
        before, after = self.tape.values[self.shown], self.tape.replay(moved)[self.shown]
        return float(np.sum(before)), float(np.sum(after))
