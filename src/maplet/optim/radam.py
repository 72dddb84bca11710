"""RAdam: Adam that waits until its second moment can be trusted, in the place of a warmup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.types import float64
from maplet.ops.arguments import convert
from maplet.ops.elementwise import sqrt, where
from maplet.optim.described import register
from maplet.optim.moving_averages import average, checked_betas, in_dtype_of, moments, squares, unbiased, weight_after
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays

least_length = 5.0  # a variance of fewer gradients is not trusted (the paper has 4, its program and PyTorch 5)


def scale_by_radam(beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Transformation:
    """Adam with a rectified second moment.

    ρ∞ = 2/(1 − β₂) − 1 and ρ = ρ∞ − 2t·β₂ᵗ/(1 − β₂ᵗ): as many gradients would stand, each with the same weight, in the
    mean that v is. While ρ ≤ 5, u = m̂; then u = r·m̂·√(1 − β₂ᵗ) / (√v + ε), where r² = (ρ − 4)(ρ − 2)ρ∞ /
    ((ρ∞ − 4)(ρ∞ − 2)ρ) grows to 1, with m, v and m̂ as in Adam. As in PyTorch, ε is added to √v and not to √v̂.

    Source: L. Liu, H. Jiang, P. He, W. Chen, X. Liu, J. Gao, J. Han, "On the variance of the adaptive learning rate and
    beyond", 2020.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_radam()
    >>> rule.update({"w": mp.asarray([0.5, -4.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 0.5, -4. ], dtype=float32)}
    """
    beta1, beta2, epsilon = checked_betas(beta1, beta2, epsilon)
    longest = 2 / (1 - beta2) - 1
    ever_trusted = longest > least_length  # from β₂ = 2/3 on; below, v is never used

    def rectification(steps: Array, weight: Array) -> tuple[Array, Array]:
        length = longest - 2 * convert(steps, float64) * (1 - weight) / weight
        trusted = length > least_length
        length = where(trusted, length, least_length)  # so that the root below is never that of a negative number
        whole = (longest - 4) * (longest - 2) if ever_trusted else 1.0
        return trusted, sqrt((length - 4) * (length - 2) * longest / (whole * length))

    def update(gradients: Arrays, state: dict[str, Any], _: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        first = average(beta1, state["first_moment"], gradients)
        second = average(beta2, state["second_moment"], squares(gradients))
        weight1, weight2 = weight_after(beta1, steps), weight_after(beta2, steps)
        trusted, r = rectification(steps, weight2)
        factor = r * sqrt(weight2)
        updates = {
            name: unbiased(m, weight1) * where(trusted, in_dtype_of(factor, m) / (sqrt(second[name]) + epsilon), 1.0)
            for name, m in first.items()
        }
        return updates, {"steps": steps, "first_moment": first, "second_moment": second}

    return Transformation(moments, update)


@register
class RAdam(Standard):
    """Adam whose first steps are those of momentum, until its second moment can be trusted: see `scale_by_radam`.

    Source: L. Liu, H. Jiang, P. He, W. Chen, X. Liu, J. Gao, J. Han, "On the variance of the adaptive learning rate and
    beyond", 2020.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    beta1, beta2, epsilon
        0 ≤ β < 1 and ε > 0.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([1.0, 2.0])
    >>> optim.RAdam(0.5).update(x, mp.asarray([1.0, -2.0]))
    >>> x
    Array([0.5, 3. ], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_radam`."""
        return [scale_by_radam(self.beta1, self.beta2, self.epsilon)]
