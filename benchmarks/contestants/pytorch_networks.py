"""The larger networks in PyTorch, of its own layers: attention by the fused kernel, tables with sparse gradients."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import nn

from benchmarks import data
from benchmarks.architectures import Architecture, Cnn, Gpt, Lstm, Recommender, ResNet
from benchmarks.contestants.runner import Absent, Runner

if TYPE_CHECKING:
    from benchmarks.data import Named
    from benchmarks.workloads import Learning

Names = dict[str, str]
"""Parameters of the benchmark → those of the module."""


@singledispatch
def built(network: Architecture) -> tuple[Any, Names]:
    """A module, and what its parameters are called."""
    raise TypeError(f"there is no network {network}")


class Steps(Runner):
    """Training on batches that lie ready, step by step; variants: eager, channels-last, compiled."""

    def __init__(self, workload: Learning, variant: str) -> None:
        network = workload.network
        self.images = isinstance(network, Cnn | ResNet)
        if variant == "channels-last" and not self.images:
            raise Absent("it has no images")
        if variant == "compiled" and isinstance(network, Recommender):
            raise Absent("it takes no sparse gradients")
        self.net, names = built(network)
        layout = torch.channels_last if variant == "channels-last" else torch.contiguous_format
        self.net = self.net.to(memory_format=layout)
        own = dict(self.net.named_parameters())
        self.parameters = {ours: own[theirs] for ours, theirs in names.items()}
        self.initial = {name: torch.from_numpy(a.copy()) for name, a in data.parameters(network).items()}
        self.optimizer = optimizer(workload, self.parameters)
        self.loss = torch.compile(self.forward, dynamic=False) if variant == "compiled" else self.forward
        self.batches = [(self.given(x, layout), torch.from_numpy(y.copy())) for x, y in data.learning(workload)]
        self.logistic = isinstance(network, Recommender)

    def given(self, x: Any, layout: torch.memory_format) -> torch.Tensor:
        """The inputs of a batch, as the module likes them."""
        found = torch.from_numpy(x.copy())
        return found.permute(0, 3, 1, 2).contiguous(memory_format=layout) if self.images else found

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        found = self.net(x)
        if self.logistic:
            return F.binary_cross_entropy_with_logits(found, y)
        return F.cross_entropy(found.reshape(-1, found.shape[-1]), y.reshape(-1))

    def reset(self) -> None:
        """The initial parameters, and an optimizer that has seen nothing."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(turned(name, self.initial[name]))
        for remembered in self.optimizer.state.values():
            for array in remembered.values():
                if array is not None:
                    array.zero_()

    def run(self, units: int) -> None:
        """One step after another."""
        for unit in range(units):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(*self.batches[unit % len(self.batches)])
            loss.backward()
            self.optimizer.step()

    def result(self) -> Named:
        """The parameters, as `architectures` has them."""
        return {name: turned(name, p.detach(), back=True).numpy() for name, p in self.parameters.items()}


def optimizer(workload: Learning, parameters: dict[str, nn.Parameter]) -> torch.optim.Optimizer:
    """The fused ones, where there are any that take all gradients."""
    rate, own = workload.learning_rate, list(parameters.values())
    if workload.optimizer == "adam":
        return torch.optim.Adam(own, lr=rate, fused=True)
    if workload.optimizer == "momentum":
        return torch.optim.SGD(own, lr=rate, momentum=0.9, fused=True)
    return torch.optim.Adagrad(own, lr=rate)


def turned(name: str, array: torch.Tensor, *, back: bool = False) -> torch.Tensor:
    """Weights (in, out) as PyTorch has them, (out, in), and (height, width, in, out) as (out, in, height, width)."""
    if not name.endswith("weight"):
        return array
    if array.ndim == 4:
        return array.permute(2, 3, 1, 0) if back else array.permute(3, 2, 0, 1)
    return array.T


