"""What stands in the JSON files of a run directory, checked: a file that was changed by hand is told, not believed."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

from maplet.errors import CheckpointError
from maplet.messages import shown
from maplet.train.run_directory import ours, run_format
from maplet.train.storage import damaged, read_json

if TYPE_CHECKING:
    from pathlib import Path
    from types import UnionType

largest = 2**1000  # of integers that fit a float
most_inputs = 10_000_000  # in one row; a larger shape is damage, which would fill the memory


def read_config(run: Path) -> dict[str, Any]:
    """The settings of a run.

    Raises
    ------
    CheckpointError
        If the directory holds no run of maplet.
    """
    path = run / "config.json"
    if not path.is_file():
        raise CheckpointError(f"{run} is no run directory: it has no config.json", fix="give one, such as runs/digits")
    config = read_json(path)
    if config.get("format") != run_format:
        raise damaged(path, f"its format is {shown(config.get('format'))}, not {run_format!r}")
    return config


def run_that_wrote(path: Path) -> Path | None:
    """The directory of the run to which a file belongs, by its name and place; None where it is nobody's."""
    for folder in path.parents:
        name = path.relative_to(folder).parts[0]
        if (name in ours or name in (".lock", ".replaced")) and (folder / "config.json").exists():
            try:
                found = read_json(folder / "config.json").get("format")
            except CheckpointError:  # of a damaged run
                return folder
            if found == run_format:
                return folder
    return None


def input_shape(config: dict[str, Any], path: Path) -> tuple[int, ...]:
    """The shape of the inputs, in a batch of one; empty where they are no single array."""
    shape: list[Any] = part(part(config, "data", dict, path), "input_shape", list, path)
    if not all(isinstance(size, int) and size >= 0 for size in shape) or prod(shape) > most_inputs:
        raise damaged(path, f"the input shape is {shown(shape)}")
    return tuple(shape)


def batch_size(config: dict[str, Any], path: Path) -> int:
    """The rows of a step."""
    size: int = part(config, "batch_size", int, path)
    if isinstance(size, bool) or not 1 <= size <= most_inputs:
        raise damaged(path, f"'batch_size' is {shown(size)}, a number of rows was expected")
    return size


def history(content: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """The epochs of a checkpoint, as `fit` wrote them: numbered, with numbers where it puts numbers."""
    records: list[Any] = part(content, "history", list, path)
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict) or cast("dict[str, Any]", record).get("epoch") != number:
            raise damaged(path, f"the record of epoch {number} is {shown(cast('Any', record))}")
        for name, value in cast("dict[str, Any]", record).items():
            measured = name in ("loss", "val_loss", "learning_rate", "seconds")
            too_large = isinstance(value, int) and abs(value) >= largest
            if too_large or (measured and not (value is None or is_number(value))):
                raise damaged(path, f"{shown(name)} of epoch {number} is {shown(value)}, a number was expected")
    return records


def read_metrics(path: Path) -> dict[str, dict[str, float]] | None:
    """What the models are worth on the test part; None where they were not measured."""
    if not path.exists():
        return None
    metrics = read_json(path)
    for model, found in metrics.items():
        for name, value in cast("dict[str, Any]", part(metrics, model, dict, path)).items():
            if value is not None and not is_number(value):
                raise damaged(path, f"{shown(name)} of {shown(model)} is {shown(value)}")
        metrics[model] = {name: value for name, value in found.items() if value is not None}
    return metrics


def part(content: dict[str, Any], name: str, kind: type | UnionType, path: Path) -> Any:
    """An entry of a JSON object, which must be of some kind."""
    if name not in content:
        raise damaged(path, f"it has no {shown(name)}")
    if not isinstance(content[name], kind):
        wanted = kind.__name__ if isinstance(kind, type) else str(kind)
        raise damaged(path, f"{shown(name)} is {shown(content[name])}, a {wanted} was expected")
    return content[name]


def is_number(value: Any) -> bool:
    """Whether a value is a number that fits a float."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < largest)
