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

`Orthogonal` keeps lengths exactly. Any function ``(shape, generator) -> Array`` is an initializer too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import erfc, prod, sqrt
from typing import Literal, TypeAlias

from maplet.core.array import Array
from maplet.core.types import default_float
from maplet.errors import SettingError, ShapeError
from maplet.messages import shown, suggest
from maplet.ops.arguments import convert
from maplet.ops.creation import full
from maplet.ops.diagonals import diagonal
from maplet.ops.elementwise import sign
from maplet.ops.factorizations import qr
from maplet.ops.movement import matrix_transpose, reshape
from maplet.ops.portable import normal_quantile
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
class TruncatedNormal:
    """Numbers from the part of the normal distribution that lies within two deviations of its mean.

    No weight begins far out, as one of twenty would. The deviation is that of the whole distribution; what is drawn
    has 0.88 of it.

    Parameters
    ----------
    mean, deviation
        Those of the normal distribution that is cut.

    Examples
    --------
    >>> import maplet as mp
    >>> weight = TruncatedNormal(0.0, 0.02)((100, 100), mp.random.Generator(0))
    >>> round(float(mp.max(mp.abs(weight))), 3)
    0.04
    """

    mean: float = 0.0
    deviation: float = 0.05

    def __call__(self, shape: Sequence[int], generator: Generator) -> Array:
        """A draw of the given shape."""
        below = 0.5 * erfc(sqrt(2))  # Φ(−2)
        u = generator.uniform(shape, below, 1 - below, dtype="float64")
        return convert(normal_quantile(u) * self.deviation + self.mean, default_float)


@dataclass(frozen=True)
class Orthogonal:
    """A random orthogonal matrix times a gain: signals, and gradients on their way back, keep their length.

    It is the Q of Q R = a matrix of normal numbers, with the signs that make it equally likely in every direction. A
    matrix that is not square has orthogonal columns, or rows if these are fewer. Of a weight of shape (…, inputs,
    outputs) the axes in front (the window of a convolution) count as inputs. The gates of a recurrent layer are drawn
    one by one, each orthogonal.

    Source: A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014; the signs: F. Mezzadri, "How to generate random matrices from the classical compact
    groups", 2007.

    Parameters
    ----------
    gain
        What lengths are multiplied by; √2 before a ReLU, which lets half of the variance through.

    Examples
    --------
    >>> import maplet as mp
    >>> weight = Orthogonal()((3, 2), mp.random.Generator(0))
    >>> bool(mp.allclose(weight.T @ weight, mp.eye(2), atol=1e-6))
    True
    """

    gain: float = 1.0

    def __call__(self, shape: Sequence[int], generator: Generator) -> Array:
        """A draw of the given shape, (…, inputs, outputs)."""
        _require_matrix("an orthogonal initializer", shape)
        rows, columns = prod(shape[:-1]), shape[-1]
        tall = rows >= columns
        q, r = qr(generator.normal((max(rows, columns), min(rows, columns)), dtype="float64"))
        q = q * sign(diagonal(r))
        return convert(reshape(q if tall else matrix_transpose(q), shape) * self.gain, default_float)


def _require_matrix(name: str, shape: Sequence[int]) -> None:
    if len(shape) < 2:
        raise ShapeError(
            f"{name} takes 2 axes or more, (…, inputs, outputs), given {tuple(shape)}",
            fix='use "zeros", "ones", Uniform(low, high) or Normal(mean, deviation) here',
        )


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
        _require_matrix("an initializer that scales by inputs and outputs", shape)
        window = prod(shape[:-2])
        inputs, outputs = shape[-2] * window, shape[-1] * window
        variance = self.scale / {"in": inputs, "out": outputs, "mean": (inputs + outputs) / 2}[self.fan]
        if self.distribution == "normal":
            return generator.normal(shape, 0.0, sqrt(variance))
        bound = sqrt(3 * variance)
        return generator.uniform(shape, -bound, bound)


zeros, ones = Constant(0.0), Constant(1.0)
uniform, normal, truncated_normal = Uniform(), Normal(), TruncatedNormal()
orthogonal = Orthogonal()
lecun_uniform, lecun_normal = Scaled(1.0, "in", "uniform"), Scaled(1.0, "in", "normal")
glorot_uniform, glorot_normal = Scaled(1.0, "mean", "uniform"), Scaled(1.0, "mean", "normal")
he_uniform, he_normal = Scaled(2.0, "in", "uniform"), Scaled(2.0, "in", "normal")

initializers: dict[str, Initializer] = {
    "zeros": zeros, "ones": ones, "uniform": uniform, "normal": normal,
    "truncated_normal": truncated_normal, "orthogonal": orthogonal,
    "lecun_uniform": lecun_uniform, "lecun_normal": lecun_normal,
    "glorot_uniform": glorot_uniform, "glorot_normal": glorot_normal,
    "xavier_uniform": glorot_uniform, "xavier_normal": glorot_normal,
    "he_uniform": he_uniform, "he_normal": he_normal,
    "kaiming_uniform": he_uniform, "kaiming_normal": he_normal,
}  # fmt: skip

own_kinds = (Constant, Uniform, Normal, TruncatedNormal, Orthogonal, Scaled)
"""The classes of this file: what a saved network may name."""


def as_initializer(given: str | Initializer) -> Initializer:
    """The initializer of a name; a function is one already."""
    if callable(given):
        return given
    if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (an array of weights is a common slip)
        raise SettingError(
            f"an initializer is a name, or a function, given {shown(given)}",
            fix='"glorot_uniform", or nn.initializers.Constant(0.5); weights of your own: layer.weight[...] = values',
        )
    if given not in initializers:
        raise SettingError(f"there is no initializer {given!r}", fix=suggest(given, initializers, kind="initializers"))
    return initializers[given]
