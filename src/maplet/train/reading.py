"""What stands in the JSON files of a run directory, checked: a file that was changed by hand is told, not believed."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

from maplet.errors import CheckpointError
from maplet.messages import shown
from maplet.train.run_directory import run_format
from maplet.train.storage import read_json

if TYPE_CHECKING:
    from pathlib import Path

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
        raise CheckpointError(f"{path} is damaged: its format is {shown(config.get('format'))}, not {run_format!r}")
    return config


def input_shape(config: dict[str, Any], path: Path) -> tuple[int, ...]:
    """The shape of the inputs, in a batch of one; empty where they are no single array."""
    shape: list[Any] = part(part(config, "data", dict, path), "input_shape", list, path)
    if not all(isinstance(size, int) and size >= 0 for size in shape) or prod(shape) > most_inputs:
        raise CheckpointError(f"{path} is damaged: the input shape is {shown(shape)}")
    return tuple(shape)


def read_metrics(path: Path) -> dict[str, dict[str, float]] | None:
    """What the models are worth on the test part; None where they were not measured."""
    if not path.exists():
        return None
    metrics = read_json(path)
    for model, found in metrics.items():
        for name, value in cast("dict[str, Any]", part(metrics, model, dict, path)).items():
            if value is not None and not is_number(value):
                raise CheckpointError(f"{path} is damaged: {shown(name)} of {shown(model)} is {shown(value)}")
        metrics[model] = {name: value for name, value in found.items() if value is not None}
    return metrics


def part(content: dict[str, Any], name: str, kind: type, path: Path) -> Any:
    """An entry of a JSON object, which must be of some kind."""
    if name not in content:
        raise CheckpointError(f"{path} is damaged: it has no {shown(name)}")
    if not isinstance(content[name], kind):
        raise CheckpointError(
            f"{path} is damaged: {shown(name)} is {shown(content[name])}, a {kind.__name__} was expected"
        )
    return content[name]


def is_number(value: Any) -> bool:
    """Whether a value is a number that fits a float."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1000)
