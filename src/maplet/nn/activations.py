"""Activations as layers; the functions themselves stand in `ops.composite`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.nn.module import Module
from maplet.ops import composite, elementwise

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class Sigmoid(Module):
    """σ(x) = 1 / (1 + e^−x), element by element; values from 0 to 1.

    Examples
    --------
    >>> import maplet as mp
    >>> Sigmoid()(mp.asarray([0.0]))
    Array([0.5], dtype=float32)
    """

    def forward(self, x: ArrayLike) -> Array:
        """σ(x)."""
        return elementwise.sigmoid(x)


class Tanh(Module):
    """tanh(x) = (e^x − e^−x) / (e^x + e^−x), element by element; values from −1 to 1."""

    def forward(self, x: ArrayLike) -> Array:
        """tanh(x)."""
        return elementwise.tanh(x)


class ReLU(Module):
    """max(x, 0), element by element. The derivative at 0 is 0.

    Source: V. Nair, G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    def forward(self, x: ArrayLike) -> Array:
        """max(x, 0)."""
        return composite.relu(x)


class LeakyReLU(Module):
    """The input x where it is positive, slope·x elsewhere: no unit goes quite dead.

    Source: A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: ArrayLike) -> Array:
        """The input where it is positive, slope·x elsewhere."""
        return composite.leaky_relu(x, self.slope)


class ELU(Module):
    """The input x where it is positive, α(e^x − 1) elsewhere.

    Source: D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential
    linear units", ICLR 2016.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: ArrayLike) -> Array:
        """The input where it is positive, α(e^x − 1) elsewhere."""
        return composite.elu(x, self.alpha)


class GELU(Module):
    """The input x times Φ(x), the normal distribution; ``approximate`` computes Φ by tanh.

    Source: D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.
    """

    def __init__(self, *, approximate: bool = False) -> None:
        self.approximate = approximate

    def forward(self, x: ArrayLike) -> Array:
        """x·Φ(x)."""
        return composite.gelu(x, approximate=self.approximate)


class SiLU(Module):
    """The input x times σ(x), also called swish.

    Source: S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning", 2017.
    """

    def forward(self, x: ArrayLike) -> Array:
        """x·σ(x)."""
        return composite.silu(x)


class Softplus(Module):
    """ln(1 + e^x), a smooth max(x, 0).

    Source: C. Dugas, Y. Bengio, F. Bélisle, C. Nadeau, R. Garcia, "Incorporating second-order functional knowledge
    for better option pricing", NIPS 2000.
    """

    def forward(self, x: ArrayLike) -> Array:
        """ln(1 + e^x)."""
        return composite.softplus(x)


class Softmax(Module):
    """e^x / Σ e^x along an axis: positive numbers that add up to 1.

    No net that is trained with `cross_entropy` ends in this layer: that loss takes logits and contains the softmax.

    Examples
    --------
    >>> import maplet as mp
    >>> Softmax()(mp.asarray([[1.0, 1.0]]))
    Array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Array:
        """softmax(x)."""
        return composite.softmax(x, axis=self.axis)


activations: dict[str, type[Module]] = {
    "sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU, "leaky_relu": LeakyReLU, "elu": ELU, "gelu": GELU, "silu": SiLU,
    "softplus": Softplus, "softmax": Softmax,
}  # fmt: skip
"""Every activation by name, as options of programs spell it."""
