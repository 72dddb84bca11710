"""NumPy, for matrix products alone: the BLAS that it brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks import data
from benchmarks.contestants.runner import Absent, Runner
from benchmarks.workloads import Product

if TYPE_CHECKING:
    from benchmarks.data import Named
    from benchmarks.workloads import Workload


def prepare(workload: Workload, threads: int, variant: str) -> Runner:  # noqa: ARG001  (the signature of all)
    """The number of threads is set by the environment."""
    if not isinstance(workload, Product):
        raise Absent("only matrix products")
    return Multiplication(workload)


class Multiplication(Runner):
    """One product, written into an array that is there."""

    def __init__(self, workload: Product) -> None:
        first, second = data.product(workload)
        self.first = first.T if workload.turned == "first" else first
        self.second = second.T if workload.turned == "second" else second
        self.out = np.empty((workload.rows, workload.columns), np.float32)

    def reset(self) -> None:
        """Nothing is kept."""

    def run(self, units: int) -> None:
        """One after another."""
        for _ in range(units):
            np.matmul(self.first, self.second, out=self.out)

    def result(self) -> Named:
        """The product."""
        return {"product": self.out}
