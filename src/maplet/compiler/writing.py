"""Writes LLVM IR, with the methods of llvmlite's ``IRBuilder`` as far as kernels need them.

Instructions become text at once and are never looked at again: that takes a third of the time of llvmlite's objects,
which is much of a cold start. Types, constants and declarations are llvmlite's.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from llvmlite import ir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_truth, _index = ir.IntType(1), ir.IntType(32)
_orders = {"<": "lt", ">": "gt", "<=": "le", ">=": "ge", "==": "eq", "!=": "ne"}


class Named:
    """A value that has a name in the text."""

    __slots__ = ("name", "type")

    def __init__(self, kind: Any, name: str) -> None:
        self.type = kind
        self.name = name

    def get_reference(self) -> str:
        """How other instructions call it."""
        return self.name


class Phi(Named):
    """A value that depends on the block from which control comes."""

    __slots__ = ("incoming",)

    def __init__(self, kind: Any, name: str) -> None:
        super().__init__(kind, name)
        self.incoming: list[str] = []

    def add_incoming(self, value: Any, block: Block) -> None:
        """What it is when control comes from a block."""
        self.incoming.append(f"[{value.get_reference()}, %{block.name}]")

    def __str__(self) -> str:
        return f"{self.name} = phi {self.type} {', '.join(self.incoming)}"


class Literal:
    """A constant as it is written."""

    def __init__(self, kind: Any, content: str) -> None:
        self.type = kind
        self.content = content

    def get_reference(self) -> str:
        """Its text."""
        return self.content


class Function:
    """A function without a result, while it is written."""

    def __init__(self, module: Any, name: str, **arguments: Any) -> None:
        self.module = module
        self.name = name
        self.arguments = [Named(kind, f"%{argument}") for argument, kind in arguments.items()]
        self.blocks: list[Block] = []
        self.numbers = count()

    def append_basic_block(self) -> Block:
        """A new block after the others."""
        self.blocks.append(Block(self, f"b{len(self.blocks)}"))
        return self.blocks[-1]

    def __str__(self) -> str:
        arguments = ", ".join(f"{argument.type} {argument.name}" for argument in self.arguments)
        blocks = (f"{block.name}:\n  " + "\n  ".join(map(str, block.lines)) for block in self.blocks)
        return f'define void @"{self.name}"({arguments}) nounwind {{\n' + "\n".join(blocks) + "\n}\n"


class Block:
    """Instructions without a branch between them."""

    def __init__(self, function: Function, name: str) -> None:
        self.function = function
        self.name = name
        self.lines: list[str | Phi] = []


@cache
def _truth_like(kind: Any) -> Any:
    """The type of a comparison."""
    return ir.VectorType(_truth, kind.count) if isinstance(kind, ir.VectorType) else _truth


def _binary(operation: str) -> Callable[[Builder, Any, Any], Named]:
    def write(self: Builder, x: Any, y: Any) -> Named:
        return self.named(x.type, f"{operation} {x.type} {x.get_reference()}, {y.get_reference()}")

    return write


def _comparison(operation: str, prefix: str, always: str = "") -> Callable[[Builder, str, Any, Any], Named]:
    """Signs are told apart by a prefix: always, or for orders only (``always`` tells the prefix of = and ≠)."""
    names = {sign: (always if sign in {"==", "!="} else prefix) + name for sign, name in _orders.items()}

    def write(self: Builder, sign: str, x: Any, y: Any) -> Named:
        instruction = f"{operation} {names.get(sign, sign)} {x.type} {x.get_reference()}, {y.get_reference()}"
        return self.named(_truth_like(x.type), instruction)

    return write


def _conversion(operation: str) -> Callable[[Builder, Any, Any], Any]:
    def write(self: Builder, x: Any, kind: Any) -> Any:
        return x if x.type == kind else self.named(kind, f"{operation} {_typed(x)} to {kind}")

    return write


def _suffix(kind: Any) -> str:
    """How LLVM's intrinsics name a type."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{kind.element.intrinsic_name}"
    return kind.intrinsic_name


def _typed(x: Any) -> str:
    return f"{x.type} {x.get_reference()}"


