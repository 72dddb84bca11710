"""Pooling: the greatest element, or the mean, of windows on a sequence, an image or a volume, or of all of it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, ClassVar

from maplet.core.array import value_of
from maplet.errors import DataError, ShapeError
from maplet.nn.given import first_wrong
from maplet.nn.module import Module
from maplet.nn.sequences import inside
from maplet.nn.spatial import checked_padding, per_axis, require_images, require_shared_windows
from maplet.ops import reduction
from maplet.ops.arguments import as_array, as_floating, convert
from maplet.ops.elementwise import where
from maplet.ops.movement import permute_dims, reshape
from maplet.ops.windows import reduce_window

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.spatial import Padding, PerAxis


class Pool(Module, abstract=True):
    """What pools over windows share."""

    spatial_axes: ClassVar[int]
    combiner: ClassVar[str]

    def __init__(
        self, window: PerAxis, *, strides: PerAxis | None = None, dilation: PerAxis = 1, padding: Padding = "valid"
    ) -> None:
        name, count = type(self).__name__, self.spatial_axes
        self.window = per_axis(name, "window", window, count)
        self.strides = None if strides is None else per_axis(name, "strides", strides, count)
        self.dilation = per_axis(name, "dilation", dilation, count)
        self.padding = checked_padding(name, padding, count)
        require_shared_windows(name, self.padding, self.window, self.dilation, count)

    def forward(self, x: ArrayLike) -> Array:
        """(N, spatial…, C) ↦ (N, places…, C)."""
        x = as_array(x)
        require_images(self, x.shape, self.spatial_axes)
        return reduce_window(
            x, self.combiner, self.window, strides=self.strides, dilation=self.dilation, padding=self.padding
        )


class MaxPool1d(Pool):
    """The greatest element of every window of time: (N, T, C) ↦ (N, places, C). All else is said at `MaxPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> MaxPool1d(2)(mp.asarray([1.0, 4.0, 2.0, 3.0]).reshape((1, 4, 1)))[0, :, 0]
    Array([4., 3.], dtype=float32)
    """

    spatial_axes, combiner = 1, "max"


class MaxPool2d(Pool):
    """The greatest element of every window, each channel by itself: (N, H, W, C) ↦ (N, places…, C).

    Elements that tie share the gradient equally (in PyTorch the first one gets it).

    Source: J. Weng, N. Ahuja, T. Huang, "Learning recognition and segmentation of 3-D objects from 2-D images",
    ICCV 1993.

    Parameters
    ----------
    window
        How many elements a window has along each spatial axis: one integer, or one for each.
    strides
        By how much a window lies further than the one before; the window's own lengths if not given.
    dilation
        By how much the elements of a window lie apart.
    padding
        What stands around the input, and counts for nothing: ``"valid"``, nothing, ``"same"``, an integer, or a pair
        (before, behind) for each spatial axis, as in `Conv2d`; less than a window.

    Raises
    ------
    SettingError
        If a setting is out of range.
    ShapeError
        If the input is not (N, H, W, C), or is smaller than a window.

    Examples
    --------
    >>> import maplet as mp
    >>> MaxPool2d(3, strides=2, padding=1)(mp.zeros((10, 32, 32, 8))).shape
    (10, 16, 16, 8)
    """

    spatial_axes, combiner = 2, "max"


class MaxPool3d(Pool):
    """The greatest element of every window: (N, D, H, W, C) ↦ (N, places…, C). All else is said at `MaxPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> MaxPool3d(2)(mp.zeros((5, 8, 8, 8, 1))).shape
    (5, 4, 4, 4, 1)
    """

    spatial_axes, combiner = 3, "max"


class AvgPool1d(Pool):
    """The mean of every window of time: (N, T, C) ↦ (N, places, C). All else is said at `AvgPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> AvgPool1d(3, strides=1, padding="same")(mp.asarray([3.0, 6.0, 9.0]).reshape((1, 3, 1)))[0, :, 0]
    Array([4.5, 6. , 7.5], dtype=float32)
    """

    spatial_axes, combiner = 1, "mean"


class AvgPool2d(Pool):
    """The mean of every window, each channel by itself: (N, H, W, C) ↦ (N, places…, C).

    What stands around the input is no part of a mean: at a border it is that of the elements that are there. (PyTorch
    counts the zeros of the padding too, unless told ``count_include_pad=False``.)

    Parameters
    ----------
    window, strides, dilation, padding
        As in `MaxPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> AvgPool2d(2)(mp.zeros((10, 32, 32, 8))).shape
    (10, 16, 16, 8)
    """

    spatial_axes, combiner = 2, "mean"


class AvgPool3d(Pool):
    """The mean of every window: (N, D, H, W, C) ↦ (N, places…, C). All else is said at `AvgPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> AvgPool3d((1, 2, 2))(mp.zeros((5, 8, 8, 8, 1))).shape
    (5, 8, 4, 4, 1)
    """

    spatial_axes, combiner = 3, "mean"


# ── over everything ──────────────────────────────────────────────────────────────────────────────


class GlobalPool(Module, abstract=True):
    """What pools over everything share."""

    combiner: ClassVar[str]

    def forward(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """(N, spatial…, C) ↦ (N, C); of padded sequences (N, T, C), ``lengths`` says how many steps of each count.

        Raises
        ------
        ShapeError
            If the input has no spatial axis, or an empty one, or the lengths have another shape.
        DTypeError, DataError
            If the lengths are no integers, or are not from 1 to T, as far as their values are known.
        """
        x = as_array(x)
        if x.ndim < 3 or 0 in x.shape[1:-1]:
            raise ShapeError(
                f"{self!r} takes (N, spatial…, C) with something in each spatial axis, given {x.shape}",
                fix="channels stand last; what has no spatial axis needs no pooling",
            )
        combine = reduction.max if self.combiner == "max" else reduction.mean
        if lengths is None:
            return combine(x, axis=range(1, x.ndim - 1))
        x, lengths = as_floating(x), as_array(lengths)
        known = self._inside(x, lengths)
        if self.combiner == "max":
            return combine(where(known, x, -inf), axis=1)
        # Σ over what counts / how many = mean over all, with zeros for the rest, · T / how many
        share = x.shape[1] / reshape(convert(lengths, x.dtype), (x.shape[0], 1))
        return combine(where(known, x, 0.0), axis=1) * share

    def _inside(self, x: Array, lengths: Array) -> Array:
        """Which steps lie before the end of which sequence: (N, T, 1)."""
        if x.ndim != 3:
            raise ShapeError(
                f"{self!r}: lengths are those of sequences (N, T, C), given {x.shape}", fix="leave out the lengths"
            )
        valid = permute_dims(inside(repr(self), lengths, x.shape[0], x.shape[1]), (1, 0, 2))
        value = value_of(lengths)
        found = None if value is None else first_wrong("lengths", value, value < 1)
        if found:
            raise DataError(
                f"{self!r}: {found}, and nothing has no mean and no maximum", fix="leave out sequences that are empty"
            )
        return valid


class GlobalAvgPool(GlobalPool):
    """The mean of each channel over all spatial axes, however many there are: (N, spatial…, C) ↦ (N, C).

    Of padded sequences, ``lengths`` leaves out what stands behind the end of each.

    Source: M. Lin, Q. Chen, S. Yan, "Network in network", ICLR 2014.

    Examples
    --------
    >>> import maplet as mp
    >>> GlobalAvgPool()(mp.ones((10, 7, 7, 5))).shape
    (10, 5)
    >>> GlobalAvgPool()(mp.asarray([[[1.0], [3.0], [0.0]]]), lengths=[2])
    Array([[2.]], dtype=float32)
    """

    combiner = "mean"


class GlobalMaxPool(GlobalPool):
    """The greatest element of each channel over all spatial axes: (N, spatial…, C) ↦ (N, C); see `GlobalAvgPool`.

    Examples
    --------
    >>> import maplet as mp
    >>> GlobalMaxPool()(mp.ones((10, 7, 7, 5))).shape
    (10, 5)
    """

    combiner = "max"
