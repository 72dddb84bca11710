"""What is no step to speak of, as a person leaves it out: another shape, a guard that has nothing to do, a mark.

Each such node is spoken of as another one of the same numbers, whose gradient is the same or is none at all:

- what only adds or drops axes of length 1;
- a guard against infinity, ``where(isfinite(top), top, 0)``, where all is finite, and the questions that it asks;
- ``stop_gradient`` of what no gradient comes to anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import as_made, constant_primitive

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from maplet.core.graph import Node
    from maplet.explain.passes import Passes

asks_for_infinity = ("isfinite", "isinf", "isnan")
joins = ("logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_invert")


def shown_as(both: Passes, named: Collection[Node], values: Mapping[Node, Any] | None) -> dict[Node, Node]:
    """Node that is not spoken of → the one that is instead.

    Of a result without a name that nothing else takes, as X v is of (X v)[:, 0], the last shape is spoken of; else a
    new shape is spoken of as its operand, w[:, None] as w. A repetition is no such thing: its gradient is a sum.

    Parameters
    ----------
    both
        The program.
    named
        The nodes that have names of their own, and are spoken of.
    values
        Of the nodes; without them no guard is left out.
    """
    order, outputs = as_made(both.program), both.program.outputs
    users: dict[Node, list[Node]] = {}
    for node in order:
        for child in node.inputs:
            users.setdefault(child, []).append(node)
    shown: dict[Node, Node] = {}
    shapes: dict[Node, list[Node]] = {}  # what is spoken of as a node that came after it
    guards: list[Node] = []
    for node in order:
        operand = _passed_on(node, both, values or {})
        if operand is None:
            continue
        first = node.inputs[0] is operand  # `ExplainedNode.source` goes back along the first operand
        if first and operand.inputs and operand not in (*named, *outputs, *shown) and len(users[operand]) == 1:
            earlier = shapes.pop(operand, [])
            shapes[node] = [*earlier, operand]
            shown |= dict.fromkeys(shapes[node], node)
        elif node not in named and node not in outputs:
            shown[node] = shown.get(operand, operand)
            guards += [] if first else [node]
    return shown | _asked_by(guards, users, shown, {*named, *outputs})


def _passed_on(node: Node, both: Passes, values: Mapping[Node, Any]) -> Node | None:
    """The operand whose numbers a node only passes on."""
    if _is_mere_reshape(node) or (node.primitive.name == "stop_gradient" and node.inputs[0] not in both.cotangents):
        return node.inputs[0]
    if node.primitive.name == "where" and node in values and _is_guard(node.inputs[0]):
        condition, *branches = node.inputs
        for chosen, branch in zip((True, False), branches, strict=True):
            if np.all(values[condition] == chosen) and branch.type == node.type and branch.inputs:
                return branch
    return None


def _is_mere_reshape(node: Node) -> bool:
    if node.primitive.name != "reshape" or node.inputs[0].primitive.name in (constant_primitive.name, "item"):
        return False
    before, after = node.inputs[0].array_type.shape, node.array_type.shape
    return [n for n in before if n != 1] == [n for n in after if n != 1]


def _is_guard(condition: Node) -> bool:
    """Whether a condition asks for what is not finite: ``isfinite(x)``, ``q == 0 and ln p == −∞``."""
    name = condition.primitive.name
    if name == "equal":
        numbers = [child.params["value"] for child in condition.inputs if child.primitive is constant_primitive]
        return any(np.all(np.isinf(number)) for number in numbers)
    return name in asks_for_infinity or (name in joins and any(map(_is_guard, condition.inputs)))


def _asked_by(
    guards: list[Node], users: Mapping[Node, list[Node]], shown: Mapping[Node, Node], kept: Collection[Node]
) -> dict[Node, Node]:
    """The questions that only guards ask, which go with them."""
    found: dict[Node, Node] = {}
    waiting = [(guard.inputs[0], shown[guard]) for guard in guards]
    gone = set(guards)
    while waiting:
        one, instead = waiting.pop()
        if one not in kept and one.inputs and one.array_type.dtype.kind == "b" and gone.issuperset(users[one]):
            gone.add(one)
            found[one] = instead
            waiting += [(child, instead) for child in one.inputs]
    return found
