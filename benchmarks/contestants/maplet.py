"""maplet, as a user writes it: a step that is compiled, a scan over steps that is compiled."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import maplet as mp
from benchmarks import data
from benchmarks.contestants import maplet_networks
from benchmarks.contestants.runner import Runner
from benchmarks.workloads import BATCHES, Convolution, Epoch, Learning, Product, Rows, Training, Update
from maplet import nn, optim

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.data import Named
    from benchmarks.workloads import Network, Workload


def prepare(workload: Workload, threads: int, variant: str) -> Runner:  # noqa: ARG001, PLR0911  (the signature of all; a line for each kind)
    """Variants: step; scan. The number of threads is set by the environment, ``MAPLET_THREADS``."""
    match workload:
        case Training():
            return Scan(workload) if variant == "scan" else Steps(workload)
        case Epoch():
            return ScannedEpoch(workload) if variant == "scan" else WholeEpoch(workload)
        case Learning():
            return maplet_networks.Steps(workload)
        case Rows():
            return row_wise(workload)
        case Update():
            return Adam(workload)
        case Product():
            return multiplication(workload)
        case Convolution():
            return convolution(workload)


# ── training ─────────────────────────────────────────────────────────────────────────────────────


def step(net: Any, optimizer: Any, x: Any, y: Any) -> Any:
    """One step of training; the loss."""
    loss, gradients = mp.value_and_grad(lambda net: nn.cross_entropy(net(x), y))(net)
    optimizer.update(net, gradients)
    return loss


class Model(Runner):
    """A network and its optimizer."""

    def __init__(self, network: Network) -> None:
        layers: list[Any] = []
        for inputs, outputs in pairwise(network.sizes):
            layers += [nn.Linear(inputs, outputs), nn.Tanh() if network.activation == "tanh" else nn.ReLU()]
        self.net, last = nn.Sequential(*layers[:-1]), len(network.sizes) - 1
        self.initial = data.weights(network)
        self.names = {
            f"{kind}{n}": f"layers.{2 * n}.{kind}" for n in range(last) for kind in ("weight", "bias")
        }  # ours → maplet's: every second layer is an activation
        kind = optim.Adam if network.optimizer == "adam" else optim.SGD
        self.optimizer = kind(network.learning_rate)
        self.reset()

    def reset(self) -> None:
        """The initial weights, and an optimizer that has seen nothing."""
        self.net.load_state({theirs: self.initial[ours] for ours, theirs in self.names.items()})
        self.optimizer.init(self.net)

    def result(self) -> Named:
        """The weights."""
        state = self.net.state()
        return {ours: np.asarray(state[theirs]) for ours, theirs in self.names.items()}


class Steps(Model):
    """Training on batches that lie ready as arrays of maplet, step by step."""

    def __init__(self, workload: Training) -> None:
        super().__init__(workload.network)
        x, y = data.batches(workload)
        self.batches = [(mp.asarray(rows), mp.asarray(labels)) for rows, labels in zip(x, y, strict=True)]
        self.step = mp.jit(step)

    def run(self, units: int) -> None:
        """One step after another."""
        go, net, optimizer, batches = self.step, self.net, self.optimizer, self.batches
        for unit in range(units):
            go(net, optimizer, *batches[unit % BATCHES])


class Scan(Model):
    """The same, all batches in one call."""

    grain = BATCHES

    def __init__(self, workload: Training) -> None:
        super().__init__(workload.network)
        x, y = data.batches(workload)
        self.x, self.y = mp.asarray(x), mp.asarray(y)

        @mp.jit
        def steps(net: Any, optimizer: Any, x: Any, y: Any) -> Any:
            return mp.scan(lambda carry, batch: (carry, step(net, optimizer, *batch)), None, (x, y))[1]

        self.steps = steps

    def run(self, units: int) -> None:
        """Rounds of 50 steps, and what is left over."""
        for _ in range(units // BATCHES):
            self.steps(self.net, self.optimizer, self.x, self.y)
        if rest := units % BATCHES:
            self.steps(self.net, self.optimizer, self.x[:rest], self.y[:rest])


class WholeEpoch(Model):
    """Epochs over images in maplet's memory; each step gathers its rows itself."""

    def __init__(self, workload: Epoch) -> None:
        super().__init__(workload.network)
        self.batch, self.generator = workload.batch, np.random.default_rng(0)
        images, labels = data.digits(workload.images)
        self.x, self.y = mp.asarray(images), mp.asarray(labels)

        @mp.jit
        def gather_and_step(net: Any, optimizer: Any, x: Any, y: Any, index: Any) -> Any:
            return step(net, optimizer, mp.take(x, index, axis=0), mp.take(y, index, axis=0))

        self.gather_and_step = gather_and_step

    def epoch(self, order: Any) -> None:
        """One pass in this order."""
        for start in range(0, len(order), self.batch):
            self.gather_and_step(self.net, self.optimizer, self.x, self.y, order[start : start + self.batch])

    def run(self, units: int) -> None:
        """So many epochs, each shuffled."""
        for _ in range(units):
            self.epoch(self.generator.permutation(len(self.x)))

    def rehearse(self, units: int) -> None:
        """So many steps, in the order of the images."""
        self.reset()
        self.epoch(np.arange(units * self.batch))


