"""Run: a network being trained, or trained, with its history; and the directory that holds it."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any, cast

from maplet.core.tree import leaves
from maplet.errors import CheckpointError, SettingError, ShapeError
from maplet.health.lint.finding import Finding
from maplet.messages import shown
from maplet.nn.architecture import build, describe
from maplet.nn.module import Module
from maplet.ops.slicing import concat
from maplet.train.inputs import as_inputs, compute_dtype, rows_of
from maplet.train.storage import as_directory, damaged, exists, read_directory, read_file, write_directory
from maplet.transforms.blas import one_blas_thread
from maplet.transforms.watch_statistics import groups

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from maplet.core.array import Array
    from maplet.health.doctor import Diagnosis
    from maplet.health.doctor.recorded import Failure, Given
    from maplet.optim import Optimizer

logger = logging.getLogger("maplet")

predict_batch = 1024  # samples that predict and evaluate push through the network at once


class Run:
    """What `fit` returns, what callbacks see, and what `load` reads.

    Attributes
    ----------
    net, optimizer
        The network and what trains it (None after `load` of a model alone).
    history
        One record per finished epoch: ``epoch``, ``loss``, ``val_loss``, metrics, ``learning_rate``, ``seconds``.
    record
        The record of the current epoch.
    epoch, step
        The current epoch, counted from 1, and how many of its steps are done.
    loss
        The loss of the last batch.
    planned
        How many epochs `fit` was asked for; 0 of a loaded run.
    restores_best
        Whether a callback goes back to the weights of the best epoch at the end.
    best_epoch
        The epoch whose weights were restored; None where the last ones were kept.
    stop_reason
        Why training ended before its time; empty if it did not.
    directory
        Where all of it is kept, or None.
    start
        The id of the call of `fit` that writes into the directory; empty where there is none.
    watched
        A record per step that was watched: ``epoch``, ``step`` (both as above), ``loss``, and what
        `maplet.transforms.watch_statistics.readable` describes.
    findings
        What the lint had to say before the first step.
    linted
        Whether it looked.
    diagnoses
        What the doctor had to say during training, if he was asked to look.
    given
        What `fit` was given to learn from, as long as the run is in memory; None of a loaded run.
    failure
        What ended a run whose loss or weights became NaN or infinite.
    attachments
        JSON documents by name that are saved with the model, such as how its inputs were prepared.
    """

    def __init__(self, net: Module, optimizer: Optimizer | None = None, directory: Path | None = None) -> None:
        self.net = net
        self.optimizer = optimizer
        self.directory = directory
        self.history: list[dict[str, Any]] = []
        self.record: dict[str, Any] = {}
        self.epoch = 0
        self.step = 0
        self.loss = float("nan")
        self.planned = 0
        self.restores_best = False
        self.best_epoch: int | None = None
        self.stop_reason = ""
        self.watched: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        self.linted = False
        self.diagnoses: list[Diagnosis] = []
        self.attachments: dict[str, Any] = {}
        self.given: Given | None = None
        self.failure: Failure | None = None
        self.start = ""

    def __repr__(self) -> str:
        last = f", last {self.history[-1]}" if self.history else ""
        return f"Run({len(self.history)} epochs{last}{f', stopped: {self.stop_reason}' if self.stop_reason else ''})"

    def stop(self, reason: str) -> None:
        """End training after this epoch or step; the reason is kept, and is not empty."""
        if not isinstance(cast("Any", reason), str) or not reason:
            raise SettingError(
                f"stop: reason={shown(reason)}: expected words", fix='run.stop("the loss is low enough")'
            )
        self.stop_reason = reason

    # ── the network ──────────────────────────────────────────────────────────────────────────────

    def predict(self, x: Any) -> Array:
        """The network's output for new inputs, in evaluation mode (no dropout), batch by batch.

        That is what the last layer gives: for a network trained with `nn.cross_entropy` the logits, whose `mp.softmax`
        are probabilities and whose `mp.argmax` over the last axis is the class.

        Parameters
        ----------
        x
            Arrays like those it was fitted to; floating ones are converted to the network's dtype.
        """
        inputs = as_inputs(x, compute_dtype(self.net), "x")
        return predict(self.net, inputs)

    def weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """Every array of the network, by name."""
        return {name: leaf.numpy() for name, leaf in leaves(self.net).items()}  # values are immutable: no copy is due

    def load_weights(self, weights: dict[str, np.ndarray[Any, Any]]) -> None:
        """Put arrays into the network."""
        self.net.load_state(weights)

    # ── files ────────────────────────────────────────────────────────────────────────────────────

    def save_model(self, path: str | Path) -> None:
        """Write the network, its architecture and weights, and how it came to be, into a directory of its own."""
        course = {"best_epoch": self.best_epoch, "stop_reason": self.stop_reason, "findings": kept_findings(self)}
        save(self.net, path, {**self.attachments, "course": course})


def predict(net: Module, inputs: Any) -> Array:
    """Push inputs through a network in evaluation mode, and leave its mode as it was."""
    count = next(iter(leaves(inputs).values())).shape[0]
    modes = [(module, module.training) for module in net.modules().values()]
    net.eval()
    try:
        with one_blas_thread():
            pieces = [
                net(rows_of(inputs, slice(at, at + predict_batch))) for at in range(0, max(count, 1), predict_batch)
            ]
    finally:
        for module, training in modes:
            module.training = training
    return concat(pieces, axis=0)


def save(net: Module, path: str | Path, attachments: dict[str, Any] | None = None) -> None:
    """Write a network into a directory: ``model.json`` says what it is, ``weights.safetensors`` holds its arrays.

    A network of your own class is saved too; `load` then needs an instance of it, ``mp.load(path, net=MyNet(...))``.

    Parameters
    ----------
    net
        The network.
    path
        A directory that is not there yet, or holds a model that was saved before.
    attachments
        Further JSON documents by name; `load` gives them back as ``run.attachments``.

    Raises
    ------
    CheckpointError
        If the directory cannot be written, or holds something else.
    """
    place = as_directory("save: path", path)
    if not isinstance(cast("Any", net), Module):
        raise SettingError(f"save: what is saved is a network, given {shown(net)}", fix="mp.save(net, path)")
    arrays = {name: leaf.numpy() for name, leaf in leaves(net).items()}
    write_directory(place, {**(attachments or {}), "model": architecture(net)}, {"weights": arrays})


def architecture(net: Module) -> dict[str, Any]:
    """What `load` can build the network from; of a class of one's own, only its name."""
    try:
        return describe(net)
    except CheckpointError as error:
        return {"cannot be built": error.message}


