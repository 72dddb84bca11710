"""Tables on standard output: aligned and coloured on a terminal, plain text elsewhere."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maplet.train.formatting import short_number
from maplet.train.metrics import higher_is_better

if TYPE_CHECKING:
    from pathlib import Path

    from maplet.train.job import Outcome
    from maplet.train.problems import Problem

Metrics = dict[str, dict[str, float]]


def number(value: Any) -> str:
    """A number as people read it; text and missing values as they are."""
    return short_number(value) if isinstance(value, int | float) else str(value)


def print_metrics(metrics: Metrics, console: Console | None = None) -> None:
    """The test metrics of every model side by side, the best of each in bold."""
    table = Table(title="on the test part", title_justify="left")
    table.add_column("metric")
    for model in metrics:
        table.add_column(model, justify="right")
    for name in metrics["network"]:
        values = [found[name] for found in metrics.values()]
        best = max(values) if higher_is_better(name) else min(values)  # what a job reports is all of known direction
        table.add_row(name, *(f"[bold green]{number(v)}[/]" if v == best else number(v) for v in values))
    (console or Console()).print(table)


def print_history(history: list[dict[str, Any]], most: int = 20) -> None:
    """The epochs, the middle ones left out where there are many."""
    if not history:
        return
    table = Table(title=f"history, {len(history)} epochs", title_justify="left")
    names = list(history[-1])
    for name in names:
        table.add_column(name, justify="right")
    shown = history if len(history) <= most else [*history[: most // 2], None, *history[-most // 2 :]]
    for record in shown:
        table.add_row(*("…" if record is None else number(record.get(name, "")) for name in names))
    Console().print(table)


def describe_problem(problem: Problem) -> str:
    """One line on what was decided about the data: rows, split, task, inputs."""
    parts = [f"{count:,} {name}" for name, count in problem.facts["split"].items()]
    classes = problem.preprocessing.classes
    task = (
        f"{problem.task}, {len(classes)} classes"
        if classes
        else f"{problem.task} of {problem.preprocessing.target.name}"
    )
    inputs = f"{prod(problem.train[0].shape[1:]):,} inputs"
    return f"{problem.name}: {' + '.join(parts)} rows · {task} · {inputs}"


def print_outcome(outcome: Outcome, place: Path) -> None:
    """What came out, how training ended and where everything is."""
    run, console = outcome.run, Console(soft_wrap=True)
    print_metrics(outcome.metrics)
    _warn_if_useless(outcome.metrics)
    kept = f"the weights of epoch {run.best_epoch} of {len(run.history)}" if run.best_epoch else "the last weights"
    console.print(f"{escape(str(place))} holds the run, with {kept}", highlight=False)
    if outcome.interrupted:
        console.print("interrupted; nothing is lost: the same command with --resume goes on", highlight=False)
    else:
        console.print(
            f"look at {escape(str(place / 'report.html'))}, or: maplet show {escape(str(place))}", highlight=False
        )


def _warn_if_useless(metrics: Metrics) -> None:
    """A network that knows less than the trivial answer was not trained well; better to say so."""
    for name, value in metrics["network"].items():
        trivial = metrics.get("baseline", {}).get(name, value)
        if not (value > trivial if higher_is_better(name) else value < trivial) and value != trivial:
            click.echo(
                f"warning: by {name} the network is worse than the trivial baseline; "
                "try another learning rate, more epochs, or a smaller network",
                err=True,
            )
            return
