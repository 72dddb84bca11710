"""ML013 and ML014: the last layer and the numbers of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.tree import leaves
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.recognition import source
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject

enough_rows = 20  # per class, before it means anything that a class is missing


@rule("ML013", "the last layer and the number of classes", "最后一层与类别数不符")
@in_chinese(
    "类别比输出多，或者有些输出对应的类别从不出现。",
    "没有对应输出的目标就没有对数几率；越界的编号会悄悄变成另一个类别。从不是答案的输出代价不大，但往往说明目标并不"
    "是想要的那一列。",
    "让最后一层的输出个数等于类别数：`int(y.max()) + 1`。",
)
def width_of_the_end(subject: Subject) -> Iterator[Finding]:
    """There are more classes than outputs, or outputs for classes that never occur.

    A target that is no output has no logit; a number that is not looked up is silently another one. Outputs that are
    never the answer cost little, but mostly tell that the targets are not what was meant.

    Give the last layer as many outputs as there are classes: ``int(y.max()) + 1``.
    """
    found = _labels(subject)
    if found is None:
        return
    labels, prediction = found
    outputs, highest, lowest = prediction.array_type.shape[-1], int(labels.max()), int(labels.min())
    if lowest < 0:
        yield Finding(
            Bilingual(
                f"the net has {outputs} outputs, and the targets go down to {lowest}",
                f"网络有 {outputs} 个输出，而目标最小是 {lowest}",
            ),
            Bilingual(f"number the classes from 0: y + {-lowest}", f"类别从 0 开始编号：y + {-lowest}"),
            subject.origin(prediction),
            {"outputs": outputs, "lowest": lowest},
        )
    if highest >= outputs and not _from_one(labels, outputs):
        yield Finding(
            Bilingual(
                f"the net has {outputs} outputs, and the targets go up to {highest}",
                f"网络有 {outputs} 个输出，而目标最大是 {highest}",
            ),
            Bilingual(f"give the last layer {highest + 1} outputs", f"让最后一层有 {highest + 1} 个输出"),
            subject.origin(prediction),
            {"outputs": outputs, "highest": highest},
        )
    missing = outputs - highest - 1
    if missing > 0 and _speaks_for_all(labels, highest + 1, outputs):
        yield Finding(
            Bilingual(
                f"the net has {outputs} outputs, and in {labels.size} rows there are {highest + 1} classes",
                f"网络有 {outputs} 个输出，而 {labels.size} 行中只有 {highest + 1} 个类别",
            ),
            Bilingual(
                f"give the last layer {highest + 1} outputs, or look whether the targets are the right column",
                f"让最后一层有 {highest + 1} 个输出，或检查目标是否取对了列",
            ),
            subject.origin(prediction),
            {"outputs": outputs, "classes": highest + 1},
        )


@rule("ML014", "classes that are numbered from 1", "类别从 1 开始编号")
@in_chinese(
    "目标从 1 到 C 编号，而输出从 0 到 C − 1 编号。",
    "有 C 个输出时，最后一个类别越界；有 C + 1 个输出时，第一个输出从不是答案。",
    "减去 1：`y - 1`。",
)
def numbered_from_one(subject: Subject) -> Iterator[Finding]:
    """The targets go from 1 to C, and the outputs from 0 to C − 1.

    With C outputs the last class is out of range; with C + 1 the first output is never the answer.

    Subtract 1: ``y - 1``.
    """
    found = _labels(subject)
    if found is None:
        return
    labels, prediction = found
    outputs = prediction.array_type.shape[-1]
    all_there = labels.min() == 1 and labels.max() == outputs - 1 and _speaks_for_all(labels - 1, outputs - 1, outputs)
    if _from_one(labels, outputs) or all_there:
        yield Finding(
            Bilingual(
                f"the classes are numbered from 1 to {int(labels.max())}, and the outputs of the net from 0 to "
                f"{outputs - 1}",
                f"类别从 1 到 {int(labels.max())} 编号，而网络的输出从 0 到 {outputs - 1} 编号",
            ),
            Bilingual("number the classes from 0: y - 1", "类别从 0 开始编号：y - 1"),
            subject.origin(prediction),
            {"lowest": 1, "highest": int(labels.max()), "outputs": outputs},
        )


def _labels(subject: Subject) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], Node] | None:
    """The classes of all rows that are known, and the logits that are compared with them."""
    _, y = subject.data
    targets = [leaf.numpy() for leaf in leaves(y).values()]
    if len(targets) != 1 or not targets[0].ndim or targets[0].dtype.kind not in "iu" or not targets[0].size:
        return None
    for prediction in subject.predictions:
        shape = prediction.array_type.shape
        logits = [
            source(squash.logits) for squash in subject.read.squashes if squash.kind in ("softmax", "log_softmax")
        ]
        known = source(prediction) in logits or source(prediction) in [s.node for s in subject.read.squashes]
        if len(shape) == targets[0].ndim + 1 and shape[1:-1] == targets[0].shape[1:] and shape[-1] > 1 and known:
            return targets[0].astype(np.int64), prediction
    return None


def _from_one(labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]], outputs: int) -> bool:
    """Whether the highest class is one too high, and the lowest is 1."""
    return bool(labels.min() == 1 and labels.max() == outputs)


def _speaks_for_all(labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]], classes: int, outputs: int) -> bool:
    """Whether there are so many rows, in no order, that a class that is missing is missing for good.

    Of sequences and images there may be more outputs than classes: a vocabulary is rarely all used.
    """
    if labels.ndim > 1 or labels.size < enough_rows * outputs or (np.diff(labels) >= 0).all():
        return False
    if labels.min() < 0 or classes < 2:
        return False
    return bool(np.bincount(labels, minlength=classes).min() >= enough_rows // 4)
