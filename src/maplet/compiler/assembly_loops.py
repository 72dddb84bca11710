"""A loop → rows of instructions: where lies what it carries and gathers, and how it goes round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.compiler.blocks import Storage
from maplet.compiler.instructions import Op
from maplet.compiler.liveness import carried_inputs
from maplet.compiler.memory import Row
from maplet.core.types import ArrayType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maplet.compiler.assembly import BlockAssembler
    from maplet.compiler.blocks import Loop
    from maplet.compiler.memory import Pointer


def assemble_loop(to: BlockAssembler, loop: Loop, number: int) -> None:
    """Write the rows of a scan or a while loop, which is item ``number`` of its block."""
    if loop.condition is None:
        _Scan(to, loop, number).write()
    else:
        _while(to, loop, number)


@dataclass(frozen=True)
class _Trail:
    """Where a carry lies that is gathered as it goes: each round reads a row of an array and writes the next one.

    So no state is copied. What it was before each round and what it was after it are one array, a row apart.
    """

    begin: Pointer
    end: Pointer
    read: Row
    write: Row
    before: Storage | None  # what is gathered of the states that the rounds begin with
    after: Storage | None  # and of those that they end with


class _Scan:
    """Writes a scan: so many rounds, each with its row of what is scanned and of what is gathered."""

    def __init__(self, to: BlockAssembler, loop: Loop, number: int) -> None:
        self.to, self.loop, self.number = to, loop, number
        params = loop.node.params
        self.length, self.reverse = params["length"], params["reverse"]
        self.scanned = params["constants"] + params["carries"]  # the first input of which a round has a row
        self.carried = carried_inputs(loop)
        self.finals = loop.gives[: len(self.carried)]
        self.gathered = loop.gives[len(self.carried) :]
        self.rows: list[tuple[Row, tuple[Pointer, int], int]] = []

    def write(self) -> None:
        """Its rows."""
        to, loop, body = self.to, self.loop, self.loop.body
        trails = {n: trail for n in range(len(self.carried)) if (trail := self._trail(n)) is not None}
        slots = {n: to.make(s, self.number, loop) for n, s in enumerate(self.finals) if n not in trails}
        _copy_begins(to, loop, slots | {n: trail.begin for n, trail in trails.items()})
        given = [to.pointer(to.block.storage[node]) for node in loop.node.inputs]
        targets: list[Pointer] = []
        for n, place in enumerate(self.carried):
            given[place] = trails[n].read if n in trails else slots[n]
            targets.append(trails[n].write if n in trails else slots[n])
        for place in range(self.scanned, len(given)):
            given[place] = self._row(given[place], body.inputs[place].type.nbytes)
        rows = {trail.before: trail.read for trail in trails.values()}
        rows |= {trail.after: trail.write for trail in trails.values()}
        for storage, result in zip(self.gathered, body.outputs[len(self.carried) :], strict=True):
            whole = to.make(storage, self.number, loop)
            targets.append(rows.get(storage) or self._row(whole, result.type.nbytes))
        counter = _counter(to)
        to.to.depth += 1
        to.to.repeat(self.length, self.rows, lambda: to.body(body, given, targets, [*slots.values()]), counter)
        to.to.depth -= 1
        for n, trail in trails.items():
            final = self.finals[n]
            if to.last[final] > self.number:
                to.to.row(Op.COPY, to.make(final, self.number, loop), trail.end, final.type.nbytes)

    def _row(self, whole: Pointer, size: int, further: int = 0) -> Row:
        """The row of an array that a round has, or the one so many bytes further."""
        row = Row()
        begin = (self.length - 1) * size if self.reverse else 0
        self.rows.append((row, (whole, begin + further), -size if self.reverse else size))
        return row

    def _trail(self, n: int) -> _Trail | None:
        """The trail of a carry, if its states are gathered, and nobody wants them at a place of their own."""
        results = self.loop.body.outputs
        old, new = self.loop.body.inputs[self.carried[n]], results[n]
        size = old.type.nbytes
        free = [
            (storage, result)
            for storage, result in zip(self.gathered, results[len(self.carried) :], strict=True)
            if storage not in self.to.at and storage not in self.to.wanted
        ]
        before = next((storage for storage, result in free if result is old), None)
        after = next((storage for storage, result in free if result is new), None)
        if old is new or (before is None and after is None) or not size:
            return None
        whole = Storage(ArrayType((self.length + 1, *old.type.shape), old.type.dtype))
        earlier, later = (size, 0) if self.reverse else (0, size)  # where the rows begin, in bytes
        parts = {part: at for part, at in ((before, earlier), (after, later)) if part is not None}
        offset = self.to.allocate(whole, parts)
        ends = (self.to.to.place(offset), self.to.to.place(offset + self.length * size))
        begin, end = reversed(ends) if self.reverse else ends
        first = ends[0]
        read, write = self._row(first, size, earlier), self._row(first, size, later)
        return _Trail(begin, end, read, write, before, after)


def _counter(to: BlockAssembler) -> tuple[str, int]:
    """A word that counts rounds, from 0 on."""
    counter = to.to.word(0)
    if not to.to.depth:
        to.to.counters.append(counter)
    to.to.row(Op.SET, counter, 0)
    return counter


def _copy_begins(to: BlockAssembler, loop: Loop, places: Mapping[int, Pointer]) -> None:
    """Put what is carried where the first round reads it."""
    carried = carried_inputs(loop)
    for n, target in places.items():
        begin = to.block.storage[loop.node.inputs[carried[n]]]
        source = to.pointer(begin)
        if source is not target and begin.type.size and not to.takes_over(loop.gives[n], target, source):
            to.to.row(Op.COPY, target, source, begin.type.nbytes)


def _while(to: BlockAssembler, loop: Loop, number: int) -> None:
    assert loop.condition is not None  # noqa: S101  (else it is a scan)
    carried = carried_inputs(loop)
    slots = [to.make(storage, number, loop) for storage in loop.gives[: len(carried)]]
    _copy_begins(to, loop, dict(enumerate(slots)))
    given = [to.pointer(to.block.storage[node]) for node in loop.node.inputs]
    for slot, place in zip(slots, carried, strict=True):
        given[place] = slot
    counter = _counter(to)
    to.to.depth += 1
    first = to.to.here()
    exits: list[tuple[int, int]] = []
    bound = loop.node.params["bound"]
    if bound is not None:
        limit = to.to.word(bound)
        to.to.row(Op.JUMP_IF_LESS, counter, limit, to.to.here() + 2)
        exits.append((to.to.row(Op.JUMP, 0), 1))
    truth = to.temporary(loop.condition.outputs[0].type)
    to.body(loop.condition, given, [truth], [])
    exits.append((to.to.row(Op.JUMP_IF_FALSE, truth, 0), 2))
    to.body(loop.body, given, slots, slots)
    to.to.row(Op.ADD, counter, 1)
    if to.to.depth == 1:
        to.to.row(Op.PAUSE)
    to.to.row(Op.JUMP, first)
    for row, operand in exits:
        to.to.land(row, operand)
    to.to.depth -= 1
