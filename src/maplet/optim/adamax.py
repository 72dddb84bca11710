"""Adamax: Adam with the largest gradient in the place of the root mean square."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.types import default_int
from maplet.ops import elementwise
from maplet.ops.creation import zeros
from maplet.ops.elementwise import maximum
from maplet.optim.described import register
from maplet.optim.moving_averages import average, checked_betas, unbiased, weight_after
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, zeros_beside

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_adamax(beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Transformation:
    """Adam with the largest in the place of the root mean square: n ← max(β₂n, |g| + ε), u = m̂ / n.

    m̂ is as in Adam; ε stands inside the maximum, as in PyTorch, so that n is never 0.

    Source: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014, section 7.1.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adamax()
    >>> rule.update({"w": mp.asarray([0.5, -5.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 1., -1.], dtype=float32)}
    """
    beta1, beta2, epsilon = checked_betas(beta1, beta2, epsilon)

    def init(parameters: Arrays) -> dict[str, Any]:
        zero = zeros((), dtype=default_int)
        return {"steps": zero, "first_moment": zeros_beside(parameters), "largest": zeros_beside(parameters)}

    def update(gradients: Arrays, state: dict[str, Any], _: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        first = average(beta1, state["first_moment"], gradients)
        largest = {
            name: maximum(beta2 * state["largest"][name], elementwise.abs(g) + epsilon) for name, g in gradients.items()
        }
        weight = weight_after(beta1, steps)
        updates = {name: unbiased(m, weight) / largest[name] for name, m in first.items()}
        return updates, {"steps": steps, "first_moment": first, "largest": largest}

    return Transformation(init, update)


@register
class Adamax(Standard):
    """Adam with the largest gradient lately: m as there, n ← max(β₂n, |g| + ε), θ ← θ − α·m̂ / n.

    Source: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014, section 7.1.

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
    >>> optim.Adamax(0.5).update(x, mp.asarray([10.0, -10.0]))
    >>> x
    Array([0.5, 2.5], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 2e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_adamax`."""
        return [scale_by_adamax(self.beta1, self.beta2, self.epsilon)]
