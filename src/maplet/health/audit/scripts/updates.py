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
from dataclasses import dataclass, field
from math import isnan, nan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.methods import add_at, getitem, setitem
from maplet.health.audit.numbers import alike
from maplet.health.audit.tape import Recorded, Ref, filled
from maplet.health.audit.truth import elementwise

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from maplet.health.audit.scripts.instrument import Statement
    from maplet.health.audit.scripts.witness import Turn, Update
    from maplet.health.audit.tape import Call, Tape

limits = frozenset(["clip", "sign", "maximum", "minimum", "fmax", "fmin", "nan_to_num"])
keyed = frozenset(["getitem", "setitem", "add_at", "take"])
is_step = re.compile(r"(^|[._])(step|update|change|velocity|increment)", re.IGNORECASE)


class Place(NamedTuple):
    """A value that an update is made of.

    Parameters
    ----------
    number
        The call that gives it.
    by
        The number that the update takes it away with, below 0 where it adds; not a number where it is no multiple.
    """

    number: int
    by: float


@dataclass
class Part:
    """What is taken away from a parameter, or from some of its entries.

    Parameters
    ----------
    places
        Where the gradient may be, the one next to the update first.
    entries
        The call that writes into the parameter, where it does not write all of it.
    """

    places: list[Place]
    entries: Call | None = None

    def spread(self, tape: Tape, gradient: Recorded, shape: tuple[int, ...]) -> Recorded:
        """The gradient of the whole parameter: 0 where nothing is written."""
        if self.entries is None:
            return gradient
        function, args = self._writing(gradient, shape, lambda ref: Recorded(tape, ref.number))
        found: Recorded = tape.call(function, args, {})
        tape.calls[found.number].lines = tape.calls[gradient.number].lines
        return found

    def value(self, tape: Tape, gradient: Any, shape: tuple[int, ...]) -> Any:
        """The same of plain numbers."""
        if self.entries is None:
            return gradient
        function, args = self._writing(gradient, shape, lambda ref: tape.values[ref.number])
        return function(*args)

    def _writing(self, gradient: Any, shape: tuple[int, ...], one: Callable[[Ref], Any]) -> tuple[Any, Any]:
        assert self.entries is not None  # noqa: S101  (asked before)
        zeros = np.zeros(shape)
        if self.entries.kind == "add_at":
            return add_at, (np.add, zeros, filled(self.entries.args[2], one), gradient)
        return setitem, (zeros, filled(self.entries.args[1], one), gradient)


