"""Small kernels that run one after another as one, without loops: what a tiny program spends is calls and loops.

Extents, strides and shares are numbers here, so each loop of few rounds is written out round by round, and what is
known of positions and masks is worked out. What was stored at a known place is then not read back: memory would take
longer to give it than to compute it. Nothing else changes: every element is computed by the same operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.compiler.loops import (
    After,
    Ahead,
    Apply,
    Buffer,
    Carry,
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
    Steps,
    Store,
    Variable,
    operands,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.compiler.loops import Statement, Value
    from maplet.compiler.memory import Pointer
    from maplet.core.graph import Node

most_rounds = 16  # of a loop that is written out
most_statements = 600  # of all
most_sources = 4  # values that a vector is put together of, rather than read

arithmetic: dict[str, Callable[[int, int], int]] = {
    "add": int.__add__, "subtract": int.__sub__, "multiply": int.__mul__, "floor_divide": int.__floordiv__,
    "minimum": min, "maximum": max, "bitwise_and": int.__and__, "equal": int.__eq__,
    "less": int.__lt__, "less_equal": int.__le__, "greater_equal": int.__ge__,
}  # fmt: skip


@dataclass(frozen=True)
class Issued:
    """A call of a kernel: its arguments, how many rounds its outermost loop goes, and its scalar operations.

    For listings and profiles also what it computes, and the floating operations and bytes of that.
    """

    kernel: Kernel
    pointers: tuple[Pointer, ...]
    sizes: tuple[int, ...]
    count: int
    work: int
    nodes: tuple[Node, ...]
    flops: int
    bytes: int


def straightened(calls: Sequence[Issued]) -> Issued | None:
    """The call of one kernel that does what several do; None if it would be long."""
    made = _Straight()
    try:
        for call in calls:
            made.add(call)
    except _LongError:
        return None
    name = "+".join(dict.fromkeys(call.kernel.name for call in calls))
    kernel = Kernel(name, tuple(made.buffers.values()), (), tuple(made.statements))
    work, flops, moved = (sum(getattr(call, of) for call in calls) for of in ("work", "flops", "bytes"))
    nodes = tuple(dict.fromkeys(node for call in calls for node in call.nodes))
    return Issued(kernel, tuple(made.buffers), (), 1, work, nodes, flops, moved)


class _LongError(Exception):
    """There would be too many statements."""


class _Straight:
    """The kernel in the making."""

    def __init__(self) -> None:
        self.buffers: dict[Pointer, Buffer] = {}
        self.statements: list[Statement] = []
        self.memory: dict[Buffer, dict[int, tuple[Value, int]]] = {}
        self.count = 0

    def add(self, call: Issued) -> None:
        """Write a kernel out."""
        own: dict[Buffer, Buffer] = {}
        for buffer, pointer in zip(call.kernel.buffers, call.pointers, strict=True):
            own[buffer] = self.buffers.setdefault(pointer, Buffer(f"b{len(self.buffers)}", buffer.dtype))
        given: dict[Value, Value] = {
            call.kernel.begin: Constant("i64", 1, 0),
            call.kernel.end: Constant("i64", 1, call.count),
        }
        sizes = dict(zip(call.kernel.sizes, call.sizes, strict=True))
        self.statements += _Body(self, own, sizes, given).statements(call.kernel.body)

    def note(self, store: Store) -> None:
        """Remember what lies where: for each element the value that was stored, and in which lane it stands."""
        known = self.memory.setdefault(store.buffer, {})
        lanes = lanes_of(store.mask, store.value.lanes)
        if lanes is None or not isinstance(store.at, Constant) or store.at.lanes > 1:
            known.clear()
            return
        first = int(store.at.number)
        known.update({first + lane: (store.value, lane) for lane in range(lanes)})

    def known(self, buffer: Buffer, at: Value, lanes: int, mask: Value | None) -> Value | None:
        """What a load would give, if it was stored before."""
        known, count = self.memory.get(buffer), lanes_of(mask, lanes)
        if not known or not count or not isinstance(at, Constant) or at.lanes > 1:  # each lane has its own place
            return None
        places = [known.get(int(at.number) + lane) for lane in range(count)]
        found = [place for place in places if place is not None]
        sources = list(dict.fromkeys(value for value, _ in found))
        if len(found) < count or len(sources) > most_sources:
            return None
        if lanes == 1:
            value, lane = found[0]
            return value if value.lanes == 1 else Pick(buffer.dtype, 1, value, value, (lane,))
        together = self.together(buffer.dtype, lanes, sources, found)
        zeros = Constant(buffer.dtype, lanes, 0)
        return together if mask is None else Apply(buffer.dtype, lanes, "where", (mask, together, zeros))

    def together(self, dtype: str, lanes: int, sources: list[Value], found: list[tuple[Value, int]]) -> Value:
        """A vector of lanes of several values."""
        made: Value | None = None
        for source in sources:
            own = {n: lane for n, (value, lane) in enumerate(found) if value is source}
            if source.lanes != lanes or any(n != lane for n, lane in own.items()):
                if source.lanes == 1:
                    part: Value = Splat(dtype, lanes, source)
                else:
                    part = Pick(dtype, lanes, source, source, tuple(own.get(n, 0) for n in range(lanes)))
            else:
                part = source
            order = tuple(lanes + n if n in own else n for n in range(lanes))
            made = part if made is None else Pick(dtype, lanes, made, part, order)
        assert made is not None  # noqa: S101  (there is at least one)
        return made

    def step(self) -> None:
        """One statement more."""
        self.count += 1
        if self.count > most_statements:
            raise _LongError


class _Body:
    """Writes statements anew.

    A value is made once in every round of the innermost loop that it depends on: ``made`` holds, for each loop around,
    what was made in its round, and ``level`` says in which of them a value belongs.
    """

    def __init__(
        self, whole: _Straight, buffers: dict[Buffer, Buffer], sizes: Mapping[str, int], given: dict[Value, Value]
    ) -> None:
        self.whole, self.buffers, self.sizes = whole, buffers, sizes
        self.made = [given]
        self.level: dict[Value, int] = dict.fromkeys(given, 0)
        self.writes: list[frozenset[Buffer]] = [frozenset()]
        self.after: dict[tuple[For, int], Value] = {}

    def statements(self, body: Sequence[Statement]) -> list[Statement]:
        """What statements become."""
        found: list[Statement] = []
        for statement in body:
            self.whole.step()
            match statement:
                case Store(buffer=buffer, at=at, value=value, mask=mask):
                    chosen = None if mask is None else self.mask(mask)
                    if chosen is not _nothing:
                        store = Store(self.buffers[buffer], self.value(at), self.value(value), chosen)
                        self.whole.note(store)
                        found.append(store)
                case Ahead():
                    pass  # what is so small lies in the first cache
                case For():
                    found += self.loop(statement)
                case If(condition=condition, body=inner):
                    made = self.value(condition)
                    if not isinstance(made, Constant):
                        raise _LongError  # what stands under it must be made under it
                    found += self.statements(inner) if made.number else []
                case Report(condition=condition, code=code):
                    found.append(Report(self.value(condition), self.value(code)))
        return found

    def loop(self, loop: For) -> list[Statement]:
        """A loop round by round; as a loop if it has many."""
        start, stop = self.value(loop.start), self.value(loop.stop)
        carried = [self.value(carry.start) for carry in loop.carried]
        if not (isinstance(start, Constant) and isinstance(stop, Constant)):
            raise _LongError
        variables = [carry.variable for carry in loop.carried]
        depth = len(self.made)
        self.level |= dict.fromkeys([loop.index, *variables], depth)
        self.writes.append(frozenset(_written(loop.body)))
        rounds = range(int(start.number), int(stop.number), loop.step)
        found: list[Statement] = []
        if len(rounds) > most_rounds:
            self.forget(self.writes[-1])
            index = Variable("i64", 1, loop.index.name)
            own = [Variable(variable.dtype, variable.lanes, variable.name) for variable in variables]
            body, following = self.round(loop, dict(zip([loop.index, *variables], [index, *own], strict=True)))
            made = For(index, start, stop, loop.step, tuple(body), tuple(map(Carry, own, carried, following)))
            carried = [After(one.dtype, one.lanes, made, number) for number, one in enumerate(own)]
            found.append(made)
            self.forget(self.writes[-1])
        else:
            for at in rounds:
                now = [Constant("i64", 1, at), *carried]
                body, carried = self.round(loop, dict(zip([loop.index, *variables], now, strict=True)))
                found += body
        self.writes.pop()
        for number, value in enumerate(carried):
            self.after[loop, number] = value
        return found

    def forget(self, written: frozenset[Buffer]) -> None:
        """What a loop writes is not known in it, nor behind it."""
        for buffer in written:
            self.whole.memory.pop(self.buffers[buffer], None)

    def round(self, loop: For, given: dict[Value, Value]) -> tuple[list[Statement], list[Value]]:
        """One round: its statements, and what it hands on."""
        self.made.append(given)
        body = self.statements(loop.body)
        following = [self.value(carry.next) for carry in loop.carried]
        self.made.pop()
        return body, following

    def mask(self, mask: Value) -> Any:
        """A mask, or None if it holds in all lanes; `_nothing` if it holds in none."""
        made = self.value(mask)
        match made:
            case Apply(function="less", arguments=(Steps(), Constant(number=number))):
                return None if number >= made.lanes else _nothing if number <= 0 else made
            case Constant(number=number):
                return None if number else _nothing
            case _:
                return made

    def value(self, value: Value) -> Value:
        """What a value becomes."""
        made = self.made[self.level_of(value)]
        if value not in made:
            made[value] = self.anew(value)
        return made[value]

    def level_of(self, value: Value) -> int:
        """The innermost of the loops around on which a value depends; memory that one writes depends on it."""
        if value not in self.level:
            level = max(map(self.level_of, operands(value)), default=0)
            if isinstance(value, Load):
                level = max([level, *(n for n, buffers in enumerate(self.writes) if value.buffer in buffers)])
            self.level[value] = len(self.made) - 1 if isinstance(value, After) else level
        return min(self.level[value], len(self.made) - 1)

    def anew(self, value: Value) -> Value:  # noqa: PLR0911  (one for each kind of value)
        """A value of the values that its operands became."""
        match value:
            case Size(name=name):
                return Constant("i64", 1, self.sizes[name])
            case Load(dtype=dtype, lanes=lanes, buffer=buffer, at=at, mask=mask):
                chosen = None if mask is None else self.mask(mask)
                if chosen is _nothing:
                    return Constant(dtype, lanes, 0)
                own, place = self.buffers[buffer], self.value(at)
                return self.whole.known(own, place, lanes, chosen) or Load(dtype, lanes, own, place, chosen)
            case Apply(dtype=dtype, lanes=lanes, function=function, arguments=arguments):
                return _applied(dtype, lanes, function, tuple([self.value(argument) for argument in arguments]))
            case Cast(dtype=dtype, lanes=lanes, value=inner):
                return Cast(dtype, lanes, self.value(inner))
            case Splat(dtype=dtype, lanes=lanes, value=inner):
                made = self.value(inner)
                return Constant(dtype, lanes, made.number) if isinstance(made, Constant) else Splat(dtype, lanes, made)
            case Fold(dtype=dtype, lanes=lanes, combiner=combiner, value=inner):
                return Fold(dtype, lanes, combiner, self.value(inner))
            case Pick(dtype=dtype, lanes=lanes, first=first, second=second, order=order):
                return Pick(dtype, lanes, self.value(first), self.value(second), order)
            case After(loop=loop, number=number):
                return self.after[loop, number]
            case _:
                return value


def lanes_of(mask: Value | None, lanes: int) -> int | None:
    """For how many of the first lanes a mask holds; None if nobody knows."""
    match mask:
        case None:
            return lanes
        case Apply(function="less", arguments=(Steps(), Constant(number=number))):
            return int(number)
        case _:
            return None


def _written(body: Sequence[Statement]) -> set[Buffer]:
    found: set[Buffer] = set()
    for statement in body:
        if isinstance(statement, Store):
            found.add(statement.buffer)
        elif isinstance(statement, For | If):
            found |= _written(statement.body)
    return found


def _applied(dtype: str, lanes: int, function: str, arguments: tuple[Value, ...]) -> Value:
    """A function of values; of positions that are known, its value."""
    numbers = [int(x.number) for x in arguments if isinstance(x, Constant) and x.lanes == 1 and x.dtype == "i64"]
    if len(numbers) == len(arguments) and function in arithmetic:
        return Constant(dtype, 1, arithmetic[function](*numbers))
    if function == "where" and isinstance(arguments[0], Constant):
        return arguments[1] if arguments[0].number else arguments[2]
    return Apply(dtype, lanes, function, arguments)


_nothing = object()
