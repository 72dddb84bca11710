"""RMSprop: the gradient divided by the root of its mean square of late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.ops.elementwise import maximum, sqrt, square
from maplet.optim.described import register
from maplet.optim.moving_averages import average, squares
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, identity, recall, zeros_beside
from maplet.optim.transformations import momentum
from maplet.settings import flag, real

if TYPE_CHECKING:
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_rms(rho: float = 0.99, epsilon: float = 1e-8, *, centered: bool = False) -> Transformation:
    """Divided by the root of the mean square: E ← ρE + (1−ρ)g², u = g / (√E + ε).

    Centered, by the standard deviation: m ← ρm + (1−ρ)g, u = g / (√(E − m²) + ε). Rounding can make E − m² a little
    less than 0; then 0 stands for it.

    Sources: T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; centered: A. Graves, "Generating sequences
    with recurrent neural networks", 2013.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_rms(rho=0.75)
    >>> rule.update({"w": mp.asarray(4.0)}, rule.init({"w": mp.asarray(0.0)}), {})[0]
    {'w': Array(2.)}
    """
    rho = real("rho", rho, least=0, below=1)
    epsilon = real("epsilon", epsilon, above=0)
    centered = flag("centered", centered)

    def init(parameters: Arrays) -> dict[str, Arrays]:
        state = {"squared_gradient": zeros_beside(parameters)}
        return state | {"mean_gradient": zeros_beside(parameters)} if centered else state

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        new = {"squared_gradient": average(rho, state["squared_gradient"], squares(gradients))}
        spread = new["squared_gradient"]
        if centered:
            new["mean_gradient"] = average(rho, recall(state, "mean_gradient"), gradients)
            spread = {name: maximum(spread[name] - square(mean), 0.0) for name, mean in new["mean_gradient"].items()}
        return {name: g / (sqrt(spread[name]) + epsilon) for name, g in gradients.items()}, new

    return Transformation(init, update)


@register
class RMSprop(Standard):
    """Steps divided by the root mean square: E ← ρE + (1−ρ)g², θ ← θ − α·g / (√E + ε), with momentum behind it.

    Sources: T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; centered: A. Graves, "Generating sequences
    with recurrent neural networks", 2013.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    rho, epsilon
        0 ≤ ρ < 1 (PyTorch's ``alpha``) and ε > 0.
    momentum
        β, 0 ≤ β < 1.
    centered
        Whether to divide by the standard deviation instead.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray(1.0)
    >>> optim.RMSprop(0.25, rho=0.75).update(x, mp.asarray(4.0))
    >>> x
    Array(0.5)
    """

    def __init__(
        self, learning_rate: Rate = 1e-2, *, rho: float = 0.99, epsilon: float = 1e-8,
        momentum: float = 0.0, centered: bool = False,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.rho, self.epsilon, self.centered = rho, epsilon, flag("centered", centered)
        self.momentum = real("momentum", momentum, least=0, below=1)
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_rms`, then momentum, where there is any."""
        rolls = momentum(self.momentum) if self.momentum else identity
        return [scale_by_rms(self.rho, self.epsilon, centered=self.centered), rolls]
