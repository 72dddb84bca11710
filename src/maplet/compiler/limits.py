"""What this machine can do at most, measured by kernels of the loop language: what a profile is compared with.

Computing: chains of multiply-additions that stay in registers, of vectors of 16 f32, two operations for each lane.
Memory: copying arrays far larger than any cache, counting the bytes read and those written. Both in as many threads as
a program has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from time import perf_counter_ns

import numpy as np

from maplet.compiler.executor import Executor, new_control
from maplet.compiler.instructions import Op, Word
from maplet.compiler.kernels import addresses
from maplet.compiler.loops import (
    After,
    Apply,
    Buffer,
    Carry,
    Constant,
    For,
    Kernel,
    Load,
    Size,
    Store,
    Value,
    Variable,
    apply,
    index,
    integer,
    plus,
    times,
)
from maplet.compiler.target import target
from maplet.compiler.threads import threads
from maplet.core.memory import address_of

chains = 12  # multiply-additions on their way at once: latency 4, two in a cycle, and some more
lanes = 16
turns = 8  # rounds that threads share
copied = 1 << 24  # f32 elements: 64 MiB


@dataclass(frozen=True)
class Limits:
    """The most that the machine was seen to do with so many threads."""

    threads: int
    flops: float
    """Floating operations in a second, of f32."""
    bytes: float
    """Bytes read and written in a second."""

    def time_of(self, flops: float, touched: float) -> float:
        """The seconds below which nothing can compute and touch so much; what lies in a cache may be faster."""
        return max(flops / self.flops, touched / self.bytes)


def limits() -> Limits:
    """The limits for the number of threads that programs have now, measured at the first call."""
    return _measured(threads())


@cache
def _measured(number: int) -> Limits:
    return Limits(number, _flops(), _bandwidth())


def _flops(rounds: int = 20_000) -> float:
    out = np.zeros(turns * lanes, np.float32)
    sizes = [rounds]
    return chains_at_once() * lanes * 2 * rounds * turns / _seconds(peak_kernel(), [out], sizes, turns)


def _bandwidth() -> float:
    source, out = np.ones(copied, np.float32), np.zeros(copied, np.float32)
    blocks = 64
    return 8 * copied / _seconds(copy_kernel(), [source, out], [copied // blocks], blocks)


def chains_at_once() -> int:
    """How many vectors of 16 f32 are held at once: no more than there are registers for."""
    kind = target()
    return max(1, min(chains, (kind.registers - 2) * kind.vector_bytes // 64))


def peak_kernel() -> Kernel:
    """``aₙ ← aₙ·y + z`` for a few vectors, without touching memory until the end."""
    turn, variable = index("turn"), index("k")
    out, rounds = Buffer("out", "f32"), Size("i64", 1, "rounds")
    scale, shift = Constant("f32", lanes, 0.5), Constant("f32", lanes, 0.25)
    carried = tuple(
        Carry(
            held := Variable("f32", lanes, f"a{n}"),
            Constant("f32", lanes, n),
            Apply("f32", lanes, "fma", (held, scale, shift)),
        )
        for n in range(chains_at_once())
    )
    inner = For(variable, integer(0), rounds, 1, (), carried)
    total: Value = After("f32", lanes, inner, 0)
    for number in range(1, len(carried)):
        total = apply("add", total, After("f32", lanes, inner, number))
    head = Kernel("peak", (), (), ())
    body = (inner, Store(out, times(turn, integer(lanes)), total))
    outer = For(turn, head.begin, head.end, 1, body)
    return Kernel("peak", (out,), ("rounds",), (outer,), 0, head.begin, head.end)


def copy_kernel() -> Kernel:
    """``out ← x``, block by block."""
    number, variable = index("block"), index("i")
    source, out, length = Buffer("x", "f32"), Buffer("out", "f32"), Size("i64", 1, "length")
    at = plus(times(number, length), variable)
    inner = For(variable, integer(0), length, lanes, (Store(out, at, Load("f32", lanes, source, at)),))
    head = Kernel("copy", (), (), ())
    outer = For(number, head.begin, head.end, 1, (inner,))
    return Kernel("copy", (source, out), ("length",), (outer,), 0, head.begin, head.end)


def _seconds(
    kernel: Kernel, arrays: list[np.ndarray[tuple[int], np.dtype[np.float32]]], sizes: list[int], count: int
) -> float:
    """The least time of a call, of five."""
    control = new_control()
    words = np.array([*map(address_of, arrays), *sizes, address_of(control, Word.STATUS)], np.int64)
    (function,) = addresses([kernel])
    table = np.array([[Op.CALL, function, address_of(words), count, 1, 0], [Op.END, 0, 0, 0, 0, 0]], np.int64)
    executor = Executor(table, control)
    times_: list[int] = []
    for _ in range(5):
        begin = perf_counter_ns()
        executor.start()
        times_.append(perf_counter_ns() - begin)
    return min(times_) / 1e9
