"""MD001 to MD005: the course of the loss, and the step length that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.doctor.answers import unexplained
from maplet.health.doctor.course import early, enough, late
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course

usual_ratio = 1e-3  # of update to weight, with which most nets learn well
least_ratio = 2e-5
grown, beyond, spike = 1.5, 3.0, 10.0
most_dead = 0.7  # of the units of a layer
restless = 0.05  # of update to weight, with which no net comes to rest
steadily = 16  # rows, of which the loss tells where a run began
risen = 0.05  # of the first loss, by which the validation loss has to have risen
nothing, lopsided, least_patient = 0.9, 0.7, 4  # left unexplained; share of one class; epochs
knowable = 0.7  # left unexplained by a simple method that sees something
most_patient = 8  # epochs in which a loss that can fall has begun to

# Names of numbers that several rules give.
at_first, at_last = Bilingual("loss at first", "起初的损失"), Bilingual("at last", "最后的损失")
by_weight = Bilingual("update/weight", "更新与权重之比")


def climbs(course: Course) -> bool:
    """Whether the updates go along the gradient instead of against it."""
    cosine = course.steps("climb")
    last = cosine[-max(len(cosine) // 4, enough) :]
    return course.tells and max(float(np.mean(part > 0.1)) for part in (cosine, last)) >= 0.8


def diverges(course: Course) -> bool:
    """Whether the loss ends well above its beginning, was far above it on the way, or is kept up by long steps."""
    loss = course.steps("loss")
    if not course.tells or climbs(course):
        return False
    some = max(steadily // max(course.batch, 1), 1)
    first, start = float(np.mean(loss[:some])), max(abs(float(np.median(loss[: max(some, 3)]))), 1e-12)
    longest = late(course.steps("update")) / float(
        np.max(course.steps("norm"))
    )  # decay may have taken the weights away
    if longest > restless and late(loss) > 0.5 * start:
        return True
    if killed(course) and late(loss) > 0.5 * start:
        return True
    leaps = float(np.max(loss)) > spike * max(first, float(np.median(loss)))
    means = course.epochs("loss")  # single batches differ: an epoch has to say so too, if one is over
    grows = late(loss) > grown * max(early(loss), start) and (not len(means) or means[-1] > 1.1 * means[0])
    grows = grows or (len(means) > 0 and float(means[-1]) > beyond * first > 0)
    return grows or (leaps and late(loss) > 0.7 * first)


def killed(course: Course) -> bool:
    """Whether units that were alive died of steps that were too long."""
    quarter = course.ratio[: max(len(course.ratio) // 4, 1)]
    died = any(seen["dead"][0] < 0.5 and late(seen["dead"]) > most_dead for seen in course.layers.values())
    return died and float(np.max(quarter)) > restless


def creeps(course: Course) -> bool:
    """Whether the updates are too short to get anywhere."""
    loss = course.steps("loss")
    return course.tells and early(course.ratio) < least_ratio and goes_to(course) > 0.7 * loss[0]


def goes_to(course: Course) -> float:
    """The loss of late; of a run under way, that of its end, if each epoch takes off as much as those before did."""
    now, means = late(course.steps("loss")), course.epochs("loss")
    if len(means) < 2 or course.done == 1:
        return now
    to_come = len(means) / course.done - len(means)
    return now - to_come * max(float(means[0] - means[-1]) / (len(means) - 1), 0.0)


@rule("MD001", "the updates climb", "更新使损失上升")
@in_chinese(
    "更新沿着梯度方向进行：损失被一步步推高。",
    "凡是下降的更新，它与梯度的余弦都为负；这里几乎每一步都为正。更新或损失的符号反了。",
)
def updates_climb(course: Course) -> Iterator[Diagnosis]:
    """The updates go along the gradient: the loss is made greater, step by step.

    The cosine between update and gradient is negative for everything that descends; here it is positive in nearly every
    step. The sign of the update, or of the loss, is turned round.
    """
    if climbs(course):
        cosine = course.steps("climb")
        yield Diagnosis(
            Bilingual("the updates go along the gradient: the loss is climbed", "更新沿着梯度方向：损失因此上升"),
            Bilingual("turn the sign of the update (θ − α∇J), or of the loss", "把更新（θ − α∇J）或损失的符号反过来"),
            {
                Bilingual("cosine of update and gradient", "更新与梯度的余弦"): float(np.median(cosine)),
                Bilingual("loss", "损失"): float(course.steps("loss")[-1]),
            },
            sparkline(course.steps("loss").tolist()),
            0.97,
        )


@rule("MD002", "the learning rate is too high", "学习率太大")
@in_chinese(
    "损失最后高于起初，或途中曾达到十倍之高，或因步长太大而降不下来。",
    "步长太大时，更新会越过谷底，落在另一侧同样高或更高的地方。",
)
def rate_too_high(course: Course) -> Iterator[Diagnosis]:
    """The loss ends above where it began, was ten times as high on the way, or cannot fall for the length of the steps.

    Steps that are too long jump over the valley, and land on its other side, at the same height or above.
    """
    if diverges(course):
        loss, ratio = course.steps("loss"), float(course.ratio[0])
        better = course.rate * min(usual_ratio / ratio, 0.1) if ratio > 0 else course.rate / 10
        known = np.isfinite(better)
        yield Diagnosis(
            Bilingual(
                "the steps are too long: the loss climbs, or is kept from falling", "步长太大：损失上升，或者降不下来"
            ),
            Bilingual(
                f"a lower learning rate, about {better:.1g}; or clip the gradient",
                f"降低学习率，约为 {better:.1g}；或者裁剪梯度",
            )
            if known
            else Bilingual("a lower learning rate, a tenth or less", "把学习率降到十分之一或更低"),
            {
                at_first: float(loss[0]),
                Bilingual("greatest", "最大的损失"): float(np.max(loss)),
                at_last: late(loss),
                by_weight: ratio,
            },
            sparkline(loss.tolist()),
            0.9,
        )


@rule("MD003", "the learning rate is too low", "学习率太小")
@in_chinese(
    "更新相对于权重微不足道，损失几乎没有变化。",
)
def rate_too_low(course: Course) -> Iterator[Diagnosis]:
    """The updates are a vanishing part of the weights, and the loss has hardly moved."""
    if creeps(course) and not climbs(course):
        ratio, loss = early(course.ratio), course.steps("loss")
        better = course.rate * usual_ratio / ratio if ratio > 0 else float("nan")
        yield Diagnosis(
            Bilingual("the loss hardly moves: the steps are too short", "损失几乎不动：步长太小"),
            Bilingual(f"a higher learning rate, about {better:.1g}", f"提高学习率，约为 {better:.1g}")
            if np.isfinite(better)
            else Bilingual("a higher learning rate", "提高学习率"),
            {by_weight: ratio, at_first: float(loss[0]), at_last: late(loss)},
            sparkline(loss.tolist()),
            0.9,
        )


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
)
def overfits(course: Course) -> Iterator[Diagnosis]:
    """The validation loss rises while the training loss falls: the rows are learned by heart."""
    loss, held_out = course.epochs("loss"), course.epochs("val_loss")
    if len(held_out) < 5 or course.keeps_best or not np.isfinite(held_out).all():
        return
    best = int(np.argmin(held_out))
    since = len(held_out) - 1 - best
    rises = late(held_out) > 1.2 * held_out[best] > 0 and late(held_out) > held_out[best] + risen * loss[0]
    if since >= 3 and rises and loss[-1] < 0.8 * loss[best]:
        yield Diagnosis(
            Bilingual(
                f"the validation loss has risen since epoch {best + 1}, while the training loss fell on",
                f"从第 {best + 1} 轮起验证损失上升，训练损失却继续下降",
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
