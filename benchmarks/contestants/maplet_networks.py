"""The larger networks in maplet, of its own layers."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

import maplet as mp
from benchmarks import data
from benchmarks.architectures import Architecture, Cnn, Gpt, Lstm, Recommender, ResNet
from benchmarks.contestants.runner import Runner
from maplet import nn, optim

if TYPE_CHECKING:
    from benchmarks.data import Named
    from benchmarks.workloads import Learning

Names = dict[str, tuple[str, ...]]
"""Parameters of the benchmark → those of the net that stand for it, side by side."""


@singledispatch
def built(network: Architecture) -> tuple[Any, Names]:
    """A net, and what its parameters are called."""
    raise TypeError(f"there is no network {network}")


def loss_for(workload: Learning) -> Any:
    """What is made small: the cross-entropy, of two classes by one number for a recommendation."""
    return nn.binary_cross_entropy if isinstance(workload.network, Recommender) else nn.cross_entropy


class Steps(Runner):
    """Training on batches that lie ready, step by step."""

    def __init__(self, workload: Learning) -> None:
        self.net, self.names = built(workload.network)
        self.initial = data.parameters(workload.network)
        rate = workload.learning_rate
        self.optimizer = {
            "adam": optim.Adam(rate),
            "momentum": optim.SGD(rate, momentum=0.9),
            "adagrad": optim.Adagrad(rate),
        }[workload.optimizer]
        self.batches = [(mp.asarray(x), mp.asarray(y)) for x, y in data.learning(workload)]
        loss_of = loss_for(workload)

        @mp.jit
        def step(net: Any, optimizer: Any, x: Any, y: Any) -> Any:
            loss, gradients = mp.value_and_grad(lambda net: loss_of(net(x), y))(net)
            optimizer.update(net, gradients)
            return loss

        self.step = step
        self.reset()

    def reset(self) -> None:
        """The initial parameters, and an optimizer that has seen nothing."""
        state = {name: np.asarray(array) for name, array in self.net.state().items()}
        for ours, theirs in self.names.items():
            state |= dict(zip(theirs, np.split(self.initial[ours], len(theirs), axis=-1), strict=True))
        self.net.load_state(state)
        self.optimizer.init(self.net)

    def run(self, units: int) -> None:
        """One step after another."""
        go, net, optimizer, batches = self.step, self.net, self.optimizer, self.batches
        for unit in range(units):
            go(net, optimizer, *batches[unit % len(batches)])

    def result(self) -> Named:
        """The parameters."""
        state = self.net.state()
        return {
            ours: np.concatenate([np.asarray(state[name]) for name in theirs], axis=-1)
            for ours, theirs in self.names.items()
        }


def layer(ours: str, theirs: str, **parts: str) -> Names:
    """The names of one layer, whose parts have the names of the benchmark unless others are given."""
    return {
        f"{ours}.{part}": (f"{theirs}.{own}",) for part, own in (parts or {"weight": "weight", "bias": "bias"}).items()
    }


norm = {"scale": "weight", "bias": "bias"}


@built.register
def cnn(network: Cnn) -> tuple[Any, Names]:
    """See `Cnn`."""
    a, b, c, d = network.channels
    net = nn.Sequential(
        nn.Conv2d(a, b, 3, padding=1), nn.ReLU(),
        nn.Conv2d(b, c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(c, d, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear((network.size // 4) ** 2 * d, network.hidden), nn.ReLU(),
        nn.Linear(network.hidden, network.classes),
    )  # fmt: skip
    places = {"conv0": 0, "conv1": 2, "conv2": 5, "linear0": 9, "linear1": 11}
    return net, {k: v for ours, n in places.items() for k, v in layer(ours, f"layers.{n}").items()}


class Block(nn.Module):
    """Two convolutions, each with its norm, beside a short way."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        self.convolved = nn.Sequential(*convolution(inputs, outputs, stride), nn.ReLU(), *convolution(outputs, outputs))
        self.beside = nn.Sequential(*convolution(inputs, outputs, stride, size=1)) if stride > 1 else None

    def forward(self, x: Any) -> Any:
        """Both together."""
        return mp.relu(self.convolved(x) + (x if self.beside is None else self.beside(x)))


def convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> tuple[Any, Any]:
    """A convolution without bias, and its norm."""
    return nn.Conv2d(inputs, outputs, size, strides=stride, padding=size // 2, bias=False), nn.BatchNorm(outputs)


@built.register
def resnet(network: ResNet) -> tuple[Any, Names]:
    """See `ResNet`."""
    blocks = [Block(inputs, outputs, stride) for _, inputs, outputs, stride in network.blocks()]
    head = [nn.GlobalAvgPool(), nn.Linear(64, network.classes)]
    net = nn.Sequential(*convolution(3, 16), nn.ReLU(), *blocks, *head)
    names: Names = layer("conv", "layers.0", weight="weight") | layer("conv.norm", "layers.1", **norm)
    for n, (name, _, _, stride) in enumerate(network.blocks(), start=3):
        for part, own in (("conv0", 0), ("conv1", 3)):
            names |= layer(f"{name}.{part}", f"layers.{n}.convolved.layers.{own}", weight="weight")
            names |= layer(f"{name}.{part}.norm", f"layers.{n}.convolved.layers.{own + 1}", **norm)
        if stride > 1:
            names |= layer(f"{name}.beside", f"layers.{n}.beside.layers.0", weight="weight")
            names |= layer(f"{name}.beside.norm", f"layers.{n}.beside.layers.1", **norm)
    return net, names | layer("linear", f"layers.{len(blocks) + 4}")


@built.register
def lstm(network: Lstm) -> tuple[Any, Names]:
    """See `Lstm`."""
    net = nn.Sequential(
        nn.Embedding(network.vocabulary, network.features), nn.LSTM(network.features, network.hidden), nn.Outputs(),
        nn.Linear(network.hidden, network.vocabulary),
    )  # fmt: skip
    cell = "layers.1.cells.0.0"
    names: Names = {"table": ("layers.0.weight",), "input.weight": (f"{cell}.weight",)}
    names |= layer("recurrent", cell, weight="recurrent_weight", bias="bias")
    return net, names | layer("output", "layers.3")


@built.register
def gpt(network: Gpt) -> tuple[Any, Names]:
    """See `Gpt`."""
    width = network.features
    layers = [nn.TransformerEncoderLayer(width, network.heads) for _ in range(network.layers)]
    stack = Causal(nn.TransformerEncoder(*layers, norm=nn.LayerNorm(width)))
    embedded = nn.Embedding(network.vocabulary, width), nn.LearnedPositions(network.length, width)
    net = nn.Sequential(*embedded, stack, nn.Linear(width, network.vocabulary))
    names: Names = {"tokens.table": ("layers.0.weight",), "positions.table": ("layers.1.weight",)}
    for n in range(network.layers):
        own = f"layers.2.stack.layers.{n}"
        three = ("query", "key", "value")
        for part in ("weight", "bias"):
            names[f"layer{n}.attend.{part}"] = tuple(f"{own}.attention.{one}.{part}" for one in three)
        names |= layer(f"layer{n}.norm0", f"{own}.attention_norm", **norm)
        names |= layer(f"layer{n}.norm1", f"{own}.feed_forward_norm", **norm)
        names |= layer(f"layer{n}.gather", f"{own}.attention.output")
        names |= layer(f"layer{n}.widen", f"{own}.feed_forward.layers.0")
        names |= layer(f"layer{n}.narrow", f"{own}.feed_forward.layers.3")
    return net, names | layer("norm", "layers.2.stack.norm", **norm) | layer("output", "layers.3")


class Causal(nn.Module):
    """A stack in which no token sees the later ones."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack

    def forward(self, x: Any) -> Any:
        """(N, T, C) ↦ (N, T, C)."""
        return self.stack(x, causal=True)


class Liking(nn.Module):
    """The rows of two tables side by side, and what a net says of them."""

    def __init__(self, network: Recommender) -> None:
        self.users, self.items = (nn.Embedding(network.rows, network.features) for _ in range(2))
        layers = nn.Linear(2 * network.features, network.hidden), nn.ReLU(), nn.Linear(network.hidden, 1)
        self.judge = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        """(N, 2) ↦ (N,)."""
        return self.judge(mp.concat([self.users(x[:, 0]), self.items(x[:, 1])], axis=1))[:, 0]


@built.register
def recommender(network: Recommender) -> tuple[Any, Names]:
    """See `Recommender`."""
    names: Names = {f"{part}.table": (f"{part}.weight",) for part in ("users", "items")}
    return Liking(network), names | layer("linear0", "judge.layers.0") | layer("linear1", "judge.layers.2")
