"""A program with its backward pass: differentiated once, whatever the point at which it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import Graph, as_made
from maplet.core.types import is_floating
from maplet.transforms.evaluate import compute
from maplet.transforms.gradient import gradient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.transforms.gradient import Trail


@dataclass(frozen=True)
class Passes:
    """The forward and the backward pass of a program, and which node of the one belongs to which of the other.

    Parameters
    ----------
    program
        The forward pass: inputs and outputs of the function. A loop in it also gives what its pullback reads.
    backward
        Both passes; its inputs are those of the program and a cotangent for each output that is seeded.
    trail
        Which rule made which node of the backward pass.
    cotangents
        Node of the forward pass → the node that is its cotangent; of inputs, their gradient.
    written
        Node of the program → the one that the user's function wrote down, where another stands in its place.
    """

    program: Graph
    backward: Graph
    trail: Trail
    cotangents: Mapping[Node, Node]
    written: Mapping[Node, Node]

    def values(
        self, given: Sequence[Any], seeds: Sequence[Any], known: Mapping[Node, Any] | None = None
    ) -> dict[Node, Any]:
        """The value of every node of both passes."""
        graph = self.backward
        order = list(dict.fromkeys([*graph.inputs, *as_made(graph)]))
        with np.errstate(all="ignore"):
            found = compute(Graph(graph.inputs, tuple(order), graph.origins), [*given, *seeds], known)
        return dict(zip(order, found, strict=True))


def passes(graph: Graph, seeded: Sequence[int] = (0,)) -> Passes:
    """Differentiate a graph with respect to all its floating inputs; ``seeded`` outputs have a cotangent."""
    wrt = [n for n, node in enumerate(graph.inputs) if seeded and is_floating(node.array_type.dtype)]
    backward, trail = gradient(graph, wrt, seeded)
    count, inputs = len(graph.outputs), len(graph.inputs)
    program = Graph(backward.inputs[:inputs], backward.outputs[:count], backward.origins)
    cotangents = dict(trail.cotangents)
    several = {step.node: step.cotangents for step in trail.steps if isinstance(step.node.type, tuple)}
    order = dict.fromkeys([*backward.inputs, *as_made(backward)])
    for item in order:
        if item.primitive.name == "item" and item.inputs[0] in several:
            number: int = item.params["index"]
            cotangent = several[item.inputs[0]][number]
            if cotangent is not None and cotangent in order:  # else it leads nowhere, like that of a sign
                cotangents[item] = cotangent
    cotangents |= zip([backward.inputs[n] for n in wrt], backward.outputs[count:], strict=True)
    return Passes(program, backward, trail, cotangents, {now: before for before, now in trail.moved.items()})
