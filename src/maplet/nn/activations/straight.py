"""Activations of straight lines, as layers; the functions themselves stand in `ops.activations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.array import Parameter
from maplet.errors import ShapeError
from maplet.nn.initializers import Constant, as_initializer
from maplet.nn.module import Module
from maplet.ops import activations as functions
from maplet.ops.arguments import meet
from maplet.ops.movement import reshape
from maplet.ops.random import as_generator
from maplet.settings import real, whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Rng


first_slope = Constant(0.25)


class ReLU(Module):
    """max(x, 0), element by element. The derivative at 0 is 0.

    Source: V. Nair, G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    def forward(self, x: ArrayLike) -> Array:
        """max(x, 0)."""
        return functions.relu(x)


class LeakyReLU(Module):
    """The input x where it is positive, slope·x elsewhere: no unit goes quite dead.

    Source: A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.

    Parameters
    ----------
    slope
        The slope where x is negative.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = real("LeakyReLU: slope", slope)

    def forward(self, x: ArrayLike) -> Array:
        """The input where it is positive, slope·x elsewhere."""
        return functions.leaky_relu(x, self.slope)


class PReLU(Module):
    """The input x where it is positive, w·x elsewhere, with slopes w that are learned.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Parameters
    ----------
    features
        How many slopes there are: one for all elements, or one for each place along the last axis.
    weight_init
        How the slopes begin; by default 0.25.
    rng
        Where they are drawn from, if ``weight_init`` draws.

    Attributes
    ----------
    weight
        (features,), float32.

    Raises
    ------
    ShapeError
        If there are several slopes, and the last axis of the input has another length.

    Examples
    --------
    >>> import maplet as mp
    >>> PReLU()(mp.asarray([-2.0, 2.0]))
    Array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, features: int = 1, *, weight_init: str | Initializer = first_slope, rng: Rng = None) -> None:
        self.features = whole("PReLU: features", features, least=1)
        self.weight_init = weight_init
        self.weight = Parameter(as_initializer(weight_init)((self.features,), as_generator(rng)))

    def forward(self, x: ArrayLike) -> Array:
        """The input where it is positive, w·x elsewhere."""
        x, weight = meet(x, self.weight)
        if self.features > 1 and (not x.shape or x.shape[-1] != self.features):
            raise ShapeError(
                f"PReLU({self.features}) takes (…, {self.features}), given {x.shape}",
                fix="the features are the last axis; PReLU() has one slope for all elements",
            )
        return functions.leaky_relu(x, weight if self.features > 1 else reshape(weight, ()))


class ReLU6(Module):
    """min(max(x, 0), 6), element by element. The derivative at 0 and at 6 is 0.

    Source: A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """

    def forward(self, x: ArrayLike) -> Array:
        """min(max(x, 0), 6)."""
        return functions.relu6(x)


class Hardtanh(Module):
    """The input x held between two bounds. The derivative on the bounds and beyond is 0.

    Source: R. Collobert, "Large scale machine learning", 2004.

    Parameters
    ----------
    low, high
        The bounds, of which the first is the lesser.
    """

    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        self.low, self.high = real("Hardtanh: low", low), real("Hardtanh: high", high)

    def forward(self, x: ArrayLike) -> Array:
        """min(max(x, low), high)."""
        return functions.hardtanh(x, self.low, self.high)


class Hardsigmoid(Module):
    """min(max(x + 3, 0), 6) / 6: three straight lines in the place of the sigmoid.

    Source: M. Courbariaux, Y. Bengio, J.-P. David, "BinaryConnect", NIPS 2015; with these bounds Howard et al., 2019.
    """

    def forward(self, x: ArrayLike) -> Array:
        """min(max(x + 3, 0), 6) / 6."""
        return functions.hardsigmoid(x)


class Hardswish(Module):
    """The input x times min(max(x + 3, 0), 6) / 6: `SiLU` without an exponential.

    Source: A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """

    def forward(self, x: ArrayLike) -> Array:
        """x·min(max(x + 3, 0), 6) / 6."""
        return functions.hardswish(x)


class Softshrink(Module):
    """The difference x − λ·sign(x) where |x| is greater than λ, the threshold, and 0 elsewhere: a step of the lasso.

    Source: D. L. Donoho, "De-noising by soft-thresholding", 1995.

    Parameters
    ----------
    threshold
        λ: by how much everything is drawn to 0.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = real("Softshrink: threshold", threshold)

    def forward(self, x: ArrayLike) -> Array:
        """The input drawn to 0 by the threshold."""
        return functions.softshrink(x, self.threshold)


class Hardshrink(Module):
    """The input x where |x| is greater than the threshold, and 0 elsewhere.

    Source: D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994.

    Parameters
    ----------
    threshold
        Up to which size a number is taken for 0.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = real("Hardshrink: threshold", threshold)

    def forward(self, x: ArrayLike) -> Array:
        """The input where |x| is greater than the threshold, else 0."""
        return functions.hardshrink(x, self.threshold)


class Threshold(Module):
    """The input x where it is greater than a threshold, a constant value elsewhere. The derivative there is 0.

    Examples
    --------
    >>> import maplet as mp
    >>> Threshold(0.1, 20.0)(mp.asarray([0.0, 3.0]))
    Array([20.,  3.], dtype=float32)
    """

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold, self.value = real("Threshold: threshold", threshold), real("Threshold: value", value)

    def forward(self, x: ArrayLike) -> Array:
        """The input where it is greater than the threshold, else the value."""
        return functions.threshold(x, self.threshold, self.value)
