"""The loops of a contraction, in the loop language: a tile of the result in registers, and the way from tile to tile.

The last tile along an axis is moved back, so that it ends where the axis ends, and computes some elements again: the
loop over the terms needs no masks. Where the sums are cut into blocks, what was computed already must not be added to
again; there it is not stored.
"""

from __future__ import annotations

from itertools import product
from math import ceil
from typing import TYPE_CHECKING

from maplet.compiler.contraction_schedule import results
from maplet.compiler.elements import Convert, Function, Number
from maplet.compiler.loops import (
    After,
    Apply,
    Buffer,
    Carry,
    Cast,
    Constant,
    For,
    If,
    Kernel,
    Load,
    Size,
    Splat,
    Steps,
    Store,
    Variable,
    apply,
    index,
    integer,
    plus,
    splat,
    times,
)

if TYPE_CHECKING:
    from maplet.compiler.contraction_schedule import Axis, Epilogue, Schedule
    from maplet.compiler.elements import Element
    from maplet.compiler.loops import Statement, Value

Positions = dict[str, "Value"]  # where "a", "b" and "out" are read or written
Place = tuple[int, ...]  # of a vector within a tile: its rows, then its number


class Sizes:
    """The sizes of a kernel, gathered while it is written, with their numbers."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.values: dict[str, Size] = {}

    def extent(self, name: str, number: int) -> Value:
        """A number that the kernel is given."""
        self.numbers[name] = number
        return self.values.setdefault(name, Size("i64", 1, name))

    def stride(self, name: str, number: int) -> Value:
        """The same; but 0 and 1 stand in the kernel."""
        return integer(number) if number in (0, 1) else self.extent(name, number)


def compare(function: str, first: Value, second: Value) -> Apply:
    """A comparison of positions."""
    return apply(function, first, second, dtype="bool")


def least(first: Value, second: Value) -> Value:
    """The smaller of two positions."""
    return apply("minimum", first, second)


def computed(element: Element, known: dict[Element, Value], total: Value) -> Value:
    """An element of an epilogue; what is read and not known is the result of the contraction."""
    if element not in known:
        match element:
            case Number(dtype=dtype, value=number):
                known[element] = Constant(dtype, total.lanes, number)
            case Convert(dtype=dtype, value=inner):
                known[element] = Cast(dtype, total.lanes, computed(inner, known, total))
            case Function(dtype=dtype, name=name, arguments=arguments):
                values = tuple([computed(argument, known, total) for argument in arguments])
                known[element] = Apply(dtype, total.lanes, name, values)
            case _:
                known[element] = total
    return known[element]


class ContractionWriter:
    """Writes the kernel of a schedule; ``sizes`` then holds the numbers that go with it."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.problem = schedule.problem
        self.tile = schedule.tile
        self.sizes = Sizes()
        self.epilogue = schedule.problem.epilogue
        self.buffers = {name: Buffer(name, self.problem.dtype) for name in ("a", "b", "out")}
        if self.epilogue:
            self.buffers |= {f"x{n}": Buffer(f"x{n}", read.dtype) for n, read in enumerate(self.epilogue.reads)}
            made = zip(results, self.epilogue.results, strict=False)
            self.buffers |= {name: Buffer(name, element.dtype) for name, element in made}
        self.begin, self.end = index("begin"), index("end")
        self.first: Value | None = None  # whether this is the first block of the sums; None if there is only one
        self.block: tuple[Value, Value] | None = None  # the part of the blocked sum that this block takes
        self.digits: dict[str, Value] = {}  # what the number of the task says
        vectors = range(self.tile.vectors)
        self.places: list[Place] = list(product(*(range(count) for _, count in self.tile.rows), vectors))
        self.mask: Value | None = None
        if self.tile.masked:
            extent = Splat("i64", self.tile.lanes, self.extent(self.tile.vector or 0))
            self.mask = compare("less", Steps("i64", self.tile.lanes), extent)

    def kernel(self) -> Kernel:
        """The whole kernel."""
        at = {x: self.sizes.stride(f"{x}_start", n) for x, n in self.problem.operands.items()}
        body = self.blocks(0, at, [])
        shape = "x".join(map(str, [*(count for _, count in self.tile.rows), self.tile.vectors, self.tile.lanes]))
        buffers, sizes = tuple(self.buffers.values()), tuple(self.sizes.numbers)
        return Kernel(f"contraction_{shape}", buffers, sizes, body, begin=self.begin, end=self.end)

    # ── the way to a tile ────────────────────────────────────────────────────────────────────────

    def extent(self, number: int) -> Value:
        """The extent of an axis of the result."""
        return self.sizes.extent(f"axis{number}", self.problem.axes[number].extent)

    def stride(self, name: str, axis: Axis, operand: str) -> Value:
        """A stride of an axis."""
        return self.sizes.stride(f"{name}_{operand}", axis.stride(operand))

    def moved(self, at: Positions, name: str, axis: Axis, by: Value) -> Positions:
        """The positions that lie some elements further along an axis."""
        return {x: plus(position, times(by, self.stride(name, axis, x))) for x, position in at.items()}

    def blocks(self, number: int, at: Positions, indices: list[Value]) -> tuple[Statement, ...]:
        """The loops over the blocks of the sums, from the given sum on."""
        schedule = self.schedule
        if number > schedule.blocked or not schedule.length:
            if indices:
                self.first = compare("equal", plus(*indices), integer(0))
            return (self.tasks(at),)
        axis, name = self.problem.sums[number], f"sum{number}"
        extent, i = self.sizes.extent(name, axis.extent), index(f"block{number}")
        step = schedule.length if number == schedule.blocked else 1
        if number == schedule.blocked:
            self.block = i, least(plus(i, integer(step)), extent)
        else:
            at = self.moved(at, name, axis, i)
        return (For(i, integer(0), extent, step, self.blocks(number + 1, at, [*indices, i])),)

    def tasks(self, at: Positions) -> Statement:
        """The loop over the tasks of a thread."""
        task = index("task")
        rest: Value = task
        for number, (name, count) in reversed(list(enumerate(self.schedule.digits))):
            if number == 0:
                self.digits[name] = rest
            else:
                size = self.sizes.extent(f"{name}_tasks", count)
                quotient = apply("floor_divide", rest, size)
                self.digits[name] = apply("subtract", rest, apply("multiply", quotient, size))
                rest = quotient
        for number in self.schedule.tasks:
            at = self.moved(at, f"axis{number}", self.problem.axes[number], self.digits[f"axis{number}"])
        return For(task, self.begin, self.end, 1, self.loops(self.schedule.order, at, {}))

    def loops(self, axes: tuple[int, ...], at: Positions, fresh: dict[int, Value]) -> tuple[Statement, ...]:
        """The loops of a task over some axes. ``fresh`` says where, in a tile that was moved back, the new begins."""
        if not axes:
            return self.whole_tile(at, fresh)
        number, i = axes[0], index(f"i{axes[0]}")
        axis, count = self.problem.axes[number], self.tile.count(number)
        start: Value = times(i, integer(count))
        if axis.extent % count or (number != self.tile.vector and count > 1):  # any number of rows shares one kernel
            wanted, start = start, least(start, plus(self.extent(number), integer(-count)))
            fresh = {**fresh, number: apply("subtract", wanted, start)}
        moved = self.moved(at, f"axis{number}", axis, start)
        for copy in self.schedule.copies:
            if number == copy.axis:
                step = self.sizes.extent(f"{copy.operand}_panel", copy.panel)
                moved[copy.operand] = plus(at[copy.operand], times(i, step))
        first, last = self.part(number)
        return (For(i, first, last, 1, self.loops(axes[1:], moved, fresh)),)

    def part(self, number: int) -> tuple[Value, Value]:
        """Which tiles along an axis a task does: the first, and the one after the last."""
        every = self.sizes.extent(
            f"axis{number}_tiles", ceil(self.problem.axes[number].extent / self.tile.count(number))
        )
        name, each = "", 0
        if number == self.tile.vector:
            name, each = "panels", self.schedule.panels
        elif self.tile.rows and number == self.tile.rows[0][0]:
            name, each = "tiles", self.schedule.tiles
        if name not in self.digits:
            return integer(0), every
        size = self.sizes.extent(f"{name}_each", each)
        first = times(self.digits[name], size)
        return first, least(plus(first, size), every)

    # ── a tile ───────────────────────────────────────────────────────────────────────────────────

    def whole_tile(self, at: Positions, fresh: dict[int, Value]) -> tuple[Statement, ...]:
        """Start, add up and store a tile."""
        dtype, lanes = self.problem.dtype, self.tile.lanes
        origins = {x: self.origins(x, position) for x, position in at.items()}
        totals: list[Value]
        if self.first is None:
            totals = [Constant(dtype, lanes, 0.0) for _ in self.places]
        else:
            later = splat(apply("logical_not", self.first, dtype="bool"), lanes)
            totals = [self.load("out", origins["out"][place], later) for place in self.places]
        first = self.schedule.blocked if self.schedule.length else 0
        statements, totals = self.terms(first, origins, totals)
        found = dict(zip(self.places, totals, strict=True))
        if self.epilogue:
            return (*statements, *self.finished(self.epilogue, origins, found))
        return (*statements, *self.stores(origins["out"], found, fresh))

    def finished(
        self, epilogue: Epilogue, origins: dict[str, dict[Place, Value]], totals: dict[Place, Value]
    ) -> tuple[Statement, ...]:
        """Compute and store what the epilogue makes of a tile."""
        loads: dict[tuple[str, Place], Value] = {}
        statements: list[Statement] = []
        for place, total in totals.items():
            known: dict[Element, Value] = {}
            for n, read in enumerate(epilogue.reads):
                key = (f"x{n}", self.key(f"x{n}", place))
                known[read] = loads[key] = loads.get(key) or self.load(key[0], origins[key[0]][key[1]])
            at = self.spread(origins["out"][place], self.step("out"))
            for name, element in zip(results, epilogue.results, strict=False):
                value = computed(element, known, total)
                statements.append(Store(self.buffers[name], at, splat(value, self.tile.lanes), self.mask))
        return tuple(statements)

    def has(self, operand: str, axis: int | None) -> bool:
        """Whether the places of an operand differ along an axis of the tile."""
        return operand == "out" or (axis is not None and self.problem.axes[axis].stride(operand) != 0)

    def key(self, operand: str, place: Place) -> Place:
        """Where two places of the tile have one key, they use one element of the operand."""
        axes = [axis for axis, _ in self.tile.rows] + [self.tile.vector]
        return tuple(i if self.has(operand, axis) else 0 for i, axis in zip(place, axes, strict=True))

    def origins(self, operand: str, at: Value) -> dict[Place, Value]:
        """Where an operand lies before any term, by key."""
        found: dict[Place, Value] = {(): at}
        for axis, count in self.tile.rows:
            stride = self.stride(f"axis{axis}", self.problem.axes[axis], operand)
            steps = [times(integer(n), stride) for n in range(count if self.has(operand, axis) else 1)]
            found = {(*key, n): plus(origin, step) for key, origin in found.items() for n, step in enumerate(steps)}
        count = self.tile.vectors if self.has(operand, self.tile.vector) else 1
        steps = [times(integer(n * self.tile.lanes), self.step(operand)) for n in range(count)]
        return {(*key, n): plus(origin, step) for key, origin in found.items() for n, step in enumerate(steps)}

    def step(self, operand: str) -> Value:
        """How far the lanes of an operand lie apart."""
        vector = self.tile.vector
        if vector is None:
            return integer(0)
        return self.stride(f"axis{vector}", self.problem.axes[vector], operand)

    def terms(
        self, number: int, at: dict[str, dict[Place, Value]], totals: list[Value]
    ) -> tuple[tuple[Statement, ...], list[Value]]:
        """The loops over the sums, from the given one on: what they do and the new totals."""
        dtype, lanes = self.problem.dtype, self.tile.lanes
        if number == len(self.problem.sums):
            made = {x: {key: self.load(x, position) for key, position in at[x].items()} for x in "ab"}
            keys = [[self.key(x, place) for place in self.places] for x in "ab"]
            pairs = zip(*keys, totals, strict=True)
            return (), [apply("fma", made["a"][a], made["b"][b], total) for a, b, total in pairs]
        axis, name, i = self.problem.sums[number], f"sum{number}", index(f"term{number}")
        start, stop = integer(0), self.sizes.extent(name, axis.extent)
        if self.block and number == self.schedule.blocked:
            start, stop = self.block
        moved = {
            x: {key: plus(origin, times(i, self.stride(name, axis, x))) for key, origin in at[x].items()} for x in "ab"
        }
        variables = [Variable(dtype, lanes, "total") for _ in totals]
        body, following = self.terms(number + 1, moved, list(variables))
        carried = tuple(Carry(*three) for three in zip(variables, totals, following, strict=True))
        loop = For(i, start, stop, 1, body, carried)
        return (loop,), [After(dtype, lanes, loop, n) for n in range(len(totals))]

    def load(self, operand: str, at: Value, mask: Value | None = None) -> Value:
        """Elements of an operand for all lanes: one for all, neighbours, or some that lie apart."""
        buffer, lanes, step = self.buffers[operand], self.tile.lanes, self.step(operand)
        if operand != "out" and isinstance(step, Constant) and step.number == 0:
            return splat(Load(buffer.dtype, 1, buffer, at), lanes)
        if self.mask and mask:
            mask = apply("logical_and", self.mask, mask)
        return Load(buffer.dtype, lanes, buffer, self.spread(at, step), mask or self.mask)

    def spread(self, at: Value, step: Value) -> Value:
        """Positions of all lanes: one number if they are neighbours."""
        lanes = self.tile.lanes
        if lanes == 1 or (isinstance(step, Constant) and step.number == 1):
            return at
        return apply("add", splat(at, lanes), apply("multiply", Steps("i64", lanes), splat(step, lanes)))

    def stores(
        self, at: dict[Place, Value], totals: dict[Place, Value], fresh: dict[int, Value]
    ) -> tuple[Statement, ...]:
        """Write a tile; in blocks of the sums only what is new: no element may be added to twice."""
        if self.first is None:
            fresh = {}  # what is computed again is stored again: it is the same
        out, step, vectors = self.buffers["out"], self.step("out"), range(self.tile.vectors)
        masks = [self.new_columns(fresh, n) for n in vectors]
        statements: list[Statement] = []
        for row in product(*(range(count) for _, count in self.tile.rows)):
            places = [(*row, n) for n in vectors]
            made: tuple[Statement, ...] = tuple(
                Store(out, self.spread(at[place], step), totals[place], masks[place[-1]]) for place in places
            )
            for i, (axis, _) in zip(row, self.tile.rows, strict=True):
                if axis in fresh:
                    made = (If(compare("less_equal", fresh[axis], integer(i)), made),)
            statements += made
        return tuple(statements)

    def new_columns(self, fresh: dict[int, Value], vector: int) -> Value | None:
        """The lanes of a vector that are to be stored; None: all."""
        lanes = self.tile.lanes
        if self.tile.vector is None or self.tile.vector not in fresh:
            return self.mask
        first = plus(fresh[self.tile.vector], integer(-vector * lanes))
        return compare("less_equal", splat(first, lanes), Steps("i64", lanes))
