"""Adam and AdamW: the mean of the gradients over the root of their mean square."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.ops.elementwise import maximum, sqrt
from maplet.optim.described import register
from maplet.optim.moving_averages import average, checked_betas, moments, squares, unbiased, weight_after
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, chain, recall, zeros_beside
from maplet.optim.transformations import decay_weights
from maplet.settings import flag

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_adam(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, amsgrad: bool = False
) -> Transformation:
    """Mean over root mean square, both corrected for their start at zero.

    m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², u = m̂ / (√v̂ + ε) with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ).

    With AMSGrad the largest v so far, n ← max(n, v), stands in the place of v, so that no step size ever grows.

    Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014; S. J. Reddi, S. Kale, S. Kumar,
    "On the convergence of Adam and beyond", 2018.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adam()
    >>> rule.update({"w": mp.asarray([0.1, -5.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 0.99999994, -1.        ], dtype=float32)}
    """
    beta1, beta2, epsilon = checked_betas(beta1, beta2, epsilon)
    amsgrad = flag("amsgrad", amsgrad)

    def init(parameters: Arrays) -> dict[str, Any]:
        state = moments(parameters)
        return state | {"largest_second_moment": zeros_beside(parameters)} if amsgrad else state

    def update(gradients: Arrays, state: dict[str, Any], _: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        first = average(beta1, state["first_moment"], gradients)
        second = average(beta2, state["second_moment"], squares(gradients))
        new = {"steps": steps, "first_moment": first, "second_moment": second}
        if amsgrad:
            before = recall(state, "largest_second_moment")
            second = {name: maximum(before[name], v) for name, v in second.items()}
            new["largest_second_moment"] = second
        weight1, weight2 = weight_after(beta1, steps), weight_after(beta2, steps)
        updates = {
            name: unbiased(m, weight1) / (sqrt(unbiased(second[name], weight2)) + epsilon) for name, m in first.items()
        }
        return updates, new

    return Transformation(init, update)


@register
class Adam(Standard):
    """m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − α·m̂ / (√v̂ + ε), m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ).

    Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014; for AMSGrad see `scale_by_adam`.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    beta1, beta2, epsilon
        0 ≤ β < 1 and ε > 0.
    amsgrad
        Whether the largest v so far stands in the place of v.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([1.0, 2.0])
    >>> optim.Adam(0.5).update(x, mp.asarray([10.0, -10.0]))
    >>> x
    Array([0.5, 2.5], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.beta1, self.beta2, self.epsilon, self.amsgrad = beta1, beta2, epsilon, flag("amsgrad", amsgrad)
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_adam`."""
        return [scale_by_adam(self.beta1, self.beta2, self.epsilon, amsgrad=self.amsgrad)]


@register
class AdamW(Adam):
    """Adam with the weight decay apart from the gradient: θ ← θ − α·(m̂ / (√v̂ + ε) + λθ).

    So every weight shrinks at the same rate, however large its gradients are.

    Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2017.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    beta1, beta2, epsilon
        0 ≤ β < 1 and ε > 0.
    amsgrad
        Whether the largest v so far stands in the place of v.
    weight_decay
        λ ≥ 0.
    clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray(2.0)
    >>> optim.AdamW(0.5, weight_decay=0.5).update(x, mp.asarray(1.0))
    >>> x
    Array(1.)
    """

    def __init__(
        self, learning_rate: Rate = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 1e-2, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, amsgrad=amsgrad,
            weight_decay=weight_decay, clip_norm=clip_norm, clip_value=clip_value,
        )  # fmt: skip

    def rule(self) -> Transformation:
        """Clip, scale, decay."""
        return chain(*self.clipping(), *self.scaling(), decay_weights(self.weight_decay))
