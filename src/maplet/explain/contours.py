"""Lines of equal height on a grid, by marching squares.

In each cell a line crosses the edges whose ends lie on different sides of the level; where it does is interpolated.
Source: C. Maple, "Geometric design and space planning using the marching squares and marching cube algorithms", 2003.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    Grid = np.ndarray[tuple[int, int], np.dtype[np.float64]]
    Segment = tuple[tuple[float, float], tuple[float, float]]


def segments(heights: Grid, level: float) -> list[Segment]:
    """The pieces of the line at one level, in units of the grid: (column, row) to (column, row).

    A cell with a corner that is not finite has none.

    Examples
    --------
    >>> segments(np.asarray([[0.0, 1.0], [0.0, 1.0]]), 0.25)
    [((0.25, 0.0), (0.25, 1.0))]
    """
    found: list[Segment] = []
    above = heights > level
    mixed = above[:-1, :-1].astype(int) + above[:-1, 1:] + above[1:, :-1] + above[1:, 1:]
    for row, column in np.argwhere((mixed > 0) & (mixed < 4)).tolist():
        corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
        values = [float(heights[corner]) for corner in corners]
        if not np.isfinite(values).all():
            continue
        crossings: list[tuple[float, float]] = []
        for n in range(4):
            a, b = values[n], values[(n + 1) % 4]
            if (a > level) != (b > level):
                share = (level - a) / (b - a)
                (r0, c0), (r1, c1) = corners[n], corners[(n + 1) % 4]
                crossings.append((c0 + share * (c1 - c0), r0 + share * (r1 - r0)))
        if len(crossings) == 4 and (sum(values) / 4 > level) != (values[0] > level):  # a saddle: by its middle
            crossings = crossings[1:] + crossings[:1]
        found += [(crossings[n], crossings[n + 1]) for n in range(0, len(crossings), 2)]
    return found


def levels(heights: Grid, count: int) -> list[float]:
    """Levels between which about equally many points of the grid lie."""
    finite = heights[np.isfinite(heights)]
    if not finite.size:
        return []
    found: Sequence[float] = np.quantile(finite, np.linspace(0, 1, count + 2)[1:-1]).tolist()
    return list(dict.fromkeys(found))
