"""`lint`: what is likely to go wrong in training, read off the graph before the first step.

A rule maps a graph to findings. Each finding has a stable code, evidence, the place in the user's code, and a fix.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.core.graph import Graph, Node, in_order, nested_graphs
from maplet.core.kinds import access_at, is_elementwise, only_moves
from maplet.core.recording import record
from maplet.core.types import is_floating
from maplet.transforms.gradient import active_nodes
from maplet.transforms.masks import Masks

if TYPE_CHECKING:
    from maplet.core.context import Origin


@dataclass(frozen=True)
class Finding:
    """Something that is likely to go wrong.

    Examples
    --------
    >>> print(Finding("ML001", "where hides an infinite derivative", "train.py:3", "make the operand safe inside"))
    ML001 where hides an infinite derivative
      at:  train.py:3
      fix: make the operand safe inside
    """

    code: str
    message: str
    where: str
    fix: str

    def __str__(self) -> str:
        place = f"\n  at:  {self.where}" if self.where else ""
        return f"{self.code} {self.message}{place}\n  fix: {self.fix}"


Rule = Callable[[Graph], Iterator[Finding]]


def lint(f: Callable[..., Any], *args: Any) -> list[Finding]:
    """Look at a function before it is differentiated, and name what is likely to make its gradient NaN.

    Today it looks for one thing; more rules are to come, so an empty list is no promise that all is well:

    - ML001: a `where` that leaves out values of an operation whose derivative is infinite or NaN there, in a form that
      the gradient does not make safe by itself.

    Parameters
    ----------
    f
        A function of arrays, trees or modules, such as a loss.
    *args
        Arrays of the shapes and dtypes that it will be given; their values are not looked at.

    Returns
    -------
    What was found, in the order of the program; an empty list where these rules have nothing to say.

    Examples
    --------
    >>> import maplet as mp
    >>> def safe_root(x):
    ...     root = mp.sqrt(x)
    ...     return mp.sum(mp.where(x > 0, root, 0.0)) + mp.sum(mp.where(x > 1, root, 0.0))
    >>> [finding.code for finding in mp.lint(safe_root, mp.ones((3,)))]
    ['ML001']
    """
    graph = record(f, args, with_values=False).graph
    return [finding for rule in rules for part in _with_nested(graph) for finding in rule(part)]


def _with_nested(graph: Graph) -> Iterator[Graph]:
    yield graph
    for node in in_order(graph.outputs):
        for inner in nested_graphs(node).values():
            yield from _with_nested(inner)


# ── ML001: where hides an infinite derivative ────────────────────────────────────────────────────


def where_hides_infinity(graph: Graph) -> Iterator[Finding]:
    """A `where` that guards an operation against an operand whose derivative is infinite, and guards its value alone.

    The derivative of the branch not taken is 0 · ∞ = NaN. Where the branch belongs to the `where` alone and is made
    element by element, the gradient sets it to 0 (`transforms/masks`); this finds the others.
    """
    order = in_order(graph.outputs)
    active = active_nodes(order, [node for node in graph.inputs if _is_real(node)])
    kept = _kept_at_zero(graph, order, active)
    hidden: dict[Node, Finding] = {}
    for node in order:
        if node.primitive.name == "where" and node in active:
            for found, origin in _unsafe(node.inputs[1:], _guard(node.inputs[0]), active, kept, graph.origins):
                hidden.setdefault(found, _hidden(found, origin, graph.origins.get(node)))
    yield from hidden.values()


def _kept_at_zero(graph: Graph, order: Sequence[Node], active: set[Node]) -> Collection[Node]:
    """The nodes whose elements that do not count the gradient sets to 0 by itself."""
    masks = Masks(order, graph.outputs, active)
    for node in reversed(order):
        if node in active:
            masks.pass_on(node)
    return masks.of


def _unsafe(
    branches: Sequence[Node],
    guard: Guard,
    active: set[Node],
    kept: Collection[Node],
    origins: Mapping[Node, Origin],
) -> Iterator[tuple[Node, Origin | None]]:
    """What has an infinite derivative at guarded numbers, in the branches or a graph nested there; and its origin."""
    ends = guard.numbers.union(node for node in in_order(branches) if node not in active)
    for found in in_order(branches, ends):
        if found in ends or found in kept:
            continue
        critical = found.inputs[1:] if found.primitive.name in ("divide", "remainder") else found.inputs
        if found.primitive.singular and any(_stands_on(child, guard) for child in critical):
            yield found, origins.get(found)
        # Of a function with a derivative of its author's, what is inside does not matter.
        inside = {} if found.primitive.name == "custom_gradient" else nested_graphs(found)
        for graph in inside.values():
            operands = found.inputs[len(found.inputs) - len(graph.inputs) :]  # first stands the number of a branch
            entries = {own for own, x in zip(graph.inputs, operands, strict=True) if _stands_on(x, guard)}
            order = in_order(graph.outputs)
            moving = active_nodes(order, list(entries))
            kept_inside = _kept_at_zero(graph, order, moving)
            yield from _unsafe(graph.outputs, Guard(entries, guard.at_once), moving, kept_inside, graph.origins)


@dataclass(frozen=True)
class Guard:
    """The real numbers that a condition looks at; and whether at all of them at once, as `any` and `all` do."""

    numbers: set[Node]
    at_once: bool


def _guard(condition: Node) -> Guard:
    numbers = _compared(condition)
    return Guard(numbers, any(node.primitive.name in ("any", "all") for node in in_order([condition], numbers)))


def _compared(condition: Node) -> set[Node]:
    """The real numbers that a condition looks at."""
    if _is_real(condition):
        return {condition} if condition.inputs or condition.primitive.name == "input" else set()
    return {number for child in condition.inputs for number in _compared(child)}


def _stands_on(node: Node, guard: Guard) -> bool:
    """Whether an operand is made of a number that is guarded, and of no other; or of all of them, of all at once."""
    source = _source(node)
    if any(source.meets(_source(number)) for number in guard.numbers):
        return True
    while guard.at_once and len(node.inputs) == 1 and not node.primitive.singular and node not in guard.numbers:
        (node,) = node.inputs
    return node in guard.numbers


@dataclass(frozen=True)
class Source:
    """What an array is made of element by element: a node, and the selections from it, one after the other.

    What rearranges or repeats elements, converts them or is another function of one element is left out.
    """

    node: Node
    selections: tuple[str, ...]

    def meets(self, other: Source) -> bool:
        """Whether both may be made of the same element: as far as both select, they select the same."""
        steps = zip(self.selections, other.selections, strict=False)
        return self.node is other.node and all(mine == theirs for mine, theirs in steps)


def _source(node: Node) -> Source:
    selections: tuple[str, ...] = ()
    while sum(map(_is_real, node.inputs)) == 1 and _is_real(first := node.inputs[0]):
        access = access_at(node)
        if access is None or not (only_moves(access.value) or is_elementwise(access)) or node.primitive.singular:
            break
        others = node.inputs[1:]
        if others or node.array_type.size < first.array_type.size:
            selections = (f"{node.primitive.name} {node.params} {[id(other) for other in others]}", *selections)
        node = first
    return Source(node, selections)


def _is_real(node: Node) -> bool:
    return not isinstance(node.type, tuple) and is_floating(node.type.dtype)


def _hidden(found: Node, origin: Origin | None, guard: Origin | None) -> Finding:
    name = found.primitive.name
    return Finding(
        "ML001",
        f"the where at {guard} leaves out values of {name} where its derivative is infinite or NaN; 0 times "
        "that is NaN, and it reaches the gradient",
        str(origin or ""),
        f"make the operand safe as well: {name}(mp.where(condition, x, 1.0)) inside of the outer where",
    )


rules: Sequence[Rule] = (where_hides_infinity,)
