"""Evaluation: what a graph means. Slow and obvious for ever; everything faster is tested against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.array import Array, from_value
from maplet.core.context import thread
from maplet.core.graph import Graph, Node, as_made
from maplet.core.recording import as_tree
from maplet.core.tree import leaves
from maplet.errors import DTypeError, GraphError, MapletError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.array import Value


def compute(graph: Graph, values: Sequence[Any], known: Mapping[Node, Any] | None = None) -> tuple[Any, ...]:
    """Run a graph on NumPy arrays: each node by its reference, in order. Nodes whose value is known are not run."""
    found: dict[Node, Any] = {**(known or {}), **dict(zip(graph.inputs, values, strict=True))}
    for node in as_made(graph):
        if node not in found:
            try:
                operands = [found[child] for child in node.inputs]
                found[node] = node.primitive.compute(operands, node.params, node.type, graph.origins.get(node))
            except MapletError as error:
                if error.where is None:
                    error.where = str(graph.origins.get(node, "")) or None
                raise
    return tuple([found[node] for node in graph.outputs])


def apply(graph: Graph, arrays: Sequence[Array], known: Mapping[Node, Value] | None = None) -> list[Array]:
    """Run a graph on arrays. Inside a trace its nodes land in the graph that is being recorded."""
    trace = thread.trace
    if trace is None:
        return [from_value(v) for v in compute(graph, [array.numpy() for array in arrays], known)]
    known = known if known is not None and trace.with_values else {}
    found = {node: trace.handle(array) for node, array in zip(graph.inputs, arrays, strict=True)}
    for node in as_made(graph):
        if node not in found:
            operands = [found[child] for child in node.inputs]
            found[node] = trace.record(node.primitive, operands, node.params, known.get(node), graph.origins.get(node))
    return [found[node] for node in graph.outputs]


def evaluate(graph: Graph, *args: Any) -> Any:
    """Run a graph.

    Parameters
    ----------
    graph
        What `trace` or a transform gave.
    *args
        The arguments, arrays or trees of them. What the graph has captured is filled in.

    Returns
    -------
    The array that it computes, or a tuple where it has several outputs.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.evaluate(mp.trace(lambda x: x * x, 3.0), 4.0)
    Array(16.)
    """
    given = [leaf for arg in args for leaf in leaves(as_tree(arg)).values()]
    arrays = [*given, *graph.captured]
    if len(arrays) != len(graph.inputs):
        expected = len(graph.inputs) - len(graph.captured)
        raise GraphError(f"the graph takes {expected} arrays, given {len(given)}")
    for node, array in zip(graph.inputs, arrays, strict=True):
        if node.type != array.type:
            error = ShapeError if node.array_type.shape != array.shape else DTypeError
            raise error(
                f"the graph takes {node.type}, given {array.type}", fix="trace the function again for these inputs"
            )
    results = apply(graph, arrays)
    return results[0] if len(results) == 1 else tuple(results)
