"""MD007, MD008 and MD015: units that no longer take part, or never did."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.doctor.course import late
from maplet.health.doctor.diagnosis import Diagnosis, percent, rule, sparkline
from maplet.health.doctor.rules.moves import most_dead
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.answers import Numbers
    from maplet.health.doctor.course import Course

most_saturated = 0.6
alike, fewest_weights = 0.02, 4  # the distance of two units by their length; weights of a unit for that to say anything
drowned = 10.0  # times the norm of the first watched step: how the units began cannot be seen any more
enough_rows = 16


@rule("MD007", "dead units", "失活的单元")
@in_chinese(
    "在近来观察到的每一批中，ReLU 层的大多数单元对每一行都输出 0，因而得不到梯度。",
)
def dead_units(course: Course) -> Iterator[Diagnosis]:
    """Most units of a ReLU layer give 0 for every row of every batch that was watched of late, and get no gradient."""
    rows = course.steps("rows")
    if not course.tells or rows[0] < enough_rows:
        return
    for path, seen in course.layers.items():
        of_relu = float(np.min(seen["min"])) == 0.0
        if of_relu and late(seen["dead"]) > most_dead and float(np.median(seen["dead"])) > most_dead:
            dead = late(seen["dead"])
            yield Diagnosis(
                Bilingual(
                    f"{percent(dead)} of the units are dead: they are 0 for the whole batch",
                    f"{percent(dead).zh} 的单元已经失活：对整个批次都输出 0",
                ),
                Bilingual(
                    "a lower learning rate, biases that begin with 0, LeakyReLU; look whether the inputs are scaled",
                    "降低学习率，让偏置从 0 开始，改用 LeakyReLU；检查输入是否做过缩放",
                ),
                {Bilingual("dead", "失活的比例"): dead, Bilingual("rows", "行数"): float(rows[0])},
                sparkline(seen["dead"].tolist()),
                0.9,
                path,
            )
            return  # what comes after it follows from it


@rule("MD008", "saturated units", "饱和的单元")
@in_chinese(
    "隐藏的 sigmoid 或 tanh 层的大多数单元处在取值范围的两端，那里的导数几乎为 0。",
    "最后一层不算在内：对答案有把握的网络在那里本来就是饱和的。",
)
def saturated_units(course: Course) -> Iterator[Diagnosis]:
    """Most units of a hidden sigmoid or tanh layer are at the end of their range, where the derivative is nearly 0.

    The last layer is left out: a net that is sure of its answer is saturated there.
    """
    if not course.tells:
        return
    for (path, seen), _ in pairwise(course.layers.items()):
        if late(seen["saturated"]) > most_saturated and float(np.median(seen["saturated"])) > most_saturated:
            part = late(seen["saturated"])
            yield Diagnosis(
                Bilingual(f"{percent(part)} of the outputs are saturated", f"{percent(part).zh} 的输出处于饱和区"),
                Bilingual(
                    "scale the inputs, let the weights begin smaller (glorot_uniform), a lower learning rate, or ReLU",
                    "缩放输入，减小初始权重（glorot_uniform），降低学习率，或者改用 ReLU",
                ),
                {Bilingual("saturated", "饱和的比例"): part},
                sparkline(seen["saturated"].tolist()),
                0.85,
                path,
            )
            return


@rule("MD015", "symmetric units", "对称的单元")
@in_chinese(
    "训练之后，某个隐藏层的大多数单元的权重仍然相同：它们是同一个单元的多个副本。",
    (
        "初值相同、梯度又相同的单元会一直相同。判断依据是权重：在不是最后一层的权重中，至少一半的列与其他列重复"
        "。全零的列只在所有列都为零时才算：被权重衰减清空的列不是对称。从第一步起已增长到十倍的权重也不算：几个过长的"
        "步会使原本不同的单元变得相同。"
    ),
)
def symmetric_units(course: Course) -> Iterator[Diagnosis]:
    """Most units of a hidden layer still have the same weights after training: they are one unit many times.

    What begins equal and gets equal gradients stays equal. Seen at the weights: at least half of the columns of one
    that is not the last repeat another. Columns of zeros count only if all are: what decay has emptied is no symmetry.
    Nor are weights that have grown tenfold since the first step: a few long steps make units alike that were not.
    """
    if not course.run.history:
        return
    weights = {name: leaf.numpy() for name, leaf in course.run.net.parameters().items() if leaf.ndim >= 2}
    for name, weight in list(weights.items())[:-1]:
        columns = np.asarray(weight, np.float64).reshape(-1, weight.shape[-1])
        scale = float(np.abs(columns).max())
        used = columns[:, np.abs(columns).max(axis=0) > 0] if scale > 0 else columns
        units = used.shape[1]
        kinds = _kinds(used)
        if units >= 2 and kinds <= units // 2 and not _is_drowned(course, name):
            yield Diagnosis(
                Bilingual(
                    f"{units} units have {kinds} different weights: they never came to differ",
                    f"{units} 个单元只有 {kinds} 组不同的权重：它们始终没有分化",
                )
                if kinds > 1
                else Bilingual(
                    f"all {units} units have the same weights: they never came to differ",
                    f"全部 {units} 个单元的权重相同：它们始终没有分化",
                ),
                Bilingual(
                    "draw the weights at random: weight_init='he_uniform' or 'glorot_uniform'; only biases begin "
                    "with 0",
                    "随机初始化权重：weight_init='he_uniform' 或 'glorot_uniform'；只有偏置从 0 开始",
                ),
                {Bilingual("units", "单元数"): float(units), Bilingual("different", "不同的组数"): float(kinds)},
                sparkline(used[0].tolist()),
                0.95,
                name.rpartition(".")[0],
            )
            return


def _is_drowned(course: Course, name: str) -> bool:
    """Whether a weight has grown so much since the first step that was watched that its beginning is lost in it."""
    norms = course.weights[name]["norm"] if name in course.weights else np.ones(1)
    return not np.isfinite(norms).all() or float(norms.max()) > drowned * float(norms[0])


def _kinds(columns: Numbers) -> int:
    """How many different columns there are; those that are nearly alike are one kind."""
    near = alike if len(columns) >= fewest_weights else 1e-5
    sizes = np.sqrt((columns**2).sum(axis=0))
    kinds: list[int] = []
    for unit in range(columns.shape[1]):
        far = [np.linalg.norm(columns[:, unit] - columns[:, kind]) > near * sizes[kind] for kind in kinds]
        if all(far):
            kinds.append(unit)
    return len(kinds)
