"""MD014: NaN and infinity, and where they began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.tree import leaves
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course
    from maplet.health.doctor.recorded import Given

out_of_bounds = 1e7  # times the usual size of a number of the data
had_grown = 20.0  # the loss, or the largest weight, before the end


@rule("MD014", "NaN or infinity", "出现 NaN 或无穷大")
@in_chinese(
    "损失或某个权重变成了 NaN 或无穷大。诊断指出最先发生的原因。",
    (
        "*数据*：其中有一个数是通常大小的一千万倍。*学习率*：此前损失或最大的权重已经增长到二十倍。否则是*某个"
        "运算*，即第一个由有限的数得到这种数的运算：把这一轮从头（或从最近的检查点）再走一遍，最后两步用 `mp.de"
        "bug` 的方式查看。为此需要训练时观察过若干步，或保存在目录中。"
    ),
)
def not_finite(course: Course) -> Iterator[Diagnosis]:
    """The loss or a weight became NaN or infinite. What is named is what came first.

    *The data*, where a number in it is ten million times as large as usual. *The learning rate*, where the loss, or the
    largest weight, had grown twentyfold before. Else *an operation*, the first that made such a number out of finite
    ones: the epoch is gone through again, from its beginning or from the last checkpoint, and its last two steps are
    looked at as by `mp.debug`. That needs a run whose steps were watched, or one that is kept in a directory.
    """
    failure = course.failure
    if failure is None:
        return
    losses = [*course.steps("loss").tolist(), *failure.losses]
    finite = [abs(loss) for loss in losses if np.isfinite(loss)]
    first = float(np.median(finite[: min(3, (len(finite) + 1) // 2)])) if finite else float("nan")
    growth = max((loss / first for loss in finite[-5:] if first > 0), default=1.0)
    place, size = _extreme(course.run.given)
    sure, made_by = 0.9, failure.made_by
    if size > out_of_bounds:
        cause = Bilingual(
            f"the data {place} holds a number that is {size:.0e} times as large as the others",
            f"数据 {place} 中有一个数是其他数的 {size:.0e} 倍",
        )
        advice = Bilingual(
            "look at this number; standardise the columns, and cut off what lies far outside",
            "检查这个数；对各列做标准化，截去远在范围之外的值",
        )
    elif max(growth, failure.growth) > had_grown:
        cause = Bilingual("the steps were too long and the loss ran away", "步长太大，损失失去控制")
        advice = Bilingual(
            "a learning rate of a tenth or less, or a clipped gradient (clip_norm=1.0)",
            "把学习率降到十分之一或更低，或者裁剪梯度（clip_norm=1.0）",
        )
    else:
        sure = 0.8 if made_by else 0.6
        cause = (
            Bilingual("the operation has no finite value or derivative there", "该运算在那里没有有限的值或导数")
            if made_by
            else Bilingual("nothing led up to it", "此前没有任何征兆")
        )
        advice = failure.fix or Bilingual(
            "run the step under mp.debug(): it names the operation; look for log, sqrt and division",
            "在 mp.debug() 之下运行这一步，它会指出是哪个运算；留意 log、sqrt 和除法",
        )
    first_of_all = Bilingual(f"; first {made_by}", f"；最先出现在{made_by.zh}") if made_by else Bilingual("", "")
    yield Diagnosis(
        Bilingual(f"{failure.what}: {cause}{first_of_all}", f"{failure.what.zh}：{cause.zh}{first_of_all.zh}"),
        advice,
        {
            Bilingual("the loss grew by a factor of", "损失增长的倍数"): growth,
            Bilingual("the largest weight by", "最大权重增长的倍数"): failure.growth,
        },
        sparkline([loss if np.isfinite(loss) else np.nan for loss in losses]),
        sure,
    )


def _extreme(given: Given | None) -> tuple[str, float]:
    """The part of the data with the most extreme number, and how large that is by the usual size."""
    worst = ("", 0.0)
    rows = None if given is None else given.training
    for name, tree in () if rows is None else (("x", rows.x), ("y", rows.y)):
        for leaf in leaves(tree).values():
            sizes = np.abs(np.asarray(leaf.numpy(), np.float64))
            usual = float(np.mean(sizes[sizes <= np.quantile(sizes, 0.99)])) if sizes.size else 0.0
            size = float(sizes.max()) / usual if usual > 0 else 0.0
            worst = max(worst, (name, size), key=lambda pair: pair[1])
    return worst
