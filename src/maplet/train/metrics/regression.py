"""Measures of how well numbers are predicted, over a whole set.

All compute in float64 over all numbers alike, and ask for equal shapes: (N, 1) against (N,) would be broadcast to
(N, N) differences, of which N are meant. NaN gives NaN.
"""

import numpy as np
from numpy.typing import NDArray

from maplet.core.array import ArrayLike
from maplet.errors import ShapeError
from maplet.train.metrics.decisions import real_numbers


def mse(prediction: ArrayLike, target: ArrayLike) -> float:
    """The mean of the squared errors, (1/N) Σᵢ (pᵢ − tᵢ)², in the square of the target's unit.

    Parameters
    ----------
    prediction, target
        Numbers of equal shape: (N,), (N, 1) or (N, D).

    Raises
    ------
    ShapeError
        When the shapes differ.
    DTypeError
        When an argument does not hold real numbers.
    DataError
        When there are no rows.

    Examples
    --------
    >>> mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return float(np.mean(_errors(prediction, target)[0] ** 2))


def rmse(prediction: ArrayLike, target: ArrayLike) -> float:
    """The root of the mean of the squared errors, √mse, in the target's unit. Arguments and errors are those of `mse`.

    Examples
    --------
    >>> rmse([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    return float(np.sqrt(mse(prediction, target)))


def mae(prediction: ArrayLike, target: ArrayLike) -> float:
    """The mean of the absolute errors, (1/N) Σᵢ |pᵢ − tᵢ|, in the target's unit. Arguments and errors: see `mse`.

    Examples
    --------
    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return float(np.mean(np.abs(_errors(prediction, target)[0])))


def r2(prediction: ArrayLike, target: ArrayLike) -> float:
    """The coefficient of determination: the share of the target's variance that the prediction explains.

    R² = 1 − Σᵢ (tᵢ − pᵢ)² / Σᵢ (tᵢ − t̄)²; 1 is exact, 0 as good as the mean t̄ of this very target, below 0 is worse.
    For (N, D) it is the plain mean over the D columns. Arguments and errors are those of `mse`.

    Notes
    -----
    Where all tᵢ are equal (one row is enough) the denominator is 0: then R² is 1 when the prediction is exact and else
    0, as in scikit-learn.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    0.3571428571428571
    """
    errors, target = _errors(prediction, target)
    columns = target.reshape(len(target), -1)
    residual = np.sum(errors.reshape(columns.shape) ** 2, axis=0)
    # The mean of equal numbers may be off by a rounding; the difference to the first row is exactly 0 for all.
    constant = np.all(columns == columns[0], axis=0)
    total = np.where(constant, 1.0, np.sum((columns - columns.mean(axis=0)) ** 2, axis=0))
    unexplained = np.where(constant, np.where(residual > 0, 1.0, residual), residual / total)
    return float(np.mean(1.0 - unexplained))


def _errors(prediction: ArrayLike, target: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The errors p − t and the target, in float64."""
    predicted, true = _numbers("prediction", prediction), _numbers("target", target)
    if predicted.shape != true.shape:
        advice: str | None = None
        if predicted.size == true.size:
            advice = f"the numbers are as many: target.reshape({', '.join(map(str, predicted.shape))})"
        raise ShapeError(
            f"prediction {predicted.shape} and target {true.shape} differ; equal shapes were expected", fix=advice
        )
    return predicted - true, true


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    return real_numbers(name, values).astype(np.float64)
