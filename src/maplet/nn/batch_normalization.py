"""Batch normalization, the one that lets the examples of a batch see each other."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from maplet.control.custom_gradient import custom_gradient
from maplet.errors import DataError, ShapeError
from maplet.nn.normalization import Normalization, moments
from maplet.ops.arguments import convert
from maplet.ops.creation import ones, zeros
from maplet.ops.elementwise import rsqrt, square
from maplet.ops.identity import stop_gradient
from maplet.ops.movement import reshape
from maplet.ops.reduction import sum as sum_over
from maplet.settings import real

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maplet.core.array import Array, ArrayLike
    from maplet.nn.initializers import Initializer
    from maplet.nn.module import Module
    from maplet.ops.random import Rng


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
        super().__init__(
            features, epsilon=epsilon, weight=weight, bias=bias, weight_init=weight_init, bias_init=bias_init, rng=rng
        )
        tenth = "0.1: a tenth of each batch enters the averages"
        self.momentum = real("BatchNorm: momentum", momentum, least=0, most=1, fix=tenth)
        self.running_mean, self.running_variance = zeros(self.feature_shape), ones(self.feature_shape)

    def forward(self, x: ArrayLike) -> Array:
        """(…, features) ↦ (…, features)."""
        x, dtype = self.prepared(x, self.running_mean)
        self.require_features(x.shape, "N, …")
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
        one, zero = ones(self.feature_shape, dtype=x.dtype), zeros(self.feature_shape, dtype=x.dtype)
        weight = one if self.weight is None else convert(self.weight, x.dtype)
        bias = zero if self.bias is None else convert(self.bias, x.dtype)
        y, average, variance = normalized(x, weight, bias, self.epsilon)
        self.running_mean = self._averaged(self.running_mean, average)
        self.running_variance = self._averaged(self.running_variance, variance * (count / (count - 1)))
        return convert(y, dtype)

    def _averaged(self, running: Array, batch: Array) -> Array:
        new = reshape(batch, self.feature_shape)
        return convert((1 - self.momentum) * convert(running, new.dtype) + self.momentum * new, running.dtype)


def normalized(x: Array, weight: Array, bias: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """The output y = γ·d·r + β with d = x − μ and r = 1 / √(σ² + ε) over all axes but the last, and μ and σ².

    With the sums Σg and Σg·d over the batch of n, the pullback of y is

        ∂L/∂β = Σg,   ∂L/∂γ = r·Σg·d,   ∂L/∂x = γ·r·(g − Σg/n − d·r²·Σ(g·d)/n).

    That is what the chain rule gives, put together: taken step by step, through the mean and through the variance, it
    would go through the batch five times to add up, and here it does twice.
    """
    axes, count = tuple(range(x.ndim - 1)), prod(x.shape[:-1])

    @custom_gradient
    def normalize(x: Array, weight: Array, bias: Array) -> Any:
        average, variance = moments(x, axes)
        deviation, scale = x - average, rsqrt(variance + epsilon)

        def pullback(cotangents: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            g = cotangents[0]
            total, slope = sum_over(g, axis=axes), sum_over(g * deviation, axis=axes)
            r = reshape(scale, weight.shape)
            by_weight = weight * r
            constant, factor = by_weight * total / count, by_weight * square(r) * slope / count
            return by_weight * g - constant - factor * deviation, r * slope, total

        return (deviation * (scale * weight) + bias, average, variance), pullback

    y, average, variance = normalize(x, weight, bias)
    return y, stop_gradient(average), stop_gradient(variance)


def update_statistics(net: Module, batches: Iterable[Any]) -> None:
    """Make the running averages of every `BatchNorm` anew, as the plain means over some batches.

    For weights that no training step has run with, such as averages of weights (`maplet.optim.Average`): the statistics
    of the network belong to the weights that it was trained with. While the batches run, all other layers are as at
    inference, where these statistics are for; mode and momentum of each layer are afterwards as before.

    Source: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018, §3.2.

    Parameters
    ----------
    net
        The network; a network without `BatchNorm` stays as it is.
    batches
        Inputs of the network, such as those it was trained with, in batches of about that size; a tuple is several
        inputs of one call.

    Raises
    ------
    DataError
        If there is no batch.

    Examples
    --------
    >>> import maplet as mp
    >>> net = BatchNorm(1)
    >>> update_statistics(net, [mp.asarray([[1.0], [3.0]]), mp.asarray([[5.0], [5.0]])])
    >>> net.running_mean, net.running_variance
    (Array([3.5], dtype=float32), Array([1.], dtype=float32))
    """
    norms = [module for module in net.modules().values() if isinstance(module, BatchNorm)]
    modes = [(module, module.training) for module in net.modules().values()]
    before = [(norm, norm.momentum, norm.running_mean, norm.running_variance) for norm in norms]
    count = 0
    net.eval()
    try:
        for norm in norms:
            norm.training = True
        for count, batch in enumerate(batches, 1):
            for norm in norms:
                norm.momentum = 1 / count  # of the first batch everything, of the n-th an n-th: the mean of all
            net(*batch) if isinstance(batch, tuple) else net(batch)
    except BaseException:
        for norm, _, mean, variance in before:
            norm.running_mean, norm.running_variance = mean, variance
        raise
    finally:
        for norm, momentum, *_ in before:
            norm.momentum = momentum
        for module, training in modes:
            module.training = training
    if not count:
        raise DataError("update_statistics: there is no batch", fix="give a list of inputs: [x[:256], x[256:]]")
