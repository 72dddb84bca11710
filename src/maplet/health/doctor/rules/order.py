"""MD016: rows that come in the order of their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course

least_batch = 4


@rule("MD016", "forgotten shuffling", "忘记打乱样本")
@in_chinese(
    "各批次目标之间的差异远远超出偶然所能造成的程度：各行是排了序的。",
    (
        "目标的方差中，落在批次之间的部分是 Var(批均值) / (Var(批均值) + 批内方差的平均)：各行随机排列、每批 B "
        "行时约为 1/B，每批只有一个类别时为 1。这时网络一次学一个类别，到下一个类别又忘掉。数据流可能出现这种情"
        "况，因为它的数据块按给定的顺序到来。"
    ),
)
def sorted_rows(course: Course) -> Iterator[Diagnosis]:
    """The batches differ in their targets far more than chance lets them: the rows come sorted.

    Of the variance of the targets, Var(batch means) / (Var(batch means) + mean of the variances within) lies between
    batches: about 1/B where rows come by chance in batches of B, and 1 where each batch is of one class. The net then
    learns a class at a time, and forgets it at the next. It can happen with a stream, whose blocks come as they are
    given.
    """
    means = course.steps("target")
    batch = course.batch
    if not course.tells or batch < least_batch or not np.isfinite(means).all():
        return
    between, within = float(np.var(means)), float(np.mean(course.steps("target_square") - means**2))
    total = between + max(within, 0.0)
    share = between / total if total > 1e-6 * float(np.mean(means**2)) else 0.0
    if share > 0.35 + 2 / batch:
        yield Diagnosis(
            Bilingual(
                "the batches are sorted by target: each has other targets than the next",
                "各批次按目标排了序：每一批的目标都与下一批不同",
            ),
            Bilingual(
                "shuffle the rows before they are cut into blocks; fit shuffles within a block of a stream only",
                "在切成数据块之前打乱各行；对数据流，fit 只在块内打乱",
            ),
            {
                Bilingual("variance between batches", "批次之间的方差占比"): share,
                Bilingual("by chance", "随机时的占比"): 1 / batch,
            },
            sparkline(means.tolist()),
            0.95,
        )
