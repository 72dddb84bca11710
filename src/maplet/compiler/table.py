"""The table of a program in the making: rows of instructions, the words behind them, and where addresses belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from maplet.compiler.instructions import ROW_WORDS, Op
from maplet.compiler.memory import Arena, InArena, OfThread, Pointer, alignment
from maplet.compiler.straight import Issued, straightened
from maplet.core.graph import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from maplet.compiler.blocks import Storage
    from maplet.compiler.loops import Kernel
    from maplet.compiler.lowering import KernelCall
    from maplet.compiler.memory import Row

enough_work = 1 << 17  # scalar operations: below, one thread is done before another has begun
small_work = 1 << 10  # below, a kernel takes no longer than calling it
many_rounds = 32  # of a loop, for which it is worth while to make one kernel of small ones


@dataclass(frozen=True)
class Called:
    """A row that calls a kernel, and what one call computes and touches (`work`): for listings and profiles."""

    row: int
    kernel: Kernel
    nodes: tuple[Node, ...]
    flops: int
    bytes: int


class Table:
    """The instructions of a program in the making, and the arguments of its kernels.

    Words are numbered from 0: first those of the table, then the arguments; `Program` gives them memory. ``largest``
    says how many bytes the largest array has that the program makes.
    """

    def __init__(self, largest: int = 0) -> None:
        self.rows: list[list[Any]] = []
        self.words: list[Any] = []  # behind the table
        self.relocations: list[tuple[tuple[str, int], tuple[str, int]]] = []  # (word, the word whose address it holds)
        self.kernels: list[Kernel] = []
        self.calls: list[Called] = []
        self.errors: list[Node] = []
        self.hosts: list[tuple[Node, int]] = []  # operation, the word from which its operands' addresses stand
        self.constants: list[np.ndarray[Any, Any]] = []
        self.arena = Arena(largest)
        self.room = self.arena  # where new arrays lie: there, or in memory that each thread has for its own
        self.own = 0  # bytes of each thread's own memory
        self.pointers: list[Pointer] = []
        self.waiting: list[tuple[tuple[str, int], Pointer, int]] = []
        self.depth = 0
        self.counters: list[tuple[str, int]] = []  # of the outermost loops
        self.made: dict[Storage, Pointer] = {}  # where the outermost block has made its arrays
        self.checked = 0  # how many of the errors the program has looked for so far
        self.shared: list[tuple[int, range]] = []  # rows that call parts of the program, and the rows of these
        self.waits: list[Issued] = []  # small calls that may become one
        self.joins = False  # whether they do
        self.steadfast = False  # whether loops may overwrite what they are given although they may fail

    def stop_on_errors(self) -> None:
        """Before something is overwritten for good: the program ends here if an error was reported."""
        if len(self.errors) > self.checked:
            self.row(Op.PAUSE)
            self.checked = len(self.errors)

    def place(self, offset: int) -> Pointer:
        """What lies so far behind the begin of the room."""
        return InArena(offset=offset) if self.room is self.arena else OfThread(offset=offset)

    # ── rows and words ───────────────────────────────────────────────────────────────────────────

    def row(self, op: Op, *operands: Any) -> int:
        """Add a row. An operand is a number, a `Pointer` (with bytes to add), or the name of a word."""
        number = self.here()
        self.rows.append([int(op)] + [0] * (ROW_WORDS - 1))
        for n, operand in enumerate(operands, start=1):
            self._put(("row", number * ROW_WORDS + n), operand)
        return number

    def here(self) -> int:
        """The number of the row that comes next."""
        waits, self.waits = self.waits, []
        made = straightened(waits) if len(waits) > 1 else None
        for issued in waits if made is None else [made]:
            self._call(issued)
        return len(self.rows)

    def word(self, content: Any) -> tuple[str, int]:
        """Add a word; its name."""
        name = ("word", len(self.words))
        self.words.append(0)
        self._put(name, content)
        return name

    def _put(self, name: tuple[str, int], content: Any) -> None:
        parts: Any = cast("Any", content) if isinstance(content, tuple) else ()
        if isinstance(content, Pointer):
            self.waiting.append((name, content, 0))
        elif parts and isinstance(parts[0], Pointer):
            self.waiting.append((name, *parts))
        elif parts:
            self.relocations.append((name, parts))
        elif name[0] == "row":
            self.rows[name[1] // ROW_WORDS][name[1] % ROW_WORDS] = content
        else:
            self.words[name[1]] = content

    def land(self, row: int, operand: int) -> None:
        """Let a jump that was written before go to the row that comes next."""
        self.rows[row][operand] = self.here()

    # ── calls and loops ──────────────────────────────────────────────────────────────────────────

    def arguments(self, words: Sequence[Any]) -> tuple[str, int]:
        """Words side by side; the name of the first."""
        names = [self.word(content) for content in words]
        return names[0] if names else self.word(0)

    def call(self, issued: Issued) -> None:
        """Run a kernel."""
        if issued.work > small_work or not self.joins or issued.kernel.scratch:
            self._call(issued)
        else:
            self.waits.append(issued)

    def _call(self, issued: Issued) -> None:
        self.here()
        first = self.arguments([*issued.pointers, *issued.sizes, ("status", 0)])
        self.kernels.append(issued.kernel)
        parallel = int(issued.work >= enough_work and issued.count > 1)
        row = self.row(Op.CALL, ("kernel", len(self.kernels) - 1), first, issued.count, parallel)
        self.calls.append(Called(row, issued.kernel, issued.nodes, issued.flops, issued.bytes))

    def error(self, node: Node) -> int:
        """The number by which kernels report the error of a node."""
        self.errors.append(node)
        return len(self.errors)

    def run_kernel(
        self, call: KernelCall, pointers: Sequence[Pointer], nodes: tuple[Node, ...], work: tuple[int, int]
    ) -> None:
        """Run the kernel of a nest or a scatter; ``work`` counts floating operations and bytes."""
        sizes = tuple([self.error(size) if isinstance(size, Node) else size for size in call.sizes])
        self.call(Issued(call.kernel, tuple(pointers), sizes, call.count, call.work, nodes, *work))

    def repeat(
        self,
        length: int,
        rows: Sequence[tuple[Row, tuple[Pointer, int], int]],
        body: Callable[[], None],
        counter: tuple[str, int] | None = None,
    ) -> None:
        """A loop; each of its rows begins somewhere in an array, and is so many bytes further in every round.

        With a counter of its own it comes back to Python now and then, where it is the outermost loop.
        """
        counts = self.word(0) if counter is None else counter
        if counter is None:
            self.row(Op.SET, counts, 0)
        limit = self.word(length)
        setup = self.row(Op.JUMP, 0)
        first, before = self.here(), len(self.waiting)
        joins, self.joins = self.joins, self.joins or length >= many_rounds
        body()
        self.here()
        self.joins = joins
        places = {
            row: [(name, extra) for name, pointer, extra in self.waiting[before:] if pointer is row]
            for row, _, _ in rows
        }
        for row, _, size in rows:
            for place, _ in places[row]:
                self.row(Op.ADD, place, size)
        self.row(Op.ADD, counts, 1)
        if counter is not None and self.depth == 1:
            self.row(Op.PAUSE)
        test = self.row(Op.JUMP_IF_LESS, counts, limit, first)
        end = self.row(Op.JUMP, 0)
        self.land(setup, 1)
        for row, (whole, begin), _ in rows:
            for place, extra in places[row]:
                self.row(Op.SET, place, (whole, begin + extra))
        self.row(Op.JUMP, test)
        self.land(end, 1)

    def in_parts(self, count: int, part: Callable[[int], None]) -> None:
        """Rows that threads share, part by part; what a part makes lies in the memory of the thread that runs it."""
        call = self.row(Op.CALL, ("parts", 0), 0, count, 1)
        leave = self.row(Op.JUMP, 0)
        first = self.here()
        begins: list[int] = []
        for number in range(count):
            self.room, before, body = Arena(), len(self.waiting), self.here()
            kernels = len(self.kernels)
            part(number)
            self.row(Op.END)
            begins.append(self.here())
            own = [entry for entry in self.waiting[before:] if isinstance(entry[1], OfThread)]
            front = max((kernel.scratch for kernel in self.kernels[kernels:]), default=0)  # what these use lies there
            front = -(-front // alignment) * alignment
            for name, pointer, extra in own:
                assert isinstance(pointer, OfThread)  # noqa: S101  (as it was chosen)
                self.row(Op.OWN, name, front + pointer.offset + extra)
            self.row(Op.JUMP, body)
            self.own = max(self.own, front + self.room.size)
        self.room = self.arena
        self._put(("row", call * ROW_WORDS + 2), self.arguments([("status", 0), *begins]))
        self.shared.append((call, range(first, self.here())))
        self.land(leave, 1)
