"""The inverses of sinh, cosh and tanh. How the polynomials were made stands in `vector_exponentials`.

f64 is a logarithm of 1 + y. f32 has a polynomial where the result is small, and elsewhere can do without that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import ln2
from maplet.compiler.vector_logarithms import curved, infinity, log1p, nan, natural
from maplet.compiler.vector_numbers import (
    Number,
    bits_of_number,
    choose,
    copysign,
    exponent,
    fma,
    lowered,
    polynomial,
    sqrt,
)
from maplet.compiler.vector_repair import corrected

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients


def _grown(x: Number, more: Number) -> Number:
    """ln(1 + more), but ln x + ln 2 of a great x, whose square need not be finite."""
    large = x > 2.0**28
    return log1p(choose(large, x - 1.0, more)) + choose(large, x.constant(ln2["f64"][0]), 0.0)


def _log_of_halves(x: Number, y: Number) -> Number:
    """ln(2x + 2y) of f32. With x + y = 2^e·(1 + f), f is found from the two numbers, as their sum is rounded."""
    e, whole = exponent(x + y)
    f = (lowered(y, whole) - 1.0) + lowered(x, whole)
    return natural(e + 1.0, f, curved(f))


def _log_of_sum(x: Number, root: Number) -> Number:
    """ln(x + √…) of f32, where that is above ½; a root of a great x may be infinite, but is about x."""
    half = x * 0.5

    def of_great() -> Number:
        return choose(x < infinity, _log_of_halves(half, half), x)

    return corrected(_log_of_halves(half, root * 0.5), ~(x < 2.0**60), of_great)


# (asinh x − x)/x³ in x² for |x| ≤ 0.66; error 2^−29.
_sine: Coefficients = {
    "f32": (-0.16666642, 0.07498847, -0.04446242, 0.029052328, -0.017166369, 0.006051972),
}  # fmt: skip


def asinh(x: Number) -> Number:
    """ln(x + √(x² + 1)); f32 is x + x³·p(x²) up to 0.66."""
    size, square = abs(x), x * x
    if x.dtype == "f64":
        return copysign(_grown(size, size + square / (1.0 + sqrt(1.0 + square))), x)
    near = fma(size * square, polynomial(square, _sine), size)
    far = _log_of_sum(size, sqrt(fma(x, x, 1.0)))
    return copysign(choose(size < 0.66, near, far), x)


# (acosh(1 + a)/√(2a) − 1)/a for 0 ≤ a ≤ ½; error 2^−29.4.
_cosine: Coefficients = {"f32": (-0.08333321, 0.018746419, -0.0055465624, 0.001756491, -0.00040992978)}


def acosh(x: Number) -> Number:
    """ln(x + √(x² − 1)); f32 is √(2a)·(1 + a·p(a)) for a = x − 1 up to ½."""
    above = x - 1.0
    twice = above + above
    if x.dtype == "f64":
        return choose(x < 1, nan, _grown(x, above + sqrt(fma(above, above, twice))))
    small = above < 0.5
    root = sqrt(choose(small, twice, fma(above, above, twice)))
    near = fma(root * above, polynomial(above, _cosine), root)
    return choose(small, near, _log_of_sum(x, root))


# (atanh t − t)/t³ in t² for |t| ≤ 0.273; error 2^−30.
_tangent: Coefficients = {"f32": (0.3333331, 0.20002969, 0.14167075, 0.12945089)}


def atanh(x: Number) -> Number:
    """½·ln((1 + x)/(1 − x))."""
    size = abs(x)
    if x.dtype == "f64":
        return copysign(0.5 * log1p((size + size) / (1.0 - size)), x)
    found = copysign(_short_atanh(size), x)
    return corrected(found, ~(size < 1.0), lambda: choose(size.equals(1), copysign(x.constant(infinity), x), nan))


def _short_atanh(x: Number) -> Number:
    """½·e·ln 2 + atanh t with t = (1 + x − 2^e·(1 − x))/(1 + x + 2^e·(1 − x)), of f32 for 0 ≤ x < 1.

    The bits of a number are nearly its logarithm, so that their difference tells an e for which t is small. It is 1
    from a quotient of 1.7 on, so that ½·e·ln 2 + atanh t is no small difference.
    """
    above, below = 1.0 + x, 1.0 - x
    one, quarter = bits_of_number("f32", 1.0), 1 << 21
    whole = (above.as_("i32") - below.as_("i32") + quarter) & (-1 << 23)
    e = Number(x.vectors, "f32", x.vectors.builder.sitofp((whole >> 23).value, x.vectors.type("f32")))
    scale = (whole + one).as_("f32")
    scaled = below * scale
    difference = choose(x < 0.5, fma(x, 1.0 + scale, 1.0 - scale), x - (scaled - 1.0))
    t = difference / (above + scaled)
    square = t * t
    high, low = (0.5 * part for part in ln2["f32"])
    return fma(e, high, t + fma(t * square, polynomial(square, _tangent), e * low))