class Builder:
    """Adds instructions at the end of a block."""

    def __init__(self, block: Block) -> None:
        self.function = block.function
        self.module = block.function.module
        self.numbers = block.function.numbers
        self.position_at_end(block)

    def position_at_end(self, block: Block) -> None:
        """Go on in another block."""
        self.block = block
        self.lines = block.lines

    def named(self, kind: Any, instruction: str) -> Named:
        """Add an instruction that has a result."""
        result = Named(kind, f"%v{next(self.numbers)}")
        self.lines.append(f"{result.name} = {instruction}")
        return result

    add, sub, mul, and_, or_, xor = map(_binary, ("add", "sub", "mul", "and", "or", "xor"))
    sdiv, udiv, srem, urem = map(_binary, ("sdiv", "udiv", "srem", "urem"))
    shl, lshr, ashr = map(_binary, ("shl", "lshr", "ashr"))
    fadd, fsub, fmul, fdiv, frem = map(_binary, ("fadd", "fsub", "fmul", "fdiv", "frem"))

    icmp_signed, icmp_unsigned = _comparison("icmp", "s"), _comparison("icmp", "u")
    fcmp_ordered, fcmp_unordered = _comparison("fcmp", "o", "o"), _comparison("fcmp", "u", "u")

    trunc, zext, sext = map(_conversion, ("trunc", "zext", "sext"))
    fptrunc, fpext, bitcast = map(_conversion, ("fptrunc", "fpext", "bitcast"))
    sitofp, uitofp, fptosi, fptoui = map(_conversion, ("sitofp", "uitofp", "fptosi", "fptoui"))

    def fneg(self, x: Any) -> Named:
        """−x."""
        return self.named(x.type, f"fneg {_typed(x)}")

    def neg(self, x: Any) -> Named:
        """−x of integers."""
        return self.named(x.type, f"sub {x.type} zeroinitializer, {x.get_reference()}")

    def not_(self, x: Any) -> Named:
        """Every bit turned around."""
        return self.xor(x, _all_ones(x.type))

    def select(self, condition: Any, one: Any, other: Any) -> Named:
        """The one where the condition holds, else the other."""
        return self.named(one.type, f"select {_typed(condition)}, {_typed(one)}, {_typed(other)}")

    def call(self, function: Any, arguments: Sequence[Any]) -> Named | None:
        """Call a function that is declared in the module."""
        result = function.ftype.return_type
        instruction = f"call {result} {function.get_reference()}({', '.join(map(_typed, arguments))})"
        if not isinstance(result, ir.VoidType):
            return self.named(result, instruction)
        self.lines.append(instruction)
        return None

    def any(self, truth: Any) -> Any:
        """Whether something holds in some lane."""
        if not isinstance(truth.type, ir.VectorType):
            return truth
        bits = ir.IntType(truth.type.count)
        return self.icmp_unsigned("!=", self.bitcast(truth, bits), ir.Constant(bits, 0))

    # ── lanes ────────────────────────────────────────────────────────────────────────────────────

    def insert_element(self, vector: Any, x: Any, lane: Any) -> Named:
        """The vector with another number in a lane."""
        return self.named(vector.type, f"insertelement {_typed(vector)}, {_typed(x)}, {_typed(lane)}")

    def extract_element(self, vector: Any, lane: Any) -> Named:
        """What is in a lane."""
        return self.named(vector.type.element, f"extractelement {_typed(vector)}, {_typed(lane)}")

    def spread(self, x: Any, lanes: int) -> Named:
        """A number in every lane: put into lane 0, then copied."""
        nothing = Literal(ir.VectorType(x.type, lanes), "undef")
        first = self.named(nothing.type, f"insertelement {_typed(nothing)}, {_typed(x)}, i32 0")
        if lanes == 1:
            return first
        zeros = Literal(ir.VectorType(_index, lanes), "zeroinitializer")
        return self.named(nothing.type, f"shufflevector {_typed(first)}, {_typed(nothing)}, {_typed(zeros)}")

    def some_lanes(self, vector: Any, lanes: range) -> Named:
        """Some lanes of a vector; one of them is a scalar."""
        if len(lanes) == 1:
            return self.named(vector.type.element, f"extractelement {_typed(vector)}, i32 {lanes[0]}")
        kind, chosen = ir.VectorType(vector.type.element, len(lanes)), ", ".join(f"i32 {lane}" for lane in lanes)
        instruction = f"shufflevector {_typed(vector)}, {vector.type} undef, <{len(lanes)} x i32> <{chosen}>"
        return self.named(kind, instruction)

    def picked(self, first: Any, second: Any, order: Sequence[int]) -> Named:
        """Lanes of two vectors side by side."""
        kind, chosen = ir.VectorType(first.type.element, len(order)), ", ".join(f"i32 {lane}" for lane in order)
        instruction = f"shufflevector {_typed(first)}, {_typed(second)}, <{len(order)} x i32> <{chosen}>"
        return self.named(kind, instruction)

    # ── memory and control ───────────────────────────────────────────────────────────────────────

    def gep(self, pointer: Any, at: Any, element: Any) -> Named:
        """The address so many elements further; of a vector of numbers, a vector of addresses."""
        kind = ir.VectorType(pointer.type, at.type.count) if isinstance(at.type, ir.VectorType) else pointer.type
        return self.named(kind, f"getelementptr {element}, {_typed(pointer)}, {_typed(at)}")

    def load(self, address: Any, kind: Any, align: int) -> Named:
        """What is in memory."""
        return self.named(kind, f"load {kind}, {_typed(address)}, align {align}")

    def store(self, x: Any, address: Any, align: int) -> None:
        """Put into memory."""
        self.lines.append(f"store {_typed(x)}, {_typed(address)}, align {align}")

    def ask_for(self, address: Any, *, written: bool) -> None:
        """Have a cache fetch the line at an address: to be written, the first one, to be read, the second.

        Lines that are read from far apart may share their places in the first cache, which has few of each.
        """
        name, kinds = "llvm.prefetch.p0", [address.type, _index, _index, _index]
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        first_cache, second_cache, data = 3, 2, 1
        numbers = (int(written), first_cache if written else second_cache, data)
        self.call(function, [address, *(ir.Constant(_index, number) for number in numbers)])

    def masked_load(self, address: Any, kind: Any, mask: Any, align: int) -> Any:
        """What is in memory, and 0 where the mask does not hold; a vector of addresses gathers."""
        name = "gather" if isinstance(address.type, ir.VectorType) else "load"
        arguments = [address, ir.Constant(_index, align), mask, Literal(kind, "zeroinitializer")]
        return self._masked(f"{name}.{_suffix(kind)}.{_suffix(address.type)}", arguments, kind)

    def masked_store(self, x: Any, address: Any, mask: Any, align: int) -> None:
        """Put into memory where the mask holds; a vector of addresses scatters."""
        name = "scatter" if isinstance(address.type, ir.VectorType) else "store"
        arguments = [x, address, ir.Constant(_index, align), mask]
        self._masked(f"{name}.{_suffix(x.type)}.{_suffix(address.type)}", arguments, ir.VoidType())

    def _masked(self, name: str, arguments: list[Any], result: Any) -> Any:
        full = f"llvm.masked.{name}"
        function = self.module.globals.get(full)
        if function is None:
            kind = ir.FunctionType(result, [argument.type for argument in arguments])
            function = ir.Function(self.module, kind, full)
        return self.call(function, arguments)

    def phi(self, kind: Any) -> Phi:
        """What `Phi.add_incoming` tells."""
        result = Phi(kind, f"%v{next(self.numbers)}")
        self.lines.append(result)
        return result

    def branch(self, block: Block) -> None:
        """Go on in a block."""
        self.lines.append(f"br label %{block.name}")

    def cbranch(self, condition: Any, then: Block, otherwise: Block) -> None:
        """Go on in one of two blocks."""
        self.lines.append(f"br {_typed(condition)}, label %{then.name}, label %{otherwise.name}")

    def ret_void(self) -> None:
        """Leave the function."""
        self.lines.append("ret void")


@cache
def _all_ones(kind: Any) -> Any:
    return ir.Constant(kind, [-1] * kind.count if isinstance(kind, ir.VectorType) else -1)
