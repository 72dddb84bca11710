"""Activations: what a unit makes of its sum. At a kink the derivative is the one that the text names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.core.primitive import operation
from maplet.errors import SettingError, ShapeError
from maplet.ops.arguments import as_array, as_floating, count_axis
from maplet.ops.elementwise import (
    abs,  # noqa: A004  (the standard's name)
    erf,
    expm1,
    logaddexp,
    sigmoid,
    sign,
    square,
    tanh,
    where,
)
from maplet.settings import flag, real

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike

selu_alpha, selu_scale = 1.6732632423543772, 1.0507009873554805
"""The α and λ for which mean 0 and variance 1 of a normal input are those of the output: the fixed point of `selu`."""

# ── with kinks ───────────────────────────────────────────────────────────────────────────────────


@operation
def relu(x: ArrayLike, /) -> Array:
    """max(x, 0). The derivative at 0 is 0."""
    x = as_array(x)
    return where(x <= 0, 0, x)  # so that NaN stays NaN


@operation
def leaky_relu(x: ArrayLike, /, slope: ArrayLike = 0.01) -> Array:
    """The identity for x > 0, slope·x elsewhere. The derivative at 0 is the slope."""
    x = as_floating(as_array(x))
    return where(x > 0, x, x * slope)


@operation
def hardtanh(x: ArrayLike, /, low: float = -1.0, high: float = 1.0) -> Array:
    """``x`` held between ``low`` and ``high``. The derivative on the bounds is 0, where that of `clip` is 1."""
    if not low < high:
        raise SettingError(f"hardtanh: low={low!r} is not less than high={high!r}", fix="give the lesser bound first")
    x = as_floating(as_array(x))
    return where(x <= low, low, where(x >= high, high, x))  # so that NaN stays NaN


@operation
def relu6(x: ArrayLike, /) -> Array:
    """min(max(x, 0), 6). The derivative at 0 and at 6 is 0. Source: Krizhevsky, 2010."""
    return hardtanh(x, 0.0, 6.0)


@operation
def hardsigmoid(x: ArrayLike, /) -> Array:
    """min(max(x + 3, 0), 6) / 6, straight lines for the sigmoid. The derivative at ±3 is 0."""
    return relu6(as_floating(as_array(x)) + 3.0) / 6.0


@operation
def hardswish(x: ArrayLike, /) -> Array:
    """The product x·hardsigmoid(x), straight lines in `silu`. Source: Howard et al., 2019."""
    return as_floating(as_array(x)) * hardsigmoid(x)


@operation
def softshrink(x: ArrayLike, /, threshold: float = 0.5) -> Array:
    """The input drawn to 0 by the threshold λ: x − λ·sign(x) for |x| > λ, 0 elsewhere. The derivative at ±λ is 0.

    It is the x that minimizes (x − given)²/2 + λ·|x|: one step of the lasso.
    """
    x = as_floating(as_array(x))
    return where(abs(x) <= _not_negative("softshrink", threshold), 0.0, x - threshold * sign(x))


@operation
def hardshrink(x: ArrayLike, /, threshold: float = 0.5) -> Array:
    """The identity for |x| > threshold, 0 elsewhere. The derivative at the threshold is 0."""
    x = as_floating(as_array(x))
    return where(abs(x) <= _not_negative("hardshrink", threshold), 0.0, x)


@operation
def threshold(x: ArrayLike, /, threshold: float, value: float) -> Array:
    """The identity for x > threshold, ``value`` elsewhere. The derivative at the threshold is 0."""
    x = as_floating(as_array(x))
    return where(x <= threshold, value, x)


def _not_negative(operation: str, threshold: float) -> float:
    return real(f"{operation}: threshold", threshold, least=0)


# ── smooth ───────────────────────────────────────────────────────────────────────────────────────


@operation
def elu(x: ArrayLike, /, alpha: float = 1.0) -> Array:
    """The identity for x > 0, α(e^x − 1) elsewhere. Source: Clevert, Unterthiner, Hochreiter, 2015."""
    x = as_floating(as_array(x))
    positive = x > 0
    # The exponential is taken of 0 where x > 0, so that an overflow there cannot reach the gradient as 0·∞.
    return where(positive, x, alpha * expm1(where(positive, 0.0, x)))


@operation
def celu(x: ArrayLike, /, alpha: float = 1.0) -> Array:
    """The identity for x > 0, α(e^(x/α) − 1) elsewhere; the slope at 0 is 1 for every α. Source: Barron, 2017."""
    alpha = real("celu: alpha", alpha, above=0)
    x = as_floating(as_array(x))
    positive = x > 0
    return where(positive, x, alpha * expm1(where(positive, 0.0, x) / alpha))  # see elu


@operation
def selu(x: ArrayLike, /) -> Array:
    """λ·elu(x, α), whose α and λ keep mean 0 and variance 1. Source: Klambauer, Unterthiner, Mayr, Hochreiter, 2017."""
    return selu_scale * elu(x, selu_alpha)


@operation
def gelu(x: ArrayLike, /, *, approximate: bool = False) -> Array:
    """The product x·Φ(x) with the normal distribution Φ; ``approximate``: by tanh. Source: Hendrycks, Gimpel, 2016."""
    x = as_floating(as_array(x))
    if flag("gelu: approximate", approximate):
        return 0.5 * x * (1.0 + tanh(float(np.sqrt(2 / np.pi)) * (x + 0.044715 * x * square(x))))
    return 0.5 * x * (1.0 + erf(x * float(np.sqrt(0.5))))


@operation
def silu(x: ArrayLike, /) -> Array:
    """The product x·σ(x), also called swish. Source: Elfwing, Uchibe, Doya, 2017."""
    x = as_floating(as_array(x))
    return x * sigmoid(x)


@operation
def mish(x: ArrayLike, /) -> Array:
    """The product x·tanh(softplus(x)). Source: Misra, 2019."""
    x = as_floating(as_array(x))
    return x * tanh(softplus(x))


@operation
def softplus(x: ArrayLike, /) -> Array:
    """A smooth max(x, 0): ln(1 + e^x)."""
    return logaddexp(x, 0.0)


@operation
def log_sigmoid(x: ArrayLike, /) -> Array:
    """The logarithm of the sigmoid, −ln(1 + e^−x), exact where the sigmoid itself would be 0."""
    return -softplus(-as_floating(as_array(x)))


@operation
def softsign(x: ArrayLike, /) -> Array:
    """The quotient x / (1 + |x|), between −1 and 1. Source: Turian, Bergstra, Bengio, 2009."""
    x = as_floating(as_array(x))
    return x / (1.0 + abs(x))


@operation
def tanhshrink(x: ArrayLike, /) -> Array:
    """The difference x − tanh(x), flat near 0.

    There it is a difference of nearly equal numbers: its error is that of rounding x, not that of the result.
    """
    x = as_floating(as_array(x))
    return x - tanh(x)


# ── gated ────────────────────────────────────────────────────────────────────────────────────────


gates: dict[str, Callable[[ArrayLike], Array]] = {"sigmoid": sigmoid, "relu": relu, "gelu": gelu, "silu": silu}
"""What may open a gate: GLU, ReGLU, GEGLU and SwiGLU."""


@operation
def glu(x: ArrayLike, /, axis: int = -1, *, gate: str = "sigmoid") -> Array:
    """A gated linear unit, a·σ(b): a is the first half of the input along an axis, b the second.

    ``gate`` puts another function in the place of σ: ``"relu"`` (ReGLU), ``"gelu"`` (GEGLU) or ``"silu"`` (SwiGLU).
    Sources: Dauphin, Fan, Auli, Grangier, 2017; Shazeer, 2020.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.glu(mp.asarray([1.0, 2.0, 0.0, 0.0]))
    Array([0.5, 1. ], dtype=float32)
    """
    if gate not in gates:
        raise SettingError(f"glu: there is no gate {gate!r}", fix=f"one of {', '.join(gates)}")
    x = as_floating(as_array(x))
    axis = count_axis("glu", axis, x.ndim)
    if x.shape[axis] % 2:
        raise ShapeError(
            f"glu halves axis {axis}, and the length {x.shape[axis]} in {x.shape} is odd",
            fix="give the layer before it twice the features that are wanted",
        )
    before, half = (slice(None),) * axis, x.shape[axis] // 2
    return x[*before, :half] * gates[gate](x[*before, half:])
