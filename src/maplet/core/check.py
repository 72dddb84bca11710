"""Is this graph legal? Run after every transform in the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.graph import Graph, in_order, input_primitive, nested_graphs
from maplet.core.primitive import registry
from maplet.errors import GraphError, MapletError

if TYPE_CHECKING:
    from maplet.core.graph import Node

checking = False  # the tests turn this on; every transform then checks the graph that it made


def checked(graph: Graph) -> Graph:
    """The same graph, checked where checking is on."""
    if checking:
        check(graph)
    return graph


def check(graph: Graph) -> None:
    """Raise `GraphError` unless the graph is closed, well typed, and made of registered primitives.

    Examples
    --------
    >>> import maplet as mp
    >>> check(mp.trace(mp.sin, 0.5))
    """
    inputs = set(graph.inputs)
    if len(inputs) != len(graph.inputs):
        raise GraphError("an input stands twice in the list of inputs")
    if graph.captured and len(graph.captured) > len(graph.inputs):
        raise GraphError(f"{len(graph.captured)} captured arrays for {len(graph.inputs)} inputs")
    for node in in_order(graph.outputs):
        _check_node(node, inputs)
        for name, nested in nested_graphs(node).items():
            if nested.captured:
                raise GraphError(f"the nested graph {name!r} of {node.primitive.name} is not closed")
            check(nested)


def _check_node(node: Node, inputs: set[Node]) -> None:
    name = node.primitive.name
    if registry.get(name) is not node.primitive:
        raise GraphError(f"{name} is not a registered primitive")
    if node.primitive is input_primitive:
        if node not in inputs:
            raise GraphError(
                f"an input of type {node.type} is used but not listed", fix="pass it as an input of the graph"
            )
        return
    try:
        expected = node.primitive.shape(*[child.type for child in node.inputs], **node.params)
    except (MapletError, TypeError, ValueError, LookupError) as error:
        raise GraphError(f"{name} cannot take what it is given: {error}") from error
    if expected != node.type:
        raise GraphError(f"{name} is marked {node.type} but gives {expected}")
