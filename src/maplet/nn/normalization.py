"""Layers that bring a signal to mean 0 and variance 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.array import Parameter
from maplet.core.types import default_float, is_narrow
from maplet.errors import ShapeError
from maplet.nn.construction import positive_integer
from maplet.nn.module import Module
from maplet.ops.arguments import convert, meet
from maplet.ops.creation import ones, zeros
from maplet.ops.elementwise import rsqrt, square
from maplet.ops.reduction import mean

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class LayerNorm(Module):
    """y = (x − mean) / √(variance + ε) · w + b, over the last axis: each example by itself.

    Mean and variance of halves (float16, bfloat16) are computed in float32.

    Source: J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    features
        The length of the last axis.
    epsilon
        Keeps a constant row from being divided by 0.

    Attributes
    ----------
    weight, bias
        (features,), float32; they begin with 1 and 0.

    Examples
    --------
    >>> import maplet as mp
    >>> LayerNorm(2, epsilon=0.0)(mp.asarray([[1.0, 3.0]]))
    Array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, features: int, *, epsilon: float = 1e-5) -> None:
        self.features = positive_integer("LayerNorm", "features", features)
        self.epsilon = epsilon
        self.weight = Parameter(ones((self.features,)))
        self.bias = Parameter(zeros((self.features,)))

    def forward(self, x: ArrayLike) -> Array:
        """(…, features) ↦ (…, features)."""
        x, weight = meet(x, self.weight)
        if not x.shape or x.shape[-1] != self.features:
            raise ShapeError(f"LayerNorm({self.features}) takes (…, {self.features}), given {x.shape}")
        wide = convert(x, default_float) if is_narrow(x.dtype) else x
        deviation = wide - mean(wide, axis=-1, keepdims=True)
        variance = mean(square(deviation), axis=-1, keepdims=True)
        return convert(deviation * rsqrt(variance + self.epsilon), x.dtype) * weight + self.bias
