"""Which tile of a contraction to keep in registers, and what to copy into panels: by a model of the time.

Time is counted in cycles of a core that does two multiply-additions of vectors and two loads in each, and waits four
cycles for a multiply-addition. The numbers are rough; only their order matters, and never the result's bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING

from maplet.compiler.contraction_schedule import Tile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.compiler.contraction_schedule import Axis, Contraction
    from maplet.compiler.target import Target

latency = 4.5  # of a multiply-addition, and a little room
near_load = 0.65  # to load a vector or a number
pressure = 0.1  # how much of that, and of lines of the cache, is felt where the multiply-additions take longer
in_order = 0.5  # and how much of that if the lines were copied side by side
gather, far_gather = 0.7, 3.0  # to load one lane from a place of its own; far from the last one
streaming = 1.8  # to bring a line from the second cache; a panel comes from there if it has more bytes than
first_cache = 24 * 1024  # bytes that stay in it beside all else
between = 0.4  # what a term takes beside that
pages = 64  # of so many the addresses are at hand
near_store, far_store = 1.0, 4.0  # to store a vector; far from the last one
scatter, far_scatter = 1.5, 4.0  # to store one lane to a place of its own; far from the last one
scattered, scattered_far = (
    1.02,
    1.6,
)  # how much slower it is to read panels that were not copied; if lines lie far apart
scattered_rows = 1.06  # the same of rows
far, apart = 4096, 2048  # bytes between terms, and between lanes or rows, that lie far apart
many = 256  # terms: fewer of them may lie far apart
small = 8192  # bytes of a panel for which it does not matter where its terms lie
line, split = 64, 0.4  # the bytes of a line of the cache; to load a vector that lies in two of them
copied_numbers, copied_vectors, around_copy = 0.8, 0.25, 2000.0  # to copy an element; in whole vectors; beside all
around = 12.0  # what a tile takes beside its terms
usual = 0.98  # tiles of 2, 4, 8 … rows are favoured: more shapes then share a kernel
most_vectors = 8
positions = 4  # registers that say where each lane of a vector lies, where these are no neighbours
most_pointers = 8  # rows that are not neighbours: each needs a register for its address, or LLVM spills vectors
most_single = 16  # the same of tiles one vector wide, where LLVM never does


@dataclass(frozen=True)
class Choice:
    """A tile, the operands to copy into panels first, and the cycles that it takes; among them those of each copy."""

    tile: Tile
    packed: str
    cycles: float
    copying: tuple[float, float]


def choices(problem: Contraction, target: Target) -> Iterator[Choice]:
    """All that are worth a thought."""
    for tile in _tiles(problem, target):
        for packed in _packable(problem, tile):
            yield _choice(problem, tile, packed)


def _packable(problem: Contraction, tile: Tile) -> Iterator[str]:
    """The operands that may be copied into panels."""
    sides = [x for x in "ab" if tile.vector is not None and _may_be_copied(problem, tile, x)]
    yield from ("", *sides, *(["ab"] if len(sides) == 2 else []))


def _may_be_copied(problem: Contraction, tile: Tile, operand: str) -> bool:
    """Along the lanes an operand is cut only if the other one is not; along rows only if rows lie side by side."""
    axis = tile.cut(problem, operand)
    if axis is None or tile.vector is None:
        return False
    strides = [problem.axes[axis].stride(x) for x in (operand, "ba"["ab".index(operand)])]
    if axis == tile.vector:
        return not strides[1] and not (tile.masked and strides[0] == 1)
    return strides[0] == 1 and abs(problem.sums[-1].stride(operand)) * problem.size >= far


def _tiles(problem: Contraction, target: Target) -> Iterator[Tile]:
    width, registers = target.vector_bytes // problem.size, target.registers
    numbers = range(len(problem.axes))
    vectors = [n for n in numbers if _lies_well(problem.axes[n], width)]
    if not vectors:
        vectors = [*numbers]
        yield from (Tile(1, 1, None, rows) for rows in _rows(problem, None, most_pointers, most_pointers))
    for number in vectors:
        extent, side_by_side = problem.axes[number].extent, {problem.axes[number].a, problem.axes[number].b} <= {0, 1}
        if extent < width and target.vector_bytes == 64:  # masks cost nothing there
            lanes = 1 << (extent - 1).bit_length()
            counts = range(1, 2)
        else:
            lanes = min(width, 1 << (extent.bit_length() - 1))
            counts = range(1, min(extent // lanes, most_vectors) + 1)
        for count in counts:
            pointers = most_single if count == 1 else most_pointers
            aside = 1 + count + (0 if side_by_side else positions * count)
            for rows in _rows(problem, number, (registers - aside) // count, pointers):
                yield Tile(lanes, count, number, rows, lanes * count > extent)


def _lies_well(axis: Axis, width: int) -> bool:
    """Whether an axis fills vectors, and what is read and written lies side by side along it."""
    return axis.extent >= width and axis.out == 1 and axis.a in (0, 1) and axis.b in (0, 1)


def _rows(problem: Contraction, vector: int | None, most: int, pointers: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Numbers of rows, at most so many together: along the last axis that does not move along with the lanes."""
    yield ()
    axes = problem.axes
    others = [number for number in range(len(axes)) if number != vector]
    if vector is not None:
        along = [x for x in "ab" if axes[vector].stride(x)]
        others = [n for n in others if not all(axes[n].stride(x) for x in along)] or others
    if not others:
        return
    for beside in others[:-1]:  # rows that lie side by side where they are read
        if vector is not None and sorted((axes[beside].a, axes[beside].b)) == [0, 1]:
            yield from (((beside, count),) for count in _counts(axes[beside].extent, most))
    *before, last = others
    extent = axes[last].extent
    if vector is None or axes[last].a not in (0, 1) or axes[last].b not in (0, 1):
        most = min(most, pointers)
    yield from (((last, count),) for count in _counts(extent, most))
    if before and extent <= most:
        first, left = before[-1], min(most, pointers) // extent
        yield from (((first, count), (last, extent)) for count in _counts(axes[first].extent, left))


