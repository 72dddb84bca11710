"""Columns of words that were meant as numbers or dates: what people write that no number is, and how to mend it."""

import re
from dataclasses import dataclass

from maplet.data.cells import MOSTLY


@dataclass(frozen=True)
class Lookalike:
    """A way to write numbers or dates that is read as words.

    Parameters
    ----------
    pattern
        The whole cell.
    what
        What such cells seem to be, in the plural.
    fix
        How to make numbers of them.
    """

    pattern: re.Pattern[str]
    what: str
    fix: str


_DAY = r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})"

LOOKALIKES = (
    Lookalike(
        re.compile(rf"{_DAY}([T ]\d\d?:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"),
        "dates",
        "make columns of numbers of them, such as year, month and days since the first",
    ),
    Lookalike(re.compile(r"\d\d?:\d\d(:\d\d(\.\d+)?)?"), "times of day", "make a number of them, such as minutes"),
    Lookalike(
        re.compile(r"[+-]?\d{1,3}([, '’]\d{3})+(\.\d+)?"),
        "numbers with thousands set apart",
        "write them without: 12000",
    ),
    Lookalike(re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?"), "numbers with a decimal comma", "write a point: 1.5"),
    Lookalike(
        re.compile(r"[+-]?[$€£¥]?\s*[+-]?\d+([.,]\d+)*\s*[%$€£¥]?"),
        "numbers with a sign of percent or currency",
        "write the number alone",
    ),
    Lookalike(re.compile(r"0[xX][0-9a-fA-F]+"), "hexadecimal numbers", "write them in decimal"),
    Lookalike(re.compile(r"\d+(_\d+)+"), "numbers with underscores", "write them without: 12000"),
)


def lookalike(words: list[str]) -> Lookalike | None:
    """What nearly all cells of a column seem to be, if they are no plain words.

    Numbers among them fit any kind: of prices with a decimal comma some are whole.

    Examples
    --------
    >>> [found and found.what for found in map(lookalike, (["1,5", "2,25", "3"], ["2024-01-31"], ["male", "female"]))]
    ['numbers with a decimal comma', 'dates', None]
    """
    others = [word for word in words if not re.fullmatch(r"[+-]?\d+", word)]
    for kind in LOOKALIKES if others else ():
        if sum(kind.pattern.fullmatch(word) is not None for word in others) > MOSTLY * len(others):
            return kind
    return None