def load(path: str | Path, net: Module | None = None) -> Run:
    """Read a run directory, or a model that `save` wrote.

    Parameters
    ----------
    path
        The directory.
    net
        An instance of your own class to load into; networks of built-in layers are built from the file.

    Raises
    ------
    CheckpointError
        If the files are missing, damaged or of another version, or do not fit ``net``.
    """
    path = as_directory("load: path", path)
    if not (net is None or isinstance(cast("Any", net), Module)):
        fix = "an instance of your own class: mp.load(path, net=MyNet(...)); without net= for built-in layers"
        raise SettingError(f"load: net is {shown(net)}, not a network", fix=fix)
    if not path.is_dir():
        raise CheckpointError(f"{path} is not a directory", fix="give the run directory, such as runs/digits")
    whole_run = exists(path / "model")
    if not whole_run and (path / "failure.json").is_file():
        raise CheckpointError(
            f"{path} ended in NaN or infinity, so it holds no finished model",
            fix=f"maplet doctor {path} says why; start anew with existing='overwrite' (--overwrite)",
        )
    if not whole_run and exists(path / "checkpoint"):
        raise CheckpointError(
            f"{path} is not finished yet", fix="go on with it: the same call with existing='resume' (--resume)"
        )
    documents, arrays = read_directory(path / "model" if whole_run else path)
    if "model" not in documents or "weights" not in arrays:
        raise CheckpointError(f"{path} holds no model", fix="an unfinished run is continued with existing='resume'")
    net = built(documents["model"], path) if net is None else net
    try:
        net.load_state(arrays["weights"])
    except ShapeError as error:
        raise CheckpointError(f"the weights in {path} do not fit: {error.message}", fix=error.fix) from error
    net.eval()
    run = Run(net, directory=path if whole_run else None)
    run.attachments = {name: content for name, content in documents.items() if name not in ("model", "course")}
    _take_up_course(run, documents.get("course"), path)
    if whole_run and (path / "history.jsonl").exists():
        run.history = read_history(path / "history.jsonl")
        run.epoch = len(run.history)
    if whole_run and (path / "watch.jsonl").exists():
        run.watched = read_history(path / "watch.jsonl")
    return run


def kept_findings(run: Run) -> list[dict[str, Any]] | None:
    """What the lint had to say, as it is kept; None if it did not look."""
    return [finding.to_dict() for finding in run.findings] if run.linted else None


def take_up_findings(run: Run, kept: dict[str, Any]) -> None:
    """What `kept_findings` gave, out of the document in which it is kept."""
    found = kept.get("findings")
    run.linted = found is not None
    run.findings = [Finding.from_dict(one) for one in found or ()]


def _take_up_course(run: Run, course: Any, path: Path) -> None:
    """How the model came to be, if its directory says so: those of earlier versions do not."""
    if course is None:
        return
    try:
        best, reason = course["best_epoch"], str(course["stop_reason"])
        run.best_epoch, run.stop_reason = None if best is None else int(best), reason
        take_up_findings(run, course)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path / "model" / "course.json", repr(error)) from error


def built(description: Any, path: Path) -> Module:
    """The network that a file in a directory describes, with arrays that are still to be loaded."""
    if not isinstance(description, dict):
        raise damaged(path / "model.json", "it holds no description of a network")
    if "cannot be built" in description:
        raise CheckpointError(
            f"{path}: {description['cannot be built']}",
            fix="make the network and load into it: mp.load(path, net=MyNet(...))",
        )
    return build(cast("dict[str, Any]", description), initialize=False)


def read_history(path: Path) -> list[dict[str, Any]]:
    """The records that are written down; a last line that a kill cut short is left out."""
    records: list[dict[str, Any]] = []
    for line in read_file(path).splitlines():
        try:
            record = restored(json.loads(line))
            is_whole = math.isfinite(record["epoch"]) and holds_numbers(record)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            record, is_whole = {}, False
        if not is_whole:
            logger.warning("%s: line %d is damaged; it and what follows is left out", path, len(records) + 1)
            break
        records.append(record)
    return records


def holds_numbers(record: Mapping[str, Any]) -> bool:
    """Whether all values of a record are numbers, and those of the groups of a watched step records of such."""
    return all(
        all(map(holds_numbers, cast("dict[str, Any]", value).values()))
        if name in groups
        else isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)
        for name, value in record.items()
    )


def restored(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it was: JSON has no NaN, so it holds null instead."""
    return {
        name: restored(cast("dict[str, Any]", value))
        if isinstance(value, dict)
        else math.nan
        if value is None
        else value
        for name, value in record.items()
    }
