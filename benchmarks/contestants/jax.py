"""JAX, as its experts write it: pure functions under one jit, buffers donated, loops by lax.scan, optax's formulas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import data
from benchmarks.contestants import jax_networks
from benchmarks.contestants.runner import Runner
from benchmarks.workloads import BATCHES, Convolution, Epoch, Learning, Product, Rows, Training, Update

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.data import Named
    from benchmarks.workloads import Network, Workload

Tree = dict[str, jax.Array]
State = tuple[Any, ...]
"""The parameters; under Adam also first and second moments and the number of updates."""


def prepare(workload: Workload, threads: int, variant: str) -> Runner:  # noqa: ARG001, PLR0911  (the signature of all; a line for each kind)
    """Variants: step; scan; loader, with batches cut by NumPy. The number of threads is set by the environment."""
    match workload:
        case Training():
            return Scan(workload) if variant == "scan" else Steps(workload)
        case Epoch():
            return {"step": WholeEpoch, "scan": ScannedEpoch, "loader": LoadedEpoch}[variant](workload)
        case Learning():
            return jax_networks.Steps(workload)
        case Rows():
            return row_wise(workload)
        case Update():
            return Adam(workload)
        case Product():
            return multiplication(workload)
        case Convolution():
            return convolve(workload)


# ── training ─────────────────────────────────────────────────────────────────────────────────────


def begin(initial: Named, optimizer: str) -> State:
    """Fresh buffers, since the last were donated."""
    parameters = {name: jnp.array(array) for name, array in initial.items()}
    if optimizer == "sgd":
        return (jax.block_until_ready(parameters),)
    first, second = jax.tree.map(jnp.zeros_like, parameters), jax.tree.map(jnp.zeros_like, parameters)
    return jax.block_until_ready((parameters, first, second, jnp.zeros((), jnp.int32)))


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """As optax.softmax_cross_entropy_with_integer_labels."""
    chosen = jnp.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - chosen)


def adam(rate: float, state: State, gradients: Tree) -> State:
    """As optax.adam."""
    parameters, first, second, count = state
    count = count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, second, gradients)
    weight1, weight2 = 1 - 0.9 ** count.astype(jnp.float32), 1 - 0.999 ** count.astype(jnp.float32)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * (m / weight1) / (jnp.sqrt(v / weight2) + 1e-8), parameters, first, second
    )
    return parameters, first, second, count


def training_step(network: Network) -> Callable[[State, tuple[jax.Array, jax.Array]], tuple[State, jax.Array]]:
    """(state, batch) → (state, loss), not yet compiled."""
    last, act = len(network.sizes) - 2, jnp.tanh if network.activation == "tanh" else jax.nn.relu

    def loss(parameters: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
        for n in range(last):
            x = act(x @ parameters[f"weight{n}"] + parameters[f"bias{n}"])
        return cross_entropy(x @ parameters[f"weight{last}"] + parameters[f"bias{last}"], y)

    def step(state: State, batch: tuple[jax.Array, jax.Array]) -> tuple[State, jax.Array]:
        value, gradients = jax.value_and_grad(loss)(state[0], *batch)
        if network.optimizer == "adam":
            return adam(network.learning_rate, state, gradients), value
        return (jax.tree.map(lambda p, g: p - network.learning_rate * g, state[0], gradients),), value

    return step


class Model(Runner):
    """What all that train share: the state."""

    def __init__(self, network: Network) -> None:
        self.network, self.initial, self.raw_step = network, data.weights(network), training_step(network)
        self.step = jax.jit(self.raw_step, donate_argnums=0)
        self.reset()

    def reset(self) -> None:
        """The initial weights."""
        self.state = begin(self.initial, self.network.optimizer)

    def result(self) -> Named:
        """The weights."""
        return {name: np.asarray(array) for name, array in self.state[0].items()}


class Steps(Model):
    """Training on batches that lie ready as arrays of JAX, step by step."""

    def __init__(self, workload: Training) -> None:
        super().__init__(workload.network)
        x, y = data.batches(workload)
        self.batches = [(jnp.array(rows), jnp.array(labels)) for rows, labels in zip(x, y, strict=True)]

    def run(self, units: int) -> None:
        """One step after another; the next is sent off while one runs."""
        state, step, batches = self.state, self.step, self.batches
        for unit in range(units):
            state, _ = step(state, batches[unit % BATCHES])
        self.state = jax.block_until_ready(state)


class Scan(Model):
    """The same, all batches in one call."""

    grain = BATCHES

    def __init__(self, workload: Training) -> None:
        super().__init__(workload.network)
        self.batches = tuple(jnp.array(array) for array in data.batches(workload))
        self.scan = jax.jit(partial(lax.scan, self.raw_step), donate_argnums=0)

    def run(self, units: int) -> None:
        """Rounds of 50 steps, and what is left over."""
        for _ in range(units // BATCHES):
            self.state, _ = self.scan(self.state, self.batches)
        if rest := units % BATCHES:
            self.state, _ = self.scan(self.state, tuple(array[:rest] for array in self.batches))
        jax.block_until_ready(self.state)


class WholeEpoch(Model):
    """Epochs over images in JAX's memory; each step gathers its rows itself."""

    def __init__(self, workload: Epoch) -> None:
        super().__init__(workload.network)
        self.batch, self.generator = workload.batch, np.random.default_rng(0)
        images, labels = data.digits(workload.images)
        self.x, self.y = self.hold(images), self.hold(labels)

        def gather_and_step(state: State, x: jax.Array, y: jax.Array, index: jax.Array) -> tuple[State, jax.Array]:
            return self.raw_step(state, (x[index], y[index]))

        self.gather_and_step = jax.jit(gather_and_step, donate_argnums=0)

    def hold(self, array: Any) -> Any:
        """Where the images lie."""
        return jnp.array(array)

    def epoch(self, order: Any) -> None:
        """One pass in this order."""
        for start in range(0, len(order), self.batch):
            self.state, _ = self.gather_and_step(self.state, self.x, self.y, order[start : start + self.batch])

    def run(self, units: int) -> None:
        """So many epochs, each shuffled."""
        for _ in range(units):
            self.epoch(self.generator.permutation(len(self.x)).astype(np.int32))
        jax.block_until_ready(self.state)

    def rehearse(self, units: int) -> None:
        """So many steps, in the order of the images."""
        self.reset()
        self.epoch(np.arange(units * self.batch, dtype=np.int32))


