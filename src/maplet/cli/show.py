"""``maplet show``: what a run is, how it went, and what it is worth."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any, cast

import click

from maplet.cli.output import Metrics, is_number, print_history, print_metrics, visible
from maplet.data.suggest import quoted
from maplet.errors import CheckpointError, MapletError
from maplet.train.run import Run, load, read_history
from maplet.train.storage import exists, read_json

most_inputs = 10_000_000  # in one row; a larger shape is damage, which would fill the memory


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def show(run: Path) -> None:
    """Show the network, the history, the test metrics and the settings of RUN."""
    config_path = run / "config.json"
    if not config_path.exists():
        raise CheckpointError(
            f"{run} is no run directory: it has no config.json", fix="give a directory such as runs/digits"
        )
    config = read_json(config_path)
    if exists(run / "model"):
        trained = load(run)
        click.echo(_summary(trained, config, config_path))
        history = trained.history
    else:
        click.echo("this run is not finished: the same command with --resume goes on with it")
        history = read_history(run / "history.jsonl") if (run / "history.jsonl").exists() else []
    print_history(history)
    metrics = _metrics(run / "metrics.json")
    if metrics:
        print_metrics(metrics)
    click.echo("\nsettings")
    for name, value in _settings(config, config_path, run / "job.json").items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"  {visible(name):<16} {visible(shown)}")


def _summary(trained: Run, config: dict[str, Any], path: Path) -> str:
    """The network layer by layer, for inputs of the shape that it was trained on."""
    shape = _part(_part(config, "data", dict, path), "input_shape", list, path)
    if not all(isinstance(size, int) and size >= 0 for size in shape) or prod(shape) > most_inputs:
        raise CheckpointError(f"{path} is damaged: the input shape is {quoted(shape)}")
    try:
        return trained.net.summary(*[tuple(shape)] if shape else [])
    except MapletError as error:
        raise CheckpointError(
            f"{path} is damaged: the network takes no input of shape {tuple(shape)}: {error.message}"
        ) from error


def _metrics(path: Path) -> Metrics | None:
    """What the models are worth on the test part; None where they were not measured."""
    if not path.exists():
        return None
    metrics = read_json(path)
    for model, found in metrics.items():
        for name, value in cast("dict[str, Any]", _part(metrics, model, dict, path)).items():
            if value is not None and not is_number(value):
                raise CheckpointError(f"{path} is damaged: {quoted(name)} of {quoted(model)} is {quoted(value)}")
        metrics[model] = {name: value for name, value in found.items() if value is not None}
    return metrics


def _settings(config: dict[str, Any], path: Path, job: Path) -> dict[str, Any]:
    """The settings of the command where there was one, and what the numbers depend on."""
    names = ("loss", "optimizer", "batch_size", "epochs", "seed")
    chosen = read_json(job) if job.exists() else {name: config.get(name) for name in names}
    return {
        **chosen,
        "command": " ".join(map(str, _part(config, "command", list, path))),
        "started": config.get("started"),
        "versions": config.get("versions"),
    }


def _part(content: dict[str, Any], name: str, kind: type, path: Path) -> Any:
    """An entry of a JSON object, which must be of some kind."""
    if name not in content:
        raise CheckpointError(f"{path} is damaged: it has no {quoted(name)}")
    if not isinstance(content[name], kind):
        raise CheckpointError(
            f"{path} is damaged: {quoted(name)} is {quoted(content[name])}, a {kind.__name__} was expected"
        )
    return content[name]
