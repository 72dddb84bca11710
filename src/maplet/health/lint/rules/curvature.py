"""ML019: a learning rate with which descent climbs, by the curvature of the loss."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, in_layer, rule
from maplet.health.lint.subject import most_work, work_of
from maplet.health.rules import in_chinese
from maplet.nn import Module
from maplet.optim import SGD
from maplet.transforms.derivatives import grad, value_and_grad
from maplet.transforms.directional import linearize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maplet.core.array import Array
    from maplet.health.lint.subject import Subject

iterations, descents = 8, 12
few_nodes = 150  # each is computed one by one, some twenty times
grown = 10.0


@rule("ML019", "a learning rate beyond the stable range", "学习率超出稳定范围")
@in_chinese(
    "步长太大，损失反而上升。",
    "沿最大曲率 λ 的方向，每一步把到极小值点的距离乘以 1 − αλ。当 α 超过 2/λ（动量为 β 时超过 2(1 + β)/λ），该因子的"
    "绝对值大于 1，迭代就会远离极小值点。λ 是海森矩阵的最大特征值，用海森矩阵与向量的乘积作幂迭代求得。网络可能"
    "从陡峭处走到平坦处，因此先在副本上试走几步，只有损失增大到十倍才报告。只用于小网络和 `optim.SGD`；其他优化"
    "器自带尺度。",
    "学习率应小于所给界限的一半。",
)
def unstable_rate(subject: Subject) -> Iterator[Finding]:
    """Steps are so long that the loss grows.

    Along the direction of the greatest curvature λ a step multiplies the distance from the minimum by 1 − αλ. Beyond
    α = 2/λ, with momentum β beyond 2(1 + β)/λ, that is more than 1 in size, and descent moves away. λ is the greatest
    eigenvalue of the Hessian, found by power iteration with products of Hessian and vector. Since a net can come from a
    steep place to a flat one, a few steps are tried on a copy, and only a loss that grows tenfold is a finding. For
    small nets with `optim.SGD`; other optimizers bring their own scale.

    Take less than half of the bound that is named.
    """
    optimizer, net = subject.optimizer, subject.trained
    if not (isinstance(optimizer, SGD) and isinstance(net, Module)) or not subject.values:
        return
    if len(subject.read.order) > few_nodes or work_of(subject.graph) * 30 > most_work:
        return
    rate, momentum = optimizer.current_learning_rate(), float(optimizer.momentum)
    copy = deepcopy(net)

    def loss(net: Any) -> Any:
        found = subject.objective(net, *subject.batch)
        return found[0] if isinstance(found, tuple) else found  # pyright: ignore[reportUnknownVariableType]  (what an objective returns)

    with np.errstate(all="ignore"):
        curvature = greatest_curvature(loss, copy)
        bound = 2 * (1 + momentum) / curvature if curvature > 0 else np.inf
        if not np.isfinite(curvature) or rate <= bound:
            return
        losses = _descend(loss, copy, optimizer)
    if not losses[-1] <= grown * abs(losses[0]):
        yield Finding(
            Bilingual(
                f"the learning rate {rate:.3g} is beyond the stable range: the greatest curvature is {curvature:.3g}, "
                f"so descent climbs beyond {bound:.3g}; in {len(losses) - 1} steps on one batch the loss goes from "
                f"{losses[0]:.3g} to {losses[-1]:.3g}",
                f"学习率 {rate:.3g} 超出稳定范围：最大曲率为 {curvature:.3g}，学习率超过 {bound:.3g} 损失就会上升；"
                f"在一批样本上走 {len(losses) - 1} 步后，损失从 {losses[0]:.3g} 变为 {losses[-1]:.3g}",
            ),
            Bilingual(
                f"learning_rate={bound / 4:.1g}, or scale the inputs: the curvature grows with their square",
                f"learning_rate={bound / 4:.1g}，或缩放输入：曲率随输入的平方增长",
            ),
            in_layer(""),
            {"learning rate": rate, "curvature": curvature, "bound": bound, "loss": losses[-1]},
        )


def greatest_curvature(loss: Callable[[Any], Any], net: Module) -> float:
    """The greatest eigenvalue of the Hessian in size, by power iteration: v ← Hv / ‖Hv‖, whose length tends to it.

    The Hessian is never made: Hv is the derivative of the gradient along v, found by pushing v through backpropagation.
    """
    rng = np.random.default_rng(0)
    gradient: dict[str, Array] = grad(loss)(net)
    along: Callable[..., dict[str, Array]] = linearize(grad(loss), net)[1]
    v: dict[str, np.ndarray[Any, Any]] = {
        name: rng.standard_normal(g.shape).astype(g.dtype) for name, g in gradient.items()
    }
    length = _length(v)
    for _ in range(iterations):
        if not length or not np.isfinite(length):
            break
        unit = {name: part / part.dtype.type(length) for name, part in v.items()}
        v = {name: part.numpy() for name, part in along(unit).items()}
        length = _length(v)
    return length


def _length(v: dict[str, np.ndarray[Any, Any]]) -> float:
    return float(np.sqrt(sum(float(np.sum(part.astype(np.float64) ** 2)) for part in v.values())))


def _descend(loss: Callable[[Any], Any], net: Module, optimizer: SGD) -> list[float]:
    """The losses of a few steps on one batch."""
    mine = deepcopy(optimizer)
    losses: list[float] = []
    for _ in range(descents + 1):
        value, gradients = value_and_grad(loss)(net)
        losses.append(value.item())
        if not np.isfinite(losses[-1]):
            break
        mine.update(net, gradients)
    return losses
