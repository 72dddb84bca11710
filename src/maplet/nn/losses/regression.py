"""Losses of real numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.nn.given import same_shape
from maplet.nn.losses.common import loss, reduced
from maplet.ops.composite import clip
from maplet.ops.elementwise import abs, square, where  # noqa: A004  (the standard's name)
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.losses.common import Reduction


@loss
def mse(
    predictions: ArrayLike, targets: ArrayLike, *, reduction: Reduction = "mean", weights: ArrayLike | None = None
) -> Array:
    """The mean squared error, l = (p − t)².

    Parameters
    ----------
    predictions, targets
        Arrays of the same shape.
    reduction, weights
        See `maplet.nn.losses`.

    Raises
    ------
    ShapeError
        If the shapes differ in any way.

    Examples
    --------
    >>> import maplet as mp
    >>> mse(mp.asarray([1.0, 2.0]), mp.asarray([1.0, 4.0]))
    Array(2.)
    """
    p, t = same_shape("mse", predictions, targets)
    return reduced("mse", square(p - t), reduction, weights)


@loss
def mae(
    predictions: ArrayLike, targets: ArrayLike, *, reduction: Reduction = "mean", weights: ArrayLike | None = None
) -> Array:
    """The mean absolute error, l = |p − t|; the derivative where they are equal is 0. Arguments as in `mse`.

    Examples
    --------
    >>> import maplet as mp
    >>> mae(mp.asarray([1.0, 2.0]), mp.asarray([1.0, 4.0]))
    Array(1.)
    """
    p, t = same_shape("mae", predictions, targets)
    return reduced("mae", abs(p - t), reduction, weights)


@loss
def huber(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: float = 1.0,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """Squared where the error e = |p − t| is small, linear beyond: l = e²/2 for e ≤ δ, δ·(e − δ/2) elsewhere.

    Arguments as in `mse`, and ``delta`` > 0, where the two meet.

    Source: P. J. Huber, "Robust estimation of a location parameter", 1964.

    Examples
    --------
    >>> import maplet as mp
    >>> huber(mp.asarray([0.0, 0.0]), mp.asarray([1.0, 3.0]), reduction="none")
    Array([0.5, 2.5], dtype=float32)
    """
    delta = real("huber: delta", delta, above=0)
    p, t = same_shape("huber", predictions, targets)
    error = abs(p - t)
    # With c = min(e, δ) both cases are c·(e − c/2): no branch, and nothing that overflows where it is not taken.
    small = clip(error, max=delta)
    return reduced("huber", small * (error - 0.5 * small), reduction, weights)


@loss
def quantile(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    level: float = 0.5,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """The pinball loss of the error e = t − p, whose best constant is a quantile: l = q·e for e ≥ 0, (q − 1)·e else.

    Too low a prediction costs q for each unit, too high a one 1 − q. At e = 0 the derivative with respect to p is −q.
    Arguments as in `mse`, and ``level``, the q between 0 and 1: 0.5 is the median and half of `mae`.

    Source: R. Koenker, G. Bassett, "Regression quantiles", Econometrica 1978.

    Examples
    --------
    >>> import maplet as mp
    >>> quantile(mp.asarray([0.0, 2.0]), mp.asarray([1.0, 1.0]), level=0.75, reduction="none")
    Array([0.75, 0.25], dtype=float32)
    """
    level = real("quantile: level", level, above=0, below=1, fix="0.9 is the 90th percentile")
    p, t = same_shape("quantile", predictions, targets)
    error = t - p
    return reduced("quantile", where(error >= 0, level * error, (level - 1) * error), reduction, weights)
