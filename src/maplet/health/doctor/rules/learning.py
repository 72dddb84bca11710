"""MD009 and MD012: what the net has not learned, although it could."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.array import from_value
from maplet.core.tree import leaves
from maplet.errors import MapletError
from maplet.health.doctor.answers import losses_of_numbers, share, unexplained
from maplet.health.doctor.diagnosis import Diagnosis, percent, rule, sparkline
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.answers import Answers, Numbers
    from maplet.health.doctor.course import Course

behind, by_far = 0.2, 1.6  # how far the net is behind the yardstick, as a difference and as a factor
given_back = 0.05  # of the variance of the targets, that the inputs as they are do not explain
fewest, seldom, remembered = 8, 0.5, 0.05  # rows of a rare class; its share by that of equal classes; its recall


@rule("MD009", "underfitting", "欠拟合")
@in_chinese(
    "对没有见过的行，简单方法答得比网络对训练过的行还要好。",
    (
        "这个方法是核岭回归，它不需要训练，对每一行的了解都只来自其他各行。误差以最好的常数答案为单位：错误类别"
        "的比例除以总答最常见类别时的比例，或均方误差除以方差。足够大、足够自由、训练足够久的网络，在自己的训练"
        "行上应当领先。如果目标就是重现输入，则较窄的中间层本来就会丢失一些信息：此时不作诊断。如果自定义的损失并不认为该方法的答案好得多，"
        "也不作诊断。"
    ),
)
def underfits(course: Course) -> Iterator[Diagnosis]:
    """A simple method answers rows that it has not seen better than the net answers those that it was trained on.

    The method is kernel ridge regression, which has no training and knows each row only by the others. Errors are
    counted in those of the best constant answer: the share of wrong classes by that of always the most frequent one, or
    the mean squared error by the variance. A net that is large enough, free enough and trained for long enough is ahead
    on its own rows. Where the inputs are to be given back, a narrow middle is meant to lose something: nothing is said.
    Nor is it where a loss of your own does not find the method's answers to be far better.
    """
    if course.yardstick is None:
        return
    part, given = course.yardstick
    if part.x.shape == part.targets.shape and unexplained(part.targets, part.x, of_classes=False) < given_back:
        return
    could = unexplained(part.targets, given, of_classes=part.of_classes)
    held_out = course.validation.wrong if course.validation is not None else part.wrong
    if min(part.wrong, held_out) > max(could + behind, by_far * could) and _loss_agrees(course, part, given):
        loss = course.epochs("loss")
        falls = len(loss) > 1 and loss[-1] < 0.97 * loss[-2]
        yield Diagnosis(
            Bilingual(
                "the net has not learned what a simple method sees in the same rows",
                "简单方法在同样的行中看出的规律，网络没有学到",
            ),
            Bilingual("train for longer: the loss was still falling", "训练更久：损失还在下降")
            if falls
            else Bilingual(
                "a larger net, or less decay and dropout; let the loss and the last layer fit the targets",
                "加大网络，或者减小权重衰减和随机失活；让损失函数和最后一层与目标相配",
            ),
            {
                Bilingual("unexplained by the net", "网络未能解释的部分"): part.wrong,
                Bilingual("by kernel ridge regression", "核岭回归未能解释的部分"): could,
            },
            sparkline(loss.tolist()),
            0.9,
        )


def _loss_agrees(course: Course, part: Answers, given: Numbers) -> bool:
    """Whether a loss of somebody's own finds the method's answers far better, too; it may ask for directions, say."""
    learned, means = course.given, course.epochs("loss")
    if part.of_classes or learned is None or learned.training is None or not len(means):
        return True
    if getattr(learned.loss, "__name__", "") in losses_of_numbers:
        return True
    (leaf,) = leaves(learned.training.y).values()

    def loss(answers: Numbers) -> float:
        shape = (len(answers), *leaf.shape[1:])
        pair = (from_value(one.reshape(shape).astype(leaf.dtype)) for one in (answers, part.targets))
        return learned.loss(*pair).item()

    try:
        own = loss(part.given)
        return own - loss(given) > behind * (means[0] - own)
    except MapletError:
        return True


@rule("MD012", "a class that is ignored", "被忽略的类别")
@in_chinese(
    "某个少见的类别（几乎）从不被预测，而准确率看上去仍然很好。",
    "少见是指：该类别的行数不到各类别行数相等时的一半。",
)
def ignored_class(course: Course) -> Iterator[Diagnosis]:
    """A rare class is (nearly) never given, and the accuracy looks good all the same.

    Rare is a class that has less than half as many rows as it would if all had the same number.
    """
    known = course.training
    if known is None or not known.of_classes:
        return
    counts = np.bincount(known.y, minlength=known.given.shape[1])
    accuracy = share(np.equal(known.chosen, known.y))
    for label in np.flatnonzero(counts >= fewest):
        part, rows = counts[label] / len(known.y), known.y == label
        recall = share(np.equal(known.chosen[rows], label))
        rare = part < seldom / np.count_nonzero(counts)
        if rare and recall <= remembered and accuracy >= (1 - part) * 0.8:
            yield Diagnosis(
                Bilingual(
                    f"class {label} is ignored: the net gives it to {percent(recall)} of its rows",
                    f"类别 {label} 被忽略：网络只把它的 {percent(recall).zh} 的行判为这一类",
                ),
                Bilingual(
                    "weigh its rows (fit takes (x, y, weights)) or repeat them; measure recall or f1 instead of "
                    "accuracy; a lower threshold for it",
                    "给它的行加权（fit 接受 (x, y, weights)）或重复采样；用召回率或 f1 代替准确率；降低它的判定阈值",
                ),
                {
                    Bilingual("recall", "召回率"): recall,
                    Bilingual("share of the rows", "占全部行的比例"): float(part),
                    Bilingual("accuracy", "准确率"): accuracy,
                },
                sparkline(counts.tolist()),
                0.85,
            )
            return