@dataclass
class Reading:
    """What was read of one update.

    Parameters
    ----------
    update
        The update.
    parts
        What it takes away; several where it is made in several steps of some entries each.
    statements
        The lines of the update, of what the optimizer does, and of steps that have a name.
    keeps
        Whether an optimizer's state has a part in it.
    penalised
        Whether the loss has a part that knows of the parameter alone.
    """

    update: Update
    parts: list[Part] = field(default_factory=list[Part])
    statements: list[Statement] = field(default_factory=list["Statement"])
    keeps: bool = False
    penalised: bool = False

    @property
    def is_read(self) -> bool:
        """Whether a place was found for every part."""
        return bool(self.parts) and all(part.places for part in self.parts)

    @property
    def is_multiple(self) -> bool:
        """Whether the update is a multiple of its gradient."""
        return all(not isnan(part.places[-1].by) for part in self.parts)


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

    def _has_more(self, call: Call) -> bool:
        """Whether a sum has a number or data in it."""
        return any(not isinstance(arg, Ref) and np.any(arg) for arg in call.args)

    def _has_data(self, call: Call) -> bool:
        if call.kind in keyed:
            return False
        return any(isinstance(arg, np.ndarray) and arg.size > 1 for arg in call.args)

    def _stateful(self) -> set[int]:
        """What an optimizer's state has a part in."""
        found = {
            n for n in self.reader.turn.state if n in self.pure and n not in self.reader.behind and n not in self.old
        }
        for number in self.cone:
            if not found.isdisjoint(self.tape.calls[number].operands):
                found.add(number)
        return found

    # ── the way back ─────────────────────────────────────────────────────────────────────────────

    def parts(self) -> list[Part] | None:
        """What is taken away; None where it is not clear."""
        pending, own, found = {self.new: 1.0}, Part([]), list[Part]()
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
            if alone and number != self.new and self._fits(np.shape(call.value)):
                own.places.append(Place(number, -by))
            statement = self.reader.statement(number)
            inside = statement in zone or number in self.stateful or self._is_a_step(number, statement)
            if inside and statement not in zone:
                zone.append(statement)
            operands = self._operands(call, inside=inside)
            if operands is None:
                break
            for operand, factor in operands:
                pending[operand] = pending.get(operand, 0.0) + by * factor
        if own.places:
            found.append(own)
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

    def _is_a_step(self, number: int, statement: Statement | None) -> bool:
        """Whether a value is a step that was given a name, and no gradient yet."""
        name = self.reader.turn.names.get(number, "")
        return self.reader.has_a_rate(statement) or is_step.search(name) is not None

    def _written(self, call: Call) -> tuple[int, Part | None] | None:
        """What some entries of a parameter are written into, and what is taken away from them."""
        if call.kind == "add_at":
            return self._added(call)
        if call.kind != "setitem" or not isinstance(call.args[0], Ref):
            return None
        base, key, value = call.args[0].number, call.args[1], call.args[2]
        if isinstance(value, Ref) and _is_everything(key):
            return value.number, None
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

    def _operands(self, call: Call, *, inside: bool) -> list[tuple[int, float]] | None:
        """What a call is made of, each with its factor; None where it is no step of an optimizer."""
        refs = [arg.number for arg in call.args if isinstance(arg, Ref)]
        impure = [n for n in call.operands if n not in self.pure]
        whole = [n for n in impure if np.size(self.tape.values[n]) == np.size(call.value)]
        if np.shape(call.value) == self.shape:
            whole = [n for n in impure if self._fits(np.shape(self.tape.values[n]))]
        if inside and call.kind in ("add", "subtract") and len(whole) == len(impure) and not self._has_more(call):
            signs = (1.0, 1.0 if call.kind == "add" else -1.0)
            return [(a.number, sign) for a, sign in zip(call.args, signs, strict=False) if isinstance(a, Ref)]
        if inside and call.kind in ("negative", "positive"):
            return [(call.operands[0], -1.0 if call.kind == "negative" else 1.0)]
        if call.kind in ("multiply", "divide") and refs and len(call.args) == 2:
            found = self._multiplied(call, impure, whole, inside=inside)
            if found is not None:
                return found
        if call.kind in limits and impure == refs[:1]:
            return [(impure[0], nan if call.kind == "sign" else 1.0)]
        optimizing = call.number in self.stateful or (inside and self.new in self.stateful)
        if optimizing and call.kind in elementwise and len(whole) == len(impure):
            return [(n, nan) for n in impure]
        return None

    def _multiplied(
        self, call: Call, impure: list[int], whole: list[int], *, inside: bool
    ) -> list[tuple[int, float]] | None:
        if len(impure) == 1 and len(whole) == 1 and inside:
            own = next(n for n, arg in enumerate(call.args) if isinstance(arg, Ref) and arg.number == impure[0])
            other = self._number(call.args[1 - own])
            if other is None or not other or (call.kind == "divide" and own == 1):
                return None
            return [(impure[0], 1 / other if call.kind == "divide" else other)]
        masks = [n for n in impure if inside and n not in self.reader.active and _is_mask(self.tape.values[n])]
        if len(impure) == 2 and len(masks) == 1 and call.kind == "multiply":
            return [(next(n for n in impure if n not in masks), 1.0)]
        scalars = [n for n in impure if np.size(self.tape.values[n]) == 1]
        if len(whole) == 1 and len(impure) == 2 and len(scalars) == 1 and np.size(call.value) > 1:
            behind = self.tape.ancestors(scalars)
            if whole[0] in behind or (inside and not self.old.isdisjoint(behind)):  # by its norm; by the loss
                return [(whole[0], nan)]
        return None

    def _number(self, arg: Any) -> float | None:
        value = self.tape.values[arg.number] if isinstance(arg, Ref) else arg
        plain = isinstance(value, int | float | np.ndarray | np.generic) and np.size(value) == 1
        return float(np.asarray(value).reshape(())) if plain else None


def _is_mask(value: Any) -> bool:
    """Whether an array chooses entries."""
    return np.size(value) > 1 and bool(np.all((value == 0) | (value == 1)))


def _is_everything(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return all(part is Ellipsis or (isinstance(part, slice) and part == slice(None)) for part in parts)


def _reads(call: Call, base: int, key: Any) -> bool:
    """Whether a call reads the same entries of the same array."""
    return call.function is getitem and call.args[0] == Ref(base) and _same(call.args[1], key)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and alike(a, b)
    return type(a) is type(b) and a == b
