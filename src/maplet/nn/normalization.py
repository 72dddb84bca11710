"""Normalization: features brought to mean 0 and variance 1, over the batch or within each example.

All of them compute y = (x − μ) / √(σ² + ε) · γ + β, channels last, and differ in what μ and σ² are taken over:

=============  ===================================================================================
`BatchNorm`    all axes but the last: one of each channel, over the whole batch
`LayerNorm`    the last axes: one of each example and place
`GroupNorm`    the places and a group of channels: one of each example and group
`InstanceNorm` the places: one of each example and channel
`RMSNorm`      the last axes, without μ
=============  ===================================================================================
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from maplet.core.array import Parameter
from maplet.core.types import default_float, is_narrow
from maplet.errors import SettingError, ShapeError
from maplet.nn.construction import positive_integer
from maplet.nn.initializers import as_initializer
from maplet.nn.module import Module
from maplet.ops.arguments import as_floating, convert, meet
from maplet.ops.creation import ones, zeros
from maplet.ops.elementwise import rsqrt, square
from maplet.ops.identity import stop_gradient
from maplet.ops.movement import reshape
from maplet.ops.random import as_generator
from maplet.ops.reduction import mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Rng


def widened(x: Array) -> Array:
    """Halves as float32: statistics of float16 and bfloat16 would lose their digits."""
    return convert(x, default_float) if is_narrow(x.dtype) else x


def moments(x: Array, axes: Sequence[int]) -> tuple[Array, Array]:
    """Mean and (biased) variance over axes, which stay with length 1."""
    average = mean(x, axis=axes, keepdims=True)
    return average, mean(square(x - average), axis=axes, keepdims=True)


def standardized(x: Array, axes: Sequence[int], epsilon: float) -> Array:
    """The deviations from the mean over axes, divided by √(variance + ε)."""
    average, variance = moments(x, axes)
    return (x - average) * rsqrt(variance + epsilon)


class Normalization(Module, abstract=True):
    """What normalizations share: the weight γ and the bias β, and that both may be missing."""

    weight: Parameter | None
    bias: Parameter | None
    epsilon: float

    def begin(
        self,
        shape: Shape,
        epsilon: float,
        kept: tuple[bool, bool],
        initial: tuple[str | Initializer, str | Initializer],
        rng: Rng,
    ) -> None:
        """Set ε, and γ and β as far as they are wanted."""
        if isinstance(epsilon, bool) or not 0 <= epsilon < float("inf"):
            raise SettingError(
                f"{type(self).__name__}: epsilon is a small number from 0, not {epsilon!r}", fix="epsilon=1e-5"
            )
        self.epsilon = epsilon
        generator = as_generator(rng)
        self.weight, self.bias = (
            Parameter(as_initializer(init)(shape, generator)) if wanted else None
            for wanted, init in zip(kept, initial, strict=True)
        )

    def settings(self) -> dict[str, Any]:
        """The arguments of the constructor; the attributes ``weight`` and ``bias`` are the arrays themselves."""
        given = super().settings()
        return {
            name: value if name not in ("weight", "bias") else value is not None for name, value in given.items()
        }  # fmt: skip

    def prepared(self, x: ArrayLike, *beside: Array) -> tuple[Array, Any]:
        """The input, wide enough to compute with, and the dtype of the result: that in which x and the weights meet."""
        own = [one for one in (self.weight, self.bias) if one is not None]
        x = as_floating(meet(x, *own, *beside)[0])
        return widened(x), x.dtype

    def finished(self, y: Array, dtype: Any) -> Array:
        """The output y·γ + β, in the dtype of the result."""
        y = y if self.weight is None else y * convert(self.weight, y.dtype)
        y = y if self.bias is None else y + convert(self.bias, y.dtype)
        return convert(y, dtype)

    def require_channels(self, shape: Shape, features: int, *, least: int, given: str) -> None:
        """Refuse an input with fewer axes, or with a last axis of another length."""
        if len(shape) < least or shape[-1] != features:
            fix = f"give the layer features={shape[-1]}" if len(shape) >= least else "channels stand last"
            if len(shape) > 2 and shape[1] == features:
                fix = "channels stand last: mp.moveaxis(x, 1, -1)"
            raise ShapeError(f"{self!r} takes {given}, given {shape}", fix=fix)


class BatchNorm(Normalization):
    """Each channel brought to mean 0 and variance 1 over the batch: y = (x − μ) / √(σ² + ε) · γ + β.

    While training, μ and σ² are those of the batch, over all axes but the last, and the layer keeps running averages of
    them: running ← (1 − momentum)·running + momentum·batch. At inference these are taken instead, so that an example
    gives the same by itself as in any batch. As in PyTorch, σ² is biased (divided by n) where it normalizes, and
    unbiased (by n − 1) in the running average. One class does for tables, sequences, images and volumes.

    Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015.

    Parameters
    ----------
    features
        The length of the last axis. The axes before it may be any, one at least.
    momentum
        The share of a new batch in the running averages, from 0 to 1. (Keras calls the share of the old one so: its
        0.9 is 0.1 here, and in PyTorch.)
    epsilon
        What keeps a constant channel from being divided by 0.
    weight, bias
        Whether there are γ and β.
    weight_init, bias_init, rng
        As in `Linear`; γ begins with 1 and β with 0.

    Attributes
    ----------
    weight, bias
        (features,), float32, or None.
    running_mean, running_variance
        (features,), float32: state, which is saved, but not trained. They keep their dtype, and no gradient flows
        through them.

    Raises
    ------
    ShapeError
        If the input is not (…, features), or in training has one value for each channel, which has no variance.

    Examples
    --------
    >>> import maplet as mp
    >>> layer = BatchNorm(1)
    >>> layer(mp.asarray([[1.0], [3.0]]))
    Array([[-0.999995],
           [ 0.999995]], dtype=float32)
    >>> layer.running_mean, layer.running_variance
    (Array([0.2], dtype=float32), Array([1.1], dtype=float32))
    """

    def __init__(
        self,
        features: int,
        *,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        weight: bool = True,
        bias: bool = True,
        weight_init: str | Initializer = "ones",
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        self.features = positive_integer("BatchNorm", "features", features)
        if isinstance(momentum, bool) or not 0 <= momentum <= 1:
            raise SettingError(
                f"BatchNorm: momentum is from 0 to 1, not {momentum!r}",
                fix="0.1: a tenth of each batch enters the averages",
            )
        self.momentum, self.weight_init, self.bias_init = momentum, weight_init, bias_init
        self.begin((self.features,), epsilon, (weight, bias), (weight_init, bias_init), rng)
        self.running_mean = zeros((self.features,))
        self.running_variance = ones((self.features,))

    def forward(self, x: ArrayLike) -> Array:
        """(…, features) ↦ (…, features)."""
        x, dtype = self.prepared(x, self.running_mean)
        self.require_channels(x.shape, self.features, least=2, given=f"(N, …, {self.features})")
        if not self.training:
            average, variance = (convert(one, x.dtype) for one in (self.running_mean, self.running_variance))
            scale = rsqrt(variance + self.epsilon)
            return self.finished((x - average) * scale, dtype)
        count = prod(x.shape[:-1])
        if count < 2:
            raise ShapeError(
                f"{self!r} in training takes two values of each channel or more, given {x.shape}: of {count} there "
                "is no variance",
                fix="take a larger batch, also for the last one of an epoch; for inference call net.eval()",
            )
        average, variance = moments(x, range(x.ndim - 1))
        self.running_mean = self._averaged(self.running_mean, average)
        self.running_variance = self._averaged(self.running_variance, variance * (count / (count - 1)))
        return self.finished((x - average) * rsqrt(variance + self.epsilon), dtype)

    def _averaged(self, running: Array, batch: Array) -> Array:
        new = stop_gradient(reshape(batch, (self.features,)))
        return convert((1 - self.momentum) * convert(running, new.dtype) + self.momentum * new, running.dtype)
