"""ML004: a column beside a row, of which broadcasting makes a square."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.recognition import by_element, source
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject


@rule("ML004", "a column against a row", "列向量与行向量的意外广播")
@in_chinese(
    "形状为 (N, 1) 的预测遇到形状为 (N,) 的目标，广播使每个预测与所有目标比较。",
    "(N, 1) − (N,) 的形状是 (N, N)。当每个预测都等于全部目标的均值时，它的均方最小，于是网络学到的就只是这个均值。"
    "maplet 的损失函数拒绝这样的形状，手写的损失不会。",
    "把 `mp.mean((net(x) - y) ** 2)` 改为 `mp.mean((net(x) - y[:, None]) ** 2)`，或使用 `nn.mse`。",
)
def column_against_row(subject: Subject) -> Iterator[Finding]:
    """Predictions (N, 1) meet targets (N,), and broadcasting compares each with all.

    (N, 1) − (N,) has the shape (N, N). Its mean of squares is least where every prediction is the mean of all targets,
    so that the net learns just that. The losses of maplet refuse such shapes; a loss that is written by hand does not.

    Instead of ``mp.mean((net(x) - y) ** 2)`` write ``mp.mean((net(x) - y[:, None]) ** 2)``, or `nn.mse`.
    """
    targets = set(subject.argument(2)) if subject.predictions else subject.read.with_data
    trained = subject.read.with_parameters
    for node in subject.read.order:
        if len(node.inputs) != 2 or isinstance(node.type, tuple) or len(node.type.shape) != 2 or not by_element(node):
            continue
        for column, row in (node.inputs, node.inputs[::-1]):
            count = row.array_type.size
            if column.array_type.shape == (count, 1) and row.array_type.shape == (count,) and count > 1:
                one, other = (column, row) if column in trained else (row, column)
                if one in trained and other not in trained and _only_of(other, targets):
                    yield _found(subject, node, column, row)
                    break


def _only_of(node: Node, targets: set[Node]) -> bool:
    """Whether a node is the targets, up to moves, casts and functions of each number with constants."""
    node = source(node)
    while node not in targets and by_element(node):
        inner = [child for child in node.inputs if child.array_type.size > 1]
        if len(inner) != 1:
            return False
        node = source(inner[0])
    return node in targets


def _found(subject: Subject, node: Node, column: Node, row: Node) -> Finding:
    count = row.array_type.size
    return Finding(
        Bilingual(
            f"{node.primitive.name} of shapes {(count, 1)} and {(count,)} has the shape {(count, count)}: every "
            "prediction is compared with every target",
            f"形状 {(count, 1)} 与 {(count,)} 经 {node.primitive.name} 得到形状 {(count, count)}："
            "每个预测都与所有目标比较",
        ),
        Bilingual(
            "give both the same shape: mp.expand_dims(y, axis=-1) for the targets, or mp.squeeze(net(x), axis=-1)",
            "让两者形状相同：对目标用 mp.expand_dims(y, axis=-1)，或对预测用 mp.squeeze(net(x), axis=-1)",
        ),
        subject.origin(node),
        {"column": column.array_type.shape, "row": row.array_type.shape},
    )
