"""Training as `mp.fit` does it: one compiled scan over steps, each of which gathers its own rows.

The steps are those of `maplet.train.stepping`, without the callbacks and records around them. Beside the plain scan is
one in which every tenth step is watched, as by ``fit(watch=10)``: what that costs is the ratio of the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import maplet as mp
from benchmarks import data
from benchmarks.contestants import maplet, maplet_networks
from benchmarks.contestants.runner import Runner
from benchmarks.workloads import BATCHES, Learning, Training
from maplet import nn
from maplet.train.inputs import Samples
from maplet.train.stepping import Stepping

if TYPE_CHECKING:
    from benchmarks.data import Named
    from benchmarks.workloads import Workload

EVERY = 10
"""One step in so many is watched."""


def prepare(workload: Workload, threads: int, variant: str) -> Runner:  # noqa: ARG001  (the signature of all)
    """Variants: plain; watched. The number of threads is set by the environment, ``MAPLET_THREADS``."""
    match workload:
        case Training():
            return Fit(maplet.Steps(workload), *data.batches(workload), nn.cross_entropy, watched=variant == "watched")
        case Learning():
            x, y = (np.stack(parts) for parts in zip(*data.learning(workload), strict=True))
            loss = maplet_networks.loss_for(workload)
            return Fit(maplet_networks.Steps(workload), x, y, loss, watched=variant == "watched")
        case _:
            raise TypeError(f"no training: {workload.name}")


class Fit(Runner):
    """Training on samples that lie in memory, in the order of the batches."""

    def __init__(self, model: Any, x: Any, y: Any, loss: Any, *, watched: bool) -> None:
        self.model, self.watched = model, watched
        count, batch = y.shape[:2]
        self.grain = 4 * BATCHES if count == BATCHES else EVERY  # steps in a scan: one length, which is compiled once
        inputs, targets = (mp.asarray(part.reshape(count * batch, *part.shape[2:])) for part in (x, y))
        self.samples = Samples(inputs, targets)
        self.batches = np.arange(count * batch).reshape(count, batch)
        self.stepping = Stepping(model.net, model.optimizer, loss)

    def reset(self) -> None:
        """The initial weights, and an optimizer that has seen nothing."""
        self.model.reset()

    def run(self, units: int) -> None:
        """One scan after another."""
        order = self.batches[np.arange(units) % len(self.batches)]
        for begin in range(0, units, self.grain):
            self._scan(order[begin : begin + self.grain])

    def _scan(self, order: Any) -> None:
        """All steps in one scan, or in one scan over groups of which the first step is watched; then what is left."""
        whole = len(order) // EVERY * EVERY if self.watched else 0
        if whole:
            groups = order[:whole].reshape(-1, EVERY, order.shape[-1])
            for _ in self.stepping.run_groups(self.samples, groups) or ():
                pass
        for _ in self.stepping.run_many(self.samples, order[whole:]) or ():
            pass

    def result(self) -> Named:
        """The weights."""
        return self.model.result()
