"""The instructions of a compiled program, and the words by which it and Python speak with each other.

A program is an ``int64`` array of shape (rows, 6), C order; word 0 of a row is the instruction, the rest its operands,
unused words are 0. Addresses are those of memory that somebody else keeps alive. Example, a kernel run 10 times::

    SET            address of i,  0
    CALL           kernel, address of its arguments, 1000, 1
    ADD            address of i,  1
    JUMP_IF_LESS   address of i,  address of 10,  1
    END
"""

from __future__ import annotations

from enum import IntEnum

ROW_WORDS = 6


class Op(IntEnum):
    """What a row does. Then the row below follows, where nothing else is said."""

    END = 0
    """The program has run; the next run begins at row 0."""
    CALL = 1
    """(function, address of arguments, count, parallel): run a kernel from 0 to count; if ``parallel`` is not 0,
    threads share it (`threads_ir`)."""
    COPY = 2
    """(to, from, bytes): copy memory; the two may overlap."""
    SET = 3
    """(address, value): write an i64."""
    ADD = 4
    """(address, delta): add to an i64, which may be an operand of a row or an argument of a kernel."""
    JUMP = 5
    """(row): go there."""
    JUMP_IF_FALSE = 6
    """(address, row): go there if the byte is 0."""
    JUMP_IF_EQUAL = 7
    """(address, value, row): go there if the i64 is that number."""
    JUMP_IF_LESS = 8
    """(address of a counter, address of a limit, row): go there if the first i64 is the smaller one."""
    HOST = 9
    """(number): return to Python for an operation that it knows by the number; it then goes on at the row below."""
    PAUSE = 10
    """Return to Python if the time is spent or an error was reported; it then goes on at the row below."""
    OWN = 11
    """(address, offset): write the address of what lies so far behind the begin of the thread's own memory."""


class Word(IntEnum):
    """What stands where in the control words, an ``int64`` array that belongs to one program."""

    ROW = 0
    """Where the program goes on."""
    HOST = 1
    """The number of the operation that Python is to run."""
    STATUS = 2
    """The number of an error that a kernel has reported; 0: none. Set to 0 when the program starts."""
    BUDGET = 3
    """Nanoseconds from entering to the `PAUSE` that returns; 0: none returns."""
    TABLE = 4
    """The address of the table."""
    SCRATCH = 5
    """The address of the calling thread's own memory for kernels."""
    POOL = 6
    """The address of the words of the threads that help; 0: none."""
    PROFILE = 7
    """The address of two i64 per row, nanoseconds and calls, that every `CALL` adds to; 0: nobody asks."""


class Outcome(IntEnum):
    """Why a run came back to Python."""

    DONE = 0
    """It is at its end."""
    HOST = 1
    """Python is to run the operation `Word.HOST`."""
    PAUSED = 2
    """Its time is spent."""
    FAILED = 3
    """A kernel has reported the error `Word.STATUS`."""