class ScannedEpoch(WholeEpoch):
    """All full batches of an epoch in one call, and one step for what is left over."""

    def __init__(self, workload: Epoch) -> None:
        super().__init__(workload)

        @mp.jit
        def steps(net: Any, optimizer: Any, x: Any, y: Any, order: Any) -> Any:
            def one(carry: Any, index: Any) -> Any:
                return carry, step(net, optimizer, mp.take(x, index, axis=0), mp.take(y, index, axis=0))

            return mp.scan(one, None, order)[1]

        self.steps = steps

    def epoch(self, order: Any) -> None:
        """One pass in this order."""
        full = len(order) // self.batch * self.batch
        self.steps(self.net, self.optimizer, self.x, self.y, order[:full].reshape(-1, self.batch))
        if full < len(order):
            self.gather_and_step(self.net, self.optimizer, self.x, self.y, order[full:])


class Adam(Runner):
    """The update alone."""

    def __init__(self, workload: Update) -> None:
        self.initial, gradients = data.update(workload)
        self.gradients = {name: mp.asarray(array) for name, array in gradients.items()}
        self.parameters = {name: mp.asarray(array) for name, array in self.initial.items()}
        self.optimizer = optim.Adam(workload.learning_rate)

        @mp.jit
        def update(parameters: Any, optimizer: Any, gradients: Any) -> None:
            optimizer.update(parameters, gradients)

        self.update = update
        self.reset()

    def reset(self) -> None:
        """The initial parameters and no moments."""
        for name, parameter in self.parameters.items():
            parameter[...] = self.initial[name]
        self.optimizer.init(self.parameters)

    def run(self, units: int) -> None:
        """One update after another, by the same gradients."""
        for _ in range(units):
            self.update(self.parameters, self.optimizer, self.gradients)

    def result(self) -> Named:
        """The parameters."""
        return {name: np.asarray(parameter) for name, parameter in self.parameters.items()}


# ── without state ────────────────────────────────────────────────────────────────────────────────


class Stateless(Runner):
    """The same computation again and again."""

    def __init__(self, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.compute, self.arguments = mp.jit(compute), [mp.asarray(array) for array in arguments]
        self.last: dict[str, Any] = {}

    def reset(self) -> None:
        """Nothing is kept."""

    def run(self, units: int) -> None:
        """One after another."""
        for _ in range(units):
            self.last = self.compute(*self.arguments)

    def result(self) -> Named:
        """Those of the last."""
        return {name: np.asarray(array) for name, array in self.last.items()}


def row_wise(workload: Rows) -> Runner:
    """Layer norm, gelu, cross-entropy, and the three gradients."""

    def loss(x: Any, gamma: Any, beta: Any, labels: Any) -> Any:
        mean, variance = mp.mean(x, axis=-1, keepdims=True), mp.var(x, axis=-1, keepdims=True)
        return nn.cross_entropy(mp.gelu((x - mean) * mp.rsqrt(variance + 1e-5) * gamma + beta), labels)

    def compute(x: Any, gamma: Any, beta: Any, labels: Any) -> Any:
        value, gradients = mp.value_and_grad(loss, argnums=(0, 1, 2))(x, gamma, beta, labels)
        return {"loss": value, "x": gradients[0], "gamma": gradients[1], "beta": gradients[2]}

    return Stateless(compute, data.rows(workload))


def multiplication(workload: Product) -> Runner:
    """One product; a transpose inside jit is a way of reading."""

    def compute(first: Any, second: Any) -> Any:
        x = first.T if workload.turned == "first" else first
        return {"product": x @ (second.T if workload.turned == "second" else second)}

    return Stateless(compute, data.product(workload))


def convolution(workload: Convolution) -> Runner:
    """One convolution, and its two gradients where they are asked."""

    def convolve(images: Any, weights: Any, cotangent: Any) -> Any:
        found, pullback = mp.vjp(lambda images, weights: mp.conv(images, weights, padding=1), images, weights)
        if not workload.gradients:
            return {"y": found}
        gradients = pullback(cotangent)
        return {"y": found, "images": gradients[0], "weights": gradients[1]}

    return Stateless(convolve, data.convolution(workload))
