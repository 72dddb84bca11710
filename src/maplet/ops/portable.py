"""Logarithm, exponential and normal quantile with the same bits on every machine: random draws are made of them.

The logarithm of a C library differs in its last bit from one library to the next. These functions are instead a fixed
sequence of operations that IEEE 754 rounds exactly, in float64: + − × ÷ √, comparisons, and shifts of the exponent.
Each line of a reference below is one step of that sequence, evaluated as written: from left to right, every product
rounded before it is added (no fma). Whoever spells the same steps gets the same bits. Where a step could leave its
range, both branches are computed and one is chosen; infinities and NaN on the way are no error.

The error is below 1 ulp for the logarithm and the exponential, below 6 ulp for the quantile.

Sources: Sun Microsystems, fdlibm (e_log.c, e_exp.c), 1993; M. J. Wichura, "Algorithm AS 241: the percentage points of
the normal distribution", Applied Statistics 37 (1988), 477-484.
"""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from maplet.ops.records import unary

Value = np.ndarray[Any, np.dtype[Any]]

# ln 2 = high + low; the high part has 33 bits, so that its product with an exponent is exact.
ln2_high, ln2_low = 6.93147180369123816490e-01, 1.90821492927058770002e-10
log_coefficients = (
    1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
    2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01, 0.0,
)  # fmt: skip
exp_coefficients = (
    4.13813679705723846039e-08, -1.65339022054652515390e-06, 6.61375632143793436117e-05, -2.77777777770155933842e-03,
    1.66666666666666019037e-01, 0.0,
)  # fmt: skip


def polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """Horner's rule, highest power first: ((c₀·x + c₁)·x + c₂)·x + … + cₙ."""
    total = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        total = total * x + coefficient
    return total


def log_value(x: Value) -> Value:
    """The logarithm, ln x = k·ln 2 + ln(1 + f) with x = 2^k·(1 + f), √½ ≤ 1 + f < √2; −∞ at 0, NaN below.

    With s = f/(2 + f) the series ln(1 + f) = 2·artanh(s) has odd powers only; its first terms are taken exactly, as
    f − f²/2 + s·f²/2, and the rest by a polynomial in s².
    """
    mantissa, exponent = np.frexp(x)  # x = mantissa · 2^exponent, ½ ≤ mantissa < 1, also of subnormal numbers
    small = mantissa < sqrt(0.5)
    f = np.where(small, mantissa + mantissa, mantissa) - 1.0
    k = np.where(small, exponent - 1, exponent).astype(np.float64)
    s = f / (f + 2.0)
    rest = polynomial(s * s, log_coefficients)
    half = f * f * 0.5
    found = k * ln2_high - ((half - (s * (half + rest) + k * ln2_low)) - f)
    found = np.where(x == 0.0, -np.inf, np.where(x < 0.0, np.nan, found))
    return np.where(x < np.inf, found, x)  # +∞ and NaN are their own logarithms


def exp_value(x: Value) -> Value:
    """The exponential, e^x = 2^k·e^r with k = round(x/ln 2), |r| ≤ ln 2/2; 0 and ∞ beyond the range of float64.

    The reduced argument is kept as the difference of two numbers, and e^r = 1 + 2r/(r·coth(r/2) − r) by a polynomial in
    r². The power of 2 is applied in two halves, each a normal number, so that a subnormal result is rounded once.
    """
    bounded = np.where(np.isnan(x), 0.0, np.minimum(np.maximum(x, -750.0), 720.0))
    k = np.rint(bounded * 1.44269504088896338700)  # halves go to the even number
    high, low = bounded - k * ln2_high, k * ln2_low
    r = high - low
    square = r * r
    c = r - polynomial(square, exp_coefficients)
    power = 1.0 - ((low - r * c / (2.0 - c)) - high)
    first = np.floor(k * 0.5)
    found = power * _power_of_two(first) * _power_of_two(k - first)
    return np.where(np.isnan(x), x, found)


def _power_of_two(k: Value) -> Value:
    """2^k for −1022 ≤ k ≤ 1023: the exponent, biased, in its place among the bits."""
    return ((k.astype(np.int64) + 1023) << 52).view(np.float64)


# Fractions of AS 241, highest power first: around the middle in 0.425² − q², and in √(−ln p) − 1.6 and − 5 outwards.
middle = (
    (
        2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
        1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
        5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
    ),
)  # fmt: skip
outer = (
    (
        7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
        3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
        6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
    ),
)  # fmt: skip
tail = (
    (
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
        2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
        1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
    ),
)  # fmt: skip


def _fraction(x: Value, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Value:
    above, below = coefficients
    return polynomial(x, above) / polynomial(x, below)


def normal_quantile_value(p: Value) -> Value:
    """The number that a normal number stays below with probability p; ∓∞ at 0 and 1, NaN outside."""
    q = p - 0.5
    near = q * _fraction(0.180625 - q * q, middle)
    beyond = np.where(q < 0.0, p, 1.0 - p)
    r = np.sqrt(-log_value(beyond))
    far = np.where(r <= 5.0, _fraction(r - 1.6, outer), _fraction(r - 5.0, tail))
    far = np.where(beyond == 0.0, np.inf, far)
    return np.where(np.abs(q) <= 0.425, near, np.where(q < 0.0, -far, far))


portable_log = unary(
    "portable_log", log_value, "The natural logarithm, with the same bits on every machine.",
    lambda g, out, x: g / x,  # 1/x
    domain=(0.5, 2.0), singular=True, notation=r"\ln {0}",
)  # fmt: skip
portable_exp = unary(
    "portable_exp", exp_value, "e^x, with the same bits on every machine.",
    lambda g, out, x: g * out,  # (e^x)′ = e^x
    singular=True, notation="e^{{{0}}}",
)  # fmt: skip
normal_quantile = unary(
    "normal_quantile", normal_quantile_value,
    "The inverse of the normal distribution function, with the same bits on every machine.",
    lambda g, out, p: g * (sqrt(2 * pi) * portable_exp(0.5 * out * out)),  # 1/φ(z) = √(2π)·e^(z²/2)
    domain=(0.05, 0.95), singular=True, notation=r"\Phi^{{-1}}({0})",
)  # fmt: skip
