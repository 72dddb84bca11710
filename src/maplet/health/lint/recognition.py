"""What a node is, by its structure: a number, a move, a softmax or a sigmoid, also one that is written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.core.graph import constant_primitive, input_primitive
from maplet.core.kinds import access_at, is_elementwise, only_moves
from maplet.core.types import is_floating
from maplet.health.lint.opening import doors, enter, leave, row

if TYPE_CHECKING:
    from maplet.core.graph import Node


@dataclass(frozen=True)
class Squash:
    """Where numbers are squashed into probabilities, or compared as if they were to be: ``node`` takes ``logits``.

    ``kind`` is ``softmax`` or ``sigmoid`` for the probabilities themselves; ``log_softmax`` and ``softplus`` for their
    logarithms, which is what losses of logits compute.
    """

    kind: str
    node: Node
    logits: Node


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


def is_relu(node: Node) -> bool:
    """Whether a node is max(z, 0), as the layer or by hand."""
    name, inputs = node.primitive.name, node.inputs
    if name == "maximum":
        return any(is_number(operand, 0.0) for operand in inputs)
    return name == "where" and is_number(inputs[1], 0.0) and source(inputs[2]) in map(source, inputs[0].inputs)


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


def as_logarithm(node: Node) -> Squash | None:
    """The logarithm of a softmax or a sigmoid that a node is a part of: ln Σ e^z, or ln(1 + e^±z)."""
    if node.primitive.name == "log":
        total = source(node.inputs[0])
        if total.primitive.name == "sum" and total.inputs[0].primitive.name == "exp":
            return Squash("log_softmax", node, _shifted(total.inputs[0].inputs[0]))
    if node.primitive.name == "logaddexp" and is_number(node.inputs[1], 0.0):
        operand = node.inputs[0]
        return Squash("softplus", node, operand.inputs[0] if operand.primitive.name == "negative" else operand)
    return None


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
