"""ML017: layers in a row with nothing between them, which are one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.opening import carry, row
from maplet.health.lint.recognition import as_probability, is_number, is_real, moves, number_in, source
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.reading import Product
    from maplet.health.lint.subject import Subject


@rule("ML017", "linear in disguise", "貌似多层，实为线性")
@in_chinese(
    "两个线性层前后相接，中间除了偏置什么也没有。",
    "(x W₁ + b₁) W₂ + b₂ = x (W₁W₂) + (b₁W₂ + b₂)：两层并不比一层多表达什么，中间有随机失活、均值或展平时也是如此。"
    "中间比两端都窄是有意的设计（低秩矩阵）；分组卷积之后接全通道卷积、循环层之前的线性层、表中各行的加权平均也"
    "是如此，都不会报告。",
    "在它们之间加激活函数：`nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))`。",
)
def linear_in_disguise(subject: Subject) -> Iterator[Finding]:
    """Two linear layers follow each other with nothing between them but a bias.

    (x W₁ + b₁) W₂ + b₂ = x (W₁W₂) + (b₁W₂ + b₂): two layers say no more than one, also with dropout, a mean or a
    flattening between them. A middle that is narrower than both ends is meant (it is a matrix of low rank), and so are
    a convolution by groups followed by one over all of them, a layer before a recurrent one, and weighted means of the
    rows of a table; none of these is a finding.

    Put an activation between them: ``nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))``.
    """
    by_node = {product.node: product for product in subject.read.products}
    for second in subject.read.products:
        first = _linear_before(subject, second.data, by_node)
        if first is None or _is_meant(subject, first, second):
            continue
        before, between, after = _width(first.data), _width(first.node), _width(second.node)
        if between >= min(before, after):
            names = [*subject.read.parameters_in(first.weights), *subject.read.parameters_in(second.weights)]
            yield Finding(
                Bilingual(
                    f"{' and '.join(names)} are one linear map: there is no activation between them",
                    f"{'、'.join(names)} 合起来只是一个线性映射：它们之间没有激活函数",
                ),
                Bilingual(
                    "put an activation between them, such as nn.ReLU(), or leave one of them out",
                    "在它们之间加激活函数，例如 nn.ReLU()，或去掉其中一个",
                ),
                subject.origin(second.node),
                {"widths": (before, between, after)},
            )


def _is_meant(subject: Subject, first: Product, second: Product) -> bool:
    """Whether two products in a row are a design: groups and all, means of a table's rows, before a recurrent layer."""
    by_groups = any(one.node.primitive.name == "conv" and _groups(one) > 1 for one in (first, second))
    return by_groups or as_probability(source(first.data)) is not None or _enters_a_loop(subject, second.node)


def _linear_before(subject: Subject, node: Node, by_node: dict[Node, Product]) -> Product | None:
    """The product from which a node comes along a single way of moves, biases and factors."""
    here: Node | None = node
    while here is not None and len(subject.read.consumers.get(here, ())) == 1 and here not in subject.predictions:
        if here in by_node:
            return by_node[here]
        if here.primitive in (row, carry):  # the products of a recurrent layer
            return None
        here = _where_columns_are(here) if len(here.inputs) == 1 else _affine_in(subject, here)
    return None


def _where_columns_are(node: Node) -> Node | None:
    """The operand of a linear node of one that does not turn the axis over which a product is taken."""
    axes, last = node.params.get("axes", ()), node.inputs[0].array_type.ndim - 1
    if node.primitive.name == "permute_dims":
        keeps = axes[-1] == last
    elif node.primitive.name == "sum":
        keeps = last not in axes
    else:
        keeps = node.primitive.name == "negative" or (moves(node) and is_real(node))
    return node.inputs[0] if keeps else None


def _affine_in(subject: Subject, node: Node) -> Node | None:
    """The one operand that depends on the data, where the other is a bias, a number, or the mask of a dropout.

    At inference there is no dropout, and the net is what it is without.
    """
    name = node.primitive.name
    if name == "where":
        mask, *branches = node.inputs
        kept = [branch for branch in branches if not is_number(branch, 0.0)]
        return kept[0] if len(kept) == 1 and _is_drawn(subject, mask) else None
    on = [child for child in node.inputs if child in subject.read.with_data]
    if len(node.inputs) != 2 or len(on) != 1 or (name == "divide" and on[0] is node.inputs[1]):
        return None
    (other,) = (child for child in node.inputs if child is not on[0])
    if name in ("add", "subtract"):
        return on[0]
    is_factor = number_in(other) is not None or _is_drawn(subject, other)
    return on[0] if name in ("multiply", "divide") and is_factor else None


def _is_drawn(subject: Subject, mask: Node) -> bool:
    return mask in subject.read.random and mask not in subject.read.with_data


def _width(node: Node) -> int:
    return node.array_type.shape[-1]


def _groups(convolution: Product) -> int:
    return convolution.node.array_type.shape[-2]


def _enters_a_loop(subject: Subject, node: Node) -> bool:
    """Whether a recurrent layer takes what a node gives: its first product is but a part of it."""
    seen, waiting = {node}, [node]
    while waiting:
        for reader in subject.read.consumers.get(waiting.pop(), ()):
            if reader.primitive in (row, carry) or reader.primitive.name == "recurrence":
                return True
            if (moves(reader) or reader.primitive.name == "add") and reader not in seen:
                seen.add(reader)
                waiting.append(reader)
    return False
