"""How much a kernel computes and touches: floating operations and bytes, for profiles.

A floating operation is a function of elements with a floating result, `exp` and a division as much as an addition;
choosing (`where`) is none. A term of a sum counts one more, a product in a contraction two. A value that does not
depend on an axis is computed once for all its positions. Each array counts once, but never more of its elements than
are asked for: rows that are looked up in a table do not count the table.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from maplet.compiler.blocks import Nest, Scatter
from maplet.compiler.elements import Axis, Element, Fetch, Function, Linear, Place, Running, Total, parts, within
from maplet.core.types import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from maplet.core.graph import Node


def work_of(item: Nest | Scatter, *, filling: bool = False) -> tuple[int, int]:
    """Floating operations and bytes of a nest; of a scatter, those of its visits, or of filling the array before."""
    if isinstance(item, Nest):
        written = sum(_bytes(node, item.shape) for node in item.outputs)
        return _flops(item.roots), _read(item.roots) + written
    if filling:
        return 0, _bytes(item.node, item.shape)
    roots, aimed = item.roots, item.axes[item.aimed]
    visits = prod(axis.extent for axis in (*item.axes, *item.sums) if axis is not aimed)
    kind = item.node.array_type.dtype
    return _flops(roots) + (visits if kind_of(kind) == "f" else 0), _read(roots) + 2 * visits * kind.itemsize


def _flops(roots: list[Element]) -> int:
    axes = axes_of(roots)
    total = 0
    for element in within(roots):
        if element.dtype[0] == "f" or element.dtype == "bf16":
            rounds = prod(axis.extent for axis in axes[element])
            if isinstance(element, Function) and element.name != "where":
                total += rounds
            elif isinstance(element, Total):
                total += rounds * element.axis.extent
            elif isinstance(element, Running):
                total += rounds * (1 if element.factor is None else 2)
    return total


def _read(roots: list[Element]) -> int:
    """The bytes of what is read: of each array no more than it has."""
    axes = axes_of(roots)
    asked: dict[Node, int] = {}
    for element in within(roots):
        if isinstance(element, Fetch):
            asked[element.source] = asked.get(element.source, 0) + prod(axis.extent for axis in axes[element])
    return sum(min(count, node.array_type.size) * node.array_type.dtype.itemsize for node, count in asked.items())


def _bytes(node: Node, shape: tuple[int, ...]) -> int:
    return prod(shape) * node.array_type.dtype.itemsize


def axes_of(roots: list[Element]) -> Mapping[Element, frozenset[Axis]]:
    """The axes on which each element below some others depends."""
    found: dict[Element, frozenset[Axis]] = {}
    waiting = list(roots)
    while waiting:
        element = waiting[-1]
        below = [part for part in parts(element) if part not in found]
        if below:
            waiting += below
            continue
        waiting.pop()
        own: Iterable[Axis] = _axes(element.at) if isinstance(element, Fetch | Place) else ()
        axes = frozenset(own).union(*(found[part] for part in parts(element)))
        found[element] = axes - {element.axis} if isinstance(element, Total) else axes
    return found


def _axes(form: Linear) -> list[Axis]:
    return [atom for atom in form.terms if isinstance(atom, Axis)]
