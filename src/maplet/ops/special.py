"""Functions that NumPy does not have, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

Value = np.ndarray[Any, np.dtype[Any]]


def sigmoid_value(x: Value) -> Value:
    """1 / (1 + e^−x); e is only raised to negative powers, so nothing overflows."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), 631-637.
near = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
middle = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
        8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
)  # fmt: skip


def erf_value(x: Value) -> Value:
    """The error function: a rational function of x² near 0, and 1 − e^(−x²)·r(|x|) further out; 1 beyond 6."""
    size = np.minimum(np.abs(x), 6.0)
    inner = x * _ratio(np.square(np.minimum(size, 0.46875)), near)
    outer = 1 - np.exp(-np.square(size)) * _ratio(np.minimum(size, 6.0), middle)
    return np.where(size <= 0.46875, inner, np.copysign(outer, x))


def _ratio(x: Value, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Value:
    above, below = coefficients
    return np.polyval(above, x) / np.polyval(below, x)
