"""Loop language → LLVM IR.

Each value is put where it is computed least often: in the innermost loop whose variables it needs. While a loop is
open, the block before it has no end yet, so that what does not change from round to round can still be added there.
What stands under an `If` stays under it: its condition may be what makes the memory readable.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from maplet.compiler import functions
from maplet.compiler.casts import cast
from maplet.compiler.loops import (
    After,
    Ahead,
    Apply,
    Buffer,
    Cast,
    Constant,
    Fold,
    For,
    If,
    Kernel,
    Load,
    Pick,
    Report,
    Size,
    Splat,
    Statement,
    Steps,
    Store,
    Value,
    operands,
)
from maplet.compiler.vectors import Vectors, bits_of, type_of
from maplet.compiler.writing import Builder, Function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_pointer = ir.PointerType()
_word = ir.IntType(64)
_byte = ir.IntType(8)

_combined_by = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}


def emit(kernel: Kernel, symbol: str) -> str:
    """A kernel as an LLVM module: one function, ``void symbol(i64 *arguments, i64 begin, i64 end, i8 *scratch)``."""
    module = ir.Module()
    function = Function(module, symbol, arguments=_pointer, begin=_word, end=_word, scratch=_pointer)
    _Writer(kernel, function).write()
    return f"{module}\n{function}"


@dataclass(slots=True)
class _Scope:
    """An open body: of the kernel, of a loop, or of an `If` (which guards what is in it)."""

    builder: Builder
    loop: For | None = None
    made: list[Value] = field(default_factory=list[Value])


class _Writer:
    """Writes one kernel. ``places`` holds the values at hand: what they are in LLVM, and in which open scope."""

    def __init__(self, kernel: Kernel, function: Function) -> None:
        self.kernel = kernel
        self.function = function
        self.words = {buffer: number for number, buffer in enumerate(kernel.buffers)}
        self.sizes = {name: len(kernel.buffers) + number for number, name in enumerate(kernel.sizes)}
        self.scopes: list[_Scope] = []
        self.guard = 0
        self.places: dict[Value, tuple[Any, int]] = {}
        self.pointers: dict[Buffer | None, Any] = {}
        self.carried: dict[tuple[For, int], tuple[Any, int]] = {}
        self.writes: dict[For | If, frozenset[Buffer]] = {}
        self.written = self._note_writes(kernel.body)
        self.makers: dict[type[Value], Callable[[Any], tuple[Any, int]]] = {
            Constant: self._constant, Size: self._size, Steps: self._steps, Load: self._load, Apply: self._apply,
            Cast: self._cast, Splat: self._splat, Fold: self._fold, Pick: self._pick,
            After: self._after,
        }  # fmt: skip

    def write(self) -> None:
        """Fill the function."""
        arguments, begin, end, scratch = self.function.arguments
        self.arguments, self.scratch = arguments, scratch
        self.places[self.kernel.begin] = begin, 0
        self.places[self.kernel.end] = end, 0
        self.scopes.append(_Scope(Builder(self.function.append_basic_block())))
        self._statements(self.kernel.body)
        self.scopes[0].builder.ret_void()

    def _note_writes(self, body: Iterable[Statement]) -> frozenset[Buffer]:
        """The buffers that statements write; also noted for each loop."""
        written: set[Buffer] = set()
        for statement in body:
            if isinstance(statement, Store):
                written.add(statement.buffer)
            elif isinstance(statement, For | If):
                self.writes[statement] = self._note_writes(statement.body)
                written |= self.writes[statement]
        return frozenset(written)

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def _statements(self, body: Iterable[Statement]) -> None:
        for statement in body:
            match statement:
                case Store():
                    self._store(statement)
                case Ahead():
                    self._ahead(statement)
                case For():
                    self._for(statement)
                case If():
                    self._if(statement)
                case Report():
                    self._report(statement)

    def _for(self, loop: For) -> None:
        """``if start < stop { do { body; index += step } while (index < stop) }``."""
        before = self.scopes[-1].builder
        start, stop = self.value(loop.start), self.value(loop.stop)
        starts = [self.value(carry.start) for carry in loop.carried]
        body = self.function.append_basic_block()
        inside = Builder(body)
        index = inside.phi(_word)
        phis = [inside.phi(start.type) for start in starts]

        scope = self._open(_Scope(inside, loop))
        self._keep(loop.index, index, len(self.scopes) - 1)
        for carry, phi in zip(loop.carried, phis, strict=True):
            self._keep(carry.variable, phi, len(self.scopes) - 1)
        self._statements(loop.body)
        nexts = [self.value(carry.next) for carry in loop.carried]
        following = inside.named(_word, f"add nsw {index.type} {index.name}, {loop.step}")
        goes_on = inside.icmp_signed("<", following, stop)
        self._close(scope)

        after = self.function.append_basic_block()
        runs = before.icmp_signed("<", start, stop)
        before.cbranch(runs, body, after)
        inside.cbranch(goes_on, body, after)
        outer, last = before.block, inside.block
        before.position_at_end(after)
        index.add_incoming(start, outer)
        index.add_incoming(following, last)
        for number, (phi, first, following) in enumerate(zip(phis, starts, nexts, strict=True)):
            result = before.phi(first.type)
            for place in (phi, result):
                place.add_incoming(first, outer)
                place.add_incoming(following, last)
            self.carried[loop, number] = result, len(self.scopes) - 1

    def _if(self, statement: If) -> None:
        before = self.scopes[-1].builder
        condition = self.value(statement.condition)
        body = self.function.append_basic_block()
        scope = self._open(_Scope(Builder(body)))
        guard, self.guard = self.guard, len(self.scopes) - 1
        self._statements(statement.body)
        self.guard = guard
        self._close(scope)
        after = self.function.append_basic_block()
        scope.builder.branch(after)
        before.cbranch(condition, body, after)
        before.position_at_end(after)

    def _open(self, scope: _Scope) -> _Scope:
        self.scopes.append(scope)
        return scope

    def _close(self, scope: _Scope) -> None:
        """Forget what was made there: it is not known outside."""
        self.scopes.pop()
        for value in scope.made:
            del self.places[value]

    def _report(self, report: Report) -> None:
        builder = self.scopes[-1].builder
        condition, code = self.value(report.condition), self.value(report.code)
        status = self._argument(len(self.words) + len(self.sizes), _pointer)
        body, after = self.function.append_basic_block(), self.function.append_basic_block()
        builder.cbranch(builder.any(condition), body, after)
        builder.position_at_end(body)
        builder.store(code, status, 8)
        builder.branch(after)
        builder.position_at_end(after)

    # ── values ───────────────────────────────────────────────────────────────────────────────────

    def value(self, root: Value) -> Any:
        """The value at the place where the innermost scope stands; what it needs is made first, without recursion."""
        places = self.places
        waiting = [root]
        while waiting:
            value = waiting[-1]
            if value in places:
                waiting.pop()
                continue
            missing = [operand for operand in operands(value) if operand not in places]
            if missing:
                waiting += reversed(missing)
                continue
            waiting.pop()
            self._keep(value, *self.makers[type(value)](value))
        return places[root][0]

    def _keep(self, value: Value, made: Any, depth: int) -> None:
        self.places[value] = made, depth
        self.scopes[depth].made.append(value)

    def _depth(self, *values: Value) -> int:
        """The outermost scope in which values are known, not beyond a guard."""
        return max(self.guard, *(self.places[value][1] for value in values))

    def _constant(self, value: Constant) -> tuple[Any, int]:
        return Vectors(None, value.lanes).constant(value.dtype, value.number), 0

    def _steps(self, value: Steps) -> tuple[Any, int]:
        numbers = list(range(value.lanes)) if value.lanes > 1 else 0
        return ir.Constant(type_of("i64", value.lanes), numbers), 0

    def _size(self, value: Size) -> tuple[Any, int]:
        return self._argument(self.sizes[value.name], _word), 0

    def _argument(self, number: int, kind: Any) -> Any:
        """Read an argument, before everything."""
        builder = self.scopes[0].builder
        place = builder.gep(self.arguments, ir.Constant(_word, number), _word)
        return builder.load(place, kind, 8)

    def _apply(self, value: Apply) -> tuple[Any, int]:
        depth = self._depth(*value.arguments)
        vectors = Vectors(self.scopes[depth].builder, value.lanes)
        arguments = [self.places[argument][0] for argument in value.arguments]
        return functions.apply(vectors, value.function, arguments, [x.dtype for x in value.arguments]), depth

    def _cast(self, value: Cast) -> tuple[Any, int]:
        depth = self._depth(value.value)
        vectors = Vectors(self.scopes[depth].builder, value.lanes)
        return cast(vectors, self.places[value.value][0], value.value.dtype, value.dtype), depth

    def _splat(self, value: Splat) -> tuple[Any, int]:
        depth = self._depth(value.value)
        return self.scopes[depth].builder.spread(self.places[value.value][0], value.lanes), depth

    def _fold(self, value: Fold) -> tuple[Any, int]:
        """The upper half to the lower half, until one is left; truth values all at once."""
        inner, lanes = value.value, value.value.lanes
        depth = self._depth(inner)
        builder, made = self.scopes[depth].builder, self.places[inner][0]
        if value.combiner == "any":
            return builder.any(made), depth
        if value.combiner == "all":
            return builder.not_(builder.any(builder.not_(made))), depth
        while lanes > 1:
            lanes //= 2
            upper, lower = (builder.some_lanes(made, range(start, start + lanes)) for start in (lanes, 0))
            combine = _combined_by[value.combiner]
            made = functions.apply(Vectors(builder, lanes), combine, [lower, upper], [inner.dtype] * 2)
        return made, depth

    def _pick(self, value: Pick) -> tuple[Any, int]:
        depth = self._depth(value.first, value.second)
        first, second = self.places[value.first][0], self.places[value.second][0]
        builder = self.scopes[depth].builder
        if value.lanes > 1:
            return builder.picked(first, second, value.order), depth
        (lane,) = value.order
        count = value.first.lanes
        return builder.some_lanes(first if lane < count else second, range(lane % count, lane % count + 1)), depth

    def _after(self, value: After) -> tuple[Any, int]:
        return self.carried[value.loop, value.number]

    # ── memory ───────────────────────────────────────────────────────────────────────────────────

    def _pointer(self, buffer: Buffer) -> Any:
        if buffer not in self.pointers:
            if buffer.scratch is None:
                self.pointers[buffer] = self._argument(self.words[buffer], _pointer)
            else:
                offset = ir.Constant(_word, buffer.scratch)
                self.pointers[buffer] = self.scopes[0].builder.gep(self.scratch, offset, _byte)
        return self.pointers[buffer]

    def _address(self, builder: Any, buffer: Buffer, at: Value) -> Any:
        """One address, or one per lane."""
        element = _byte if buffer.dtype == "bool" else type_of(buffer.dtype, 1)
        return builder.gep(self._pointer(buffer), self.places[at][0], element)

    def _load(self, value: Load) -> tuple[Any, int]:
        """Read memory; not before a loop that writes there."""
        buffer = value.buffer
        depth = self._depth(*operands(value))
        if buffer in self.written:
            for number in range(len(self.scopes) - 1, depth, -1):
                loop = self.scopes[number].loop
                if loop is not None and buffer in self.writes[loop]:
                    depth = number
                    break
        builder = self.scopes[depth].builder
        address = self._address(builder, buffer, value.at)
        kind = _memory_type(buffer.dtype, value.lanes)
        if value.mask is None and value.at.lanes == 1:
            made = builder.load(address, kind, _bytes_of(buffer.dtype))
        else:
            many = kind if value.lanes > 1 else ir.VectorType(kind, 1)
            mask = self._mask(builder, value.mask, value.lanes)
            made = builder.masked_load(address, many, mask, _bytes_of(buffer.dtype))
            made = made if value.lanes > 1 else builder.some_lanes(made, range(1))
        if buffer.dtype == "bool":
            made = builder.icmp_unsigned("!=", made, Vectors(builder, value.lanes).constant("u8", 0))
        return made, depth

    def _store(self, store: Store) -> None:
        for value in (store.at, store.value) if store.mask is None else (store.at, store.value, store.mask):
            self.value(value)
        builder = self.scopes[-1].builder
        buffer, lanes = store.buffer, store.value.lanes
        made = self.places[store.value][0]
        if buffer.dtype == "bool":
            made = builder.zext(made, _memory_type("bool", lanes))
        address = self._address(builder, buffer, store.at)
        if store.mask is None and store.at.lanes == 1:
            builder.store(made, address, _bytes_of(buffer.dtype))
            return
        made = made if lanes > 1 else builder.spread(made, 1)
        builder.masked_store(made, address, self._mask(builder, store.mask, lanes), _bytes_of(buffer.dtype))

    def _ahead(self, ahead: Ahead) -> None:
        self.value(ahead.at)
        builder = self.scopes[-1].builder
        builder.ask_for(self._address(builder, ahead.buffer, ahead.at), written=ahead.written)

    def _mask(self, builder: Builder, mask: Value | None, lanes: int) -> Any:
        """A vector, also of one lane."""
        if mask is None:
            return ir.Constant(ir.VectorType(ir.IntType(1), lanes), [1] * lanes)
        made = self.places[mask][0]
        return made if lanes > 1 else builder.spread(made, 1)


def _memory_type(dtype: str, lanes: int) -> Any:
    return type_of("u8" if dtype == "bool" else dtype, lanes)


def _bytes_of(dtype: str) -> int:
    return 1 if dtype == "bool" else bits_of(dtype) // 8
