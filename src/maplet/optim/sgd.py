"""SGD: gradient descent, with momentum where there is any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.optim.described import register
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, identity
from maplet.optim.transformations import momentum
from maplet.settings import flag, real

if TYPE_CHECKING:
    from maplet.optim.standard import Rate


@register
class SGD(Standard):
    """Gradient descent: θ ← θ − α·g; with momentum β, v ← βv + g and θ ← θ − α·v, or θ ← θ − α·(g + βv) with Nesterov.

    Batch, stochastic and mini-batch descent differ only in the rows that the gradient was taken over.

    Sources: H. Robbins, S. Monro, "A stochastic approximation method", 1951; for momentum see `momentum`.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    momentum
        β, 0 ≤ β < 1.
    nesterov
        Whether to look ahead; needs momentum.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([1.0, 2.0])
    >>> optim.SGD(0.1).update(x, mp.asarray([10.0, 0.0]))
    >>> x
    Array([0., 2.], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate, *, momentum: float = 0.0, nesterov: bool = False,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.momentum = real("momentum", momentum, least=0, below=1)
        self.nesterov = flag("nesterov", nesterov)
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """Momentum, where there is any."""
        rolls = self.momentum or self.nesterov  # Nesterov without momentum is refused by `momentum`
        return [momentum(self.momentum, nesterov=self.nesterov) if rolls else identity]
