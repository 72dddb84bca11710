"""Native functions of whole words, for the executor and its threads: every value is an ``i64``, addresses too."""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import platform
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llvmlite import ir

if TYPE_CHECKING:
    from collections.abc import Generator

i8, i32, i64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
words = i64.as_pointer()
kernel = ir.FunctionType(ir.VoidType(), [words, i64, i64, i8.as_pointer()])

x86 = platform.machine().lower() in {"x86_64", "amd64"}
arm = platform.machine().lower() in {"aarch64", "arm64"}

PLAIN_ARITHMETIC = 0x1F80 if x86 else 0
"""What stands in the processor's register for arithmetic: round to nearest, keep subnormal numbers, never trap."""


class Code:
    """A native function ``i64 name(i64 …)`` while it is written.

    Parameters
    ----------
    module
        Where it stands.
    name, parameters
        What it is called, and its arguments, found again in ``values``.
    public
        Whether Python calls it. All others are known in the module only: they may be called what they do, as is sleep.
    """

    def __init__(self, module: Any, name: str, parameters: tuple[str, ...], *, public: bool = False) -> None:
        self.module = module
        self.function = ir.Function(module, ir.FunctionType(i64, [i64] * len(parameters)), name)
        self.function.linkage = "" if public else "internal"
        self.values = dict(zip(parameters, self.function.args, strict=True))
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))

    def pointer(self, address: Any, word: Any = 0) -> Any:
        """Where a word stands, counted from an address."""
        base = self.builder.inttoptr(address, words)
        return self.builder.gep(base, [i64(word) if isinstance(word, int) else word])

    def load(self, address: Any, word: Any = 0, *, order: str = "") -> Any:
        """Read a word; with ``order`` as an atomic (``monotonic``, ``acquire``, ``seq_cst``)."""
        place = self.pointer(address, word)
        return self.builder.load_atomic(place, order, 8) if order else self.builder.load(place, align=8)

    def store(self, value: Any, address: Any, word: Any = 0, *, order: str = "") -> None:
        """Write a word; with ``order`` as an atomic (``monotonic``, ``release``, ``seq_cst``)."""
        value = i64(value) if isinstance(value, int) else value
        place = self.pointer(address, word)
        if order:
            self.builder.store_atomic(value, place, order, 8)
        else:
            self.builder.store(value, place, align=8)

    def replace(self, address: Any, word: Any, old: Any, new: Any) -> Any:
        """Write ``new`` if ``old`` stands there, in one step; whether it did."""
        place = self.pointer(address, word)
        old, new = (i64(value) if isinstance(value, int) else value for value in (old, new))
        return self.builder.extract_value(self.builder.cmpxchg(place, old, new, "seq_cst"), 1)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function of this module, or a kernel of words that is declared elsewhere in it."""
        given = [i64(value) if isinstance(value, int) else value for value in arguments]
        return self.builder.call(self.module.globals[name], given)

    def call_kernel(self, address: Any, arguments: Any, begin: Any, end: Any, scratch: Any) -> None:
        """Run the part of a kernel from ``begin`` to before ``end``."""
        given = [self.builder.inttoptr(arguments, words), begin, end, self.builder.inttoptr(scratch, i8.as_pointer())]
        self.builder.call(self.builder.inttoptr(address, kernel.as_pointer()), given)

    def call_system(self, name: str, *arguments: Any, result: Any = None) -> Any:
        """Call a function of the C library, or an instruction of the processor that LLVM knows by a name."""
        declared = self.module.globals.get(name)
        if declared is None:
            kind = ir.FunctionType(result or ir.VoidType(), [value.type for value in arguments])
            declared = ir.Function(self.module, kind, name)
        return self.builder.call(declared, arguments)

    def relax(self) -> None:
        """Wait for some ten nanoseconds, as one does in a loop: it saves power and disturbs no neighbour."""
        if x86:
            self.call_system("llvm.x86.sse2.pause")
        elif arm:
            self.call_system("llvm.aarch64.hint", i32(1))

    def is_equal(self, first: Any, second: Any) -> Any:
        """Whether two words are the same."""
        return self.builder.icmp_signed("==", first, i64(second) if isinstance(second, int) else second)

    def is_less(self, first: Any, second: Any) -> Any:
        """Whether the first of two words is the smaller number."""
        return self.builder.icmp_signed("<", first, i64(second) if isinstance(second, int) else second)

    @contextmanager
    def each(self, start: int, stop: Any) -> Generator[Any]:
        """A loop over the numbers from ``start`` to before ``stop``."""
        builder = self.builder
        before = builder.block
        test, body, after = (builder.append_basic_block(name) for name in ("test", "body", "after"))
        builder.branch(test)
        builder.position_at_end(test)
        number = builder.phi(i64)
        number.add_incoming(i64(start), before)
        builder.cbranch(self.is_less(number, stop), body, after)
        builder.position_at_end(body)
        yield number
        number.add_incoming(builder.add(number, i64(1)), builder.block)
        builder.branch(test)
        builder.position_at_end(after)


def write_clock(module: Any) -> None:
    """``i64 nanoseconds()``: a clock that only goes forward; some 20 ns."""
    code = Code(module, "nanoseconds", ())
    builder = code.builder
    place = builder.alloca(ir.ArrayType(i64, 2))
    if sys.platform == "win32":
        code.call_system("QueryPerformanceCounter", place)
        tick = round(time.get_clock_info("perf_counter").resolution * 1e9)
        builder.ret(builder.mul(builder.load(builder.bitcast(place, words)), i64(tick)))
        return
    code.call_system("clock_gettime", i32(time.CLOCK_MONOTONIC), place)
    seconds, rest = (builder.load(builder.gep(place, [i64(0), i64(word)])) for word in (0, 1))
    builder.ret(builder.add(builder.mul(seconds, i64(10**9)), rest))


def write_arithmetic(module: Any) -> None:
    """``i64 arithmetic(register)``: set how the thread computes with floats; what was set before.

    Some libraries make the thread that loads them take subnormal numbers for 0: results would depend on the thread.
    """
    code = Code(module, "arithmetic", ("register",))
    builder, register = code.builder, code.values["register"]
    if x86:
        place = builder.alloca(i32)
        byte = builder.bitcast(place, i8.as_pointer())
        code.call_system("llvm.x86.sse.stmxcsr", byte)
        before = builder.zext(builder.load(place), i64)
        builder.store(builder.trunc(register, i32), place)
        code.call_system("llvm.x86.sse.ldmxcsr", byte)
    elif arm:
        before = code.call_system("llvm.aarch64.get.fpcr", result=i64)
        code.call_system("llvm.aarch64.set.fpcr", register)
    else:
        before = i64(0)
    builder.ret(before)
