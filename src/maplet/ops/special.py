"""Functions that NumPy does not have, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

Value = np.ndarray[Any, np.dtype[Any]]


def polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """Σ cᵢ·xⁱ by Horner's rule."""
    return np.polyval(coefficients[::-1], x)


def sigmoid_value(x: Value) -> Value:
    """1 / (1 + e^−x); e is only raised to negative powers, so nothing overflows."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


# Polynomials above and below the fraction line, highest power first. Those of `near` and `around_one` are by Sun
# Microsystems, fdlibm (s_erf.c), 1993; `far` is by W. J. Cody, "Rational Chebyshev approximations for the error
# function", Math. Comp. 23 (1969), 631-637.
near = (
    (
        -2.37630166566501626084e-5, -5.77027029648944159157e-3, -2.84817495755985104766e-2, -3.25042107247001499370e-1,
        1.28379167095512558561e-1,
    ),
    (
        -3.96022827877536812320e-6, 1.32494738004321644526e-4, 5.08130628187576562776e-3, 6.50222499887672944485e-2,
        3.97917223959155352819e-1, 1.0,
    ),
)  # fmt: skip
around_one = (
    (
        -2.16637559486879084300e-3, 3.54783043256182359371e-2, -1.10894694282396677476e-1, 3.18346619901161753674e-1,
        -3.72207876035701323847e-1, 4.14856118683748331666e-1, -2.36211856075265944077e-3,
    ),
    (
        1.19844998467991074170e-2, 1.36370839120290507362e-2, 1.26171219808761642112e-1, 7.18286544141962662868e-2,
        5.40397917702171048937e-1, 1.06420880400844228286e-1, 1.0,
    ),
)  # fmt: skip
erf_of_one = 8.45062911510467529297e-1  # rounded to 24 bits; the fraction above gives what is missing
far = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
        2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
)  # fmt: skip


def erf_value(x: Value) -> Value:
    """The error function, to about one unit of the last place.

    x + x·r(x²) below 27/32, erf(1) + r(|x| − 1) to 5/4, and 1 − e^(−x²)·r(|x|) beyond; ±1 from 6 on. Each fraction is
    computed for all elements, of an argument that it can bear.
    """
    size = np.minimum(np.abs(x), 6.0)
    small = x + x * _ratio(np.square(np.minimum(size, 0.84375)), near)
    medium = erf_of_one + _ratio(np.clip(size, 0.84375, 1.25) - 1.0, around_one)
    large = 1.0 - np.exp(-np.square(size)) * _ratio(size, far)
    return np.where(size < 0.84375, small, np.copysign(np.where(size < 1.25, medium, large), x))


def _ratio(x: Value, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Value:
    above, below = coefficients
    return np.polyval(above, x) / np.polyval(below, x)
