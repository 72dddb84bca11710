"""ML012: targets that the net cannot reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.tree import leaves
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.ranges import Ranges
from maplet.health.lint.recognition import source
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.lint.subject import Subject


@rule("ML012", "targets out of reach", "目标值超出网络的输出范围")
@in_chinese(
    "目标值位于最后的激活函数达不到的地方。",
    "sigmoid 的值在 (0, 1) 之内，tanh 的值在 (−1, 1) 之内，ReLU 的值不小于 0：目标是 2 和 3 而最后是 sigmoid 时，均"
    "方误差有一个降不下去的下限，训练的结局是所有输出都趋于 1。二分类的损失 softplus(z) − z·y 比较的是概率；目标"
    "为 −1 时它没有最小值。",
    "去掉最后的激活函数，或把目标缩放到它的值域内。",
)
def out_of_reach(subject: Subject) -> Iterator[Finding]:
    """The targets lie where the last activation cannot go.

    A sigmoid ends within (0, 1), a tanh within (−1, 1), a ReLU at 0: with the targets 2 and 3 after a sigmoid the mean
    squared error has a floor, and training ends with every output at 1. The loss of yes and no, softplus(z) − z·y,
    compares with probabilities; with targets of −1 it has no least value.

    Leave the last activation out, or scale the targets into its range.
    """
    _, y = subject.data
    targets = [leaf.numpy() for leaf in leaves(y).values() if leaf.size]
    if len(subject.predictions) != 1 or len(targets) != 1:
        return
    prediction, given = subject.predictions[0], np.asarray(targets[0], np.float64)
    if _compared(subject):
        low, high = Ranges(subject.opened).of(prediction)
        what = Bilingual("the output of the net", "网络的输出")
        fix = Bilingual(
            "leave the last activation out, or scale the targets into its range",
            "去掉最后的激活函数，或把目标缩放到它的值域内",
        )
    elif _of_yes_and_no(subject):
        low, high = 0.0, 1.0
        what = Bilingual("the probabilities that the loss compares with them", "损失用来与之比较的概率")
        fix = Bilingual("number the classes 0 and 1", "把两个类别编号为 0 和 1")
    else:
        return
    outside = (given < low - 1e-6) | (given > high + 1e-6)
    if outside.any():
        yield Finding(
            Bilingual(
                f"{int(outside.sum())} of {outside.size} targets cannot be reached: they go from {given.min():.4g} to "
                f"{given.max():.4g}, {what} from {low:.4g} to {high:.4g}",
                f"{outside.size} 个目标中有 {int(outside.sum())} 个无法达到：目标从 {given.min():.4g} 到 "
                f"{given.max():.4g}，而{what.zh}从 {low:.4g} 到 {high:.4g}",
            ),
            fix,
            subject.origin(source(prediction)),
            {"low": low, "high": high, "targets": int(outside.sum())},
        )


def _compared(subject: Subject) -> bool:
    """Whether the loss subtracts predictions and targets of the same shape from each other."""
    targets, ends = set(subject.argument(2)), {source(node) for node in subject.predictions}
    for node in subject.read.order:
        if node.primitive.name == "subtract":
            one, other = (source(child) for child in node.inputs)
            if (one in ends and other in targets) or (other in ends and one in targets):
                return node.inputs[0].array_type.shape == node.inputs[1].array_type.shape
    return False


def _of_yes_and_no(subject: Subject) -> bool:
    """Whether the loss is the cross-entropy of a sigmoid of the predictions.

    It is softplus(z) − z·y, or y·softplus(−z) + (1 − y)·softplus(z).
    """
    targets, ends = set(subject.argument(2)), {source(node) for node in subject.predictions}
    found = [squash for squash in subject.read.squashes if squash.kind == "softplus" and source(squash.logits) in ends]
    products = [set(map(source, node.inputs)) for node in subject.read.order if node.primitive.name == "multiply"]
    times_targets = any(not pair.isdisjoint(ends) and not pair.isdisjoint(targets) for pair in products)
    return len(found) > 1 or (len(found) == 1 and times_targets)
