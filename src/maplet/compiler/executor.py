"""Runs compiled programs: tables of instructions (`instructions`), by one native function (`executor_ir`).

::

    control = new_control()                      # first: kernels are given the address of its status word
    table = np.array([[Op.CALL, function, address, count, 0, 0], [Op.END, 0, 0, 0, 0, 0]])
    executor = Executor(table, control)
    outcome = executor.start()
    while outcome == Outcome.HOST:
        operations[control[Word.HOST]]()
        outcome = executor.resume()
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from maplet.compiler import threads
from maplet.compiler.instructions import ROW_WORDS, Op, Word
from maplet.compiler.native import Source, library
from maplet.core.memory import address_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

AFRESH, ON = ctypes.c_int64(0), ctypes.c_int64(1)
of_pools = ("maplet_prepare", "maplet_wake", "maplet_serve") if threads.CAN_SHARE else ()
symbols = ("maplet_execute", "maplet_parts", *of_pools)
SCRATCH, POOL = int(Word.SCRATCH), int(Word.POOL)  # a plain int is found a quarter of a microsecond sooner


@dataclass(frozen=True)
class Native:
    """The native functions of the executor. Calling one leaves the GIL to others."""

    execute: Callable[[ctypes.c_void_p, ctypes.c_int64], int]
    """(address of the control words, `AFRESH` or `ON`) → `Outcome`"""
    parts: int
    """The address of the function that runs parts of a program."""
    pool: threads.PoolFunctions | None
    """Where there is only one thread, None."""


def _emit() -> str:
    from maplet.compiler.executor_ir import emit  # noqa: PLC0415  (it is found on disk, but for the first time)

    return emit()


@cache
def native() -> Native:
    """The executor as machine code."""
    code = library()
    ((execute, parts, *others),) = code.functions({code.key("executor"): Source(symbols, _emit)})
    pool = None
    if others:
        word = ctypes.c_int64
        prepare, wake, serve = others
        one, two = ctypes.CFUNCTYPE(ctypes.c_int, word), ctypes.CFUNCTYPE(ctypes.c_int, word, word)
        pool = threads.PoolFunctions(one(prepare), one(wake), two(serve))
    # Where no arguments are declared, prepared ones go as they are: that saves a fifth of a microsecond.
    return Native(ctypes.CFUNCTYPE(ctypes.c_int)(execute), parts, pool)


def new_control() -> NDArray[np.int64]:
    """The control words of a program (`Word`), all 0."""
    return np.zeros(len(Word), np.int64)


class Executor:
    """A program and what it needs to run, in one thread of Python at a time.

    Parameters
    ----------
    table
        Its instructions: (rows, 6) words in C order. Kept, not copied: rows may change themselves.
    control
        Its control words, from `new_control`. Budget and profile may be set between runs.
    scratch
        Bytes of memory that its kernels need in each thread.

    Raises
    ------
    ValueError
        A table of another form, a word 0 that is no instruction, or a last row that is no END.
    """

    def __init__(self, table: NDArray[np.int64], control: NDArray[np.int64], *, scratch: int = 0) -> None:
        check(table)
        self.table = table
        self.control = control
        self.words = control.data  # a view that is quicker to write to
        self.scratch = scratch
        self.native = native()
        self.address = ctypes.c_void_p(address_of(control))
        # Without parallel rows no pool is started, and none is taken from others.
        parallel = (table[:, 0] == Op.CALL) & (table[:, 4] != 0)
        self.pool = self.native.pool if parallel.any() else None
        control[Word.TABLE] = address_of(table)

    def start(self) -> int:
        """Run from the first row; why it came back (`Outcome`)."""
        return self._enter(AFRESH)

    def resume(self) -> int:
        """Go on after an operation of Python's or a pause; why it came back (`Outcome`)."""
        return self._enter(ON)

    def _enter(self, how: ctypes.c_int64) -> int:
        """Run with what belongs to the calling thread, which is held until the run is over."""
        memory = pool = None
        if self.scratch:
            memory = threads.own_scratch(self.scratch)
            self.words[SCRATCH] = memory.address
        if self.pool is not None:
            pool = threads.helpers(self.pool, self.scratch)
            self.words[POOL] = 0 if pool is None else pool.address
        return self.native.execute(self.address, how)


def check(table: NDArray[np.int64]) -> None:
    """Raise ValueError if an array cannot be a table of instructions."""
    form = (table.dtype, table.shape[1:], table.flags.c_contiguous)
    if form != (np.int64, (ROW_WORDS,), True):
        raise ValueError(f"table: int64 of shape (rows, {ROW_WORDS}) in C order, not {table.dtype} {table.shape}")
    operations = table[:, 0]
    if not len(table) or operations.min() < 0 or operations.max() >= len(Op) or operations[-1] != Op.END:
        raise ValueError("table: word 0 of every row must be an instruction (`Op`), that of the last END")
