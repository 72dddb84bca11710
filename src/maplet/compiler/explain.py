"""`explain_compile`: what of a function runs as native code, what does not, and what memory that takes."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.compiler.instructions import Op
from maplet.compiler.jit import Bound, Compiled, Jitted
from maplet.compiler.loop_text import text
from maplet.compiler.signature import Flat
from maplet.core.context import located
from maplet.core.memory import address_of
from maplet.core.recording import as_tree, record
from maplet.core.text import node_names
from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from maplet.compiler.program import Program
    from maplet.core.graph import Node


@dataclass(frozen=True)
class Native:
    """A part of a program that runs without Python: so many kernels, and how many of them in loops."""

    kernels: int
    in_loops: int

    def __str__(self) -> str:
        loops = f", {self.in_loops} of them in loops" if self.in_loops else ""
        return f"native   {_counted(self.kernels, 'kernel')}{loops}"


@dataclass(frozen=True)
class Host:
    """An operation for which a program comes back to Python, where NumPy computes it.

    ``rounds`` is how often it does so in one run; None in a loop whose length nobody knows before.
    """

    operation: str
    types: str
    where: str
    rounds: int | None

    def __str__(self) -> str:
        often = "in every round of a while loop" if self.rounds is None else f"{self.rounds} times"
        place = "   ".join([self.types, self.where, *([often] if self.rounds != 1 else [])])
        return f"host     {self.operation}   {place}"


@dataclass(frozen=True)
class Explanation:
    """What became of a function. Printed, it is a report.

    Attributes
    ----------
    name, where
        The function, and where it stands.
    parts
        Native segments and host calls, in order.
    kernels, distinct
        How many calls of kernels stand in the program, and of how many kernels.
    arena
        Bytes of memory for what lies between inputs and outputs.
    in_place, moved
        Names of the arrays that the function writes, by whether they are overwritten where they lie; and those that
        are computed elsewhere, and then copied or given new memory.
    reasons
        Why it was compiled, once for each time; empty for a function that is not jitted.
    """

    name: str
    where: str
    parts: tuple[Native | Host, ...]
    kernels: int
    distinct: int
    arena: int
    in_place: tuple[str, ...]
    moved: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def host_calls(self) -> tuple[Host, ...]:
        """What is not native."""
        return tuple(part for part in self.parts if isinstance(part, Host))

    def __str__(self) -> str:
        hosts = _counted(len(self.host_calls), "host call") if self.host_calls else "no host calls"
        written = len(self.in_place) + len(self.moved)
        lines = [
            " · ".join(part for part in (self.name, self.where) if part),
            *(f"  {part}" for part in self.parts),
            f"kernels  {self.kernels}, of which {self.distinct} distinct; {hosts}",
            f"memory   {_size(self.arena)} between inputs and outputs",
        ]
        if written:
            lines.append(f"writes   {_counted(written, 'array')}, {len(self.in_place)} of them in place")
        if self.moved:
            lines.append(f"  not in place: {', '.join(self.moved)}")
        if self.reasons:
            lines.append(f"compiled {_counted(len(self.reasons), 'time')}")
        return "\n".join([*lines, *(f"  {number}. {reason}" for number, reason in enumerate(self.reasons, 1))])

    __repr__ = __str__


@located
def explain_compile(f: Callable[..., Any], *args: Any) -> Explanation:
    """Say what of a function runs as native code: nothing falls back to Python in silence.

    Parameters
    ----------
    f
        A function, jitted or not.
    *args
        What it is called with. Nothing is run, and nothing that ``f`` writes is written. They may be left out for a
        jitted function that was called: then its latest program is told of.

    Returns
    -------
    A report to print, whose parts are also its attributes: native segments around host calls, kernels, memory, and
    why it was compiled.

    Raises
    ------
    SettingError
        If the arguments do not fit the function.
    TraceError
        If ``f`` needs the value of an array in Python.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.explain_compile(lambda x: mp.argsort(mp.exp(x)), mp.ones(3)).host_calls[0].operation
    'argsort'
    """
    function, given = unwrapped(f, args)
    jitted: Jitted[Any, Any] | None = f.jitted if isinstance(f, Bound) else f if isinstance(f, Jitted) else None  # pyright: ignore[reportUnknownVariableType]  (what it takes is no matter)
    if jitted is not None and not args and jitted.programs:
        made: Compiled = list(jitted.programs.values())[-1]
    else:
        made, _ = compiled(function, given)
    program = made.program
    names = node_names(program.graph)
    in_place = [k for n, k in program.donated.items() if is_in_place(program, n)]
    outputs = range(made.recording.result_count, len(made.recording.outputs))
    moved = [names_of_write(made, n) for n in outputs if not (n in program.donated and is_in_place(program, n))]
    kernels = program.instructions.kernels
    return Explanation(
        getattr(function, "__qualname__", type(function).__name__),
        _place(function),
        tuple(_parts(program)),
        len(kernels),
        len({text(kernel, canonical=True) for kernel in {id(k): k for k in kernels}.values()}),
        program.instructions.arena.size,
        tuple(names[program.graph.inputs[k]] for k in in_place),
        tuple(moved),
        tuple(jitted.reasons) if jitted is not None else (),
    )


# ── programs ─────────────────────────────────────────────────────────────────────────────────────


def unwrapped(f: Callable[..., Any], args: Sequence[Any]) -> tuple[Callable[..., Any], list[Any]]:
    """The Python function behind a jitted one, and all its arguments."""
    if isinstance(f, Bound):
        return f.jitted.function, [f.instance, *args]
    return (f.function if isinstance(f, Jitted) else f), list(args)


def compiled(function: Callable[..., Any], args: Sequence[Any]) -> tuple[Compiled, Flat]:
    """A function as a program of its own, which nobody else runs, and what it is given."""
    if not callable(function):
        raise SettingError(f"a function is wanted, given {type(function).__name__}", fix="give f, x and not f(x)")
    try:
        inspect.signature(function).bind(*args)
    except TypeError as error:
        name = getattr(function, "__name__", "the function")
        raise SettingError(f"{name}: {error}", fix="each of its arguments must be given") from error
    given = [as_tree(argument) for argument in args]
    recording = record(function, given, with_values=False)
    flat = Flat([given, {}, function])
    return Compiled(recording, flat), flat


def is_in_place(program: Program, output: int) -> bool:
    """Whether an output is made in the memory of the input that it replaces."""
    made, block = program.instructions.made, program.block
    source = block.inputs[program.donated[output]]
    return made.get(block.outputs[output]) is made.get(source)


def names_of_write(made: Compiled, output: int) -> str:
    """What the function calls an array that it writes."""
    program, leaf = made.program, made.recording.outputs[output]
    if output in program.donated:
        return node_names(program.graph)[program.graph.inputs[program.donated[output]]]
    for write in made.recording.writes:
        if write.content is leaf:
            return ".".join(part for part in (type(write.target).__name__, write.name) if part)
    return f"output {output}"


def rounds_of(program: Program) -> list[int | None]:
    """For each row, how often it runs if no branch leads around it; None within a loop of unknown length."""
    table = program.table
    rounds: list[int | None] = [1] * len(table)
    for number, row in enumerate(table.tolist()):
        count: int | None = None
        if row[0] == Op.JUMP_IF_LESS and row[3] <= number:
            first, count = row[3], int(program.memory[(row[2] - address_of(program.memory)) // 8])
        elif row[0] == Op.JUMP and row[1] <= number and _is_left(table[row[1] : number], number + 1):
            first = row[1]
        else:
            continue
        for inside in range(first, number + 1):
            known = rounds[inside]
            rounds[inside] = None if count is None or known is None else known * count
    return rounds


def _is_left(rows: NDArray[np.int64], row: int) -> bool:
    """Whether some rows jump to one behind them, as those of a while loop do."""
    jumps = {Op.JUMP: 1, Op.JUMP_IF_FALSE: 2}
    return any(bool(np.any(rows[rows[:, 0] == op, word] == row)) for op, word in jumps.items())


def _parts(program: Program) -> list[Native | Host]:
    """What runs between host calls, and these."""
    origins, rounds = program.origins, rounds_of(program)
    found: list[Native | Host] = []
    calls: list[int] = []

    def end_native() -> None:
        if calls:
            found.append(Native(len(calls), sum(rounds[row] != 1 for row in calls)))
            calls.clear()

    for number in np.flatnonzero(np.isin(program.table[:, 0], (Op.CALL, Op.HOST))).tolist():
        if program.table[number, 0] == Op.CALL:
            calls.append(number)
            continue
        end_native()
        node = program.instructions.hosts[int(program.table[number, 1])][0]
        where = str(origins.get(node, ""))
        found.append(Host(node.primitive.name, types_of(node), where, rounds[number]))
    end_native()
    return found


def types_of(node: Node) -> str:
    """``f32[4] → i64[4]``."""
    gives = node.type if isinstance(node.type, tuple) else (node.type,)
    return f"{', '.join(str(child.type) for child in node.inputs)} → {', '.join(map(str, gives))}".strip()


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def _place(function: Any) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code is not None else ""


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
