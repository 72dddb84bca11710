"""fit: gradient descent on mini-batches, iterated over the data until it is told to stop."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.tree import leaves
from maplet.data import batch_slices, permutation
from maplet.data.suggest import suggest
from maplet.errors import CheckpointError, NonFiniteError, SettingError
from maplet.nn.losses import losses
from maplet.optim import Optimizer
from maplet.train.inputs import Samples, as_samples, compute_dtype
from maplet.train.metrics import as_metrics
from maplet.train.progress import Progress
from maplet.train.run import Run, architecture, predict, predict_batch
from maplet.train.run_directory import Existing, RunDirectory
from maplet.train.threads import one_blas_thread
from maplet.transforms.derivatives import value_and_grad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Self

    from maplet.core.array import Array
    from maplet.nn import Module
    from maplet.train.callbacks import Callback

logger = logging.getLogger("maplet")

seconds_between_checkpoints = 20.0
interrupted = "interrupted"  # the reason to stop that a resumed run forgets


def fit(
    net: Module,
    data: Any,
    *,
    loss: str | Callable[..., Array],
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int = 32,
    validation: Any = None,
    metrics: Sequence[str | Callable[..., float]] = (),
    callbacks: Sequence[Callback] = (),
    seed: int = 0,
    directory: str | Path | None = None,
    existing: Existing = "error",
    progress: bool = True,
) -> Run:
    """Train a network.

    Parameters
    ----------
    net
        The network; it is changed in place.
    data
        ``(x, y)`` or ``(x, y, weights)``: arrays (or trees of them) whose first axis counts the samples. Floating data
        is converted to the network's dtype, which is logged.
    loss
        ``loss(prediction, target) → number``, such as `nn.cross_entropy`, or its name.
    optimizer
        What moves the parameters, such as ``optim.Adam(1e-3)``.
    epochs, batch_size
        How often the data is gone through, and how many samples make a step: 1 is stochastic, all of them is batch
        gradient descent. The last batch of an epoch may be short; it counts with its true weight.
    validation
        Data of the same form that is looked at after each epoch and never trained on.
    metrics
        Names (``"accuracy"``) or functions ``(prediction, target) → number``; measured on the validation data
        (``val_accuracy``), or on the training data where there is none.
    callbacks
        Such as `EarlyStopping`.
    seed
        Decides the order of the samples, by (seed, epoch) alone, and the masks of dropout.
    directory, existing
        Where the run is kept. If it is there already: ``"error"``, ``"resume"`` (to the same bits as if it had not
        been interrupted), or ``"overwrite"``.
    progress
        Whether to show a progress bar (one line per epoch where the output is no terminal).

    Returns
    -------
    Run
        With ``history``, ``predict`` and the network. Ctrl-C ends training after the current step and returns it too.

    Raises
    ------
    NonFiniteError
        If the loss or a weight becomes NaN or infinite; the last good checkpoint is kept.
    SettingError, DataError, ShapeError
        For settings and data that cannot be trained with.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn, optim
    >>> x = mp.asarray([[0.0], [1.0], [2.0], [3.0]])
    >>> run = mp.fit(nn.Linear(1, 1), (x, 2 * x + 1), loss="mse", optimizer=optim.SGD(0.1), epochs=100, progress=False)
    >>> [round(v, 2) for v in run.predict([[4.0]]).numpy()[0].tolist()]
    [9.0]
    """
    _check_settings(epochs, batch_size, seed)
    if not isinstance(optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]  (users are not type-checked)
        shown = optimizer.__name__ if isinstance(optimizer, type) else repr(optimizer)
        raise SettingError(f"optimizer= is {shown}, not an optimizer", fix="make one: optimizer=optim.Adam(1e-3)")
    training = Training(
        net, as_samples(data, compute_dtype(net), "training"), loss, optimizer, batch_size=batch_size, seed=seed
    )
    training.validation = None if validation is None else as_samples(validation, compute_dtype(net), "validation")
    training.metrics = as_metrics(metrics)
    training.callbacks = list(callbacks)
    if directory is not None:
        training.keep_in(RunDirectory(Path(directory)), existing, epochs)
    with one_blas_thread(), Progress(enabled=progress) as display:
        training.train(epochs, display)
    return training.run


def _check_settings(epochs: int, batch_size: int, seed: int) -> None:
    for name, value, least in (("epochs", epochs, 1), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise SettingError(f"{name} is a whole number ≥ {least}, not {value!r}")


class Training:
    """One run of `fit`: the data, the loop over it, and what must survive a kill."""

    def __init__(
        self,
        net: Module,
        samples: Samples,
        loss: str | Callable[..., Array],
        optimizer: Optimizer,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        self.run = Run(net, optimizer)
        self.net = net
        self.samples = samples
        self.loss = _loss_named(loss) if isinstance(loss, str) else loss
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.seed = seed
        self.validation: Samples | None = None
        self.metrics: dict[str, Callable[..., float]] = {}
        self.callbacks: list[Callback] = []
        self.directory: RunDirectory | None = None
        self.total = self.total_weight = self.seconds = 0.0  # of the epoch so far
        self.resumed = False
        self.saved_at = time.monotonic()
        net.reseed(seed)
        if optimizer.state is None:
            optimizer.init(net)

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────

    def train(self, epochs: int, display: Progress) -> None:
        """Go on from where the run stands until all epochs are done, or something says stop."""
        run = self.run
        self._tell("on_start")
        if not run.history and not run.step:
            self._save()
        with Interruption() as interruption:
            steps = len(batch_slices(self.samples.count, self.batch_size))
            display.start(epochs, steps, len(run.history) + 1, run.step)
            while len(run.history) < epochs and not run.stop_reason:
                if not self._epoch(interruption, display):
                    run.stop(interrupted)
                    break
            self._save()
        self._tell("on_end")
        display.finish(run.stop_reason)
        self.net.eval()
        if run.directory is not None:
            run.save_model(run.directory / "model")

    def _epoch(self, interruption: Interruption, display: Progress) -> bool:
        """One pass over the data, from the step at which it stands; False if it was interrupted."""
        run = self.run
        run.epoch = len(run.history) + 1
        order = permutation(self.samples.count, self.seed, run.epoch)
        slices = batch_slices(self.samples.count, self.batch_size)
        began = time.monotonic() - self.seconds
        self.net.train()
        for part in slices[run.step :]:
            self._step(self.samples.rows(order[part]))
            run.step += 1
            self.seconds = time.monotonic() - began
            display.step(run.epoch, run.step, run.loss)
            self._tell("on_step")
            if interruption.asked or run.stop_reason:
                return not interruption.asked
            if time.monotonic() - self.saved_at > seconds_between_checkpoints:
                self._save()
        self._finish_epoch(time.monotonic() - began, display)
        return not interruption.asked

    def _step(self, batch: Samples) -> None:
        """The mapping that is iterated: θ ↦ θ − α ∇J(θ)."""

        def objective(net: Module) -> Any:
            return self._objective(net(batch.x), batch)

        loss, gradients = value_and_grad(objective)(self.net)
        self.run.loss = loss.item()
        if not math.isfinite(self.run.loss):
            self._fail(f"the loss is {self.run.loss} in epoch {self.run.epoch}, step {self.run.step + 1}")
        self.optimizer.update(self.net, gradients)
        weight = _weight(batch)
        self.total += self.run.loss * weight
        self.total_weight += weight

    def _objective(self, prediction: Any, batch: Samples) -> Any:
        if batch.weights is None:
            return self.loss(prediction, batch.y)
        return self.loss(prediction, batch.y, weights=batch.weights)

    def _finish_epoch(self, seconds: float, display: Progress) -> None:
        run = self.run
        run.record = {"epoch": run.epoch, "loss": self.total / self.total_weight, **self._measure()}
        run.record["learning_rate"] = self.optimizer.current_learning_rate()
        self.optimizer.observe(run.record.get("val_loss", run.record["loss"]))
        run.record["seconds"] = round(seconds, 3)
        self._tell("on_epoch_end")
        run.history.append(run.record)
        run.step, self.total, self.total_weight, self.seconds = 0, 0.0, 0.0, 0.0
        if self.directory is not None:
            self.directory.append_history(run.record)
        self._save()
        display.epoch_end(run.record)

    def _measure(self) -> dict[str, float]:
        """Loss and metrics on the validation data; where there is none, the metrics on the training data."""
        found: dict[str, float] = {}
        samples, prefix = (self.samples, "") if self.validation is None else (self.validation, "val_")
        if not self.metrics and self.validation is None:
            return found
        prediction = predict(self.net, samples.x)
        if self.validation is not None:
            found["val_loss"] = self._mean_loss(prediction, samples)
        for name, metric in self.metrics.items():
            found[prefix + name] = float(metric(prediction.numpy(), samples.y.numpy()))
        return found

    def _mean_loss(self, prediction: Array, samples: Samples) -> float:
        """Added up over parts, each with its weight, so that memory stays bounded."""
        total = weights = 0.0
        for at in range(0, samples.count, predict_batch):
            part = samples.rows(slice(at, at + predict_batch))
            weight = _weight(part)
            total += self._objective(prediction[at : at + predict_batch], part).item() * weight
            weights += weight
        return total / weights

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self.run)

    def _fail(self, what: str) -> None:
        kept = f"; the last good checkpoint is kept in {self.directory.checkpoint_path}" if self.directory else ""
        raise NonFiniteError(
            what + kept,
            fix="lower the learning rate, clip the gradient (clip_norm=1.0), standardise the inputs, "
            "or look for log, sqrt or division of values that reach 0",
        )

    # ── what must survive ────────────────────────────────────────────────────────────────────────

    def keep_in(self, directory: RunDirectory, existing: Existing, epochs: int) -> None:
        """Write the run into a directory, or go on with what is there."""
        settings = {
            "network": architecture(self.net),
            "loss": getattr(self.loss, "__name__", type(self.loss).__name__),
            "optimizer": self.optimizer.describe(),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "metrics": list(self.metrics),
            "data": {
                "samples": self.samples.count,
                "input_shape": self.samples.input_shape(),
                "sha256": self.samples.fingerprint(),
            },
            "epochs": epochs,
        }
        resumable = directory.open(existing)
        if existing == "resume" and not resumable:
            logger.warning("there is nothing in %s to resume; training starts anew", directory.path)
        self.directory, self.run.directory = directory, directory.path
        if (directory.path / "config.json").exists():
            directory.check_config(settings)
        else:
            directory.write_config(settings)
        if resumable:
            self._resume()

    def _save(self) -> None:
        if self.directory is None:
            return
        run = self.run
        for name, value in run.weights().items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                self._fail(f"the weight {name} became NaN or infinite in epoch {run.epoch}, before step {run.step + 1}")
        state = {
            "history": run.history,
            "stop_reason": run.stop_reason,
            "step": run.step,
            "total": self.total,
            "total_weight": self.total_weight,
            "seconds": self.seconds,
            "optimizer": self.optimizer.state_dict(),
            "callbacks": [callback.state() for callback in self.callbacks],
        }
        arrays = {
            "network": run.weights(),
            "optimizer": {n: leaf.numpy() for n, leaf in leaves(self.optimizer).items()},
        }
        arrays |= {f"callback-{n}": callback.arrays() for n, callback in enumerate(self.callbacks)}
        self.directory.save_checkpoint(state, arrays)
        self.saved_at = time.monotonic()

    def _resume(self) -> None:
        """Take up everything that decides what comes next."""
        assert self.directory is not None  # noqa: S101  (called by keep_in)
        state, arrays = self.directory.load_checkpoint()
        if len(state["callbacks"]) != len(self.callbacks):
            raise CheckpointError(
                f"the run was begun with {len(state['callbacks'])} callbacks, now there are {len(self.callbacks)}"
            )
        run = self.run
        run.history, run.step, run.epoch = state["history"], state["step"], len(state["history"])
        run.stop_reason = "" if state["stop_reason"] == interrupted else state["stop_reason"]
        self.total, self.total_weight, self.seconds = state["total"], state["total_weight"], state["seconds"]
        run.load_weights(arrays["network"])
        self.optimizer.load_state_dict(state["optimizer"], arrays["optimizer"])
        for n, (callback, saved) in enumerate(zip(self.callbacks, state["callbacks"], strict=True)):
            callback.load(saved, arrays[f"callback-{n}"])
        self.directory.cut_history(run.history)


def _loss_named(name: str) -> Callable[..., Array]:
    if name not in losses:
        raise SettingError(f"there is no loss {name!r}", fix=suggest(name, losses, kind="losses"))
    return losses[name]


def _weight(batch: Samples) -> float:
    """What a batch counts: its number of samples, or the sum of their weights."""
    return float(batch.count) if batch.weights is None else float(batch.weights.numpy().sum(dtype=np.float64))


class Interruption:
    """Ctrl-C as a question that the loop answers between two steps; a second one interrupts at once."""

    def __init__(self) -> None:
        self.asked = False
        self.before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
