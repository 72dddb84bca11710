"""What is said about a contraction before and after it is planned: the problem, and how its loops are laid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maplet.compiler.elements import Element, Fetch


@dataclass(frozen=True)
class Axis:
    """An axis of a contraction: how long it is, and how far apart its elements lie (0: the operand does not have it).

    Strides are counted in elements and may be negative. ``others`` are those of what an epilogue reads.
    """

    extent: int
    a: int
    b: int
    out: int = 0
    others: tuple[int, ...] = ()

    def stride(self, operand: str) -> int:
        """The stride of ``a``, ``b``, ``out``, or of ``x0``, ``x1`` … of an epilogue."""
        return self.others[int(operand[1:])] if operand[0] == "x" else int(getattr(self, operand))

    @property
    def strides(self) -> tuple[int, ...]:
        """All of them."""
        return (self.a, self.b, self.out, *self.others)


results = ("out", "y1", "y2", "y3")  # the names of what a contraction makes, with an epilogue of several


@dataclass(frozen=True)
class Epilogue:
    """What is computed of each element of the result, and stored in its place.

    Parameters
    ----------
    results
        Elements over the result and over what else is read.
    reads
        What else is read: the operands ``x0``, ``x1`` …
    strides, starts
        Of each of them: how far apart it lies along the axes of the result, and where it begins.
    """

    results: tuple[Element, ...]
    reads: tuple[Fetch, ...]
    strides: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Contraction:
    """``out[axes] = Σ_sums a[…]·b[…]``, all positions affine: a product of matrices, a convolution, their gradients.

    Each element is one chain ``total = fma(a, b, total)`` from 0.0, over the sums in lexicographic order.

    Parameters
    ----------
    dtype
        ``f32`` or ``f64``.
    axes
        Those of the result, in its order.
    sums
        Those that are summed over, outermost first.
    starts
        Where the first elements of ``a`` and ``b`` lie.
    epilogue
        What is stored in the place of the result.
    """

    dtype: str
    axes: tuple[Axis, ...]
    sums: tuple[Axis, ...]
    starts: tuple[int, int]
    epilogue: Epilogue | None = None

    @property
    def operands(self) -> dict[str, int]:
        """The names of all that is read and written, and where it begins."""
        others = () if self.epilogue is None else self.epilogue.starts
        return {**dict(zip("ab", self.starts, strict=True)), "out": 0, **{f"x{n}": at for n, at in enumerate(others)}}

    @property
    def size(self) -> int:
        """The bytes of an element."""
        return int(self.dtype[1:]) // 8

    @property
    def outputs(self) -> int:
        """The number of elements of the result."""
        return prod(axis.extent for axis in self.axes)

    @property
    def depth(self) -> int:
        """The number of terms of each element."""
        return prod(axis.extent for axis in self.sums)


def simplified(problem: Contraction) -> Contraction:
    """The same with as few axes as possible, and at least one sum: extents of 1 fall away, neighbours become one."""
    sums = _merged(problem.sums) or (Axis(1, 0, 0),)
    if any(axis.extent == 0 for axis in sums):
        sums = (Axis(0, 0, 0),)
    return replace(problem, axes=_merged(problem.axes), sums=sums)


def with_epilogue(problem: Contraction, epilogue: Epilogue | None) -> Contraction:
    """The same with another epilogue, or with none."""
    strides = zip(*epilogue.strides, strict=True) if epilogue and epilogue.strides else [()] * len(problem.axes)
    axes = tuple(replace(axis, others=others) for axis, others in zip(problem.axes, strides, strict=True))
    return replace(problem, axes=axes, epilogue=epilogue)


def _merged(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    found: list[Axis] = []
    for axis in axes:
        if axis.extent == 1:
            continue
        last = found[-1] if found else None
        if last and all(far == axis.extent * near for far, near in zip(last.strides, axis.strides, strict=True)):
            found[-1] = replace(axis, extent=last.extent * axis.extent)
        else:
            found.append(axis)
    return tuple(found)


@dataclass(frozen=True)
class Tile:
    """The part of the result that stays in registers while its terms are added up.

    Parameters
    ----------
    lanes, vectors
        Elements along the axis ``vector`` (of the result; None: there is none, and both are 1).
    vector
        The axis that lies along the lanes.
    rows
        One or two other axes, and how many elements the tile has along each.
    masked
        Whether the axis ``vector`` is shorter than the lanes.
    """

    lanes: int
    vectors: int
    vector: int | None
    rows: tuple[tuple[int, int], ...]
    masked: bool = False

    @property
    def columns(self) -> int:
        """How many elements along the lanes: the width of a panel."""
        return self.lanes * self.vectors

    def count(self, axis: int) -> int:
        """How many elements along an axis of the result."""
        return self.columns if axis == self.vector else dict(self.rows).get(axis, 1)

    def cut(self, problem: Contraction, operand: str) -> int | None:
        """The axis along which panels of an operand are cut: that of the lanes or, where it has none, that of rows."""
        if self.vector is not None and problem.axes[self.vector].stride(operand):
            return self.vector
        return self.rows[0][0] if len(self.rows) == 1 and problem.axes[self.rows[0][0]].stride(operand) else None

    @property
    def height(self) -> int:
        """The number of rows."""
        return prod(count for _, count in self.rows)


@dataclass(frozen=True)
class Panels:
    """A copy of an operand, cut into panels that are as wide as a tile: ``[axes that it has…, panel, sums…, width]``.

    The last panel is moved back, so that it ends where the axis ends.

    Parameters
    ----------
    operand
        ``a`` or ``b``.
    axis, width
        The axis of the result that is cut, and the elements of a panel along it.
    elements
        How many there are in all.
    panel, axes, sums
        How far panels, and neighbours along the axes of the problem, lie apart.
    """

    operand: str
    axis: int
    width: int
    elements: int
    panel: int
    axes: tuple[int, ...]
    sums: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """How a contraction runs. A *panel* is a stripe of the result as wide as a tile; a *task* is what a thread takes.

    ::

        for each block of the sums
          for task in begin‥end               (axes ``tasks``, blocks of panels, blocks of tiles)
            for the axes of ``order``         (panel by panel, tile by tile, or one by one)
              for each term of the block: one fma for each vector of the tile

    Parameters
    ----------
    tasks
        Axes of the result that only tasks go through.
    order
        The other axes, outermost first; an axis shorter than the lanes has no loop.
    tiles, panels
        How many tiles (along the first axis of rows) and panels a task takes.
    blocked, length
        A block fixes so many sums, and takes ``length`` of the next one; 0 for all of it.
    copies
        The operands that are read from copies.
    """

    problem: Contraction
    tile: Tile
    tasks: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    tiles: int = 1
    panels: int = 1
    blocked: int = 0
    length: int = 0
    copies: tuple[Panels, ...] = ()

    @property
    def all_panels(self) -> int:
        """The number of panels."""
        vector = self.tile.vector
        return 1 if vector is None else ceil(self.problem.axes[vector].extent / self.tile.columns)

    @property
    def all_tiles(self) -> int:
        """The number of tiles along the first axis of rows."""
        if not self.tile.rows:
            return 1
        axis, count = self.tile.rows[0]
        return ceil(self.problem.axes[axis].extent / count)

    @property
    def digits(self) -> tuple[tuple[str, int], ...]:
        """What a task's number is made of: names and how many there are of each, the fastest last."""
        found = [(f"axis{n}", self.problem.axes[n].extent) for n in self.tasks]
        blocks: list[tuple[str, int]] = []
        if self.tile.vector in self.order:
            blocks.append(("panels", ceil(self.all_panels / self.panels)))
        if self.tile.rows:
            blocks.append(("tiles", ceil(self.all_tiles / self.tiles)))
        return (*found, *blocks)

    @property
    def count(self) -> int:
        """The number of tasks."""
        return prod(count for _, count in self.digits)
