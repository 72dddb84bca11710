"""A graph called as an operation; `checkpoint`, which keeps nothing for the pullback but runs the graph again."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from maplet.core.body import require_callable
from maplet.core.context import located
from maplet.core.graph import Graph
from maplet.core.primitive import Primitive, operation, register
from maplet.core.recording import record
from maplet.core.types import ArrayType, is_floating
from maplet.errors import GraphError
from maplet.ops.identity import several
from maplet.transforms.batch import as_pairs, batch
from maplet.transforms.evaluate import compute
from maplet.transforms.forward import pushforward, with_tangents
from maplet.transforms.gradient import pullback_graph
from maplet.transforms.selection import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array


def call(graph: Graph, arguments: Sequence[Array], *, name: str) -> list[Array]:
    """Apply a closed graph as one operation."""
    return several("call", *arguments, graph=graph, name=name)


def _shape(*types: ArrayType, graph: Graph, name: str) -> tuple[ArrayType, ...]:
    expected = tuple(node.type for node in graph.inputs)
    if types != expected:
        raise GraphError(
            f"call of {name or 'a graph'}: takes {', '.join(map(str, expected))}, given {', '.join(map(str, types))}"
        )
    return tuple(node.array_type for node in graph.outputs)


def _value(*values: Any, graph: Graph, name: str) -> tuple[Any, ...]:
    return compute(graph, values)


def _pullback(
    cotangents: list[Array | None], out: Any, *xs: Array, needed: tuple[bool, ...], graph: Graph, name: str
) -> list[Array | None]:
    """The pullback is a call too: it runs the forward graph again from the same inputs and keeps nothing between."""
    wanted = [n for n, want in enumerate(needed) if want]
    seeded = [n for n, node in enumerate(graph.outputs) if is_floating(node.array_type.dtype)]
    given = {n: cotangent for n in seeded if (cotangent := cotangents[n]) is not None}
    pullback = pullback_graph(graph, wanted, list(given))
    found = iter(call(pullback, [*xs, *given.values()], name=f"pullback of {name}" if name else "pullback"))
    return [next(found) if want else None for want in needed]


def _tangent(tangents: list[Array | None], *xs: Array, graph: Graph, name: str) -> Any:
    moving = [n for n, tangent in enumerate(tangents) if tangent is not None]
    extended, has = pushforward(graph, moving)
    outputs = call(extended, [*xs, *(t for t in tangents if t is not None)], name=name)
    return with_tangents(outputs, has)


def _batch(size: int, *xs: Array, batched: tuple[bool, ...], rows: bool, graph: Graph, name: str) -> Any:
    many, flags = batch(graph, size, batched, rows=rows)
    return as_pairs(call(many, xs, name=name), flags)


register(Primitive(
    "call", shape=_shape, reference=_value, gradient=_pullback, tangent=_tangent, batch=_batch, notation="f({0})",
    convention="what is inside is computed again for the pullback, and no pass merges the two",
))  # fmt: skip


@operation
def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Trade time for memory: the same function, whose inner values are not kept for the pullback but computed again.

    The forward pass writes to modules once; running it again does not.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.grad(mp.checkpoint(lambda x: mp.sin(x) * x))(0.0)
    Array(0.)
    """
    located(require_callable)("checkpoint", f)

    @wraps(f)
    @located
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        recording = record(bound(f, kwargs), args, with_values=False)
        closed = Graph(recording.graph.inputs, recording.graph.outputs, recording.graph.origins)
        return recording.finish(call(closed, recording.given(), name=getattr(f, "__name__", "")))

    return checkpointed
