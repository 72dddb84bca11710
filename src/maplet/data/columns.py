"""How one column of a table becomes columns of a matrix.

Each kind of column is learned once, from the training part, and then encodes any table that has a column of its name.
"""

import logging
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from maplet.data.scaling import Scaling
from maplet.data.table import Table
from maplet.errors import DataError
from maplet.messages import counted, shown

_logger = logging.getLogger("maplet")


def learn_scaling(table: Table, name: str) -> Scaling:
    """Mean and scale of a column of numbers; `DataError` names the column when they do not exist in float64."""
    try:
        return Scaling.fit(table.numbers(name)[~table.gaps(name)])
    except DataError as error:
        raise DataError(error.message, fix=error.fix, where=error.where or table.place(None, name)) from None


def standardise(table: Table, name: str, scaling: Scaling) -> NDArray[np.float32]:
    """A column as standardised numbers, float32 (N,), NaN where it has a gap.

    Raises
    ------
    DataError
        When a cell is no finite number, or when it is so large that it would become infinite in float32.
    """
    with np.errstate(over="ignore"):
        standard = scaling.apply(table.numbers(name)).astype(np.float32)
    if np.isinf(standard).any():
        row = int(np.isinf(standard).argmax())
        raise DataError(
            f"{shown(table[name][row])} is too far from the mean {scaling.mean:.6g} of the training part: "
            "standardised, it is infinite in float32",
            fix="mend the cell, or leave it empty if its value is not known",
            where=table.place(row, name),
        )
    return standard


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, standardised; a gap becomes the mean, which is 0.

    Parameters
    ----------
    name
        The column.
    scaling
        Mean and scale in the training part.
    gaps
        Whether the training part had gaps; then a second output tells gaps (1) from numbers (0).
    """

    kind: ClassVar[str] = "number"
    name: str
    scaling: Scaling
    gaps: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the columns that come out."""
        return (self.name, f"{self.name}?missing") if self.gaps else (self.name,)

    def encode(self, table: Table) -> NDArray[np.float32]:
        """The outputs for each row of a table, float32 (N, 1) or (N, 2)."""
        gaps = table.gaps(self.name)
        if gaps.any() and not self.gaps:
            _logger.warning(
                "%s: %s imputed with the training mean %.6g; the training part had none",
                table.place(None, self.name),
                counted(int(gaps.sum()), "gap"),
                self.scaling.mean,
            )
        standard = np.where(gaps, np.float32(0), standardise(table, self.name, self.scaling))
        return np.column_stack([standard, gaps.astype(np.float32)]) if self.gaps else standard[:, np.newaxis]

    def to_dict(self) -> dict[str, Any]:
        """The column as JSON takes it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "mean": self.scaling.mean,
            "scale": self.scaling.scale,
            "gaps": self.gaps,
        }


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories, one-hot or as integer codes to be looked up in an embedding.

    Codes are 1 … K for the levels in their order, K + 1 for a gap if the training part had any, and 0 for what the
    training part did not hold. One-hot, code c > 0 is a 1 in place c − 1, and code 0 is a row of zeros.

    Parameters
    ----------
    name
        The column.
    levels
        The K categories of the training part, sorted.
    gaps
        Whether the training part had gaps.
    embed
        Codes instead of one-hot.
    """

    kind: ClassVar[str] = "category"
    name: str
    levels: tuple[str, ...]
    gaps: bool
    embed: bool

    def __post_init__(self) -> None:
        if len(set(self.levels)) < len(self.levels) or not all(isinstance(level, str) for level in self.levels):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DataError(f"column {self.name!r}: the levels of a category have to be distinct text")

    @property
    def codes(self) -> int:
        """The number of codes, 0 included: the rows of an embedding."""
        return len(self.levels) + self.gaps + 1

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the columns that come out."""
        if self.embed:
            return (self.name,)
        one_hot = tuple(f"{self.name}={level}" for level in self.levels)
        return (*one_hot, f"{self.name}?missing") if self.gaps else one_hot

    def encode(self, table: Table) -> NDArray[np.float32]:
        """The outputs for each row of a table, float32: one-hot (N, codes − 1), or the codes (N, 1)."""
        codes = self._look_up(table)
        if self.embed:
            return codes.astype(np.float32)[:, np.newaxis]
        return (codes[:, np.newaxis] == np.arange(1, self.codes)).astype(np.float32)

    def _look_up(self, table: Table) -> NDArray[np.int64]:
        code = {level: position for position, level in enumerate(self.levels, start=1)}
        cells = table[self.name]
        codes = np.array([code.get(cell, 0) for cell in cells.tolist()], dtype=np.int64)
        codes[table.gaps(self.name)] = self.codes - 1 if self.gaps else 0
        unseen = codes == 0
        if unseen.any():
            row = int(unseen.argmax())
            _logger.warning(
                "%s: %s with what the training part did not hold, the first %s in %s %d",
                table.place(None, self.name),
                counted(int(unseen.sum()), "cell"),
                shown(cells[row]),
                "row" if table.source is None else "line",
                table.lines[row],
            )
        return codes

    def to_dict(self) -> dict[str, Any]:
        """The column as JSON takes it."""
        return {"kind": self.kind, **asdict(self), "levels": list(self.levels)}


def column_from_dict(saved: dict[str, Any]) -> NumberColumn | CategoryColumn:
    """The column that `to_dict` gave; `KeyError`, `TypeError` or `ValueError` when it is none."""
    if saved["kind"] == NumberColumn.kind:
        scaling = Scaling(float(saved["mean"]), float(saved["scale"]))
        return NumberColumn(str(saved["name"]), scaling, bool(saved["gaps"]))
    if saved["kind"] == CategoryColumn.kind:
        return CategoryColumn(str(saved["name"]), tuple(saved["levels"]), bool(saved["gaps"]), bool(saved["embed"]))
    raise ValueError(f"unknown kind of column {saved['kind']!r}")
