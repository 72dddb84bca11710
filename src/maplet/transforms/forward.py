"""The pushforward of a graph, as a graph: how a small change of the inputs changes the outputs.

Beside every node on the way stands its tangent. The rule of an operation is not written a second time: its pullback
u ↦ uᵀJ is linear in u, so the pullback *of the pullback*, with respect to u, is t ↦ Jt, the pushforward.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from maplet.core.check import checked
from maplet.core.context import transform_origin
from maplet.core.graph import Graph, Node, as_made, in_order
from maplet.core.recording import graph_of
from maplet.core.trace import Trace, bind
from maplet.core.types import ArrayType, is_floating
from maplet.ops.creation import zeros
from maplet.ops.movement import sum_to
from maplet.transforms.evaluate import apply
from maplet.transforms.gradient import active_nodes, gradient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.array import Array
    from maplet.core.context import Origin

    Tangent = Array | None
    Pair = tuple[Array, Tangent]
    Found = Pair | list[Pair]


def pushforward(graph: Graph, wrt: Sequence[int], spread: Sequence[bool] = ()) -> tuple[Graph, list[bool]]:
    """Extend a graph by the tangents of its outputs.

    Parameters
    ----------
    graph
        The program.
    wrt
        Numbers of the inputs that have a tangent.
    spread
        Which outputs are to have a tangent even where they do not depend on those inputs: zeros.

    Returns
    -------
    graph
        Inputs: those of the program, then a tangent for each of ``wrt``. Outputs: those of the program, then the
        tangents.
    has
        For each output of the program whether it has a tangent.
    """
    sources = [graph.inputs[n] for n in wrt]
    active = active_nodes(in_order(graph.outputs), sources)
    with Trace(with_values=False) as trace:
        found: dict[Node, Found] = {}
        inputs: list[Array] = []
        for node in graph.inputs:
            origin = graph.origins.get(node)
            inputs.append(trace.argument(node.array_type, origin.name if origin is not None else ""))
            found[node] = inputs[-1], None
        for number, source in enumerate(sources):
            inputs.append(trace.argument(source.array_type, f"tangent{number}"))
            found[source] = cast("Pair", found[source])[0], inputs[-1]
        for node in as_made(graph):
            if node not in found:
                trace.origin = graph.origins.get(node)
                found[node] = _pushed(node, [found[child] for child in node.inputs], differentiable=node in active)
        trace.origin = None
        results = [cast("Pair", found[node]) for node in graph.outputs]
        results = [
            (out, zeros(out.shape, dtype=out.dtype)) if wanted and tangent is None else (out, tangent)
            for (out, tangent), wanted in zip(results, spread or [False] * len(results), strict=True)
        ]
        arrays = [out for out, _ in results] + [tangent for _, tangent in results if tangent is not None]
        outputs = tuple([trace.node_of(array) for array in arrays])
        extended = Graph(tuple([trace.node_of(array) for array in inputs]), outputs, trace.origins)
    return checked(extended), [tangent is not None for _, tangent in results]


def _pushed(node: Node, inputs: list[Found], *, differentiable: bool) -> Found:
    if node.primitive.name == "item":
        several, index = inputs[0], int(node.params["index"])
        if isinstance(several, list):
            return several[index]
        return bind("item", several[0], index=index), None
    pairs = [cast("Pair", pair) for pair in inputs]
    operands, tangents = [out for out, _ in pairs], [tangent for _, tangent in pairs]
    name, rule = node.primitive.name, node.primitive.tangent
    if not differentiable or all(tangent is None for tangent in tangents):
        return bind(name, *operands, **node.params), None
    if rule is not None:
        return list(zip(*rule(tangents, *operands, **node.params), strict=True))
    out = bind(name, *operands, **node.params)
    if not isinstance(node.type, tuple):
        return out, _transposed(node, operands, out, tangents)[0]
    outputs = [bind("item", out, index=n) for n in range(len(node.type))]
    return list(zip(outputs, _transposed(node, operands, out, tangents), strict=True))


def _transposed(node: Node, operands: list[Array], out: Array, tangents: list[Tangent]) -> list[Tangent]:
    """The tangents of a node's outputs, by the pullback of its pullback."""
    types: Any = node.type if isinstance(node.type, tuple) else (node.type,)
    real = [n for n, t in enumerate(types) if is_floating(t.dtype)]
    pullback, reached = _pullback(node, [t is not None for t in tangents], types, real)
    given = [*operands, *_several(node, out)]
    found: list[Tangent] = [None] * len(types)
    if not reached:
        return found
    linear = list(range(len(given), len(given) + len(real)))  # the cotangents, in which the pullback is linear
    twice, _ = gradient(pullback, linear, range(len(reached)))
    # Where the pullback is taken does not matter, as it is linear: at 0.
    at = [zeros(types[n].shape, dtype=types[n].dtype) for n in real]
    seeds: list[Array] = [tangents[n] for n in reached]  # type: ignore[misc]  (only inputs with a tangent are reached)
    pushforward = Graph(twice.inputs, twice.outputs[len(reached) :], _as_tangents(node, twice.origins))
    results = apply(pushforward, [*given, *at, *seeds])
    for number, result in zip(real, results, strict=True):
        found[number] = result
    return found


def _as_tangents(node: Node, origins: Mapping[Node, Origin]) -> dict[Node, Origin]:
    """The origins of what computes a node's tangents: as the user reads it, one step beyond the node itself."""
    own = transform_origin()
    before = () if own is None else own.derivations
    name = str(node.params.get("name", node.primitive.name))  # that of the user's function, where there is one
    return {made: replace(origin, derivations=before).pushed_forward(name) for made, origin in origins.items()}


def _several(node: Node, out: Array) -> list[Array]:
    """The outputs of a node as arrays."""
    return [bind("item", out, index=n) for n in range(len(node.type))] if isinstance(node.type, tuple) else [out]


def _pullback(
    node: Node, needed: list[bool], types: Sequence[ArrayType], real: Sequence[int]
) -> tuple[Graph, list[int]]:
    """The pullback of one node as a graph (inputs, outputs, cotangents) ↦ gradients, and which inputs those are of."""
    rule = node.primitive.gradient
    assert rule is not None  # noqa: S101  (only nodes with a rule are differentiable)
    several = isinstance(node.type, tuple)
    reached: list[int] = []

    def pulled(arrays: Sequence[Array]) -> list[Array]:
        parts = iter(arrays)
        operands = [next(parts) for _ in node.inputs]
        outputs = [next(parts) for _ in types]
        seeds = dict(zip(real, parts, strict=True))
        cotangents: Any = [seeds.get(n) for n in range(len(types))] if several else seeds[0]
        out: Any = outputs if several else outputs[0]
        found = rule(cotangents, out, *operands, needed=tuple(needed), **node.params)
        reached.extend(n for n, contribution in enumerate(found) if contribution is not None and needed[n])
        return [sum_to(found[n], operands[n].shape) for n in reached]

    return graph_of(pulled, [*(child.array_type for child in node.inputs), *types, *(types[n] for n in real)]), reached


def with_tangents(outputs: Sequence[Array], has: Sequence[bool]) -> tuple[list[Array], list[Array | None]]:
    """Outputs and tangents of an extended graph, apart; None for a tangent that is zero."""
    count = len(has)
    tangents = iter(outputs[count:])
    return list(outputs[:count]), [next(tangents) if one else None for one in has]
