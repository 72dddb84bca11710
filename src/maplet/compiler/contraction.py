"""Contractions as steps of kernels: products of matrices, convolutions and their gradients, by one generator.

The result's bits follow from the order of the sums alone: each element is one chain of multiply-additions. Tiles,
blocks, copies, threads and the width of vectors change nothing but the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.compiler import packing
from maplet.compiler.contraction_kernel import ContractionWriter
from maplet.compiler.contraction_schedule import Axis, Contraction, simplified
from maplet.compiler.contraction_tiles import choose, schedule

if TYPE_CHECKING:
    from maplet.compiler.contraction_tiles import Choice
    from maplet.compiler.loops import Kernel
    from maplet.compiler.target import Target

__all__ = ["Axis", "Contraction", "Plan", "Step", "plan"]


@dataclass(frozen=True)
class Step:
    """One call of a kernel.

    Parameters
    ----------
    kernel
        What runs.
    buffers
        Which of ``a``, ``b``, ``out`` or a temporary stands for each of its buffers.
    sizes
        The numbers that it is given.
    count
        Its outermost loop runs over 0‥count; threads may share it in any way.
    flops, bytes
        How much it computes, and how much memory it touches.
    """

    kernel: Kernel
    buffers: tuple[str, ...]
    sizes: tuple[int, ...]
    count: int
    flops: int
    bytes: int


@dataclass(frozen=True)
class Plan:
    """Steps, one after the other, and the elements of each temporary that they need."""

    steps: tuple[Step, ...]
    temporaries: dict[str, int]


def plan(contraction: Contraction, target: Target) -> Plan:
    """The steps that compute a contraction on a kind of processor."""
    problem = simplified(contraction)
    if problem.outputs == 0:
        return Plan((), {})
    return planned(problem, choose(problem, target))


def planned(problem: Contraction, choice: Choice) -> Plan:
    """The steps for a choice of tile."""
    size = int(problem.dtype[1:]) // 8
    tile, operand = choice.tile, choice.packed
    steps: list[Step] = []
    names = {"a": "a", "b": "b", "out": "out"}
    temporaries: dict[str, int] = {}
    stride = 0
    if operand:
        layout = packing.panels(problem, tile, operand)
        kernel, sizes, count = packing.copying(problem, layout, tile, operand)
        names[operand], stride = f"{operand}_panels", layout.panel
        temporaries[names[operand]] = layout.elements
        numbers = tuple(sizes.numbers.values())
        steps.append(Step(kernel, (operand, names[operand]), numbers, count, 0, 2 * layout.elements * size))
        problem = packing.with_panels(problem, layout, tile, operand)
    made = schedule(problem, choice, operand, stride)
    writer = ContractionWriter(made)
    kernel = writer.kernel()
    numbers = tuple(writer.sizes.numbers.values())
    flops = 2 * problem.outputs * problem.depth
    touched = sum(_elements(problem, x) for x in ("a", "b")) + problem.outputs
    steps.append(Step(kernel, tuple(names.values()), numbers, made.count, flops, touched * size))
    return Plan(tuple(steps), temporaries)


def _elements(problem: Contraction, operand: str) -> int:
    found = 1
    for axis in (*problem.axes, *problem.sums):
        found *= axis.extent if axis.stride(operand) else 1
    return found
