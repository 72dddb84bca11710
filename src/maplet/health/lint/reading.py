"""Reading a training graph: what comes of what, which products have weights, what is a softmax or a sigmoid.

Everything is recognised by structure, so that a softmax that is written by hand is one too. Nested graphs are opened
(`opening`), so that it does not matter whether it stands in the step of a loop.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from maplet.core.graph import constant_primitive, in_order, input_primitive
from maplet.core.kinds import access_at, is_elementwise, only_moves
from maplet.core.types import is_floating
from maplet.health.lint.opening import doors, enter, leave, row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.health.lint.opening import Opened

products = ("matmul", "contract", "conv")


@dataclass(frozen=True)
class Product:
    """A product of data with weights: the node, and its two operands."""

    node: Node
    data: Node
    weights: Node


@dataclass(frozen=True)
class Squash:
    """Where numbers are squashed into probabilities, or compared as if they were to be: ``node`` takes ``logits``.

    ``kind`` is ``softmax`` or ``sigmoid`` for the probabilities themselves; ``log_softmax`` and ``softplus`` for their
    logarithms, which is what losses of logits compute.
    """

    kind: str
    node: Node
    logits: Node


class Reading:
    """Facts about a graph.

    Parameters
    ----------
    opened
        The training graph; its first output is the loss.
    parameters
        The nodes of the trainable parameters.
    owned
        The nodes of all arrays of what is trained, running statistics and the like included.
    """

    def __init__(self, opened: Opened, parameters: Mapping[str, Node], owned: set[Node]) -> None:
        self.opened, self.parameters, self.owned = opened, parameters, owned
        self.order: list[Node] = opened.order

    @cached_property
    def consumers(self) -> Mapping[Node, Sequence[Node]]:
        """Which nodes read a node."""
        found: dict[Node, list[Node]] = defaultdict(list)
        for node in self.order:
            for child in dict.fromkeys(node.inputs):
                found[child].append(node)
        return found

    def readers(self, node: Node) -> list[Node]:
        """Which operations read a node, there or where a door leads it."""
        found: list[Node] = []
        for reader in self.consumers.get(node, ()):
            found += self.readers(reader) if reader.primitive in doors else [reader]
        return found

    # ── what comes of what ───────────────────────────────────────────────────────────────────────

    def operands(self, node: Node) -> tuple[Node, ...]:
        """What a node is made of; what a step is handed on also of what the step before leaves."""
        left = self.opened.returns.get(node)
        return node.inputs if left is None else (*node.inputs, left)

    def carried(self, node: Node) -> tuple[Node, ...]:
        """The operands of a node to which a gradient goes on."""
        if node in self.opened.sent:
            return self.opened.sent[node]
        if node.primitive.gradient is None and node.primitive.name != "item" and node.primitive not in doors:
            return ()
        return tuple([child for child in self.operands(node) if has_reals(child)]) if has_reals(node) else ()

    def after(self, sources: Iterable[Node]) -> set[Node]:
        """The sources and all that is made of them."""
        return self._after(sources, self.operands)

    def moved_by(self, sources: Iterable[Node]) -> set[Node]:
        """The sources and all that moves when they move a little."""
        return self._after(sources, self.carried)

    def _after(self, sources: Iterable[Node], operands: Callable[[Node], Sequence[Node]]) -> set[Node]:
        found = set(sources)
        before = -1
        while before != len(found):  # once, and again as long as loops hand something on
            before = len(found)
            for node in self.order:
                if node not in found and any(child in found for child in operands(node)):
                    found.add(node)
            if not self.opened.returns:
                break
        return found

    def before(
        self, ends: Iterable[Node], *, without: tuple[Node, Node] | None = None, gradients: bool = False
    ) -> set[Node]:
        """The ends and all that they are made of; or all to which a gradient goes on from there.

        ``without`` leaves out one operand of one operation.
        """
        found: set[Node] = set()
        waiting = list(ends)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                operands = self.carried(node) if gradients else self.operands(node)
                waiting += [child for child in operands if (node, child) != without]
        return found

    @cached_property
    def with_parameters(self) -> set[Node]:
        """What is made of a trainable parameter."""
        return self.after(self.parameters.values())

    @cached_property
    def with_data(self) -> set[Node]:
        """What is made of numbers that are not the net's own: inputs, targets, arrays that stand in the program."""
        inputs = [node for node in self.opened.graph.inputs if node not in self.owned]
        return self.after([*inputs, *(n for n in self.order if n.primitive is constant_primitive and size(n) > 1)])

    @cached_property
    def random(self) -> set[Node]:
        """What is made of random bits."""
        return self.after([node for node in self.order if node.primitive.name == "random_bits"])

    @cached_property
    def products(self) -> list[Product]:
        """The products with weights: one operand is made of parameters alone, the other is not."""
        found: list[Product] = []
        for node in self.order:
            if node.primitive.name in products:
                for weights, data in (node.inputs[::-1], node.inputs):
                    own = weights in self.with_parameters and weights not in self.with_data
                    if own and (data in self.with_data or data not in self.with_parameters):
                        found.append(Product(node, data, weights))
                        break
        return found

    def parameters_in(self, node: Node) -> list[str]:
        """The names of the parameters of which a node is made."""
        behind = set(in_order([node]))
        return [name for name, parameter in self.parameters.items() if parameter in behind]

    @cached_property
    def squashes(self) -> list[Squash]:
        """Every softmax, sigmoid, and the logarithms of such."""
        found = [squash for node in self.order if (squash := as_probability(node)) is not None]
        taken = {squash.node for squash in found}
        for node in self.order:
            if node.primitive.name == "log" and node not in taken:
                total = source(node.inputs[0])
                if total.primitive.name == "sum" and total.inputs[0].primitive.name == "exp":
                    found.append(Squash("log_softmax", node, _shifted(total.inputs[0].inputs[0])))
            if node.primitive.name == "logaddexp" and is_number(node.inputs[1], 0.0):
                operand = node.inputs[0]
                negated = operand.primitive.name == "negative"
                found.append(Squash("softplus", node, operand.inputs[0] if negated else operand))
        return found


