"""Linear maps inside graphs: what does not depend on the direction is computed once and kept.

A pushforward is linear in its tangents and a pullback in its cotangents. Both also read values of the program itself,
which are the same for every direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.core.graph import Graph, Node, in_order
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import apply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.array import Array, Value


@dataclass(frozen=True)
class LinearMap:
    """Directions ↦ results, as a graph whose first inputs are the kept values and whose others are the directions."""

    graph: Graph
    kept: list[Array]

    def __call__(self, directions: Sequence[Array]) -> list[Array]:
        """The results for one direction."""
        return apply(self.graph, [*self.kept, *directions])

    def of_many(self, directions: Sequence[Array]) -> list[Array]:
        """The results for many directions at once: the first axis of every array counts them."""
        moving = [False] * len(self.kept) + [True] * len(directions)
        spread = [True] * len(self.graph.outputs)
        graph, _ = batch(self.graph, directions[0].shape[0], moving, rows=False, spread=spread)
        return apply(graph, [*self.kept, *directions])


def linear_map(
    graph: Graph, given: Sequence[Array], outputs: Sequence[Node], known: Mapping[Node, Value] | None = None
) -> LinearMap:
    """Cut a linear map out of a graph.

    Parameters
    ----------
    graph
        Its first inputs are the program's, the others the directions.
    given
        The program's inputs.
    outputs
        The nodes of the graph that are linear in the directions.
    known
        Values of nodes that have been computed already.
    """
    directions = graph.inputs[len(given) :]
    moving = set(directions)
    read = list(outputs)  # a result that does not depend on the directions is kept, too
    for node in in_order(outputs):
        if any(child in moving for child in node.inputs):
            moving.add(node)
            read += node.inputs
    # What has no inputs of its own, a constant, costs nothing to compute again.
    kept = {node: None for node in read if node not in moving and (node.inputs or node in graph.inputs)}
    inputs = graph.inputs[: len(given)]
    values = apply(Graph(inputs, tuple(kept), graph.origins), given, known)
    return LinearMap(Graph((*kept, *directions), tuple(outputs), graph.origins), values)
