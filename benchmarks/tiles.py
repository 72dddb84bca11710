"""The tiles that maplet chooses by its model of time, held against all that it could: ``python -m benchmarks.tiles``.

For each product, and each of its two gradients, every choice of tile and copies is compiled and timed on one core, and
the one chosen compared with the fastest. It takes some minutes; the model's numbers (`contraction_tiles`) were set so.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.machine import cores, pin
from benchmarks.report import duration
from maplet.compiler.contraction import planned
from maplet.compiler.contraction_schedule import Axis, Contraction, simplified
from maplet.compiler.contraction_tiles import choices
from maplet.compiler.kernels import addresses
from maplet.compiler.target import target

if TYPE_CHECKING:
    from maplet.compiler.contraction import Plan

SECONDS, TRIES = 0.002, 5  # of a burst, and how many; the best counts

SHAPES = (
    (128, 784, 256), (128, 256, 128), (128, 128, 10), (100, 784, 10), (64, 784, 256), (256, 1024, 1024), (97, 89, 101),
    (32, 128, 1024), (512, 64, 64), (1000, 7, 1000), (1, 1024, 1024), (31, 257, 67),
)  # fmt: skip
"""Rows × inner × columns."""


def problems(rows: int, inner: int, columns: int) -> dict[str, Contraction]:
    """X W, and the gradients Xᵀ G and G Wᵀ, as contractions."""
    return {
        "X W": Contraction(
            "f32", (Axis(rows, inner, 0, columns), Axis(columns, 0, 1, 1)), (Axis(inner, 1, columns),), (0, 0)
        ),
        "Xᵀ G": Contraction(
            "f32", (Axis(inner, 1, 0, columns), Axis(columns, 0, 1, 1)), (Axis(rows, inner, columns),), (0, 0)
        ),
        "G Wᵀ": Contraction(
            "f32", (Axis(rows, columns, 0, inner), Axis(inner, 0, columns, 1)), (Axis(columns, 1, 1),), (0, 0)
        ),
    }


class Timed:
    """A plan with memory of its own; call it to run it once."""

    def __init__(self, problem: Contraction, plan: Plan) -> None:
        sizes = {name: _elements(problem, name) for name in ("a", "b")} | {"out": problem.outputs} | plan.temporaries
        rng = np.random.default_rng(0)
        self.arrays = {name: rng.random(size + 16, np.float32) for name, size in sizes.items()}
        at = {name: -(-array.ctypes.data // 64) * 64 for name, array in self.arrays.items()}
        self.status = np.zeros(1, np.int64)
        self.words: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
        self.calls: list[tuple[object, int, int]] = []
        kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
        for step, address in zip(plan.steps, addresses([step.kernel for step in plan.steps]), strict=True):
            numbers = [*(at[name] for name in step.buffers), *step.sizes, self.status.ctypes.data]
            self.words.append(np.array(numbers, np.int64))
            self.calls.append((kind(address), self.words[-1].ctypes.data, step.count))

    def __call__(self) -> None:
        """Run all steps."""
        for function, words, count in self.calls:
            function(words, 0, count, 0)  # type: ignore[operator]  (a function of ctypes)

    def seconds(self) -> float:
        """How long one run takes, at best."""
        self()
        times, found = 1, float("inf")
        for _ in range(TRIES):
            while True:
                began = time.perf_counter()
                for _ in range(times):
                    self()
                took = time.perf_counter() - began
                if took >= SECONDS:
                    break
                times *= 2
            found = min(found, took / times)
        return found


def _elements(problem: Contraction, operand: str) -> int:
    axes = (*problem.axes, *problem.sums)
    return 1 + sum((axis.extent - 1) * axis.stride(operand) for axis in axes)


def main() -> None:
    """Time all choices, and show what the model's cost."""
    pin(cores()[:1])
    console, table = Console(width=110), Table("product", "shape", "choices", "chosen", "fastest", "ratio", "rank")
    ratios: list[float] = []
    for shape in track(SHAPES, "timing all tiles", console=console):
        for name, given in problems(*shape).items():
            problem = simplified(given)
            found = sorted(choices(problem, target()), key=lambda choice: choice.cycles)
            times = [Timed(problem, planned(problem, choice)).seconds() for choice in found]
            best, ratio = min(times), times[0] / min(times)
            ratios.append(ratio)
            rank = 1 + sum(one < times[0] for one in times)
            shown = "×".join(map(str, shape))
            table.add_row(name, shown, str(len(found)), duration(times[0]), duration(best), f"{ratio:.2f}", str(rank))
    console.print(table)
    middle, worst = statistics.median(ratios), max(ratios)
    console.print(f"The chosen tile takes {middle:.2f} of the fastest in the median, {worst:.2f} at worst.")


if __name__ == "__main__":
    sys.exit(main())
