"""Sums that threads share: the terms of each position of the outermost sum first, then these one after another.

A kernel is shared by its outermost loop. Where many rows are added up to a few columns (the slope of a bias, the mean
and variance of a channel) there is none, for what is left is less than a task. ``Σᵢ Σⱼ x[i,j,c]`` is Σᵢ of what the
inner sum gives, in this order, so those are stored and shared, and nothing is added up in another order.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from maplet.compiler.blocks import Nest, Storage
from maplet.compiler.elements import Axis, Convert, Fetch, Function, Linear, Running, Total, within
from maplet.compiler.evaluator import Evaluator
from maplet.core.graph import Node
from maplet.core.types import ArrayType

if TYPE_CHECKING:
    from maplet.compiler.blocks import Block, Item
    from maplet.compiler.elements import Element

few = 1024  # results, which are a task or two
enough = 1 << 15  # terms, from which on two threads are faster than one
several = 4  # parts at least


def with_shared_sums(block: Block) -> None:
    """Take the large sums of nests with few results apart."""
    items: list[Item] = []
    for item in block.items:
        if isinstance(item, Nest) and prod(item.shape) <= few and not item.evaluator.checks:
            items += _parts_of_sums(block, item)
        items.append(item)
    block.items = items


def _parts_of_sums(block: Block, nest: Nest) -> list[Nest]:
    """The nests that compute the inner sums of a nest, which then reads them."""
    if any(isinstance(element, Running) for element in nest.outputs.values()):
        return []
    replaced: dict[Element, Element] = {}
    parts: list[Nest] = []
    for total in _large_sums(nest):
        part, fetch = _inner_sum(block, nest, total)
        axis = Axis(total.axis.extent)
        at = Linear(fetch.at.constant, {axis if atom is total.axis else atom: f for atom, f in fetch.at.terms.items()})
        replaced[total] = replace(total, axis=axis, body=replace(fetch, at=at))
        parts.append(part)
    if parts:
        nest.outputs = {node: _with(element, replaced) for node, element in nest.outputs.items()}
    return parts


def _large_sums(nest: Nest) -> list[Total]:
    """The sums of sums in a nest that are worth sharing, those alone that are in no other sum."""
    found: list[Total] = []
    waiting = list(nest.outputs.values())
    seen: set[Element] = set()
    while waiting:
        element = waiting.pop(0)
        if element in seen:
            continue
        seen.add(element)
        match element:
            case Total(combiner=combiner, axis=axis, body=Total(), in_lanes=False, start=None):
                terms = prod(nest.shape) * prod(e.axis.extent for e in within([element]) if isinstance(e, Total))
                if axis.extent >= several and terms >= enough and not combiner.startswith("arg"):
                    found.append(element)
            case Function(arguments=arguments):
                waiting += arguments
            case Convert(value=value):
                waiting.append(value)
            case _:
                pass
    return found


def _inner_sum(block: Block, nest: Nest, total: Total) -> tuple[Nest, Fetch]:
    """What is added up at each position of a sum, as a nest of its own; and how it is read from there."""
    shape = (total.axis.extent, *nest.shape)
    maker = next((node for node in nest.nodes if node.primitive.name == total.combiner), nest.nodes[0])
    part = Nest((total.axis, *nest.axes), shape, Evaluator(nest.evaluator.stored, {}))
    node = Node(maker.primitive, maker.inputs, maker.params, ArrayType(shape, maker.array_type.dtype))
    part.outputs[node] = total.body
    block.storage[node] = Storage(node.array_type, total.combiner)
    if maker in block.origins:
        block.origins[node] = block.origins[maker]
    return part, Fetch(total.dtype, node, part.evaluator.flat(part.place(), shape), None)


def _with(element: Element, made: dict[Element, Element]) -> Element:
    """An element in which some are replaced; what stood in several places is one element again."""
    if element not in made:
        match element:
            case Function(dtype=dtype, name=name, arguments=arguments):
                made[element] = Function(dtype, name, tuple([_with(argument, made) for argument in arguments]))
            case Convert(dtype=dtype, value=value):
                made[element] = Convert(dtype, _with(value, made))
            case _:
                made[element] = element
    return made[element]
