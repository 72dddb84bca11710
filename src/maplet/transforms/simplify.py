"""The same program with less to do: equal operations become one, identities go, and so does what nobody needs.

Every bit of the results is what it was. What is merged, and by which rules, is in three places: here what is equal; in
`identities` what one operation may give way to; in `pruning` what a loop, a branch or a call computes in vain.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, cast

from maplet.core.check import checked
from maplet.core.graph import Graph, Node, as_made, in_order, input_primitive, nested_graphs
from maplet.transforms.identities import made, rules
from maplet.transforms.pruning import pruned, repeated

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from maplet.core.context import Origin


def simplify(graph: Graph) -> tuple[Graph, dict[Node, Node]]:
    """Leave out of a graph what does not change its results.

    - Equal operations on the same operands become one. What `checkpoint` computes again stays apart: no call is merged,
      and nothing inside it with what is outside.
    - An operation that changes nothing gives way to its operand: the table in `identities`.
    - Operations on constants of few elements are worked out.
    - Loops, branches and calls lose the outputs that nobody takes, the carries that nobody reads, and the inputs that
      are not needed for what is left.

    Numbers, order and types of inputs and outputs stay, each bit of the results, and the derivatives. An index outside
    an array is reported only where its element is still needed.

    Parameters
    ----------
    graph
        Any program. Nested graphs are simplified, too.

    Returns
    -------
    graph
        The smaller program; the same object where nothing is to be done. Its nodes have the origins that they had, and
        a node that stands for several the origin of the first.
    moved
        Every node of the graph that still has a place → the node that stands for it. So the origins of all nodes that
        became one are found.

    Examples
    --------
    >>> import maplet as mp
    >>> smaller, _ = simplify(mp.trace(lambda x: mp.sin(x * 1.0) + mp.sin(-(-x)), 0.5))
    >>> print(smaller)
    graph(x: f32[]) {
      %0 = sin(x) : f32[]
      %1 = add(%0, %0) : f32[]
      return %1
    }
    """
    moved = {node: node for node in as_made(graph)} | {node: node for node in graph.inputs}
    unchanged = 0
    for prunes in cycle((False, True)):  # first what is equal, so that two equal loops keep what either of them needs
        step = _Simplifier(graph, {}, prunes=prunes)
        smaller = step.run()
        unchanged = unchanged + 1 if smaller is graph else 0
        if unchanged == 2:
            break
        alive = {*smaller.inputs, *in_order(smaller.outputs)}
        after = {old: step.moved.get(now) for old, now in moved.items()}
        moved = {old: now for old, now in after.items() if now in alive}
        graph = smaller
    return checked(graph), moved


class _Simplifier:
    """One walk over a graph, each node after its inputs.

    Parameters
    ----------
    graph
        What is simplified.
    given
        Inputs of the graph that are known to have the value of another one.
    prunes
        Whether nested graphs lose what nobody needs.
    """

    def __init__(self, graph: Graph, given: Mapping[Node, Node], *, prunes: bool) -> None:
        self.graph = graph
        self.prunes = prunes
        self.moved: dict[Node, Node] = {node: given.get(node, node) for node in graph.inputs}
        self.placed: set[Node] = set(graph.inputs)
        self.known: dict[Hashable, Node] = {}
        self.needed: dict[Node, set[int]] = {}  # a node that gives several arrays → which of them somebody takes
        self.items: dict[Node, dict[int, Node]] = {}  # the same, where it was pruned → what stands for them

    def run(self) -> Graph:
        """The simplified graph; the same object if it was simple."""
        graph, moved = self.graph, self.moved
        order = as_made(graph)
        for node in order:
            if node.primitive.name == "item":
                self.needed.setdefault(node.inputs[0], set()).add(node.params["index"])
        origins: dict[Node, Origin] = {}
        for node in order:
            if node not in moved:
                moved[node] = self._simplified(node)
            if node in graph.origins:
                origins.setdefault(moved[node], graph.origins[node])
        outputs = tuple([moved[node] for node in graph.outputs])
        if outputs == graph.outputs:
            return graph
        unread = {node: graph.origins[node] for node in graph.inputs if node in graph.origins and node not in origins}
        alive = {*graph.inputs, *in_order(outputs)}
        kept = {node: origin for node, origin in (unread | origins).items() if node in alive}
        return Graph(graph.inputs, outputs, kept, graph.captured)

    def _simplified(self, node: Node) -> Node:
        """What stands for a node."""
        if node.primitive.name == "item" and node.inputs[0] in self.items:
            return self.items[node.inputs[0]][node.params["index"]]
        inputs = tuple([self.moved[child] for child in node.inputs])
        if nested_graphs(node):
            return self._with_less_inside(node, inputs)
        if inputs != node.inputs:
            node = Node(node.primitive, inputs, node.params, node.type)
        return self._merged(self._rewritten(node))

    def _rewritten(self, node: Node) -> Node:
        """A node after all rules that hold for it."""
        while node not in self.placed:
            found = next((new for rule in rules.get(node.primitive.name, ()) if (new := rule(node)) is not None), None)
            if found is None:
                break
            node = found
        return node

    def _merged(self, node: Node) -> Node:
        """The first node that is equal to a node: itself, mostly."""
        if node in self.placed:
            return node
        if node.primitive is not input_primitive and node.primitive.name != "call":
            node = self.known.setdefault(_key(node), node)
        self.placed.add(node)
        return node

    # ── nested graphs ────────────────────────────────────────────────────────────────────────────

    def _with_less_inside(self, node: Node, inputs: tuple[Node, ...]) -> Node:
        """A node with simpler nested graphs, of which only what is needed is left."""
        name, primitive = node.primitive.name, node.primitive
        alike = repeated(name, node.params, inputs)
        params = {key: self._inside(value, alike) for key, value in node.params.items()}
        less = pruned(name, params, self.needed.get(node, ())) if self.prunes else None
        if less is not None and (less.passed or less.inputs != list(range(len(inputs))) or less.params != params):
            now = self._merged(made(name, *[inputs[n] for n in less.inputs], **less.params))
            self.items[node] = {old: inputs[number] for old, number in less.passed.items()}
            for old, number in less.items.items():
                self.items[node][old] = self._merged(made("item", now, index=number))
            return now
        if inputs != node.inputs or any(params[key] is not value for key, value in node.params.items()):
            node = Node(primitive, inputs, params, node.type)
        return self._merged(node)

    def _inside(self, value: Any, alike: Mapping[int, int]) -> Any:
        """A parameter with its graphs simplified; the same object where they were simple."""
        if isinstance(value, Graph):
            given = {value.inputs[number]: value.inputs[earlier] for number, earlier in alike.items()}
            return _Simplifier(value, given, prunes=self.prunes).run()
        if isinstance(value, tuple):
            parts = cast("tuple[Any, ...]", value)
            simpler = tuple([self._inside(part, alike) for part in parts])
            return parts if all(new is old for new, old in zip(simpler, parts, strict=True)) else simpler
        return value


def _key(node: Node) -> Hashable:
    """What is the same for equal nodes: as text, in which 0, −0 and false differ."""
    return (node.primitive, node.inputs, *(_text(value) for value in node.params.items()))


def _text(value: Any) -> Hashable:
    """A parameter as something to compare; a nested graph by its structure."""
    if isinstance(value, Graph):
        return _structure(value)
    if isinstance(value, tuple):
        return tuple([_text(part) for part in cast("tuple[Any, ...]", value)])
    return repr(value)


def _structure(graph: Graph) -> Hashable:
    """What is the same for two graphs that are the same program."""
    numbers = {node: number for number, node in enumerate(graph.inputs)}
    lines: list[Hashable] = [node.type for node in graph.inputs]
    for node in in_order(graph.outputs, graph.inputs):
        if node not in numbers:
            numbers[node] = len(numbers)
            operands = tuple([numbers[child] for child in node.inputs])
            lines.append((node.primitive, operands, *(_text(value) for value in node.params.items())))
    return (*lines, *(numbers[node] for node in graph.outputs))
