"""What is noted while a script runs: its losses, what its variables hold as loops turn, and the names of values."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import sys
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.program.copies import arrays_in, numbers_in
from maplet.health.audit.program.namespace import seen_as
from maplet.health.audit.program.tape import Recorded, Tape
from maplet.health.audit.scripts.losses import rewound
from maplet.health.audit.scripts.moving import is_rate
from maplet.health.audit.scripts.turn import Seen, Turn, Update

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from types import FrameType

    from maplet.health.audit.scripts.instrument import Instrumented


moving = frozenset(["getitem", "take", "concatenate", "reshape", "transpose", "permutation", "astype", "stack", "roll"])


few = 64  # entries of a list of numbers that are parameters
patience = 4  # how many times the calls up to its end are waited for the turn behind the one that is judged
inner = ("comp>", "<genexpr>")


class Stop(BaseException):
    """A turn of the training loop has changed the parameters."""


class Moment(NamedTuple):
    """How many calls, and how many words about losses, there are by then."""

    calls: int
    words: int


class Held(NamedTuple):
    """What the variables hold where a turn begins, and when that and its loop began."""

    turn: Moment
    loop: Moment
    numbers: Mapping[str, int]
    plain: Mapping[str, float]


class Ended(NamedTuple):
    """The turn that is judged: its loop, how many calls there were by its end, what variables held, what it began."""

    loop: int
    calls: int
    numbers: Mapping[str, int]
    begun: Mapping[str, int]


@dataclass
class Witness:
    """What is noted while the script runs."""

    file: str
    script: Instrumented
    tape: Tape = field(default_factory=Tape)
    names: dict[int, str] = field(default_factory=dict[int, str])
    rates: dict[str, list[float]] = field(default_factory=dict[str, "list[float]"])
    numbers: dict[str, float] = field(default_factory=dict[str, float])
    found: Turn | None = None
    _held: dict[int, Held] = field(default_factory=dict[int, Held])
    _begun: dict[str, int] = field(default_factory=dict[str, int])  # when the sum of each name was begun
    _ended: Ended | None = None
    _words: int = 0
    _seen: dict[Any, Seen] = field(default_factory=dict[Any, Seen])
    _behind: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    _reached: set[int] = field(default_factory=set[int])  # what leads to any loss

    def __post_init__(self) -> None:
        self.tape.copies = True

    @property
    def losses(self) -> list[Seen]:
        """What may be the loss, in order."""
        return list(self._seen.values())

    # ── what the script says ─────────────────────────────────────────────────────────────────────

    def namespace(self, found: Any) -> Any:
        """NumPy or `math`, or a function of theirs, as the script sees it."""
        return seen_as(found, self.tape)

    def number(self, value: Any, less: bool) -> Any:
        """A number that is updated later, such as ``b = 0``, or those in a list or dict; anything else as it is.

        A whole number is one only where it is made less; else it counts.
        """
        if type(value) is tuple:
            return tuple(self.number(one, less) for one in value)
        if type(value) in (list, dict, defaultdict, OrderedDict) and len(value) <= few:
            for key, one in list(value.items() if isinstance(value, dict) else enumerate(value)):
                value[key] = self.number(one, less)
        plain = type(value) is float or (less and type(value) is int) or isinstance(value, np.floating)
        return self.tape.enter(np.asarray(value, np.float64)) if plain else value

    def loss(self, name: str, value: Any, added: bool = False) -> Any:
        """A value that looks like the loss, or has no name and may be one; given on."""
        self._words += 1
        if self.found is not None:
            return value
        if name and not added:
            self._begun[name] = self._words
        one = value[0] if isinstance(value, tuple) and value else value
        if not name and self.script.names_a_loss:
            return value
        if isinstance(one, Recorded) and np.size(one.value) == 1 and _is_float(one.value):
            self._see(Seen(name, one.number, added))
            if 0 not in self._held:
                self._held[0] = Held(Moment(0, 0), Moment(0, 0), self._numbers(_of_caller()), {})
        return value

    def _see(self, seen: Seen, path: str = "") -> None:
        """Note a loss; of a sum, or a variable, the last that it was."""
        key = (seen.name, self._begun.get(seen.name, 0)) if seen.added else path or seen.number
        self._seen.pop(key, None)
        self._seen[key] = seen
        todo = [seen.number]
        while todo:
            number = todo.pop()
            if number not in self._reached:
                self._reached.add(number)
                todo += self.tape.calls[number].operands

    def turn(self, loop: int, *, over: bool = False) -> None:
        """A turn of a loop begins, or the loop is over; 0 is the script itself, from its first loss on."""
        self._turn(loop, _of_caller(), over=over)

    def turns(self, loop: int, items: Iterable[Any]) -> Iterator[Any]:
        """The same of a loop inside of an expression, ``[step(batch) for batch in batches]``."""
        calls = -1
        try:
            for item in items:
                if len(self.tape.calls) != calls:
                    self._turn(loop, _of_caller())
                    calls = len(self.tape.calls)
                yield item
            self._turn(loop, _of_caller(), over=True)
        finally:  # one that nobody goes on with is over, too
            self._held.pop(loop, None)

    def _turn(self, loop: int, variables: Mapping[str, Any], *, over: bool = False) -> None:
        if self.found is not None:
            self._turn_again(loop, variables)
            return
        before, moment = self._held.pop(loop, None), Moment(len(self.tape.calls), self._words)
        now = Held(moment, before.loop if before else moment, self._numbers(variables), _plain_numbers(variables))
        if before is None:
            self._note_rates(variables)
        else:
            self.found = self._changed(before, now)
            if self.found is not None:
                self._end(loop, variables, before, now)
        if not over:
            self._held[loop] = now

    def _end(self, loop: int, variables: Mapping[str, Any], before: Held, now: Held) -> None:
        """A turn has ended; what it has begun, in a variable that had no array before, the next one may go on with."""
        assert self.found is not None  # noqa: S101  (asked before)
        self.note(variables)
        turn, end = self.found, len(self.tape.calls)
        behind = self.tape.ancestors([u.new for u in turn.updates])
        new = {path: n for path, n in now.numbers.items() if path not in before.numbers}
        begun = {path: n for path, n in new.items() if before.turn.calls <= n and n in behind}
        if not begun or not loop:
            raise Stop
        turn.tape = self.tape.until(end)
        turn.names, turn.rates, turn.numbers = dict(self.names), _copied(self.rates), dict(self.numbers)
        self._ended = Ended(loop, end, now.numbers, begun)

    def _turn_again(self, loop: int, variables: Mapping[str, Any]) -> None:
        """What was begun and is gone on with, is kept by an optimizer: ``m`` of ``m = 0.9 * m + 0.1 * g``."""
        turn, ended = self.found, self._ended
        assert turn is not None  # noqa: S101  (asked before)
        assert ended is not None  # noqa: S101  (asked before)
        moved = self._numbers(variables) if loop == ended.loop else {}
        news = {u.new for u in turn.updates}
        if any(moved.get(path, number) != number for path, number in ended.numbers.items() if number in news):
            held = frozenset(ended.numbers.values())
            behind = {path: self._read(moved[path], held) for path in ended.begun if path in moved}
            turn.kept = frozenset(n for path, n in ended.begun.items() if moved.get(path) != n and n in behind[path])
            raise Stop
        if len(self.tape.calls) > patience * ended.calls:
            raise Stop

    def note(self, variables: Mapping[str, Any]) -> None:
        """What values are called, and what a learning rate is."""
        for name, array in arrays_in(_own(variables)):
            if isinstance(array, Recorded):
                self.names[array.number] = name.removeprefix("self.")
        self._note_rates(variables)

    def _note_rates(self, variables: Mapping[str, Any]) -> None:
        for name, value in numbers_in(_own(variables)):
            last = name.split(".")[-1]
            if value > 0 and value % 1:
                self.numbers[last] = value
            if not is_rate.search(last) or value <= 0:
                continue
            known = self.rates.setdefault(last, [])
            if value in known:
                known.remove(value)
            known.append(value)

    def _numbers(self, variables: Mapping[str, Any]) -> dict[str, int]:
        found = arrays_in(_own(variables))
        return {name: array.number for name, array in found if isinstance(array, Recorded) and _is_float(array.value)}

    # ── what was updated ─────────────────────────────────────────────────────────────────────────

    def _changed(self, before: Held, now: Held) -> Turn | None:
        """The turn that has just ended, if it has changed what a loss was computed from."""
        moved = {path: old for path, old in before.numbers.items() if now.numbers.get(path, old) != old}
        for path, number in now.numbers.items() if moved and not self.script.names_a_loss else ():
            alone = number >= before.turn.calls and not np.ndim(self.tape.values[number])
            if alone and number not in moved.values() and number not in self._seen:
                self._see(Seen("", number), path)
        losses = {seen.number for seen in self.losses if seen.name}
        changed = {
            old: (path, now.numbers[path])
            for path, old in sorted(moved.items(), key=lambda each: -len(each[0]))
            if old in self._reached and losses.isdisjoint((old, now.numbers[path]))
            if self._is_update(old, now.numbers[path])
        }
        if not changed:
            return None
        shared = [
            Update(path.removeprefix("self."), old, now.numbers[path])
            for path, old in moved.items()
            if old in changed and now.numbers[path] != changed[old][1] and self._is_update(old, now.numbers[path])
        ]
        behind = {seen: self._read(seen.number, changed) for seen in self.losses if seen.number not in changed}
        every = [
            Update(path.removeprefix("self."), old, new)
            for old, (path, new) in sorted(changed.items(), key=lambda each: each[1][1])
        ]
        found = [u for u in every if any(u.old in each and u.new not in each for each in behind.values())]
        if not found and (loss := self._half_updated(every, before.turn.calls)) is not None:
            found, behind = every, {loss: self._read(loss.number, changed)}
        found = [u for u in found if not self._is_velocity(u, found)]
        news = {u.new for u in found}
        candidates = [s for s, each in behind.items() if any(u.old in each for u in found) and each.isdisjoint(news)]
        begin = self._begin(found, before)
        if not candidates or begin is None or self._is_part(max(s.number for s in candidates), begin):
            return None
        still = {path: number for path, number in before.numbers.items() if now.numbers.get(path) == number}
        state = frozenset(before.numbers.values()) - {u.old for u in found} - frozenset(still.values())
        seen = [s._replace(added=s.added and self._begun.get(s.name, -1) <= begin.words) for s in candidates]
        later = [s.number for s, each in behind.items() if s.number >= begin.calls and not each.isdisjoint(news)]
        return Turn(
            self.file,
            self.tape,
            begin.calls,
            found,
            seen,
            later,
            state,
            {path.removeprefix("self."): number for path, number in still.items()},
            frozenset(self.script.moving),
            self.names,
            self.rates,
            self.numbers,
            self.script.statements,
            shared=shared,
            plain=self._plain(before, now, found),
        )

    def _plain(self, before: Held, now: Held, updates: Sequence[Update]) -> list[str]:
        """The parameters that were Python numbers before: what became an array by a step away from what it was."""
        behind = self._reached | self.tape.ancestors([u.new for u in updates])
        new = {path: n for path, n in now.numbers.items() if path in before.plain and path not in before.numbers}
        return [
            p.removeprefix("self.") for p, n in new.items() if n not in behind and self._is_step(n, before.plain[p])
        ]

    def _is_step(self, number: int, old: float) -> bool:
        """Whether a call takes something away from a number, which is no running mean of a loss."""
        call = self.tape.calls[number]
        from_it = call.kind == "subtract" and isinstance(call.args[0], int | float) and call.args[0] == old
        return from_it and self._ancestors(number).isdisjoint(seen.number for seen in self.losses)

    def _half_updated(self, updates: list[Update], begin: int) -> Seen | None:
        """A loss that was added up behind the updates, partly of the errors before them, as it was meant.

        ``e = R[u, i] - P[u] @ Q[i]``, a step of P and Q by a rate, then ``loss += e**2 + l2 * P[u] @ P[u]``: there the
        parameters stand as they were before the step.
        """
        seen = next((s for s in reversed(self.losses) if s.name and s.number >= begin), None)
        lines = [line for u in updates for line in self.tape.calls[u.new].lines[-1:]]
        steps = [self.script.statements[line.number] for line in lines if line.number in self.script.statements]
        if seen is None or not any(is_rate.search(name) for step in steps for name in step.names):
            return None
        news = {u.new: u.old for u in updates}
        inside = {n for n in self._read(seen.number, news) if n >= begin}
        if not {u.old for u in updates} <= {o for n in inside for o in self.tape.calls[n].operands}:
            return None
        return seen._replace(number=rewound(self.tape, seen.number, news))

    def _is_update(self, old: int, new: int) -> bool:
        """Whether a value comes of another by arithmetic; rows in another order do not.

        It has its shape, but for what broadcasting makes of a gradient of the wrong one.
        """
        shape = np.shape(self.tape.values[new])
        if not _goes_into(np.shape(self.tape.values[old]), shape):
            return False
        found, todo, computed = {new}, [new], False
        while todo:
            call = self.tape.calls[todo.pop()]
            between = [o for o in call.operands if o > old and o not in found]
            found.update(between)
            todo += between
            computed = computed or call.kind not in moving
        return computed and any(old in self.tape.calls[n].operands for n in found)

    def _begin(self, updates: list[Update], before: Held) -> Moment | None:
        """Where what leads to the updates begins: with the turn, or with the loop, where gradients add up over turns.

        None where the turn only updates (``for name in P: P[name] -= …``) and the gradients come from outside of it.
        """
        for moment in (before.turn, before.loop):
            if not any(self._comes_from_outside(update, moment.calls) for update in updates):
                return moment
        return None

    def _is_part(self, loss: int, begin: Moment) -> bool:
        """Whether the loss belongs to the turn of a loop around this one, which then is the one that trains."""
        return any(held.turn.calls <= loss < begin.calls for loop, held in self._held.items() if loop)

    def _is_velocity(self, update: Update, updates: Sequence[Update]) -> bool:
        """Whether a value goes into the loss only with a parameter, which it moves: the loss is taken a step ahead."""
        moved = {u.old for u in updates if u.old != update.old and update.new in self._ancestors(u.new)}
        losses = set[int]().union(*(self._ancestors(seen.number) for seen in self.losses)) if moved else set[int]()
        reached, found = {update.old}, False
        for number in sorted(n for n in losses if n > update.old):
            call = self.tape.calls[number]
            if reached.isdisjoint(call.operands):
                continue
            if call.kind in ("multiply", "negative", "copy") and len(call.operands) == 1:
                reached.add(number)
            elif call.kind in ("add", "subtract") and not moved.isdisjoint(call.operands):
                found = True
            else:
                return False
        return found

    def _comes_from_outside(self, update: Update, begin: int) -> bool:
        """Whether an update needs values that were computed from its parameter before."""
        inside = [n for n in self._ancestors(update.new) if n >= begin]
        before = {o for n in inside for o in self.tape.calls[n].operands if o < begin} - {update.old}
        return any(update.old in self._ancestors(o) and not self._is_copy(o) for o in before)

    def _is_copy(self, number: int) -> bool:
        """Whether a value is weights that were kept, or zeros of their shape: ``0 * W``."""
        call = self.tape.calls[number]
        return call.kind == "copy" or (call.kind == "multiply" and any(_is_zero(arg) for arg in call.args))

    def _read(self, number: int, held: Collection[int]) -> set[int]:
        """What a call depends on, as far back as the values that variables hold."""
        found, todo = {number}, [number]
        while todo:
            each = todo.pop()
            new = [o for o in self.tape.calls[each].operands if o not in found] if each not in held else []
            found.update(new)
            todo += new
        return found

    def _ancestors(self, number: int) -> set[int]:
        if number not in self._behind:
            self._behind[number] = self.tape.ancestors([number])
        return self._behind[number]


def _plain_numbers(variables: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in numbers_in(_own(variables)) if name}


def _copied(several: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    return {name: list(values) for name, values in several.items()}


def _goes_into(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    return len(old) <= len(new) and all(a in (1, b) for a, b in zip(old[::-1], new[::-1], strict=False))


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"


def _of_caller() -> dict[str, Any]:
    """What the line of the script that called a method of the witness can read."""
    return _variables(sys._getframe(2))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (as in maplet.core.context)


def _variables(frame: FrameType) -> dict[str, Any]:
    """What a line of the script can read: also in a comprehension, which may have a frame of its own."""
    around = _variables(frame.f_back) if frame.f_code.co_name.endswith(inner) and frame.f_back else {}
    return {**frame.f_globals, **around, **frame.f_locals}


def _own(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The script's own variables, without what Python keeps beside them."""
    return {name: value for name, value in variables.items() if not name.startswith("__")}
