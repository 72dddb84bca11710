"""The optimizers by name, each with the defaults of PyTorch.

The formulas are those of their transformations; g is the gradient, θ the parameters, α the learning rate, λ the weight
decay. Every class has three options besides its own:

weight_decay
    λ ≥ 0. The rule sees g + λθ, the gradient of the loss with the penalty λ/2·‖θ‖²; only `AdamW` decays apart from it.
clip_norm, clip_value
    Cut the gradient before all else: each element to ±``clip_value``, then the length of the whole to ``clip_norm``.
    None leaves it as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.ops.settings import flag, real
from maplet.optim.adaptive import (
    scale_by_adadelta,
    scale_by_adagrad,
    scale_by_adam,
    scale_by_adamax,
    scale_by_nadam,
    scale_by_rms,
)
from maplet.optim.described import register
from maplet.optim.optimizer import Optimizer
from maplet.optim.transformation import Transformation, chain, identity
from maplet.optim.transformations import clip_by_norm, clip_by_value, decay_weights, momentum

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
