"""Functions whose derivative their author wrote, where no derivative is taken any more: they are what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.core.graph import Graph, Node, as_made, nested_graphs

if TYPE_CHECKING:
    from maplet.core.context import Origin


def inline_custom_gradients(graph: Graph) -> Graph:
    """The nodes of every `custom_gradient` in the place of the one that stands for them, also in nested graphs.

    So what they compute can meet what is around it: equal nodes become one, and nothing has to be stored at the border.
    Each node keeps its origin. The same object, where there is none.

    Examples
    --------
    >>> import maplet as mp
    >>> @mp.custom_gradient
    ... def clipped(x):
    ...     return mp.sin(x), lambda g: mp.minimum(g, 1.0)
    >>> print(inline_custom_gradients(mp.trace(lambda x: clipped(x) + 1, 0.5)))
    graph(x: f32[]) {
      %0 = sin(x) : f32[]
      %1 = add(%0, f32(1.0)) : f32[]
      return %1
    }
    """
    if not any(map(_concerns, as_made(graph))):
        return graph
    origins = {node: origin for node, origin in graph.origins.items() if node in graph.inputs}
    moved = {node: node for node in graph.inputs}
    _take_in(graph, moved, origins)
    return Graph(graph.inputs, tuple([moved[node] for node in graph.outputs]), origins, graph.captured)


def _concerns(node: Node) -> bool:
    return node.primitive.name == "custom_gradient" or any(
        _concerns(inner) for graph in nested_graphs(node).values() for inner in as_made(graph)
    )


def _take_in(graph: Graph, moved: dict[Node, Node], origins: dict[Node, Origin]) -> None:
    """All nodes of a graph over what stands for its inputs; ``moved`` says what stands for each."""
    results: dict[Node, list[Node]] = {}
    for node in as_made(graph):
        if node in moved:
            continue
        if node.primitive.name == "custom_gradient":
            forward = cast("Graph", node.params["forward"])
            inner = dict(zip(forward.inputs, (moved[child] for child in node.inputs), strict=True))
            _take_in(forward, inner, origins)
            results[node] = [inner[output] for output in forward.outputs]
            continue
        if node.primitive.name == "item" and node.inputs[0] in results:
            moved[node] = results[node.inputs[0]][node.params["index"]]
            continue
        params = {key: _inside(value) for key, value in node.params.items()}
        moved[node] = Node(node.primitive, tuple([moved[child] for child in node.inputs]), params, node.type)
        if node in graph.origins:
            origins[moved[node]] = graph.origins[node]


def _inside(value: Any) -> Any:
    """A parameter, with its graphs inlined."""
    if isinstance(value, Graph):
        return inline_custom_gradients(value)
    return tuple([_inside(one) for one in cast("tuple[Any, ...]", value)]) if isinstance(value, tuple) else value