class LoadedEpoch(WholeEpoch):
    """The images in NumPy's memory, each batch cut there and handed over."""

    def hold(self, array: Any) -> Any:
        """As they are."""
        return array

    def epoch(self, order: Any) -> None:
        """One pass in this order."""
        for start in range(0, len(order), self.batch):
            index = order[start : start + self.batch]
            self.state, _ = self.step(self.state, (self.x[index], self.y[index]))


class ScannedEpoch(WholeEpoch):
    """All full batches of an epoch in one call, and one step for what is left over."""

    def __init__(self, workload: Epoch) -> None:
        super().__init__(workload)

        def scan(state: State, x: jax.Array, y: jax.Array, order: jax.Array) -> tuple[State, jax.Array]:
            return lax.scan(lambda state, index: self.raw_step(state, (x[index], y[index])), state, order)

        self.scan = jax.jit(scan, donate_argnums=0)

    def epoch(self, order: Any) -> None:
        """One pass in this order."""
        full = len(order) // self.batch * self.batch
        self.state, _ = self.scan(self.state, self.x, self.y, order[:full].reshape(-1, self.batch))
        if full < len(order):
            self.state, _ = self.gather_and_step(self.state, self.x, self.y, order[full:])


class Adam(Runner):
    """The update alone, everything but the gradients donated."""

    def __init__(self, workload: Update) -> None:
        self.initial, gradients = data.update(workload)
        self.gradients = {name: jnp.array(array) for name, array in gradients.items()}
        self.update = jax.jit(partial(adam, workload.learning_rate), donate_argnums=0)
        self.reset()

    def reset(self) -> None:
        """The initial parameters and no moments."""
        self.state = begin(self.initial, "adam")

    def run(self, units: int) -> None:
        """One update after another, by the same gradients."""
        for _ in range(units):
            self.state = self.update(self.state, self.gradients)
        jax.block_until_ready(self.state)

    def result(self) -> Named:
        """The parameters."""
        return {name: np.asarray(array) for name, array in self.state[0].items()}


# ── without state ────────────────────────────────────────────────────────────────────────────────


class Stateless(Runner):
    """The same computation again and again, each waited for: JAX would run several at a time."""

    def __init__(self, compute: Callable[..., Tree], arguments: tuple[Any, ...]) -> None:
        self.compute, self.arguments = jax.jit(compute), tuple(jnp.array(array) for array in arguments)
        self.last: Tree = {}

    def reset(self) -> None:
        """Nothing is kept."""

    def run(self, units: int) -> None:
        """One after another."""
        for _ in range(units):
            self.last = jax.block_until_ready(self.compute(*self.arguments))

    def result(self) -> Named:
        """Those of the last."""
        return {name: np.asarray(array) for name, array in self.last.items()}


def row_wise(workload: Rows) -> Runner:
    """Layer norm, gelu, cross-entropy, and the three gradients."""

    def loss(x: jax.Array, gamma: jax.Array, beta: jax.Array, labels: jax.Array) -> jax.Array:
        mean, variance = jnp.mean(x, axis=-1, keepdims=True), jnp.var(x, axis=-1, keepdims=True)
        normal = (x - mean) * lax.rsqrt(variance + 1e-5)
        return cross_entropy(jax.nn.gelu(normal * gamma + beta, approximate=False), labels)

    def compute(x: jax.Array, gamma: jax.Array, beta: jax.Array, labels: jax.Array) -> Tree:
        value, gradients = jax.value_and_grad(loss, argnums=(0, 1, 2))(x, gamma, beta, labels)
        return {"loss": value, "x": gradients[0], "gamma": gradients[1], "beta": gradients[2]}

    return Stateless(compute, data.rows(workload))


def multiplication(workload: Product) -> Runner:
    """One product; a transpose inside jit is a way of reading."""

    def compute(first: jax.Array, second: jax.Array) -> Tree:
        x = first.T if workload.turned == "first" else first
        return {"product": x @ (second.T if workload.turned == "second" else second)}

    return Stateless(compute, data.product(workload))


def convolve(workload: Convolution) -> Runner:
    """Channels-last, with weights (height, width, in, out)."""

    def forward(images: jax.Array, weights: jax.Array) -> jax.Array:
        layout = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(images, weights, (1, 1), "SAME", dimension_numbers=layout)

    def compute(images: jax.Array, weights: jax.Array, cotangent: jax.Array) -> Tree:
        if not workload.gradients:
            return {"y": forward(images, weights)}
        y, pullback = jax.vjp(forward, images, weights)
        for_images, for_weights = pullback(cotangent)
        return {"y": y, "images": for_images, "weights": for_weights}

    return Stateless(compute, data.convolution(workload))
