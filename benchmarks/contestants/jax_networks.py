"""The larger networks in JAX, as pure functions of their parameters; of tables only the looked-up rows are moved."""

from __future__ import annotations

from functools import partial, singledispatch
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import data
from benchmarks.architectures import Architecture, Cnn, Gpt, Lstm, Recommender, ResNet
from benchmarks.contestants.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.data import Named
    from benchmarks.workloads import Learning

Tree = dict[str, jax.Array]
State = tuple[Tree, Tree, Tree, jax.Array]
"""Parameters, two memories, and the number of updates."""


class Steps(Runner):
    """Training on batches that lie ready, step by step; the next is sent off while one runs."""

    def __init__(self, workload: Learning) -> None:
        self.initial = data.parameters(workload.network)
        self.batches = [(jnp.array(x), jnp.array(y)) for x, y in data.learning(workload)]
        self.step = jax.jit(training_step(workload), donate_argnums=0)
        self.reset()

    def reset(self) -> None:
        """The initial parameters, in fresh buffers, since the last were donated."""
        first, second = ({name: jnp.zeros_like(a) for name, a in self.initial.items()} for _ in range(2))
        parameters = {name: jnp.array(a) for name, a in self.initial.items()}
        self.state: State = parameters, first, second, jnp.zeros((), jnp.int32)

    def run(self, units: int) -> None:
        """One step after another."""
        state = self.state
        for unit in range(units):
            state, _ = self.step(state, *self.batches[unit % len(self.batches)])
        self.state = jax.block_until_ready(state)

    def result(self) -> Named:
        """The parameters."""
        return {name: np.asarray(array) for name, array in self.state[0].items()}


def training_step(workload: Learning) -> Callable[[State, jax.Array, jax.Array], tuple[State, jax.Array]]:
    """(state, batch) → (state, loss), not yet compiled."""
    network, rate = workload.network, workload.learning_rate
    if isinstance(network, Recommender):
        return partial(recommender_step, rate)

    def step(state: State, x: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
        parameters, first, second, count = state
        value, gradients = jax.value_and_grad(lambda p: loss(network, p, x, y))(parameters)
        count = count + 1
        if workload.optimizer == "momentum":
            first = jax.tree.map(lambda v, g: 0.9 * v + g, first, gradients)
            parameters = jax.tree.map(lambda p, v: p - rate * v, parameters, first)
            return (parameters, first, second, count), value
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, second, gradients)
        weight1, weight2 = 1 - 0.9 ** count.astype(jnp.float32), 1 - 0.999 ** count.astype(jnp.float32)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * (m / weight1) / (jnp.sqrt(v / weight2) + 1e-8), parameters, first, second
        )
        return (parameters, first, second, count), value

    return step


@singledispatch
def loss(network: Architecture, p: Tree, x: jax.Array, y: jax.Array) -> jax.Array:  # noqa: ARG001  (the signature of all)
    """The loss of a batch."""
    raise TypeError(f"there is no network {network}")


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """As optax.softmax_cross_entropy_with_integer_labels, and the mean."""
    chosen = jnp.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - chosen)