def layer(ours: str, theirs: str) -> Names:
    """The names of one layer."""
    return {f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias")}


def norm(ours: str, theirs: str) -> Names:
    """The names of one normalization."""
    return {f"{ours}.scale": f"{theirs}.weight", f"{ours}.bias": f"{theirs}.bias"}


@built.register
def cnn(network: Cnn) -> tuple[Any, Names]:
    """See `Cnn`. The first linear layer takes what is flattened channels last, as everybody's weights are."""
    a, b, c, d = network.channels
    net = nn.Sequential(
        nn.Conv2d(a, b, 3, padding=1), nn.ReLU(),
        nn.Conv2d(b, c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(c, d, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        ChannelsLast(), nn.Linear((network.size // 4) ** 2 * d, network.hidden), nn.ReLU(),
        nn.Linear(network.hidden, network.classes),
    )  # fmt: skip
    places = {"conv0": 0, "conv1": 2, "conv2": 5, "linear0": 9, "linear1": 11}
    return net, {k: v for ours, n in places.items() for k, v in layer(ours, str(n)).items()}


class ChannelsLast(nn.Module):
    """Images as vectors, channels last."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) ↦ (N, H·W·C)."""
        return x.permute(0, 2, 3, 1).flatten(1)


def convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> tuple[nn.Module, nn.Module]:
    """A convolution without bias, and its norm."""
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)


class Block(nn.Module):
    """Two convolutions, each with its norm, beside a short way."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        first = convolution(inputs, outputs, stride)
        self.convolved = nn.Sequential(*first, nn.ReLU(inplace=True), *convolution(outputs, outputs))
        self.beside = nn.Sequential(*convolution(inputs, outputs, stride, 1)) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both together."""
        return F.relu(self.convolved(x) + self.beside(x), inplace=True)


@built.register
def resnet(network: ResNet) -> tuple[Any, Names]:
    """See `ResNet`."""
    blocks = [Block(inputs, outputs, stride) for _, inputs, outputs, stride in network.blocks()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, network.classes)]
    net = nn.Sequential(*convolution(3, 16), nn.ReLU(inplace=True), *blocks, *head)
    names: Names = {"conv.weight": "0.weight"} | norm("conv.norm", "1")
    for n, (name, _, _, stride) in enumerate(network.blocks(), start=3):
        parts = [("conv0", f"{n}.convolved", 0), ("conv1", f"{n}.convolved", 3)]
        for part, where, own in [*parts, *([("beside", f"{n}.beside", 0)] if stride > 1 else [])]:
            names |= {f"{name}.{part}.weight": f"{where}.{own}.weight"} | norm(
                f"{name}.{part}.norm", f"{where}.{own + 1}"
            )
    return net, names | layer("linear", str(len(blocks) + 5))


class Recurrent(nn.Module):
    """Table, LSTM, linear layer. Of PyTorch's two biases one stays at zero."""

    def __init__(self, network: Lstm) -> None:
        super().__init__()
        self.table = nn.Embedding(network.vocabulary, network.features)
        self.lstm = nn.LSTM(network.features, network.hidden, batch_first=True)
        nn.init.zeros_(cast("nn.Parameter", self.lstm.bias_hh_l0).requires_grad_(False))
        self.output = nn.Linear(network.hidden, network.vocabulary)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T) ↦ (N, T, vocabulary)."""
        return self.output(self.lstm(self.table(x))[0])


@built.register
def lstm(network: Lstm) -> tuple[Any, Names]:
    """See `Lstm`."""
    names = {
        "table": "table.weight",
        "input.weight": "lstm.weight_ih_l0",
        "recurrent.weight": "lstm.weight_hh_l0",
        "recurrent.bias": "lstm.bias_ih_l0",
    }
    return Recurrent(network), names | layer("output", "output")


class Attending(nn.Module):
    """One layer of a GPT."""

    def __init__(self, network: Gpt) -> None:
        super().__init__()
        width = network.features
        self.heads = network.heads
        self.norm0, self.norm1 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.gather = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, C) ↦ (N, T, C)."""
        batch, length, width = x.shape
        parts = self.attend(self.norm0(x)).reshape(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.gather(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.narrow(F.gelu(self.widen(self.norm1(x))))


class Generative(nn.Module):
    """A GPT."""

    def __init__(self, network: Gpt) -> None:
        super().__init__()
        self.tokens = nn.Embedding(network.vocabulary, network.features)
        self.positions = nn.Parameter(torch.zeros(network.length, network.features))
        self.layers = nn.ModuleList([Attending(network) for _ in range(network.layers)])
        self.norm, self.output = nn.LayerNorm(network.features), nn.Linear(network.features, network.vocabulary)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T) ↦ (N, T, vocabulary)."""
        h = self.tokens(x) + self.positions
        for each in self.layers:
            h = each(h)
        return self.output(self.norm(h))


@built.register
def gpt(network: Gpt) -> tuple[Any, Names]:
    """See `Gpt`."""
    names = {"tokens.table": "tokens.weight", "positions.table": "positions"}
    for n in range(network.layers):
        for part in ("attend", "gather", "widen", "narrow"):
            names |= layer(f"layer{n}.{part}", f"layers.{n}.{part}")
        for part in ("norm0", "norm1"):
            names |= norm(f"layer{n}.{part}", f"layers.{n}.{part}")
    return Generative(network), names | norm("norm", "norm") | layer("output", "output")


class Liking(nn.Module):
    """The rows of two tables side by side, and what a net says of them."""

    def __init__(self, network: Recommender) -> None:
        super().__init__()
        self.users, self.items = (nn.Embedding(network.rows, network.features, sparse=True) for _ in range(2))
        self.linear0 = nn.Linear(2 * network.features, network.hidden)
        self.linear1 = nn.Linear(network.hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 2) ↦ (N,)."""
        rows = torch.cat([self.users(x[:, 0]), self.items(x[:, 1])], dim=1)
        return cast("torch.Tensor", self.linear1(F.relu(self.linear0(rows))))[:, 0]


@built.register
def recommender(network: Recommender) -> tuple[Any, Names]:
    """See `Recommender`."""
    names = {"users.table": "users.weight", "items.table": "items.weight"}
    return Liking(network), names | layer("linear0", "linear0") | layer("linear1", "linear1")
