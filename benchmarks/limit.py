"""What the machine could do: multiply-adds per second from registers alone, and bytes per second of a copy.

Run as a process of its own, ``python -m benchmarks.limit THREADS``, it prints both as JSON. A workload cannot be done
in less time than its multiply-adds take at the first rate, and after them, where they have to wait for these, the bytes
that it must move take at the second: that of the nearest cache into which they fit, or of memory.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import ctypes
import json
import platform
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from benchmarks.machine import cores, last_level_cache, memory, pin, second_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROUNDS, SECONDS, COPIED = 15, 0.05, 64 * 2**20


@dataclass(frozen=True)
class Limit:
    """Rates of so many threads together, each the best of several tries."""

    threads: int
    flops: float
    """Floating-point operations per second in float32; a multiply-add is two."""
    memory: float
    """Bytes per second of a copy of large arrays, those read and those written."""
    near: float
    """The same of arrays in the caches that cores have for their own,"""
    near_bytes: int
    """which hold so many bytes together;"""
    far: float
    """and of arrays in the last cache,"""
    far_bytes: int
    """which holds so many."""

    def seconds(self, flops: float, moves: Iterable[Sequence[float]], streams: Iterable[Sequence[float]] = ()) -> float:
        """The time in which nothing could do so much.

        ``moves`` are bytes, and how many bytes they go round in, that wait for the operations; ``streams`` such as pass
        meanwhile.
        """
        after, meanwhile = (sum(moved / self._rate(within) for moved, within in each) for each in (moves, streams))
        return max(flops / self.flops, meanwhile) + after

    def _rate(self, within: float) -> float:
        return self.near if within <= self.near_bytes else self.far if within <= self.far_bytes else self.memory


def vector_registers() -> tuple[int, int]:
    """How many float32 one register of this machine holds, and how many sums to keep in registers at a time.

    Each sum waits some four or five cycles for its last multiply-add while two are begun per cycle, so ten would do;
    with 32 registers there is room for 24, with 16 for 12.
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 24
    if features.get("avx2") or features.get("avx"):
        return 8, 12
    return (4, 24) if platform.machine() in {"aarch64", "arm64"} else (4, 12)


def peak_kernel() -> ir.Module:
    """The kernel ``void peak(i64 rounds, float *memory)``: in each round every sum becomes sum · factor + term.

    ``memory`` holds the factor, the term, and where each sum begins, a register each; it takes the sums at the end, so
    that none of them is idle work that could be left out. No two begin alike, so none can be taken for another.
    """
    lanes, sums = vector_registers()
    vector, word = ir.VectorType(ir.FloatType(), lanes), ir.IntType(64)
    module = ir.Module("limit")
    multiply_add = ir.Function(module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{lanes}f32")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [word, vector.as_pointer()]), "peak")
    rounds, memory = function.args
    entry, loop, leave = (function.append_basic_block(name) for name in ("entry", "loop", "leave"))

    build = ir.IRBuilder(entry)
    places = [build.gep(memory, [ir.Constant(word, n)]) for n in range(sums + 2)]
    factor, term, *starts = [build.load(place, align=4 * lanes) for place in places]
    build.branch(loop)

    build.position_at_end(loop)
    count, totals = build.phi(word), [build.phi(vector) for _ in starts]
    new = [build.call(multiply_add, [total, factor, term]) for total in totals]
    following = build.add(count, ir.Constant(word, 1))
    build.cbranch(build.icmp_signed("<", following, rounds), loop, leave)
    for phi, start, result in zip([count, *totals], [ir.Constant(word, 0), *starts], [following, *new], strict=True):
        phi.add_incoming(start, entry)
        phi.add_incoming(result, loop)

    build.position_at_end(leave)
    for place, result in zip(places[2:], new, strict=True):
        build.store(result, place, align=4 * lanes)
    build.ret_void()
    return module


class Peak:
    """The kernel in machine code; call it with a number of rounds."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        # Some processors ask compilers to stay at half their width; here the whole width is the point.
        features = llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit" * (platform.machine() == "x86_64")
        target = llvm.Target.from_default_triple()
        machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)
        parsed = llvm.parse_assembly(str(peak_kernel()))
        self.assembly: str = machine.emit_assembly(parsed)
        self.engine: Any = llvm.create_mcjit_compiler(parsed, machine)
        self.engine.finalize_object()
        address = self.engine.get_function_address("peak")
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(address)  # without Python's lock
        self.lanes, self.sums = vector_registers()

    def __call__(self, rounds: int) -> float:
        """The number of floating-point operations done."""
        size = self.lanes * (self.sums + 2)
        room = np.zeros(size + 16, np.float32)
        memory = room[(-room.ctypes.data % 64) // 4 :][:size]  # a register is loaded from a multiple of its size
        memory[...] = np.arange(size) / size
        memory[: self.lanes], memory[self.lanes : 2 * self.lanes] = 0.5, 1.0  # all sums tend to 2
        self.function(rounds, memory.ctypes.data)
        return 2.0 * self.lanes * self.sums * rounds


def best_rate(threads: int, work: Callable[[int], float]) -> float:
    """What ``work(thread)`` says that it did, added up over threads that begin together, per second; the best try.

    Each thread looks at the clock itself: who only waits for them may be late to see them begin.
    """
    gate, own = threading.Barrier(threads), cores()[:threads]
    tries: list[list[tuple[float, float, float]]] = [[] for _ in range(ROUNDS)]

    def serve(thread: int, core: int) -> None:
        pin([core])
        for one in tries:
            gate.wait()
            began = time.perf_counter()
            done = work(thread)
            one.append((began, time.perf_counter(), done))

    workers = [threading.Thread(target=serve, args=pair) for pair in enumerate(own)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return max(_rate(*zip(*one, strict=True)) for one in tries)


def _rate(began: Sequence[float], ended: Sequence[float], done: Sequence[float]) -> float:
    return sum(done) / (max(ended) - min(began))


def flop_rate(threads: int) -> float:
    """Floating-point operations per second from registers."""
    peak, rounds = Peak(), 1000
    while True:
        began = time.perf_counter()
        peak(rounds)
        if time.perf_counter() - began > SECONDS:
            break
        rounds *= 2
    return best_rate(threads, lambda _: peak(rounds))


def copy_rate(threads: int, size: int) -> float:
    """Bytes per second of copies between two arrays of so many bytes together, which threads share."""
    each = max(size // (8 * threads), 1)
    pairs = [(np.ones(each, np.float32), np.zeros(each, np.float32)) for _ in range(threads)]
    times = max(1, COPIED // (8 * each * threads))

    def copy(thread: int) -> float:
        source, target = pairs[thread]
        for _ in range(times):
            np.copyto(target, source)
        return 2.0 * source.nbytes * times

    return best_rate(threads, copy)


def measure(threads: int) -> Limit:
    """All of it: the copies go round in half of a cache, and in eight times the last one if so much memory is free."""
    last, own = last_level_cache(), threads * second_cache()
    large = int(min(8 * last, memory("MemAvailable") / 2))
    rates = {size: copy_rate(threads, size) for size in (large, own // 2, last // 2)}
    return Limit(threads, flop_rate(threads), rates[large], rates[own // 2], own, rates[last // 2], last)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(measure(int(sys.argv[1])))) + "\n")
