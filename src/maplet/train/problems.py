"""A problem: data read from a table or from images, split, and turned into arrays; and the way back from outputs.

What is learned from the data (means, categories, classes) is learned from the training part alone and is saved beside
the model, so that `predict` treats new rows in the same way.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from maplet.data import (
    ClassTarget,
    Features,
    NumberTarget,
    Table,
    decide_task,
    drop_missing,
    read_digits,
    read_idx,
    read_idx_folder,
    read_npy,
    read_table,
    split,
    target_from_dict,
)
from maplet.errors import CheckpointError, DataError, SettingError
from maplet.messages import counted, listed, shown, suggest
from maplet.train.storage import restore

if TYPE_CHECKING:
    from collections.abc import Generator

    from maplet.data import Categories, Task

    Arrays = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]

Kind = Literal["a set of images with labels", "a folder of images with labels", "a table"]

table_fractions = (0.7, 0.15, 0.15)
part_names = ("train", "validation", "test")
image_fractions = (0.9, 0.1, 0.0)  # of the training images; the test images are given


_logger = logging.getLogger("maplet")


@dataclass(frozen=True)
class Preprocessing:
    """How rows become inputs, and outputs become answers; saved with the model.

    Parameters
    ----------
    target
        Classes, or standardised numbers.
    features
        For tables: what was learned of each column.
    pixel_scale
        For images: what a pixel is divided by, so that inputs lie between 0 and 1.
    image_shape
        For images: height and width.
    """

    target: ClassTarget | NumberTarget
    features: Features | None = None
    pixel_scale: float = 1.0
    image_shape: tuple[int, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The class labels; empty for numbers."""
        return self.target.labels if isinstance(self.target, ClassTarget) else ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What the columns of the inputs are called; empty for images."""
        return () if self.features is None else self.features.names

    @property
    def outputs(self) -> int:
        """How many numbers the network gives per row."""
        return len(self.classes) or 1

    def inputs(self, source: Table | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Rows of a table, or images, as the network takes them."""
        if isinstance(source, Table):
            if self.features is None:
                raise DataError(
                    "this model was trained on images, not on a table",
                    fix="give a file of images (.idx, .idx.gz or .npy)",
                )
            return self.features.transform(source)
        if self.features is not None:
            raise DataError(
                "this model was trained on a table, not on images",
                fix="give a CSV file with the columns it was trained on",
            )
        if source.shape[1:] != self.image_shape:
            expected = " × ".join(map(str, self.image_shape))
            raise DataError(f"the images have shape {source.shape[1:]}, the model was trained on {expected}")
        return source.astype(np.float32) / np.float32(self.pixel_scale)

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "target": self.target.to_dict(),
            "features": None if self.features is None else self.features.to_dict(),
            "pixel_scale": self.pixel_scale,
            "image_shape": list(self.image_shape),
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Preprocessing:
        """What `to_dict` gave."""
        try:
            features = None if saved["features"] is None else Features.from_dict(saved["features"])
            return cls(
                target_from_dict(saved["target"]), features, float(saved["pixel_scale"]), tuple(saved["image_shape"])
            )
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the saved preprocessing is damaged: {error!r}",
                fix=restore,
            ) from error


@dataclass(frozen=True)
class Problem:
    """Training, validation and test part as arrays, with the facts that a report tells."""

    name: str
    task: Task
    preprocessing: Preprocessing
    train: Arrays
    validation: Arrays
    test: Arrays
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


def kind_of(source: str) -> Kind:
    """What kind of data a user points at."""
    if source == "digits":
        return "a set of images with labels"
    try:
        return "a folder of images with labels" if Path(source).is_dir() else "a table"
    except OSError:  # a name too long, which whoever opens it tells
        return "a table"


def load_problem(
    source: str,
    *,
    target: str | None = None,
    task: Task | None = None,
    categories: Categories = "auto",
    drop: bool = False,
    seed: int = 0,
) -> Problem:
    """Read what a user points at: the word ``digits``, a CSV file with a target column, or a folder of IDX files.

    The last two have their labels with them, and all but the seed is for tables.

    Raises
    ------
    SettingError
        If the target is missing or unknown (the nearest names are offered).
    DataError
        If the data cannot be learned from; file, row and column are named.
    """
    path, kind = Path(source), kind_of(source)
    if kind == "a set of images with labels":
        if path.exists():
            _logger.warning("digits means those of scikit-learn; write ./digits for the one in this folder")
        images, labels = read_digits()
        train, validation, test = split(len(labels), table_fractions, seed, labels.tolist())
        parts = [(images[index], labels[index]) for index in (train, validation, test)]
        return _image_problem("digits", parts, 16.0)
    if kind == "a folder of images with labels":
        given, held_out = read_idx_folder(path)
        _check_classes(given.labels, str(path))
        with _naming(str(path)):
            train, validation, _ = split(len(given.labels), image_fractions, seed, given.labels.tolist())
        parts = [(given.images[index], given.labels[index]) for index in (train, validation)]
        return _image_problem(path.resolve().name, [*parts, (held_out.images, held_out.labels)], 255.0)
    return _table_problem(path, read_table(path), target, task, categories, drop=drop, seed=seed)


