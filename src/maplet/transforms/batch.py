"""The batched graph: what a graph does for one row, done for many rows at once.

Every node whose inputs carry the new axis is rewritten by the rule of its primitive; what does not depend on the rows
is computed once. The new axis always stands in front.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from maplet.core.check import checked
from maplet.core.graph import Graph, Node, as_made, nested_graphs
from maplet.core.trace import Trace, bind
from maplet.errors import GraphError
from maplet.ops.movement import repeat_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array
    from maplet.core.types import ArrayType

    Found = tuple[Array, bool] | list[tuple[Array, bool]]


def batch(
    graph: Graph, size: int, batched: Sequence[bool], *, rows: bool, spread: Sequence[bool] = ()
) -> tuple[Graph, list[bool]]:
    """Give a graph a new axis.

    Parameters
    ----------
    graph
        What is done for one row.
    size
        The number of rows.
    batched
        Which inputs have a value of their own for each row; their types get the new axis in front.
    rows
        Whether the rows are rows of data, so that each draws random numbers of its own, with its number as part of the
        position. Else (the directions of a Jacobian) they share them.
    spread
        Which outputs are to carry the axis even where they do not depend on the rows.

    Returns
    -------
    graph, and for each of its outputs whether it carries the axis.
    """
    with Trace(with_values=False) as trace:
        found: dict[Node, Found] = {}
        inputs: list[Node] = []
        for node, carries in zip(graph.inputs, batched, strict=True):
            origin = graph.origins.get(node)
            kind = with_axis(node.array_type, size) if carries else node.array_type
            argument = trace.argument(kind, origin.name if origin is not None else "")
            found[node] = (argument, carries)
            inputs.append(trace.node_of(argument))
        for node in as_made(graph):
            if node not in found:
                trace.origin = graph.origins.get(node)
                found[node] = _batched_node(node, [found[child] for child in node.inputs], size, rows=rows)
        trace.origin = None
        results = [cast("tuple[Array, bool]", found[node]) for node in graph.outputs]
        results = [
            (repeat_rows(array, size), True) if wanted and not carries else (array, carries)
            for (array, carries), wanted in zip(results, spread or [False] * len(results), strict=True)
        ]
        outputs = tuple([trace.node_of(array) for array, _ in results])
    return checked(Graph(tuple(inputs), outputs, trace.origins)), [carries for _, carries in results]


def _batched_node(node: Node, inputs: list[Found], size: int, *, rows: bool) -> Found:
    if node.primitive.name == "item":
        several, index = inputs[0], int(node.params["index"])
        if isinstance(several, list):
            return several[index]
        return bind("item", several[0], index=index), several[1]
    operands = [cast("tuple[Array, bool]", pair) for pair in inputs]
    arrays = [array for array, _ in operands]
    batched = tuple([carries for _, carries in operands])
    if not any(batched) and not (rows and draws(node)):
        return bind(node.primitive.name, *arrays, **node.params), False
    if node.primitive.batch is None:
        raise GraphError(f"{node.primitive.name} has no rule for vmap")
    if nested_graphs(node):
        return node.primitive.batch(size, *arrays, batched=batched, rows=rows, **node.params)
    return node.primitive.batch(size, *arrays, batched=batched, **node.params), True


def draws(node: Node) -> bool:
    """Whether random numbers are drawn by a node, or inside it."""
    return node.primitive.per_row or any(
        draws(inner) for graph in nested_graphs(node).values() for inner in as_made(graph)
    )


def with_axis(array_type: ArrayType, size: int) -> ArrayType:
    """The type with a new axis in front."""
    return replace(array_type, shape=(size, *array_type.shape))


def as_pairs(outputs: Sequence[Array], batched: Sequence[bool]) -> Any:
    """What the rule of a primitive with nested graphs gives: each output with its flag."""
    return list(zip(outputs, batched, strict=True))
