"""MD001 to MD003: where the updates go, and how far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.doctor.course import early, enough, late
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.doctor.trial import at_rate, came_to, most_parameters, size_of
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
mostly = 0.1  # of the batches may have a loss that is lower
nothing = 0.9  # left unexplained
busy, gain, high = 3e-3, 0.5, 0.3  # update by weight; of the loss, at a tenth of the rate; of it, by the first
runaway = 20.0  # times the loss at first, which is negative
worse_classes, worse_numbers = 1.0, 3.0  # errors by those of a constant answer
small = 8  # rows; of batches up to this size MD013 speaks

# Names of numbers that several rules give.
at_first, at_last = Bilingual("loss at first", "起初的损失"), Bilingual("at last", "最后的损失")
by_weight = Bilingual("update/weight", "更新与权重之比")


def climbs(course: Course) -> bool:
    """Whether the updates go along the gradient instead of against it.

    Of a run that soon ended in NaN the first step is enough: no optimizer has anything but its gradient to go by.
    """
    cosine = course.steps("climb")
    cosine = cosine[np.isfinite(cosine)]
    if len(cosine) < (enough if course.failure is None else 1):
        return False
    last = cosine[-max(len(cosine) // 4, enough) :]
    return max(float(np.mean(part > 0.1)) for part in (cosine, last)) >= 0.8


def is_turned(course: Course) -> bool:
    """Whether the loss falls far below 0 while the answers get worse than a constant is, or until it is infinite."""
    loss, means = course.steps("loss"), course.epochs("loss")
    loss = loss[np.isfinite(loss)]
    if course.failure is not None:
        return len(loss) > 1 and float(loss[-1]) < runaway * float(np.median(loss[:3])) < 0
    known = course.training
    if known is None or len(means) < 2 or not means[-1] < beyond * means[0] < 0:
        return False
    return known.wrong > (worse_classes if known.of_classes else worse_numbers)


def diverges(course: Course) -> bool:
    """Whether the loss ends well above its beginning, was far above it on the way, or is kept up by long steps."""
    if not course.tells or climbs(course):
        return False
    return is_kept_up(course) or rises(course) or leaps(course) or blew_up(course)


def _at_first(course: Course) -> float:
    """The loss of the first steps, as many as have `steadily` rows together."""
    return float(np.mean(course.steps("loss")[: max(steadily // max(course.batch, 1), 1)]))


def _start(course: Course) -> float:
    """The loss of a few steps more, which hangs less on the luck of a batch."""
    few = max(steadily // max(course.batch, 1), 3)
    return max(abs(float(np.median(course.steps("loss")[:few]))), 1e-12)


def is_kept_up(course: Course) -> bool:
    """Whether steps that are long by the weights at their largest (decay may have taken them away) keep up the loss."""
    longest = late(course.steps("update")) / float(np.max(course.steps("norm")))
    return (longest > restless or killed(course)) and late(course.steps("loss")) > 0.5 * _start(course)


def rises(course: Course) -> bool:
    """Whether the loss ends above its beginning; all rows say so, and nearly all batches, for single ones differ."""
    loss, means, first = course.steps("loss"), course.epochs("loss"), _at_first(course)
    if late(loss) > grown * max(early(loss), _start(course)) and (not len(means) or means[-1] > 1.1 * means[0]):
        return True
    least = float(np.quantile(loss[-max(len(loss) // 4, 1) :], mostly))
    return len(means) > 0 and float(means[-1]) > beyond * first > 0 and least > beyond * first


def leaps(course: Course) -> bool:
    """Whether the loss was far above its beginning on the way, and is not below it; in an epoch, not a batch alone."""
    loss, means, first = course.steps("loss"), course.epochs("loss"), _at_first(course)
    if len(means) and float(means.max()) < beyond * float(means.min()):
        return False
    return float(np.max(loss)) > spike * max(first, float(np.median(loss))) and late(loss) > 0.7 * first


def blew_up(course: Course) -> bool:
    """Whether the first step was so long that the loss of the first epoch is far above all after it, which is high."""
    loss, means = late(course.steps("loss")), course.epochs("loss")
    if not len(means) or course.ratio[0] < restless or means[0] < spike * loss:
        return False
    return loss > high * _at_first(course) or (course.training is not None and course.training.wrong > nothing)


def killed(course: Course) -> bool:
    """Whether units that were alive died of steps that were too long."""
    quarter = course.ratio[: max(len(course.ratio) // 4, 1)]
    died = any(seen["dead"][0] < 0.5 and late(seen["dead"]) > most_dead for seen in course.layers.values())
    return died and float(np.max(quarter)) > restless


def creeps(course: Course) -> bool:
    """Whether the updates are too short to get anywhere."""
    if not course.tells or early(course.ratio) >= least_ratio:
        return False
    means, begin = course.epochs("loss"), float(np.median(course.steps("loss")[:enough]))
    falls = len(means) > 1 and goes_to(course, float(means[-1])) <= 0.7 * means[0]  # batches differ, epochs less
    return not falls and goes_to(course) > (0.5 if len(means) > 1 else 0.7) * begin


def goes_to(course: Course, now: float | None = None) -> float:
    """The loss of late; of a run under way, that of its end, if each epoch takes off as much as those before did."""
    now, means = late(course.steps("loss")) if now is None else now, course.epochs("loss")
    if len(means) < 2 or course.done == 1:
        return now
    to_come = len(means) / course.done - len(means)
    return now - to_come * max(float(means[0] - means[-1]) / (len(means) - 1), 0.0)


@rule("MD001", "the updates climb", "更新使损失上升")
@in_chinese(
    "更新沿着梯度方向进行：损失被一步步推高。",
    "凡是下降的更新，它与梯度的余弦都为负；这里几乎每一步都为正。更新或损失的符号反了。",
    "符号反了的损失也可能照常下降：它远远降到 0 以下，而答案变得比常数答案还差，或者直到变成无穷大。",
)
def updates_climb(course: Course) -> Iterator[Diagnosis]:
    """The updates go along the gradient: the loss is made greater, step by step.

    The cosine between update and gradient is negative for everything that descends; here it is positive in nearly every
    step. The sign of the update, or of the loss, is turned round.

    A loss with the wrong sign may also be descended as it should: then it falls far below 0, while the answers get
    worse than that of a constant, or until it is infinite.
    """
    turned = is_turned(course)
    if climbs(course) or turned:
        cosine, loss = course.steps("climb"), course.steps("loss")
        yield Diagnosis(
            Bilingual(
                "the loss falls without bound below 0, and the answers get worse: its sign is turned round",
                "损失无限制地降到 0 以下，而答案越来越差：损失的符号反了",
            )
            if turned
            else Bilingual("the updates go along the gradient: the loss is climbed", "更新沿着梯度方向：损失因此上升"),
            Bilingual("turn the sign of the loss", "把损失的符号反过来")
            if turned
            else Bilingual(
                "turn the sign of the update (θ − α∇J), or of the loss", "把更新（θ − α∇J）或损失的符号反过来"
            ),
            {
                Bilingual("cosine of update and gradient", "更新与梯度的余弦"): float(np.median(cosine)),
                Bilingual("loss", "损失"): float(loss[-1]),
            },
            sparkline(loss.tolist()),
            0.97,
        )


@rule("MD002", "the learning rate is too high", "学习率太大")
@in_chinese(
    "损失最后高于起初，或途中曾达到十倍之高，或因步长太大而降不下来。",
    "步长太大时，更新会越过谷底，落在另一侧同样高或更高的地方。",
    (
        "最后一点靠试验判断：用网络与优化器的副本，先照原样再走 120 步，再用十分之一的学习率走 120 步。如果后者"
        "的损失不到前者的一半，而损失仍在起初的十分之三以上，就是步长太大。批次不超过 8 行时不作此试验：见 MD013。"
    ),
)
def rate_too_high(course: Course) -> Iterator[Diagnosis]:
    """The loss ends above where it began, was ten times as high on the way, or cannot fall for the length of the steps.

    Steps that are too long jump over the valley, and land on its other side, at the same height or above.

    The last is tried, with copies of net and optimizer: 120 further steps as before, and 120 with a tenth of the
    learning rate. Steps are too long where the second end at less than half of the loss of the first, which is still
    above three tenths of that of the beginning. Batches of up to 8 rows are left to MD013.
    """
    if not course.tells or climbs(course):
        return
    loss, ratio = course.steps("loss"), float(course.ratio[0])
    numbers = {at_first: float(loss[0]), Bilingual("greatest", "最大的损失"): float(np.max(loss)), at_last: late(loss)}
    if not diverges(course):
        tried = _at_a_tenth(course)
        if tried is None or not tried[1] < gain * tried[0]:
            return
        level, reached = tried
        numbers = {
            Bilingual("loss after 120 more steps", "再走 120 步后的损失"): level,
            Bilingual("at a tenth of the rate", "学习率为十分之一时"): reached,
        }
    better = course.rate * min(usual_ratio / ratio, 0.1) if ratio > 0 else course.rate / 10
    yield Diagnosis(
        Bilingual(
            "the steps are too long: the loss climbs, or is kept from falling", "步长太大：损失上升，或者降不下来"
        ),
        Bilingual(
            f"a lower learning rate, about {better:.1g}; or clip the gradient",
            f"降低学习率，约为 {better:.1g}；或者裁剪梯度",
        )
        if np.isfinite(better)
        else Bilingual("a lower learning rate, a tenth or less", "把学习率降到十分之一或更低"),
        numbers | {by_weight: ratio},
        sparkline(loss.tolist()),
        0.9,
    )


def _at_a_tenth(course: Course) -> tuple[float, float] | None:
    """The losses after further steps as they are, and with a tenth of the rate; None where that cannot be, or is idle.

    It is idle where the loss is low, or the steps are no longer than usual.
    """
    further, means = course.continuation, course.epochs("loss")
    if further is None or not len(means) or further.given.batch_size <= small or late(course.ratio) < busy:
        return None
    low = high * min(float(means[0]), _at_first(course))
    if means[-1] < low or size_of(further.net) > most_parameters:
        return None
    as_it_is = further.losses(at_rate(further.optimizer, 1.0))
    if as_it_is is None or not came_to(as_it_is) > low:
        return None
    slower = further.losses(at_rate(further.optimizer, 0.1))
    return None if slower is None else (came_to(as_it_is), came_to(slower))


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
