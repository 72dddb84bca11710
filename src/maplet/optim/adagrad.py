"""Adagrad: steps that shrink with all squares so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.ops.creation import full
from maplet.ops.elementwise import sqrt, square
from maplet.optim.described import register
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_adagrad(*, initial_accumulator: float = 0.0, epsilon: float = 1e-10) -> Transformation:
    """Divided by the root of all squares so far: s ← s + g², u = g / (√s + ε).

    Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adagrad()
    >>> rule.update({"w": mp.asarray([2.0, -8.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 1., -1.], dtype=float32)}
    """
    start = real("initial_accumulator", initial_accumulator, least=0)
    epsilon = real("epsilon", epsilon, above=0)

    def init(parameters: Arrays) -> dict[str, Arrays]:
        return {"sum_of_squares": {name: full(p.shape, start, dtype=p.dtype) for name, p in parameters.items()}}

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        total = {name: state["sum_of_squares"][name] + square(g) for name, g in gradients.items()}
        return {name: g / (sqrt(total[name]) + epsilon) for name, g in gradients.items()}, {"sum_of_squares": total}

    return Transformation(init, update, rests=True)


@register
class Adagrad(Standard):
    """Steps that shrink with all squares so far: s ← s + g², θ ← θ − α·g / (√s + ε).

    Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011. PyTorch's ``lr_decay`` is the schedule `InverseTime`.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    initial_accumulator, epsilon
        The s to begin with, ≥ 0, and ε > 0.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([1.0, 2.0])
    >>> optim.Adagrad(0.5).update(x, mp.asarray([10.0, -0.1]))
    >>> x
    Array([0.5, 2.5], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-2, *, initial_accumulator: float = 0.0, epsilon: float = 1e-10,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.initial_accumulator, self.epsilon = initial_accumulator, epsilon
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_adagrad`."""
        return [scale_by_adagrad(initial_accumulator=self.initial_accumulator, epsilon=self.epsilon)]
