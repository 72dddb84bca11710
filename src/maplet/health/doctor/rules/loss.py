"""MD004 and MD005: the course of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.doctor.answers import unexplained
from maplet.health.doctor.course import late
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.doctor.rules.moves import at_first, at_last, by_weight, climbs, creeps, diverges, nothing
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course

risen = 0.05  # of the first loss, by which the validation loss has to have risen
lopsided, least_patient = 0.7, 4  # share of one class; epochs
knowable = 0.7  # left unexplained by a simple method that sees something
by_heart, settled, unknown = 0.05, 0.9, 0.5  # training by validation loss; that of late by before; left unexplained
most_patient = 8  # epochs in which a loss that can fall has begun to


@rule("MD004", "the loss does not fall", "损失不下降")
@in_chinese(
    "步长正常，损失却停在原处，或停在常数答案的附近。",
    (
        "可能输入中没有目标的信息（行与行对不上），也可能网络表达不了所要的答案。“常数答案的附近”是指：常数答案"
        "留下的部分，网络与核岭回归（见 MD009）都解释不了十分之一；如果大多数行属于同一类别，则不能由此断定什么"
        "。核岭回归看得出、网络却一点没有学到的，属于 MD009。"
    ),
)
def loss_does_not_fall(course: Course) -> Iterator[Diagnosis]:
    """The steps have a usual length, and yet the loss stays where it was, or near that of a constant answer.

    The inputs may not tell the targets (rows that do not belong together), or the net cannot say what is asked. Near a
    constant answer means that neither the net nor kernel ridge regression (see MD009) explains a tenth of what it
    leaves open; where one class has most of the rows, that says nothing. What kernel ridge regression sees, and the net
    does not at all, is MD009.
    """
    loss, mean = course.steps("loss"), course.epochs("loss")
    if not course.tells or climbs(course) or diverges(course) or creeps(course) or misses_all(course):
        return
    stays = len(mean) >= most_patient and mean[-1] > 0.99 * mean[1:].min() and mean[-1] > 0.99 * mean[1]
    stays = stays and mean[-1] > 0.95 * mean[0] > 0 and mean[-1] > 0.9 * float(loss[:3].mean())
    if stays or knows_nothing(course):
        yield Diagnosis(
            Bilingual("the loss does not fall, though the steps have a usual length", "步长正常，损失却不下降")
            if stays
            else Bilingual(
                "the net has learned no more than a constant answer knows, and a simple method finds no more either",
                "网络学到的不比一个常数答案更多，简单方法也找不到更多规律",
            ),
            Bilingual(
                "look whether inputs and targets belong to the same rows; fit(rehearse=True) tries whether the net can "
                "learn one batch by heart",
                "检查输入与目标是否属于同一行；fit(rehearse=True) 会先试一试网络能否记住一个批次",
            ),
            {at_first: float(mean[0]), at_last: float(mean[-1]), by_weight: float(np.median(course.ratio))},
            sparkline(mean.tolist()),
            0.7,
        )


def misses_all(course: Course) -> bool:
    """Whether the net is not ahead of a constant answer, and the yardstick is by far."""
    if course.yardstick is None:
        return False
    part, given = course.yardstick
    return part.wrong > nothing and unexplained(part.targets, given, of_classes=part.of_classes) < knowable


def knows_nothing(course: Course) -> bool:
    """Whether neither the net nor the yardstick is ahead of a constant answer."""
    if course.yardstick is None or len(course.history) < least_patient:
        return False
    part, given = course.yardstick
    if part.of_classes and part.targets.mean(axis=0).max() > lopsided:
        return False
    return min(part.wrong, unexplained(part.targets, given, of_classes=part.of_classes)) > nothing


@rule("MD005", "overfitting", "过拟合")
@in_chinese(
    "训练损失下降而验证损失上升：网络在死记各行。",
    (
        "验证损失停滞不动时也是如此：训练损失不到它的二十分之一，它在后一半时间里没有再下降，而网络对验证行解释"
        "不了一半（见 MD009）。"
    ),
)
def overfits(course: Course) -> Iterator[Diagnosis]:
    """The validation loss rises while the training loss falls: the rows are learned by heart.

    So they are where it only stays: the training loss is below a twentieth of it, it has not fallen any more in the
    second half of the run, and of the validation rows the net leaves more than half unexplained (see MD009).
    """
    loss, held_out = course.epochs("loss"), course.epochs("val_loss")
    if len(held_out) < 5 or course.keeps_best or not np.isfinite(held_out).all():
        return
    best = int(np.argmin(held_out))
    since = len(held_out) - 1 - best
    rises = late(held_out) > 1.2 * held_out[best] > 0 and late(held_out) > held_out[best] + risen * loss[0]
    rises = since >= 3 and rises and loss[-1] < 0.8 * loss[best]
    if rises or stays_behind(course):
        yield Diagnosis(
            Bilingual(
                f"the validation loss has risen since epoch {best + 1}, while the training loss fell on",
                f"从第 {best + 1} 轮起验证损失上升，训练损失却继续下降",
            )
            if rises
            else Bilingual(
                "the validation loss stays high, while the training loss is nearly 0: the rows are learned by heart",
                "验证损失居高不下，训练损失却几乎为 0：网络记住了各行",
            ),
            Bilingual(
                "stop there (mp.EarlyStopping), more data, weight decay or dropout, or a smaller net",
                "在该处停止（mp.EarlyStopping），增加数据，使用权重衰减或随机失活，或者换用较小的网络",
            ),
            {
                Bilingual("best", "最优的验证损失"): float(held_out[best]),
                Bilingual("at last", "最后的验证损失"): late(held_out),
                Bilingual("training loss", "训练损失"): float(loss[-1]),
            },
            sparkline(held_out.tolist()),
            0.9,
        )


def stays_behind(course: Course) -> bool:
    """Whether the validation loss has long stayed far above the training loss, and the net knows little of its rows."""
    loss, held_out = course.epochs("loss"), course.epochs("val_loss")
    half = len(held_out) // 2
    if half < least_patient or not 0 <= loss[-1] < by_heart * late(held_out):
        return False
    stays = float(held_out[half:].min()) > settled * float(held_out[:half].min())
    return stays and course.validation is not None and course.validation.wrong > unknown
