"""``maplet show``: what a run is, how it went, and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from maplet.cli.output import print_history, print_metrics
from maplet.errors import CheckpointError
from maplet.train.run import load, read_history
from maplet.train.storage import exists


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def show(run: Path) -> None:
    """Show the network, the history, the test metrics and the settings of RUN."""
    config = _read(run / "config.json")
    if config is None:
        raise CheckpointError(
            f"{run} is no run directory: it has no config.json", fix="give a directory such as runs/digits"
        )
    if exists(run / "model"):
        trained = load(run)
        click.echo(trained.net.summary(tuple(config["data"]["input_shape"]) or None))
        history = trained.history
    else:
        click.echo("this run is not finished: the same command with --resume goes on with it")
        history = read_history(run / "history.jsonl") if (run / "history.jsonl").exists() else []
    print_history(history)
    metrics = _read(run / "metrics.json")
    if metrics:
        print_metrics(metrics)
    click.echo("\nsettings")
    for name, value in _settings(config, _read(run / "job.json")).items():
        click.echo(f"  {name:<16} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")


def _settings(config: dict[str, Any], job: dict[str, Any] | None) -> dict[str, Any]:
    """The settings of the command where there was one, and what the numbers depend on."""
    chosen = job or {name: config[name] for name in ("loss", "optimizer", "batch_size", "epochs", "seed")}
    return {
        **chosen,
        "command": " ".join(config["command"]),
        "started": config["started"],
        "versions": config["versions"],
    }


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
