"""Programs inside programs: primitives whose parameter is a closed graph.

What such a node computes, how it is printed, checked and differentiated is decided by one mechanism that looks into
the nested graph. Graph transforms stand below the vocabulary, so they are found by name, as operators are.
"""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.graph import Graph
from maplet.core.index_notation import Access, Read, indices
from maplet.core.primitive import Primitive, operations, register
from maplet.core.recording import record
from maplet.core.trace import bind
from maplet.core.types import ArrayType, is_floating
from maplet.errors import GraphError
from maplet.ops.arguments import as_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array

# ── one of several results ───────────────────────────────────────────────────────────────────────


def _item_shape(several: tuple[ArrayType, ...], *, index: int) -> ArrayType:
    return several[index]


register(Primitive("item", shape=_item_shape, reference=lambda several, *, index: several[index], notation="{0}"))

# ── a graph called as an operation ───────────────────────────────────────────────────────────────


def _call_shape(*types: ArrayType, graph: Graph, name: str) -> tuple[ArrayType, ...]:
    expected = tuple(node.type for node in graph.inputs)
    if types != expected:
        raise GraphError(
            f"call of {name or 'a graph'}: takes {', '.join(map(str, expected))}, given {', '.join(map(str, types))}"
        )
    return tuple(node.array_type for node in graph.outputs)


def _call_value(*values: Any, graph: Graph, name: str) -> tuple[Any, ...]:
    return operations["compute"](graph, values)


def _call_gradient(
    cotangents: list[Array | None], out: Array, *xs: Array, needed: tuple[bool, ...], graph: Graph, name: str
) -> Any:
    """The pullback is a call too: it runs the forward graph again from the same inputs and keeps nothing between."""
    wanted = [n for n, want in enumerate(needed) if want]
    seeded = [
        n for n, node in enumerate(graph.outputs) if is_floating(node.array_type.dtype) and cotangents[n] is not None
    ]
    pullback: Graph = operations["pullback_graph"](graph, wanted, seeded)
    seeds = [cotangents[n] for n in seeded]
    found = iter(call(pullback, [*xs, *seeds], name=f"pullback of {name}" if name else "pullback"))  # type: ignore[list-item]  (seeded are those that are not None)
    return [next(found) if want else None for want in needed]


register(Primitive("call", shape=_call_shape, reference=_call_value, gradient=_call_gradient, notation=r"f({0})"))


def call(graph: Graph, arguments: list[Array], *, name: str) -> list[Array]:
    """Apply a closed graph as one operation."""
    several = bind("call", *arguments, graph=graph, name=name)
    return [bind("item", several, index=n) for n in range(len(graph.outputs))]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Trade time for memory: the same function, whose inner values are not kept for the pullback but computed again.

    The forward pass writes to modules once; running it again does not.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.grad(mp.checkpoint(lambda x: mp.sin(x) * x))(0.0)
    Array(0.)
    """

    def checkpointed(*args: Any) -> Any:
        recording = record(f, args, with_values=False)
        closed = Graph(recording.graph.inputs, recording.graph.outputs, recording.graph.origins)
        return recording.finish(call(closed, recording.given(), name=getattr(f, "__name__", "")))

    return checkpointed


# ── cutting the gradient ─────────────────────────────────────────────────────────────────────────


def stop_gradient(x: Any) -> Array:
    """The same value, through which no gradient flows.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.grad(lambda x: x * mp.stop_gradient(x))(3.0)
    Array(3.)
    """
    return bind("stop_gradient", as_array(x))


def _same_access(x: ArrayType) -> Access:
    axes = indices(x.ndim)
    return Access(axes, Read(0, axes))


register(Primitive(
    "stop_gradient", shape=lambda x: x, reference=lambda x: x, access=_same_access,
    notation="{0}", convention="the derivative is 0 by definition",
    example=lambda rng: ([rng.normal(size=(2, 3))], {}),
))  # fmt: skip
