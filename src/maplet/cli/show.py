"""``maplet show``: what a run is, how it went and ended, and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from maplet.bilingual import Bilingual
from maplet.cli.language import language
from maplet.cli.output import print_history, print_metrics, print_network, print_settings
from maplet.errors import MapletError
from maplet.messages import counted
from maplet.nn.summary import Row, layer_rows
from maplet.train.failed import failure_of, load_failed
from maplet.train.inputs import compute_dtype
from maplet.train.reading import input_shape, part, read_config, read_metrics
from maplet.train.report.words import Words
from maplet.train.run import Run, load, read_history
from maplet.train.storage import damaged, exists, read_json


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@language
def show(run: Path, language: str) -> None:
    """Show the network, how RUN went and ended, the test metrics and the settings."""
    config, config_path = read_config(run), run / "config.json"
    failed, finished = failure_of(run) is not None, exists(run / "model")
    if failed or finished:
        trained = load_failed(run) if failed else load(run)
        print_network(_layers(trained, config, config_path), language)
        history, ending = trained.history, _ending(trained, run, language)
    else:
        history = read_history(run / "history.jsonl") if (run / "history.jsonl").exists() else []
        ending = unfinished.speak(language)
    print_history(history, language)
    click.echo(f"\n{ending}")
    metrics = read_metrics(run / "metrics.json")
    if metrics:
        print_metrics(metrics, language)
    print_settings(_settings(config, config_path, run / "job.json"), language)


unfinished = Bilingual(
    "this run is not finished: the same command with --resume goes on with it",
    "训练尚未完成：用同样的命令加上 --resume 可以继续",
)


def _ending(run: Run, path: Path, language: str) -> str:
    """How training ended, and what was kept of it."""
    if run.failure is not None:
        what = run.failure.what
        return Bilingual(
            f"ended: {what}; maplet doctor {path} says why", f"训练中止：{what.zh}；原因见 maplet doctor {path}"
        ).speak(language)
    epochs, why = len(run.history), run.stop_reason or "all epochs"
    kept = Bilingual("the last weights are kept", "保留最后的权重")
    if run.best_epoch:
        kept = Bilingual(f"the weights of epoch {run.best_epoch} are kept", f"保留第 {run.best_epoch} 轮的权重")
    return Bilingual(
        f"ended after {counted(epochs, 'epoch')} ({why}); {kept}",
        f"{epochs} 轮后结束（{Words('zh').name(why)}）；{kept.zh}",
    ).speak(language)


def _layers(trained: Run, config: dict[str, Any], path: Path) -> list[Row]:
    """The network layer by layer, for inputs of the shape that it was trained on."""
    shape = input_shape(config, path)
    try:
        return layer_rows(trained.net, [shape] if shape else [], {}, compute_dtype(trained.net))
    except MapletError as error:
        raise damaged(path, f"the network takes no input of shape {shape}: {error.message}") from error


def _settings(config: dict[str, Any], path: Path, job: Path) -> dict[str, str]:
    """The settings of the command where there was one, and what the numbers depend on."""
    names = ("loss", "optimizer", "batch_size", "epochs", "seed")
    chosen = read_json(job) if job.exists() else {name: config.get(name) for name in names}
    known = {
        **chosen,
        "command": " ".join(map(str, part(config, "command", list, path))),
        "started": config.get("started"),
        "versions": config.get("versions"),
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in known.items()
    }
