"""A compiled program: the table of a block, its memory, and how it is run from Python."""

from __future__ import annotations

import ctypes
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.compiler import native
from maplet.compiler.assembly import BlockAssembler
from maplet.compiler.executor import Executor, address_of, new_control
from maplet.compiler.fusion import fuse
from maplet.compiler.instructions import ROW_WORDS, Op, Outcome, Word
from maplet.compiler.listing import all_origins
from maplet.compiler.memory import Given, InArena, OfConstant, Row, alignment
from maplet.compiler.table import Table
from maplet.errors import PositionError
from maplet.transforms.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from maplet.compiler.memory import Pointer
    from maplet.core.context import Origin
    from maplet.core.graph import Graph, Node

STATUS = int(Word.STATUS)
pause_after = 50_000_000  # nanoseconds that a loop may run before Python gets its turn

Value = np.ndarray[Any, np.dtype[Any]]


class Program:
    """A graph as native code.

    Parameters
    ----------
    graph
        What to compute. Captured arrays are inputs like any other.
    donated
        Output number → input number: the output takes over the memory of that input, whose value is lost.
    steadfast
        Whether that may be so although an error may be reported later, which then leaves it half done.
    """

    def __init__(self, graph: Graph, donated: Mapping[int, int] | None = None, *, steadfast: bool = False) -> None:
        self.graph = graph
        self.donated = dict(donated or {})
        self.lock = threading.Lock()
        self.block = fuse(simplify(graph)[0])
        self.instructions = Table()
        self.instructions.steadfast = steadfast
        self._assemble()
        self._load()

    # ── making it ────────────────────────────────────────────────────────────────────────────────

    def _assemble(self) -> None:
        block, to = self.block, self.instructions
        inputs = [Given(slot=n) for n in range(len(self.graph.inputs))]
        count = len(inputs)
        self.fresh = [n for n in range(len(self.graph.outputs)) if n not in self.donated]
        targets: list[Pointer] = []
        wanted: dict[Any, Pointer] = {}
        donated: dict[Any, Any] = {}
        places = {n: Given(slot=count + k) for k, n in enumerate(self.fresh)}
        for n, storage in enumerate(block.outputs):
            pointer = inputs[self.donated[n]] if n in self.donated else places[n]
            targets.append(pointer)
            if storage not in wanted and storage not in block.inputs and storage.value is None:
                wanted[storage] = pointer
                if n in self.donated:
                    donated[storage] = block.inputs[self.donated[n]]
        BlockAssembler(to, block, dict(zip(block.inputs, inputs, strict=True)), wanted, donated).run(targets)
        to.row(Op.END)
        self.in_place = all(to.made.get(block.outputs[n]) is inputs[k] for n, k in self.donated.items())

    def _load(self) -> None:
        """Give the words memory, and everything in them its address."""
        to = self.instructions
        rows = len(to.rows)
        self.control = new_control()
        self.memory = np.zeros(rows * ROW_WORDS + len(to.words), np.int64)
        self.memory[: rows * ROW_WORDS] = np.array(to.rows, np.int64).reshape(-1)
        self.memory[rows * ROW_WORDS :] = to.words
        self.words = self.memory.data  # quicker to write to than the array
        self.table = self.memory[: rows * ROW_WORDS].reshape(rows, ROW_WORDS)
        self.words_at = rows * ROW_WORDS
        self.arena = np.empty(to.arena.size + alignment, np.uint8)
        arena = -(-address_of(self.arena) // alignment) * alignment
        functions = native.addresses(to.kernels)
        start = address_of(self.memory)
        for name, what in to.relocations:
            match what:
                case ("status", _):
                    address = address_of(self.control, Word.STATUS)
                case ("kernel", number):
                    address = functions[number]
                case _:
                    address = start + 8 * self._index(what)
            self.memory[self._index(name)] = address
        self.patches: dict[int, list[tuple[int, int]]] = {}
        for name, pointer, extra in to.waiting:
            match pointer:
                case InArena(offset=offset):
                    self.memory[self._index(name)] = arena + offset + extra
                case OfConstant(number=number):
                    self.memory[self._index(name)] = address_of(to.constants[number]) + extra
                case Given(slot=slot):
                    self.patches.setdefault(slot, []).append((self._index(name), extra))
                case Row():
                    pass
                case _:
                    raise TypeError(pointer)
        self.places: list[list[tuple[int, int]]] = [
            self.patches.get(slot, []) for slot in range(len(self.graph.inputs) + len(self.fresh))
        ]
        self.known = [0] * len(self.places)
        self.executor = Executor(self.table, self.control, scratch=max((k.scratch for k in to.kernels), default=0))
        self.control[Word.BUDGET] = pause_after
        self.output_types = [node.array_type for node in self.graph.outputs]

    def _index(self, name: tuple[str, int]) -> int:
        return name[1] if name[0] == "row" else self.words_at + name[1]

    @cached_property
    def origins(self) -> dict[Node, Origin]:
        """Where each operation came from, also those inside loops."""
        return all_origins(self.block)

    # ── running it ───────────────────────────────────────────────────────────────────────────────

    def run(self, values: Sequence[Value]) -> list[Value]:
        """The outputs for some inputs, which must be in C order. Donated inputs are overwritten."""
        with self.lock:
            made = {n: np.empty(self.output_types[n].shape, self.output_types[n].dtype) for n in self.fresh}
            arrays = [*values, *made.values()]
            for slot, array in enumerate(arrays):
                self.bind(slot, array)
            self.execute()
            return [made[n] if n in made else values[self.donated[n]] for n in range(len(self.output_types))]

    def turns(self, values: Sequence[Value]) -> Iterator[Value]:
        """Run a program whose one fresh output is made by a loop, row by row; gives the rows so far at every pause."""
        (number,) = self.fresh
        with self.lock:
            made = np.empty(self.output_types[number].shape, self.output_types[number].dtype)
            arrays = [*values, made]
            for slot, array in enumerate(arrays):
                self.bind(slot, array)
            counter = self.words_at + self.instructions.counters[0][1]
            outcome = self.executor.start()
            while outcome:
                self._attend(outcome)
                if outcome == Outcome.PAUSED:
                    yield made[: int(self.memory[counter])]
                outcome = self.executor.resume()
            self._require_success()
        yield made

    def bind(self, slot: int, array: Value) -> None:
        """Tell the program where an input or an output lies."""
        address = address_of(array)
        if self.known[slot] != address:
            self.known[slot] = address
            memory = self.words
            for place, extra in self.places[slot]:
                memory[place] = address + extra

    def execute(self) -> None:
        """Run on what the program was told; the caller holds the lock."""
        executor = self.executor
        outcome = executor.start()
        while outcome:
            self._attend(outcome)
            outcome = executor.resume()
        self._require_success()

    def _attend(self, outcome: int) -> None:
        """Do what the program came back for."""
        if outcome == Outcome.FAILED:
            self._fail(int(self.control[Word.STATUS]))
        if outcome == Outcome.HOST:
            self._host(int(self.control[Word.HOST]))

    def _require_success(self) -> None:
        status = self.executor.words[STATUS]
        if status:
            self._fail(status)

    def _host(self, number: int) -> None:
        """Run an operation by its reference, on the memory of the program."""
        node, first = self.instructions.hosts[number]
        kinds = [child.array_type for child in node.inputs]
        gives = node.type if isinstance(node.type, tuple) else (node.type,)
        views = [
            view(int(self.memory[self.words_at + first + n]), kind.shape, kind.dtype)
            for n, kind in enumerate([*kinds, *gives])
        ]
        operands = views[: len(kinds)]
        results = node.primitive.compute(operands, node.params, node.type, self.origins.get(node))
        for target, result in zip(
            views[len(kinds) :], results if isinstance(node.type, tuple) else [results], strict=True
        ):
            target[...] = result

    def _fail(self, number: int) -> None:
        node = self.instructions.errors[number - 1]
        where = self.origins.get(node)
        raise PositionError(
            f"{node.primitive.name}: an index is outside an axis of an array of shape {_looked_into(node)}",
            where=str(where) if where else None,
            fix="look at the indices: positions run from −n to n − 1 along an axis of length n",
        )


def _looked_into(node: Node) -> tuple[int, ...]:
    looked = node.array_type if node.primitive.name.startswith(("add", "last")) else node.inputs[0].array_type
    return looked.shape


def view(address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Value:
    """An array over memory that somebody else keeps."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if not size:
        return np.empty(shape, dtype)
    memory: Any = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)
