"""An update of a parameter, read backwards from its last call: of which gradient it is made, and how.

A value is where the gradient may be if the update is a function of it, of the parameter itself and of what an optimizer
keeps, and of nothing else. Such places are met one after the other on the way back: ``lr * dW``, then ``dW``. Sums and
multiples are followed exactly; so momentum and decay need no rule of their own. Through what an optimizer makes of a
gradient besides (moments, norms, clipping) only the sign is followed.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.numbers import same_key
from maplet.health.audit.program.methods import getitem
from maplet.health.audit.program.tape import Ref
from maplet.health.audit.scripts.optimizers import passed
from maplet.health.audit.scripts.places import Part, Place, Reading

if TYPE_CHECKING:
    from collections.abc import Collection

    from maplet.health.audit.program.tape import Call
    from maplet.health.audit.scripts.instrument import Statement
    from maplet.health.audit.scripts.turn import Turn, Update

keyed = frozenset(["getitem", "setitem", "add_at", "take"])
is_step = re.compile(r"(^|[._])(step|update|change|velocity|increment)", re.IGNORECASE)


class Reader:
    """Reads the updates of a turn."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.tape = turn.tape
        self.behind = self.tape.ancestors([seen.number for seen in turn.losses])
        self.olds = {u.old for u in turn.updates}
        self.news = {u.new for u in turn.updates}
        self.active = set(self.olds)  # what a parameter goes into
        for call in self.tape.calls:
            if not self.active.isdisjoint(call.operands):
                self.active.add(call.number)

    def read(self, update: Update) -> Reading:
        """Where the gradient of an update may be."""
        found = Reading(update)
        walk = Walk(self, found, update.new, {update.old})
        parts = walk.parts()
        found.parts = parts if parts is not None else []
        return found

    def statement(self, number: int) -> Statement | None:
        """The statement in which a call stands."""
        lines = self.tape.calls[number].lines
        return self.turn.statement(lines[-1]) if lines else None

    def has_a_rate(self, statement: Statement | None) -> bool:
        """Whether a statement names a learning rate."""
        return statement is not None and not self.turn.rates.keys().isdisjoint(statement.names)


