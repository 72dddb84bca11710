"""Watching a step: how large and how alive activations, gradients, parameters and updates are, layer by layer.

The training graph already has all of it: an activation is a node, its gradient the cotangent that the trail keeps for
it. Watching adds a few sums over these nodes to the same graph, and takes nothing away, so that the numbers of training
keep their bits. Compiled into a step, it is a second variant of that step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from maplet.core.graph import Graph, Node, as_made
from maplet.core.recording import record
from maplet.core.tree import leaves
from maplet.ops.creation import ones
from maplet.transforms.evaluate import apply
from maplet.transforms.gradient import Trail, gradient
from maplet.transforms.selection import as_derivative, differentiable, input_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from maplet.core.array import Array

fewest_steps = 8  # of a loop, in whose course something can be seen


class Seen(NamedTuple):
    """A layer's output and its gradient, with the operation that made it."""

    operation: str
    output: Array
    gradient: Array


class Product(NamedTuple):
    """What a weight is multiplied with, one row per example, and the gradient of the product."""

    rows: Array
    gradient: Array


@dataclass(frozen=True)
class Watched:
    """What a step was seen to compute: by layer, by product with a weight, and by loop over time.

    Of a loop it is the gradient of what its steps read, (T, …).
    """

    layers: dict[str, Seen]
    products: dict[str, Product]
    loops: dict[str, Array] = field(default_factory=dict[str, "Array"])


def watched_value_and_grad(f: Callable[..., Array]) -> Callable[..., tuple[Array, dict[str, Array], Watched]]:
    """`value_and_grad` of a function whose first argument is a module, which also shows what lies between.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
    >>> value, gradients, watched = watched_value_and_grad(lambda net: mp.mean(net(mp.ones((4, 2)))))(net)
    >>> {path: (seen.operation, seen.output.shape) for path, seen in watched.layers.items()}
    {'layers.0': ('add', (4, 3)), 'layers.1': ('tanh', (4, 3)), 'layers.2': ('add', (4, 1))}
    """

    def value_and_gradients(net: Any, *args: Any) -> tuple[Array, dict[str, Array], Watched]:
        recording = record(f, (net, *args), with_values=True)
        own = differentiable(recording.arguments[0], 0, f)
        wrt = input_numbers(recording, 0, own)
        extended, trail = gradient(recording.graph, wrt, (0,))
        layers = _layers(recording.graph, trail)
        path = {id(leaf): name for name, leaf in leaves(recording.arguments[0]).items()}
        weights = {recording.graph.inputs[n]: path[id(leaf)] for n, leaf in zip(wrt, own, strict=True)}
        products = _products(recording.graph, trail, weights)
        loops = _loops(recording.graph, trail)
        shown = [node for nodes in (*layers.values(), *products.values()) for node in nodes]
        shown += loops.values()
        both = Graph(extended.inputs, (*extended.outputs, *shown), extended.origins)
        one = ones((), dtype=recording.outputs[0].dtype)
        outputs = apply(both, [*recording.given(), one], recording.values)
        count = len(recording.outputs)
        found = iter(outputs[count:])
        gradients: Any = as_derivative(recording.arguments[0], {id(leaf): next(found) for leaf in own})
        seen = {path: Seen(nodes[0].primitive.name, next(found), next(found)) for path, nodes in layers.items()}
        pairs = {name: Product(next(found), next(found)) for name in products}
        return recording.finish(outputs[:count]), gradients, Watched(seen, pairs, {path: next(found) for path in loops})

    return value_and_gradients


def _layers(graph: Graph, trail: Trail) -> dict[str, tuple[Node, Node]]:
    """The last array that each layer makes on the way to the loss, and its cotangent."""
    found: dict[str, tuple[Node, Node]] = {}
    for node in as_made(graph):
        now = trail.moved.get(node, node)
        origin = graph.origins.get(node)
        if origin is not None and origin.layer and now in trail.cotangents and node.array_type.shape:
            found[origin.layer] = (now, trail.cotangents[now])
    return found


def _products(graph: Graph, trail: Trail, weights: Mapping[Node, str]) -> dict[str, tuple[Node, Node]]:
    """The products of rows of examples with a trainable weight, by the weight's name."""
    found: dict[str, tuple[Node, Node]] = {}
    for node in as_made(graph):
        if node.primitive.name == "matmul" and node in trail.cotangents:
            rows, weight = node.inputs
            if rows.array_type.ndim == 2 and weight in weights:
                found[weights[weight]] = (rows, trail.cotangents[node])
    return found


def _loops(graph: Graph, trail: Trail) -> dict[str, Node]:
    """The loops that hand a state on from the first step to the last, by layer: the cotangent of what the steps read.

    What they read stands in one array, and so does its cotangent, which is there for the weights that made it.
    """
    found: dict[str, Node] = {}
    for node in as_made(graph):
        if node.primitive.name == "scan" and _hands_on(**node.params):
            rows = node.inputs[node.params["constants"] + node.params["carries"] :]
            known = [trail.cotangents.get(trail.moved.get(row, row)) for row in rows]
            origin, cotangent = graph.origins.get(node), next(filter(None, known), None)
            if origin is not None and origin.layer and cotangent is not None:
                found[origin.layer] = cotangent
    return found


def _hands_on(*, carries: int, length: int, reverse: bool, **_: Any) -> bool:
    return carries > 0 and length >= fewest_steps and not reverse
