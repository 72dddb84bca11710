"""The larger networks written out in float64, one operation after another, with the gradients of `maplet.evaluate`.

No hand writes the gradient of a GPT without a fault. What stands here is the definition of maplet's operations, in
NumPy, and no compiled code; that its gradients are right is what the laws of tests/ are about, and every peer is
compared with them in each run.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

import maplet as mp
from benchmarks import data
from benchmarks.architectures import Architecture, Cnn, Gpt, Lstm, Recommender, ResNet

if TYPE_CHECKING:
    from benchmarks.data import Named
    from benchmarks.workloads import Learning

Parameters = dict[str, Any]


def learned(workload: Learning) -> tuple[Named, Named]:
    """The parameters after the steps that are compared, and before."""
    start = {name: array.astype(np.float64) for name, array in data.parameters(workload.network).items()}
    now = {name: mp.asarray(array) for name, array in start.items()}
    memory: list[Parameters] = [{name: mp.zeros_like(array) for name, array in now.items()} for _ in range(2)]
    for steps, (x, y) in enumerate(data.learning(workload)[: workload.rehearsal], start=1):
        inputs = x.astype(np.float64) if x.dtype.kind == "f" else x
        gradients = mp.grad(lambda p, x=inputs, y=y: loss(workload.network, p, mp.asarray(x), mp.asarray(y)))(now)
        now = {name: p - update(workload, gradients[name], memory, name, steps) for name, p in now.items()}
    return {name: np.asarray(array) for name, array in now.items()}, start


def update(workload: Learning, g: Any, memory: list[Parameters], name: str, steps: int) -> Any:
    """What is taken from a parameter, by its gradient."""
    first, second = memory
    if workload.optimizer == "momentum":
        first[name] = 0.9 * first[name] + g
        return workload.learning_rate * first[name]
    if workload.optimizer == "adagrad":
        second[name] = second[name] + g**2
        return workload.learning_rate * g / (mp.sqrt(second[name]) + 1e-10)
    first[name], second[name] = 0.9 * first[name] + 0.1 * g, 0.999 * second[name] + 0.001 * g**2
    corrected = mp.sqrt(second[name] / (1 - 0.999**steps)) + 1e-8
    return workload.learning_rate * first[name] / (1 - 0.9**steps) / corrected


@singledispatch
def loss(network: Architecture, p: Parameters, x: Any, y: Any) -> Any:  # noqa: ARG001  (the signature of all)
    """The loss of a batch."""
    raise TypeError(f"there is no network {network}")


def cross_entropy(logits: Any, labels: Any) -> Any:
    """The mean of −ln softmax(logits)[label]."""
    logits, labels = mp.reshape(logits, (-1, logits.shape[-1])), mp.reshape(labels, (-1, 1))
    return mp.mean(mp.logsumexp(logits, axis=-1) - mp.take_along_axis(logits, labels, axis=-1)[:, 0])


def dense(p: Parameters, name: str, x: Any) -> Any:
    """The mapping x ↦ x W + b."""
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def normal(p: Parameters, name: str, x: Any, axes: int | tuple[int, ...]) -> Any:
    """(x − mean) / √(variance + ε) · scale + bias."""
    mean, variance = mp.mean(x, axis=axes, keepdims=True), mp.var(x, axis=axes, keepdims=True)
    return (x - mean) / mp.sqrt(variance + 1e-5) * p[f"{name}.scale"] + p[f"{name}.bias"]


@loss.register
def cnn(network: Cnn, p: Parameters, x: Any, y: Any) -> Any:
    """See `Cnn`."""
    for n in range(3):
        x = mp.relu(mp.conv(x, p[f"conv{n}.weight"], padding=1) + p[f"conv{n}.bias"])
        x = mp.reduce_window(x, "max", 2) if n else x
    x = mp.relu(dense(p, "linear0", mp.reshape(x, (network.batch, -1))))
    return cross_entropy(dense(p, "linear1", x), y)


@loss.register
def resnet(network: ResNet, p: Parameters, x: Any, y: Any) -> Any:
    """See `ResNet`."""

    def convolved(name: str, x: Any, stride: int = 1, padding: int = 1) -> Any:
        found = mp.conv(x, p[f"{name}.weight"], strides=stride, padding=padding)
        return normal(p, f"{name}.norm", found, (0, 1, 2))

    x = mp.relu(convolved("conv", x))
    for name, _, _, stride in network.blocks():
        inner = convolved(f"{name}.conv1", mp.relu(convolved(f"{name}.conv0", x, stride)))
        x = mp.relu(inner + (x if stride == 1 else convolved(f"{name}.beside", x, stride, 0)))
    return cross_entropy(dense(p, "linear", mp.mean(x, axis=(1, 2))), y)


@loss.register
def lstm(network: Lstm, p: Parameters, x: Any, y: Any) -> Any:
    """See `Lstm`."""
    hidden = cell = mp.zeros((network.batch, network.hidden), dtype="float64")
    outputs: list[Any] = []
    for t in range(network.length):
        gates = mp.take(p["table"], x[:, t], axis=0) @ p["input.weight"] + p["recurrent.bias"]
        i, f, g, o = mp.split(gates + hidden @ p["recurrent.weight"], 4, axis=1)
        cell = mp.sigmoid(f) * cell + mp.sigmoid(i) * mp.tanh(g)
        hidden = mp.sigmoid(o) * mp.tanh(cell)
        outputs.append(hidden)
    return cross_entropy(dense(p, "output", mp.stack(outputs, axis=1)), y)


@loss.register
def gpt(network: Gpt, p: Parameters, x: Any, y: Any) -> Any:
    """See `Gpt`."""
    batch, length, width = network.batch, network.length, network.features
    seen = mp.tril(mp.ones((length, length), dtype=mp.bool))
    h = mp.take(p["tokens.table"], x, axis=0) + p["positions.table"]
    for n in range(network.layers):
        each = dense(p, f"layer{n}.attend", normal(p, f"layer{n}.norm0", h, -1))
        q, k, v = (
            mp.permute_dims(mp.reshape(part, (batch, length, network.heads, -1)), (0, 2, 1, 3))
            for part in mp.split(each, 3, axis=-1)
        )
        scores = q @ mp.matrix_transpose(k) / (width // network.heads) ** 0.5
        attended = mp.permute_dims(mp.softmax(mp.where(seen, scores, -np.inf)) @ v, (0, 2, 1, 3))
        h = h + dense(p, f"layer{n}.gather", mp.reshape(attended, (batch, length, width)))
        wide = mp.gelu(dense(p, f"layer{n}.widen", normal(p, f"layer{n}.norm1", h, -1)), approximate=False)
        h = h + dense(p, f"layer{n}.narrow", wide)
    return cross_entropy(dense(p, "output", normal(p, "norm", h, -1)), y)


@loss.register
def recommender(network: Recommender, p: Parameters, x: Any, y: Any) -> Any:  # noqa: ARG001  (the signature of all)
    """See `Recommender`."""
    rows = [mp.take(p[f"{name}.table"], x[:, n], axis=0) for n, name in enumerate(("users", "items"))]
    z = dense(p, "linear1", mp.relu(dense(p, "linear0", mp.concat(rows, axis=1))))[:, 0]
    return mp.mean(mp.softplus(z) - z * mp.asarray(y, dtype="float64"))
