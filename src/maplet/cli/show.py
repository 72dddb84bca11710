"""``maplet show``: what a run is, how it went, and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from maplet.cli.output import print_history, print_metrics, visible
from maplet.errors import CheckpointError, MapletError
from maplet.train.reading import input_shape, part, read_config, read_metrics
from maplet.train.run import Run, load, read_history
from maplet.train.storage import exists, read_json


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def show(run: Path) -> None:
    """Show the network, the history, the test metrics and the settings of RUN."""
    config, config_path = read_config(run), run / "config.json"
    if exists(run / "model"):
        trained = load(run)
        click.echo(_summary(trained, config, config_path))
        history = trained.history
    else:
        click.echo("this run is not finished: the same command with --resume goes on with it")
        history = read_history(run / "history.jsonl") if (run / "history.jsonl").exists() else []
    print_history(history)
    metrics = read_metrics(run / "metrics.json")
    if metrics:
        print_metrics(metrics)
    click.echo("\nsettings")
    for name, value in _settings(config, config_path, run / "job.json").items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"  {visible(name):<16} {visible(shown)}")


def _summary(trained: Run, config: dict[str, Any], path: Path) -> str:
    """The network layer by layer, for inputs of the shape that it was trained on."""
    shape = input_shape(config, path)
    try:
        return trained.net.summary(*[shape] if shape else [])
    except MapletError as error:
        raise CheckpointError(
            f"{path} is damaged: the network takes no input of shape {shape}: {error.message}"
        ) from error


def _settings(config: dict[str, Any], path: Path, job: Path) -> dict[str, Any]:
    """The settings of the command where there was one, and what the numbers depend on."""
    names = ("loss", "optimizer", "batch_size", "epochs", "seed")
    chosen = read_json(job) if job.exists() else {name: config.get(name) for name in names}
    return {
        **chosen,
        "command": " ".join(map(str, part(config, "command", list, path))),
        "started": config.get("started"),
        "versions": config.get("versions"),
    }
