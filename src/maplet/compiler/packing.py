"""Copying an operand of a contraction into panels: as wide as a tile, in the order in which the tile reads them."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, gcd, prod
from typing import TYPE_CHECKING

from maplet.compiler.contraction_kernel import Sizes, least
from maplet.compiler.contraction_schedule import Panels
from maplet.compiler.loops import Buffer, For, Kernel, Load, Store, apply, index, integer, plus, times, turned

if TYPE_CHECKING:
    from collections.abc import Hashable

    from maplet.compiler.contraction_schedule import Contraction, Tile
    from maplet.compiler.loops import Statement, Value

# Where an operand is turned, squares of numbers are, as wide as a vector; if the columns fill no vectors, so many terms
# of so many columns are copied at once: the terms fill a line of the cache.
block_terms, block_columns = 16, 4
side_terms = 8  # where the columns lie side by side, and a panel is narrower than a line: so many terms of each panel
line = 64  # the bytes of a line of the cache


def panels(problem: Contraction, tile: Tile, operand: str) -> Panels:
    """The layout of a copy of ``a`` or ``b``."""
    axis = tile.cut(problem, operand)
    assert axis is not None  # noqa: S101  (who chooses to copy it knows)
    width = stride = tile.count(axis)
    sums: list[int] = []
    for one in reversed(problem.sums):
        sums.insert(0, stride)
        stride *= one.extent
    panel = stride
    stride *= ceil(problem.axes[axis].extent / width)
    axes = [0] * len(problem.axes)
    for number in reversed(range(len(problem.axes))):
        if number != axis and problem.axes[number].stride(operand):
            axes[number] = stride
            stride *= problem.axes[number].extent
    return Panels(operand, axis, width, stride, panel, tuple(axes), tuple(sums))


def reading(problem: Contraction, layout: Panels) -> Contraction:
    """The problem that reads a copy instead of the operand."""
    axes = tuple(
        replace(axis, **{layout.operand: 1 if number == layout.axis else stride})
        for number, (axis, stride) in enumerate(zip(problem.axes, layout.axes, strict=True))
    )
    sums = tuple(
        replace(axis, **{layout.operand: stride}) for axis, stride in zip(problem.sums, layout.sums, strict=True)
    )
    a, b = problem.starts
    return replace(problem, axes=axes, sums=sums, starts=(0, b) if layout.operand == "a" else (a, 0))


def identity(problem: Contraction, layout: Panels, tile: Tile) -> Hashable:
    """What decides which element of the operand goes where: equal ones of one array are one copy."""
    operand, cut = layout.operand, problem.axes[layout.axis]
    axes = zip((*problem.axes, *problem.sums), (*layout.axes, *layout.sums), strict=True)
    own = sorted((axis.extent, axis.stride(operand), to) for axis, to in axes if axis.stride(operand))
    panels = (cut.extent, cut.stride(operand), layout.width, layout.panel, tile.masked and layout.axis == tile.vector)
    return problem.dtype, problem.starts["ab".index(operand)], panels, tuple(own)


class PanelWriter:
    """Writes the kernel that copies an operand.

    A task is a panel, so that threads write the panels that they read later. If the columns lie side by side, a thread
    goes through all of its panels term by term, and so along the rows of the operand; where terms do, by blocks,
    so that lines of the cache are read whole. If panels are narrower than a line, or the operand has other axes, too, a
    task copies all panels for a step of the first sum, or for some steps of one that is the only one.
    """

    def __init__(self, problem: Contraction, layout: Panels, tile: Tile) -> None:
        self.problem, self.layout, self.lanes = problem, layout, tile.lanes
        self.operand, self.axis = layout.operand, problem.axes[layout.axis]
        self.masked = tile.masked and layout.axis == tile.vector
        self.sizes = Sizes()
        self.source, self.copy = Buffer("source", problem.dtype), Buffer("copy", problem.dtype)
        self.own = [number for number, stride in enumerate(layout.axes) if stride]
        self.panels = ceil(self.axis.extent / layout.width)
        self.columns = self.sizes.extent("columns", self.axis.extent)
        self.step = self.sizes.stride("step", self.axis.stride(self.operand))
        self.side_by_side = self.axis.stride(self.operand) == 1 and not self.masked
        last = problem.sums[-1]
        self.squares = self.lanes >= block_columns and layout.width % self.lanes == 0
        self.terms_at_once = self.lanes if self.squares else block_terms
        self.turned = last.stride(self.operand) == 1 and last.extent >= self.terms_at_once
        self.turned = self.turned and not (self.masked or self.side_by_side)
        narrow = self.side_by_side and layout.width * problem.size < line and len(problem.sums) == 1
        self.block = side_terms if narrow and last.extent >= side_terms else 1
        self.by_terms = self.side_by_side and bool(self.own or self.block > 1 or self.panels == 1)
        self.begin, self.end = index("begin"), index("end")

    @property
    def count(self) -> int:
        """The number of tasks."""
        each = ceil(self.problem.sums[0].extent / self.block) if self.by_terms else self.panels
        return prod(self.problem.axes[number].extent for number in self.own) * each

    def kernel(self) -> Kernel:
        """The loop over the tasks."""
        sizes = self.sizes
        task = index("task")
        at = sizes.stride("start", self.problem.starts["ab".index(self.operand)])
        to: Value = integer(0)
        last: Value = task  # the panel or the step of the first sum
        if self.own:
            rest, last = self.parted(task, "each", self.count // prod(self.problem.axes[n].extent for n in self.own))
            for number in reversed(self.own):
                axis, name = self.problem.axes[number], f"axis{number}"
                rest, digit = (rest, rest) if number == self.own[0] else self.parted(rest, name, axis.extent)
                at = plus(at, times(digit, sizes.stride(f"{name}_step", axis.stride(self.operand))))
                to = plus(to, times(digit, sizes.extent(f"{name}_copy", self.layout.axes[number])))
        if self.by_terms:
            if self.block > 1:
                extent = sizes.extent("sum0", self.problem.sums[0].extent)
                last = least(times(last, integer(self.block)), plus(extent, integer(-self.block)))
            body = self.terms(1, *self.moved(0, last, at, to))
        elif self.side_by_side:
            body = self.terms(0, at, to)  # the innermost loop is the one over the tasks
        else:
            body = self.terms(0, *self.panel(last, at, to))
        loops = body if self.side_by_side and not self.by_terms else (For(task, self.begin, self.end, 1, body),)
        return Kernel("panels", (self.source, self.copy), tuple(sizes.numbers), loops, begin=self.begin, end=self.end)

    def parted(self, number: Value, name: str, count: int) -> tuple[Value, Value]:
        """A number divided by a count: the quotient and the remainder."""
        size = self.sizes.extent(name, count)
        quotient = apply("floor_divide", number, size)
        return quotient, apply("subtract", number, apply("multiply", quotient, size))

    def panel(self, number: Value, at: Value, to: Value) -> tuple[Value, Value]:
        """Where a panel is read, and where it is written."""
        start = times(number, integer(self.layout.width))
        if not self.masked:
            start = least(start, plus(self.columns, integer(-self.layout.width)))
        return plus(at, times(start, self.step)), plus(to, times(number, self.sizes.extent("panel", self.layout.panel)))

    def moved(self, number: int, by: Value, at: Value, to: Value) -> tuple[Value, Value]:
        """The same some terms further along a sum."""
        axis, name, stride = self.problem.sums[number], f"sum{number}", self.layout.sums[number]
        near = number == len(self.problem.sums) - 1  # the copy has the columns of its terms side by side
        step = integer(stride) if near else self.sizes.extent(f"{name}_copy", stride)
        at = plus(at, times(by, self.sizes.stride(f"{name}_step", axis.stride(self.operand))))
        return at, plus(to, times(by, step))

    def terms(self, number: int, at: Value, to: Value) -> tuple[Statement, ...]:
        """The loops over the sums, from the given one on."""
        if number == len(self.problem.sums):
            if self.turned and self.squares:
                return self.square(at, to)
            return self.vectors(at, to) if self.side_by_side else self.numbers(at, to)
        i, extent = index("term"), self.sizes.extent(f"sum{number}", self.problem.sums[number].extent)
        step, place = 1, i
        if self.turned and number == len(self.problem.sums) - 1:
            step, place = self.terms_at_once, least(i, plus(extent, integer(-self.terms_at_once)))
        body = self.terms(number + 1, *self.moved(number, place, at, to))
        return (For(i, integer(0), extent, step, body),)

    def vectors(self, at: Value, to: Value) -> tuple[Statement, ...]:
        """Copy the columns of a block of terms, panel by panel, in vectors of as many lanes as there are."""
        number = index("panel")
        at, to = self.panel(number, at, to)
        copies: list[Statement] = []
        for term in range(self.block):
            done = 0
            while done < self.layout.width:
                lanes = min(self.lanes, 1 << ((self.layout.width - done).bit_length() - 1))
                value = Load(self.problem.dtype, lanes, self.source, plus(at, integer(done)))
                copies.append(Store(self.copy, plus(to, integer(term * self.layout.width + done)), value))
                done += lanes
            if self.block > 1:
                at = plus(at, self.sizes.stride("sum0_step", self.problem.sums[0].stride(self.operand)))
        if self.by_terms:
            return (For(number, integer(0), self.sizes.extent("panels", self.panels), 1, tuple(copies)),)
        return (For(number, self.begin, self.end, 1, tuple(copies)),)

    def square(self, at: Value, to: Value) -> tuple[Statement, ...]:
        """Copy as many terms of as many columns as a vector has lanes, turned, and so on to the last column."""
        dtype, lanes, column = self.problem.dtype, self.lanes, index("column")
        at, to = plus(at, times(column, self.step)), plus(to, column)
        columns = [Load(dtype, lanes, self.source, plus(at, times(integer(n), self.step))) for n in range(lanes)]
        stores = tuple(
            Store(self.copy, plus(to, integer(n * self.layout.width)), term) for n, term in enumerate(turned(columns))
        )
        return (For(column, integer(0), integer(self.layout.width), lanes, stores),)

    def numbers(self, at: Value, to: Value) -> tuple[Statement, ...]:
        """Copy the columns of one term of a panel, or of a block of terms, one element after the other."""
        dtype, width, column = self.problem.dtype, self.layout.width, index("column")
        each = 1 if self.masked else gcd(block_columns, width)
        at, to = plus(at, times(column, self.step)), plus(to, column)
        sources = [plus(at, times(integer(n), self.step)) for n in range(each)]
        copies = tuple(
            Store(self.copy, plus(to, integer(k * width + n)), Load(dtype, 1, self.source, plus(source, integer(k))))
            for k in range(block_terms if self.turned else 1)
            for n, source in enumerate(sources)
        )
        stop = self.columns if self.masked else integer(width)
        return (For(column, integer(0), stop, each, copies),)
