"""The same program in float64: what it would compute if rounding were next to nothing."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from maplet.core.check import checked
from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, as_made, input_node
from maplet.core.types import ArrayType, float64, is_floating


def in_float64(graph: Graph) -> Graph:
    """Every floating number of a graph in float64, in nested graphs too; integers and truth values stay.

    Examples
    --------
    >>> import maplet as mp
    >>> print(in_float64(mp.trace(lambda x: mp.sin(x) + 1.0, 0.5)))
    graph(x: f64[]) {
      %0 = sin(x) : f64[]
      %1 = add(%0, f64(1.0)) : f64[]
      return %1
    }
    """
    wide = {node: input_node(_wide_type(node.array_type)) for node in graph.inputs}
    for node in as_made(graph):
        if node not in wide:
            inputs = tuple([wide[child] for child in node.inputs])
            params = {name: _wide_value(value) for name, value in node.params.items()}
            kind = node.primitive.shape(*[child.type for child in inputs], **params)
            wide[node] = Node(node.primitive, inputs, params, kind)
    origins = {now: graph.origins.get(node, Origin()) for node, now in wide.items()}
    inputs, outputs = (tuple([wide[node] for node in nodes]) for nodes in (graph.inputs, graph.outputs))
    return checked(Graph(inputs, outputs, origins))


def _wide_type(array_type: ArrayType) -> ArrayType:
    return ArrayType(array_type.shape, float64) if is_floating(array_type.dtype) else array_type


def _wide_value(value: Any) -> Any:
    if isinstance(value, Graph):
        return in_float64(value)
    if isinstance(value, tuple):
        return tuple(map(_wide_value, cast("tuple[Any, ...]", value)))
    if isinstance(value, np.dtype) and is_floating(cast("np.dtype[Any]", value)):
        return float64
    return cast("object", value)
