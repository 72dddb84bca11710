"""How weights begin: named distributions, scaled so that a signal keeps its size from layer to layer.

A layer with n inputs adds up n products, so the variance of its output is n·Var(w) times that of its input. The
formulas of this file choose Var(w) = scale / fan, and differ in the scale, in which fan, and in the distribution:

===============  =====  ===========  =========================================================================
name             scale  fan          source
===============  =====  ===========  =========================================================================
``lecun_*``      1      inputs       Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient backprop", 1998
``glorot_*``     1      their mean   X. Glorot, Y. Bengio, "Understanding the difficulty of training deep
                                     feedforward neural networks", AISTATS 2010 (also called Xavier)
``he_*``         2      inputs       K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015
                                     (also called Kaiming); ReLU lets half of the variance through, hence 2
===============  =====  ===========  =========================================================================

Any function ``(shape, generator) -> Array`` is an initializer too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod, sqrt
from typing import Literal, TypeAlias

from maplet.core.array import Array
from maplet.errors import SettingError, ShapeError
from maplet.ops.creation import full
from maplet.ops.random import Generator

Initializer: TypeAlias = Callable[[Sequence[int], Generator], Array]


@dataclass(frozen=True)
class Constant:
    """The same number everywhere."""

    value: float

    def __call__(self, shape: Sequence[int], generator: Generator) -> Array:  # noqa: ARG002  (nothing is drawn)
        """The number in every place."""
        return full(tuple(shape), float(self.value))


@dataclass(frozen=True)
class Uniform:
    """Numbers from ``low`` to before ``high``, all equally likely."""

    low: float = -0.05
    high: float = 0.05

    def __call__(self, shape: Sequence[int], generator: Generator) -> Array:
        """A draw of the given shape."""
        return generator.uniform(shape, self.low, self.high)


@dataclass(frozen=True)
class Normal:
    """Numbers from the normal distribution."""

    mean: float = 0.0
    deviation: float = 0.05

    def __call__(self, shape: Sequence[int], generator: Generator) -> Array:
        """A draw of the given shape."""
        return generator.normal(shape, self.mean, self.deviation)


@dataclass(frozen=True)
class Scaled:
    """Mean 0 and variance scale / fan.

    Uniform from −√(3·scale/fan) to √(3·scale/fan), whose variance is scale/fan, or normal with that variance.

    Parameters
    ----------
    scale
        What the variance of the signal is multiplied by.
    fan
        ``"in"``, the inputs of one output; ``"out"``, the outputs of one input; ``"mean"``, their mean. Of a weight
        of shape (…, inputs, outputs) the axes in front (the window of a convolution) count on both sides.
    distribution
        ``"uniform"`` or ``"normal"``.

    Examples
    --------
    >>> import maplet as mp
    >>> weight = Scaled(2.0, "in", "normal")((1000, 50), mp.random.Generator(0))
    >>> round(float(mp.var(weight)) * 1000, 1)
    2.0
    """

    scale: float
    fan: Literal["in", "out", "mean"]
    distribution: Literal["uniform", "normal"]

    def __call__(self, shape: Sequence[int], generator: Generator) -> Array:
        """A draw of the given shape, (…, inputs, outputs)."""
        if len(shape) < 2:
            raise ShapeError(
                f"an initializer that scales by inputs and outputs takes 2 axes or more, given {tuple(shape)}",
                fix='use "zeros", "ones", Uniform(low, high) or Normal(mean, deviation) here',
            )
        window = prod(shape[:-2])
        inputs, outputs = shape[-2] * window, shape[-1] * window
        variance = self.scale / {"in": inputs, "out": outputs, "mean": (inputs + outputs) / 2}[self.fan]
        if self.distribution == "normal":
            return generator.normal(shape, 0.0, sqrt(variance))
        bound = sqrt(3 * variance)
        return generator.uniform(shape, -bound, bound)


zeros, ones = Constant(0.0), Constant(1.0)
uniform, normal = Uniform(), Normal()
lecun_uniform, lecun_normal = Scaled(1.0, "in", "uniform"), Scaled(1.0, "in", "normal")
glorot_uniform, glorot_normal = Scaled(1.0, "mean", "uniform"), Scaled(1.0, "mean", "normal")
he_uniform, he_normal = Scaled(2.0, "in", "uniform"), Scaled(2.0, "in", "normal")

initializers: dict[str, Initializer] = {
    "zeros": zeros, "ones": ones, "uniform": uniform, "normal": normal,
    "lecun_uniform": lecun_uniform, "lecun_normal": lecun_normal,
    "glorot_uniform": glorot_uniform, "glorot_normal": glorot_normal,
    "xavier_uniform": glorot_uniform, "xavier_normal": glorot_normal,
    "he_uniform": he_uniform, "he_normal": he_normal,
    "kaiming_uniform": he_uniform, "kaiming_normal": he_normal,
}  # fmt: skip


def as_initializer(given: str | Initializer) -> Initializer:
    """The initializer of a name; a function is one already."""
    if callable(given):
        return given
    if given not in initializers:
        near = get_close_matches(given, initializers, n=3) or initializers
        raise SettingError(f"there is no initializer {given!r}", fix=f"did you mean {', '.join(near)}?")
    return initializers[given]