# ── single nodes ─────────────────────────────────────────────────────────────────────────────────


def size(node: Node) -> int:
    """How many numbers a node holds; 0 where it stands for several arrays."""
    return 0 if isinstance(node.type, tuple) else node.type.size


def is_real(node: Node) -> bool:
    """Whether a node is one array of real numbers."""
    return not isinstance(node.type, tuple) and is_floating(node.type.dtype)


def has_reals(node: Node) -> bool:
    """Whether a node holds real numbers."""
    return any(is_floating(one.dtype) for one in (node.type if isinstance(node.type, tuple) else (node.type,)))


def number_in(node: Node) -> float | None:
    """The number that a node is, where it stands in the program; also one that is repeated."""
    node = source(node)
    return float(node.params["value"]) if node.primitive is constant_primitive and size(node) == 1 else None


def is_number(node: Node, number: float) -> bool:
    """Whether a node is that number."""
    return number_in(node) == number


def moves(node: Node) -> bool:
    """Whether a node only puts elsewhere, repeats, leaves out or converts the elements of its one operand."""
    if node.primitive.name in ("astype", "stop_gradient", "reshape", "permute_dims", "broadcast_to", "slice"):
        return True
    if node.primitive in doors:
        return node.primitive in (enter, row, leave) and len(node.inputs) == 1
    access = access_at(node) if len(node.inputs) == 1 else None
    return access is not None and only_moves(access.value)


def source(node: Node) -> Node:
    """What stands behind moves, casts and stopped gradients."""
    while len(node.inputs) == 1 and moves(node):
        node = node.inputs[0]
    return node


def by_element(node: Node) -> bool:
    """Whether each number of a node is made of one of each operand."""
    access = access_at(node)
    return bool(node.inputs) and access is not None and is_elementwise(access)


def scaled_source(node: Node) -> Node:
    """What stands behind moves and products with numbers, such as a temperature."""
    while True:
        node = source(node)
        if node.primitive.name not in ("multiply", "divide", "negative"):
            return node
        others = [n for n, child in enumerate(node.inputs) if number_in(child) is None]
        if others != [0] and (len(others) != 1 or node.primitive.name == "divide"):
            return node
        node = node.inputs[others[0]]


def possible_sources(node: Node) -> list[Node]:
    """What stands behind a node as `scaled_source` says; behind the result of a condition, one for each branch."""
    node = scaled_source(node)
    if node.primitive is leave:
        return [behind for branch in node.inputs for behind in possible_sources(branch)]
    return [node]


def alike(a: Node, b: Node, depth: int = 6) -> bool:
    """Whether two nodes compute the same: one, or the same operations on the same."""
    if a is b:
        return True
    if depth == 0 or a.primitive is not b.primitive or a.type != b.type or a.primitive is input_primitive:
        return False
    if a.primitive is constant_primitive or a.primitive.name == "random_bits":
        return a.primitive is constant_primitive and repr(a.params) == repr(b.params)
    return repr(a.params) == repr(b.params) and all(
        alike(x, y, depth - 1) for x, y in zip(a.inputs, b.inputs, strict=True)
    )


# ── probabilities ────────────────────────────────────────────────────────────────────────────────


def as_probability(node: Node) -> Squash | None:
    """The softmax or sigmoid that a node is."""
    name = node.primitive.name
    if name == "sigmoid":
        return Squash("sigmoid", node, node.inputs[0])
    if name == "divide":
        top, bottom = node.inputs[0], source(node.inputs[1])
        if top.primitive.name == "exp" and bottom.primitive.name == "sum" and alike(bottom.inputs[0], top):
            return Squash("softmax", node, _shifted(top.inputs[0]))
        if is_number(top, 1.0):
            return _sigmoid(node, bottom)
    return _sigmoid(node, node.inputs[0]) if name == "reciprocal" else None


def _sigmoid(node: Node, bottom: Node) -> Squash | None:
    """1 / (1 + e^−z)."""
    if bottom.primitive.name == "add":
        for one, other in (bottom.inputs, bottom.inputs[::-1]):
            if is_number(one, 1.0) and other.primitive.name == "exp":
                z = other.inputs[0]
                return Squash("sigmoid", node, z.inputs[0] if z.primitive.name == "negative" else z)
    return None


def _shifted(z: Node) -> Node:
    """The logits, where their greatest is subtracted from them."""
    if z.primitive.name == "subtract" and greatest_of(z.inputs[1], z.inputs[0]):
        return z.inputs[0]
    return z


def greatest_of(node: Node, of: Node) -> bool:
    """Whether a node is the greatest of another's elements, along some axes, up to a guard against infinity."""
    node = source(node)
    if node.primitive.name == "where":
        node = source(node.inputs[1])
    return node.primitive.name == "max" and node.inputs[0] is of


def softmax_axis_length(squash: Squash) -> int:
    """How many numbers share a probability of 1."""
    total = source(squash.node.inputs[1] if squash.kind == "softmax" else squash.node.inputs[0])
    return size(total.inputs[0]) // max(size(total), 1)


def until(node: Node, ends: Collection[str]) -> list[Node]:
    """A node and what is behind it, up to and without the operations of some names."""
    found: dict[Node, None] = {}
    stack = [node]
    while stack:
        one = stack.pop()
        if one not in found and one.primitive.name not in ends:
            found[one] = None
            stack += one.inputs
    return list(found)
