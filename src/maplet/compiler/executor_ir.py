"""The native function that runs a table of instructions (`executor`), written once in LLVM IR.

::

    i64 maplet_execute(i64 control, i64 resume)

It reads the row that it stands at, does it, and goes on to the next, until an instruction returns to Python.

::

    i64 maplet_parts(i64 arguments, i64 begin, i64 end, i64 scratch)

is called like a kernel, and so by several threads. Its arguments are the address of the program's status word, then the
row at which each part of the program begins; a part ends with END.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any

from llvmlite import ir

from maplet.compiler.instructions import ROW_WORDS, Op, Outcome, Word
from maplet.compiler.threads import CAN_SHARE, Post
from maplet.compiler.threads_ir import write_threads
from maplet.compiler.words_ir import PLAIN_ARITHMETIC, Code, i8, i64, write_arithmetic, write_clock

NEVER = (1 << 63) - 1


def emit() -> str:
    """The LLVM IR of the executor."""
    module = ir.Module("executor")
    write_clock(module)
    write_arithmetic(module)
    if CAN_SHARE:
        write_threads(module)
    Executing(module).write()
    write_parts(module)
    return str(module)


def write_parts(module: Any) -> None:
    """Run the parts from ``begin`` to before ``end``, each with control words of its own and no help of others."""
    code = Code(module, "maplet_parts", ("arguments", "begin", "end", "scratch"), public=True)
    builder, arguments = code.builder, code.values["arguments"]
    control = builder.ptrtoint(builder.alloca(ir.ArrayType(i64, len(Word))), i64)
    outer = builder.sub(code.load(arguments), i64(8 * Word.STATUS))
    for word in Word:
        shared = word in (Word.TABLE, Word.PROFILE)
        code.store(code.load(outer, word) if shared else 0, control, word)
    code.store(code.values["scratch"], control, Word.SCRATCH)
    begin = code.values["begin"]
    with code.each(0, builder.sub(code.values["end"], begin)) as number:
        row = code.load(arguments, builder.add(builder.add(begin, number), i64(1)))
        code.store(row, control, Word.ROW)
        code.call("maplet_execute", control, 1)
    builder.ret(i64(0))


class Executing:
    """Writes ``execute``: one block of code for each instruction, and the two that all of them share."""

    def __init__(self, module: Any) -> None:
        self.code = Code(module, "maplet_execute", ("control", "resume"), public=True)
        self.control = self.code.values["control"]
        append = self.code.function.append_basic_block
        self.dispatch, self.leave = append("dispatch"), append("leave")

    def write(self) -> None:
        """All of it."""
        builder = self.code.builder
        start = self.enter()
        entered = builder.block
        builder.branch(self.dispatch)

        builder.position_at_end(self.dispatch)
        self.row = builder.phi(i64, "row")
        self.row.add_incoming(start, entered)
        self.here = builder.add(self.table, builder.mul(self.row, i64(ROW_WORDS * 8)))
        self.below = builder.add(self.row, i64(1))
        blocks = {op: self.code.function.append_basic_block(op.name) for op in Op}
        choice = builder.switch(self.operand(0), blocks[Op.END])
        for op in Op:
            choice.add_case(i64(op), blocks[op])

        builder.position_at_end(self.leave)
        self.outcome, self.last = builder.phi(i64, "outcome"), builder.phi(i64, "last")

        for op, block in blocks.items():
            builder.position_at_end(block)
            getattr(self, f"_{op.name.lower()}")()
        builder.position_at_end(self.leave)
        self.return_to_python()

    # ── the ends ─────────────────────────────────────────────────────────────────────────────────

    def enter(self) -> Any:
        """What a run needs in registers; the row to begin at."""
        code, builder = self.code, self.code.builder
        self.table = code.load(self.control, Word.TABLE)
        self.scratch = code.load(self.control, Word.SCRATCH)
        self.profile = code.load(self.control, Word.PROFILE)
        self.pool = self.take_pool()
        self.arithmetic = code.call("arithmetic", PLAIN_ARITHMETIC)
        self.deadline, self.began = builder.alloca(i64), builder.alloca(i64)
        builder.store(i64(NEVER), self.deadline)
        budget = code.load(self.control, Word.BUDGET)
        with builder.if_then(code.is_less(i64(0), budget)):
            builder.store(builder.add(code.call("nanoseconds"), budget), self.deadline)
        afresh = code.is_equal(code.values["resume"], 0)
        with builder.if_then(afresh):
            code.store(0, self.control, Word.STATUS)
        return builder.select(afresh, i64(0), code.load(self.control, Word.ROW))

    def return_to_python(self) -> None:
        """Note where to go on and leave all as it was; an error that a kernel has reported goes before the rest."""
        code, builder = self.code, self.code.builder
        code.store(self.last, self.control, Word.ROW)
        code.call("arithmetic", self.arithmetic)
        with builder.if_then(builder.icmp_signed("!=", self.pool, i64(0))):
            code.store(0, self.pool, Post.OWNER, order="release")
        builder.ret(builder.select(self.has_failed(), i64(Outcome.FAILED), self.outcome))

    def has_failed(self) -> Any:
        """Whether a kernel has reported an error."""
        status = self.code.load(self.control, Word.STATUS, order="monotonic")
        return self.code.builder.icmp_signed("!=", status, i64(0))

    def take_pool(self) -> Any:
        """The pool, if there is one and no other run has it; else 0."""
        code, builder = self.code, self.code.builder
        pool = code.load(self.control, Word.POOL)
        taken = builder.alloca(i64)
        builder.store(i64(0), taken)
        with builder.if_then(builder.icmp_signed("!=", pool, i64(0))):
            free = code.replace(pool, Post.OWNER, 0, 1)
            builder.store(builder.select(free, pool, i64(0)), taken)
        return builder.load(taken)

    # ── parts of instructions ────────────────────────────────────────────────────────────────────

    def operand(self, number: int) -> Any:
        """A word of the row; 0 is the instruction itself."""
        return self.code.load(self.here, number)

    def go(self, row: Any) -> None:
        """Do that row next."""
        self.row.add_incoming(row, self.code.builder.block)
        self.code.builder.branch(self.dispatch)

    def go_if(self, condition: Any, row: Any) -> None:
        """Do that row next if the condition holds, else the one below."""
        self.go(self.code.builder.select(condition, row, self.below))

    def go_out(self, outcome: Outcome, row: Any) -> None:
        """Return to Python, to go on at that row."""
        self.outcome.add_incoming(i64(outcome), self.code.builder.block)
        self.last.add_incoming(row, self.code.builder.block)
        self.code.builder.branch(self.leave)

    # ── instructions, by their names ─────────────────────────────────────────────────────────────

    def _end(self) -> None:
        self.go_out(Outcome.DONE, i64(0))

    def _call(self) -> None:
        code, builder = self.code, self.code.builder
        watched = builder.icmp_signed("!=", self.profile, i64(0))
        with builder.if_then(watched, likely=False):
            builder.store(code.call("nanoseconds"), self.began)
        self.run_kernel()
        with builder.if_then(watched, likely=False):
            spent = builder.sub(code.call("nanoseconds"), builder.load(self.began))
            entry = builder.add(self.profile, builder.mul(self.row, i64(16)))
            code.store(builder.add(code.load(entry, 0), spent), entry, 0)
            code.store(builder.add(code.load(entry, 1), i64(1)), entry, 1)
        self.go(self.below)

    def run_kernel(self) -> None:
        """Run the kernel of this row, with the pool if that is wanted and can be."""
        code, builder = self.code, self.code.builder
        function, arguments, count, parallel = (self.operand(number) for number in (1, 2, 3, 4))
        has_pool = builder.icmp_signed("!=", self.pool, i64(0))
        wanted = builder.icmp_signed("!=", parallel, i64(0))
        shared = builder.and_(has_pool, builder.and_(wanted, code.is_less(i64(1), count)))
        if not CAN_SHARE:
            code.call_kernel(function, arguments, i64(0), count, self.scratch)
            return
        with builder.if_else(shared) as (together, alone):
            with together:
                code.call("together", self.pool, function, arguments, count, self.scratch)
            with alone:
                code.call_kernel(function, arguments, i64(0), count, self.scratch)

    def _copy(self) -> None:
        builder = self.code.builder
        to, source = (builder.inttoptr(self.operand(number), i8.as_pointer()) for number in (1, 2))
        self.code.call_system("memmove", to, source, self.operand(3))
        self.go(self.below)

    def _set(self) -> None:
        self.code.store(self.operand(2), self.operand(1))
        self.go(self.below)

    def _add(self) -> None:
        code, address = self.code, self.operand(1)
        code.store(code.builder.add(code.load(address), self.operand(2)), address)
        self.go(self.below)

    def _jump(self) -> None:
        self.go(self.operand(1))

    def _jump_if_false(self) -> None:
        builder = self.code.builder
        byte = builder.load(builder.inttoptr(self.operand(1), i8.as_pointer()))
        self.go_if(builder.icmp_signed("==", byte, i8(0)), self.operand(2))

    def _jump_if_equal(self) -> None:
        found = self.code.load(self.operand(1))
        self.go_if(self.code.is_equal(found, self.operand(2)), self.operand(3))

    def _jump_if_less(self) -> None:
        counter, limit = (self.code.load(self.operand(number)) for number in (1, 2))
        self.go_if(self.code.is_less(counter, limit), self.operand(3))

    def _own(self) -> None:
        self.code.store(self.code.builder.add(self.scratch, self.operand(2)), self.operand(1))
        self.go(self.below)

    def _host(self) -> None:
        self.code.store(self.operand(1), self.control, Word.HOST)
        self.go_out(Outcome.HOST, self.below)

    def _pause(self) -> None:
        code, builder = self.code, self.code.builder
        late = builder.icmp_signed(">=", code.call("nanoseconds"), builder.load(self.deadline))
        with builder.if_then(builder.or_(late, self.has_failed()), likely=False):
            self.go_out(Outcome.PAUSED, self.below)
        self.go(self.below)
