"""LAMB: Adam whose step in every parameter has the length of that parameter, for very large batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.ops.elementwise import where
from maplet.optim.adam import scale_by_adam
from maplet.optim.described import register
from maplet.optim.moving_averages import in_dtype_of
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, chain, stateless
from maplet.optim.transformations import decay_weights, global_norm

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_trust_ratio() -> Transformation:
    """Each update as long as its parameter: u = g·‖θ‖/‖g‖, and u = g where one of the two norms is 0.

    Behind momentum it makes the rule LARS, behind Adam LAMB.

    Sources: Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", 2017; Y. You et al.,
    "Large batch optimization for deep learning: training BERT in 76 minutes", 2020, with φ(z) = z.

    Examples
    --------
    >>> import maplet as mp
    >>> scale_by_trust_ratio().update({"w": mp.asarray([3.0, 4.0])}, {}, {"w": mp.asarray([0.0, 10.0])})[0]
    {'w': Array([6., 8.], dtype=float32)}
    """

    def of(g: Array, theta: Array) -> Array:
        length, own = global_norm({"g": g}), global_norm({"theta": theta})
        known = (length > 0) & (own > 0)
        return g * in_dtype_of(where(known, own / where(known, length, 1.0), 1.0), g)

    def change(gradients: Arrays, parameters: Arrays) -> Arrays:
        return {name: of(g, parameters[name]) for name, g in gradients.items()}

    return stateless(change)


@register
class LAMB(Standard):
    """Adam by layer: r = m̂ / (√v̂ + ε) + λθ as in `AdamW`, then θ ← θ − α·r·‖θ‖/‖r‖, with norms for each parameter.

    So a layer of small weights is not torn away by a rate that is right for the others, and batches of thousands of
    rows can be trained with. A parameter that is all zero, such as a new bias, takes the step r.

    Source: Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020, algorithm 2.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    beta1, beta2, epsilon
        0 ≤ β < 1 and ε > 0.
    weight_decay
        λ ≥ 0.
    clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([3.0, -4.0, 0.0, 0.0])
    >>> optim.LAMB(0.1).update(x, mp.asarray([1.0, 1.0, 1.0, 1.0]))
    >>> x
    Array([ 2.75, -4.25, -0.25, -0.25], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-6,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def rule(self) -> Transformation:
        """Clip, scale, decay, and give it the length of the parameter."""
        adam = scale_by_adam(self.beta1, self.beta2, self.epsilon)
        return chain(*self.clipping(), adam, decay_weights(self.weight_decay), scale_by_trust_ratio())
