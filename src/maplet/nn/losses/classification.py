"""Losses of classes, from logits: what a net says before a softmax or a sigmoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.errors import ShapeError
from maplet.nn.given import (
    fit_classes,
    require_classes,
    require_probabilities,
    require_unit_interval,
    same_shape,
)
from maplet.nn.losses.common import loss, reduced
from maplet.ops import reduction as reductions
from maplet.ops.activations import softplus
from maplet.ops.arguments import as_array, as_floating, meet
from maplet.ops.composite import log_softmax
from maplet.ops.elementwise import equal, sigmoid, square, where
from maplet.ops.indexing import take_along_axis
from maplet.ops.movement import expand_dims, squeeze
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.losses.common import Reduction


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
        See `maplet.nn.losses`. Class weights c are ``weights=mp.take(c, targets)``, a mask is weights of 0 and 1.

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
    label_smoothing = real("cross_entropy: label_smoothing", label_smoothing, least=0, most=1)
    z, t = as_floating(as_array(logits)), as_array(targets)
    fit_classes("cross_entropy", z, t)
    logarithms = log_softmax(z)
    if t.shape == z.shape:
        require_probabilities("cross_entropy", t)
        logarithms, q = meet(logarithms, t)
        # A class that is excluded (logit −∞) and has probability 0 costs 0·∞ = 0.
        excluded = equal(q, 0.0) & equal(logarithms, -float("inf"))
        values = -reductions.sum(q * where(excluded, 0.0, logarithms), axis=-1)
    else:
        require_classes("cross_entropy", t, z.shape[-1])
        values = -squeeze(take_along_axis(logarithms, expand_dims(t, axis=-1)), axis=-1)
    if label_smoothing:
        values = (1 - label_smoothing) * values - label_smoothing * reductions.mean(logarithms, axis=-1)
    return reduced("cross_entropy", values, reduction, weights)


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
        See `maplet.nn.losses`.

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
    return reduced("binary_cross_entropy", t * softplus(-z) + (1 - t) * softplus(z), reduction, weights)


@loss
def dice(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    smooth: float = 1.0,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """How little two masks overlap: l = 1 − (2·Σ p·t + s) / (Σ p² + Σ t² + s) for each example, with p = σ(logits).

    The sums go over all axes but the first, so that a small mask counts as much as a large one.

    Source: F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net: fully convolutional neural networks for volumetric medical
    image segmentation", 3DV 2016.

    Parameters
    ----------
    logits, targets
        Arrays of the same shape (N, …), of two axes or more; targets from 0 to 1, or booleans.
    smooth
        s > 0: where both masks are empty, the loss is 0.
    reduction, weights
        See `maplet.nn.losses`; there is one value per example.

    Examples
    --------
    >>> import maplet as mp
    >>> mask = mp.asarray([[0.0, 1.0, 1.0]])
    >>> dice(1000.0 * (mask - 0.5), mask)
    Array(0.)
    """
    smooth = real("dice: smooth", smooth, above=0, fix="smooth=1e-6 changes next to nothing")
    z, t = same_shape("dice", logits, targets)
    if z.ndim < 2:
        raise ShapeError(
            f"dice compares the masks of examples, (N, …), given {z.shape}",
            fix="for one mask alone give it a first axis: mp.expand_dims(logits, axis=0)",
        )
    require_unit_interval("dice", t, fix="a mask is 1 inside and 0 outside")
    p, axes = sigmoid(z), tuple(range(1, z.ndim))
    shared = reductions.sum(p * t, axis=axes)
    total = reductions.sum(square(p) + square(t), axis=axes)
    return reduced("dice", 1 - (2 * shared + smooth) / (total + smooth), reduction, weights)
