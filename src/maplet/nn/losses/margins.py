"""Losses with a margin: nothing is gained by being right by more than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.nn.given import fit_classes, require_classes, require_features, require_unit_interval, same_shape
from maplet.nn.losses.common import loss, reduced
from maplet.ops import reduction as reductions
from maplet.ops.activations import relu
from maplet.ops.arguments import as_array, as_floating
from maplet.ops.composite import norm
from maplet.ops.creation import arange
from maplet.ops.elementwise import equal, where
from maplet.ops.indexing import take_along_axis
from maplet.ops.movement import expand_dims
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.losses.common import Reduction


@loss
def hinge(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    margin: float = 1.0,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """How far other classes k come near the true one, y: l = Σ_{k≠y} max(0, m − z_y + z_k) / C.

    Source: J. Weston, C. Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999; divided
    by the number of classes C, as PyTorch does.

    Parameters
    ----------
    logits
        (…, C), any real numbers; C ≥ 2.
    targets
        Integers of shape (…), the classes from 0 to C − 1.
    margin
        m > 0.
    reduction, weights
        See `maplet.nn.losses`.

    Examples
    --------
    >>> import maplet as mp
    >>> hinge(mp.asarray([[3.0, 1.0], [0.5, 0.0]]), mp.asarray([0, 0]), reduction="none")
    Array([0.  , 0.25], dtype=float32)
    """
    margin = real("hinge: margin", margin, above=0)
    z, t = as_floating(as_array(logits)), as_array(targets)
    fit_classes("hinge", z, t, probabilities=False)
    classes = z.shape[-1]
    require_classes("hinge", t, classes)
    true_class = expand_dims(t, axis=-1)
    excess = relu(margin - take_along_axis(z, true_class, axis=-1) + z)
    others = where(equal(true_class, arange(classes)), 0.0, excess)
    return reduced("hinge", reductions.sum(others, axis=-1) / classes, reduction, weights)


@loss
def binary_hinge(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    margin: float = 1.0,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """The loss of a support vector machine, l = max(0, m − (2t − 1)·z): targets t are 0 or 1, not −1 or 1.

    Source: C. Cortes, V. Vapnik, "Support-vector networks", Machine Learning 1995.

    Parameters
    ----------
    logits, targets
        Arrays of the same shape; targets from 0 to 1, or booleans.
    margin
        m > 0.
    reduction, weights
        See `maplet.nn.losses`.

    Examples
    --------
    >>> import maplet as mp
    >>> binary_hinge(mp.asarray([2.0, 2.0]), mp.asarray([1.0, 0.0]), reduction="none")
    Array([0., 3.], dtype=float32)
    """
    margin = real("binary_hinge: margin", margin, above=0)
    z, t = same_shape("binary_hinge", logits, targets)
    require_unit_interval("binary_hinge", t, fix="number the classes 0 and 1: (targets + 1) / 2 of −1 and 1")
    return reduced("binary_hinge", relu(margin - (2 * t - 1) * z), reduction, weights)


@loss
def triplet(
    anchors: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    margin: float = 1.0,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """How much nearer a vector is to one unlike it than to one like it: l = max(0, |a − p| − |a − n| + m).

    The lengths are Euclidean, along the last axis; where two vectors are equal, no gradient flows through their
    distance.

    Source: F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet", CVPR 2015, with lengths not squared as in V. Balntas,
    E. Riba, D. Ponsa, K. Mikolajczyk, "Learning local feature descriptors with triplets", BMVC 2016.

    Parameters
    ----------
    anchors, positives, negatives
        Arrays of the same shape (…, features).
    margin
        m > 0.
    reduction, weights
        See `maplet.nn.losses`; there is one value per vector.

    Examples
    --------
    >>> import maplet as mp
    >>> triplet(mp.asarray([[0.0, 0.0]]), mp.asarray([[3.0, 4.0]]), mp.asarray([[0.0, 2.0]]))
    Array(4.)
    """
    margin = real("triplet: margin", margin, above=0)
    a, p = same_shape("triplet", anchors, positives, ("anchors", "positives"))
    a, n = same_shape("triplet", a, negatives, ("anchors", "negatives"))
    require_features("triplet", "anchors", a)
    values = relu(norm(a - p, axis=-1) - norm(a - n, axis=-1) + margin)
    return reduced("triplet", values, reduction, weights)
