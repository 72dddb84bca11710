"""What a finished job tells in its report."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from maplet.data import NumberTarget
from maplet.nn.summary import layer_rows
from maplet.train.metrics import confusion_matrix
from maplet.train.report import ReportData, report_html
from maplet.train.storage import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from maplet.train.job import Outcome
    from maplet.train.problems import Problem
    from maplet.train.run_directory import RunDirectory


def write_report(place: RunDirectory, problem: Problem, outcome: Outcome) -> None:
    """Write ``report.html`` into a run directory."""
    page = report_html(report_data(place.path, problem, outcome))
    place.write_text("report.html", page)


def report_data(directory: Path, problem: Problem, outcome: Outcome) -> ReportData:
    """Gather what the report shows from the run, its files and the test part."""
    run = outcome.run
    config, job = (read_json(directory / name) for name in ("config.json", "job.json"))
    rows = layer_rows(run.net, [tuple(config["data"]["input_shape"])], {}, "float32")
    data: ReportData = {
        "title": problem.name,
        "task": problem.task,
        "command": shlex.join(["maplet", *config["command"][1:]]),
        "metrics": outcome.metrics,
        "history": run.history,
        "best_epoch": run.best_epoch,
        "data": problem.facts,
        "settings": {
            **job,
            "batch_size": config["batch_size"],
            "task": problem.task,
            "ended": run.stop_reason or "all epochs",
        },
        "network": [
            {**row.cells(), "output": _any_batch(row.output), "parameters": row.parameters or ""} for row in rows
        ],
        "versions": config["versions"],
    }
    target, truth = problem.preprocessing.target, problem.test[1]
    if isinstance(target, NumberTarget):
        true, predicted = (target.decode(values)[:, 0].tolist() for values in (truth, outcome.outputs))
        data["predictions"] = {"name": target.name, "true": true, "predicted": predicted}
    else:
        counts = confusion_matrix(outcome.outputs, truth)
        data["confusion"] = {"labels": target.labels, "counts": counts.tolist()}
    return data


def _any_batch(cell: str) -> str:
    """A shape, which was measured for a batch of one, for a batch of N."""
    return f"(N,{cell[3:]}" if cell.startswith("(1,") else cell
