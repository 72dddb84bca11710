"""A training graph with its nested graphs opened: one flat graph, in which rules read the step of a loop like the rest.

The body of a loop, the branches of a condition, a checkpointed block and a function with a gradient of its own are
graphs inside of a node. Here their nodes stand beside those around them, and doors lead in and out:

====== ===================================================================================================
enter  what is given to the inside, as it is
row    the row of a sequence that a step reads
carry  what a step is handed on: at first the start, then what the step before leaves (`Opened.returns`)
leave  a result; of several branches it is one of several
====== ===================================================================================================

The opened graph is there to be read. What it computes is what the graph computes, and of a loop the first step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, as_made, constant_primitive, in_order, nested_graphs
from maplet.core.primitive import Primitive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.types import ArrayType


def _none(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("a door is read, and never run")


enter, row, carry, leave = (
    Primitive(name, shape=_none, reference=_none) for name in ("enter", "row", "carry", "leave")
)
doors = (enter, row, carry, leave)


@dataclass(frozen=True, eq=False)
class Scope:
    """A graph that was opened: which node of the opened graph stands for each of its own, and the graphs inside."""

    graph: Graph
    twins: dict[Node, Node]
    inside: dict[Node, list[Scope]] = field(default_factory=dict[Node, "list[Scope]"])


class Opened:
    """The flat graph, and what its nodes have to do with each other besides.

    Parameters
    ----------
    graph
        Any graph.

    Attributes
    ----------
    graph
        The opened one. Its inputs are the same nodes; its origins hold every node, what is thrown away included.
    order
        Everything that is computed, each node after its inputs.
    returns
        For what a step is handed on, what it leaves for the next.
    sent
        Where a gradient goes on from the doors of a function with a gradient of its own: past the inside.
    """

    def __init__(self, graph: Graph) -> None:
        self.returns: dict[Node, Node] = {}
        self.sent: dict[Node, tuple[Node, ...]] = {}
        self.loops: list[tuple[list[Node], list[Node]]] = []  # results of a loop, and what a step computes besides
        self.origins: dict[Node, Origin] = {}
        self.scope = self._open(graph, graph.inputs)
        twins = self.scope.twins
        outputs = tuple([twins[node] for node in graph.outputs])
        self.graph = Graph(graph.inputs, outputs, self.origins, graph.captured)
        ends, computed = [*outputs], set(in_order(outputs))
        for results, besides in reversed(self.loops):  # those that stand later, or further out, come first
            if not computed.isdisjoint(results):
                ends += besides
                computed.update(in_order(besides))
        self.order: list[Node] = in_order(ends)

    # ── opening ──────────────────────────────────────────────────────────────────────────────────

    def _open(self, graph: Graph, entries: Sequence[Node]) -> Scope:
        """The nodes of a graph over what stands for its inputs, and those of the graphs inside."""
        scope = Scope(graph, dict(zip(graph.inputs, entries, strict=True)))
        for own, entry in zip(graph.inputs, entries, strict=True):
            self.origins.setdefault(entry, graph.origins.get(own, Origin()))
        results: dict[Node, list[Node]] = {}
        alive = dict.fromkeys(as_made(graph))
        thrown_away = [node for node in graph.origins if node not in alive]
        for node in [*alive, *thrown_away]:
            if node in scope.twins or not all(child in scope.twins or child in results for child in node.inputs):
                continue
            if node.primitive.name == "item" and node.inputs[0] in results:
                scope.twins[node] = results[node.inputs[0]][node.params["index"]]
                continue
            operands = tuple([scope.twins[child] for child in node.inputs])
            if _is_run(node):
                results[node] = self._inside(scope, node, operands)
                continue
            same = operands == node.inputs
            twin = scope.twins[node] = node if same else Node(node.primitive, operands, node.params, node.type)
            self.origins[twin] = graph.origins.get(node, Origin())
        return scope

    def _inside(self, scope: Scope, node: Node, operands: tuple[Node, ...]) -> list[Node]:
        """What stands for the results of a node with graphs inside, which are opened."""
        origin = scope.graph.origins.get(node, Origin())
        graphs = {name: graph for name, graph in nested_graphs(node).items() if name != "pullback"}
        given = operands[1:] if node.primitive.name == "switch" else operands
        some = next(iter(graphs.values()))
        entries = [
            self._door(kind, (operand,), own.array_type, origin)
            for kind, operand, own in zip(_doors_in(node, len(given)), given, some.inputs, strict=True)
        ]
        scopes = scope.inside[node] = [self._open(graph, entries) for graph in graphs.values()]
        outputs = {
            name: [inner.twins[output] for output in inner.graph.outputs]
            for name, inner in zip(graphs, scopes, strict=True)
        }
        asked = outputs.pop("condition", [])
        types = node.type if isinstance(node.type, tuple) else (node.type,)
        results = [
            self._door(leave, tuple(dict.fromkeys(each)), kind, origin)
            for *each, kind in zip(*outputs.values(), types, strict=True)
        ]
        handed_on = [entry for entry in entries if entry.primitive is carry]
        if "body" in outputs:
            self.returns |= dict(zip(handed_on, outputs["body"], strict=False))
            self.loops.append((results, [*asked, *outputs["body"][: len(handed_on)]]))
        if node.primitive.name == "custom_gradient":
            self.sent |= dict.fromkeys(entries, ())
            self.sent |= dict.fromkeys(results, _reached_by_the_author(node, operands))
        return results

    def _door(self, kind: Primitive, inputs: tuple[Node, ...], gives: ArrayType, origin: Origin) -> Node:
        door = Node(kind, inputs, {}, gives)
        self.origins[door] = origin
        return door

    # ── its values ───────────────────────────────────────────────────────────────────────────────

    def values(self, given: Sequence[Any]) -> tuple[dict[Node, Any], dict[Node, Any]]:
        """The values of the opened graph for those of its inputs, and those of the nodes of the graph itself."""
        found: dict[Node, Any] = {}
        own = _noted(self.scope, given, found)
        return found, own


def _is_run(node: Node) -> bool:
    """Whether a node runs graphs that are inside of it, at least once."""
    return node.primitive.name in opened_by and node.params.get("length", 1) > 0


def _doors_in(node: Node, count: int) -> list[Primitive]:
    """Which door each operand goes through: a loop takes what every step reads, what is handed on, and sequences."""
    if node.primitive.name not in ("scan", "while_loop"):
        return [enter] * count
    constants: int = node.params["constants"]
    carries: int = node.params.get("carries", count - constants)
    return [enter] * constants + [carry] * carries + [row] * (count - constants - carries)


def _reached_by_the_author(node: Node, operands: Sequence[Node]) -> tuple[Node, ...]:
    """The operands to which a pullback that is written by hand sends something but zeros."""
    pullback: Graph = node.params["pullback"]
    wrt: tuple[int, ...] = node.params["wrt"]
    pairs = zip(wrt, pullback.outputs, strict=True)
    return tuple([operands[number] for number, sent in pairs if not _is_zero(sent)])


def _is_zero(node: Node) -> bool:
    while len(node.inputs) == 1 and node.primitive.name == "broadcast_to":
        (node,) = node.inputs
    return node.primitive is constant_primitive and not node.params["value"]


def _noted(scope: Scope, given: Sequence[Any], found: dict[Node, Any]) -> dict[Node, Any]:
    """Run a graph that was opened, and note what the nodes that stand for its own are; of loops the first step."""
    own: dict[Node, Any] = dict(zip(scope.graph.inputs, given, strict=True))
    for node in as_made(scope.graph):
        if node in own:
            continue
        operands = [own[child] for child in node.inputs]
        if node in scope.inside:
            own[node] = opened_by[node.primitive.name](node, scope.inside[node], operands, found)
        else:
            own[node] = node.primitive.compute(operands, node.params, node.type, scope.graph.origins.get(node))
    found |= {scope.twins[node]: value for node, value in own.items() if node in scope.twins}
    return own


def _once(_: Node, scopes: Sequence[Scope], operands: Sequence[Any], found: dict[Node, Any]) -> tuple[Any, ...]:
    (inner,) = scopes
    values = _noted(inner, operands, found)
    return tuple([values[output] for output in inner.graph.outputs])


def _the_one_taken(
    _: Node, scopes: Sequence[Scope], operands: Sequence[Any], found: dict[Node, Any]
) -> tuple[Any, ...]:
    taken = min(max(int(operands[0]), 0), len(scopes) - 1)
    return _once(_, [scopes[taken]], operands[1:], found)


def _step_by_step(node: Node, scopes: Sequence[Scope], operands: Sequence[Any], found: dict[Node, Any]) -> Any:
    last = node.params.get("length", 0) - 1 if node.params.get("reverse") else 0
    kinds = _doors_in(node, len(operands))
    first = [value[last, ...] if kind is row else value for kind, value in zip(kinds, operands, strict=True)]
    for inner in scopes:
        _noted(inner, first, found)
    return node.primitive.compute(operands, node.params, node.type)


opened_by: Mapping[str, Callable[[Node, Sequence[Scope], Sequence[Any], dict[Node, Any]], Any]] = {
    "call": _once, "custom_gradient": _once, "switch": _the_one_taken, "scan": _step_by_step,
    "while_loop": _step_by_step,
}  # fmt: skip
"""How a node with graphs inside is run, by the name of its primitive."""
