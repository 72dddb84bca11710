"""Focal losses: cross-entropies that turn to the examples that are still wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.errors import ShapeError
from maplet.nn.given import fit_classes, require_classes, require_not_negative, require_unit_interval, same_shape
from maplet.nn.losses.common import loss, reduced
from maplet.ops.activations import softplus
from maplet.ops.arguments import as_array, as_floating, meet
from maplet.ops.composite import log_softmax
from maplet.ops.elementwise import equal, exp, expm1, where
from maplet.ops.indexing import take, take_along_axis
from maplet.ops.movement import expand_dims, squeeze
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.losses.common import Reduction


@loss
def focal(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    gamma: float = 2.0,
    alpha: ArrayLike | None = None,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """`cross_entropy` that leaves what is right already alone: l = −α_y·(1 − p_y)^γ·ln p_y, with p = softmax(logits).

    Where the net gives the true class y the probability 0.9, γ = 2 makes an example count a hundredth.

    Source: T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, "Focal loss for dense object detection", ICCV 2017.

    Parameters
    ----------
    logits
        (…, C), any real numbers; C ≥ 2.
    targets
        Integers of shape (…), the classes from 0 to C − 1.
    gamma
        γ ≥ 0; with 0 it is the cross-entropy.
    alpha
        (C,), what each class counts, 0 or more; None for 1.
    reduction, weights
        See `maplet.nn.losses`; α is part of the loss, so the mean does not divide by it.

    Examples
    --------
    >>> import maplet as mp
    >>> round(float(focal(mp.zeros((1, 2)), mp.asarray([0]), gamma=1.0)), 4)  # ½·ln 2
    0.3466
    """
    gamma = real("focal: gamma", gamma, least=0)
    z, t = as_floating(as_array(logits)), as_array(targets)
    fit_classes("focal", z, t, probabilities=False)
    require_classes("focal", t, z.shape[-1])
    logarithm = squeeze(take_along_axis(log_softmax(z), expand_dims(t, axis=-1), axis=-1), axis=-1)
    # Where p = 1 the loss is 0 and flat, but its factors are not: for γ < 1 the power has an infinite derivative there.
    sure = equal(logarithm, 0.0)
    unsure = where(sure, -1.0, logarithm)
    values = where(sure, 0.0, -((-expm1(unsure)) ** gamma) * unsure)
    if alpha is not None:
        values = values * take(_per_class(alpha, z), t)
    return reduced("focal", values, reduction, weights)


def _per_class(alpha: ArrayLike, logits: Array) -> Array:
    a = as_array(alpha)
    classes = logits.shape[-1]
    if a.shape != (classes,):
        raise ShapeError(
            f"focal: alpha has the shape {a.shape}, and the logits {logits.shape} have {classes} classes",
            fix=f"give {classes} numbers, one for each class; examples are weighted by weights=",
        )
    require_not_negative("focal", "alpha", a, fix="a class that is not to count gets 0")
    return meet(a, logits)[0]


@loss
def binary_focal(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """`focal` for yes or no: l = −t·α·(1 − p)^γ·ln p − (1 − t)·(1 − α)·p^γ·ln(1 − p), with p = σ(logits).

    Computed from the logarithms of p and 1 − p, which neither overflow nor cancel.

    Source: T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, "Focal loss for dense object detection", ICCV 2017.

    Parameters
    ----------
    logits, targets
        Arrays of the same shape; targets from 0 to 1, or booleans.
    gamma
        γ ≥ 0; with 0 it is the cross-entropy.
    alpha
        From 0 to 1, what a 1 counts, where a 0 counts 1 − α; None lets both count 1.
    reduction, weights
        See `maplet.nn.losses`.

    Examples
    --------
    >>> import maplet as mp
    >>> round(float(binary_focal(mp.zeros(1), mp.ones(1))), 4)  # ¼·ln 2
    0.1733
    """
    gamma = real("binary_focal: gamma", gamma, least=0)
    if alpha is not None:
        alpha = real("binary_focal: alpha", alpha, least=0, most=1, fix="alpha=None lets both count 1")
    z, t = same_shape("binary_focal", logits, targets)
    require_unit_interval("binary_focal", t, fix="number the classes 0 and 1; for more than two use focal")
    yes, no = softplus(-z), softplus(z)  # −ln p and −ln(1 − p)
    if_yes, if_no = t * exp(-gamma * no) * yes, (1 - t) * exp(-gamma * yes) * no
    values = if_yes + if_no if alpha is None else alpha * if_yes + (1 - alpha) * if_no
    return reduced("binary_focal", values, reduction, weights)
