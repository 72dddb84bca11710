"""Where the boxes of a graph stand: in layers from top to bottom, so that every arrow points down.

A simple form of the method of K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures", 1981: layers by the longest path, order within a layer by the mean place of the neighbours, and the places
themselves drawn towards those of the neighbours as far as the order leaves room.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Arrow = tuple[int, int]

sweeps = 8


def layers_of(count: int, arrows: Sequence[Arrow]) -> list[int]:
    """The layer of each box: below all that it takes from, and what takes from nothing right above its first use.

    Arrows that point backwards (a loop that is folded) are left out of account.

    Examples
    --------
    >>> layers_of(4, [(0, 2), (1, 3), (2, 3)])
    [0, 1, 1, 2]
    """
    down = [(start, end) for start, end in sorted(arrows, key=lambda arrow: arrow[1]) if start < end]
    layer = [0] * count
    for start, end in down:
        layer[end] = max(layer[end], layer[start] + 1)
    fed = {end for _, end in down}
    first_use: dict[int, int] = {}
    for start, end in down:
        first_use[start] = min(first_use.get(start, layer[end]), layer[end])
    for source, use in first_use.items():
        if source not in fed:
            layer[source] = use - 1
    return layer


def places(widths: Sequence[float], arrows: Sequence[Arrow], gap: float) -> tuple[list[float], list[int]]:
    """The middle of each box from left to right, and its layer.

    Parameters
    ----------
    widths
        Of the boxes.
    arrows
        Pairs of numbers of boxes.
    gap
        The least space between two boxes of a layer.

    Examples
    --------
    >>> places([10.0, 10.0, 10.0], [(0, 2), (1, 2)], gap=4.0)
    ([5.0, 19.0, 12.0], [0, 0, 1])
    """
    layer = layers_of(len(widths), arrows)
    rows: dict[int, list[int]] = defaultdict(list)
    for box, at in enumerate(layer):
        rows[at].append(box)
    neighbours: dict[int, list[int]] = defaultdict(list)
    for start, end in arrows:
        neighbours[start].append(end)
        neighbours[end].append(start)
    x = [0.0] * len(widths)
    for row in rows.values():
        _spread(row, {}, x, widths, gap)
    for _ in range(sweeps):
        for at in (*sorted(rows), *sorted(rows, reverse=True)):
            wanted = {
                box: sum(x[n] for n in neighbours[box]) / len(neighbours[box]) for box in rows[at] if neighbours[box]
            }
            rows[at].sort(key=lambda box: wanted.get(box, x[box]))
            _spread(rows[at], wanted, x, widths, gap)
    left = min((x[box] - widths[box] / 2 for box in range(len(widths))), default=0.0)
    return [round(place - left, 1) for place in x], layer


def _spread(
    row: Sequence[int], wanted: Mapping[int, float], x: list[float], widths: Sequence[float], gap: float
) -> None:
    """Put the boxes of a layer as near to where they are wanted as their order and widths allow."""
    if not row:
        return
    goals = [wanted.get(box, x[box]) for box in row]
    starts = [0.0]
    for before, after in pairwise(row):
        starts.append(starts[-1] + (widths[before] + widths[after]) / 2 + gap)
    # With the least distances taken out, what is left is to be in ascending order and near its goals.
    groups: list[list[float]] = []
    for goal, start in zip(goals, starts, strict=True):
        groups.append([goal - start, 1.0])
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (first, m), (second, n) = groups[-2:]
            groups[-2:] = [[(first * m + second * n) / (m + n), m + n]]
    offsets = [offset for offset, n in groups for _ in range(int(n))]
    for box, start, offset in zip(row, starts, offsets, strict=True):
        x[box] = start + offset