def dense(p: Tree, name: str, x: jax.Array) -> jax.Array:
    """The mapping x ↦ x W + b."""
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def normal(p: Tree, name: str, x: jax.Array, axes: int | tuple[int, ...]) -> jax.Array:
    """(x − mean) / √(variance + ε) · scale + bias."""
    mean, variance = jnp.mean(x, axis=axes, keepdims=True), jnp.var(x, axis=axes, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * p[f"{name}.scale"] + p[f"{name}.bias"]


def convolved(x: jax.Array, weight: jax.Array, stride: int = 1) -> jax.Array:
    """Channels-last, with zeros around."""
    around = weight.shape[0] // 2
    padding = [(around, around)] * 2
    return lax.conv_general_dilated(x, weight, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


@loss.register
def cnn(network: Cnn, p: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    """See `Cnn`."""
    for n in range(3):
        x = jax.nn.relu(convolved(x, p[f"conv{n}.weight"]) + p[f"conv{n}.bias"])
        if n:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.nn.relu(dense(p, "linear0", x.reshape(network.batch, -1)))
    return cross_entropy(dense(p, "linear1", x), y)


@loss.register
def resnet(network: ResNet, p: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    """See `ResNet`."""

    def normed(name: str, x: jax.Array, stride: int = 1) -> jax.Array:
        return normal(p, f"{name}.norm", convolved(x, p[f"{name}.weight"], stride), (0, 1, 2))

    x = jax.nn.relu(normed("conv", x))
    for name, _, _, stride in network.blocks():
        inner = normed(f"{name}.conv1", jax.nn.relu(normed(f"{name}.conv0", x, stride)))
        x = jax.nn.relu(inner + (x if stride == 1 else normed(f"{name}.beside", x, stride)))
    return cross_entropy(dense(p, "linear", jnp.mean(x, axis=(1, 2))), y)


@loss.register
def lstm(network: Lstm, p: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    """See `Lstm`."""
    given = p["table"][x.T] @ p["input.weight"] + p["recurrent.bias"]

    def one(state: tuple[jax.Array, jax.Array], gates: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        hidden, cell = state
        i, f, g, o = jnp.split(gates + hidden @ p["recurrent.weight"], 4, axis=1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
        return (hidden, cell), hidden

    zeros = jnp.zeros((network.batch, network.hidden))
    _, outputs = lax.scan(one, (zeros, zeros), given)
    return cross_entropy(dense(p, "output", outputs), y.T)


@loss.register
def gpt(network: Gpt, p: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    """See `Gpt`."""
    batch, length, width = network.batch, network.length, network.features
    h = p["tokens.table"][x] + p["positions.table"]
    for n in range(network.layers):
        each = dense(p, f"layer{n}.attend", normal(p, f"layer{n}.norm0", h, -1))
        q, k, v = jnp.moveaxis(each.reshape(batch, length, 3, network.heads, -1), 2, 0)
        attended = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        h = h + dense(p, f"layer{n}.gather", attended.reshape(batch, length, width))
        wide = jax.nn.gelu(dense(p, f"layer{n}.widen", normal(p, f"layer{n}.norm1", h, -1)), approximate=False)
        h = h + dense(p, f"layer{n}.narrow", wide)
    return cross_entropy(dense(p, "output", normal(p, "norm", h, -1)), y)


def recommender_step(rate: float, state: State, x: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
    """Adagrad of the rows that are looked up: their gradients are added up by row, and the rows put back."""
    p, first, second, count = state
    layers = {name: array for name, array in p.items() if not name.endswith("table")}
    tables = ("users.table", "items.table")

    def judged(rows: list[jax.Array], layers: Tree) -> jax.Array:
        z = dense(layers, "linear1", jax.nn.relu(dense(layers, "linear0", jnp.concatenate(rows, axis=1))))[:, 0]
        return jnp.mean(jax.nn.softplus(z) - z * y)

    rows = [p[name][x[:, n]] for n, name in enumerate(tables)]
    value, (for_rows, for_layers) = jax.value_and_grad(judged, argnums=(0, 1))(rows, layers)
    new, sums = dict(p), dict(second)
    for name, g in for_layers.items():
        sums[name] = second[name] + g**2
        new[name] = p[name] - rate * g / (jnp.sqrt(sums[name]) + 1e-10)
    for n, name in enumerate(tables):
        distinct, place = jnp.unique(x[:, n], return_inverse=True, size=len(x), fill_value=len(p[name]))
        g = jax.ops.segment_sum(for_rows[n], place, len(x))
        total = second[name].at[distinct].get(mode="fill", fill_value=1) + g**2
        sums[name] = second[name].at[distinct].set(total, mode="drop")
        new[name] = p[name].at[distinct].add(-rate * g / (jnp.sqrt(total) + 1e-10), mode="drop")
    return (new, first, sums, count + 1), value