def _check_classes(labels: np.ndarray[Any, Any], place: str) -> None:
    if labels.min() == labels.max():
        raise DataError(
            f"two classes at least were expected; all {len(labels):,} training images are labelled {labels[0]}",
            fix="give images of another class too",
            where=place,
        )


def _image_problem(name: str, parts: list[Arrays], pixel_scale: float) -> Problem:
    labels = tuple(str(n) for n in range(int(max(y.max() for _, y in parts)) + 1))
    images = parts[0][0]
    preprocessing = Preprocessing(ClassTarget("label", labels), None, pixel_scale, tuple(images.shape[1:]))
    train, validation, test = ((preprocessing.inputs(x), y.astype(np.int64)) for x, y in parts)
    facts = {"images": f"{images.shape[1]} × {images.shape[2]}", "sha256": _fingerprint(parts)}
    return Problem(name, "classification", preprocessing, train, validation, test, _facts(facts, parts))


def _table_problem(
    path: Path, table: Table, target: str | None, task: Task | None, categories: Categories, *, drop: bool, seed: int
) -> Problem:
    if target is None:
        raise SettingError(
            f"{path.name} is a table: say which column is to be predicted",
            fix=f"--target, one of {listed(table.names, 20)}",
        )
    if target not in table.names:
        single = "; are the cells set apart by a comma, semicolon, tab or |?" if len(table.names) == 1 else ""
        raise SettingError(
            f"{path.name} has no column {shown(target)}", fix=suggest(target, table.names, kind="columns") + single
        )
    dropped, fingerprint = 0, table.sha256
    if drop:
        table, dropped = drop_missing(table)
        _logger.warning("%s: %s with gaps left out, %s stay", path.name, counted(dropped, "row"), f"{len(table):,}")
    decided = decide_task(table, target, task)
    labels = table[target].tolist() if decided == "classification" else None
    with _naming(path.name):
        rows = split(len(table), table_fractions, seed, labels)
    _note_rare_classes(labels or [])
    tables = [
        replace(table.rows(index), source=f"{table.source}, {name} part")
        for index, name in zip(rows, part_names, strict=True)
    ]
    features = Features.fit(tables[0].drop(target), categories=categories)
    goal = ClassTarget.fit(table, target) if decided == "classification" else NumberTarget.fit(tables[0], target)
    if isinstance(goal, NumberTarget):
        _check_unit(goal, table)
    preprocessing = Preprocessing(goal, features)
    learned = [column.name for column in features.columns]
    parts = [(preprocessing.inputs(part), goal.encode(part)) for part in tables]
    facts = {
        "rows": len(table),
        "rows dropped for gaps": dropped,
        "columns": list(table.names),
        "columns left out": dict(features.dropped),
        "inputs": list(features.names),
        "gaps filled": {name: gaps for name in learned if (gaps := int(table.gaps(name).sum()))},
        "sha256": fingerprint,
    }
    train, validation, test = parts
    return Problem(path.stem, decided, preprocessing, train, validation, test, _facts(facts, parts))


def _note_rare_classes(labels: list[str]) -> None:
    """A class that the split cannot divide is trained on and never tested; see `split`."""
    rare = [label for label, rows in Counter(labels).items() if rows < len(part_names)]
    if rare:
        _logger.warning(
            "%s with fewer than %d rows, in the training part only and so not tested: %s",
            f"{len(rare):,} class{'es' if len(rare) > 1 else ''}",
            len(part_names),
            listed(rare, 5),
        )


def _check_unit(target: NumberTarget, table: Table) -> None:
    """Errors are measured by their squares, in the unit of the target, so those must exist in float64."""
    if not 1e-150 < target.scaling.scale < 1e150:
        raise DataError(
            f"the target's numbers spread by {target.scaling.scale:.3g}, whose square leaves float64",
            fix="give the column in another unit",
            where=table.place(None, target.name),
        )


def _facts(facts: dict[str, Any], parts: list[Arrays]) -> dict[str, Any]:
    return {**facts, "split": dict(zip(part_names, (len(y) for _, y in parts), strict=True))}


@contextmanager
def _naming(place: str) -> Generator[None]:
    """Errors about data that do not say where it stands say so."""
    try:
        yield
    except DataError as error:
        error.where = error.where or place
        raise


def _fingerprint(parts: list[Arrays]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for array in part:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def read_new(path: Path) -> Table | np.ndarray[Any, Any]:
    """What `predict` is asked about: a CSV file, or images as IDX or NumPy file."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".npy"):
        return read_npy(path)
    if name.endswith((".idx", "ubyte")):
        return read_idx(path)
    return read_table(path)
