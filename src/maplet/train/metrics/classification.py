"""Measures of how well classes are predicted, over a whole set.

All but `top_k_accuracy` look only at which class each row is given, so they begin with `decide`. A prediction that is
NaN decides nothing: the measure of a set that holds one is NaN, as the mean of numbers with a NaN is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from maplet.errors import DataError, SettingError, ShapeError
from maplet.train.metrics.decisions import decide, real_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from maplet.core.array import ArrayLike
    from maplet.train.metrics.decisions import Counts, Decisions

Average: TypeAlias = Literal["binary", "macro", "micro", "weighted"]


def accuracy(prediction: ArrayLike, target: ArrayLike, *, threshold: float | None = None) -> float:
    """The share of rows whose predicted class is the true one.

    accuracy = (1/N) Σᵢ [predictedᵢ = trueᵢ]

    Parameters
    ----------
    prediction
        Logits or probabilities (N, C), C ≥ 2: the greatest of a row is its class, the first of equals. Or one logit per
        row, (N,) or (N, 1): class 1 above the threshold, else 0. Or, when integer or bool, the classes themselves.
    target
        For (N, C): labels (N,), or one-hot or probabilities (N, C). Else labels of the prediction's own shape.
    threshold
        For one number per row: 0 if None, as for logits; 0.5 suits probabilities.

    Raises
    ------
    ShapeError
        When the shapes do not fit; nothing is broadcast.
    DTypeError
        When an argument does not hold real numbers.
    DataError
        When there are no rows, or a label is not one of 0 … C−1 (its row is named).

    Warns
    -----
    MapletWarning
        ML301, when one number per row looks like a probability but is read as a logit.

    Examples
    --------
    >>> accuracy([[2.0, 1.0], [0.5, 3.0], [1.0, 0.0]], [0, 1, 1])
    0.6666666666666666
    >>> accuracy([-0.3, 2.0], [0, 1]), accuracy([0.4, 0.9], [0, 1], threshold=0.5)
    (1.0, 1.0)
    """
    decisions = decide(prediction, target, threshold)
    if decisions is None:
        return float("nan")
    return float(np.count_nonzero(decisions.predicted == decisions.true)) / len(decisions.true)


def top_k_accuracy(prediction: ArrayLike, target: ArrayLike, *, k: int) -> float:
    """The share of rows whose true class is among the k greatest predictions.

    top_k = (1/N) Σᵢ [rankᵢ < k], where rankᵢ counts the classes before the true one: those with a greater prediction,
    and of equal ones those with a lower index; so k = 1 gives `accuracy`.

    Parameters
    ----------
    prediction
        Logits or probabilities (N, C), C ≥ 2.
    target
        Labels (N,), or one-hot or probabilities (N, C).
    k
        1 ≤ k ≤ C.

    Raises
    ------
    SettingError
        When k is out of range.
    ShapeError, DTypeError, DataError
        As for `accuracy`.

    Examples
    --------
    >>> top_k_accuracy([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [1, 0], k=2)
    0.5
    """
    scores: NDArray[np.float64] = real_numbers("prediction", prediction)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ShapeError(
            f"top_{k}_accuracy: prediction has shape {scores.shape}; (N, C) with C ≥ 2 was expected",
            fix="a net with one number per row has two classes only: use accuracy",
        )
    classes = scores.shape[1]
    if isinstance(k, bool) or k != int(k) or not 1 <= k <= classes:
        raise SettingError(f"top_{k}_accuracy: k is {k!r}; with {classes} classes, 1 to {classes} was expected")
    decisions = decide(scores, target)
    if decisions is None:
        return float("nan")
    true: Counts = decisions.true.reshape(-1, 1)
    own = np.take_along_axis(scores, true, axis=1)
    ahead = np.arange(decisions.classes) < true
    rank = np.sum((scores > own) | ((scores == own) & ahead), axis=1)
    return float(np.count_nonzero(rank < k)) / len(true)


def precision(
    prediction: ArrayLike, target: ArrayLike, *, average: Average | None = None, threshold: float | None = None
) -> float:
    """Of the rows that were given a class, the share that has it.

    precision_c = hits_c / predicted_c, where hits_c counts the rows of class c that were predicted as c. A class that
    was never predicted has 0/0, which counts as 0.

    Parameters
    ----------
    prediction, target, threshold
        As for `accuracy`.
    average
        ``"binary"``: that of class 1 of two. ``"macro"``: the plain mean over the classes that occur, predicted or
        true. ``"weighted"``: the mean over the classes, weighted by their true rows. ``"micro"``: from the sums of
        numerators and of denominators, which is the accuracy. None: binary for two classes, macro for more.

    Raises
    ------
    SettingError
        When `average` is none of these, or binary for more than two classes.
    ShapeError, DTypeError, DataError
        As for `accuracy`.

    Notes
    -----
    The conventions are those of scikit-learn with ``zero_division=0``.

    Examples
    --------
    >>> precision([1.0, 2.0, -1.0, 3.0], [1, 0, 1, 1])
    0.6666666666666666
    >>> precision(np.array([0, 1, 2, 2]), [0, 1, 1, 2], average="macro")
    0.8333333333333334
    """
    return _averaged(decide(prediction, target, threshold), average, lambda hits, given, _: (hits, given))


def recall(
    prediction: ArrayLike, target: ArrayLike, *, average: Average | None = None, threshold: float | None = None
) -> float:
    """Of the rows that have a class, the share that was given it.

    recall_c = hits_c / true_c. A class that no row has gives 0/0, which counts as 0. Arguments, averages and errors are
    those of `precision`.

    Examples
    --------
    >>> recall([1.0, 2.0, -1.0, 3.0, -2.0], [1, 0, 1, 1, 1])
    0.5
    """
    return _averaged(decide(prediction, target, threshold), average, lambda hits, _, true: (hits, true))


def f1(
    prediction: ArrayLike, target: ArrayLike, *, average: Average | None = None, threshold: float | None = None
) -> float:
    """The harmonic mean of precision and recall.

    f1_c = 2 / (1/precision_c + 1/recall_c) = 2 hits_c / (predicted_c + true_c), and 0 where both are 0. The mean over
    classes is that of their f1, not the f1 of the means. Arguments, averages and errors are those of `precision`.

    Examples
    --------
    >>> f1([1.0, 2.0, -1.0, 3.0, -2.0], [1, 0, 1, 1, 1])
    0.5714285714285714
    """
    return _averaged(decide(prediction, target, threshold), average, lambda hits, given, true: (2 * hits, given + true))


def confusion_matrix(
    prediction: ArrayLike, target: ArrayLike, *, classes: int | None = None, threshold: float | None = None
) -> Counts:
    """How often each class was predicted as each: row = true class, column = predicted class.

    M[t, p] = Σᵢ [trueᵢ = t] [predictedᵢ = p]

    Parameters
    ----------
    prediction, target, threshold
        As for `accuracy`, but no prediction may be NaN: such a row stands in no column.
    classes
        The number of classes C, where rows and columns of zeros are wanted for classes that labels alone do not show;
        if None, that of the prediction's columns, or the greatest label + 1, and 2 at least.

    Returns
    -------
    int64 (C, C)
        Its sum is N, its trace the number of rows that are right.

    Raises
    ------
    ShapeError, DTypeError, DataError
        As for `accuracy`; `DataError` also for NaN.
    SettingError
        When `classes` is less than there are.

    Examples
    --------
    >>> confusion_matrix([[2.0, 1.0], [0.5, 3.0], [1.0, 0.0]], [0, 1, 1])
    array([[1, 0],
           [1, 1]])
    """
    decisions = decide(prediction, target, threshold)
    if decisions is None:
        gaps = np.isnan(real_numbers("prediction", prediction))
        row = int(gaps.reshape(len(gaps), -1).any(axis=1).argmax())
        raise DataError(
            "a prediction that is NaN gives no class", fix="find where the net diverged", where=f"row {row}"
        )
    predicted, true, least = decisions
    count = least if classes is None else classes
    if count < least:
        raise SettingError(f"classes is {classes}, but there are {least} at least", fix="leave `classes` out")
    return np.bincount(true * count + predicted, minlength=count * count).reshape(count, count).astype(np.int64)


def _averaged(
    decisions: Decisions | None,
    average: Average | None,
    fraction: Callable[[Counts, Counts, Counts], tuple[Counts, Counts]],
) -> float:
    """The average of a fraction of (hits, predicted, true) counts per class; 0/0 counts as 0."""
    if average not in (None, "binary", "macro", "micro", "weighted"):
        raise SettingError(f"average is {average!r}; 'binary', 'macro', 'micro', 'weighted' or None was expected")
    if decisions is None:
        return float("nan")
    predicted, true, classes = decisions
    if average is None:
        average = "binary" if classes == 2 else "macro"
    if average == "binary" and classes != 2:
        raise SettingError(f"average='binary' is for two classes, {classes} were given", fix="average='macro'")
    hits, given, held = (
        np.bincount(rows, minlength=classes).astype(np.int64) for rows in (true[true == predicted], predicted, true)
    )
    above, below = fraction(hits, given, held)
    if average == "micro":
        return float(above.sum() / below.sum())
    per_class = np.divide(above, below, out=np.zeros(classes), where=below > 0)
    if average == "binary":
        return float(per_class[1])
    weight = held if average == "weighted" else given + held > 0
    return float(np.average(per_class, weights=weight))
