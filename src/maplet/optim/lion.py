"""Lion: steps of one size, in the direction of the sign of a mean gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.ops.elementwise import sign
from maplet.optim.described import register
from maplet.optim.moving_averages import average
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, chain, zeros_beside
from maplet.optim.transformations import decay_weights
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_lion(beta1: float = 0.9, beta2: float = 0.99) -> Transformation:
    """The sign of a mean that leans on the newest gradient: u = sign(β₁m + (1−β₁)g), then m ← β₂m + (1−β₂)g.

    Source: X. Chen et al., "Symbolic discovery of optimization algorithms", 2023.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_lion()
    >>> rule.update({"w": mp.asarray([0.1, -5.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 1., -1.], dtype=float32)}
    """
    beta1, beta2 = real("beta1", beta1, least=0, below=1), real("beta2", beta2, least=0, below=1)

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        before = state["first_moment"]
        updates = {name: sign(mean) for name, mean in average(beta1, before, gradients).items()}
        return updates, {"first_moment": average(beta2, before, gradients)}

    return Transformation(lambda parameters: {"first_moment": zeros_beside(parameters)}, update)


@register
class Lion(Standard):
    """Steps of size α: θ ← θ − α·(sign(β₁m + (1−β₁)g) + λθ), then m ← β₂m + (1−β₂)g.

    It remembers half of what Adam does. Its steps are larger than those of Adam: a rate of a third to a tenth of Adam's
    is usual, with a weight decay that is as much larger.

    Source: X. Chen et al., "Symbolic discovery of optimization algorithms", 2023.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    beta1, beta2
        0 ≤ β < 1.
    weight_decay
        λ ≥ 0; as in `AdamW` it stands apart from the gradient.
    clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([1.0, 2.0])
    >>> optim.Lion(0.5).update(x, mp.asarray([10.0, -0.1]))
    >>> x
    Array([0.5, 2.5], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-4, *, beta1: float = 0.9, beta2: float = 0.99,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.beta1, self.beta2 = beta1, beta2
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def rule(self) -> Transformation:
        """Clip, take the sign, decay."""
        return chain(*self.clipping(), scale_by_lion(self.beta1, self.beta2), decay_weights(self.weight_decay))
