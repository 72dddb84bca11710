"""Threads that help a program: how many, where they wait, and their memory.

A worker is a Python thread that enters native code once (`threads_ir`) and waits there, without the GIL, until its
pool is closed. A pool starts with the first program that has work to share and belongs to one run at a time; another
run at the same moment does its work alone. The number of threads never changes a result, only the time.

On Windows programs run in one thread.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from maplet.compiler.cores import cores
from maplet.errors import SettingError
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Callable

CAN_SHARE = sys.platform != "win32"
MOST = 1024
ALIGNMENT = 128
LINE = ALIGNMENT // 8  # words that only ever move together from one processor's cache to another's


class Post(IntEnum):
    """What stands where in the words of a pool. What different threads write stands in different lines."""

    EPOCH = 0
    """How many kernels were shared so far."""
    CLOSED = 1
    """Not 0: workers shall leave."""
    THREADS = 2
    """How many threads share, the caller's included."""
    FUNCTION = 3
    ARGUMENTS = 4
    COUNT = 5
    OWNER = LINE
    """1 while a run has the pool."""
    SLEEPERS = LINE + 1
    """How many workers sleep."""
    MUTEX = 2 * LINE
    CONDITION = 3 * LINE
    FIRST = 4 * LINE
    """From here one line per thread: its state, the address of its scratch memory, the pieces of its share taken."""


@dataclass(frozen=True)
class PoolFunctions:
    """The native functions of pools (`threads_ir`); each is given the address of a pool's words."""

    prepare: Callable[[int], int]
    """Make its lock."""
    wake: Callable[[int], int]
    """Let its workers look again."""
    serve: Callable[[int, int], int]
    """With the number of a thread: wait for work and do it, until the pool is closed."""


class Memory:
    """Bytes for native code, whose address is a multiple of 128; not set to anything, unless to zeros."""

    def __init__(self, size: int, *, zeros: bool = False) -> None:
        self.size = size
        make = np.zeros if zeros else np.empty
        self.bytes = make(size + ALIGNMENT, np.uint8)
        self.address = -(-self.bytes.ctypes.data // ALIGNMENT) * ALIGNMENT
        start = self.address - self.bytes.ctypes.data
        self.words = self.bytes[start : start + size // 8 * 8].view(np.int64)


class Pool:
    """Workers and the words through which they are spoken to.

    Parameters
    ----------
    threads
        How many share a kernel, the caller's thread included.
    functions
        What they and their callers do.

    Raises
    ------
    RuntimeError
        The system gives no more threads, or Python is about to end.
    """

    def __init__(self, threads: int, functions: PoolFunctions) -> None:
        self.threads = threads
        self.functions = functions
        self.post = Memory((Post.FIRST + threads * LINE) * 8, zeros=True)
        self.address = self.post.address
        self.post.words[Post.THREADS] = threads
        self.scratch = 0
        self.kept: list[Memory] = []
        self.workers: list[threading.Thread] = []
        functions.prepare(self.address)
        try:
            for number in range(1, threads):
                worker = threading.Thread(target=self.serve, args=(number,), name=f"maplet-{number}", daemon=True)
                worker.start()
                self.workers.append(worker)
        except BaseException:
            self.close()
            raise

    def serve(self, number: int) -> None:
        """What a worker does."""
        self.functions.serve(self.address, number)

    def give_scratch(self, size: int) -> None:
        """See that every worker has at least so many bytes. What they had is kept: a run may be using it."""
        if size > self.scratch:
            size = max(size, 2 * self.scratch)
            for number in range(1, self.threads):
                memory = Memory(size)
                self.kept.append(memory)
                self.post.words[Post.FIRST + number * LINE + 1] = memory.address
            self.scratch = size

    def close(self, seconds: float | None = None) -> None:
        """Send the workers home, once they have done what they are at; with ``seconds``, wait so long at most."""
        self.post.words[Post.CLOSED] = 1
        self.functions.wake(self.address)
        if seconds is not None:
            deadline = time.monotonic() + seconds
            for worker in self.workers:
                worker.join(max(0.0, deadline - time.monotonic()))


class Current:
    """What this process has now."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.pool: Pool | None = None
        self.guard = threading.Lock()
        self.ended = False

    def forget(self) -> None:
        """In the child of a fork: the workers stayed behind, and so may have whoever held the lock."""
        self.pool = None
        self.guard = threading.Lock()

    def end(self) -> None:
        """Before Python ends: workers leave native code while they still can."""
        self.ended = True
        if self.pool is not None:
            self.pool.close(1.0)
            self.pool = None


current = Current()
local = threading.local()
atexit.register(current.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=current.forget)


def set_threads(number: int) -> None:
    """Let programs use so many threads from their next run on; results stay the same, bit for bit.

    Parameters
    ----------
    number
        From 1 to 1024. More than there are cores is seldom of use. Without this call it is the environment variable
        ``MAPLET_THREADS``, or else the number of cores that this process may use.

    Raises
    ------
    SettingError
        Another number, or none.

    Examples
    --------
    >>> set_threads(2)
    """
    current.number = whole("set_threads: number", number, least=1, most=MOST)


def threads() -> int:
    """How many threads a program uses at most; on Windows 1, whatever is set.

    Raises
    ------
    SettingError
        The environment variable ``MAPLET_THREADS`` is set, but to no number from 1 to 1024.
    """
    if not CAN_SHARE:
        return 1
    if current.number is None:
        current.number = default_number()
    return current.number


def default_number() -> int:
    """What ``MAPLET_THREADS`` says; if it is not set or empty, the cores that this process may use."""
    text = os.environ.get("MAPLET_THREADS", "").strip()
    if not text:
        return min(cores(), MOST)
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise SettingError(
            f"MAPLET_THREADS={text!r}: a whole number from 1 to {MOST} was expected",
            fix="MAPLET_THREADS=2, or do not set it: then all cores are used that this process may use",
        )
    return int(text)


def helpers(functions: PoolFunctions, scratch: int) -> Pool | None:
    """The pool of this process with so much scratch memory per worker; None if one thread is to do, or none starts."""
    number = threads()
    pool = current.pool
    if pool is not None and pool.threads == number and pool.scratch >= scratch:
        return pool
    if number == 1 or current.ended:
        return None
    with current.guard:
        pool = current.pool
        if pool is None or pool.threads != number:
            if pool is not None:
                pool.close()
            current.pool = None
            try:
                pool = current.pool = Pool(number, functions)
            except RuntimeError:
                return None
        pool.give_scratch(scratch)
        return pool


def own_scratch(size: int) -> Memory:
    """Memory of the calling thread, for any program that it runs, one after the other."""
    memory: Memory | None = getattr(local, "scratch", None)
    if memory is None or memory.size < size:
        memory = local.scratch = Memory(size)
    return memory
