"""Layers that leave something out while a net is trained: elements, channels, whole branches."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from maplet.errors import ShapeError
from maplet.nn.module import Module
from maplet.ops.activations import selu_alpha, selu_scale
from maplet.ops.arguments import as_array, as_floating
from maplet.ops.elementwise import where
from maplet.ops.random import as_generator
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape
    from maplet.ops.random import Rng


class Dropout(Module):
    """While training, each element is 0 with probability ``rate``, else x / (1 − rate); at inference x.

    The division keeps the mean, so nothing has to be rescaled at inference (inverted dropout). Each layer draws from a
    generator of its own, which is part of the state that is saved.

    Source: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 2014.

    Parameters
    ----------
    rate
        From 0 to less than 1.
    rng
        Where the seed of the layer's own generator is drawn from.

    Examples
    --------
    >>> import maplet as mp
    >>> layer = Dropout(0.5, rng=0)
    >>> bool(mp.all(layer.eval()(mp.ones(9)) == 1))
    True
    """

    def __init__(self, rate: float, *, rng: Rng = None) -> None:
        self.rate = real(f"{type(self).__name__}: rate", rate, least=0, below=1, fix="0.1 drops one in ten")
        self.generator = as_generator(rng).split(1)[0]

    def forward(self, x: ArrayLike) -> Array:
        """The input with some of it dropped and the rest enlarged; unchanged when not training or at rate 0."""
        x = as_array(x)
        if not self.training or not self.rate:
            return x
        return self._dropped(as_floating(x))

    def _dropped(self, x: Array) -> Array:
        return where(self._kept(x.shape), x / (1 - self.rate), 0)

    def _kept(self, shape: Shape) -> Array:
        return self.generator.bernoulli(1 - self.rate, shape)


class ChannelDropout(Dropout):
    """While training, each channel of each example is 0 as a whole with probability ``rate``; see `Dropout`.

    Channels are the last axis: of images (N, H, W, C) each of the N·C is kept or dropped. Neighbouring pixels say
    nearly the same, so that dropping some of them would drop nothing. (PyTorch's Dropout1d, Dropout2d and Dropout3d.)

    Source: J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, "Efficient object localization using convolutional
    networks", CVPR 2015.

    Parameters
    ----------
    rate, rng
        See `Dropout`.

    Raises
    ------
    ShapeError
        If the input has fewer than two axes.

    Examples
    --------
    >>> import maplet as mp
    >>> y = ChannelDropout(0.5, rng=0)(mp.ones((2, 9, 9, 3)))
    >>> bool(mp.all(y == y[:, :1, :1]))
    True
    """

    def _kept(self, shape: Shape) -> Array:
        if len(shape) < 2:
            raise ShapeError(
                f"ChannelDropout({self.rate}) takes (N, …, channels), given {shape}",
                fix="give a batch, or take Dropout, which drops single elements",
            )
        return super()._kept((shape[0], *[1] * (len(shape) - 2), shape[-1]))


class StochasticDepth(Dropout):
    """While training, each example is 0 as a whole with probability ``rate``; see `Dropout`. Also called DropPath.

    At the end of the branch of a `Residual` it leaves out the branch: ``Residual(Sequential(…, StochasticDepth(0.1)))``
    is a net that is less deep for some examples.

    Source: G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Weinberger, "Deep networks with stochastic depth", ECCV 2016.

    Parameters
    ----------
    rate, rng
        See `Dropout`.

    Raises
    ------
    ShapeError
        If the input is a single number.

    Examples
    --------
    >>> import maplet as mp
    >>> y = StochasticDepth(0.5, rng=0)(mp.ones((9, 4)))
    >>> bool(mp.all((y == 0) | (y == 2))), bool(mp.all(y == y[:, :1]))
    (True, True)
    """

    def _kept(self, shape: Shape) -> Array:
        if not shape:
            raise ShapeError(f"StochasticDepth({self.rate}) takes (N, …), given a single number", fix="give a batch")
        return super()._kept((shape[0], *[1] * (len(shape) - 1)))


class AlphaDropout(Dropout):
    """Dropout for nets of `SELU`: what is dropped gets the value at −∞, and mean 0 and variance 1 are kept.

    With α′ = −λα ≈ −1.7581, to which SELU falls, and q = 1 − rate, an element becomes a·x + b with probability q and
    a·α′ + b else, where a = (q + α′²·q·(1 − q))^−½ and b = −a·(1 − q)·α′.

    Source: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", NIPS 2017.

    Parameters
    ----------
    rate, rng
        See `Dropout`.

    Examples
    --------
    >>> import maplet as mp
    >>> y = AlphaDropout(0.3, rng=0)(mp.random.Generator(1).normal((100_000,)))
    >>> abs(float(mp.mean(y))) < 0.02, abs(float(mp.var(y)) - 1) < 0.02
    (True, True)
    """

    def _dropped(self, x: Array) -> Array:
        least, kept = -selu_scale * selu_alpha, 1 - self.rate
        factor = 1 / sqrt(kept + least**2 * kept * self.rate)
        shift = -factor * self.rate * least
        return where(self._kept(x.shape), factor * x + shift, factor * least + shift)
