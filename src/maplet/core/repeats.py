"""What comes several times in a row: the lines of an outline, the layers of a deep network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def runs(patterns: Sequence[Any], longest: int, fewest: int) -> Iterator[tuple[int, int, int]]:
    """Divide a sequence into what is repeated and what is not.

    Parameters
    ----------
    patterns
        What is compared, of each item.
    longest
        The longest period that is looked for.
    fewest
        How often something must come to be a repetition.

    Yields
    ------
    Where a part begins, its period, and how often that comes; an item that is not repeated is (place, 1, 1).

    Examples
    --------
    >>> list(runs("xababab", longest=4, fewest=3))
    [(0, 1, 1), (1, 2, 3)]
    """
    at = 0
    while at < len(patterns):
        period, times = _repeats(patterns, at, longest, fewest)
        yield at, period, times
        at += period * times


def _repeats(patterns: Sequence[Any], start: int, longest: int, fewest: int) -> tuple[int, int]:
    """The period of what begins at a place, and how often it comes; what saves most items."""
    best = (1, 1)
    for period in range(1, min(longest, (len(patterns) - start) // fewest) + 1):
        end = start + period
        while end < len(patterns) and patterns[end] == patterns[end - period]:
            end += 1
        times = (end - start) // period
        if times >= fewest and period * (times - 1) > best[0] * (best[1] - 1):
            best = (period, times)
    return best
