"""A compiled program: the table of a block, its memory, and how it is run from Python."""

from __future__ import annotations

import ctypes
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.compiler import native
from maplet.compiler.executor import Executor, new_control
from maplet.compiler.executor import native as of_executor
from maplet.compiler.image import Address, Image, from_bytes
from maplet.compiler.instructions import ROW_WORDS, Outcome, Word
from maplet.compiler.memory import alignment
from maplet.compiler.threads import threads
from maplet.core.memory import address_of, copied, empty
from maplet.errors import PositionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from maplet.compiler.blocks import Block
    from maplet.compiler.building import Build
    from maplet.compiler.cache import Cache
    from maplet.compiler.table import Table
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
    disk
        Where programs are kept. One that is there need not be compiled; None for nowhere.
    """

    def __init__(
        self,
        graph: Graph,
        donated: Mapping[int, int] | None = None,
        *,
        steadfast: bool = False,
        disk: Cache | None = None,
    ) -> None:
        self.graph = graph
        self.donated = dict(donated or {})
        self.steadfast = steadfast
        self.is_shared = threads() > 1  # then its arrays lie so that each thread finds its own rows again
        self.lock = threading.Lock()
        self.fresh = [n for n in range(len(graph.outputs)) if n not in self.donated]
        self.output_types = [node.array_type for node in graph.outputs]
        image, functions = self._found(disk)
        self._load(image, functions)

    # ── making it ────────────────────────────────────────────────────────────────────────────────

    def _found(self, disk: Cache | None) -> tuple[Image, list[int]]:
        """The program as numbers, and where its kernels are; from disk if it is there."""
        library, key = native.library(), ""
        if disk is not None:
            key = library.key(f"program {sorted(self.donated.items())} {self.steadfast} {self.is_shared}\n{self.graph}")
            content = disk.get(key)
            image = None if content is None else from_bytes(content)
            functions = None if image is None else library.found(image.kernels)
            if image is not None and functions is not None:
                return image, functions
        image = self.made.image
        if disk is not None and not image.layout.hosts:  # what Python does is found in the graph alone
            disk.put(key, image.to_bytes())
        functions = library.found(image.kernels)
        assert functions is not None  # noqa: S101  (they were just compiled)
        return image, functions

    @cached_property
    def made(self) -> Build:
        """How the graph became a program. One that was found on disk is compiled for this, without being run."""
        from maplet.compiler.building import build  # noqa: PLC0415  (a program that is found on disk needs no compiler)

        return build(self.graph, self.donated, steadfast=self.steadfast, is_shared=self.is_shared)

    @property
    def block(self) -> Block:
        """The graph after fusion."""
        return self.made.block

    @property
    def instructions(self) -> Table:
        """The table, with what its rows stand for."""
        return self.made.table

    def _load(self, image: Image, functions: Sequence[int]) -> None:
        """Give the words memory, and everything in them its address."""
        layout = image.layout
        self.in_place, self.counter = layout.in_place, layout.counter
        self.control = new_control()
        self.memory = image.words.copy()
        self.words = self.memory.data  # quicker to write to than the array
        self.table = self.memory[: layout.rows * ROW_WORDS].reshape(layout.rows, ROW_WORDS)
        self.words_at = layout.rows * ROW_WORDS
        self.arena = np.empty(layout.arena + alignment, np.uint8)
        self.constants = [copied(array) for array in image.constants]
        constants = [address_of(array) for array in self.constants]
        places: list[list[tuple[int, int]]] = [[] for _ in range(len(self.graph.inputs) + len(self.fresh))]
        start, status = address_of(self.memory), address_of(self.control, Word.STATUS)
        arena = -(-address_of(self.arena) // alignment) * alignment
        addresses: list[list[int]] = image.addresses.tolist()
        for word, kind, number, extra in addresses:
            match kind:
                case Address.STATUS:
                    self.words[word] = status
                case Address.KERNEL:
                    self.words[word] = functions[number]
                case Address.WORD:
                    self.words[word] = start + 8 * number
                case Address.PARTS:
                    self.words[word] = of_executor().parts
                case Address.ARENA:
                    self.words[word] = arena + extra
                case Address.CONSTANT:
                    self.words[word] = constants[number] + extra
                case _:
                    places[number].append((word, extra))
        self.places = places
        self.known = [0] * len(places)
        self.executor = Executor(self.table, self.control, scratch=layout.scratch)
        self.control[Word.BUDGET] = pause_after

    @cached_property
    def origins(self) -> dict[Node, Origin]:
        """Where each operation came from, also those inside loops."""
        from maplet.compiler.listing import all_origins  # noqa: PLC0415  (a program that is found on disk needs no compiler)

        return all_origins(self.block)

    # ── running it ───────────────────────────────────────────────────────────────────────────────

    def run(self, values: Sequence[Value]) -> list[Value]:
        """The outputs for some inputs, which must be in C order. Donated inputs are overwritten."""
        with self.lock:
            made = {n: empty(self.output_types[n].shape, self.output_types[n].dtype) for n in self.fresh}
            arrays = [*values, *made.values()]
            for slot, array in enumerate(arrays):
                self.bind(slot, array)
            self.execute()
            return [made[n] if n in made else values[self.donated[n]] for n in range(len(self.output_types))]

    def turns(self, values: Sequence[Value]) -> Iterator[Value]:
        """Run a program whose one fresh output is made by a loop, row by row; gives the rows so far at every pause."""
        (number,) = self.fresh
        with self.lock:
            made = empty(self.output_types[number].shape, self.output_types[number].dtype)
            arrays = [*values, made]
            for slot, array in enumerate(arrays):
                self.bind(slot, array)
            counter = self.counter
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
