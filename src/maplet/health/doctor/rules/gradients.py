"""MD006 and MD018: gradients that die out on the way back, or grow out of all bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.tree import leaves
from maplet.health.doctor.answers import unexplained
from maplet.health.doctor.course import early
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.doctor.rules.loss import knowable, misses_all
from maplet.health.doctor.rules.moves import creeps, goes_to, restless
from maplet.health.doctor.yardstick import left_out
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course, Series

unlike = 500.0  # the relative gradient of the first weight against that of the last
faint = 1000.0  # the gradient of the last layer's output against that of the first
forgotten = 100.0  # the gradient of the last steps of a sequence against that of the first
seen_in_half = 0.9  # of the targets, left unexplained by the later halves of sequences
swollen = 12.0  # times the gradient of the last layer's output, before the first step
spike, by_first, usual_step = 100.0, 30.0, 0.02  # a gradient by those before and by the first; their update by weight


def _first_to_last(course: Course) -> Series | None:
    """Gradient by weight, of the first weight against the last, in each watched step, if it dies out in between."""
    if len(course.weights) < 3:
        return None
    first, *_, last = course.weights.values()
    with np.errstate(all="ignore"):
        share = (first["gradient"] / first["norm"]) / (last["gradient"] / last["norm"])
    return share if _mostly_below(share, 1 / unlike) else None


def _through_layers(course: Course) -> Series | None:
    """Gradient of the first layer's output against that of the last, if it dies out in a net that has learned nothing.

    From weights that begin too small, what comes in dies out as does what comes back: the gradient of each weight is
    the product of the two, and so as small at the end as at the beginning. It has been so since the first step: later,
    units may have died of something else.
    """
    if len(course.layers) < 3 or not misses_all(course):
        return None
    first, *_, last = course.layers.values()
    with np.errstate(all="ignore"):
        share = first["gradient_rms"] / last["gradient_rms"]
    return share if share[0] < 1 / faint and _mostly_below(share, 1 / faint) else None


def _mostly_below(share: Series, bound: float) -> bool:
    return float(np.mean(share < bound)) >= 0.8


@rule("MD006", "vanishing gradients", "梯度消失")
@in_chinese(
    "梯度在反向传播的途中逐渐消失，损失停滞不动。",
    (
        "以各自的权重为尺度，前几层得到的梯度不到最后几层的五百分之一。或者，简单方法（见 MD009）能看出的规律网"
        "络丝毫没有学到，而第一层的输出得到的梯度不到最后一层的千分之一：初始权重太小时就是这样，输入的信号也同"
        "样逐层消失。在循环层中，梯度逐个时间步消失：前四分之一的时间步得到的梯度不到后四分之一的百分之一。许多"
        "只凭最后几步就学得很好的网络也是如此，因此只有当简单方法从整个序列能看出目标、从后半段看不出时，才作此"
        "诊断。"
    ),
)
def vanishing(course: Course) -> Iterator[Diagnosis]:
    """On the way back the gradient dies out, and the loss stays.

    Measured by their weights, the first layers get a five-hundredth of the gradient of the last ones, or less. Or the
    output of the first layer gets a thousandth of that of the last, where the net has learned nothing of what a simple
    method (see MD009) sees: so it is where weights begin too small, and what comes in dies out as well. In a recurrent
    layer it dies out from step to step: the first quarter of the steps gets a hundredth of the gradient of the last
    quarter, or less. That is so in many nets that learn well from the last steps, and is said only where the simple
    method sees the targets in whole sequences, and does not in their later halves.
    """
    if not course.tells or goes_to(course) <= 0.8 * early(course.steps("loss")):
        return
    share = _first_to_last(course)
    share = _through_layers(course) if share is None else share
    if share is None:
        yield from _through_time(course)
    else:
        yield Diagnosis(
            Bilingual("the gradient vanishes on the way to the first layers", "梯度在传回前几层的途中消失"),
            Bilingual(
                "ReLU instead of sigmoid or tanh, with he_uniform; residual connections; a normalization between "
                "layers",
                "用 ReLU 代替 sigmoid 或 tanh，并以 he_uniform 初始化；使用残差连接；在层与层之间加入归一化",
            ),
            {Bilingual("first/last", "首层与末层之比"): float(np.median(share))},
            sparkline(np.log10(np.maximum(share, 1e-30)).tolist()),
            0.9,
            next(iter(course.weights)).rpartition(".")[0],
        )


def _through_time(course: Course) -> Iterator[Diagnosis]:
    """The same from step to step of a recurrent layer, where what is to be learned stands in the early steps."""
    for layer, seen in course.loops.items():
        with np.errstate(all="ignore"):
            share = seen["first"] / seen["last"]
        if float(np.median(share)) < 1 / forgotten and not creeps(course) and _begins_early(course):
            yield Diagnosis(
                Bilingual(
                    "the gradient vanishes on its way back through time, and the early steps are what tells the target",
                    "梯度在沿时间反向传播的途中消失，而决定目标的正是前面的时间步",
                ),
                Bilingual(
                    "LSTM or GRU instead of a plain RNN, orthogonal recurrent weights; shorter sequences; a layer that "
                    "sees all steps: both directions, the mean of the outputs, attention",
                    "用 LSTM 或 GRU 代替普通 RNN，循环权重用 orthogonal 初始化；缩短序列；使用能看到所有时间步的层："
                    "双向、对各步输出取平均、注意力",
                ),
                {Bilingual("first/last steps", "最初与最后几步之比"): float(np.median(share))},
                sparkline(np.log10(np.maximum(share, 1e-30)).tolist()),
                0.85,
                layer,
            )
            return


def _begins_early(course: Course) -> bool:
    """Whether a simple method sees the targets in whole sequences, and does not in their later halves."""
    rows = None if course.given is None else course.given.training
    inputs = [] if rows is None else list(leaves(rows.x).values())
    if course.yardstick is None or len(inputs) != 1 or inputs[0].ndim < 3:
        return False
    part, given = course.yardstick
    later = part.x[:, part.x.shape[1] // inputs[0].shape[1] * (inputs[0].shape[1] // 2) :]
    by_later = left_out(later, part.targets, of_classes=part.of_classes)
    whole, half = (unexplained(part.targets, one, of_classes=part.of_classes) for one in (given, by_later))
    return whole < knowable and half > seen_in_half


@rule("MD018", "exploding gradients", "梯度爆炸")
@in_chinese(
    "梯度在反向传播的途中逐层增大，或者偶尔突增百倍。",
    (
        "前一种情形在第一步就能看到，那时学习率还没有影响：某一层输出的梯度是最后一层的十二倍。后一种情形是：在"
        "步长正常的各步之后，某一步的梯度达到通常的一百倍，且是第一步的三十倍；如果第一步就使权重改变了二十分之一，"
        "则属于 MD002。"
    ),
)
def exploding(course: Course) -> Iterator[Diagnosis]:
    """On the way back the gradient grows from layer to layer, or from time to time it is a hundredfold.

    The first is seen at the first step, which no learning rate has spoiled yet: some layer's output has twelve times
    the gradient of the last one's. The second is a step whose gradient is a hundred times the usual, and thirty times
    that of the first, after steps of a usual length; where the first one moved the weights by a twentieth, it is MD002.
    """
    if not course.watched:
        return
    slopes = [float(seen["gradient_rms"][0]) for seen in course.layers.values()]
    known = bool(slopes) and not np.isnan(slopes).any() and 0 < slopes[-1] < np.inf  # the greatest may be infinite
    growth = max(slopes) / slopes[-1] if known else 1.0
    if growth > swollen:
        place = list(course.layers)[int(np.argmax(slopes))]
        where = Bilingual("on its way back, before the first step", "在反向传播的途中，第一步之前就已如此")
        yield _exploding(where, {Bilingual("greatest/last", "最大与末层之比"): growth}, slopes, place)
        return
    sizes, ratio = course.steps("gradient"), course.ratio
    for at in range(3, len(sizes)):
        usual, before = float(np.median(sizes[:at])), float(np.median(ratio[:at]))
        if sizes[at] > max(spike * usual, by_first * sizes[0]) and before < usual_step and ratio[0] < restless:
            numbers = {
                Bilingual("gradient", "梯度的范数"): float(sizes[at]),
                Bilingual("before", "此前的范数"): usual,
                Bilingual("update/weight before", "此前更新与权重之比"): before,
            }
            where = Bilingual(f"in step {at} of those watched", f"发生在观察到的第 {at} 步")
            yield _exploding(where, numbers, sizes.tolist(), "")
            return


def _exploding(where: Bilingual, numbers: dict[Bilingual, float], sizes: list[float], place: str) -> Diagnosis:
    return Diagnosis(
        Bilingual(f"the gradient explodes {where}", f"梯度爆炸：{where.zh}"),
        Bilingual(
            "clip it (clip_norm=1.0); weights that begin smaller (he_uniform, orthogonal for recurrent ones), a "
            "normalization between layers, LSTM or GRU instead of a plain RNN",
            "裁剪梯度（clip_norm=1.0）；减小初始权重（he_uniform，循环权重用 orthogonal）；在层与层之间加入归一化；"
            "用 LSTM 或 GRU 代替普通 RNN",
        ),
        numbers,
        sparkline(np.log10(np.maximum(sizes, 1e-30)).tolist()),
        0.9,
        place,
    )
