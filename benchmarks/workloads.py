"""What is measured: every workload as data, with the work that it cannot avoid. No framework appears here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, TypeAlias

from benchmarks.architectures import Architecture, Cnn, Gpt, Lstm, Recommender, ResNet

BATCHES = 50
"""How many mini-batches a training workload cycles through; also the length of a scan."""

FEW = 8
"""The same for the larger networks."""


Move: TypeAlias = tuple[float, float]
"""Bytes that are read or written, and how many bytes they go round in: where these fit, they are."""


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron, the softmax cross-entropy of its output (mean over the batch), and its optimizer."""

    sizes: tuple[int, ...]
    activation: Literal["relu", "tanh"]
    optimizer: Literal["sgd", "adam"]
    learning_rate: float

    def flops(self, rows: int) -> float:
        """Those of the matrix products of one step: forward, for the weights, and for all inputs but the first."""
        products = [2.0 * rows * inputs * outputs for inputs, outputs in pairwise(self.sizes)]
        return 3 * sum(products) - products[0]

    def update(self) -> Move:
        """What a step moves after its products: parameters, and for Adam two moments, once in and once out."""
        arrays = {"sgd": 1, "adam": 3}[self.optimizer]
        numbers = sum(inputs * outputs + outputs for inputs, outputs in pairwise(self.sizes))
        return 2.0 * 4 * arrays * numbers, 4.0 * arrays * numbers


@dataclass(frozen=True)
class Training:
    """Steps of gradient descent: forward, backward and update, on batches that lie ready in the framework's memory."""

    name: str
    network: Network
    batch: int
    images: bool = False
    """Whether it learns MNIST's digits; else XOR, where there are two inputs, and made-up numbers else."""
    tolerance: float = 1e-4
    rehearsal: int = 10
    """How many steps the agreement check looks at."""
    unit: str = "step"
    alone: bool = False
    """Whether only maplet is timed: how its time grows, and what odd shapes cost."""
    streams: ClassVar[tuple[Move, ...]] = ()

    @property
    def says(self) -> str:
        """One line for the table."""
        sizes, activation = "-".join(map(str, self.network.sizes)), self.network.activation
        hidden = f" {activation}" if len(self.network.sizes) > 2 else ""
        optimizer = {"sgd": "SGD", "adam": "Adam"}[self.network.optimizer]
        return f"{sizes}{hidden}, batch {self.batch}, {optimizer}: one step of training"

    @property
    def flops(self) -> float:
        """Floating-point operations of one step that count."""
        return self.network.flops(self.batch)

    @property
    def moves(self) -> tuple[Move, ...]:
        """What must be moved besides: the update waits for the products."""
        return (self.network.update(),)


