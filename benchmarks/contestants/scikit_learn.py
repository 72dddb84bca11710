"""scikit-learn's multilayer perceptron, one `partial_fit` for a step or for an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks import data
from benchmarks.contestants.runner import Absent, Runner
from benchmarks.workloads import BATCHES, Epoch, Training

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.data import Named
    from benchmarks.workloads import Workload


def prepare(workload: Workload, threads: int, variant: str) -> Runner:  # noqa: ARG001  (the signature of all)
    """The number of threads is set by the environment: the work is done by NumPy's BLAS."""
    if not isinstance(workload, Training | Epoch):
        raise Absent("it is a perceptron, and has no such part to be called alone")
    if workload.network.sizes[-1] == 2:
        raise Absent("for two classes it has one logistic output, which is another network")
    return Perceptron(workload)


class Perceptron(Runner):
    """A classifier whose weights are set; `partial_fit` makes one pass over what it is given, in mini-batches."""

    def __init__(self, workload: Training | Epoch) -> None:
        network = workload.network
        self.initial, self.whole, self.batch = data.weights(network), isinstance(workload, Epoch), workload.batch
        options: dict[str, Any] = {"batch_size": workload.batch}
        if network.optimizer == "sgd":
            options |= {"momentum": 0.0, "nesterovs_momentum": False}
        self.model = MLPClassifier(
            network.sizes[1:-1], activation=network.activation, solver=network.optimizer, alpha=0.0,
            learning_rate_init=network.learning_rate, shuffle=self.whole, random_state=0,
            **options,
        )  # fmt: skip
        if isinstance(workload, Epoch):
            self.x, self.y = data.digits(workload.images)
            first = self.x[: self.batch], self.y[: self.batch]
        else:
            self.x, self.y = data.batches(workload)
            first = self.x[0], self.y[0]
        self.model.partial_fit(*first, classes=np.arange(network.sizes[-1]))  # which makes the arrays of weights
        self.reset()

    def reset(self) -> None:
        """The initial weights, and an optimizer that has seen nothing: without one, the next step makes it."""
        for n, (weight, bias) in enumerate(zip(self.model.coefs_, self.model.intercepts_, strict=True)):
            weight[...], bias[...] = self.initial[f"weight{n}"], self.initial[f"bias{n}"]
        vars(self.model).pop("_optimizer", None)

    def run(self, units: int) -> None:
        """One step, or one shuffled epoch, after another."""
        for unit in range(units):
            if self.whole:
                self.model.partial_fit(self.x, self.y)
            else:
                self.model.partial_fit(self.x[unit % BATCHES], self.y[unit % BATCHES])

    def rehearse(self, units: int) -> None:
        """So many steps; of an epoch in the order of the images."""
        self.reset()
        if not self.whole:
            self.run(units)
            return
        self.model.set_params(shuffle=False)
        rows = slice(units * self.batch)
        self.model.partial_fit(self.x[rows], self.y[rows])
        self.model.set_params(shuffle=True)

    def result(self) -> Named:
        """The weights."""
        found: dict[str, NDArray[Any]] = {}
        for n, (weight, bias) in enumerate(zip(self.model.coefs_, self.model.intercepts_, strict=True)):
            found[f"weight{n}"], found[f"bias{n}"] = weight, bias
        return found
