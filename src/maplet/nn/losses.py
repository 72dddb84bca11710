"""Losses: how wrong a prediction is, as one number to be made smaller.

Every loss takes predictions, targets and two options. ``weights`` are one number per example (the first axis) or one
per value of the loss; an example of weight 2 counts as if it were there twice. ``reduction`` puts the values together:

=============  ==========================================================
``"mean"``     Σ wᵢ·lᵢ / Σ wᵢ; without weights Σ lᵢ / N, over all values
``"sum"``      Σ wᵢ·lᵢ
``"none"``     wᵢ·lᵢ, not put together
=============  ==========================================================

Shapes must be equal: a loss never broadcasts. (N, 1) against (N,) would compare every prediction with every target.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Literal, ParamSpec

from maplet.errors import MapletError, SettingError
from maplet.nn.given import (
    fit_classes,
    require_classes,
    require_positive_sum,
    require_probabilities,
    require_unit_interval,
    same_shape,
    spread_weights,
)
from maplet.nn.module import locate
from maplet.ops import reduction as reductions
from maplet.ops.arguments import as_array, as_floating, meet
from maplet.ops.composite import clip, log_softmax, softplus
from maplet.ops.elementwise import abs, equal, square, where  # noqa: A004  (the standard's name)
from maplet.ops.indexing import take_along_axis
from maplet.ops.movement import expand_dims, squeeze

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike

    Reduction = Literal["mean", "sum", "none"]

P = ParamSpec("P")

losses: dict[str, Callable[..., Array]] = {}
"""Every loss by name."""


def loss(function: Callable[P, Array]) -> Callable[P, Array]:
    """Enter a loss into the registry; its errors say at which line of the user's it was called."""

    @wraps(function)
    def located(*args: P.args, **kwargs: P.kwargs) -> Array:
        try:
            return function(*args, **kwargs)
        except MapletError as error:
            locate(error)
            raise

    losses[function.__name__] = located
    return located


# ── of real numbers ──────────────────────────────────────────────────────────────────────────────


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
        See the head of this module.

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
    return _reduced("mse", square(p - t), reduction, weights)


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
    return _reduced("mae", abs(p - t), reduction, weights)


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
    if not delta > 0:
        raise SettingError(f"huber: delta is greater than 0, not {delta!r}")
    p, t = same_shape("huber", predictions, targets)
    error = abs(p - t)
    # With c = min(e, δ) both cases are c·(e − c/2): no branch, and nothing that overflows where it is not taken.
    small = clip(error, max=delta)
    return _reduced("huber", small * (error - 0.5 * small), reduction, weights)


# ── of classes ───────────────────────────────────────────────────────────────────────────────────


@loss
def cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """The cross-entropy of a softmax, l = −Σₖ qₖ·ln softmax(z)ₖ, from logits z: no softmax layer before it.

    The classes stand along the last axis. With class y, q is 1 at y and 0 elsewhere, so that l = −ln softmax(z)_y.
    Label smoothing ε replaces q by (1 − ε)·q + ε / C.

    Parameters
    ----------
    logits
        (…, C), any real numbers; C ≥ 2.
    targets
        Integers of shape (…), the classes from 0 to C − 1; or numbers of shape (…, C), one-hot or probabilities.
    label_smoothing
        From 0 to 1. Source: C. Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.
    reduction, weights
        See the head of this module.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    DataError
        If a class is out of range, or probabilities are negative or do not add up to 1. The message names the place.

    Examples
    --------
    >>> import maplet as mp
    >>> logits = mp.asarray([[2.0, 0.0], [0.0, 2.0]])
    >>> float(mp.round(cross_entropy(logits, mp.asarray([0, 1])) * 1e4))
    1269.0
    """
    if not 0 <= label_smoothing <= 1:
        raise SettingError(f"cross_entropy: label_smoothing is from 0 to 1, not {label_smoothing!r}")
    z, t = as_floating(as_array(logits)), as_array(targets)
    fit_classes(z, t)
    logarithms = log_softmax(z)
    if t.shape == z.shape:
        require_probabilities(t)
        logarithms, q = meet(logarithms, t)
        # A class that is excluded (logit −∞) and has probability 0 costs 0·∞ = 0.
        excluded = equal(q, 0.0) & equal(logarithms, -float("inf"))
        values = -reductions.sum(q * where(excluded, 0.0, logarithms), axis=-1)
    else:
        require_classes(t, z.shape[-1])
        values = -squeeze(take_along_axis(logarithms, expand_dims(t, axis=-1)), axis=-1)
    if label_smoothing:
        values = (1 - label_smoothing) * values - label_smoothing * reductions.mean(logarithms, axis=-1)
    return _reduced("cross_entropy", values, reduction, weights)


@loss
def binary_cross_entropy(
    logits: ArrayLike, targets: ArrayLike, *, reduction: Reduction = "mean", weights: ArrayLike | None = None
) -> Array:
    """The cross-entropy of a sigmoid, l = −t·ln σ(z) − (1 − t)·ln(1 − σ(z)), from logits z: no sigmoid before it.

    Computed as t·softplus(−z) + (1 − t)·softplus(z), which neither overflows nor cancels.

    Parameters
    ----------
    logits, targets
        Arrays of the same shape; targets from 0 to 1, or booleans.
    reduction, weights
        See the head of this module.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.exp(-binary_cross_entropy(mp.asarray([0.0, 1e4]), mp.asarray([1.0, 1.0]), reduction="none"))
    Array([0.5, 1. ], dtype=float32)
    """
    z, t = same_shape("binary_cross_entropy", logits, targets)
    require_unit_interval(
        "binary_cross_entropy", t, fix="number the classes 0 and 1; for more than two use cross_entropy"
    )
    return _reduced("binary_cross_entropy", t * softplus(-z) + (1 - t) * softplus(z), reduction, weights)


# ── putting together ─────────────────────────────────────────────────────────────────────────────


def _reduced(name: str, values: Array, reduction: str, weights: ArrayLike | None) -> Array:
    if reduction not in ("mean", "sum", "none"):
        raise SettingError(f'{name}: reduction is "mean", "sum" or "none", not {reduction!r}')
    if weights is None:
        return (
            values if reduction == "none" else reductions.sum(values) if reduction == "sum" else reductions.mean(values)
        )
    w = spread_weights(name, as_array(weights), values.shape)
    weighted = w * values
    if reduction == "none":
        return weighted
    total = reductions.sum(weighted)
    if reduction == "sum":
        return total
    require_positive_sum(name, w)
    return total / reductions.sum(w)
