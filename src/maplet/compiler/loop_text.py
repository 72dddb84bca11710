"""A kernel as text: for people to read, and in a normal form by which equal kernels are known.

::

    kernel mean(x: f32, out: f32; rows, columns)
      %0 = f32(columns)
      for i in begin‥end step 1
        %1 = i * columns
        for k in 0‥columns step 16
          carry total: f32×16 = 0.0×16
          next total = add(total, x[%1 + k]×16)
        store out[i] = divide(fold_sum(after total), %0)

``×16`` tells the lanes where the operands do not, ``:f64`` the dtype. ``fold_sum`` puts lanes together, ``after total``
is what a loop has carried to its end. A value that is used twice, or is long, or that an outer loop computes, has a
line of its own, ``%0 = …``, in the block that computes it: that of the innermost loop whose variables it needs, or that
writes what it reads; but what an ``if`` needs first stays in it. That is also what `llvm.emit` does.

The canonical form leaves out what people call a kernel, numbers the buffers ``b0``, sizes ``n0`` and variables ``v0``
in their order, and writes floats in hexadecimal. Legal kernels of one canonical text compute the same.
"""

from __future__ import annotations

from math import isfinite
from re import sub
from struct import pack
from typing import TYPE_CHECKING, Any, cast

from maplet.compiler.loops import (
    After,
    Ahead,
    Apply,
    Cast,
    Constant,
    Fold,
    For,
    If,
    Load,
    Pick,
    Report,
    Size,
    Splat,
    Steps,
    Store,
    Variable,
    operands,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from maplet.compiler.loops import Buffer, Kernel, Statement, Value

longest_inline = 60
plain = {"i64", "f32", "bool"}  # what the dtype of 1, 1.0 and true is
infix = {"add": "+", "subtract": "-", "multiply": "*"}
truths = {
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isnan", "isinf", "isfinite", "signbit",
}  # fmt: skip


def text(kernel: Kernel, *, canonical: bool = False) -> str:
    """The kernel as text; with ``canonical``, in the form that all kernels that compute the same in one way share."""
    return _Printer(kernel, canonical=canonical).whole()


def values_of(statement: Statement) -> list[Value]:
    """The values that stand in a statement itself; those of the statements within it are not among them."""
    match statement:
        case Store(at=at, value=value, mask=mask):
            return [at, value] if mask is None else [at, mask, value]
        case Ahead(at=at):
            return [at]
        case For(start=start, stop=stop, carried=carried):
            return [start, stop, *[c.start for c in carried], *[c.next for c in carried]]
        case If(condition=condition):
            return [condition]
        case Report(condition=condition, code=code):
            return [code, condition]


class _Printer:
    """Text of one kernel.

    A block is what has an indentation of its own: the kernel, a loop, an if. ``blocks`` are the lines of those that
    are being written, outermost first, and ``made`` the values that each of them computes, which are forgotten at its
    end. A value is ``inline`` until it is named by a line in the block ``depth[value]``.
    """

    def __init__(self, kernel: Kernel, *, canonical: bool) -> None:
        self.kernel = kernel
        self.canonical = canonical
        self.uses: dict[Value, int] = {}
        self.inner: dict[Value, Sequence[Value]] = {}  # the operands of each value
        self.writes: dict[Statement, frozenset[Buffer]] = {}  # what each loop and if writes
        self.written = self.survey(kernel.body)
        self.shown: dict[Value, str] = {kernel.begin: "begin", kernel.end: "end"}
        self.depth: dict[Value, int] = {kernel.begin: 0, kernel.end: 0}
        self.inline: set[Value] = set()
        self.blocks: list[list[str]] = [[]]
        self.made: list[list[Value]] = [[]]
        self.loops: list[For | None] = [None]  # what the blocks are of; None for all but loops
        self.ends: dict[For, int] = {}  # the block in which a loop stands
        self.guard = 0  # the innermost block of an if; what is first needed there is computed there
        self.named = 0
        self.counts = {"b": 0, "n": 0, "v": 0}
        self.taken = {"begin", "end"}
        self.buffers = {buffer: self.name("b", buffer.name) for buffer in kernel.buffers}
        self.sizes = {size: self.name("n", size) for size in kernel.sizes}

    def survey(self, statements: Iterable[Statement]) -> frozenset[Buffer]:
        """Note how often each value is used, and what is written where."""
        uses, all_inner = self.uses, self.inner
        written: set[Buffer] = set()
        for statement in statements:
            waiting = values_of(statement)
            while waiting:
                value = waiting.pop()
                if value in uses:
                    uses[value] += 1
                else:
                    uses[value] = 1
                    inner = all_inner[value] = operands(value)
                    waiting += inner
            if isinstance(statement, Store):
                written.add(statement.buffer)
            elif isinstance(statement, For | If):
                self.writes[statement] = self.survey(statement.body)
                written |= self.writes[statement]
        return frozenset(written)

    def whole(self) -> str:
        """The header and all statements."""
        arguments = ", ".join(map(self.header, self.kernel.buffers))
        sizes = ", ".join(self.sizes.values())
        self.statements(self.kernel.body)
        first = "kernel" if self.canonical else f"kernel {self.kernel.name}"
        first += f"({arguments}; {sizes})" if sizes else f"({arguments})"
        if self.kernel.scratch:
            first += f" scratch {self.kernel.scratch}"
        own = [f"  {self.header(buffer)}" for buffer in self.buffers if buffer not in self.kernel.buffers]
        whole = "\n".join([first, *own, *self.blocks[0], ""])
        if self.canonical:
            return whole
        order: dict[str, str] = {}  # for the eye: numbers by their place in the text
        return sub(r"%\d+", lambda found: order.setdefault(found[0], f"%{len(order)}"), whole)

    def name(self, letter: str, given: str) -> str:
        """A name that nothing has yet: in the canonical form a letter and a number."""
        if self.canonical:
            self.counts[letter] += 1
            return f"{letter}{self.counts[letter] - 1}"
        name, again = given, 1
        while name in self.taken:
            again += 1
            name = f"{given}'{again}"
        self.taken.add(name)
        return name

    def header(self, buffer: Buffer) -> str:
        """The declaration of a buffer."""
        place = "" if buffer.scratch is None else f" in scratch at {buffer.scratch}"
        return f"{self.buffers[buffer]}: {buffer.dtype}{place}"

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def statements(self, body: Iterable[Statement]) -> None:
        """Write statements into the innermost block."""
        for statement in body:
            match statement:
                case Store(buffer=buffer, at=at, value=value, mask=mask):
                    place = self.place(buffer, [self.show(v) for v in (at, mask) if v is not None])
                    self.write(f"store {place} = {_bare(self.show(value))}")
                case Ahead(buffer=buffer, at=at, written=written):
                    self.write(f"ahead {self.place(buffer, [self.show(at)])}{' to write' if written else ''}")
                case For():
                    self.loop(statement)
                case If(condition=condition, body=inner):
                    header = f"if {_bare(self.show(condition))}"
                    outer, self.guard = self.guard, len(self.blocks)
                    self.open()
                    self.statements(inner)
                    self.close(header)
                    self.guard = outer
                case Report(condition=condition, code=code):
                    shown = self.show(code)
                    self.write(f"report {shown} if {_bare(self.show(condition))}")

    def loop(self, loop: For) -> None:
        """Write a loop: what it carries stands first in its block, what it hands on last."""
        start, stop = self.show(loop.start), self.show(loop.stop)
        starts = [_bare(self.show(carry.start)) for carry in loop.carried]
        self.ends[loop] = len(self.blocks) - 1
        self.open(loop)
        header = f"for {self.declare(loop.index)} in {start}‥{stop} step {loop.step}"
        for carry, first in zip(loop.carried, starts, strict=True):
            kind = f"{carry.variable.dtype}{_lanes(carry.variable)}"
            self.write(f"carry {self.declare(carry.variable)}: {kind} = {first}")
        self.statements(loop.body)
        nexts = [_bare(self.show(carry.next)) for carry in loop.carried]
        for carry, following in zip(loop.carried, nexts, strict=True):
            self.write(f"next {self.shown[carry.variable]} = {following}")
        self.close(header)

    def write(self, line: str) -> None:
        """Add a line to the innermost block."""
        self.blocks[-1].append("  " * len(self.blocks) + line)

    def open(self, loop: For | None = None) -> None:
        """Begin a block."""
        self.blocks.append([])
        self.made.append([])
        self.loops.append(loop)

    def close(self, header: str) -> None:
        """End the innermost block; with its header it becomes part of the one around it."""
        inner = self.blocks.pop()
        self.loops.pop()
        for value in self.made.pop():
            del self.shown[value]
        self.write(header)
        self.blocks[-1] += inner

    def declare(self, variable: Variable) -> str:
        """Name a variable of the innermost block."""
        self.depth[variable] = len(self.blocks) - 1
        if variable not in self.shown:
            self.shown[variable] = self.name("v", variable.name)
        return self.shown[variable]

    # ── values ───────────────────────────────────────────────────────────────────────────────────

    def show(self, root: Value) -> str:
        """The text of a value where it is used in the innermost block; what it needs gets its lines first."""
        shown, all_inner = self.shown, self.inner
        waiting = [root]
        while waiting:
            value = waiting[-1]
            if value in shown:
                waiting.pop()
                continue
            before = len(waiting)
            for v in reversed(all_inner[value]):
                if v not in shown:
                    if all_inner[v]:
                        waiting.append(v)
                    else:
                        self.leaf(v)
            if len(waiting) == before:
                waiting.pop()
                self.form(value)
        if root in self.inline and self.depth[root] < len(self.blocks) - 1:
            self.state(root)
        return shown[root]

    def leaf(self, value: Value) -> None:
        """Note the text of a value without operands, which needs no name."""
        self.depth.setdefault(value, 0)
        self.shown[value] = forms[type(value)](self, value, [])

    def form(self, value: Value) -> None:
        """Put the texts of the operands together to that of a value."""
        inner = self.inner[value]
        if not inner:
            self.leaf(value)
            return
        depth, shown = self.depth, self.shown
        here = min(max([self.guard, *[depth[v] for v in inner]]), len(self.blocks) - 1)
        if type(value) is Load and value.buffer in self.written:
            here = self.behind_writes(value.buffer, here)
        for v in inner:
            if v in self.inline and depth[v] < here:
                self.state(v)
        text = forms[type(value)](self, value, [shown[v] for v in inner])
        shown[value] = text
        depth[value] = here
        self.made[here].append(value)
        if self.uses[value] > 1 or len(text) > longest_inline:
            self.state(value)
        else:
            self.inline.add(value)

    def behind_writes(self, buffer: Buffer, depth: int) -> int:
        """The block in which a buffer is read: in each loop that writes to it, it is read anew in each round."""
        for number in range(len(self.loops) - 1, depth, -1):
            loop = self.loops[number]
            if loop is not None and buffer in self.writes[loop]:
                return number
        return depth

    def state(self, value: Value) -> None:
        """Give a value a name, in a line of the block that computes it."""
        depth = self.depth[value]
        name = f"%{self.named}"
        self.named += 1
        self.blocks[depth].append(f"{'  ' * (depth + 1)}{name} = {_bare(self.shown[value])}")
        self.shown[value] = name
        self.inline.discard(value)

    def place(self, buffer: Buffer, where: list[str]) -> str:
        """An element of a buffer, or neighbours from it on: ``x[i + 1 if mask]``."""
        if buffer not in self.buffers:
            self.buffers[buffer] = self.name("b", buffer.name)
        return f"{self.buffers[buffer]}[{' if '.join(map(_bare, where))}]"

    def load(self, value: Load, inner: list[str]) -> str:
        """Elements of a buffer."""
        dtype = "" if value.dtype == value.buffer.dtype else f":{value.dtype}"
        return f"{self.place(value.buffer, inner)}{_lanes(value)}{dtype}"

    def apply(self, value: Apply, inner: list[str]) -> str:
        """A function; the arithmetic of positions is written as in mathematics, always in parentheses."""
        if value.dtype == "i64" and value.lanes == 1 and value.function in infix and len(inner) == 2:
            return f"({inner[0]} {infix[value.function]} {inner[1]})"
        expected = "bool" if value.function in truths else value.arguments[-1].dtype if inner else ""
        dtype = "" if value.dtype == expected else f":{value.dtype}"
        return f"{value.function}{dtype}({', '.join(map(_bare, inner))})"

    def constant(self, value: Constant, _: list[str]) -> str:
        """A number, with the dtype where it is not the one that such a number mostly has."""
        dtype, number = value.dtype, value.number
        if dtype[0] == "f" or dtype == "bf16":
            shown = _float(number, exact=self.canonical)
        else:
            shown = str(int(number)) if dtype != "bool" else "true" if number else "false"
        return f"{shown}{_lanes(value)}{'' if dtype in plain else f':{dtype}'}"

    def variable(self, value: Variable, _: list[str]) -> str:
        """A variable that stands outside its loop, which is not legal, but can be printed."""
        return self.name("v", value.name)

    def after(self, value: After, _: list[str]) -> str:
        """What a loop has carried to its end."""
        self.depth[value] = self.ends.get(value.loop, 0)
        variable = value.loop.carried[value.number].variable
        if variable not in self.shown:
            self.shown[variable] = self.name("v", variable.name)
        return f"after {self.shown[variable]}"


def _lanes(value: Value) -> str:
    return "" if value.lanes == 1 else f"×{value.lanes}"


def _bare(shown: str) -> str:
    """Text without the parentheses around all of it; no text but that of arithmetic on positions begins with one."""
    return shown[1:-1] if shown[0] == "(" else shown


def _float(number: float, *, exact: bool) -> str:
    """A float that can be read back to the bit; if exact, in hexadecimal, or what is not finite as its bits."""
    if isinstance(number, int) and abs(number) > 2**53:  # no float may hold it
        return f"{number}.0"
    number = float(number)
    if not exact:
        return repr(number)
    return number.hex() if isfinite(number) else pack(">d", number).hex()


forms: dict[type[Value], Callable[[_Printer, Any, list[str]], str]] = {
    Variable: _Printer.variable,
    Constant: _Printer.constant,
    Size: lambda printer, value, _: printer.sizes.get(value.name, f"undeclared {value.name}"),
    Steps: lambda _, value, __: f"steps×{value.lanes}" + ("" if value.dtype == "i64" else f":{value.dtype}"),
    Load: _Printer.load,
    Apply: _Printer.apply,
    Cast: lambda _, value, inner: f"{value.dtype}({_bare(inner[0])})",
    Splat: lambda _, value, inner: f"splat({_bare(inner[0])})×{value.lanes}",
    Fold: lambda _, value, inner: f"fold_{cast('Fold', value).combiner}({_bare(inner[0])})",
    Pick: lambda _, value, inner: f"pick({', '.join(map(_bare, inner))}; {' '.join(map(str, value.order))})",
    After: _Printer.after,
}
