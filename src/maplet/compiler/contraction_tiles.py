"""Which tile of a contraction to keep in registers, and in what order to go from tile to tile: by a model of its time.

Time is counted in cycles of a core that does two multiply-additions of vectors and two loads in each, and waits four
cycles for a multiply-addition. The numbers are rough; only their order matters, and never the result's bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, prod
from typing import TYPE_CHECKING

from maplet.compiler.contraction_schedule import Contraction, Schedule, Tile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.compiler.target import Target

latency = 4.0  # of a multiply-addition
gather = 0.7  # to load one lane from a place of its own
scatter = 1.2  # to store one lane to a place of its own
around = 12.0  # what a tile takes beside its terms
copied = 0.5  # to copy an element to another order, 0.15 if it stays among its neighbours
task_cycles = 20_000.0  # what a task should take at least
most_tasks = 64
most_vectors = 6
block_bytes = 48 * 1024  # of a panel, for a block of the sums
rows_bytes = 256 * 1024  # of the rows of a task, for a block of the sums


@dataclass(frozen=True)
class Choice:
    """A tile, the operand to copy into panels first, and the cycles that it takes."""

    tile: Tile
    packed: str
    cycles: float


def choose(problem: Contraction, target: Target) -> Choice:
    """The fastest tile by the model."""
    return min(_choices(problem, target), key=lambda choice: choice.cycles)


def _choices(problem: Contraction, target: Target) -> Iterator[Choice]:
    for tile in _tiles(problem, target):
        for packed in _packable(problem, tile):
            yield Choice(tile, packed, _cycles(problem, tile, packed))


def _packable(problem: Contraction, tile: Tile) -> Iterator[str]:
    """The operands that may be copied into panels: what lies along the lanes in one of them only."""
    yield ""
    if tile.vector is not None:
        a, b = (problem.axes[tile.vector].stride(x) for x in "ab")
        if not a or not b:
            name, stride = ("a", a) if a else ("b", b)
            if stride and not (tile.masked and stride == 1):
                yield name


def _tiles(problem: Contraction, target: Target) -> Iterator[Tile]:
    """All tiles that are worth a thought."""
    width, registers = target.vector_bytes // problem.size, target.registers
    numbers = range(len(problem.axes))
    vectors = _along_lanes(problem, width)
    if len(vectors) != 1:
        yield from (Tile(1, 1, None, rows) for rows in _rows(problem, [*numbers], registers - 3))
    for number in vectors:
        extent = problem.axes[number].extent
        others = [n for n in numbers if n != number]
        if extent < width and target.vector_bytes == 64:  # masks cost nothing there
            lanes = 1 << (extent - 1).bit_length()
            widths = [(lanes, 1)]
        else:
            lanes = min(width, 1 << (extent.bit_length() - 1))
            widths = [(lanes, count) for count in range(1, min(extent // lanes, most_vectors) + 1)]
        for lanes, count in widths:
            for rows in _rows(problem, others, (registers - 1 - count) // count):
                yield Tile(lanes, count, number, rows, lanes * count > extent)


def _along_lanes(problem: Contraction, width: int) -> list[int]:
    """The axes that may lie along the lanes: only one, if what is read and written lies side by side along it."""
    for number, axis in enumerate(problem.axes):
        if axis.extent >= width and axis.out == 1 and axis.a in (0, 1) and axis.b in (0, 1):
            return [number]
    return [*range(len(problem.axes))]


def _rows(problem: Contraction, axes: list[int], most: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Numbers of rows, at most so many together, along one or two axes."""
    yield ()
    for axis in axes:
        yield from (((axis, count),) for count in _counts(problem.axes[axis].extent, most))
    for first, second in pairwise(axes):
        inner = problem.axes[second].extent
        if inner <= most:  # or one axis is enough
            across = _counts(problem.axes[first].extent, most // inner)
            yield from (((first, count), (second, inner)) for count in across)


def _counts(extent: int, most: int) -> list[int]:
    """Numbers > 1 and ≤ most by which an axis is cut into equal parts, or almost."""
    return sorted({ceil(extent / ceil(extent / count)) for count in range(2, most + 1)} - {1}) if extent > 1 else []


def _cycles(problem: Contraction, tile: Tile, packed: str) -> float:
    axes = problem.axes
    tiles = 1.0
    counts = dict(tile.rows)
    if tile.vector is not None:
        counts[tile.vector] = tile.columns
    for number, axis in enumerate(axes):
        tiles *= ceil(axis.extent / counts.get(number, 1))
    sums = tile.height * tile.vectors
    loads = 0.0
    copying = 0.0
    for x in ("a", "b"):
        rows = prod(count for axis, count in tile.rows if axes[axis].stride(x))
        step = 0 if tile.vector is None else axes[tile.vector].stride(x)
        values = rows * (tile.vectors if step else 1)
        apart = step not in (0, 1)
        if packed == x:
            elements = problem.depth * prod(axis.extent for axis in axes if axis.stride(x))
            copying = elements * (copied if apart else 0.15) + 300
            apart = False
        loads += values * (tile.lanes * gather if apart else 0.5)
    step = 1 if tile.vector is None else axes[tile.vector].out
    storing = sums * (1.0 if step == 1 else tile.lanes * scatter)
    each = max(sums / 2, loads, latency) + 0.2
    return tiles * (problem.depth * each + storing + around) + copying


stationary = "a"
def schedule(problem: Contraction, choice: Choice, panel_stride: int) -> Schedule:
    """The order of the loops around a tile."""
    tile = choice.tile
    rows = [axis for axis, _ in tile.rows]
    vector = [] if tile.vector is None else [tile.vector]
    free = [n for n in range(len(problem.axes)) if n not in rows + vector]
    made = _blocked(Schedule(problem, tile, packed=choice.packed, panel_stride=panel_stride))
    wanted = min(max(int(choice.cycles / task_cycles), 1), most_tasks)
    outer: list[int] = []
    while free and prod(problem.axes[n].extent for n in outer) < wanted:
        outer.append(free.pop(0))
    tiles, panels = made.all_tiles, made.all_panels
    depth = made.length * prod(axis.extent for axis in problem.sums[made.blocked + 1 :]) or problem.depth
    count = tile.rows[0][1] if tile.rows else 1
    line = depth * problem.size
    have = prod(problem.axes[n].extent for n in outer)
    if stationary == "a":
        row_blocks = max(min(ceil(tiles * count * line / rows_bytes), tiles), 1)
        column_blocks = min(ceil(wanted / have / row_blocks), panels)
        row_blocks = min(max(row_blocks, ceil(wanted / (have * column_blocks))), tiles)
    else:
        column_blocks = max(min(ceil(panels * tile.columns * line / rows_bytes), panels), 1)
        row_blocks = min(ceil(wanted / have / column_blocks), tiles)
        column_blocks = min(max(column_blocks, ceil(wanted / (have * row_blocks))), panels)
    order = vector + free + rows if stationary == "a" else free + rows + vector
    if tile.masked:
        order.remove(tile.vector or 0)
    return replace(
        made, tasks=tuple(outer), order=tuple(order), tiles=ceil(tiles / row_blocks), panels=ceil(panels / column_blocks)
    )


def _blocked(made: Schedule) -> Schedule:
    """Cut the sums into blocks, so that a panel stays in the cache from tile to tile."""
    problem = made.problem
    most = block_bytes // (problem.size * made.tile.columns)
    if problem.depth <= 2 * most or made.all_tiles < 3:
        return made
    inner = problem.depth
    for number, axis in enumerate(problem.sums):
        inner //= axis.extent
        if inner <= most:
            length = max(most // inner, 1)
            if number == 0 and length >= axis.extent:
                return made
            return replace(made, blocked=number, length=min(length, axis.extent))
    return made
