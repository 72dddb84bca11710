"""What the optimizers by name share. Their defaults are those of PyTorch.

The formulas are those of their transformations; g is the gradient, θ the parameters, α the learning rate, λ the weight
decay. Every class has three options besides its own:

weight_decay
    λ ≥ 0. The rule sees g + λθ, the gradient of the loss with the penalty λ/2·‖θ‖²; `AdamW` and some others decay apart
    from it, and say so.
clip_norm, clip_value
    Cut the gradient before all else: each element to ±``clip_value``, then the length of the whole to ``clip_norm``.
    None leaves it as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.optim.optimizer import Optimizer
from maplet.optim.transformation import Transformation, chain, identity
from maplet.optim.transformations import clip_by_norm, clip_by_value, decay_weights

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.schedules import Schedule

    Rate = Schedule | Array | float


class Standard(Optimizer):
    """What all of them share: clipping, then weight decay, then a scaling of their own."""

    def __init__(
        self, learning_rate: Rate, weight_decay: float, clip_norm: float | None, clip_value: float | None
    ) -> None:
        self.weight_decay, self.clip_norm, self.clip_value = weight_decay, clip_norm, clip_value
        super().__init__(learning_rate)

    def rule(self) -> Transformation:
        """Clip, decay, scale."""
        return chain(*self.clipping(), decay_weights(self.weight_decay), *self.scaling())

    def clipping(self) -> list[Transformation]:
        """Each element, then the length of what is left."""
        return [
            identity if self.clip_value is None else clip_by_value(self.clip_value),
            identity if self.clip_norm is None else clip_by_norm(self.clip_norm),
        ]

    def scaling(self) -> list[Transformation]:
        """What this optimizer is known for."""
        raise NotImplementedError(f"{type(self).__name__} has no scaling method")
