"""The course of a run as arrays: what the rules of the doctor look at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Series = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

enough = 8  # watched steps, below which nothing is said of them


class Recorded(Protocol):
    """A run, as far as the doctor asks it."""

    history: list[dict[str, Any]]
    watched: list[dict[str, Any]]
    best_epoch: int | None


class Course:
    """What was measured of a run, over its epochs and over its watched steps.

    Parameters
    ----------
    run
        Its ``history`` has a record per epoch, its ``watched`` one per watched step.
    """

    def __init__(self, run: Recorded) -> None:
        self.history, self.watched = run.history, run.watched
        self.stopped_early = run.best_epoch is not None

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

    @cached_property
    def layers(self) -> dict[str, dict[str, Series]]:
        """What was seen of each layer, in the order of the program: layer → quantity → its course."""
        return self._by_name("layers")

    @cached_property
    def weights(self) -> dict[str, dict[str, Series]]:
        """What was seen of the weights (parameters that are no bias and no scale of a normalization)."""
        known = self._by_name("parameters")
        return {name: seen for name, seen in known.items() if name.rpartition(".")[2].startswith(("weight", "w"))}

    def _by_name(self, group: str) -> dict[str, dict[str, Series]]:
        if not self.watched:
            return {}
        names: Mapping[str, Mapping[str, float]] = self.watched[0][group]
        always = [name for name in names if all(name in record[group] for record in self.watched)]
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
