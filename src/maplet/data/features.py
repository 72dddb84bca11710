"""From a table to the matrix that a network reads; learned from the training part and saved with the model."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from maplet.data.cells import MOSTLY, parse_numbers, unlike
from maplet.data.columns import CategoryColumn, NumberColumn, column_from_dict, learn_scaling
from maplet.data.lookalikes import lookalike
from maplet.data.table import Table
from maplet.errors import DataError
from maplet.messages import counted, listed, nearest, shown
from maplet.settings import choice

Categories: TypeAlias = Literal["auto", "one-hot", "embed"]

MOST_ONE_HOT = 32
"""With ``categories="auto"``, a column of more levels than this (a gap counts as one) is embedded."""

MOST_NOTES = 10
"""Columns left out are named one by one up to this many; the others are counted."""

_logger = logging.getLogger("maplet")


@dataclass(frozen=True)
class Features:
    """The map from the columns of a table to a matrix float32 (N, D).

    What is learned, from the training part only:

    - A column is a **number** when each cell that is no gap parses as a number, else a **category**.
    - Numbers are standardised, (x − μ) / σ; a gap becomes the mean, and where the training part has gaps, a further
      output ``name?missing`` is 1 for a gap.
    - Categories are one-hot, ``name=level`` (and ``name?missing`` where the training part has gaps), or embedded: one
      output with an integer code. All embedded columns stand last.
    - Left out is a column in which every cell is the same, and a category column that (nearly) tells each row from
      every other, as names and identity numbers do: levels > 0.9 × cells that are no gap.

    What is met later is counted and logged: a gap in a number column that had none becomes the mean; a category that
    the training part did not hold becomes zeros (one-hot) or code 0 (embedded).

    Parameters
    ----------
    columns
        What was learned of each column, the embedded ones last.
    dropped
        Name → reason, for the columns left out.

    Examples
    --------
    >>> train = Table.from_columns({"mass": [1, 3, None, 2], "sex": ["m", "f", "f", "m"], "year": [7, 7, 7, 7]})
    >>> features = Features.fit(train)
    >>> features.names
    ('mass', 'mass?missing', 'sex=f', 'sex=m')
    >>> features.dropped
    {'year': "every cell is '7'"}
    >>> features.transform(Table.from_columns({"sex": ["f", "?"], "mass": [2, None]})).tolist()
    [[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    >>> Features.from_dict(features.to_dict()) == features
    True
    """

    columns: tuple[NumberColumn | CategoryColumn, ...]
    dropped: Mapping[str, str]

    @classmethod
    def fit(cls, table: Table, *, categories: Categories = "auto") -> Self:
        """Learn the map from the training part, without the target column.

        Parameters
        ----------
        table
            N ≥ 1 rows.
        categories
            "one-hot", "embed", or "auto": one-hot up to 32 levels, embedded above.

        Raises
        ------
        SettingError
            When `categories` is none of these.
        DataError
            When the table has no rows, when no column is left, or when a number is not finite.
        """
        choice("categories", categories, get_args(Categories))
        if len(table) == 0:
            raise DataError("the table has no rows to learn from", where=table.source)
        learned = {name: _learn(table, name, categories) for name in table.names}
        dropped = {name: reason for name, reason in learned.items() if isinstance(reason, str)}
        for name, reason in islice(dropped.items(), MOST_NOTES):
            _logger.warning("column %s is left out: %s", shown(name), reason)
        if len(dropped) > MOST_NOTES:
            _logger.warning("%s left out for such reasons", counted(len(dropped) - MOST_NOTES, "more column"))
        columns = [column for column in learned.values() if not isinstance(column, str)]
        if not columns:
            raise DataError(
                f"no column is left to learn from: {_first_reasons(dropped)}"
                if dropped
                else "there is no column to learn from",
                fix="give at least one column, beside the target, whose cells differ and repeat",
                where=table.source,
            )
        if categories != "auto" and not any(isinstance(column, CategoryColumn) for column in columns):
            _logger.warning("categories=%r changes nothing: no column holds words", categories)
        return cls(tuple(sorted(columns, key=_is_embedded)), dropped)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the D columns of the matrix."""
        return tuple(name for column in self.columns for name in column.outputs)

    @property
    def embedded(self) -> tuple[int, ...]:
        """For each of the last columns that holds codes, in order, how many codes there are: 0 … count − 1."""
        return tuple(column.codes for column in self.columns if isinstance(column, CategoryColumn) and column.embed)

    def transform(self, table: Table) -> NDArray[np.float32]:
        """The matrix float32 (N, D) of a table; columns that were not learned do not count.

        Raises
        ------
        DataError
            When a column is missing (the nearest names are offered), or a cell of a number column is no finite number.
        """
        missing = [column.name for column in self.columns if column.name not in table.columns]
        if missing:
            raise DataError(
                f"columns are missing: {listed(missing)}",
                fix=_meant(missing, table.names),
                where=table.source,
            )
        return np.hstack([column.encode(table) for column in self.columns])

    def to_dict(self) -> dict[str, Any]:
        """The map as JSON takes it; `from_dict` gives the same map back, to the bit."""
        return {"columns": [column.to_dict() for column in self.columns], "dropped": dict(self.dropped)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The map that `to_dict` gave; `DataError` when it is damaged."""
        try:
            columns = [column_from_dict(column) for column in saved["columns"]]
            return cls((columns[0], *columns[1:]), dict(saved["dropped"]))  # there is one at least
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise DataError(
                f"the saved preprocessing of features is damaged: {error!r}",
                fix="put it back from a copy, or train again",
            ) from error


def _meant(missing: list[str], names: tuple[str, ...]) -> str:
    """Which of the names may be meant by the missing ones; all names, once, for those that resemble none."""
    found = {name: nearest(name, names) for name in missing[:5]}
    guesses = [f"{shown(name)}: did you mean {' or '.join(map(shown, near))}?" for name, near in found.items() if near]
    return "; ".join(guesses if all(found.values()) else [*guesses, f"the columns are {listed(names)}"])


def _constant(levels: list[str]) -> str:
    other = unlike(levels)
    if other is None:
        return f"every cell is {shown(levels[0])}"
    return f"float64 cannot tell its numbers apart, such as {shown(levels[0])} and {shown(other)}"


def _first_reasons(dropped: Mapping[str, str]) -> str:
    reasons = "; ".join(f"{shown(name)}: {reason}" for name, reason in islice(dropped.items(), MOST_NOTES))
    return reasons + (f" and {len(dropped) - MOST_NOTES} more" if len(dropped) > MOST_NOTES else "")


def _is_embedded(column: NumberColumn | CategoryColumn) -> bool:
    return isinstance(column, CategoryColumn) and column.embed


def _learn(table: Table, name: str, categories: Categories) -> NumberColumn | CategoryColumn | str:
    """What one column is, or the reason why it is left out."""
    gaps = table.gaps(name)
    known = table[name][~gaps].tolist()
    levels = list(dict.fromkeys(known))
    if not known:
        return "every cell is a gap"
    _, wrong = parse_numbers(table[name])
    if not wrong.any():
        numbers = table.numbers(name)[~gaps]
        if numbers.min() == numbers.max() and not gaps.any():
            return _constant(levels)
        return NumberColumn(name, learn_scaling(table, name), bool(gaps.any()))
    if len(levels) == 1 and not gaps.any():
        return _constant(levels)
    if wrong.sum() <= (1 - MOSTLY) * len(known):
        _logger.warning(
            "column %s is read as categories, though %d of %d cells are numbers: the first other one is %s (%s)",
            shown(name),
            len(known) - int(wrong.sum()),
            len(known),
            shown(table[name][int(wrong.argmax())]),
            table.place(int(wrong.argmax()), name),
        )
    elif meant := lookalike(levels):
        _logger.warning(
            "column %s is read as categories, but seems to hold %s, such as %s (%s)\n  fix: %s",
            shown(name),
            meant.what,
            shown(table[name][int(wrong.argmax())]),
            table.place(int(wrong.argmax()), name),
            meant.fix,
        )
    if len(levels) > MOSTLY * len(known):
        return f"{len(levels)} different categories in {len(known)} cells: it names the rows"
    count = len(levels) + bool(gaps.any())
    embed = categories == "embed" or (categories == "auto" and count > MOST_ONE_HOT)
    return CategoryColumn(name, tuple(sorted(levels)), bool(gaps.any()), embed)
