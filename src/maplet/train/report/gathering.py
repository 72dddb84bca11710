"""What a report tells, gathered from a run directory, and from the data of the run where that can still be read."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.data import NumberTarget
from maplet.data.columns import NumberColumn
from maplet.errors import CheckpointError, DataError, MapletError, SettingError
from maplet.health.doctor import doctor
from maplet.nn.losses import losses
from maplet.nn.summary import layer_rows
from maplet.train.explaining import derivation_of, is_as_trained, problem_of
from maplet.train.failed import failure_of, load_failed
from maplet.train.given import given_of
from maplet.train.inputs import compute_dtype
from maplet.train.metrics import confusion_matrix
from maplet.train.reading import batch_size, input_shape, part, read_config, read_metrics
from maplet.train.report import report_html
from maplet.train.report.words import Words
from maplet.train.report.worked import Worked
from maplet.train.run import load
from maplet.train.run_directory import RunDirectory, require_report
from maplet.train.storage import damaged, read_json

if TYPE_CHECKING:
    from maplet.train.problems import Problem
    from maplet.train.report.contents import ReportData
    from maplet.train.run import Run


def write_report(directory: Path, *, language: str = "en", row: int = 0) -> Path:
    """Write the report of a run into its directory, and say where it is.

    Parameters
    ----------
    directory
        Of the run.
    language, row
        See `report_data`.

    Raises
    ------
    CheckpointError
        If there is no finished run, or it is damaged, or the report cannot be written.
    RunExistsError
        If another file has the place of the report, or the run is being trained.
    """
    path = directory / "report.html"
    if path.exists():
        require_report(path)
    html = report_html(report_data(directory, language=language, row=row), language)
    with RunDirectory(directory).reopened(part(read_config(directory), "id", str, directory)) as place:
        place.write_text(path.name, html)
    return path


def report_data(directory: Path, problem: Problem | None = None, *, language: str = "en", row: int = 0) -> ReportData:
    """Gather what the report shows.

    Parameters
    ----------
    directory
        Of a run that is finished or was interrupted, or ended in NaN: then its net is that of the last checkpoint.
    problem
        The data of the run, if it is at hand; otherwise it is read again.
    language
        ``"en"`` or ``"zh"``, of what is said of the run.
    row
        The row of the training part that is worked.
    """
    say, config = Words(language), read_config(directory)
    run = load_failed(directory) if failure_of(directory) else load(directory)
    job = read_json(directory / "job.json") if (directory / "job.json").exists() else None
    metrics = read_metrics(directory / "metrics.json")
    data = _of_the_run(run, config, directory)
    notes: list[str] = [say("no metrics")] if job is not None and metrics is None else []
    why = ""
    if problem is None:
        problem, why = _problem(run, config, directory, say)
    data["settings"] = {**(job or _settings(config)), "batch_size": config.get("batch_size")}
    data["settings"]["ended"] = run.failure.what.speak(language) if run.failure else run.stop_reason or "all epochs"
    if metrics is not None:
        data["metrics"] = metrics
    loss = str(config.get("loss"))
    if problem is None:
        notes.append(why)
        notes += _add_graphs(data, run, loss, input_shape(config, directory / "config.json"), say)
    else:
        _add_problem(data, run, problem)
        if loss in losses:
            run.given = given_of(run.net, problem, loss, batch_size(config, directory / "config.json"))
            data["worked"] = _worked(run, problem, loss, directory, row=row, say=say)
    try:
        data["diagnoses"] = cast("Any", [asdict(one) for one in doctor(run)])
    except CheckpointError as error:
        notes.append(say("no doctor", error.message))
    data["notes"] = notes
    return data


def _of_the_run(run: Run, config: dict[str, Any], directory: Path) -> ReportData:
    """What is known without the data."""
    path = directory / "config.json"
    command = [str(word) for word in part(config, "command", list, path)]
    known = part(config, "data", dict, path)
    hashes = [value for name, value in known.items() if name.startswith("sha256")]
    return {
        "title": directory.resolve().name,
        "command": shlex.join(
            ["maplet" if Path(command[0]).stem in ("maplet", "__main__") else command[0], *command[1:]]
        )
        if command
        else "",
        "history": run.history,
        "best_epoch": run.best_epoch,
        "findings": [
            {"code": one.code, "message": one.message, "fix": one.fix, "where": one.where} for one in run.findings
        ]
        if run.linted
        else None,
        "watched": len(run.watched),
        "network": _layers(run, config, path),
        "manifest": {
            "seed": config.get("seed"),
            "data hash (training rows)": ", ".join(map(str, hashes)),
            "started": config.get("started"),
        },
        "versions": part(config, "versions", dict, path),
    }


def _layers(run: Run, config: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    shape = input_shape(config, path)
    try:
        rows = layer_rows(run.net, [shape] if shape else [], {}, compute_dtype(run.net))
    except MapletError as error:
        raise damaged(path, f"the network takes no input of shape {shape}") from error
    table: list[dict[str, Any]] = []
    for row in rows:
        cells: dict[str, Any] = row.cells()
        cells |= {"output": _any_batch(row.output), "parameters": row.parameters or ""}
        table.append({name: cell for name, cell in cells.items() if shape or name not in ("output", "FLOPs")})
    return table


def _any_batch(cell: str) -> str:
    """A shape, which was measured for a batch of one, for a batch of N."""
    return (f"(N,{cell[3:]}" if cell.startswith("(1,") else cell).replace(", ", ",\N{NO-BREAK SPACE}")


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """What a run that was made in Python was asked for."""
    return {name: config.get(name) for name in ("loss", "optimizer", "epochs", "metrics")}


# ── with the data ────────────────────────────────────────────────────────────────────────────────


def _problem(run: Run, config: dict[str, Any], directory: Path, say: Words) -> tuple[Problem | None, str]:
    """The data of a run, or why there is none."""
    if not (directory / "job.json").is_file():
        return None, say("python run")
    try:
        problem = problem_of(directory)
    except (DataError, SettingError) as error:
        return None, say("no data", error.message)
    same = is_as_trained(problem, run.net, config, directory / "config.json")
    return (problem, "") if same else (None, say("other data"))


def _add_graphs(data: ReportData, run: Run, loss: Any, shape: tuple[int, ...], say: Words) -> list[str]:
    """Without the data, the graphs of a row of zeros; or why they cannot be drawn."""
    if loss not in losses or not shape:
        return [say("no graphs", f"loss = {loss}, x: {shape}")]
    x = np.zeros(shape, compute_dtype(run.net))
    y = np.zeros(shape[:1], np.int64) if loss == "cross_entropy" else np.zeros_like(run.predict(x).numpy())
    try:
        data["derivation"] = derivation_of(run.net, loss, x, y, say.language)
    except MapletError as error:
        return [say("no graphs", error.message)]
    return []


def _add_problem(data: ReportData, run: Run, problem: Problem) -> None:
    """What is known of the data, and how the network's answers for the test part compare with the truth."""
    data["title"], data["task"], data["data"] = problem.name, problem.task, problem.facts
    target, truth = problem.preprocessing.target, problem.test[1]
    if not len(truth):
        return
    outputs = run.predict(problem.test[0]).numpy()
    if isinstance(target, NumberTarget):
        true, predicted = (target.decode(values)[:, 0].tolist() for values in (truth, outputs))
        data["predictions"] = {"name": target.name, "true": true, "predicted": predicted}
    else:
        counts = confusion_matrix(outputs, truth)
        data["confusion"] = {"labels": target.labels, "counts": counts.tolist()}


