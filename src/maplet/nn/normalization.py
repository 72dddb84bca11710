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
from typing import TYPE_CHECKING, Any, ClassVar, cast

from maplet.core.array import Parameter
from maplet.errors import SettingError, ShapeError
from maplet.nn.initializers import as_initializer
from maplet.nn.module import Module
from maplet.ops.arguments import as_floating, convert, meet, widened
from maplet.ops.elementwise import rsqrt, square
from maplet.ops.movement import broadcast_to, reshape
from maplet.ops.random import as_generator
from maplet.ops.reduction import mean
from maplet.settings import flag, real, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Rng


def moments(x: Array, axes: Sequence[int]) -> tuple[Array, Array]:
    """Mean and (biased) variance over axes, which stay with length 1."""
    average = mean(x, axis=axes, keepdims=True)
    return average, mean(square(x - average), axis=axes, keepdims=True)


def standardized(x: Array, axes: Sequence[int], epsilon: float) -> Array:
    """The deviations from the mean over axes, divided by √(variance + ε)."""
    average, variance = moments(x, axes)
    return (x - average) * rsqrt(variance + epsilon)


class Normalization(Module, abstract=True):
    """What normalizations share: ε, the weight γ and the bias β, and that these may be missing."""

    weight: Parameter | None
    bias: Parameter | None
    over_several_axes: ClassVar[bool] = False

    def __init__(
        self,
        features: int | Sequence[int],
        *,
        epsilon: float = 1e-5,
        weight: bool = True,
        bias: bool = True,
        weight_init: str | Initializer = "ones",
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        name = type(self).__name__
        if isinstance(features, list | tuple) and features and self.over_several_axes:
            self.features = tuple(whole(f"{name}: features", n, least=1) for n in cast("Sequence[int]", features))
        else:
            self.features = whole(f"{name}: features", features, least=1)
        self.epsilon = real(f"{name}: epsilon", epsilon, least=0, fix="give a small number, epsilon=1e-5")
        self.weight_init, self.bias_init = weight_init, bias_init
        generator = as_generator(rng)
        self.weight, self.bias = (
            Parameter(as_initializer(init)(self.feature_shape, generator)) if flag(f"{name}: {part}", wanted) else None
            for part, wanted, init in (("weight", weight, weight_init), ("bias", bias, bias_init))
        )

    @property
    def feature_shape(self) -> Shape:
        """The lengths of the last axes, which are those of γ and β."""
        return self.features if isinstance(self.features, tuple) else (self.features,)

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

    def feature_axes(self, x: Array) -> range:
        """The last axes of an array, as many as γ has."""
        return range(x.ndim - len(self.feature_shape), x.ndim)

    def require_features(self, shape: Shape, before: str) -> None:
        """Refuse an input whose last axes have other lengths, or which lacks the axes that stand before them."""
        own = self.feature_shape
        least = len(own) + {"…": 0, "N, …": 1, "N, spatial…": 2}[before]
        if len(shape) >= least and shape[-len(own) :] == own:
            return
        fix = f"give an input of {least} axes or more, channels last"
        if len(shape) >= least:
            fix = f"give the layer features={shape[-1] if len(own) == 1 else shape[-len(own) :]}"
        if len(shape) > 2 and shape[1:2] == own:
            fix = "channels stand last: mp.moveaxis(x, 1, -1)"
        raise ShapeError(f"{self!r} takes ({before}, {', '.join(map(str, own))}), given {shape}", fix=fix)


class LayerNorm(Normalization):
    """Each example brought to mean 0 and variance 1 over its features: y = (x − μ) / √(σ² + ε) · γ + β.

    Every example and every place by itself, in training as at inference.

    Source: J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    features
        The length of the last axis; or the lengths of the last axes, over which together the mean is taken.
    epsilon
        What keeps a constant example from being divided by 0.
    weight, bias
        Whether there are γ and β.
    weight_init, bias_init, rng
        As in `Linear`; γ begins with 1 and β with 0.

    Attributes
    ----------
    weight, bias
        Of the shape that ``features`` says, float32, or None.

    Raises
    ------
    ShapeError
        If the last axes of the input are others.

    Examples
    --------
    >>> import maplet as mp
    >>> LayerNorm(2, epsilon=0.0)(mp.asarray([[1.0, 3.0], [30.0, 10.0]]))
    Array([[-1.,  1.],
           [ 1., -1.]], dtype=float32)
    """

    over_several_axes = True

    def forward(self, x: ArrayLike) -> Array:
        """(…, features) ↦ (…, features)."""
        x, dtype = self.prepared(x)
        self.require_features(x.shape, "…")
        return self.finished(standardized(x, self.feature_axes(x), self.epsilon), dtype)


class RMSNorm(Normalization):
    """Each example divided by the root of its mean square: y = x / √(Σ x² / n + ε) · γ.

    A `LayerNorm` without mean and bias: cheaper, and mostly as good.

    Source: B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Parameters
    ----------
    features, weight, weight_init, rng
        As in `LayerNorm`.
    epsilon
        What keeps an example of zeros from being divided by 0.

    Attributes
    ----------
    weight
        Of the shape that ``features`` says, float32, or None.

    Raises
    ------
    ShapeError
        If the last axes of the input are others.

    Examples
    --------
    >>> import maplet as mp
    >>> RMSNorm(2, epsilon=0.0)(mp.asarray([[1.0, 7.0]]))  # the mean square is 25
    Array([[0.2, 1.4]], dtype=float32)
    """

    over_several_axes = True

    def __init__(
        self,
        features: int | Sequence[int],
        *,
        epsilon: float = 1e-6,
        weight: bool = True,
        weight_init: str | Initializer = "ones",
        rng: Rng = None,
    ) -> None:
        super().__init__(features, epsilon=epsilon, weight=weight, bias=False, weight_init=weight_init, rng=rng)

    def forward(self, x: ArrayLike) -> Array:
        """(…, features) ↦ (…, features)."""
        x, dtype = self.prepared(x)
        self.require_features(x.shape, "…")
        axes = self.feature_axes(x)
        return self.finished(x * rsqrt(mean(square(x), axis=axes, keepdims=True) + self.epsilon), dtype)


class GroupNorm(Normalization):
    """Groups of channels of each example brought to mean 0 and variance 1: y = (x − μ) / √(σ² + ε) · γ + β.

    μ and σ² are taken over all places and the channels of a group, whatever the batch: for batches too small for
    `BatchNorm`. γ and β are one for each channel.

    Source: Y. Wu, K. He, "Group normalization", ECCV 2018.

    Parameters
    ----------
    groups
        Into how many groups of neighbours the channels fall; 1 takes all together.
    features
        The length of the last axis, a multiple of it.
    epsilon, weight, bias, weight_init, bias_init, rng
        As in `LayerNorm`.

    Attributes
    ----------
    weight, bias
        (features,), float32, or None.

    Raises
    ------
    SettingError
        If the channels do not fall into equal groups.
    ShapeError
        If the input is not (N, …, features), or has one value in a group, whose deviation from the mean is 0.

    Examples
    --------
    >>> import maplet as mp
    >>> GroupNorm(2, 6)(mp.ones((10, 8, 8, 6))).shape
    (10, 8, 8, 6)
    """

    def __init__(
        self,
        groups: int,
        features: int,
        *,
        epsilon: float = 1e-5,
        weight: bool = True,
        bias: bool = True,
        weight_init: str | Initializer = "ones",
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        self.groups = whole("GroupNorm: groups", groups, least=1)
        super().__init__(
            features, epsilon=epsilon, weight=weight, bias=bias, weight_init=weight_init, bias_init=bias_init, rng=rng
        )
        if features % groups:
            raise SettingError(
                f"GroupNorm: {features} channels do not fall into {groups} equal groups",
                fix=f"take a divisor of {features}; GroupNorm(groups, features) has the groups first",
            )

    def forward(self, x: ArrayLike) -> Array:
        """(N, …, features) ↦ (N, …, features)."""
        x, dtype = self.prepared(x)
        self.require_features(x.shape, "N, …")
        size = x.shape[-1] // self.groups
        if size * prod(x.shape[1:-1]) == 1:
            raise ShapeError(
                f"{self!r}: {x.shape} has one value in each group, which less its mean is 0",
                fix="take fewer groups, or larger images",
            )
        # The mean of a group is that of the means of its channels: so nothing large is cut into groups.
        deviation = x - self._spread(mean(x, axis=range(1, x.ndim - 1), keepdims=True))
        variance = self._spread(mean(square(deviation), axis=range(1, x.ndim - 1), keepdims=True))
        return self.finished(deviation * rsqrt(variance + self.epsilon), dtype)

    def _spread(self, of_channels: Array) -> Array:
        """The mean of each group in the place of its channels."""
        parted = reshape(of_channels, (*of_channels.shape[:-1], self.groups, of_channels.shape[-1] // self.groups))
        return reshape(broadcast_to(mean(parted, axis=-1, keepdims=True), parted.shape), of_channels.shape)


class InstanceNorm(Normalization):
    """Each channel of each example brought to mean 0 and variance 1 over its places: y = (x − μ) / √(σ² + ε) · γ + β.

    In training as at inference. (PyTorch's ``InstanceNorm2d`` has no γ and β unless told ``affine=True``.)

    Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient for fast
    stylization", 2016.

    Parameters
    ----------
    features
        The length of the last axis.
    epsilon, weight, bias, weight_init, bias_init, rng
        As in `LayerNorm`.

    Attributes
    ----------
    weight, bias
        (features,), float32, or None.

    Raises
    ------
    ShapeError
        If the input is not (N, spatial…, features), or has one place, whose deviation from the mean is 0.

    Examples
    --------
    >>> import maplet as mp
    >>> InstanceNorm(1)(mp.asarray([1.0, 3.0]).reshape((1, 2, 1)))[0, :, 0]
    Array([-0.999995,  0.999995], dtype=float32)
    """

    def forward(self, x: ArrayLike) -> Array:
        """(N, spatial…, features) ↦ (N, spatial…, features)."""
        x, dtype = self.prepared(x)
        self.require_features(x.shape, "N, spatial…")
        if prod(x.shape[1:-1]) == 1:
            raise ShapeError(
                f"{self!r}: {x.shape} has one place, whose value less its mean is 0",
                fix="take larger images, or GroupNorm",
            )
        return self.finished(standardized(x, range(1, x.ndim - 1), self.epsilon), dtype)
