"""MD013 and MD017: steps that follow chance, or the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.errors import MapletError
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.doctor.trial import Trial, came_to, count_of, most_parameters
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.answers import Numbers
    from maplet.health.doctor.course import Course

often_deaf, still_there = 0.3, 0.5
smallest, larger = 8, 16  # batches up to this size are tried so many times larger
gain, jitter, high = 0.08, 0.02, 0.2  # of the loss: what larger batches take off; how it sways; by that of epoch 1


@rule("MD013", "a batch that is too small", "批次太小")
@in_chinese(
    "每一步都被批中几行的偶然性左右：换用更大的批次，其他一切不变，损失立刻下降。",
    (
        "做法是用网络与优化器的副本去试：先照原样再走 120 步，再用十六倍大的批次走 120 步。如果梯度的噪声 tr(Σ)"
        "/B 远大于梯度的平方 ‖G‖²，前者会在训练停留的水平附近摇摆，后者会离开它。降低学习率也有同样的效果。噪声"
        "尺度 tr(Σ)/‖G‖² 的出处：S. McCandlish, J. Kaplan, D. Amodei, “An empirical model of large-batch traini"
        "ng”, 2018。"
    ),
)
def batch_too_small(course: Course) -> Iterator[Diagnosis]:
    """The steps follow the chance of a few rows: with larger batches, and all else as it is, the loss falls at once.

    That is tried, with copies of net and optimizer: 120 further steps as before, and 120 with batches sixteen times as
    large. Where the noise of the gradient, tr(Σ)/B, is far above its square ‖G‖², the first sway about the level on
    which the run has come to rest, and the second leave it. A smaller learning rate does the same. Source of the noise
    scale tr(Σ)/‖G‖²: S. McCandlish, J. Kaplan, D. Amodei, "An empirical model of large-batch training", 2018.
    """
    loss, given = course.epochs("loss"), course.given
    tried = _both_sizes(course) if len(loss) >= 2 else None
    if given is None or tried is None:
        return
    small, large = tried
    level, reached = float(np.mean(small)), came_to(large)
    sways = float(np.std(small)) / level if level > 0 else 0.0
    if sways > jitter and reached < (1 - gain) * level and level > high * loss[0]:
        noise, signal = float(np.nansum(course.steps("noise"))), float(np.nansum(course.steps("signal")))
        yield Diagnosis(
            Bilingual(
                f"batches of {given.batch_size} are too small: the steps follow the chance of their rows",
                f"每批 {given.batch_size} 行太小：每一步都被批中各行的偶然性左右",
            ),
            Bilingual(
                f"a larger batch, such as {given.batch_size * larger}, or a learning rate that falls",
                f"加大批次，例如 {given.batch_size * larger}，或者让学习率逐渐降低",
            ),
            {
                Bilingual("loss", "损失"): level,
                Bilingual("sways by", "波动幅度"): sways,
                Bilingual("with larger batches", "批次较大时的损失"): reached,
                Bilingual("noise scale", "噪声尺度"): noise / signal if signal > 0 else float("nan"),
            },
            sparkline(small.tolist()),
            0.85,
        )


def _both_sizes(course: Course) -> tuple[Numbers, Numbers] | None:
    """The losses with the batch as it is, and with a larger one; None where there are too few rows, or it cannot be."""
    further = course.continuation
    if further is None:
        return None
    size, count = further.given.batch_size, count_of(further.training)
    if size > smallest or count < 4 * size * larger // 2:
        return None
    small, large = further.losses(), further.losses(size=min(size * larger, count // 2))
    return None if small is None or large is None else (small, large)


@rule("MD017", "stale gradients", "过期的梯度")
@in_chinese(
    "更新跟随的是早先各步的梯度，或所有梯度之和。",
    (
        "做法是试一试优化器的副本：它的更新应当对当前步得到的梯度作出响应，而很久以前得到的梯度应当逐渐消退。动"
        "量立即响应，并按 μᵏ 衰减；保留下来而从不清零的梯度不会消退，晚一步才使用的梯度则得不到响应。从目录读出"
        "的训练没有优化器可试。"
    ),
)
def stale_gradients(course: Course) -> Iterator[Diagnosis]:
    """The updates follow gradients of earlier steps, or the sum of all of them.

    Seen by trying a copy of the optimizer: its update has to answer to the gradient that it is given in the same step,
    and what it was given once has to fade. Momentum answers at once and fades as μᵏ; a gradient that is kept and never
    cleared does not fade, and one that is used a step too late is not answered. A run that was read from a directory
    has no optimizer to try.
    """
    optimizer = course.run.optimizer
    if course.given is None or optimizer is None or not course.run.history:
        return
    sizes = course.steps("gradient")
    if not np.isfinite(sizes).all():
        return  # beside what such gradients leave in the memory of an optimizer no other counts
    size = float(np.median(sizes)) if len(sizes) else 1.0
    trial = Trial(course.run.net, optimizer, size or 1.0)
    if not 0 < trial.count <= most_parameters:
        return
    try:
        deaf, kept = trial.unanswered(), trial.kept()
    except MapletError:  # an optimizer that takes more than gradients cannot be tried
        return
    if deaf < often_deaf and kept < still_there:
        return
    late = deaf >= often_deaf
    yield Diagnosis(
        Bilingual("the updates do not answer to the gradient of their step", "更新与当前步的梯度无关")
        if late
        else Bilingual(
            "the updates still follow gradients of long ago: they add up and are never cleared",
            "更新仍受很久以前的梯度支配：梯度不断累加，从未清零",
        ),
        Bilingual(
            "use the gradient that was taken at the parameters as they are, in the step in which it was taken",
            "在求出梯度的那一步就使用它，即在当前参数处求得的梯度",
        )
        if late
        else Bilingual(
            "begin each step with new gradients, and do not add them to those before; momentum fades, a sum does not",
            "每一步都从新的梯度开始，不要与之前的相加；动量会衰减，累加的和不会",
        ),
        {
            Bilingual("steps not answered", "没有响应的步的比例"): deaf,
            Bilingual("kept after many steps", "许多步之后仍保留的比例"): kept,
        },
        sparkline(course.steps("climb").tolist()),
        0.95,
    )
