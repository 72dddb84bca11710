"""Activations without a kink, as layers; the functions themselves stand in `ops.activations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.nn.module import Module
from maplet.ops import activations as functions
from maplet.ops import elementwise
from maplet.settings import flag, real

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


class LogSigmoid(Module):
    """ln σ(x) = −ln(1 + e^−x), the logarithm of a probability; no overflow, however far out x is."""

    def forward(self, x: ArrayLike) -> Array:
        """−ln(1 + e^−x)."""
        return functions.log_sigmoid(x)


class Tanh(Module):
    """tanh(x) = (e^x − e^−x) / (e^x + e^−x), element by element; values from −1 to 1."""

    def forward(self, x: ArrayLike) -> Array:
        """tanh(x)."""
        return elementwise.tanh(x)


class Tanhshrink(Module):
    """The difference x − tanh(x), element by element: flat at 0, and near x ∓ 1 far out."""

    def forward(self, x: ArrayLike) -> Array:
        """The difference x − tanh(x)."""
        return functions.tanhshrink(x)


class Softsign(Module):
    """x / (1 + |x|), element by element; like tanh, but it comes near ±1 slowly.

    Source: J. Turian, J. Bergstra, Y. Bengio, "Quadratic features and deep architectures for chunking", NAACL 2009.
    """

    def forward(self, x: ArrayLike) -> Array:
        """The quotient x / (1 + |x|)."""
        return functions.softsign(x)


class ELU(Module):
    """The input x where it is positive, α(e^x − 1) elsewhere.

    Source: D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential
    linear units", ICLR 2016.

    Parameters
    ----------
    alpha
        α: it falls to −α far out.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real("ELU: alpha", alpha)

    def forward(self, x: ArrayLike) -> Array:
        """The input where it is positive, α(e^x − 1) elsewhere."""
        return functions.elu(x, self.alpha)


class CELU(Module):
    """The input x where it is positive, α(e^(x/α) − 1) elsewhere: the slope at 0 is 1 for every α.

    Source: J. T. Barron, "Continuously differentiable exponential linear units", 2017.

    Parameters
    ----------
    alpha
        α: it falls to −α far out; not 0.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real("CELU: alpha", alpha)

    def forward(self, x: ArrayLike) -> Array:
        """The input where it is positive, α(e^(x/α) − 1) elsewhere."""
        return functions.celu(x, self.alpha)


class SELU(Module):
    """λ·x where x is positive, λα(e^x − 1) elsewhere, with α ≈ 1.6733 and λ ≈ 1.0507.

    With these a deep net keeps its signals near mean 0 and variance 1 by itself, if its weights begin as
    ``"lecun_normal"`` and what drops elements is `AlphaDropout`.

    Source: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", NIPS 2017.
    """

    def forward(self, x: ArrayLike) -> Array:
        """λ·x, or λα(e^x − 1)."""
        return functions.selu(x)


class GELU(Module):
    """The input x times Φ(x), the normal distribution; ``approximate`` computes Φ by tanh.

    Source: D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.

    Parameters
    ----------
    approximate
        Whether Φ(x) is ½·(1 + tanh(√(2/π)·(x + 0.044715·x³))), with which the result is off by up to 0.0005.
    """

    def __init__(self, *, approximate: bool = False) -> None:
        self.approximate = flag("GELU: approximate", approximate)

    def forward(self, x: ArrayLike) -> Array:
        """x·Φ(x)."""
        return functions.gelu(x, approximate=self.approximate)


class SiLU(Module):
    """The input x times σ(x), also called swish.

    Source: S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning", 2017.
    """

    def forward(self, x: ArrayLike) -> Array:
        """x·σ(x)."""
        return functions.silu(x)


class Mish(Module):
    """The input x times tanh(ln(1 + e^x)).

    Source: D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.
    """

    def forward(self, x: ArrayLike) -> Array:
        """x·tanh(softplus(x))."""
        return functions.mish(x)


class Softplus(Module):
    """ln(1 + e^x), a smooth max(x, 0).

    Source: C. Dugas, Y. Bengio, F. Bélisle, C. Nadeau, R. Garcia, "Incorporating second-order functional knowledge
    for better option pricing", NIPS 2000.
    """

    def forward(self, x: ArrayLike) -> Array:
        """ln(1 + e^x)."""
        return functions.softplus(x)
