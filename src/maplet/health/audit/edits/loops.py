"""A line that is run several times has its fault every time: the same edit of all its turns at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from maplet.health.audit.program.methods import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.edits.edit import Edit
    from maplet.health.audit.program.tape import Call

many = 2  # turns of a loop, of which none is edited alone
long = 8  # calls of a function in a loop, of which none is edited alone


class Turns:
    """In which turn of which loop each call of a run stands, as far as its line tells."""

    def __init__(self, calls: Sequence[Call], returns: Mapping[tuple[str, str], Sequence[int]], begin: int) -> None:
        lines: dict[Any, dict[tuple[str, tuple[int, ...]], list[int]]] = {}
        self._calls = calls
        for call in calls:
            if call.lines and call.function is not same:  # which stands for a gradient, whatever line that is from
                lines.setdefault(call.lines, {}).setdefault((call.kind, call.place), []).append(call.number)
        self._of: dict[int, tuple[int, int]] = {}
        self._place: dict[int, int] = {}
        self._span: dict[int, tuple[int, int]] = {}  # the first and the last turn
        self._filled = set[int]()  # arrays whose entries a loop has written, as it leaves them
        self._called = set[int]()  # in a function that is called in every turn
        self.counts = set[int]()  # how many turns the loops have
        for own, places in lines.items():
            count = min(map(len, places.values()))  # a turn may come to the same place twice
            self.counts.add(count)
            for (kind, _), numbers in places.items():
                self._filled.update(numbers[-1:] if kind in ("setitem", "add_at") else ())
                for rank, number in enumerate(numbers):
                    self._of[number] = rank * count // len(numbers), count
                    self._place[number] = rank % max(len(numbers) // count, 1)
                    self._span[number] = numbers[0], numbers[-1]
                if len(own) > 1 and _returns_between(numbers, returns.get((own[-1].function, own[-1].file))):
                    self._called.update(numbers)
        self._ways = self._directions(calls[begin:])

    def _directions(self, calls: Sequence[Call]) -> Mapping[Any, tuple[bool, bool]]:
        """Of the loops of the backward pass: whether they go on through what earlier loops made, or back, or both."""
        apart: dict[Any, set[int]] = {}
        together: dict[Any, set[int]] = {}
        for call in calls:
            turn, count = self._of.get(call.number, (0, 1))
            for operand in call.operands if count > many else ():
                other, others = self._of.get(operand, (0, 1))
                if others == count and self._span[operand][1] < self._span[call.number][0]:
                    apart.setdefault(_loop(call), set()).add(other - turn)
                    together.setdefault(_loop(call), set()).add(other + turn)
        lengths = {loop: (len(apart[loop]), len(together[loop])) for loop in apart}
        return {loop: (on <= back, back <= on) for loop, (on, back) in lengths.items()}

    def place(self, number: int) -> int:
        """The how manieth call of its function a call is, of those that its line makes in a turn."""
        return self._place.get(number, 0)

    def is_of_many(self, edit: Edit) -> bool:
        """Whether an edit is of one turn alone, of a loop that has many."""
        number = edit.numbers[0]
        limit = long if number in self._called else many  # a method is called for layers of several kinds
        alone = len(edit.numbers) == 1 and number not in self._filled
        return alone and self._of.get(number, (0, 1))[1] > limit

    def are_apart(self, one: int, other: int) -> bool:
        """Whether two calls stand in unlike turns of a loop that has many."""
        (turn, count), (second, others) = (self._of.get(number, (0, 1)) for number in (one, other))
        return count == others > many and turn != second

    def are_near(self, one: int, other: int) -> bool:
        """Whether two calls do not stand in turns of a loop that lie apart by more than one."""
        (turn, count), (second, others) = (self._of.get(number, (0, 1)) for number in (one, other))
        return count != others or abs(turn - second) <= 1

    def may_pair(self, backward: int, forward: int) -> bool:
        """Whether a call of the backward pass may belong to one of the forward pass: in loops, a turn beside it."""
        turn, count = self._of.get(backward, (0, 1))
        other, others = self._of.get(forward, (0, 1))
        if count != others or count <= many:
            return True
        on, back = self._ways.get(_loop(self._calls[backward]), (True, True))
        return (on and abs(other - turn) <= 1) or (back and abs(other - (count - 1 - turn)) <= 1)


def _loop(call: Call) -> Any:
    """The function in which a call stands, called by the same lines: a loop in it goes one way."""
    return (call.lines[:-1], call.lines[-1].function) if call.lines else None


def _returns_between(numbers: Sequence[int], returns: Sequence[int] | None) -> bool:
    """Whether a function returns between some of its calls: the loop is around it, not in it; if that is known."""
    return returns is None or any(numbers[0] < moment <= numbers[-1] for moment in returns)


class States:
    """Which value of the forward pass takes the place of which, one turn of its loop later: states over time."""

    def __init__(self, calls: Sequence[Call], end: int) -> None:
        self._calls = calls
        lines = {call.lines for call in calls[:end]}
        states = [call for call in calls if call.lines and (call.number < end or call.lines in lines)]
        self._alike: dict[Any, list[int]] = {}
        for call in states:
            self._alike.setdefault((call.lines, call.kind, call.place), []).append(call.number)
        self._before = {call.number: self._step_before(call) for call in states}
        self._behind: dict[int, int] = {}
        for number, before in self._before.items():
            if before is not None:
                self._behind.setdefault(before, number)

    def before(self, number: int) -> int | None:
        """The value that stood in the place of another one turn earlier."""
        return self._before.get(number)

    def behind(self, number: int) -> int | None:
        """The value that stands there one turn later."""
        return self._behind.get(number)

    def _step_before(self, own: Call) -> int | None:
        turns = self._alike[own.lines, own.kind, own.place]
        if len(turns) < 2:
            return None
        behind = self._ancestors(own)
        earlier = [n for n in turns if n < own.number and n in behind]
        return earlier[-1] if earlier else self._before_the_first(own)

    def _before_the_first(self, own: Call) -> int | None:
        """What the loop begins with: what stands in the first turn where the second has this value."""
        for call in self._calls[own.number + 1 :]:
            if own.number in call.operands and call.lines:
                turns = [n for n in self._alike.get((call.lines, call.kind, call.place), ()) if n < own.number]
                place = call.operands.index(own.number)
                if turns and place < len(operands := self._calls[turns[-1]].operands):
                    return operands[place]
        return None

    def _ancestors(self, own: Call) -> set[int]:
        found, todo = set[int](), list(own.operands)
        while todo:
            number = todo.pop()
            if number not in found:
                found.add(number)
                todo += self._calls[number].operands
        return found


def in_loops(bench: Bench, edits: Sequence[Edit]) -> Iterator[Edit]:
    """Of the edits of single calls those that do the same in every turn of a loop, as one edit.

    Where an edit speaks of a place of the forward pass, the turns of both loops are paired in order, and in reverse.
    """
    families: dict[Any, dict[int, list[Edit]]] = {}
    for edit in edits:
        lines = bench.calls[edit.numbers[0]].lines
        if len(edit.numbers) == 1 and lines:
            for depth in (0, -1)[: len(lines)]:  # all turns of a loop; all calls of a helper, wherever they stand
                key = (depth, _family(bench, edit, depth))
                families.setdefault(key, {}).setdefault(edit.numbers[0], []).append(edit)
    seen = set[Any]()
    for family in families.values():
        if (which := tuple(map(id, (e for turn in family.values() for e in turn)))) in seen:
            continue
        seen.add(which)
        turns = [family[number] for number in sorted(family)]
        if len(turns) < 2:
            continue
        if all(len(turn) == 1 for turn in turns):
            yield _at_once([turn[0] for turn in turns])
        elif all(len(turn) == len(turns) for turn in turns):
            places = [sorted(turn, key=lambda edit: edit.detail.get("place") or ()) for turn in turns]
            yield _at_once([turn[n] for n, turn in enumerate(places)])
            yield _at_once([turn[-1 - n] for n, turn in enumerate(places)])
        else:
            yield from _by_place(turns)


def _by_place(turns: Sequence[Sequence[Edit]]) -> Iterator[Edit]:
    """The turns of both loops in order, and in reverse, where some turns have other edits as well, or lack some."""
    by_place = [{edit.detail["place"][1]: edit for edit in turn if edit.detail.get("place")} for turn in turns]
    places = sorted({place for turn in by_place for place in turn})
    for order in (places, places[::-1]):
        for begin in range(min(len(places) - len(turns) + 1, 3)):  # the last turn, or the first, may be no part of it
            those = order[begin : begin + len(turns)]
            if all(place in turn for place, turn in zip(those, by_place, strict=True)):
                yield _at_once([turn[place] for place, turn in zip(those, by_place, strict=True)])


def _family(bench: Bench, edit: Edit, depth: int) -> Any:
    """What the edits of all turns have in common."""
    number, detail = edit.numbers[0], edit.detail
    call = bench.calls[number]
    base, of = detail.get("base"), detail.get("of")
    place: tuple[int, int] | None = detail.get("place")
    alias: int | None = detail.get("alias")
    return (
        None if alias is None else (bench.calls[alias].lines[depth:], bench.calls[alias].kind),
        call.lines[depth:],
        call.place[depth:],
        call.kind,
        edit.causes,
        edit.cost,
        None if base is None else call.operands.index(base) if base in call.operands else base - number,
        bench.turns.place(number),
        call.operands.index(of) if of in call.operands else None,
        None if place is None else _place(bench, *place, depth),
        detail.get("factor"),
        detail.get("code"),
        detail.get("axes"),
        detail.get("term"),
    )


def _place(bench: Bench, first: int, last: int, depth: int) -> Any:
    """What a place of the forward pass is in every turn."""
    call = bench.calls[last]
    own = call.operands.index(first) if first in call.operands else None
    return call.lines[depth:], call.kind, call.place[depth:], own


def _at_once(edits: Sequence[Edit]) -> Edit:
    by_number = {edit.numbers[0]: edit for edit in edits}

    def apply(bench: Bench, values: list[Any], number: int) -> Any:
        return by_number[number].apply(bench, values, number)

    return replace(edits[0], numbers=tuple(by_number), apply=apply)
