"""One cell of a table: text, which may be a gap or a number."""

import math
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from maplet.errors import DataError

Cells: TypeAlias = np.ndarray[tuple[Any, ...], np.dtypes.StringDType]
"""A column of cells, shape (N,): NumPy's strings of variable width, so that one long cell does not widen the others."""

GAPS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""What a cell holds when its value is not known."""


_GAPS = frozenset(GAPS)

MOSTLY = 0.9
"""The share of cells that counts as nearly all of them."""


def as_cells(texts: list[str]) -> Cells:
    """A column of cells, (N,), from a list of text."""
    return cast("Cells", np.array(texts, dtype=np.dtypes.StringDType()))


def find_gaps(cells: Cells) -> NDArray[np.bool_]:
    """Which cells are gaps, (N,): those that hold one of `GAPS`.

    Examples
    --------
    >>> find_gaps(as_cells(["39.1", "NA", "?", "0"])).tolist()
    [False, True, True, False]
    """
    # Python's set: of a wide table the columns are many and short, and nine comparisons by NumPy take longer.
    return np.array([text in _GAPS for text in cells.tolist()], dtype=np.bool_)


def parse_number(text: str) -> float | None:
    """The number that a cell holds, or None when it holds none.

    A number is what Python's `float` reads, without underscores: ``12``, ``-3.5``, ``.5``, ``1e-3``. A decimal comma or
    a separator of thousands makes it text. ``inf`` and ``1e999`` are numbers here, though infinite ones: who can learn
    from finite numbers only has to refuse them.

    Examples
    --------
    >>> parse_number("-1.5e3"), parse_number("1_000"), parse_number("1,5")
    (-1500.0, None, None)
    """
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def same_number(first: str, second: str) -> bool:
    """Whether two cells that hold numbers hold the same one exactly, which float64 cannot tell beyond 2⁵³.

    Examples
    --------
    >>> same_number("1", "1.0"), same_number("9007199254740992", "9007199254740993")
    (True, False)
    """
    try:
        return Decimal(first) == Decimal(second)
    except InvalidOperation:  # an exponent beyond all measure
        return first == second


def unlike(cells: Iterable[str]) -> str | None:
    """The first cell that does not hold the number of the first one exactly, though both are one float64."""
    first, *others = cells
    numbers = (other for other in others if other != first and not same_number(first, other))
    return next(numbers, None)


def parse_numbers(cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers of a column, and which cells are neither number nor gap.

    Returns
    -------
    numbers
        float64 (N,); NaN where a cell is a gap or no number.
    wrong
        bool (N,); True where a cell is neither a gap nor a finite or infinite number.

    Examples
    --------
    >>> numbers, wrong = parse_numbers(as_cells(["1", "NA", "x"]))
    >>> numbers.tolist(), wrong.tolist()
    ([1.0, nan, nan], [False, False, True])
    """
    parsed = [parse_number(text) for text in cells.tolist()]
    numbers = np.array([math.nan if number is None else number for number in parsed], dtype=np.float64)
    wrong = np.array([number is None for number in parsed], dtype=np.bool_) & ~find_gaps(cells)
    return numbers, wrong


def to_text(value: object) -> str:
    """The cell that stands for a Python or NumPy scalar.

    Text loses the blanks around it; a number keeps every digit that it needs to be read back exactly; None and NaN
    become gaps.

    Raises
    ------
    DataError
        When the value is none of text, number, bool or None.

    Examples
    --------
    >>> [to_text(value) for value in (" male ", 0.1, 3, True, None)]
    ['male', '0.1', '3', 'True', '']
    """
    plain = cast("object", value.item() if isinstance(value, np.generic) else value)
    if plain is None:
        return ""
    if isinstance(plain, str):
        return plain.strip()
    if isinstance(plain, bool | int | float):
        return repr(plain)
    raise DataError(
        f"a cell was given as {type(plain).__name__}; text, a number, True, False or None was expected",
        fix="convert the column with str() or float() first",
    )
