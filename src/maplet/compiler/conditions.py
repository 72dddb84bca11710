"""Conditions that are told from a result which is stored anyway: where ReLU gave 0, its input was not above it.

With r = where(z ≤ 0, 0, z) the pullback asks z ≤ 0 again. That is r ≤ 0, for every number, −0 and NaN included; and r
lies in memory, as the next product reads it, where z need not: the product that makes z can give r at once.
"""

from __future__ import annotations

import numpy as np

from maplet.core.graph import Graph, Node, as_made, constant_primitive
from maplet.core.types import kind_of


def by_results(graph: Graph) -> Graph:
    """The same program, in which every later use of such a condition asks the result; else the graph itself."""
    order = as_made(graph)
    results = {node.inputs[0]: node for node in reversed(order) if _is_cut_at_zero(node)}
    users = [node for node in order if any(child in results and results[child] is not node for child in node.inputs)]
    if not users:
        return graph
    moved: dict[Node, Node] = {}
    asked: dict[Node, Node] = {}  # condition → the one of the result, once that is there
    origins = dict(graph.origins)
    for node in order:
        condition = node.inputs[0] if node.inputs else None
        inputs = tuple([asked.get(child, moved.get(child, child)) for child in node.inputs])
        now = node if inputs == node.inputs else Node(node.primitive, inputs, node.params, node.type)
        moved[node] = now
        if now is not node and node in graph.origins:
            origins[now] = graph.origins[node]
        if condition in results and results[condition] is node:
            asked[condition] = Node(condition.primitive, (now, condition.inputs[1]), condition.params, condition.type)
            if condition in graph.origins:
                origins[asked[condition]] = graph.origins[condition]
    outputs = tuple([moved.get(node, node) for node in graph.outputs])
    return Graph(graph.inputs, outputs, origins, graph.captured)


def _is_cut_at_zero(node: Node) -> bool:
    """Whether it is where(z ≤ 0, 0, z)."""
    if node.primitive.name != "where":
        return False
    condition, zero, z = node.inputs
    compared = condition.primitive.name == "less_equal" and condition.inputs[0] is z
    return compared and _is_zero(zero) and _is_zero(condition.inputs[1]) and kind_of(z.array_type.dtype) == "f"


def _is_zero(node: Node) -> bool:
    """Whether it is the number 0."""
    return node.primitive is constant_primitive and node.array_type.size == 1 and not np.any(node.params["value"])
