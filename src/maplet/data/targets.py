"""The target as a loss sees it: the map from cells to class indices or standardised numbers, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from maplet.data.cells import Cells, as_cells, parse_number, same_number, unlike
from maplet.data.columns import learn_scaling, standardise
from maplet.data.scaling import Scaling
from maplet.data.table import Table
from maplet.data.task import target_cells
from maplet.errors import DataError
from maplet.messages import listed, shown, suggest


@dataclass(frozen=True)
class ClassTarget:
    """The map from the labels of classes to their indices 0 … K−1, and back.

    Parameters
    ----------
    name
        The target column.
    labels
        The K ≥ 2 labels, in the order of their value if all are numbers, else in that of the alphabet.

    Examples
    --------
    >>> table = Table.from_columns({"size": [10, 9, 10, 2]})
    >>> target = ClassTarget.fit(table, "size")
    >>> target.labels, target.encode(table).tolist(), target.decode(np.array([0, 2])).tolist()
    (('2', '9', '10'), [2, 1, 2, 0], ['2', '10'])
    """

    name: str
    labels: tuple[str, ...]

    @classmethod
    def fit(cls, table: Table, name: str) -> Self:
        """Learn the labels of a column.

        Raises
        ------
        DataError
            When the column is not there or has gaps, when it holds one class only, or one number in two spellings.
        """
        cells = target_cells(table, name)
        labels = sorted(set(cells.tolist()))
        numbers = {label: parse_number(label) for label in labels}
        if len(labels) < 2:
            raise DataError(
                f"two classes at least were expected; the target holds {listed(labels)} only, in {len(table)} rows",
                fix="choose a target whose values differ, or give rows of another class",
                where=table.place(None, name),
            )
        if all(number is not None for number in numbers.values()):
            labels.sort(key=lambda label: numbers[label] or 0.0)
            for first, second in pairwise(labels):
                if numbers[first] == numbers[second] and same_number(first, second):
                    raise DataError(
                        f"{shown(first)} and {shown(second)} are one number in two spellings, but would be two classes",
                        fix="write each class in one way",
                        where=table.place(None, name),
                    )
        return cls(name, tuple(labels))

    def encode(self, table: Table) -> NDArray[np.int64]:
        """The index of each row's class, int64 (N,).

        Raises
        ------
        DataError
            When the column is not there or has gaps, or holds a label that was not learned (its line is named).
        """
        cells = target_cells(table, self.name)
        index = {label: position for position, label in enumerate(self.labels)}
        codes = np.array([index.get(cell, -1) for cell in cells.tolist()], dtype=np.int64)
        if (codes < 0).any():
            row = int(codes.argmin())
            raise DataError(
                f"the class {shown(cells[row])} was not learned",
                fix=suggest(str(cells[row]), self.labels, kind="classes"),
                where=table.place(row, self.name),
            )
        return codes

    def decode(self, indices: NDArray[np.integer]) -> Cells:
        """The label of each index, (N,); `DataError` when an index is none of 0 … K−1."""
        if len(indices) and not (indices.min() >= 0 and indices.max() < len(self.labels)):
            raise DataError(
                f"class indices from {indices.min()} to {indices.max()} were given, "
                f"0 to {len(self.labels) - 1} were expected"
            )
        return as_cells([self.labels[index] for index in indices.tolist()])

    def to_dict(self) -> dict[str, Any]:
        """The map as JSON takes it."""
        return {"task": "classification", "name": self.name, "labels": list(self.labels)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The map that `to_dict` gave; `target_from_dict` says so when it is damaged."""
        return cls(str(saved["name"]), tuple(str(label) for label in saved["labels"]))


@dataclass(frozen=True)
class NumberTarget:
    """The map from numbers to standardised numbers, and back.

    Parameters
    ----------
    name
        The target column.
    scaling
        Mean and scale in the training part.

    Examples
    --------
    >>> table = Table.from_columns({"price": [100, 300]})
    >>> target = NumberTarget.fit(table, "price")
    >>> target.encode(table).tolist(), target.decode(np.array([[0.5]])).tolist()
    ([[-1.0], [1.0]], [[250.0]])
    """

    name: str
    scaling: Scaling

    @classmethod
    def fit(cls, table: Table, name: str) -> Self:
        """Learn mean and scale from the training part.

        Raises
        ------
        DataError
            When the column is not there, has no rows, has gaps, or holds a cell that is no finite number (its line is
            named); when float64 cannot tell its numbers apart.
        """
        if len(target_cells(table, name)) == 0:
            raise DataError("the table has no rows to learn from", where=table.place(None, name))
        cells, scaling = table[name], learn_scaling(table, name)
        other = unlike(cells.tolist()) if (table.numbers(name) == scaling.mean).all() else None
        if other is not None:
            raise DataError(
                f"float64 cannot tell the target's numbers apart, such as {shown(cells[0])} and {shown(other)}",
                fix="subtract from all of them the least one",
                where=table.place(None, name),
            )
        return cls(name, scaling)

    def encode(self, table: Table) -> NDArray[np.float32]:
        """(y − μ) / σ of each row, float32 (N, 1); errors as for `fit`."""
        target_cells(table, self.name)
        return standardise(table, self.name, self.scaling)[:, np.newaxis]

    def decode(self, standard: NDArray[Any]) -> NDArray[np.float64]:
        """σ z + μ of predictions, float64, of the same shape."""
        return self.scaling.invert(standard)

    def to_dict(self) -> dict[str, Any]:
        """The map as JSON takes it."""
        return {"task": "regression", "name": self.name, **asdict(self.scaling)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The map that `to_dict` gave; `target_from_dict` says so when it is damaged."""
        return cls(str(saved["name"]), Scaling(float(saved["mean"]), float(saved["scale"])))


_KINDS: dict[str, type[ClassTarget | NumberTarget]] = {"classification": ClassTarget, "regression": NumberTarget}


def target_from_dict(saved: Mapping[str, Any]) -> ClassTarget | NumberTarget:
    """The map that `to_dict` gave; `DataError` when it is damaged.

    Examples
    --------
    >>> target_from_dict({"task": "classification", "name": "sex", "labels": ["f", "m"]})
    ClassTarget(name='sex', labels=('f', 'm'))
    """
    try:
        return _KINDS[saved["task"]].from_dict(saved)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the saved preprocessing of the target is damaged: {error!r}",
            fix="put it back from a copy, or train again",
        ) from error
