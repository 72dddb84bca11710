"""A table: named columns of cells, each of which knows where it came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from maplet.data.cells import Cells, as_cells, find_gaps, parse_numbers, to_text
from maplet.errors import DataError
from maplet.messages import shown, suggest


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Named columns of cells, all of one length.

    A table keeps the text of each cell; whether a column is read as numbers or as categories is decided where it is
    used. Its arrays cannot be written to.

    Parameters
    ----------
    columns
        Name → cells, each of shape (N,), in order.
    lines
        int64 (N,): where each row begins, as a line of the file, or counted from 0 where there is no file.
    source
        The name of the file, or None.
    sha256
        The fingerprint of the file as it was read; None for a table that is not a whole file.

    Examples
    --------
    >>> table = Table.from_columns({"sex": ["male", "female", None], "mass": [3750, 3800.5, 3250]})
    >>> table
    Table(3 rows: 'sex', 'mass')
    >>> table["sex"].tolist(), table.gaps("sex").tolist()
    (['male', 'female', ''], [False, False, True])
    >>> table.rows([2, 0]).numbers("mass").tolist()
    [3250.0, 3750.0]
    """

    columns: Mapping[str, Cells]
    lines: NDArray[np.int64]
    source: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        for name, cells in self.columns.items():
            if cells.shape != self.lines.shape:
                raise DataError(f"column {name!r} has {len(cells)} cells, but the table has {len(self.lines)} rows")
            cells.setflags(write=False)
        self.lines.setflags(write=False)
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    @classmethod
    def from_columns(cls, columns: Mapping[str, Iterable[object]]) -> Self:
        """A table from sequences or arrays of text, numbers, bools and None.

        Raises
        ------
        DataError
            When a name is empty or not text, the lengths differ, or a value is of another kind.
        """
        made: dict[str, Cells] = {}
        for name, values in columns.items():
            if not name.strip():
                raise DataError(f"column {len(made)} has no name", fix="give each column a name")
            if isinstance(values, str) or not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise DataError(
                    f"column {name!r} is {values!r}, not a sequence", fix=f"for one row, write [{values!r}]"
                )
            try:
                made[name] = as_cells([to_text(value) for value in values])
            except DataError as error:
                raise DataError(error.message, fix=error.fix, where=f"column {name!r}") from None
        lengths = {name: len(cells) for name, cells in made.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"columns of different lengths: {lengths}", fix="give each column one cell per row")
        return cls(made, np.arange(max(lengths.values(), default=0)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows: {', '.join(map(repr, self.names))})"

    def __getitem__(self, name: str) -> Cells:
        """The cells of a column, (N,); `DataError` offers the nearest names for one that is not there."""
        if name not in self.columns:
            raise DataError(
                f"there is no column {shown(name)}", fix=suggest(name, self.names, kind="columns"), where=self.source
            )
        return self.columns[name]

    def gaps(self, name: str) -> NDArray[np.bool_]:
        """Which cells of a column are gaps, (N,)."""
        return find_gaps(self[name])

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as float64 (N,), NaN where it has a gap.

        Raises
        ------
        DataError
            Naming line and column, when a cell holds no number, or one that is not finite.
        """
        numbers, wrong = parse_numbers(self[name])
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"{shown(self[name][row])} is not a number",
                fix="mend the cell, or leave it empty if its value is not known",
                where=self.place(row, name),
            )
        infinite = ~np.isfinite(numbers) & ~self.gaps(name)
        if infinite.any():
            row = int(infinite.argmax())
            raise DataError(
                f"{shown(self[name][row])} is not a finite number",
                fix="mend the cell, or leave it empty if its value is not known",
                where=self.place(row, name),
            )
        return numbers

    def place(self, row: int | None, name: str) -> str:
        """Where a cell stands, in words: file, line and column; without a row, where the column stands."""
        parts = [] if self.source is None else [self.source]
        if row is not None:
            line = int(self.lines[row])
            parts.append(f"row {line} (counted from 0)" if self.source is None else f"line {line}")
        return ", ".join([*parts, f"column {shown(name)}"])

    def select(self, *names: str) -> Self:
        """The table with these columns only, in this order."""
        return type(self)({name: self[name] for name in names}, self.lines, self.source)

    def drop(self, *names: str) -> Self:
        """The table without these columns."""
        unwanted = self.select(*names).names
        return self.select(*(name for name in self.names if name not in unwanted))

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | list[int] | slice) -> Self:
        """The table with the rows that a NumPy index chooses, in its order."""
        columns = {name: cells[index] for name, cells in self.columns.items()}
        return type(self)(columns, self.lines[index], self.source)


def drop_missing(table: Table) -> tuple[Table, int]:
    """The rows without any gap, and the number of rows left out.

    Raises
    ------
    DataError
        When no row is left; names the column with the most gaps.

    Examples
    --------
    >>> whole, dropped = drop_missing(Table.from_columns({"sex": ["male", None], "mass": [3750, 3800]}))
    >>> len(whole), dropped
    (1, 1)
    """
    gaps = {name: table.gaps(name) for name in table.names}
    whole = ~np.logical_or.reduce(list(gaps.values()), axis=0) if gaps else np.ones(len(table), dtype=np.bool_)
    if len(table) and not whole.any():
        worst = max(gaps, key=lambda name: int(gaps[name].sum()))
        raise DataError(
            f"every row has a gap; column {shown(worst)} has the most, {int(gaps[worst].sum())} in {len(table)} rows",
            fix="leave that column out, or impute the gaps",
            where=table.source,
        )
    return table.rows(whole), int((~whole).sum())