class Walk:
    """The way back from a new value to the old one."""

    def __init__(self, reader: Reader, reading: Reading, new: int, old: Collection[int]) -> None:
        self.reader = reader
        self.reading = reading
        self.tape = reader.tape
        self.new = new
        self.old = frozenset(old)
        self.shape = np.shape(self.tape.values[new])
        self.cone = sorted(self.tape.ancestors([new]))
        self.pure = self._pure()
        self.stateful = self._stateful()

    # ── what does not come from the loss ─────────────────────────────────────────────────────────

    def _pure(self) -> set[int]:
        """What is computed of the parameter itself, of an optimizer's state and of numbers alone."""
        found = set(self.old)
        for number in sorted({*self.cone, *self.reader.behind}):
            call = self.tape.calls[number]
            if number in found:
                continue
            if call.function is None:
                alone = np.ndim(call.value) == 0 or number not in self.reader.behind
                if alone and number not in self.reader.olds:
                    found.add(number)
            elif found.issuperset(call.operands) and not self._has_data(call):
                found.add(number)
        return found

    def _has_data(self, call: Call) -> bool:
        if call.kind in keyed:
            return False
        return any(isinstance(arg, np.ndarray) and arg.size > 1 for arg in call.args)

    def _stateful(self) -> set[int]:
        """What an optimizer's state has a part in."""
        found = {
            n for n in self.reader.turn.state if n in self.pure and n not in self.reader.behind and n not in self.old
        }
        found |= self._moments() | (self.reader.turn.kept.intersection(self.cone) - self.reader.behind)
        others = self.reader.news - {self.new, self.reading.update.new}  # parameters, which are no state
        for number in self.cone:
            if number not in others and not found.isdisjoint(self.tape.calls[number].operands):
                found.add(number)
        return found

    def _moments(self) -> set[int]:
        """Zeros from which this turn begins an optimizer's state: they go into the root that a step is divided by."""
        calls, backward = self.tape.calls, [n for n in self.cone if n not in self.reader.behind]
        zeros = {n for n in backward if calls[n].function is None and n in self.pure and self._is_empty(n)}
        found = set[int]()
        for number in backward if zeros else ():
            divisor = calls[number].args[1] if calls[number].kind == "divide" else None
            if isinstance(divisor, Ref) and np.shape(self.tape.values[divisor.number]) == self.shape:
                below = self.tape.ancestors([divisor.number])
                roots = [n for n in below.intersection(backward) if calls[n].kind == "sqrt"]
                if not zeros.isdisjoint(self.tape.ancestors(roots)):
                    found |= zeros & self.tape.ancestors([number])
        return found

    def _is_empty(self, number: int) -> bool:
        value = self.tape.values[number]
        return np.shape(value) == self.shape and np.size(value) > 1 and not np.any(value)

    # ── the way back ─────────────────────────────────────────────────────────────────────────────

    def parts(self) -> list[Part] | None:
        """What is taken away; None where it is not clear."""
        pending, whole, found, single = {self.new: 1.0}, Part([]), list[Part](), list[Place]()
        zone = [self.reader.statement(self.new)]
        while pending:
            number = max(pending)
            by = pending.pop(number)
            if number in self.pure:
                continue
            if number in self.reader.news - {self.new, self.reading.update.new}:  # one net follows another
                return None
            call = self.tape.calls[number]
            written = self._written(call) if np.shape(call.value) == self.shape else None
            if written is not None:
                base, part = written
                found += [part] if part is not None else []
                pending[base] = pending.get(base, 0.0) + by
                continue
            alone = self.pure.issuperset(pending)
            if alone and number != self.new and (self._fits(np.shape(call.value)) or self._is_one(call.value)):
                whole.places.append(Place(number, -by))
            elif alone and number != self.new and not np.shape(call.value):
                single.append(Place(number, -by))
            statement = self.reader.statement(number)
            inside = statement in zone or number in self.stateful or self._is_a_step(number, statement)
            if inside and statement not in zone:
                zone.append(statement)
            operands = passed(self, call, inside=inside)
            if operands is None:
                break
            for operand, factor in operands:
                pending[operand] = pending.get(operand, 0.0) + by * factor
        whole.places = whole.places or single  # one number for all entries, of a bias that is summed up too far
        if whole.places:
            found.append(whole)
        elif not found or not self.pure.issuperset(pending):
            return None
        self.reading.statements += [s for s in zone if s is not None and s not in self.reading.statements]
        self.reading.penalised = self.reading.penalised or any(
            n not in self.old and n in self.reader.behind and np.size(self.tape.values[n]) == 1 for n in self.pure
        )
        self.reading.keeps = self.reading.keeps or self.new in self.stateful
        return found

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a value may be a gradient: of the parameter's size; or it has given the parameter another shape."""
        old = np.shape(self.tape.values[min(self.old)])
        fits = len(shape) <= len(self.shape) and all(
            a in (1, b) for a, b in zip(shape[::-1], self.shape[::-1], strict=False)
        )
        return int(np.prod(shape)) == int(np.prod(self.shape)) or (old != self.shape and fits)

    def is_whole(self, number: int, call: Call) -> bool:
        """Whether an operand has the size of what is made of it."""
        value = self.tape.values[number]
        same = np.size(value) == np.size(call.value) or (call.number == self.new and not np.shape(value))
        fits = self._fits(np.shape(value)) or self._is_one(value)
        return same or (np.shape(call.value) == self.shape and fits)

    def _is_one(self, value: Any) -> bool:
        """Whether a value is one number with as many axes as the parameter: summed over all of them, by mistake."""
        return np.size(value) == 1 and np.ndim(value) == len(self.shape) > 0

    def _is_a_step(self, number: int, statement: Statement | None) -> bool:
        """Whether a value is a step that was given a name, and no gradient yet."""
        name = self.reader.turn.names.get(number, "")
        return self.reader.has_a_rate(statement) or is_step.search(name) is not None

    def _is_of_the_parameter(self, call: Call) -> bool:
        """Whether what is written into is the parameter, not a gradient that is gathered entry by entry."""
        while call.number not in self.old:
            bases = [arg.number for arg in call.args if isinstance(arg, Ref)]
            if not bases:
                return False
            call = self.tape.calls[bases[0]]
        return True

    def _written(self, call: Call) -> tuple[int, Part | None] | None:
        """What some entries of a parameter are written into, and what is taken away from them."""
        if call.kind == "add_at":
            return self._added(call) if self._is_of_the_parameter(call) else None
        if call.kind != "setitem" or not isinstance(call.args[0], Ref):
            return None
        base, key, value = call.args[0].number, call.args[1], call.args[2]
        if isinstance(value, Ref) and _is_everything(key):
            return value.number, None
        if not self._is_of_the_parameter(call):
            return None
        return base, self._entries(call, base, key, value.number) if isinstance(value, Ref) else None

    def _entries(self, call: Call, base: int, key: Any, value: int) -> Part | None:
        """What is taken away from some entries; None where nothing is that comes from the loss."""
        own = [n for n in self.cone if _reads(self.tape.calls[n], base, key)]
        walk = Walk(self.reader, self.reading, value, {*own, *self.old})
        if value in walk.pure:
            return None
        inner = walk.parts()
        is_one = inner is not None and len(inner) == 1 and inner[0].entries is None
        return Part(inner[0].places if inner is not None and is_one else [], call)

    def _added(self, call: Call) -> tuple[int, Part] | None:
        """The same of ``np.add.at``."""
        ufunc, base, _, value = call.args
        sign = {"add": -1.0, "subtract": 1.0}.get(getattr(ufunc, "__name__", ""))
        if sign is None or not isinstance(base, Ref) or not isinstance(value, Ref):
            return None
        walk = Walk(self.reader, self.reading, value.number, self.old)
        places = [Place(value.number, -1.0), *walk.places_of_a_value()]
        return base.number, Part([Place(n, -sign * by) for n, by in places], call)

    def places_of_a_value(self) -> list[Place]:
        """The places of a step that stands alone."""
        parts = self.parts()
        return parts[0].places if parts and parts[0].entries is None else []


def _is_everything(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return all(part is Ellipsis or (isinstance(part, slice) and part == slice(None)) for part in parts)


def _reads(call: Call, base: int, key: Any) -> bool:
    """Whether a call reads the same entries of the same array."""
    return call.function is getitem and call.args[0] == Ref(base) and same_key(call.args[1], key)
