"""The gradient of a graph, as a graph: backpropagation by the chain rule.

The nodes are visited from the outputs back to the inputs. When a node's turn comes, the cotangents from all of its
uses have been added up; its rule maps them to cotangents of its inputs. The rules are written in maplet's own
operations, so what they compute is recorded: the backward pass is a program that can be printed, checked, compiled,
explained and differentiated again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from maplet.core.array import Array, from_node
from maplet.core.check import checked
from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, as_made, in_order
from maplet.core.text import node_names, node_text
from maplet.core.trace import Trace, bind
from maplet.core.types import is_floating
from maplet.errors import GraphError
from maplet.ops.creation import zeros
from maplet.ops.elementwise import where
from maplet.ops.movement import sum_to
from maplet.transforms.masks import Mask, Masks

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Step:
    """One application of the chain rule.

    Parameters
    ----------
    node
        The forward node whose rule ran.
    cotangents
        ∂L/∂output as it came in, one per output of the node; None is zero.
    contributions
        What the rule sends to each input; None where no gradient flows.
    made
        The backward nodes that the rule recorded.
    """

    node: Node
    cotangents: tuple[Node | None, ...]
    contributions: tuple[Node | None, ...]
    made: tuple[Node, ...]


@dataclass(repr=False)
class Trail:
    """Which rule made which node from which: what every explanation of backpropagation reads.

    Printed, it has one line per step, in order, with the names of ``print(graph)``: the forward node, the cotangent
    that came in ↦ what its rule sends to each input (– for nothing), and where the node comes from.

    Examples
    --------
    >>> import maplet as mp
    >>> print(gradient(mp.trace(lambda x, w: mp.sin(x * w), 0.5, 2.0), wrt=[1])[1])  # doctest: +ELLIPSIS
    %1 = sin(%0)          ∂ cotangent0 ↦ %3   # ...:1
    %0 = multiply(x, w)   ∂ %3 ↦ –, %4        # ...:1
    """

    steps: list[Step] = field(default_factory=list[Step])
    cotangents: dict[Node, Node] = field(default_factory=dict[Node, Node])
    moved: dict[Node, Node] = field(default_factory=dict[Node, Node])  # forward nodes that gave way to others
    graph: Graph | None = None  # the extended graph, which names the nodes

    def __repr__(self) -> str:
        return f"<trail: {len(self.steps)} step{'' if len(self.steps) == 1 else 's'}>"

    def __str__(self) -> str:
        if self.graph is None:
            return repr(self)
        names = node_names(self.graph)

        def shown(nodes: tuple[Node | None, ...]) -> str:
            return ", ".join("–" if node is None else names[node] for node in nodes)

        origins = self.graph.origins
        rows = [
            (
                node_text(step.node, names),
                f"∂ {shown(step.cotangents)} ↦ {shown(step.contributions)}",
                str(origins.get(step.node, "")),
            )
            for step in self.steps
        ]
        first, second = (max((len(row[n]) for row in rows), default=0) for n in (0, 1))
        return "\n".join(f"{a:{first}}   {b:{second}}   # {origin}".rstrip(" #") for a, b, origin in rows)

    def keep(self, nodes: set[Node]) -> None:
        """Forget dead ends: where a rule sends nothing on, what led there is no part of the backward pass."""
        self.cotangents = {node: cotangent for node, cotangent in self.cotangents.items() if cotangent in nodes}
        steps, self.steps = self.steps, []
        for step in steps:
            made = tuple([node for node in step.made if node in nodes])
            sent = tuple([node if node in nodes else None for node in step.contributions])
            if any(sent):
                self.steps.append(
                    step
                    if (made, sent) == (step.made, step.contributions)
                    else Step(step.node, step.cotangents, sent, made)
                )


def gradient(graph: Graph, wrt: Sequence[int] | None = None, seeded: Sequence[int] = (0,)) -> tuple[Graph, Trail]:
    """Extend a graph by its backward pass.

    Parameters
    ----------
    graph
        The forward program.
    wrt
        Numbers of the inputs whose gradient is asked for; all floating ones by default.
    seeded
        Numbers of the outputs that have a cotangent.

    Returns
    -------
    graph
        Inputs: those of the forward graph, then one cotangent per seeded output. Outputs: those of the forward graph,
        then one gradient per input in ``wrt``. The forward nodes are the same objects as before, save what a loop
        stands behind: the loop gives way to one that also keeps what its pullback reads (``trail.moved``).
    trail
        The derivation.

    Examples
    --------
    >>> import maplet as mp
    >>> backward, trail = gradient(mp.trace(mp.sin, 0.5))
    >>> print(backward)
    graph(x: f32[], cotangent0: f32[]) {
      %0 = sin(x) : f32[]
      %1 = cos(x) : f32[]
      %2 = multiply(cotangent0, %1) : f32[]
      return %0, %2
    }
    """
    if wrt is None:
        wrt = [n for n, node in enumerate(graph.inputs) if is_floating(node.array_type.dtype)]
    sources = [graph.inputs[n] for n in wrt]
    graph, moved = prepared(graph, sources, seeded)
    with Trace(with_values=False) as trace:
        trace.origins.update(graph.origins)
        order = in_order(graph.outputs)
        active = active_nodes(order, sources)
        backward = Backward(trace, active, order, Masks(order, [graph.outputs[n] for n in seeded], active))
        backward.trail.moved = moved
        seeds: list[Node] = []
        for number in seeded:
            output = graph.outputs[number]
            seed = trace.argument(output.array_type, f"cotangent{number}")
            seeds.append(trace.node_of(seed))
            backward.give(output, 0, seed)
        for node in reversed(order):
            backward.visit(node)
        results = [trace.node_of(backward.of(node)) for node in sources]
    extended = Graph((*graph.inputs, *seeds), (*graph.outputs, *results), trace.origins)
    backward.trail.keep({*extended.inputs, *in_order(extended.outputs)})
    backward.trail.graph = extended
    return checked(extended), backward.trail


def prepared(graph: Graph, sources: Sequence[Node], seeded: Sequence[int]) -> tuple[Graph, dict[Node, Node]]:
    """The same program, in which loops also give what their pullbacks read; and what stands in the place of what.

    Only those on the way to an output that has a cotangent have a pullback.
    """
    order = as_made(graph)
    if not any(node.primitive.prepare for node in order):
        return graph, {}
    active = active_nodes(in_order([graph.outputs[n] for n in seeded]), sources)
    moved: dict[Node, Node] = {}
    with Trace(with_values=False) as trace:
        trace.origins.update({node: origin for node, origin in graph.origins.items() if node in graph.inputs})
        for node in order:
            inputs = tuple([moved.get(child, child) for child in node.inputs])
            now = _prepared_node(trace, node, inputs, active, graph.origins.get(node, Origin()))
            if now is not node:
                moved[node] = now
            trace.origins.setdefault(now, graph.origins.get(node, Origin()))
    outputs = tuple([moved.get(node, node) for node in graph.outputs])
    return Graph(graph.inputs, outputs, trace.origins, graph.captured), moved


def _prepared_node(trace: Trace, node: Node, inputs: tuple[Node, ...], active: set[Node], origin: Origin) -> Node:
    if node.primitive.prepare is not None and node in active:
        trace.origin = origin
        needed = tuple([child in active for child in node.inputs])
        operands = [from_node(child, trace, None) for child in inputs]
        other = node.primitive.prepare(*operands, needed=needed, **node.params)
        if other is not None:
            return trace.node_of(other)
    return node if inputs == node.inputs else Node(node.primitive, inputs, node.params, node.type)


def active_nodes(order: Sequence[Node], sources: Sequence[Node]) -> set[Node]:
    """The floating nodes through which a change of the sources can reach an output."""
    active = set(sources)
    for node in order:
        differentiable = node.primitive.gradient is not None or node.primitive.name == "item"
        if differentiable and _is_real(node) and any(child in active for child in node.inputs):
            active.add(node)
    return active


def _is_real(node: Node) -> bool:
    """Whether a node gives a floating array: a cast to integers and back carries no gradient."""
    return any(is_floating(t.dtype) for t in (node.type if isinstance(node.type, tuple) else (node.type,)))


class Backward:
    """The cotangents gathered so far, and the rules that move them on."""

    def __init__(self, trace: Trace, active: set[Node], order: Sequence[Node], masks: Masks) -> None:
        self.trace = trace
        self.masks = masks
        self.items: dict[Node, dict[int, Node]] = {}
        for node in order:
            if node.primitive.name == "item":
                self.items.setdefault(node.inputs[0], {})[node.params["index"]] = node
        self.active = active
        self.gathered: dict[Node, dict[int, Array]] = {}
        self.trail = Trail()

    def give(self, node: Node, index: int, cotangent: Array) -> None:
        """Add a contribution to the cotangent of a node's output ``index``: uses of one value add up."""
        outputs = self.gathered.setdefault(node, {})
        outputs[index] = bind("add", outputs[index], cotangent) if index in outputs else cotangent

    def of(self, node: Node) -> Array:
        """The cotangent of a source; zeros where the outputs do not depend on it."""
        if node in self.gathered:
            return self.gathered[node][0]
        return zeros(node.array_type.shape, dtype=node.array_type.dtype)

    def visit(self, node: Node) -> None:
        """Apply the rule of one node, if a gradient passes through it."""
        outputs = self.gathered.get(node)
        if outputs is None or node not in self.active or not node.inputs:
            return
        origin = self.trace.origins.get(node, Origin()).pulled_back(node.primitive.name)
        self.trace.origin = replace(origin, guard="inside") if node in self.masks.of else origin
        if node.primitive.name == "item":
            self.give(node.inputs[0], node.params["index"], outputs[0])
            return
        before = len(self.trace.origins)
        contributions = self._rule(node, outputs)
        for child, contribution in zip(node.inputs, contributions, strict=True):
            if contribution is not None:
                self.give(child, 0, contribution)
        origins = self.trace.origins  # in the order of recording, so that the new nodes stand at the end
        made = tuple(islice(reversed(origins), len(origins) - before))[::-1]
        self._remember(node, outputs, contributions, made)

    def _rule(self, node: Node, outputs: dict[int, Array]) -> list[Array | None]:
        cotangents: Any = (
            [outputs.get(n) for n in range(len(node.type))] if isinstance(node.type, tuple) else outputs[0]
        )
        needed = tuple([child in self.active for child in node.inputs])
        operands = [from_node(child, self.trace, None) for child in node.inputs]
        rule = node.primitive.gradient
        assert rule is not None  # noqa: S101  (only nodes with a rule are active)
        out = self._outputs(node) if isinstance(node.type, tuple) else from_node(node, self.trace, None)
        found = rule(cotangents, out, *operands, needed=needed, **node.params)
        masks = self.masks.pass_on(node)
        return [
            self._fit(node, self._masked(c, mask), x) if c is not None and want else None
            for c, x, want, mask in zip(found, operands, needed, masks, strict=True)
        ]

    def _masked(self, contribution: Array, mask: Mask) -> Array:
        """0 where an element does not count, even if the contribution is infinite or NaN there."""
        inside = self.trace.origin
        self.trace.origin = replace(inside, guard="end") if inside is not None else None
        for condition, truth in mask:
            holds = from_node(condition, self.trace, None)
            zero = zeros((), dtype=contribution.dtype)
            contribution = where(holds, contribution, zero) if truth else where(holds, zero, contribution)
        self.trace.origin = inside
        return contribution

    def _outputs(self, node: Node) -> list[Array]:
        """The outputs of a node that gives several."""
        several: Any = from_node(node, self.trace, None)
        known = self.items.get(node, {})
        return [
            from_node(known[n], self.trace, None) if n in known else bind("item", several, index=n)
            for n in range(len(several.type))
        ]

    def _fit(self, node: Node, contribution: Array, operand: Array) -> Array:
        """Where the operation repeated its operand by broadcasting, every copy counts."""
        fitted = sum_to(contribution, operand.shape)
        if fitted.type != operand.type:
            raise GraphError(f"the gradient rule of {node.primitive.name} gives {contribution.type} for {operand.type}")
        return fitted

    def _remember(
        self, node: Node, outputs: dict[int, Array], contributions: list[Array | None], made: tuple[Node, ...]
    ) -> None:
        count = len(node.type) if isinstance(node.type, tuple) else 1
        incoming = [outputs.get(n) for n in range(count)]
        nodes = [None if c is None else self.trace.node_of(c) for c in incoming]
        sent = [None if c is None else self.trace.node_of(c) for c in contributions]
        self.trail.steps.append(Step(node, tuple(nodes), tuple(sent), made))
        if count == 1 and nodes[0] is not None:
            self.trail.cotangents[node] = nodes[0]


def pullback_graph(graph: Graph, wrt: Sequence[int], seeded: Sequence[int]) -> Graph:
    """The backward pass alone, as a closed graph: inputs and cotangents → gradients."""
    extended, _ = gradient(graph, wrt, seeded)
    return Graph(extended.inputs, extended.outputs[len(graph.outputs) :], extended.origins)
