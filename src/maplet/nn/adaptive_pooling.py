"""Pooling to a given number of places, whatever the size of the input: bins that cover each spatial axis.

Of an axis of length L, bin i of n goes from ⌊i·L/n⌋ to before ⌈(i + 1)·L/n⌉; where n does not divide L, neighbours
overlap. A maximum or mean over a box of bins is that over one axis after another, since a box has equal rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from maplet.core.types import is_floating
from maplet.nn.module import Module
from maplet.nn.spatial import per_axis, require_images
from maplet.ops import reduction
from maplet.ops.arguments import as_array, as_floating, convert, widened
from maplet.ops.elementwise import where
from maplet.ops.indexing import take
from maplet.ops.movement import reshape
from maplet.ops.spatial import one_per_axis

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.spatial import PerAxis


def pool_to(x: Array, combiner: str, axis: int, bins: int) -> Array:
    """The maximum or mean of each bin of an axis, which then has as many elements as there are bins."""
    length = x.shape[axis]
    if length % bins == 0:
        parted = reshape(x, (*x.shape[:axis], bins, length // bins, *x.shape[axis + 1 :]))
        return (reduction.max if combiner == "max" else reduction.mean)(parted, axis=axis + 1)
    first = np.arange(bins) * length // bins
    sizes = -(-(np.arange(bins) + 1) * length // bins) - first
    offsets = np.arange(int(sizes.max()))
    beside = (1,) * (x.ndim - axis - 1)
    inside = as_array((offsets < sizes[:, None]).reshape((bins, offsets.size, *beside)))  # bins differ in length
    gathered = take(x, np.minimum(first[:, None] + offsets, length - 1), axis=axis)
    if combiner == "max":
        lowest = float("-inf") if is_floating(x.dtype) else int(np.iinfo(x.dtype).min)
        return reduction.max(where(inside, gathered, as_array(lowest, x.dtype)), axis=axis + 1)
    return reduction.sum(where(inside, gathered, 0.0), axis=axis + 1) / as_array(sizes.reshape(-1, *beside), x.dtype)


class AdaptivePool(Module, abstract=True):
    """What pools to a given number of places share."""

    spatial_axes: ClassVar[int]
    combiner: ClassVar[str]

    def __init__(self, output_size: PerAxis) -> None:
        self.output_size = per_axis(type(self).__name__, "output_size", output_size, self.spatial_axes)

    def forward(self, x: ArrayLike) -> Array:
        """(N, spatial…, C) ↦ (N, output_size…, C)."""
        x = as_array(x)
        require_images(self, x.shape, self.spatial_axes)
        x = as_floating(x) if self.combiner == "mean" else x
        y = widened(x) if self.combiner == "mean" else x
        for n, bins in enumerate(one_per_axis("pool", "output_size", self.output_size, self.spatial_axes)):
            y = pool_to(y, self.combiner, n + 1, bins)
        return convert(y, x.dtype)


class AdaptiveAvgPool1d(AdaptivePool):
    """The means of ``output_size`` bins of time: (N, T, C) ↦ (N, output_size, C), as `AdaptiveAvgPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> AdaptiveAvgPool1d(2)(mp.asarray([1.0, 2.0, 6.0]).reshape((1, 3, 1)))[0, :, 0]
    Array([1.5, 4. ], dtype=float32)
    """

    spatial_axes, combiner = 1, "mean"


class AdaptiveAvgPool2d(AdaptivePool):
    """The means of a given number of bins, whatever the size of the images: (N, H, W, C) ↦ (N, output_size…, C).

    Of an axis of length L, bin i of n goes from ⌊i·L/n⌋ to before ⌈(i + 1)·L/n⌉, as in PyTorch: where n does not divide
    L, neighbours share an element; where n is greater than L, elements are repeated.

    Parameters
    ----------
    output_size
        How many bins each spatial axis has: one integer, or one for each.

    Raises
    ------
    ShapeError
        If the input is not (N, H, W, C), or a spatial axis is empty.

    Examples
    --------
    >>> import maplet as mp
    >>> AdaptiveAvgPool2d((3, 2))(mp.zeros((10, 7, 8, 5))).shape
    (10, 3, 2, 5)
    """

    spatial_axes, combiner = 2, "mean"


class AdaptiveAvgPool3d(AdaptivePool):
    """The means of a given number of bins of volumes, with the bins of `AdaptiveAvgPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> AdaptiveAvgPool3d(2)(mp.zeros((5, 8, 7, 6, 1))).shape
    (5, 2, 2, 2, 1)
    """

    spatial_axes, combiner = 3, "mean"


class AdaptiveMaxPool1d(AdaptivePool):
    """The greatest elements of ``output_size`` bins of time, with the bins of `AdaptiveAvgPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> AdaptiveMaxPool1d(2)(mp.asarray([1.0, 4.0, 2.0]).reshape((1, 3, 1)))[0, :, 0]
    Array([4., 4.], dtype=float32)
    """

    spatial_axes, combiner = 1, "max"


class AdaptiveMaxPool2d(AdaptivePool):
    """The greatest elements of a given number of bins, which are those of `AdaptiveAvgPool2d`.

    Elements that tie within one row of a bin share the gradient equally, and so do rows that tie.

    Examples
    --------
    >>> import maplet as mp
    >>> AdaptiveMaxPool2d(1)(mp.asarray([[1.0, 5.0], [2.0, 3.0]]).reshape((1, 2, 2, 1))).shape
    (1, 1, 1, 1)
    """

    spatial_axes, combiner = 2, "max"


class AdaptiveMaxPool3d(AdaptivePool):
    """The greatest elements of a given number of bins of volumes, with the bins of `AdaptiveAvgPool2d`.

    Examples
    --------
    >>> import maplet as mp
    >>> AdaptiveMaxPool3d((1, 2, 3))(mp.zeros((5, 8, 7, 6, 1))).shape
    (5, 1, 2, 3, 1)
    """

    spatial_axes, combiner = 3, "max"
