"""Who competes: a table of contestants. Each framework has one file, in which its own experts would feel at home.

A file has one function, ``prepare(workload, threads, variant) -> Runner``. It is imported only in the process of its
contestant, so no framework meets another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.workloads import Convolution, Epoch, Learning, Product, Rows, Training, Update

if TYPE_CHECKING:
    from benchmarks.workloads import Workload


@dataclass(frozen=True)
class Contestant:
    """A framework used in one way."""

    name: str
    module: str
    """Where its ``prepare`` is."""
    variant: str
    says: str
    takes: tuple[type[Workload], ...]
    """The kinds of workload that this way is a way of doing."""
    peer: bool = True
    """Whether maplet is compared with it; false for maplet itself."""
    early_epsilon: bool = False
    """Whether its Adam adds ε before the correction of the moments, see `reference`."""


steps = (Training, Rows, Update, Epoch, Learning)
kernels = (Product, Convolution)
here = "benchmarks.contestants"

EVERY = [
    Contestant("maplet", f"{here}.maplet", "step", "mp.jit of a step", (*steps, *kernels), peer=False),
    Contestant(
        "maplet scan", f"{here}.maplet", "scan", "mp.jit of mp.scan over 50 steps, or the epoch", (Training, Epoch),
        peer=False,
    ),
    Contestant(
        "maplet fit", f"{here}.maplet_fit", "plain", "the scan of mp.fit, which gathers its rows", (Training, Learning),
        peer=False,
    ),
    Contestant(
        "maplet fit watched", f"{here}.maplet_fit", "watched", "the same, every tenth step watched",
        (Training, Learning), peer=False,
    ),
    Contestant("torch", f"{here}.pytorch", "eager", "PyTorch eager; tensor indexing in epoch", (*steps, *kernels)),
    Contestant("torch channels-last", f"{here}.pytorch", "channels-last", "PyTorch eager, channels last", (Learning,)),
    Contestant("torch loader", f"{here}.pytorch", "loader", "PyTorch eager, batches from a DataLoader", (Epoch,)),
    Contestant("torch.compile", f"{here}.pytorch", "compiled", "loss by torch.compile, fused optimizer", steps),
    Contestant("torch.compile step", f"{here}.pytorch", "whole", "whole step by torch.compile", (Training, Epoch)),
    Contestant("jax", f"{here}.jax", "step", "JAX jit of a step, buffers donated", (*steps, *kernels)),
    Contestant("jax loader", f"{here}.jax", "loader", "JAX jit, batches cut by NumPy", (Epoch,)),
    Contestant("jax scan", f"{here}.jax", "scan", "JAX jit of lax.scan over 50 steps, or the epoch", (Training, Epoch)),
    Contestant(
        "sklearn", f"{here}.scikit_learn", "", "MLPClassifier.partial_fit; ε of Adam placed otherwise",
        (Training, Epoch), early_epsilon=True,
    ),
    Contestant("numpy", f"{here}.by_numpy", "", "NumPy's matmul, written into an array that is there", (Product,)),
]  # fmt: skip
"""All of them, in the order of the tables."""
