"""Normalization within each example, in training as at inference; what differs is over which axes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, cast

from maplet.errors import SettingError, ShapeError
from maplet.nn.construction import positive_integer
from maplet.nn.normalization import Normalization, standardized
from maplet.ops.elementwise import rsqrt, square
from maplet.ops.movement import reshape
from maplet.ops.reduction import mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Rng


def feature_axes(layer: str, features: int | Sequence[int]) -> int | Shape:
    """One length, or a tuple of those of the last axes."""
    if isinstance(features, list | tuple) and features:
        return tuple(positive_integer(layer, "features", n) for n in cast("Sequence[int]", features))
    return positive_integer(layer, "features", features)


def shape_of(features: int | Shape) -> Shape:
    """The lengths of the last axes."""
    return features if isinstance(features, tuple) else (features,)


def last_axes(layer: LayerNorm | RMSNorm, shape: Shape) -> range:
    """The last axes of the input, whose lengths are those that the layer was given."""
    expected = shape_of(layer.features)
    if shape[-len(expected) :] != expected:
        text = ", ".join(map(str, expected))
        raise ShapeError(
            f"{layer!r} takes (…, {text}), given {shape}",
            fix=f"give the layer features={shape[-1]}" if len(expected) == 1 and shape else f"end in ({text})",
        )
    return range(len(shape) - len(expected), len(shape))


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
        self.features = feature_axes("LayerNorm", features)
        self.weight_init, self.bias_init = weight_init, bias_init
        self.begin(shape_of(self.features), epsilon, (weight, bias), (weight_init, bias_init), rng)

    def forward(self, x: ArrayLike) -> Array:
        """(…, features) ↦ (…, features)."""
        x, dtype = self.prepared(x)
        return self.finished(standardized(x, last_axes(self, x.shape), self.epsilon), dtype)


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

    def __init__(
        self,
        features: int | Sequence[int],
        *,
        epsilon: float = 1e-6,
        weight: bool = True,
        weight_init: str | Initializer = "ones",
        rng: Rng = None,
    ) -> None:
        self.features = feature_axes("RMSNorm", features)
        self.weight_init = weight_init
        self.begin(shape_of(self.features), epsilon, (weight, False), (weight_init, "zeros"), rng)

    def forward(self, x: ArrayLike) -> Array:
        """(…, features) ↦ (…, features)."""
        x, dtype = self.prepared(x)
        axes = last_axes(self, x.shape)
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
        self.groups = positive_integer("GroupNorm", "groups", groups)
        self.features = positive_integer("GroupNorm", "features", features)
        if features % groups:
            raise SettingError(
                f"GroupNorm: {features} channels do not fall into {groups} equal groups",
                fix=f"take a divisor of {features}; GroupNorm(groups, features) has the groups first",
            )
        self.weight_init, self.bias_init = weight_init, bias_init
        self.begin((self.features,), epsilon, (weight, bias), (weight_init, bias_init), rng)

    def forward(self, x: ArrayLike) -> Array:
        """(N, …, features) ↦ (N, …, features)."""
        x, dtype = self.prepared(x)
        self.require_channels(x.shape, self.features, least=2, given=f"(N, …, {self.features})")
        size = self.features // self.groups
        if size * prod(x.shape[1:-1]) == 1:
            raise ShapeError(
                f"{self!r}: {x.shape} has one value in each group, which less its mean is 0",
                fix="take fewer groups, or larger images",
            )
        parted = reshape(x, (*x.shape[:-1], self.groups, size))
        axes = (*range(1, x.ndim - 1), x.ndim)
        return self.finished(reshape(standardized(parted, axes, self.epsilon), x.shape), dtype)


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

    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-5,
        weight: bool = True,
        bias: bool = True,
        weight_init: str | Initializer = "ones",
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        self.features = positive_integer("InstanceNorm", "features", features)
        self.weight_init, self.bias_init = weight_init, bias_init
        self.begin((self.features,), epsilon, (weight, bias), (weight_init, bias_init), rng)

    def forward(self, x: ArrayLike) -> Array:
        """(N, spatial…, features) ↦ (N, spatial…, features)."""
        x, dtype = self.prepared(x)
        self.require_channels(x.shape, self.features, least=3, given=f"(N, spatial…, {self.features})")
        if prod(x.shape[1:-1]) == 1:
            raise ShapeError(
                f"{self!r}: {x.shape} has one place, whose value less its mean is 0",
                fix="take larger images, or GroupNorm",
            )
        return self.finished(standardized(x, range(1, x.ndim - 1), self.epsilon), dtype)
