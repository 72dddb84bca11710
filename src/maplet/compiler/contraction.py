"""Contractions as steps of kernels: products of matrices, convolutions and their gradients, by one generator.

The result's bits follow from the order of the sums alone: each element is one chain of multiply-additions. Tiles,
blocks, copies, threads and the width of vectors change nothing but the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from maplet.compiler import packing
from maplet.compiler.contraction_kernel import ContractionWriter
from maplet.compiler.contraction_order import schedule
from maplet.compiler.contraction_schedule import Axis, Contraction, simplified, with_epilogue
from maplet.compiler.contraction_tiles import choices

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from maplet.compiler.contraction_schedule import Panels, Schedule, Tile
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
        Which of ``a``, ``b``, ``out`` or a temporary stands for each of its buffers; of an epilogue, ``x0`` … are
        what it reads, ``out``, ``y1`` … what it makes.
    sizes
        The numbers that it is given.
    count
        Its outermost loop runs over 0‥count; threads may share it in any way.
    flops, bytes
        How much it computes, and how much memory it touches.
    copies
        Of a step that copies an operand, ``a`` or ``b``, to a temporary: what goes where. Steps of which that is equal
        make the same copy.
    """

    kernel: Kernel
    buffers: tuple[str, ...]
    sizes: tuple[int, ...]
    count: int
    flops: int
    bytes: int
    copies: Hashable = None


@dataclass(frozen=True)
class Plan:
    """Steps, one after the other, and the elements of each temporary that they need.

    ``whole`` says whether they do the epilogue, too: not where sums are cut into blocks, and results are read again.
    """

    steps: tuple[Step, ...]
    temporaries: dict[str, int]
    whole: bool = True


def plan(contraction: Contraction, target: Target, known: Collection[tuple[str, Hashable]] = ()) -> Plan:
    """The steps that compute a contraction on a kind of processor; ``known`` are copies of operands that there are."""
    problem = simplified(contraction)
    if problem.outputs == 0:
        return Plan((), {})

    def is_known(tile: Tile, operand: str) -> bool:
        return (operand, packing.identity(problem, packing.panels(problem, tile, operand), tile)) in known

    def cycles(choice: Choice) -> float:
        free = [operand for operand in choice.packed if known and is_known(choice.tile, operand)]
        return choice.cycles - sum(choice.copying["ab".index(operand)] for operand in free)

    return planned(problem, min(choices(problem, target), key=cycles))


def planned(problem: Contraction, choice: Choice) -> Plan:
    """The steps for a choice of tile."""
    names = {"a": "a", "b": "b"}
    steps: list[Step] = []
    copies: list[Panels] = []
    reading = problem
    for operand in choice.packed:
        panels = packing.panels(problem, choice.tile, operand)
        names[operand] = f"{operand}_panels"
        writer = packing.PanelWriter(problem, panels, choice.tile)
        kernel = writer.kernel()  # first, as it gathers the sizes
        touched = 2 * panels.elements * problem.size
        buffers, sizes = (operand, names[operand]), tuple(writer.sizes.numbers.values())
        identity = packing.identity(problem, panels, choice.tile)
        steps.append(Step(kernel, buffers, sizes, writer.count, 0, touched, identity))
        copies.append(panels)
        reading = packing.reading(reading, panels)
    made = schedule(reading, choice, tuple(copies))
    whole = not made.length or problem.epilogue is None
    if not whole:
        made = schedule(with_epilogue(reading, None), choice, tuple(copies))
    steps.append(_contracting(made, names))
    return Plan(tuple(steps), {names[panels.operand]: panels.elements for panels in copies}, whole)


def _contracting(made: Schedule, names: dict[str, str]) -> Step:
    writer, problem = ContractionWriter(made), made.problem
    kernel = writer.kernel()
    touched = _elements(problem, "a") + _elements(problem, "b") + problem.outputs
    flops = 2 * problem.outputs * problem.depth
    sizes = tuple(writer.sizes.numbers.values())
    buffers = tuple(names.get(buffer.name, buffer.name) for buffer in kernel.buffers)
    return Step(kernel, buffers, sizes, made.count, flops, touched * problem.size)


def _elements(problem: Contraction, operand: str) -> int:
    """How many elements of an operand are read, about: no more than it has places, and than its part lies across."""
    axes = [axis for axis in (*problem.axes, *problem.sums) if axis.stride(operand)]
    span = 1 + sum((axis.extent - 1) * abs(axis.stride(operand)) for axis in axes)
    return min(prod(axis.extent for axis in axes), span)
