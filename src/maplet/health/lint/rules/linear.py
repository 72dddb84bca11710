"""ML017: layers in a row with nothing between them, which are one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.reading import moves, number_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.reading import Product
    from maplet.health.lint.subject import Subject


@rule("ML017", "linear in disguise")
def linear_in_disguise(subject: Subject) -> Iterator[Finding]:
    """Two linear layers follow each other with nothing between them but a bias.

    (x W₁ + b₁) W₂ + b₂ = x (W₁W₂) + (b₁W₂ + b₂): two layers say no more than one. A middle that is narrower than both
    ends is meant (it is a matrix of low rank), and so are a convolution by groups followed by one over all of them, and
    a layer before a recurrent one; none of these is a finding.

    Put an activation between them: ``nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))``.
    """
    by_node = {product.node: product for product in subject.read.products}
    for second in subject.read.products:
        first = _linear_before(subject, second.data, by_node)
        if first is None or _grouped(first) or _grouped(second) or _enters_a_loop(subject, second.node):
            continue
        before, between, after = _width(first.data), _width(first.node), _width(second.node)
        if between >= min(before, after):
            names = [*subject.read.parameters_in(first.weights), *subject.read.parameters_in(second.weights)]
            yield Finding(
                f"{' and '.join(names)} are one linear map: there is nothing between them but a bias",
                "put an activation between them, such as nn.ReLU(), or leave one of them out",
                subject.origin(second.node),
                {"widths": (before, between, after)},
            )


def _linear_before(subject: Subject, node: Node, by_node: dict[Node, Product]) -> Product | None:
    """The product from which a node comes along a single way of moves, biases and factors."""
    if len(subject.read.consumers.get(node, ())) != 1 or node in subject.predictions:
        return None
    if (product := by_node.get(node)) is not None:
        return product
    before = node.inputs[0] if len(node.inputs) == 1 and (moves(node) or node.primitive.name == "negative") else None
    if before is None and node.primitive.name in ("add", "subtract", "multiply", "divide"):
        before = _affine_in(subject, node)
    return None if before is None else _linear_before(subject, before, by_node)


def _affine_in(subject: Subject, node: Node) -> Node | None:
    """The one operand that depends on the data, where the other is a bias or a number."""
    on = [child for child in node.inputs if child in subject.read.with_data]
    other = [child for child in node.inputs if child not in subject.read.with_data]
    if len(on) != 1 or len(other) != 1 or (node.primitive.name == "divide" and on[0] is node.inputs[1]):
        return None
    return on[0] if node.primitive.name in ("add", "subtract") or number_in(other[0]) is not None else None


def _width(node: Node) -> int:
    return node.array_type.shape[-1]


def _grouped(product: Product) -> bool:
    """Whether a convolution is one by groups."""
    return product.node.primitive.name == "conv" and product.node.array_type.shape[-2] > 1


def _enters_a_loop(subject: Subject, node: Node) -> bool:
    """Whether a recurrent layer takes what a node gives: its first product is but a part of it."""
    readers = subject.read.consumers.get(node, ())
    return any(
        reader.primitive.name in ("scan", "while_loop", "recurrence")
        or ((moves(reader) or reader.primitive.name == "add") and _enters_a_loop(subject, reader))
        for reader in readers
    )
