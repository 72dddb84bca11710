"""Copying an operand of a contraction into panels: as wide as a tile, in the order in which the tile reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, gcd, prod
from typing import TYPE_CHECKING

from maplet.compiler.contraction_kernel import Sizes, least
from maplet.compiler.loops import Buffer, For, Kernel, Load, Store, apply, index, integer, plus, times

if TYPE_CHECKING:
    from maplet.compiler.contraction_schedule import Axis, Contraction, Tile
    from maplet.compiler.loops import Statement, Value

# Where an operand is turned, so many terms of so many columns are copied at once: the terms fill a line of the cache.
block_terms, block_columns = 16, 4


@dataclass(frozen=True)
class Panels:
    """Where the elements of a copied operand lie: ``[axes that it has…, panel, sums…, column]``.

    Parameters
    ----------
    elements
        How many there are.
    panel, axes, sums
        How far panels, and neighbours along the axes of the problem, lie apart.
    """

    elements: int
    panel: int
    axes: tuple[int, ...]
    sums: tuple[int, ...]


def panels(problem: Contraction, tile: Tile, operand: str) -> Panels:
    """The layout of the copy of ``a`` or ``b``."""
    stride = tile.columns
    sums: list[int] = []
    for axis in reversed(problem.sums):
        sums.insert(0, stride)
        stride *= axis.extent
    panel = stride
    stride *= ceil(along(problem, tile).extent / tile.columns)
    axes = [0] * len(problem.axes)
    for number in reversed(range(len(problem.axes))):
        if number != tile.vector and problem.axes[number].stride(operand):
            axes[number] = stride
            stride *= problem.axes[number].extent
    return Panels(stride, panel, tuple(axes), tuple(sums))


def along(problem: Contraction, tile: Tile) -> Axis:
    """The axis that lies along the lanes."""
    return problem.axes[tile.vector or 0]


def reading(problem: Contraction, layout: Panels, tile: Tile, operand: str) -> Contraction:
    """The problem that reads the copy instead of the operand."""
    axes = tuple(
        axis if number == tile.vector else replace(axis, **{operand: stride})
        for number, (axis, stride) in enumerate(zip(problem.axes, layout.axes, strict=True))
    )
    sums = tuple(
        replace(axis, **{operand: stride}) for axis, stride in zip(problem.sums, layout.sums, strict=True)
    )
    a, b = problem.starts
    return replace(problem, axes=axes, sums=sums, starts=(0, b) if operand == "a" else (a, 0))


class PanelWriter:
    """Writes the kernel that copies an operand; each task copies one panel."""

    def __init__(self, problem: Contraction, layout: Panels, tile: Tile, operand: str) -> None:
        self.problem, self.layout, self.tile, self.operand = problem, layout, tile, operand
        self.sizes = Sizes()
        self.source, self.copy = Buffer("source", problem.dtype), Buffer("copy", problem.dtype)
        self.own = [number for number, stride in enumerate(layout.axes) if stride]
        self.columns = self.sizes.extent("columns", along(problem, tile).extent)
        self.step = self.sizes.stride("step", along(problem, tile).stride(operand))
        last = problem.sums[-1]
        self.turned = last.stride(operand) == 1 and last.extent >= block_terms and not tile.masked

    @property
    def count(self) -> int:
        """The number of panels."""
        every = (self.problem.axes[number].extent for number in self.own)
        return prod(every) * ceil(along(self.problem, self.tile).extent / self.tile.columns)

    def kernel(self) -> Kernel:
        """The loop over the panels, whatever axes they belong to."""
        sizes = self.sizes
        begin, end, task = index("begin"), index("end"), index("task")
        at = sizes.stride("start", self.problem.starts["ab".index(self.operand)])
        panel: Value = task
        if self.own:
            every = sizes.extent("panels", ceil(along(self.problem, self.tile).extent / self.tile.columns))
            panel, rest = apply("remainder", task, every), apply("floor_divide", task, every)
            for number in reversed(self.own):
                axis, name = self.problem.axes[number], f"axis{number}"
                extent = sizes.extent(name, axis.extent)
                digit = rest if number == self.own[0] else apply("remainder", rest, extent)
                at = plus(at, times(digit, sizes.stride(f"{name}_step", axis.stride(self.operand))))
                rest = apply("floor_divide", rest, extent)
        if not self.tile.masked:
            start = times(panel, integer(self.tile.columns))
            at = plus(at, times(least(start, plus(self.columns, integer(-self.tile.columns))), self.step))
        to = times(task, sizes.extent("panel", self.layout.panel))
        body = (For(task, begin, end, 1, self.terms(0, at, to)),)
        return Kernel("panels", (self.source, self.copy), tuple(sizes.numbers), body, begin=begin, end=end)

    def terms(self, number: int, at: Value, to: Value) -> tuple[Statement, ...]:
        """The loops over the sums, from the given one on."""
        if number == len(self.problem.sums):
            return self.term(at, to)
        axis, name, i = self.problem.sums[number], f"sum{number}", index("term")
        extent = self.sizes.extent(name, axis.extent)
        last = number == len(self.problem.sums) - 1
        place = least(i, plus(extent, integer(-block_terms))) if last and self.turned else i
        at = plus(at, times(place, self.sizes.stride(f"{name}_step", axis.stride(self.operand))))
        stride = self.tile.columns if last else self.layout.sums[number]
        to = plus(to, times(place, integer(stride) if last else self.sizes.extent(f"{name}_panel", stride)))
        step = block_terms if last and self.turned else 1
        return (For(i, integer(0), extent, step, self.terms(number + 1, at, to)),)

    def term(self, at: Value, to: Value) -> tuple[Statement, ...]:
        """Copy all columns of one term, or of a few."""
        dtype, tile = self.problem.dtype, self.tile
        if along(self.problem, tile).stride(self.operand) == 1 and not tile.masked:
            places = [integer(n * tile.lanes) for n in range(tile.vectors)]
            return tuple(
                Store(self.copy, plus(to, place), Load(dtype, tile.lanes, self.source, plus(at, place)))
                for place in places
            )
        column = index("column")
        width = 1 if tile.masked else gcd(block_columns, tile.columns)
        at = plus(at, times(column, self.step))
        sources = [plus(at, times(integer(n), self.step)) for n in range(width)]
        to = plus(to, column)
        copies = tuple(
            Store(self.copy, plus(to, integer(k * tile.columns + n)), Load(dtype, 1, self.source, plus(source, integer(k))))
            for k in range(block_terms if self.turned else 1)
            for n, source in enumerate(sources)
        )
        stop = self.columns if tile.masked else integer(tile.columns)
        return (For(column, integer(0), stop, width, copies),)
