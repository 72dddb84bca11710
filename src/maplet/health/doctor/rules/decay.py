"""MD019: weights that are held down by their decay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.doctor.course import late
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.doctor.trial import came_to, most_parameters, size_of, undecayed
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.answers import Numbers
    from maplet.health.doctor.course import Course

pull = 0.01  # α·λ‖θ‖ by ‖Δθ‖, below which decay does not count
left, high = 0.75, 0.3  # of the loss without decay, by that with it; of the loss with it, by that of epoch 1


@rule("MD019", "a weight decay that is too strong", "权重衰减太强")
@in_chinese(
    "权重衰减压住了网络：去掉它，其他一切不变，损失立刻下降。",
    (
        "做法是用网络与优化器的副本去试：先照原样再走 120 步，再去掉衰减走 120 步。损失在验证行上看；没有验证数据"
        "时，在训练行上看。对抑制过拟合的衰减，去掉它不会使验证损失下降多少；对已经很低的损失，不作诊断。"
    ),
)
def held_down_by_decay(course: Course) -> Iterator[Diagnosis]:
    """The decay holds the net down: without it, and all else as it is, the loss falls at once.

    That is tried, with copies of net and optimizer: 120 further steps as before, and 120 without decay. The loss is
    that of the validation rows, or of the training rows where there are none. A decay that keeps a net from overfitting
    takes little from it; of a loss that is low nothing is said.
    """
    loss, tried = course.epochs("loss"), _with_and_without(course)
    if tried is None or not len(loss):
        return
    level, free = tried
    reached = came_to(free)
    if level > high * loss[0] and reached < left * level:
        yield Diagnosis(
            Bilingual("the weight decay holds the net down", "权重衰减压住了网络"),
            Bilingual("a tenth of the weight decay, or less", "把权重衰减减小到十分之一或更小"),
            {
                Bilingual("loss after 120 more steps", "再走 120 步后的损失"): level,
                Bilingual("without decay", "去掉衰减时"): reached,
            },
            sparkline(free.tolist()),
            0.9,
        )


def _with_and_without(course: Course) -> tuple[float, Numbers] | None:
    """Where the loss comes to as it is, and its course without decay; None where that does not count or cannot be."""
    further = course.continuation
    free = None if further is None else undecayed(further.optimizer)
    if further is None or free is None or size_of(further.net) > most_parameters or not _counts(course):
        return None
    held, freed = (further.losses(one, seen=further.given.validation) for one in (None, free))
    return None if held is None or freed is None else (came_to(held), freed)


def _counts(course: Course) -> bool:
    """Whether the decay is a part of the updates worth looking at; so it is where the updates are not known."""
    optimizer = course.run.optimizer
    if not course.tells or optimizer is None or not np.isfinite(course.rate):
        return True
    decay = max(getattr(part, "weight_decay", 0.0) for part in optimizer.parts())
    return bool(course.rate * decay > pull * late(course.ratio))