def _worked(run: Run, problem: Problem, loss: str, directory: Path, *, row: int, say: Words) -> Worked:
    """A row of the training part, through the network and back."""
    x, y = problem.train
    if not 0 <= row < len(y):
        raise SettingError(f"--row {row}: the training part has {len(y)} rows", fix=f"a number from 0 to {len(y) - 1}")
    names = list(problem.preprocessing.columns)
    derivation = derivation_of(run.net, loss, x[row : row + 1], y[row : row + 1], say.language, columns=names)
    outputs = run.predict(x[row : row + 1]).numpy()
    target = problem.preprocessing.target
    if isinstance(target, NumberTarget):
        decoded, answer = target.decode(outputs)[0, 0], f"{target.decode(y[row : row + 1])[0, 0]:.6g}"
        given, labels = np.asarray([decoded, outputs[0, 0]]), [target.name, say("standardised", target.name)]
    else:
        given, labels, answer = outputs[0], list(target.labels), str(target.decode(y[row : row + 1])[0])
    command = shlex.join(["maplet", "explain", str(directory), "--row", "0", "--format", "html", "-o", "row.html"])
    is_class = not isinstance(target, NumberTarget)
    in_table = _in_table(problem, x[row]) if names else ()
    return Worked(row, x[row], names, in_table, given, labels, answer, is_class, derivation, command)


def _in_table(problem: Problem, inputs: np.ndarray[Any, Any]) -> list[str]:
    """Each input as it stands in the table: numbers as they were before they were standardised."""
    features = problem.preprocessing.features
    shown: list[str] = []
    for column in features.columns if features is not None else ():
        number = column.scaling.invert(inputs[len(shown)]) if isinstance(column, NumberColumn) else None
        shown += ["" if number is None else f"{float(number):.6g}", *[""] * (len(column.outputs) - 1)]
    return shown
