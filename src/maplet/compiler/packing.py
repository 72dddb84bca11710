"""Copying an operand of a contraction into panels: as wide as a tile, in the order in which the tile reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, prod
from typing import TYPE_CHECKING

from maplet.compiler.contraction_kernel import Sizes, least
from maplet.compiler.contraction_schedule import Axis, Contraction
from maplet.compiler.loops import Buffer, For, Kernel, Load, Store, apply, index, integer, plus, times

if TYPE_CHECKING:
    from maplet.compiler.contraction_schedule import Schedule, Tile
    from maplet.compiler.loops import Statement, Value


@dataclass(frozen=True)
class Panels:
    """Where the elements of a copied operand lie: ``[axes that it has…, panel, sums…, column]``."""

    elements: int
    panel: int
    axes: tuple[int, ...]
    sums: tuple[int, ...]


def panels(problem: Contraction, tile: Tile, operand: str) -> Panels:
    """The layout of the copy of ``a`` or ``b``: its size and strides."""
    stride, sums = tile.columns, list[int]()
    for axis in reversed(problem.sums):
        sums.insert(0, stride)
        stride *= axis.extent
    panel = stride
    stride *= ceil(problem.axes[tile.vector or 0].extent / tile.columns)
    axes = [0] * len(problem.axes)
    for number in reversed(range(len(problem.axes))):
        if number != tile.vector and problem.axes[number].stride(operand):
            axes[number] = stride
            stride *= problem.axes[number].extent
    return Panels(stride, panel, tuple(axes), tuple(sums))


def with_panels(problem: Contraction, layout: Panels, tile: Tile, operand: str) -> Contraction:
    """The problem that reads the copy instead of the operand."""
    axes = [
        axis if number == tile.vector else _with_stride(axis, operand, stride)
        for number, (axis, stride) in enumerate(zip(problem.axes, layout.axes, strict=True))
    ]
    sums = [_with_stride(axis, operand, stride) for axis, stride in zip(problem.sums, layout.sums, strict=True)]
    starts = tuple(0 if x == operand else n for x, n in zip("ab", problem.starts, strict=True))
    return replace(problem, axes=tuple(axes), sums=tuple(sums), starts=starts)


def _with_stride(axis: Axis, operand: str, stride: int) -> Axis:
    return replace(axis, **{operand: stride})


def copying(problem: Contraction, layout: Panels, tile: Tile, operand: str) -> tuple[Kernel, Sizes, int]:
    """The kernel that copies an operand, its sizes, and the number of its tasks: each copies one panel."""
    writer = _Copier(problem, layout, tile, operand)
    kernel = writer.kernel()
    return kernel, writer.sizes, writer.count


class _Copier:
    def __init__(self, problem: Contraction, layout: Panels, tile: Tile, operand: str) -> None:
        self.problem, self.layout, self.tile, self.operand = problem, layout, tile, operand
        self.sizes = Sizes()
        self.source, self.copy = Buffer("source", problem.dtype), Buffer("copy", problem.dtype)
        self.own = [n for n, stride in enumerate(layout.axes) if stride]
        self.panels = ceil(problem.axes[tile.vector or 0].extent / tile.columns)
        self.count = prod(problem.axes[n].extent for n in self.own) * self.panels

    def kernel(self) -> Kernel:
        """The loop over the panels, whatever axes they belong to."""
        sizes, axis = self.sizes, self.problem.axes[self.tile.vector or 0]
        begin, end, task = index("begin"), index("end"), index("task")
        at = sizes.stride("start", self.problem.starts["ab".index(self.operand)])
        panel: Value = task
        rest: Value = task
        for place, number in enumerate(reversed([*self.own, -1])):
            extent = self.panels if number < 0 else self.problem.axes[number].extent
            digit = rest
            if place < len(self.own):
                size = sizes.extent(f"count{number}", extent)
                digit = apply("remainder", rest, size)
                rest = apply("floor_divide", rest, size)
            if number < 0:
                panel = digit
            else:
                stride = self.problem.axes[number].stride(self.operand)
                at = plus(at, times(digit, sizes.stride(f"axis{number}", stride)))
        wanted = times(panel, integer(self.tile.columns))
        start = least(wanted, plus(sizes.extent("columns", axis.extent), integer(-self.tile.columns)))
        self.step = sizes.stride("step", axis.stride(self.operand))
        at = plus(at, times(start, self.step))
        to = times(task, sizes.extent("panel", self.layout.panel))
        body = (For(task, begin, end, 1, self.terms(0, at, to)),)
        return Kernel("pack", (self.source, self.copy), tuple(sizes.numbers), body, begin=begin, end=end)

    def terms(self, number: int, at: Value, to: Value) -> tuple[Statement, ...]:
        """The loops over the sums, from the given one on."""
        if number == len(self.problem.sums):
            return self.columns(at, to)
        axis, i = self.problem.sums[number], index(f"sum{number}")
        at = plus(at, times(i, self.sizes.stride(f"sum{number}_step", axis.stride(self.operand))))
        stride = self.layout.sums[number]
        to = plus(
            to, times(i, integer(stride) if stride == self.tile.columns else self.sizes.extent(f"to{number}", stride))
        )
        body = self.terms(number + 1, at, to)
        return (For(i, integer(0), self.sizes.extent(f"sum{number}", axis.extent), 1, body),)

    def columns(self, at: Value, to: Value) -> tuple[Statement, ...]:
        """Copy the elements of one term."""
        dtype, lanes = self.problem.dtype, self.tile.lanes
        near = self.problem.axes[self.tile.vector or 0].stride(self.operand) == 1
        statements: list[Statement] = []
        if near:
            for n in range(self.tile.vectors):
                value = Load(dtype, lanes, self.source, plus(at, integer(n * lanes)))
                statements.append(Store(self.copy, plus(to, integer(n * lanes)), value))
            return tuple(statements)
        for n in range(self.tile.columns):
            value = Load(dtype, 1, self.source, plus(at, times(integer(n), self.step)))
            statements.append(Store(self.copy, plus(to, integer(n)), value))
        return tuple(statements)
