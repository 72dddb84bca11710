"""Adadelta: steps in the unit of the parameters, without a rate to tune."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.ops.elementwise import sqrt
from maplet.optim.described import register
from maplet.optim.moving_averages import average, squares
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, zeros_beside
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_adadelta(rho: float = 0.9, epsilon: float = 1e-6) -> Transformation:
    """Steps in the unit of the parameters: E ← ρE + (1−ρ)g², u = g·√(D + ε) / √(E + ε), D ← ρD + (1−ρ)u².

    Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adadelta(rho=0.5, epsilon=1.0)
    >>> rule.update({"w": mp.asarray(4.0)}, rule.init({"w": mp.asarray(0.0)}), {})[0]
    {'w': Array(1.3333334)}
    """
    rho = real("rho", rho, least=0, below=1)
    epsilon = real("epsilon", epsilon, above=0)

    def init(parameters: Arrays) -> dict[str, Arrays]:
        return {"squared_gradient": zeros_beside(parameters), "squared_update": zeros_beside(parameters)}

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        seen, moved = average(rho, state["squared_gradient"], squares(gradients)), state["squared_update"]
        updates = {
            name: g * (sqrt(moved[name] + epsilon) / sqrt(seen[name] + epsilon)) for name, g in gradients.items()
        }
        return updates, {"squared_gradient": seen, "squared_update": average(rho, moved, squares(updates))}

    return Transformation(init, update)


@register
class Adadelta(Standard):
    """Steps in the unit of the parameters: E ← ρE + (1−ρ)g², u = g·√(D + ε) / √(E + ε), D ← ρD + (1−ρ)u², θ ← θ − α·u.

    Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012; the paper has α = 1.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    rho, epsilon
        0 ≤ ρ < 1 and ε > 0.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray(1.0)
    >>> optim.Adadelta(rho=0.0, epsilon=1.0).update(x, mp.asarray(1.0))
    >>> x
    Array(0.29289323)
    """

    def __init__(
        self, learning_rate: Rate = 1.0, *, rho: float = 0.9, epsilon: float = 1e-6,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.rho, self.epsilon = rho, epsilon
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_adadelta`."""
        return [scale_by_adadelta(self.rho, self.epsilon)]