@dataclass(frozen=True)
class Epoch:
    """One pass over the images in shuffled mini-batches, from arrays in memory; the handling of data is part of it."""

    name: str
    network: Network
    batch: int
    images: int
    tolerance: float = 1e-4
    rehearsal: int = 10
    """Steps of the agreement check, in the given order; a timed epoch is shuffled by each contestant's own means."""
    unit: str = "epoch"
    streams: ClassVar[tuple[Move, ...]] = ()

    @property
    def says(self) -> str:
        """One line for the table."""
        sizes = "-".join(map(str, self.network.sizes))
        return f"{sizes}, {self.images:,} digits in shuffled batches of {self.batch}: one epoch, data handling included"

    @property
    def flops(self) -> float:
        """Floating-point operations of one epoch that count."""
        return self.network.flops(self.images)

    @property
    def moves(self) -> tuple[Move, ...]:
        """What must be moved besides: the update of every step, and every image once out of memory."""
        moved, within = self.network.update()
        images = 4.0 * self.images * self.network.sizes[0]
        return (moved * -(-self.images // self.batch), within), (images, images)


@dataclass(frozen=True)
class Rows:
    """Layer norm (γ, β, ε = 1e-5) → gelu (by erf) → softmax cross-entropy, mean over rows: value and gradients.

    The gradients are those for the input, γ and β.
    """

    name: str
    rows: int
    columns: int
    tolerance: float = 1e-5
    rehearsal: int = 1
    unit: str = "forward and backward"
    flops = 0.0
    streams: ClassVar[tuple[Move, ...]] = ()

    @property
    def says(self) -> str:
        """One line for the table."""
        return f"layer norm, gelu, softmax and cross-entropy of {self.rows} × {self.columns}, forward and backward"

    @property
    def moves(self) -> tuple[Move, ...]:
        """What must be moved: the input once in, its gradient once out."""
        moved = 2.0 * 4 * self.rows * self.columns
        return ((moved, moved),)


@dataclass(frozen=True)
class Update:
    """Adam alone: several equal matrices of parameters, and gradients that stay as they are."""

    name: str
    arrays: int
    shape: tuple[int, int]
    learning_rate: float = 1e-3
    tolerance: float = 1e-4
    rehearsal: int = 10
    unit: str = "update"
    flops = 0.0
    streams: ClassVar[tuple[Move, ...]] = ()

    @property
    def says(self) -> str:
        """One line for the table."""
        return f"the update of Adam alone, {self.arrays * self.shape[0] * self.shape[1]:,} parameters"

    @property
    def moves(self) -> tuple[Move, ...]:
        """What must be moved: parameter, gradient and two moments in; all but the gradient out."""
        numbers = self.arrays * self.shape[0] * self.shape[1]
        return ((7.0 * 4 * numbers, 4.0 * 4 * numbers),)


@dataclass(frozen=True)
class Product:
    """One matrix product, as it stands in a forward pass (X W) or in a gradient (Xᵀ G, G Wᵀ)."""

    name: str
    rows: int
    inner: int
    columns: int
    turned: Literal["", "first", "second"] = ""
    """Which factor is given as its transpose."""
    tolerance: float = 1e-5
    rehearsal: int = 1
    unit: str = "product"
    alone: bool = False
    moves: ClassVar[tuple[Move, ...]] = ()

    @property
    def streams(self) -> tuple[Move, ...]:
        """What must be moved meanwhile: both factors in, the product out."""
        moved = 4.0 * (self.rows * self.inner + self.inner * self.columns + self.rows * self.columns)
        return ((moved, moved),)

    @property
    def says(self) -> str:
        """One line for the table."""
        formula = {"": "X W", "first": "Xᵀ G", "second": "G Wᵀ"}[self.turned]
        return f"{formula}: {self.rows} × {self.inner} times {self.inner} × {self.columns}"

    @property
    def flops(self) -> float:
        """Floating-point operations that count."""
        return 2.0 * self.rows * self.inner * self.columns


@dataclass(frozen=True)
class Convolution:
    """A 3 × 3 convolution that keeps height and width (zeros around); with ``gradients`` also its pullback.

    Images are channels-last, (N, H, W, C), weights (3, 3, in, out). The pullback takes a given cotangent to the
    gradients for the images and the weights. Each framework is handed the layout that it likes best.
    """

    name: str
    batch: int
    size: int
    inputs: int
    outputs: int
    gradients: bool = False
    tolerance: float = 1e-5
    rehearsal: int = 1
    unit: str = "convolution"
    moves: ClassVar[tuple[Move, ...]] = ()
    streams: ClassVar[tuple[Move, ...]] = ()

    @property
    def says(self) -> str:
        """One line for the table."""
        what = "forward and both gradients" if self.gradients else "forward"
        return f"3 × 3, {self.inputs} → {self.outputs} channels, {self.batch} × {self.size} × {self.size}: {what}"

    @property
    def flops(self) -> float:
        """Floating-point operations that count; the zeros around are not taken off."""
        once = 2.0 * self.batch * self.size**2 * 9 * self.inputs * self.outputs
        return 3 * once if self.gradients else once


@dataclass(frozen=True)
class Learning:
    """Steps of gradient descent of a larger network: see `architectures`."""

    name: str
    network: Architecture
    optimizer: Literal["adam", "momentum", "adagrad"]
    learning_rate: float
    tolerance: float = 2e-3
    rehearsal: int = 2
    unit: str = "step"
    streams: ClassVar[tuple[Move, ...]] = ()

    @property
    def says(self) -> str:
        """One line for the table."""
        optimizer = {"adam": "Adam", "momentum": "SGD with momentum", "adagrad": "Adagrad"}[self.optimizer]
        return f"{self.network.says}, batch {self.network.batch}, {optimizer}: one step of training"

    @property
    def flops(self) -> float:
        """Floating-point operations of one step that count."""
        return self.network.flops

    @property
    def moves(self) -> tuple[Move, ...]:
        """What the update moves: parameters and what is remembered of them, in and out; of a table looked-up rows."""
        arrays = {"adam": 3, "momentum": 2, "adagrad": 2}[self.optimizer]
        shapes = self.network.shapes()
        rows = self.network.batch if isinstance(self.network, Recommender) else math.inf
        moved = sum(min(shape[0], rows) * math.prod(shape[1:]) for shape in shapes.values())
        return ((2.0 * 4 * arrays * moved, 4.0 * arrays * sum(map(math.prod, shapes.values()))),)


Workload: TypeAlias = Training | Epoch | Learning | Rows | Update | Product | Convolution

digits = Network((784, 256, 128, 10), "relu", "adam", 1e-3)


def every(*, quick: bool = False) -> dict[str, Workload]:
    """Every workload by name. Those of one group begin alike: ``matmul`` means all ``matmul-…``.

    ``quick`` shortens the one that cannot be done in a fraction of a second.
    """
    found: list[Workload] = [
        Training("xor", Network((2, 3, 2), "tanh", "sgd", 0.5), batch=4),
        Training("softmax", Network((784, 10), "relu", "sgd", 0.5), batch=100, images=True),
        Training("mlp", digits, batch=128, images=True),
        # Half a million units a step: some come so near the corner of the ReLU that rounding decides, and after ten
        # steps one that fell on the other side has changed half a per cent of what was learnt; after three, little.
        Training("wide", Network((1024, 1024, 1024, 10), "relu", "adam", 1e-3), batch=256, rehearsal=3, tolerance=2e-3),
        Rows("rows", 4096, 1024),
        Update("adam", 10, (1000, 1000)),
        Epoch("epoch", digits, batch=64, images=6_000 if quick else 60_000),
        Learning("cnn", Cnn(64), "adam", 1e-3),
        Learning("lstm", Lstm(32), "adam", 1e-3),
        # The bias of the keys has no gradient but rounding: softmax takes no notice of what all scores have in common.
        Learning("gpt", Gpt(16), "adam", 1e-3, tolerance=3e-2),
        Learning("recsys", Recommender(1024), "adagrad", 0.01),
        # The slopes of a norm are sums of 65,536 numbers that nearly cancel, and at this rate rounding grows.
        Learning("resnet", ResNet(64), "momentum", 0.1, rehearsal=1, tolerance=2e-2),
        Product("matmul-forward", 128, 784, 256),
        Product("matmul-weights", 784, 128, 256, turned="first"),
        Product("matmul-inputs", 128, 256, 784, turned="second"),
        Product("matmul-wide", 256, 1024, 1024),
        Product("matmul-square", 1024, 1024, 1024),
        Convolution("conv-first", 64, 28, 1, 32),
        Convolution("conv-middle", 32, 14, 32, 64),
        Convolution("conv-large", 8, 56, 64, 64),
        Convolution("conv-middle-train", 32, 14, 32, 64, gradients=True),
        Convolution("conv-large-train", 8, 56, 64, 64, gradients=True),
        *(growing(f"batch-{batch}", digits, batch) for batch in (32, 128, 512, 2048, 4096)),
        *(growing(f"width-{width}", wider(width), 128) for width in (64, 256, 1024, 2048)),
        *(Product(f"odd-{'x'.join(map(str, shape))}", *shape, alone=True) for shape in odd),
        *(Product(f"even-{'x'.join(map(str, shape))}", *shape, alone=True) for shape in even),
    ]
    return {workload.name: workload for workload in found}


odd = ((127, 787, 257), (509, 1021, 511), (97, 89, 101), (1000, 7, 1000), (1, 1024, 1024), (1024, 1024, 1))
"""Products of rows × inner times inner × columns that fit no tile."""
even = ((128, 784, 256), (512, 1024, 512), (96, 88, 96), (1000, 8, 1000))
"""Neighbours of the first of them that do fit."""


def growing(name: str, network: Network, batch: int) -> Training:
    """A workload that shows how time grows."""
    return Training(name, network, batch, rehearsal=1, tolerance=2e-3, alone=True)


def wider(width: int) -> Network:
    """The network of `mlp` with two layers of some width."""
    return Network((784, width, width, 10), "relu", "adam", 1e-3)


def chosen(names: tuple[str, ...], *, quick: bool = False) -> list[Workload]:
    """The workloads of these names or groups, in order; all for no name. KeyError names one that is neither."""
    there = every(quick=quick)
    for name in names:
        if not any(name in (known, known.split("-")[0]) for known in there):
            raise KeyError(name)
    return [w for w in there.values() if not names or {w.name, w.name.split("-")[0]} & set(names)]