def _counts(extent: int, most: int) -> list[int]:
    """Numbers > 1 and ≤ most by which an axis is cut into equal parts, or almost."""
    return sorted({ceil(extent / ceil(extent / count)) for count in range(2, most + 1)} - {1}) if extent > 1 else []


def _choice(problem: Contraction, tile: Tile, packed: str) -> Choice:
    """About how long a contraction takes in such tiles."""
    axes, size = problem.axes, problem.size
    tiles = prod(ceil(axis.extent / tile.count(number)) for number, axis in enumerate(axes))
    reads = [_reading(problem, tile, x, copied=x in packed) for x in "ab"]
    loading = sum(read.loading for read in reads)
    streamed = sum(read.lines for read in reads) * streaming
    strewn = sum(read.lines * (in_order if read.copying else 1.0) for read in reads) * streaming
    if problem.depth * tile.columns * size <= first_cache:
        streamed = strewn = 0.0
    vectors = tile.height * tile.vectors
    term = max(vectors / 2, loading, streamed, latency) * prod(read.slower for read in reads)
    term += sum(read.splitting for read in reads) + between + pressure * (loading + strewn)
    store = far_store if any(axes[axis].out * size >= apart for axis, _ in tile.rows) else near_store
    step = 1 if tile.vector is None else axes[tile.vector].out
    if step != 1:
        store = tile.lanes * (far_scatter if step * size >= apart else scatter)
    cycles = tiles * (problem.depth * term + vectors * store + around) + sum(read.copying for read in reads)
    if all(count & (count - 1) == 0 for _, count in tile.rows):
        cycles *= usual
    return Choice(tile, packed, cycles, (reads[0].copying, reads[1].copying))


@dataclass
class _Read:
    """What it takes to read an operand: cycles and lines of the cache for each term, cycles to copy all of it."""

    loading: float
    lines: float
    slower: float = 1.0
    splitting: float = 0.0
    copying: float = 0.0


def _reading(problem: Contraction, tile: Tile, operand: str, *, copied: bool) -> _Read:
    axes, size = problem.axes, problem.size
    step = 0 if tile.vector is None else axes[tile.vector].stride(operand)
    own = [(axes[axis].stride(operand), count) for axis, count in tile.rows if axes[axis].stride(operand)]
    rows = prod(count for _, count in own)
    values = rows * (tile.vectors if step else 1)
    further = abs(problem.sums[-1].stride(operand)) * size  # bytes from term to term
    if copied:
        elements = problem.depth * prod(axis.extent for axis in axes if axis.stride(operand))
        lines = rows * size * (tile.columns if step else 1) / line
        each = copied_vectors if step == 1 else copied_numbers
        return _Read(values * near_load, lines, copying=elements * each + around_copy)
    if step == 0:
        beside = rows * size if own and own[-1][0] == 1 else line * rows
        lines = min(rows * further, max(beside, line)) / line
        return _Read(values * near_load, lines, scattered_rows if further >= far and problem.depth > pages else 1.0)
    if step != 1:
        each = tile.lanes * (far_gather if abs(step) * size >= apart else gather)
        return _Read(values * each, values * tile.lanes)
    found = _Read(values * near_load, rows * tile.columns * size / line)
    if further != tile.columns * size and problem.depth * tile.columns * size > small:
        found.slower = scattered if further < far or problem.depth <= many else scattered_far
        found.splitting = values * split if further % line else 0.0
    return found
