"""Whether a target column asks for classes or for numbers."""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from maplet.data.cells import MOSTLY, Cells, parse_numbers
from maplet.data.table import Table
from maplet.errors import DataError
from maplet.messages import counted, listed, shown
from maplet.settings import choice

Task: TypeAlias = Literal["classification", "regression"]

MOST_CLASSES = 20
"""Integers are taken for classes only when no more than this many are different …"""

LEAST_REPEATS = 3
"""… and each occurs this often on average."""


def decide_task(table: Table, name: str, task: Task | None = None) -> Task:
    """Whether a target column asks for classes or for numbers.

    When `task` is None: **classification** if a cell is no number, or if all cells are integers, of which no more than
    20 are different and each occurs 3 times on average; else **regression**.

    Raises
    ------
    SettingError
        When `task` is none of the two.
    DataError
        When there is no such column (the nearest names are offered), when it has gaps (the lines are named), or when
        every cell is the same; and, unless `task` says what is meant, when nearly all cells are numbers but not all
        (the first other one is named), or when nearly every cell is a class of its own.

    Examples
    --------
    >>> table = Table.from_columns({"species": ["Adelie", "Gentoo"] * 3, "mass": [3750, 3800, 3250, 3450, 3650, 3625]})
    >>> decide_task(table, "species"), decide_task(table, "mass")
    ('classification', 'regression')
    """
    if task is not None:
        choice("task", task, get_args(Task))
    cells = target_cells(table, name)
    distinct = set(cells.tolist())
    if len(distinct) < 2:
        raise DataError(
            f"two values at least were expected; the target holds {listed(distinct)} only, in {len(table)} rows",
            fix="choose a target whose values differ",
            where=table.place(None, name),
        )
    if task is not None:
        return task
    _, wrong = parse_numbers(cells)
    if wrong.any():
        _check_classes(table, name, wrong, len(distinct))
        return "classification"
    numbers = table.numbers(name)
    integers = bool(np.all(numbers == np.floor(numbers)))
    few = len(distinct) <= MOST_CLASSES and len(cells) >= LEAST_REPEATS * len(distinct)
    return "classification" if integers and few else "regression"


def target_cells(table: Table, name: str) -> Cells:
    """The cells of a target column, (N,); `DataError` names the lines of its gaps, of which it must have none."""
    gaps = np.flatnonzero(table.gaps(name))
    if len(gaps):
        kind = "rows (counted from 0)" if table.source is None else "lines"
        raise DataError(
            f"the target has {counted(len(gaps), 'gap')} ({listed(sorted(set(table[name][gaps].tolist())))}), "
            f"in {kind} {listed(table.lines[gaps].tolist(), 5)}",
            fix="leave these rows out, with --drop-missing or drop_missing(table), or fill the gaps in",
            where=table.place(None, name),
        )
    return table[name]


def _check_classes(table: Table, name: str, wrong: NDArray[np.bool_], classes: int) -> None:
    """Classes that cannot be meant: numbers with a slip among them, or a name for each row."""
    row = int(wrong.argmax())
    if wrong.sum() <= (1 - MOSTLY) * len(table):
        raise DataError(
            f"{shown(table[name][row])} is not a number, but {int((~wrong).sum())} of {len(table)} cells are",
            fix="mend the cell; or, if these are classes, say so with --task classification",
            where=table.place(row, name),
        )
    if classes > MOSTLY * len(table):
        raise DataError(
            f"the target holds {classes} classes in {len(table)} rows: hardly any repeats",
            fix="choose another target; or, if these are classes, say so with --task classification",
            where=table.place(None, name),
        )
