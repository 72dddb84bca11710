"""Arrays that can be learned from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maplet.errors import DataError


def check_array(name: str, array: NDArray[Any]) -> None:
    """Make sure that an array holds at least one row, and finite numbers only.

    Parameters
    ----------
    name
        What the array is called in messages.
    array
        Numbers or bools, shape (N, …); the first axis counts the rows.

    Raises
    ------
    DataError
        Naming row and column (counted from 0) of the first number that is NaN or infinite, and how many there are; or
        when the array has no rows, or does not hold numbers.

    Examples
    --------
    >>> check_array("x", np.array([[1.0, 2.0], [3.0, np.nan]]))
    Traceback (most recent call last):
    maplet.errors.DataError: x holds nan; numbers that are not finite: 1 of 4
      at:  x, row 1, column 1 (counted from 0)
      fix: impute or leave out the gaps before training
    """
    if array.ndim == 0 or len(array) == 0:
        raise DataError(f"{name} of shape {array.shape} has no rows", fix="give at least one row: shape (N, …)")
    if array.dtype.kind in "bui":
        return
    finite = _are_finite(array)
    if finite is None:
        raise DataError(
            f"{name} holds {array.dtype}, real numbers were expected", fix="convert it to numbers, as float32"
        )
    if not finite.all():
        index = tuple(int(i) for i in np.unravel_index(int(finite.argmin()), array.shape))
        raise DataError(
            f"{name} holds {array[index]}; numbers that are not finite: {int((~finite).sum())} of {array.size}",
            fix="impute or leave out the gaps before training",
            where=f"{name}, {_place(index)} (counted from 0)",
        )


def _are_finite(array: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Which floats are finite; None when these are no floats."""
    # "V" is the kind of bfloat16 and its like, floats that NumPy does not have itself, but also of records.
    if array.dtype.kind not in "fV":
        return None
    try:
        return np.isfinite(array)
    except TypeError:
        return None


def _place(index: tuple[int, ...]) -> str:
    row, *inner = index
    if not inner:
        return f"row {row}"
    return f"row {row}, column {inner[0] if len(inner) == 1 else tuple(inner)}"
