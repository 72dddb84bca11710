"""The class that a net gives to each row, read off what it puts out."""

import warnings
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maplet.core.array import ArrayLike
from maplet.errors import DataError, DTypeError, MapletWarning, SettingError, ShapeError

Counts: TypeAlias = NDArray[np.int64]


class Decisions(NamedTuple):
    """The class that each row was given, the class that it has, and how many classes there are."""

    predicted: Counts
    true: Counts
    classes: int


def decide(prediction: ArrayLike, target: ArrayLike, threshold: float | None = None) -> Decisions | None:
    """The class that each row was given and the one it has; None when a prediction is NaN. See `accuracy`."""
    scores, given = real_numbers("prediction", prediction), real_numbers("target", target)
    one_per_row = scores.ndim == 1 or (scores.ndim == 2 and scores.shape[1] == 1)
    _check_shapes(scores, given, one_per_row=one_per_row)
    if threshold is not None and (not one_per_row or scores.dtype.kind in "bui"):
        raise SettingError(
            f"a threshold of {threshold} was given, but the prediction is {scores.dtype} of shape {scores.shape}",
            fix="leave it out: it is for one logit or probability per row",
        )
    if scores.dtype.kind == "f" and bool(np.isnan(scores).any()):
        return None
    if not one_per_row:
        classes = scores.shape[1]
        true = _probable(given) if given.ndim == 2 else _labels("target", given, classes)
        return Decisions(scores.argmax(axis=1), true, classes)
    if scores.dtype.kind in "bui":
        predicted, true = _labels("prediction", scores.reshape(-1)), _labels("target", given.reshape(-1))
        return Decisions(predicted, true, max(2, int(predicted.max()) + 1, int(true.max()) + 1))
    true = _labels("target", given.reshape(-1), 2)
    if threshold is None:
        _warn_of_probabilities(scores.reshape(-1), true)
    return Decisions((scores.reshape(-1) > (threshold or 0.0)).astype(np.int64), true, 2)


def real_numbers(name: str, values: ArrayLike) -> NDArray[Any]:
    """An argument as an array with at least one row, or an error."""
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        if array.dtype.kind != "V" or array.dtype.names is not None:
            raise DTypeError(
                f"{name} holds {array.dtype}, real numbers were expected",
                fix="encode classes as 0, 1, 2 …" if array.dtype.kind in "USO" else None,
            )
        array = array.astype(np.float64)  # bfloat16 and its like, which NumPy counts among the void types
    if array.ndim == 0 or len(array) == 0:
        raise DataError(
            f"{name} of shape {array.shape} has no rows; nothing can be measured", fix="give a row at least"
        )
    return array


def _check_shapes(scores: NDArray[Any], given: NDArray[Any], *, one_per_row: bool) -> None:
    if one_per_row:
        if given.shape != scores.shape:
            raise ShapeError(
                f"prediction {scores.shape} and target {given.shape} do not fit; with one number per row, "
                f"the target has the same shape: {scores.shape}",
                fix=f"target.reshape({', '.join(map(str, scores.shape))})" if given.size == scores.size else None,
            )
        return
    if scores.ndim != 2:
        raise ShapeError(
            f"prediction has shape {scores.shape}; (N, C), (N, 1) or (N,) was expected",
            fix="bring the classes to the last of two axes; more rows per example count as more rows",
        )
    if given.shape not in (scores.shape[:1], scores.shape):
        raise ShapeError(
            f"prediction {scores.shape} and target {given.shape} do not fit; "
            f"labels of shape {scores.shape[:1]} or one-hot of shape {scores.shape} were expected",
            fix="target.reshape(-1)" if given.shape == (len(scores), 1) else None,
        )


def _labels(name: str, given: NDArray[Any], classes: int | None = None) -> Counts:
    """Labels as int64; every one a whole number of 0 … C−1."""
    wrong = given < 0 if classes is None else (given < 0) | (given >= classes)
    if given.dtype.kind == "f":
        wrong = wrong | (given != np.floor(given)) | ~np.isfinite(given)  # NaN is no label
    if bool(wrong.any()):
        row = int(wrong.argmax())
        expected = "0, 1, 2 …" if classes is None else f"0 … {classes - 1}"
        raise DataError(f"{name} holds {given[row]}; labels {expected} were expected", where=f"row {row}")
    return given.astype(np.int64)


def _probable(target: NDArray[Any]) -> Counts:
    """The most probable class of each row of one-hot vectors or probabilities."""
    wrong = ~np.isfinite(target).all(axis=1)
    if bool(wrong.any()):
        row = int(wrong.argmax())
        raise DataError(f"target holds {target[row]}; one-hot or probabilities were expected", where=f"row {row}")
    return target.argmax(axis=1)


def _warn_of_probabilities(scores: NDArray[Any], true: Counts) -> None:
    """A net that ends in a sigmoid gives probabilities; read as logits, all of them would mean class 1."""
    if not (0 <= scores.min() < 0.5 < scores.max() <= 1):
        return
    if np.mean((scores > 0.5) == true) > np.mean((scores > 0) == true):
        warnings.warn(
            f"ML301: predictions from {scores.min():.3g} to {scores.max():.3g} look like probabilities, but are "
            "read as logits, with class 1 above 0; for probabilities give threshold=0.5, as in "
            "metrics=[functools.partial(accuracy, threshold=0.5)]",
            MapletWarning,
            stacklevel=4,
        )
