"""Nadam: Adam that looks ahead as Nesterov does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.types import float64
from maplet.ops.arguments import convert
from maplet.ops.creation import ones
from maplet.ops.elementwise import sqrt
from maplet.optim.described import register
from maplet.optim.moving_averages import average, checked_betas, in_dtype_of, moments, squares, unbiased, weight_after
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_nadam(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, momentum_decay: float = 0.004
) -> Transformation:
    """Adam that looks ahead as Nesterov does, with a momentum that warms up.

    μₜ = β₁(1 − ½·0.96^(tψ)) and u = [μₜ₊₁·m / (1 − Πᵢ₌₁ᵗ⁺¹ μᵢ) + (1 − μₜ)·g / (1 − Πᵢ₌₁ᵗ μᵢ)] / (√v̂ + ε), with m, v
    and v̂ as in Adam and ψ the momentum decay.

    Source: T. Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_nadam(momentum_decay=0.0)
    >>> rule.update({"w": mp.asarray(2.0)}, rule.init({"w": mp.asarray(0.0)}), {})[0]
    {'w': Array(1.0564263)}
    """
    beta1, beta2, epsilon = checked_betas(beta1, beta2, epsilon)
    psi = real("momentum_decay", momentum_decay, least=0)

    def init(parameters: Arrays) -> dict[str, Any]:
        return moments(parameters) | {"momentum_product": ones((), dtype=float64)}

    def momentum_at(t: Array) -> Array:
        return beta1 * (1 - 0.5 * 0.96 ** (t * psi))

    def update(gradients: Arrays, state: dict[str, Any], _: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        first = average(beta1, state["first_moment"], gradients)
        second = average(beta2, state["second_moment"], squares(gradients))
        t = convert(steps, float64)
        now, ahead = momentum_at(t), momentum_at(t + 1)
        product = state["momentum_product"] * now
        of_gradient, of_moment = (1 - now) / (1 - product), ahead / (1 - product * ahead)
        weight2 = weight_after(beta2, steps)
        updates = {
            name: (in_dtype_of(of_moment, g) * first[name] + in_dtype_of(of_gradient, g) * g)
            / (sqrt(unbiased(second[name], weight2)) + epsilon)
            for name, g in gradients.items()
        }
        return updates, {"steps": steps, "first_moment": first, "second_moment": second, "momentum_product": product}

    return Transformation(init, update)


@register
class Nadam(Standard):
    """Adam that looks ahead as Nesterov does: θ ← θ − α·[μₜ₊₁m/(1 − Πμ·μₜ₊₁) + (1 − μₜ)g/(1 − Πμ)] / (√v̂ + ε).

    m, v and v̂ are as in Adam, Πμ is μ₁·…·μₜ, and μₜ = β₁(1 − ½·0.96^(tψ)).

    Source: T. Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    beta1, beta2, epsilon
        0 ≤ β < 1 and ε > 0.
    momentum_decay
        ψ ≥ 0.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray(1.0)
    >>> optim.Nadam(0.5, beta1=0.0).update(x, mp.asarray(10.0))
    >>> x
    Array(0.5)
    """

    def __init__(
        self, learning_rate: Rate = 2e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
        momentum_decay: float = 4e-3,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.beta1, self.beta2, self.epsilon, self.momentum_decay = beta1, beta2, epsilon, momentum_decay
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_nadam`."""
        return [scale_by_nadam(self.beta1, self.beta2, self.epsilon, momentum_decay=self.momentum_decay)]
