"""The arrays that every contestant is given: the same bits for all, from NumPy's generator with a fixed seed."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads import BATCHES, FEW

if TYPE_CHECKING:
    from benchmarks.architectures import Architecture
    from benchmarks.workloads import Convolution, Learning, Network, Product, Rows, Training, Update

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Named: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by name; a network's are ``weight0`` (in, out), ``bias0`` (out,), ``weight1`` …"""

tenth = np.float32(0.1)


def data_folder() -> Path:
    """Where data sets lie: ``MAPLET_DATA``, or ``../shared/data`` beside the repository."""
    given = os.environ.get("MAPLET_DATA")
    return Path(given) if given else Path(__file__).parents[2] / "shared" / "data"


def digits_source() -> str:
    """What the images of digits are."""
    return "MNIST" if (data_folder() / "mnist").is_dir() else "made-up arrays of the shape of MNIST (it is not here)"


def digits(count: int) -> tuple[Floats, Integers]:
    """The first training images, (count, 784) from 0 to 1, and their labels."""
    folder = data_folder() / "mnist"
    if folder.is_dir():
        images = _idx(folder / "train-images-idx3-ubyte.gz", header=16)
        labels = _idx(folder / "train-labels-idx1-ubyte.gz", header=8)
        return images.reshape(-1, 784)[:count].astype(np.float32) / np.float32(255), labels[:count].astype(np.int64)
    rng = np.random.default_rng(1)
    ink = rng.random((count, 784), dtype=np.float32)
    return np.where(ink > 0.8, ink, np.float32(0)), rng.integers(0, 10, count)  # as in MNIST, most is background


def _idx(path: Path, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def weights(network: Network) -> Named:
    """Where training begins: weights uniform within ±√(3 / inputs), biases within ±0.1.

    From this seed no unit of `mlp` and `epoch` comes, in the steps that are compared, so near to the corner of its ReLU
    that rounding decides on which side it falls.
    """
    rng, start = np.random.default_rng(7), {}
    for layer, (inputs, outputs) in enumerate(pairwise(network.sizes)):
        bound = (3 / inputs) ** 0.5
        start[f"weight{layer}"] = rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)
        start[f"bias{layer}"] = rng.uniform(-0.1, 0.1, outputs).astype(np.float32)
    return start


def batches(workload: Training) -> tuple[Floats, Integers]:
    """The mini-batches of a training workload: x (`BATCHES`, batch, features), y (`BATCHES`, batch)."""
    features, classes = workload.network.sizes[0], workload.network.sizes[-1]
    if workload.images:
        x, y = digits(BATCHES * workload.batch)
    elif features == 2:
        table = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        x, y = np.tile(table, (BATCHES, 1)), np.tile(np.array([0, 1, 1, 0], np.int64), BATCHES)
    else:
        rng = np.random.default_rng(3)
        x = rng.standard_normal((BATCHES * workload.batch, features), dtype=np.float32)
        y = rng.integers(0, classes, BATCHES * workload.batch)
    return x.reshape(BATCHES, workload.batch, features), y.reshape(BATCHES, workload.batch)


def parameters(network: Architecture) -> Named:
    """Where the training of a larger network begins."""
    rng, start = np.random.default_rng(9), {}
    for name, shape in network.shapes().items():
        kind = name.rpartition(".")[2]
        bound = {"weight": (3 / np.prod(shape[:-1])) ** 0.5}.get(kind, 0.1)
        drawn = rng.uniform(-bound, bound, shape).astype(np.float32)
        start[name] = drawn + np.float32(1) if kind == "scale" else drawn
    return start


def learning(workload: Learning) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Its batches: `FEW`, made up."""
    rng = np.random.default_rng(10)
    return [workload.network.inputs(rng) for _ in range(FEW)]


def rows(workload: Rows) -> tuple[Floats, Floats, Floats, Integers]:
    """The input (rows, columns), γ and β (columns,), the labels (rows,)."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((workload.rows, workload.columns), dtype=np.float32)
    gamma = tenth * rng.standard_normal(workload.columns, dtype=np.float32) + np.float32(1)
    beta = tenth * rng.standard_normal(workload.columns, dtype=np.float32)
    return x, gamma, beta, rng.integers(0, workload.columns, workload.rows)


def update(workload: Update) -> tuple[Named, Named]:
    """Parameters and gradients, by the same names."""
    rng, names = np.random.default_rng(5), [f"parameter{n}" for n in range(workload.arrays)]
    parameters = {name: tenth * rng.standard_normal(workload.shape, dtype=np.float32) for name in names}
    return parameters, {name: tenth * rng.standard_normal(workload.shape, dtype=np.float32) for name in names}


def product(workload: Product) -> tuple[Floats, Floats]:
    """The factors as they lie in memory: a turned one is given as its transpose."""
    rng = np.random.default_rng(6)
    first, second = (workload.rows, workload.inner), (workload.inner, workload.columns)
    return (
        rng.standard_normal(first[::-1] if workload.turned == "first" else first, dtype=np.float32),
        rng.standard_normal(second[::-1] if workload.turned == "second" else second, dtype=np.float32),
    )


def convolution(workload: Convolution) -> tuple[Floats, Floats, Floats]:
    """The images (N, H, W, in), the weights (3, 3, in, out) and the cotangent (N, H, W, out)."""
    rng, images = np.random.default_rng(8), (workload.batch, workload.size, workload.size)
    return (
        rng.standard_normal((*images, workload.inputs), dtype=np.float32),
        tenth * rng.standard_normal((3, 3, workload.inputs, workload.outputs), dtype=np.float32),
        rng.standard_normal((*images, workload.outputs), dtype=np.float32),
    )
