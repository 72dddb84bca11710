"""The course of a run as arrays: what the rules of the doctor look at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.doctor.answers import Answers, answers
from maplet.health.doctor.recorded import require_readable
from maplet.health.doctor.trial import Continuation
from maplet.health.doctor.yardstick import least_rows, left_out, most_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.health.doctor.answers import Numbers
    from maplet.health.doctor.recorded import Recorded

Series = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

enough = 8  # watched steps, below which nothing is said of them


class Course:
    """What was measured of a run, over its epochs and over its watched steps; and what can be asked of it.

    Parameters
    ----------
    run
        Its ``history`` has a record per epoch, its ``watched`` one per watched step.
    closely
        Whether the net is asked about its rows, and optimizer and net are tried.
    """

    def __init__(self, run: Recorded, *, closely: bool = True) -> None:
        require_readable(run)
        self.history, self.watched = run.history, run.watched
        self.keeps_best = run.best_epoch is not None or run.restores_best
        self.run, self.failure = run, run.failure
        self.given = run.given if closely and run.failure is None else None

    def epochs(self, name: str) -> Series:
        """A number of each epoch, such as ``val_loss``; empty where it was not measured."""
        return _series(self.history, name) if self.history and name in self.history[0] else np.zeros(0)

    def steps(self, name: str) -> Series:
        """A number of each watched step, such as ``gradient``."""
        return _series(self.watched, name)

    @cached_property
    def tells(self) -> bool:
        """Whether enough steps were watched."""
        return len(self.watched) >= enough

    @property
    def done(self) -> float:
        """The share of the epochs that is over: 1 of a run that has ended, or of which it is not known."""
        ended = bool(self.run.stop_reason) or self.failure is not None or not self.run.planned
        return 1.0 if ended else min(len(self.history) / self.run.planned, 1.0)

    @cached_property
    def layers(self) -> dict[str, dict[str, Series]]:
        """What was seen of each layer, in the order of the program: layer → quantity → its course."""
        return self._by_name("layers")

    @cached_property
    def weights(self) -> dict[str, dict[str, Series]]:
        """What was seen of the weights (parameters that are no bias and no scale of a normalization)."""
        known = self._by_name("parameters")
        return {name: seen for name, seen in known.items() if name.rpartition(".")[2].startswith(("weight", "w"))}

    @cached_property
    def loops(self) -> dict[str, dict[str, Series]]:
        """What was seen of the gradient along each loop over time: layer → first or last quarter → its course."""
        return self._by_name("loops")

    def _by_name(self, group: str) -> dict[str, dict[str, Series]]:
        if not self.watched:
            return {}
        names: Mapping[str, Mapping[str, float]] = self.watched[0].get(group, {})
        always = [name for name in names if all(name in record.get(group, {}) for record in self.watched)]
        return {
            name: {
                quantity: _series([record[group][name] for record in self.watched], quantity)
                for quantity in names[name]
            }
            for name in always
        }

    @cached_property
    def ratio(self) -> Series:
        """How long each watched update is, measured by the weights."""
        with np.errstate(all="ignore"):
            return self.steps("update") / self.steps("norm")

    @cached_property
    def training(self) -> Answers | None:
        """What the net answers to the rows that it was trained on."""
        return None if self.given is None else answers(self.run.predict, self.given.training, self.given.loss)

    @cached_property
    def validation(self) -> Answers | None:
        """What the net answers to the rows of the validation data."""
        return None if self.given is None else answers(self.run.predict, self.given.validation, self.given.loss)

    @cached_property
    def yardstick(self) -> tuple[Answers, Numbers] | None:
        """Some of the training rows, and what a simple method makes of them; see `maplet.health.doctor.yardstick`."""
        known = self.training
        if known is None or len(known.x) < least_rows:
            return None
        some = np.unique(np.linspace(0, len(known.x) - 1, min(len(known.x), most_rows)).astype(int))
        part = Answers(known.x[some], known.y[some], known.given[some])
        return part, left_out(part.x, part.targets, of_classes=part.of_classes)

    @cached_property
    def continuation(self) -> Continuation | None:
        """Copies of net and optimizer that can take further steps."""
        return Continuation.of(self.run, self.given)

    @cached_property
    def batch(self) -> int:
        """How many rows a step has; 0 where that is not known."""
        if self.run.given is not None:
            return self.run.given.batch_size
        rows = self.steps("rows")
        return int(rows[0]) if len(rows) and np.isfinite(rows[0]) else 0

    @property
    def rate(self) -> float:
        """The learning rate of the first epoch; NaN before its end."""
        return float(self.history[0].get("learning_rate", np.nan)) if self.history else float("nan")


def _series(records: Sequence[Mapping[str, Any]], name: str) -> Series:
    return np.array([float(record.get(name, np.nan)) for record in records])


def late(series: Series) -> float:
    """The median of the last quarter."""
    return float(np.median(series[-max(len(series) // 4, 1) :]))


def early(series: Series) -> float:
    """The median of the first quarter."""
    return float(np.median(series[: max(len(series) // 4, 1)]))
