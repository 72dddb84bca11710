"""Convolutions as layers: a window of weights laid on every place of a sequence, an image or a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from maplet.core.array import Parameter
from maplet.errors import SettingError
from maplet.nn.initializers import as_initializer
from maplet.nn.module import Module
from maplet.nn.spatial import checked_padding, per_axis, require_images
from maplet.ops.arguments import meet
from maplet.ops.convolution import conv
from maplet.ops.convolution_transposed import conv_transpose
from maplet.ops.random import as_generator
from maplet.ops.spatial import one_per_axis
from maplet.settings import flag, whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.initializers import Initializer
    from maplet.nn.spatial import Padding, PerAxis
    from maplet.ops.random import Rng


class Convolution(Module, abstract=True):
    """What convolutions of any number of spatial axes share."""

    spatial_axes: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        *,
        strides: PerAxis = 1,
        padding: Padding = "valid",
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        name, count = type(self).__name__, self.spatial_axes
        self.in_channels = whole(f"{name}: in_channels", in_channels, least=1)
        self.out_channels = whole(f"{name}: out_channels", out_channels, least=1)
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, count)
        self.strides = per_axis(name, "strides", strides, count)
        self.padding = self._checked_padding(padding)
        self.dilation = per_axis(name, "dilation", dilation, count)
        self.groups = whole(f"{name}: groups", groups, least=1)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise SettingError(
                f"{name}: {in_channels} channels in and {out_channels} out do not both fall into {groups} equal groups",
                fix="take a divisor of both; groups=in_channels, with out_channels a multiple, is a depthwise layer",
            )
        self.weight_init, self.bias_init = weight_init, bias_init
        kernel = one_per_axis(name, "kernel_size", kernel_size, count)
        generator = as_generator(rng)
        shape = (*kernel, self.in_channels // self.groups, self.out_channels)
        self.weight = Parameter(as_initializer(weight_init)(shape, generator))
        self.bias = (
            Parameter(as_initializer(bias_init)((self.out_channels,), generator))
            if flag(f"{name}: bias", bias)
            else None
        )

    def forward(self, x: ArrayLike) -> Array:
        """(N, spatial…, in_channels) ↦ (N, places…, out_channels)."""
        x, weight = meet(x, self.weight)
        require_images(self, x.shape, self.spatial_axes, self.in_channels)
        y = self._convolved(x, weight)
        return y if self.bias is None else y + self.bias

    def _checked_padding(self, padding: Padding) -> Any:
        return checked_padding(type(self).__name__, padding, self.spatial_axes)

    def _convolved(self, x: Array, weight: Array) -> Array:
        return conv(x, weight, strides=self.strides, padding=self.padding, dilation=self.dilation, groups=self.groups)


class Conv1d(Convolution):
    """A convolution over time: (N, T, in_channels) ↦ (N, places, out_channels).

    Arguments, attributes and errors are those of `Conv2d`, with one spatial axis. ``padding="causal"`` puts all zeros
    in front, so that no place sees what comes after it.

    Examples
    --------
    >>> import maplet as mp
    >>> Conv1d(4, 8, 3, dilation=2, padding="causal")(mp.zeros((5, 20, 4))).shape
    (5, 20, 8)
    """

    spatial_axes = 1


class Conv2d(Convolution):
    """A convolution of images, ``y[n, p, q, o] = b[o] + Σ_{i, j, c} x[n, s·p + d·i, s·q + d·j, c]·W[i, j, c, o]``.

    s are the strides and d the dilation; channels stand last. The kernel is not turned round, as in all frameworks.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE, 1998.

    Parameters
    ----------
    in_channels, out_channels
        The length of the last axis of the input and of the output.
    kernel_size
        How many elements a window has along each spatial axis: one integer, or one for each.
    strides
        By how much a window lies further than the one before.
    padding
        How many zeros stand around the input: ``"valid"``, none, is the default, as in PyTorch and Keras. ``"same"``:
        as many as give ⌈length / stride⌉ places; where their number is odd, one more behind. An integer: as many on
        every side. Or a pair (before, behind) for each spatial axis.
    dilation
        By how much the elements of a window lie apart.
    groups
        Into how many groups of neighbours the channels fall: the outputs of a group see its own inputs only. With
        ``groups=in_channels`` each channel is convolved by itself (depthwise).
    bias
        Whether there is a b.
    weight_init, bias_init
        Name of an initializer, or a function ``(shape, generator) -> Array``. By default W is drawn uniformly with
        variance 1 / (elements of the window · in_channels / groups), so that a signal keeps its variance, and b is 0.
    rng
        Where the weights are drawn from: a `Generator`, a seed, or None for the default generator.

    Attributes
    ----------
    weight
        (height, width, in_channels / groups, out_channels), float32: the layout that `mp.conv` takes.
    bias
        (out_channels,), float32, or None.

    Raises
    ------
    SettingError
        If a setting is out of range, or the channels do not fall into equal groups.
    ShapeError
        If the input is not (N, H, W, in_channels), or is smaller than a window.

    Examples
    --------
    >>> import maplet as mp
    >>> layer = Conv2d(3, 8, 5, strides=2, padding="same")
    >>> layer(mp.zeros((10, 32, 32, 3))).shape, layer.weight.shape
    ((10, 16, 16, 8), (5, 5, 3, 8))
    """

    spatial_axes = 2


class Conv3d(Convolution):
    """A convolution of volumes or films: (N, D, H, W, in_channels) ↦ (N, places…, out_channels).

    Arguments, attributes and errors are those of `Conv2d`, with three spatial axes.

    Examples
    --------
    >>> import maplet as mp
    >>> Conv3d(1, 2, (3, 1, 1))(mp.zeros((5, 8, 8, 8, 1))).shape
    (5, 6, 8, 8, 2)
    """

    spatial_axes = 3


class TransposedConvolution(Convolution, abstract=True):
    """What transposed convolutions of any number of spatial axes share."""

    def _checked_padding(self, padding: Padding) -> Any:
        if isinstance(padding, str) and padding == "causal":  # the adjoint of what looks back looks ahead
            raise SettingError(
                f'{type(self).__name__}: padding="causal" is for Conv1d',
                fix="cut off the end, (kernel_size − 1)·dilation places: padding=((0, 2),) for a kernel of 3",
            )
        return super()._checked_padding(padding)

    def _convolved(self, x: Array, weight: Array) -> Array:
        return conv_transpose(
            x, weight, strides=self.strides, padding=self.padding, dilation=self.dilation, groups=self.groups
        )


class ConvTranspose1d(TransposedConvolution):
    """A transposed convolution over time: (N, T, in_channels) ↦ (N, places, out_channels).

    Arguments, attributes and errors are those of `ConvTranspose2d`, with one spatial axis.

    Examples
    --------
    >>> import maplet as mp
    >>> ConvTranspose1d(4, 2, 3, strides=2)(mp.zeros((5, 10, 4))).shape
    (5, 21, 2)
    """

    spatial_axes = 1


class ConvTranspose2d(TransposedConvolution):
    """Each element spread over a window of weights; where windows overlap they add up. With strides it enlarges images.

    ``y[n, a, b, o] = bias[o] + Σ x[n, p, q, c]·W[i, j, c, o]`` over s·p + d·i = a, s·q + d·j = b and c; s are the
    strides and d the dilation. It is the adjoint of a convolution: what `Conv2d` sends back as its gradient. (Some call
    it deconvolution, though it inverts nothing.) Along a spatial axis there are
    (length − 1)·stride + (kernel_size − 1)·dilation + 1 places, less the padding.

    Source: M. Zeiler, D. Krishnan, G. Taylor, R. Fergus, "Deconvolutional networks", CVPR 2010.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, strides, dilation, groups, bias, weight_init, bias_init, rng
        As in `Conv2d`. W is drawn as there; with strides an element gets but 1 / (product of the strides) of the
        terms of a window, and so of the variance.
    padding
        How much is cut off: ``"valid"``, nothing, is the default; ``"same"`` leaves length · stride places; an integer,
        as much on every side; or a pair (before, behind) for each spatial axis. PyTorch's ``padding=p,
        output_padding=r`` is the pair (p, p − r).

    Attributes
    ----------
    weight
        (height, width, in_channels / groups, out_channels), float32: the layout that `mp.conv_transpose` takes.
    bias
        (out_channels,), float32, or None.

    Raises
    ------
    SettingError
        If a setting is out of range, or the channels do not fall into equal groups.
    ShapeError
        If the input is not (N, H, W, in_channels), or more is cut off than there is.

    Examples
    --------
    >>> import maplet as mp
    >>> ConvTranspose2d(8, 3, 4, strides=2, padding="same")(mp.zeros((10, 16, 16, 8))).shape
    (10, 32, 32, 3)
    """

    spatial_axes = 2


class ConvTranspose3d(TransposedConvolution):
    """A transposed convolution of volumes: (N, D, H, W, in_channels) ↦ (N, places…, out_channels).

    Arguments, attributes and errors are those of `ConvTranspose2d`, with three spatial axes.

    Examples
    --------
    >>> import maplet as mp
    >>> ConvTranspose3d(1, 2, 2, strides=2)(mp.zeros((5, 4, 4, 4, 1))).shape
    (5, 8, 8, 8, 2)
    """

    spatial_axes = 3
