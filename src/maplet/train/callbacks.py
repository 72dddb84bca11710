"""What may happen during training besides training: early stopping, or anything of your own.

A learning rate that falls on a plateau is no callback but a schedule: ``optim.Adam(optim.ReduceOnPlateau(1e-3))``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from maplet.errors import SettingError
from maplet.messages import shown
from maplet.settings import flag, real, whole
from maplet.train.metrics import higher_is_better

if TYPE_CHECKING:
    import numpy as np

    from maplet.train.run import Run


class Callback:
    """Derive from it and override what you need; every method gets the `Run`.

    A callback may read ``run.net``, ``run.optimizer``, ``run.record`` (what is known of the current epoch) and
    ``run.history``, and end the training with ``run.stop("why")``.

    Examples
    --------
    >>> class Announce(Callback):
    ...     def on_epoch_end(self, run):
    ...         print(f"epoch {run.epoch}: {run.record['loss']:.3f}")
    """

    def on_start(self, run: Run) -> None:
        """Before the first step (also of a resumed run)."""

    def on_step(self, run: Run) -> None:
        """After each step; ``run.loss`` is the loss of its batch."""

    def on_epoch_end(self, run: Run) -> None:
        """After each epoch, when ``run.record`` is complete."""

    def on_end(self, run: Run) -> None:
        """After the last step, however training ended."""

    def state(self) -> dict[str, Any]:
        """What must survive a resume, as JSON values."""
        return {}

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Arrays that must survive a resume."""
        return {}

    def load(self, state: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> None:
        """Take up what `state` and `arrays` gave."""


class EarlyStopping(Callback):
    """Stop when a value has not improved for some epochs, and restore the weights of the best epoch.

    Parameters
    ----------
    patience
        How many epochs without improvement are borne.
    monitor
        A name in the epoch's record; by default ``val_loss`` where there is validation data, else ``loss``.
    min_delta
        The least change that counts as an improvement.
    higher_is_better
        Whether the value should grow (accuracy) or fall (loss); known by name for losses and maplet's own metrics.
    restore_best
        Whether to go back to the weights of the best epoch at the end.

    Source: L. Prechelt, "Early stopping - but when?", 1998.

    Examples
    --------
    >>> EarlyStopping(patience=3).patience
    3
    """

    def __init__(
        self,
        patience: int = 5,
        *,
        monitor: str | None = None,
        min_delta: float = 0.0,
        higher_is_better: bool | None = None,
        restore_best: bool = True,
    ) -> None:
        if not (monitor is None or isinstance(cast("Any", monitor), str)):
            raise SettingError(
                f"EarlyStopping: monitor={shown(monitor)}: expected a name of the epoch's record",
                fix='monitor="val_loss"',
            )
        self.patience = whole("EarlyStopping: patience", patience, least=1)
        self.monitor = monitor
        self.min_delta = real("EarlyStopping: min_delta", min_delta, least=0)
        self.higher_is_better = (
            None if higher_is_better is None else flag("EarlyStopping: higher_is_better", higher_is_better)
        )
        self.restore_best = flag("EarlyStopping: restore_best", restore_best)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0
        self.weights: dict[str, np.ndarray[Any, Any]] = {}

    def on_start(self, run: Run) -> None:
        """A new run starts from nothing; a resumed one has loaded its state."""
        run.restores_best = self.restore_best
        if not run.history:
            self._forget()

    def on_epoch_end(self, run: Run) -> None:
        """Compare with the best epoch so far."""
        name = self.monitor or ("val_loss" if "val_loss" in run.record else "loss")
        if name not in run.record:
            raise SettingError(
                f"early stopping watches {name!r}, which the epoch's record does not have",
                fix=f"choose one of {', '.join(run.record)}, or give validation data",
            )
        value = float(run.record[name])
        sign = -1.0 if self._grows(name) else 1.0
        if not math.isnan(value) and (self.best is None or sign * value < sign * self.best - self.min_delta):
            self.best, self.best_epoch = value, run.epoch
            self.weights = run.weights() if self.restore_best else {}
        elif math.isnan(value):
            run.stop(f"{name} is not a number")
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop(
                f"{name} has not improved for {self.patience} epochs (best: {self.best:.6g} in epoch {self.best_epoch})"
            )

    def _grows(self, name: str) -> bool:
        grows = higher_is_better(name) if self.higher_is_better is None else self.higher_is_better
        if grows is None:
            raise SettingError(
                f"early stopping watches {name!r}, of which it is not known whether it should grow or fall",
                fix=f"EarlyStopping(monitor={name!r}, higher_is_better=True), or False",
            )
        return grows

    def on_end(self, run: Run) -> None:
        """Back to the best weights."""
        if self.weights:
            run.load_weights(self.weights)
            run.best_epoch = self.best_epoch

    def state(self) -> dict[str, Any]:
        """The best value and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The weights of the best epoch."""
        return dict(self.weights)

    def load(self, state: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> None:
        """Go on from a checkpoint."""
        self.best, self.best_epoch, self.weights = state["best"], state["best_epoch"], dict(arrays)


class Checkpoint(Callback):
    """Keep the model of every n-th epoch as ``models/epoch-0010`` in the run directory, to look back at.

    Resuming needs no callback: `fit` with a directory saves its own state all the time.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = whole("Checkpoint: every", every, least=1)

    def on_epoch_end(self, run: Run) -> None:
        """Save the model as it is now."""
        if run.directory is None:
            raise SettingError("the Checkpoint callback needs a run directory", fix="fit(..., directory='runs/name')")
        if run.epoch % self.every == 0:
            run.save_model(run.directory / "models" / f"epoch-{run.epoch:04d}")
