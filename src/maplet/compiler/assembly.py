"""A block → rows of instructions: which kernel runs on which memory, and where loops and branches jump."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.compiler import target as machine
from maplet.compiler.assembly_loops import assemble_loop
from maplet.compiler.assembly_strips import assemble_strips
from maplet.compiler.blocks import Block, Choice, Contract, HostCall, Item, Loop, Nest, Scatter, Storage, Strips
from maplet.compiler.contraction import plan
from maplet.compiler.contraction_schedule import results
from maplet.compiler.elements import Fetch, within
from maplet.compiler.epilogues import nodes_of
from maplet.compiler.instructions import Op
from maplet.compiler.liveness import carried_inputs, last_uses, may_fail
from maplet.compiler.memory import OfConstant, Pointer
from maplet.compiler.nests import lower_nest, lower_scatter
from maplet.compiler.straight import Issued
from maplet.compiler.strips import is_of_own_row, written_by
from maplet.compiler.work import work_of
from maplet.core.types import ArrayType

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from maplet.compiler.contraction import Plan, Step
    from maplet.compiler.lowering import KernelCall
    from maplet.compiler.table import Table
    from maplet.core.graph import Node


class BlockAssembler:
    """Writes one block.

    ``given`` says where its inputs lie and ``wanted`` where results should be made; ``donated`` maps a result to the
    input whose memory it takes over, as soon as that is read no more.
    """

    def __init__(
        self,
        table: Table,
        block: Block,
        given: dict[Storage, Pointer],
        wanted: Mapping[Storage, Pointer],
        donated: Mapping[Storage, Storage],
    ) -> None:
        self.to = table
        self.block = block
        self.at: dict[Storage, Pointer] = given
        self.wanted = dict(wanted)
        self.donated = dict(donated)
        self.last = last_uses(block)
        self.last_failure = max((n for n, item in enumerate(block.items) if may_fail(item)), default=-1)
        self.owned: dict[Storage, tuple[int, int]] = {}
        self.plans: dict[int, Plan] = {}
        self.copies: dict[Storage, dict[Hashable, Storage]] = {}  # of each operand, in panels of every kind
        self._plan()
        self._hand_on()

    def _plan(self) -> None:
        """Plan the products; a copy of an operand stays until the last of them has read it."""
        for number, item in enumerate(self.block.items):
            if isinstance(item, Contract):
                operands = (("a", item.a), ("b", item.b))
                known = {(x, kind) for x, node in operands for kind in self.copies.get(self.block.storage[node], ())}
                steps = self.plans[number] = plan(item.contraction, machine.target(), known)
                copies = [self._copy(item, step, steps) for step in steps.steps]
                self.last |= {copy: number for copy in copies if copy is not None}

    def _hand_on(self) -> None:
        """What a loop begins with is wanted where it ends with it, if nothing else reads it: then none is copied."""
        for number, item in reversed(list(enumerate(self.block.items))):
            if not isinstance(item, Loop):
                continue
            read = [self.block.storage[node] for node in item.node.inputs]
            for gives, place in zip(item.gives, carried_inputs(item), strict=False):
                begins = read[place]
                alone = read.count(begins) == 1 and self.last.get(begins) == number
                if gives in self.wanted and alone and begins not in self.at:
                    self.wanted[begins] = self.wanted[gives]
                    if gives in self.donated:
                        self.donated[begins] = self.donated[gives]

    def run(self, targets: Sequence[Pointer]) -> None:
        """The items in order, then what is not yet in its target, where every output must be in the end."""
        for number, item in enumerate(self.block.items):
            self._item(number, item)
            for storage in [s for s in self.owned if self.last.get(s, -1) <= number]:
                self.to.room.free(*self.owned.pop(storage))
        self._move_outputs(targets)
        for taken in self.owned.values():
            self.to.room.free(*taken)
        if not self.to.depth:
            self.to.made.update(self.at)

    def _move_outputs(self, targets: Sequence[Pointer]) -> None:
        if self.donated and not self.to.depth:
            self.to.stop_on_errors()
        moves = [
            (target, self.pointer(storage), storage.type)
            for storage, target in zip(self.block.outputs, targets, strict=True)
            if self.pointer(storage) is not target and storage.type.size
        ]
        if any(source in [target for target, _, _ in moves] for _, source, _ in moves):
            staged = [(self.temporary(kind), source, kind) for _, source, kind in moves]
            for between, source, kind in staged:
                self.to.row(Op.COPY, between, source, kind.nbytes)
            moves = [(t, between, kind) for (t, _, kind), (between, _, _) in zip(moves, staged, strict=True)]
        for target, source, kind in moves:
            self.to.row(Op.COPY, target, source, kind.nbytes)

    def temporary(self, kind: ArrayType) -> Pointer:
        """The place of an array that nobody reads but who writes it."""
        return self._allocate(Storage(kind))

    def pointer(self, storage: Storage) -> Pointer:
        """Where an array lies."""
        if storage not in self.at:
            if storage.value is None:
                raise KeyError(f"an array of type {storage.type} has no place ({storage.name})")
            self.to.constants.append(
                np.ascontiguousarray(storage.value, storage.type.dtype).reshape(storage.type.shape)
            )
            self.at[storage] = OfConstant(number=len(self.to.constants) - 1)
        return self.at[storage]

    def _of(self, node: Node) -> Pointer:
        return self.pointer(self.block.storage[node])

    def _allocate(self, storage: Storage) -> Pointer:
        self.allocate(storage, {storage: 0})
        return self.at[storage]

    def allocate(self, whole: Storage, parts: Mapping[Storage, int]) -> int:
        """Memory for an array, in which others lie, each so many bytes behind its begin; where it begins."""
        size = whole.type.nbytes
        offset = self.to.room.take(size)
        self.owned[whole] = (offset, size)
        self.last[whole] = max(self.last.get(part, -1) for part in parts)
        self.at |= {part: self.to.place(offset + further) for part, further in parts.items()}
        return offset

    def make(self, storage: Storage, number: int, item: Item) -> Pointer:
        """The place of a result: where it is wanted if that is free by now, else in the arena."""
        if storage in self.at:
            return self.at[storage]
        if storage in self.wanted:
            taken = self.donated.get(storage)
            if taken is None or self._may_overwrite(taken, storage, number, item):
                if taken is not None and not self.to.depth:
                    if number <= self.last_failure and not self.to.steadfast:
                        return self._allocate(storage)
                    self.to.stop_on_errors()
                self.at[storage] = self.wanted[storage]
                return self.at[storage]
        return self._allocate(storage)

    def _may_overwrite(self, old: Storage, new: Storage, number: int, item: Item) -> bool:
        last = self.last.get(old, -1)
        if last != number:
            return last < number
        if isinstance(item, Loop):
            carried = carried_inputs(item)
            places = [n for n, node in enumerate(item.node.inputs) if self.block.storage[node] is old]
            return len(places) == 1 and places[0] in carried and item.gives[carried.index(places[0])] is new
        if isinstance(item, Strips):
            return self._may_overwrite_in_strips(old, new, item)
        if isinstance(item, Scatter):
            read = [e.source for e in within(item.roots) if isinstance(e, Fetch)]
            begins = item.into is not None and self.block.storage[item.into.node] is old
            return begins and all(self.block.storage[node] is not old for node in read)
        return isinstance(item, Nest) and self._reads_where_it_writes(item, old, new)

    def _may_overwrite_in_strips(self, old: Storage, new: Storage, strips: Strips) -> bool:
        """Whether whoever reads an array reads it in its own row, and before that is written."""
        storage, reading = self.block.storage, True
        for member in strips.members:
            item = member.item
            writes = any(storage[node] is new for node in written_by(item))
            if writes:
                if not isinstance(item, Nest) or member.sums or not self._reads_where_it_writes(item, old, new):
                    return False
                reading = False
                continue
            fetches = [e for e in within(item.roots) if isinstance(e, Fetch) and storage[e.source] is old]
            if fetches and not (reading and all(is_of_own_row(e, member.axis) for e in fetches)):
                return False
        return True

    def _reads_where_it_writes(self, item: Nest, old: Storage, new: Storage) -> bool:
        """Whether a nest reads each element of an array only right before it writes it."""
        flat = item.evaluator.flat(item.place(), item.shape).key
        nodes = {node for node, storage in self.block.storage.items() if storage is old}
        written = next(n for n, node in enumerate(item.outputs) if self.block.storage[node] is new)
        roots = item.roots
        loaded = set(within(roots[: written + 1]))  # before it is written; what comes later would read the new value
        return all(
            e.at.key == flat and e.guard is None and not item.evaluator.checks and e in loaded
            for e in within(roots)
            if isinstance(e, Fetch) and e.source in nodes
        )

    # ── items ────────────────────────────────────────────────────────────────────────────────────

    def _item(self, number: int, item: Item) -> None:
        match item:
            case Nest():
                self._kernel(lower_nest(item), item.nodes, number, item)
            case Scatter():
                self._scatter(item, number)
            case Contract():
                self._contract(item, number)
            case HostCall():
                gives = [self.make(storage, number, item) for storage in item.gives]
                first = self.to.arguments([*(self._of(n) for n in item.node.inputs), *gives])
                self.to.hosts.append((item.node, first[1]))
                self.to.row(Op.HOST, len(self.to.hosts) - 1)
            case Loop():
                assemble_loop(self, item, number)
            case Choice():
                self._choice(item, number)
            case Strips():
                assemble_strips(self, item, number)

    def inner(self, block: Block, given: dict[Storage, Pointer]) -> BlockAssembler:
        """What writes a block that belongs to this one."""
        return BlockAssembler(self.to, block, given, {}, {})

    def _kernel(self, call: KernelCall, nodes: tuple[Node, ...], number: int, item: Nest | Scatter) -> None:
        made = {node: self.make(self.block.storage[node], number, item) for node in nodes}
        if not any(node.array_type.size for node in nodes):
            return
        read = len(call.arrays) - sum(1 for b in call.kernel.buffers if b.name.startswith("y"))
        pointers = [self._of(n) if k < read else made[n] for k, n in enumerate(call.arrays)]
        self.to.run_kernel(call, pointers, nodes, work_of(item, filling=call.kernel.name == "fill"))

    def _scatter(self, item: Scatter, number: int) -> None:
        if item.into is not None:
            begin, made = self.block.storage[item.into.node], self.block.storage[item.node]
            if begin in self.owned and self.last[begin] == number and made not in self.at and made not in self.wanted:
                self.at[made], self.owned[made] = self.at[begin], self.owned.pop(begin)
            source, place = self.pointer(begin), self.make(made, number, item)
            if source is not place and made.type.size:
                self.to.row(Op.COPY, place, source, made.type.nbytes)
        for call in lower_scatter(item):
            self._kernel(call, (item.node,), number, item)

    def _contract(self, item: Contract, number: int) -> None:
        storage, nest, problem = self.block.storage[item.node], item.epilogue, item.contraction
        steps = self.plans[number]
        made: Sequence[Node] = [item.node] if nest is None or not steps.whole else list(nest.outputs)
        named = {"a": self._of(item.a), "b": self._of(item.b)}
        if problem.epilogue is not None and steps.whole:
            named |= {f"x{n}": self._of(read.source) for n, read in enumerate(problem.epilogue.reads)}
        places = [self.make(self.block.storage[node], number, item) for node in made]
        named |= dict(zip(results, places, strict=False))
        if not storage.type.size:
            return
        for step in steps.steps:
            copy = self._copy(item, step, steps)
            if copy is not None:
                name = step.buffers[1]
                if copy in self.at:
                    named[name] = self.at[copy]
                    continue
                named[name] = self._allocate(copy)
            pointers = [named[name] for name in step.buffers]
            nodes = nodes_of(item) if steps.whole else (item.product,)
            work = max(step.flops // 4, step.bytes // 4)
            self.to.call(
                Issued(step.kernel, tuple(pointers), step.sizes, step.count, work, nodes, step.flops, step.bytes)
            )
        if nest is not None and not steps.whole:
            self._kernel(lower_nest(nest), nest.nodes, number, nest)

    def _copy(self, item: Contract, step: Step, steps: Plan) -> Storage | None:
        """The copy of an operand that a step makes: one for all products that read it so."""
        if step.copies is None:
            return None
        operand = self.block.storage[item.a if step.buffers[0] == "a" else item.b]
        kind = ArrayType((steps.temporaries[step.buffers[1]],), operand.type.dtype)
        return self.copies.setdefault(operand, {}).setdefault(step.copies, Storage(kind))

    def takes_over(self, storage: Storage, target: Pointer, source: Pointer) -> bool:
        """Whether a result takes over the very memory that its value lies in before."""
        taken = self.donated.get(storage)
        return taken is not None and self.at.get(taken) is source and self.wanted.get(storage) is target

    def body(self, body: Block, given: list[Pointer], targets: list[Pointer], slots: list[Pointer]) -> None:
        """The rows of a body; what it writes to ``slots`` takes over what it reads there."""
        wanted: dict[Storage, Pointer] = {}
        donated: dict[Storage, Storage] = {}
        inputs = body.inputs
        for storage, target in zip(body.outputs, targets, strict=True):
            if storage not in wanted and storage not in inputs and storage.value is None:
                wanted[storage] = target
                if target in slots:
                    donated[storage] = inputs[given.index(target)]
        BlockAssembler(self.to, body, dict(zip(inputs, given, strict=True)), wanted, donated).run(targets)

    def _choice(self, item: Choice, number: int) -> None:
        targets = [self.make(storage, number, item) for storage in item.gives]
        which, *operands = [self._of(child) for child in item.node.inputs]
        last = len(item.branches) - 1
        tests = [self.to.row(Op.JUMP_IF_LESS, which, self.to.word(n + 1), 0) for n in range(last)]
        ends: list[int] = []
        for n in (last, *range(last)):
            if n < last:
                self.to.land(tests[n], 3)
            self.body(item.branches[n], operands, targets, [])
            ends.append(self.to.row(Op.JUMP, 0))
        for end in ends:
            self.to.land(end, 1)
