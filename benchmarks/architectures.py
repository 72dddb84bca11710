"""The larger networks, as data: their parameters by name, what a batch is, and the operations that one step needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Shapes: TypeAlias = dict[str, tuple[int, ...]]
"""Of parameters: ``weight`` of a linear layer (in, out), of a convolution (height, width, in, out); ``table`` of rows
that are looked up; ``scale`` and ``bias``, vectors."""


@dataclass(frozen=True)
class Architecture(ABC):
    """A network and the loss of its output, a mean over the batch."""

    says: ClassVar[str] = ""
    batch: int

    @abstractmethod
    def shapes(self) -> Shapes:
        """The parameters by name."""

    @abstractmethod
    def inputs(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """A batch: what goes in, and what should come out."""

    @property
    @abstractmethod
    def flops(self) -> float:
        """Those of products and convolutions in one step: forward, for the weights, and for all inputs but images."""


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer with bias."""
    return {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}


def norm(name: str, features: int) -> Shapes:
    """A normalization."""
    return {f"{name}.scale": (features,), f"{name}.bias": (features,)}


@dataclass(frozen=True)
class Cnn(Architecture):
    """Convolution, ReLU; convolution, ReLU, pool; the same again; two linear layers; cross-entropy."""

    says = "convolutions 1 → 32 → 64, pool, 64 → 64, pool, 128 units, images 28 × 28"

    size: int = 28
    channels: tuple[int, ...] = (1, 32, 64, 64)
    hidden: int = 128
    classes: int = 10

    def shapes(self) -> Shapes:
        """conv0 to conv2, linear0 and linear1."""
        found: Shapes = {}
        for n, (inputs, outputs) in enumerate(pairwise(self.channels)):
            found |= {f"conv{n}.weight": (3, 3, inputs, outputs), f"conv{n}.bias": (outputs,)}
        flat = (self.size // 4) ** 2 * self.channels[-1]
        return found | linear("linear0", flat, self.hidden) | linear("linear1", self.hidden, self.classes)

    def inputs(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Images (N, H, W, C) and labels."""
        return images(rng, self.batch, self.size, self.channels[0], self.classes)

    @property
    def flops(self) -> float:
        """The first convolution has no gradient for its images; pooling halves the sides before the third."""
        sides = self.size, self.size, self.size // 2
        once = [2.0 * self.batch * side**2 * prod(self.shapes()[f"conv{n}.weight"]) for n, side in enumerate(sides)]
        dense = sum(2.0 * self.batch * prod(self.shapes()[f"linear{n}.weight"]) for n in (0, 1))
        return 3 * (sum(once) + dense) - once[0]


@dataclass(frozen=True)
class ResNet(Architecture):
    """Three blocks of 16, 32 and 64 channels; where sides are halved, a 1 × 1 convolution and a norm stand beside.

    Source: K. He et al., "Deep residual learning for image recognition", 2015.
    """

    says = "ResNet-20, images 32 × 32"

    size: int = 32
    classes: int = 10

    def blocks(self) -> Iterator[tuple[str, int, int, int]]:
        """(name, channels in, channels out, stride) of each."""
        widths = [16, *[16] * 3, *[32] * 3, *[64] * 3]
        for n, (inputs, outputs) in enumerate(pairwise(widths)):
            yield f"block{n}", inputs, outputs, 1 if inputs == outputs else 2

    def convolutions(self) -> Iterator[tuple[str, tuple[int, int, int, int], int]]:
        """(name, shape of the weights, side of the result) of each."""
        side = self.size
        yield "conv", (3, 3, 3, 16), side
        for name, inputs, outputs, stride in self.blocks():
            side //= stride
            yield f"{name}.conv0", (3, 3, inputs, outputs), side
            yield f"{name}.conv1", (3, 3, outputs, outputs), side
            if stride > 1:
                yield f"{name}.beside", (1, 1, inputs, outputs), side

    def shapes(self) -> Shapes:
        """Each convolution, without bias, is followed by a norm."""
        found: Shapes = {}
        for name, shape, _ in self.convolutions():
            found |= {f"{name}.weight": shape} | norm(f"{name}.norm", shape[-1])
        return found | linear("linear", 64, self.classes)

    def inputs(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Images (N, H, W, C) and labels."""
        return images(rng, self.batch, self.size, 3, self.classes)

    @property
    def flops(self) -> float:
        """The first convolution has no gradient for its images."""
        once = [2.0 * self.batch * side**2 * prod(shape) for _, shape, side in self.convolutions()]
        return 3 * (sum(once) + 2.0 * self.batch * 64 * self.classes) - once[0]


@dataclass(frozen=True)
class Lstm(Architecture):
    """A table of tokens, a recurrent layer (gates i, f, g, o side by side), a linear layer; cross-entropy."""

    says = "LSTM of 256 units, tokens in 128, 64 steps, vocabulary 96"

    length: int = 64
    vocabulary: int = 96
    features: int = 128
    hidden: int = 256

    def shapes(self) -> Shapes:
        """The recurrent layer has one bias."""
        return {
            "table": (self.vocabulary, self.features),
            "input.weight": (self.features, 4 * self.hidden),
            "recurrent.weight": (self.hidden, 4 * self.hidden),
            "recurrent.bias": (4 * self.hidden,),
        } | linear("output", self.hidden, self.vocabulary)

    def inputs(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Tokens (N, T), and those one further."""
        return tokens(rng, self.batch, self.length, self.vocabulary)

    @property
    def flops(self) -> float:
        """All inputs have gradients: the first is that of the table."""
        weights = sum(prod(shape) for name, shape in self.shapes().items() if name.endswith("weight"))
        return 3 * 2.0 * self.batch * self.length * weights


@dataclass(frozen=True)
class Gpt(Architecture):
    """Tables of tokens and positions, layers, a last norm and a linear layer; cross-entropy.

    In a layer stand causal attention and a net with gelu (by erf), each behind a layer norm and beside a residual
    connection.
    """

    says = "GPT of 4 layers, 4 heads, width 128, 128 tokens, vocabulary 96"

    length: int = 128
    vocabulary: int = 96
    features: int = 128
    layers: int = 4
    heads: int = 4

    def shapes(self) -> Shapes:
        """``attend`` is the product for queries, keys and values, side by side."""
        width = self.features
        found: Shapes = {"tokens.table": (self.vocabulary, width), "positions.table": (self.length, width)}
        for n in range(self.layers):
            found |= norm(f"layer{n}.norm0", width) | linear(f"layer{n}.attend", width, 3 * width)
            found |= linear(f"layer{n}.gather", width, width) | norm(f"layer{n}.norm1", width)
            found |= linear(f"layer{n}.widen", width, 4 * width) | linear(f"layer{n}.narrow", 4 * width, width)
        return found | norm("norm", width) | linear("output", width, self.vocabulary)

    def inputs(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Tokens (N, T), and those one further."""
        return tokens(rng, self.batch, self.length, self.vocabulary)

    @property
    def flops(self) -> float:
        """Of attention, the half that a token may see."""
        weights = sum(prod(shape) for name, shape in self.shapes().items() if name.endswith("weight"))
        attention = self.layers * 2 * self.features * (self.length + 1) / 2
        return 3 * 2.0 * self.batch * self.length * (weights + attention)


@dataclass(frozen=True)
class Recommender(Architecture):
    """Does a user like an item? The rows of two large tables side by side, two linear layers; logistic loss."""

    says = "two tables of 100,000 × 32, a hidden layer of 64"

    rows: int = 100_000
    features: int = 32
    hidden: int = 64

    def shapes(self) -> Shapes:
        """Users and items have as many rows."""
        table = self.rows, self.features
        layers = linear("linear0", 2 * self.features, self.hidden) | linear("linear1", self.hidden, 1)
        return {"users.table": table, "items.table": table} | layers

    def inputs(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Pairs (N, 2) of numbers, of which few are frequent, and 0 or 1."""
        pairs = np.asarray(rng.zipf(1.2, size=(self.batch, 2)) % self.rows, np.int64)
        return pairs, rng.integers(0, 2, self.batch).astype(np.float32)

    @property
    def flops(self) -> float:
        """All inputs have gradients: those of the first are those of the tables."""
        weights = sum(prod(shape) for name, shape in self.shapes().items() if name.endswith("weight"))
        return 3 * 2.0 * self.batch * weights


def images(
    rng: np.random.Generator, batch: int, size: int, channels: int, classes: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Made-up images and labels."""
    x = rng.standard_normal((batch, size, size, channels), dtype=np.float32)
    return x, rng.integers(0, classes, batch)


def tokens(rng: np.random.Generator, batch: int, length: int, vocabulary: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Made-up tokens, and those one further."""
    found = rng.integers(0, vocabulary, (batch, length + 1))
    return found[:, :-1], found[:, 1:]
