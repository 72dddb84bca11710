"""Tables on standard output: aligned and coloured on a terminal, plain text elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from maplet.train.metrics import higher_is_better

if TYPE_CHECKING:
    from pathlib import Path

    from maplet.train.run import Run

Metrics = dict[str, dict[str, float]]


def number(value: Any) -> str:
    """A number as people read it: four significant digits, thousands apart."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.1f}" if abs(value) >= 10_000 else f"{value:.4g}"


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


def print_outcome(run: Run, place: Path) -> None:
    """How training ended and where everything is."""
    console = Console(soft_wrap=True)
    kept = f"the weights of epoch {run.best_epoch} of {len(run.history)}" if run.best_epoch else "the last weights"
    console.print(f"{place} holds the run, with {kept}", highlight=False)
    console.print(f"look at {place / 'report.html'}, or: maplet show {place}", highlight=False)
