"""The loops of a contraction, in the loop language: a tile of the result in registers, and the way from tile to tile.

The last tile along an axis is moved back, so that it ends where the axis ends, and computes some elements again: the
loop over the terms needs no masks. Where the sums are cut into blocks, what was computed already must not be added to
again; there it is not stored.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from maplet.compiler.loops import (
    After,
    Apply,
    Buffer,
    Carry,
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
    from maplet.compiler.contraction_schedule import Axis, Schedule
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


class ContractionWriter:
    """Writes the kernel of a schedule. ``operands`` are the buffers by the names ``a``, ``b`` and ``out``."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.problem = schedule.problem
        self.tile = schedule.tile
        self.sizes = Sizes()
        self.buffers = {name: Buffer(name, self.problem.dtype) for name in ("a", "b", "out")}
        self.begin, self.end = index("begin"), index("end")
        self.first: Value | None = None  # whether this is the first block of the sums; None if there is only one
        self.within: tuple[Value, Value] | None = None  # the part of the blocked sum that this block takes
        vectors = range(self.tile.vectors)
        self.places: list[Place] = list(product(*(range(count) for _, count in self.tile.rows), vectors))
        self.mask: Value | None = None
        if self.tile.masked:
            extent = Splat("i64", self.tile.lanes, self.extent(self.tile.vector or 0))
            self.mask = compare("less", Steps("i64", self.tile.lanes), extent)

    def kernel(self) -> Kernel:
        """The whole kernel."""
        starts = (*self.problem.starts, 0)
        at = {x: self.sizes.stride(f"{x}_start", n) for x, n in zip(("a", "b", "out"), starts, strict=True)}
        body = self.blocks(0, at, [])
        name = f"contraction_{'x'.join(str(count) for _, count in self.tile.rows)}x{self.tile.vectors}"
        buffers = tuple(self.buffers.values())
        return Kernel(name, buffers, tuple(self.sizes.numbers), body, begin=self.begin, end=self.end)

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
        if number < schedule.blocked:
            body = self.blocks(number + 1, self.moved(at, name, axis, i), [*indices, i])
            return (For(i, integer(0), extent, 1, body),)
        self.within = i, least(plus(i, integer(schedule.length)), extent)
        body = self.blocks(number + 1, at, [*indices, i])
        return (For(i, integer(0), extent, schedule.length, body),)

    def tasks(self, at: Positions) -> Statement:
        """The loop over the tasks of a thread."""
        task = index("task")
        digits: dict[str, Value] = {}
        rest: Value = task
        for number, (name, count) in reversed(list(enumerate(self.schedule.digits))):
            if number == 0:
                digits[name] = rest
            else:
                size = self.sizes.extent(f"{name}_tasks", count)
                quotient = apply("floor_divide", rest, size)
                digits[name] = apply("subtract", rest, apply("multiply", quotient, size))
                rest = quotient
        for number in self.schedule.tasks:
            at = self.moved(at, f"axis{number}", self.problem.axes[number], digits.get(f"axis{number}", integer(0)))
        return For(task, self.begin, self.end, 1, self.within_task(self.schedule.order, at, digits, {}))

    def within_task(
        self, axes: tuple[int, ...], at: Positions, digits: dict[str, Value], fresh: dict[int, Value]
    ) -> tuple[Statement, ...]:
        """The loops of a task over the given axes. ``fresh`` says where, in a tile that was moved back, the new begins."""
        if not axes:
            return self.whole_tile(at, fresh)
        number, *rest = axes
        axis, name, i = self.problem.axes[number], f"axis{number}", index(f"i{number}")
        count, first, last = self.loop_over(number, digits)
        start: Value = times(i, integer(count))
        if axis.extent % count:
            wanted, start = start, least(start, plus(self.extent(number), integer(-count)))
            fresh = {**fresh, number: apply("subtract", wanted, start)}
        moved = self.moved(at, name, axis, start)
        if number == self.tile.vector and self.schedule.packed:
            step = self.sizes.extent("panel_stride", self.schedule.panel_stride)
            moved[self.schedule.packed] = plus(at[self.schedule.packed], times(i, step))
        return (For(i, first, last, 1, self.within_task(tuple(rest), moved, digits, fresh)),)

    def loop_over(self, number: int, digits: dict[str, Value]) -> tuple[int, Value, Value]:
        """How many elements of an axis a tile takes, and which tiles along it are the task's: the first, and the end."""
        schedule, count = self.schedule, self.tile.count(number)
        every = self.sizes.extent(f"axis{number}_tiles", -(-self.problem.axes[number].extent // count))
        name, each = "", 0
        if number == self.tile.vector:
            name, each = "panels", schedule.panels
        elif number == self.tile.rows[0][0] if self.tile.rows else False:
            name, each = "tiles", schedule.tiles
        if name not in digits:
            return count, integer(0), every
        size = self.sizes.extent(f"{name}_each", each)
        first = times(digits[name], size)
        return count, first, least(plus(first, size), every)

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
        return (*statements, *self.stores(origins["out"], found, fresh))

    def key(self, operand: str, place: Place) -> Place:
        """Where two places have one key, they use one element of the operand."""
        axes = [axis for axis, _ in self.tile.rows] + [self.tile.vector]
        return tuple(i if self.moves(operand, axis) else 0 for i, axis in zip(place, axes, strict=True))

    def origins(self, operand: str, at: Value) -> dict[Place, Value]:
        """Where an operand lies at the places of the tile, before any term; places of one key share a position."""
        found: dict[Place, Value] = {(): at}
        for axis, count in self.tile.rows:
            stride = self.stride(f"axis{axis}", self.problem.axes[axis], operand)
            steps = [times(integer(n), stride) for n in range(count if self.moves(operand, axis) else 1)]
            found = {(*place, n): plus(found[place], step) for place in found for n, step in enumerate(steps)}
        count = self.tile.vectors if self.moves(operand, self.tile.vector) else 1
        steps = [times(integer(n * self.tile.lanes), self.step(operand)) for n in range(count)]
        return {(*place, n): plus(origin, step) for place, origin in found.items() for n, step in enumerate(steps)}

    def moves(self, operand: str, axis: int | None) -> bool:
        """Whether an operand has an axis."""
        return operand == "out" or (axis is not None and self.problem.axes[axis].stride(operand) != 0)

    def step(self, operand: str) -> Value:
        """How far the lanes of an operand lie apart."""
        vector = self.tile.vector
        if vector is None:
            return integer(0)
        if operand == self.schedule.packed:
            return integer(1)
        return self.stride(f"axis{vector}", self.problem.axes[vector], operand)

    def terms(
        self, number: int, at: dict[str, dict[Place, Value]], totals: list[Value]
    ) -> tuple[tuple[Statement, ...], list[Value]]:
        """The loops over the sums, from the given one on: what they do and the new totals."""
        dtype, lanes = self.problem.dtype, self.tile.lanes
        if number == len(self.problem.sums):
            made = {x: {key: self.load(x, at[x][key]) for key in at[x]} for x in ("a", "b")}
            keys = [[self.key(x, place) for place in self.places] for x in ("a", "b")]
            pairs = zip(*keys, totals, strict=True)
            return (), [apply("fma", made["a"][a], made["b"][b], total) for a, b, total in pairs]
        axis, name = self.problem.sums[number], f"sum{number}"
        i = index(name)
        start, stop = self.within or (integer(0), self.sizes.extent(name, axis.extent))
        if not (self.schedule.length and number == self.schedule.blocked):
            start, stop = integer(0), self.sizes.extent(name, axis.extent)
        variables = [Variable(dtype, lanes, "total") for _ in totals]
        moved = {
            x: {key: plus(origin, times(i, self.stride(name, axis, x))) for key, origin in at[x].items()} for x in "ab"
        }
        body, following = self.terms(number + 1, moved, list(variables))
        carried = tuple(Carry(*three) for three in zip(variables, totals, following, strict=True))
        loop = For(i, start, stop, 1, body, carried)
        return (loop,), [After(dtype, lanes, loop, n) for n in range(len(totals))]

    def load(self, operand: str, at: Value, mask: Value | None = None) -> Value:
        """Elements of an operand for all lanes: one for all, neighbours, or some that lie apart."""
        buffer, lanes, step = self.buffers[operand], self.tile.lanes, self.step(operand)
        if operand != "out" and isinstance(step, Constant) and step.number == 0:
            return splat(Load(buffer.dtype, 1, buffer, at), lanes)
        return Load(buffer.dtype, lanes, buffer, self.spread(at, step), self.both(self.mask, mask))

    def spread(self, at: Value, step: Value) -> Value:
        """Positions of all lanes: one number if they are neighbours."""
        lanes = self.tile.lanes
        if lanes == 1 or (isinstance(step, Constant) and step.number == 1):
            return at
        return apply("add", splat(at, lanes), apply("multiply", Steps("i64", lanes), splat(step, lanes)))

    def both(self, first: Value | None, second: Value | None) -> Value | None:
        """Where two masks hold; None holds everywhere."""
        if first is None or second is None:
            return first if second is None else second
        return apply("logical_and", first, second)

    def stores(self, at: dict[Place, Value], totals: dict[Place, Value], fresh: dict[int, Value]) -> tuple[Statement, ...]:
        """Write a tile; in blocks of the sums only what is new: no element may be added to twice."""
        if self.first is None:
            fresh = {}  # what is computed again is stored again: it is the same
        column = None if self.tile.vector is None else fresh.get(self.tile.vector)
        masks = [self.new_columns(column, n) for n in range(self.tile.vectors)]
        statements: list[Statement] = []
        for row in product(*(range(count) for _, count in self.tile.rows)):
            made: tuple[Statement, ...] = tuple(
                Store(self.buffers["out"], self.spread(at[place], self.step("out")), totals[place], mask)
                for n, mask in enumerate(masks)
                if (place := (*row, n))
            )
            for i, (axis, _) in zip(row, self.tile.rows, strict=True):
                if axis in fresh:
                    made = (If(compare("less_equal", fresh[axis], integer(i)), made),)
            statements += made
        return tuple(statements)

    def new_columns(self, column: Value | None, vector: int) -> Value | None:
        """The lanes of a vector that are to be stored: those from a column on, if one is given."""
        lanes = self.tile.lanes
        if column is None:
            return self.mask
        first = plus(column, integer(-vector * lanes))
        return compare("less_equal", splat(first, lanes), Steps("i64", lanes) if lanes > 1 else integer(0))
