"""In what order a contraction goes from tile to tile, and what one task is.

The panels of a task stay in the second cache while tile after tile of rows goes through all of them. Where the sums are
long they are cut into blocks, so that the rows of a tile stay in the first cache.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, prod
from typing import TYPE_CHECKING

from maplet.compiler.contraction_schedule import Schedule

if TYPE_CHECKING:
    from maplet.compiler.contraction_schedule import Contraction, Panels
    from maplet.compiler.contraction_tiles import Choice

task_cycles = 24_000.0  # what a task should take at least: shorter ones wait longer for each other than they save
most_tasks = 64  # about, where they need not be smaller for the cache
row_bytes = 2048  # of a row, in a block of the sums
cache_bytes = 512 * 1024  # of the panels of a task, in a block of the sums


def schedule(problem: Contraction, choice: Choice, copies: tuple[Panels, ...] = ()) -> Schedule:
    """The order of the loops around a tile."""
    tile = choice.tile
    rows = [axis for axis, _ in tile.rows]
    vector = [] if tile.vector is None else [tile.vector]
    free = [n for n in range(len(problem.axes)) if n not in rows + vector]
    made = _blocked(Schedule(problem, tile, copies=copies))
    wanted = min(max(int(choice.cycles / task_cycles), 1), most_tasks)
    outer: list[int] = []
    while free and prod(problem.axes[n].extent for n in outer) < wanted:
        outer.append(free.pop(0))
    tiles, panels = made.all_tiles, made.all_panels
    depth = made.length * prod(axis.extent for axis in problem.sums[made.blocked + 1 :]) or problem.depth
    have = prod(problem.axes[n].extent for n in outer)
    column_blocks = max(min(ceil(panels * tile.columns * depth * problem.size / cache_bytes), panels), 1)
    row_blocks = _evenly(tiles, ceil(wanted / have / column_blocks))
    column_blocks = _evenly(panels, max(column_blocks, ceil(wanted / (have * row_blocks))))
    return replace(
        made,
        tasks=tuple(outer),
        order=(*free, *rows, *([] if tile.masked else vector)),
        tiles=ceil(tiles / row_blocks),
        panels=ceil(panels / column_blocks),
    )


def _evenly(total: int, least: int) -> int:
    """In how many blocks to cut so many: in ``least`` or up to twice as many, so that two threads do the same."""
    if least == 1:
        return 1
    return min(range(min(least, total), min(2 * least, total) + 1), key=lambda n: ceil(n / 2) * ceil(total / n))


def _blocked(made: Schedule) -> Schedule:
    """Cut the sums into blocks, so that a panel stays in the cache from tile to tile."""
    problem = made.problem
    most = row_bytes // problem.size
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
