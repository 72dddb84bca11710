"""Logarithms: ln x, ln(1 + x), to the bases 2 and 10, and what is made of them.

x = 2^e·(1 + f) with √½ ≤ 1 + f < √2, so that ln x = e·ln 2 + ln(1 + f). How the polynomials were made stands in
`vector_exponentials`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import exp_of_negative, ln2
from maplet.compiler.vector_numbers import (
    Number,
    choose,
    copysign,
    exponent,
    fma,
    formats,
    in_f64,
    polynomial,
    split,
    sqrt,
)
from maplet.compiler.vector_repair import repaired

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients

infinity = float("inf")
nan = float("nan")

# f32: (ln(1 + f) − f + ½f²)/f³; error of the logarithm 2^−27.4.
# f64: (ln((1 + s)/(1 − s)) − 2s)/s³ in s² for |s| ≤ 3 − √8; error 2^−61.
_logarithm: Coefficients = {
    "f32": (0.3333333, -0.2500082, 0.20001242, -0.16623409, 0.1420158, -0.1315961, 0.12762214, -0.076364316),
    "f64": (
        0.6666666666666666, 0.40000000000006264, 0.2857142856908114, 0.22222222647513318, 0.18181775607950465,
        0.15387093284558911, 0.13250060913513673, 0.13251851633145242,
    ),
}  # fmt: skip


def _curved(f: Number) -> Number:
    """ln(1 + f) − f."""
    if f.dtype == "f32":
        return fma(polynomial(f, _logarithm), f, -0.5) * (f * f)
    # With s = f/(2 + f): ln(1 + f) = 2s + s³·p(s²), and 2s = f − s·f. As in fdlibm (e_log.c, Sun Microsystems, 1993)
    # this is arranged so that f, the greatest term, is added last.
    s = f / (2.0 + f)
    square, half = s * s, f * f * 0.5
    return s * fma(square, polynomial(square, _logarithm), half) - half


def _natural(e: Number, f: Number, curved: Number) -> Number:
    """The sum e·ln 2 + f + what is curved."""
    high, low = ln2[f.dtype]
    return fma(e, high, f + fma(e, low, curved))


def split_any(x: Number) -> tuple[Number, Number]:
    """The e and f of a number above 0, also of a subnormal one."""
    form = formats[x.dtype]
    subnormal = x < form.smallest
    e, m = split(choose(subnormal, x * 2.0 ** (form.fraction + 1), x))
    return choose(subnormal, e - (form.fraction + 1), e), m - 1.0


def _with_edges(x: Number, found: Number) -> Number:
    """−∞ at 0, NaN below, and ∞ and NaN as they are."""
    found = choose(x < infinity, found, x)
    found = choose(x.equals(0), -infinity, found)
    return choose(x < 0, nan, found)


def log_of_normal(x: Number) -> Number:
    """The natural logarithm of a normal number above 0."""
    e, m = split(x)
    return _natural(e, m - 1.0, _curved(m - 1.0))


def log(x: Number) -> Number:
    """The natural logarithm."""
    e, f = split_any(x)
    return _with_edges(x, _natural(e, f, _curved(f)))


# 1/ln 2, and 1/ln 10 and lg 2, each rounded, and what that leaves.
_per_ln2: Coefficients = {
    "f32": (1.4426950216293335, 1.925963033500011e-08), "f64": (1.4426950408889634, 2.0355273740931033e-17),
}  # fmt: skip
_per_ln10: Coefficients = {
    "f32": (0.4342944920063019, -1.0103049952192578e-08), "f64": (0.4342944819032518, 1.098319650216765e-17),
}  # fmt: skip
_lg2: Coefficients = {
    "f32": (0.3010300099849701, -1.432098883924482e-08), "f64": (0.3010299956639812, -2.8037281277851704e-18),
}  # fmt: skip


def _scaled(f: Number, factor: Coefficients) -> tuple[Number, Number]:
    """ln(1 + f) times a constant, both in two parts."""
    high, low = factor[f.dtype]
    curved = _curved(f)
    logarithm = f + curved
    rest = (f - logarithm) + curved
    product = logarithm * high
    return product, fma(logarithm, high, -product) + fma(logarithm, low, rest * high)


def log2(x: Number) -> Number:
    """The logarithm to base 2: e + ln(1 + f)/ln 2."""
    e, f = split_any(x)
    part, low = _scaled(f, _per_ln2)
    whole = e + part
    return _with_edges(x, whole + ((e - whole) + part + low))


def log10(x: Number) -> Number:
    """The logarithm to base 10: e·lg 2 + ln(1 + f)/ln 10."""
    e, f = split_any(x)
    part, low = _scaled(f, _per_ln10)
    high_of_two, low_of_two = _lg2[x.dtype]
    multiple = e * high_of_two
    low = low + fma(e, low_of_two, fma(e, high_of_two, -multiple))
    whole = multiple + part
    return _with_edges(x, whole + ((multiple - whole) + part + low))


def _near_one(x: Number, *, huge: Number | None = None) -> Number:
    """ln(1 + x), with f = 2^−e·x + (2^−e − 1); what rounding took from f is added again, times 1 − f for 1/(1 + f)."""
    near = x if huge is None else choose(huge, x * 2.0**-40, x)  # 2^−e must not be subnormal
    e, scale = exponent(1.0 + near)
    below = scale - 1.0
    f = fma(near, scale, below)
    lost = fma(near, scale, below - f)
    whole = e if huge is None else choose(huge, e + 40.0, e)
    return _natural(whole, f, _curved(f) + fma(-lost, f, lost))


def log1p(x: Number) -> Number:
    """ln(1 + x)."""
    found = _near_one(x, huge=x > 2.0 ** (formats[x.dtype].bias - 20))
    found = choose(x < infinity, copysign(found, x), x)
    found = choose(x.equals(-1), -infinity, found)
    return choose(x < -1, nan, found)


def _log_of_sum(x: Number, y: Number) -> tuple[Number, Number]:
    """The greater of two numbers, and how much more ln(eˣ + eʸ) is: ln(1 + e^−|x − y|)."""
    above, below = choose(x > y, x, y), choose(x > y, y, x)
    # The difference in two parts (D. Knuth, The Art of Computer Programming 2, 4.2.2); the small one is wanted only
    # where the great one is no infinity. Equal infinities have the difference 0.
    difference = below - above
    back = difference + above
    lost = (below - back) - (above - (back - difference))
    part = exp_of_negative(choose(x.equals(y), 0.0, difference))
    part = choose(difference > -infinity, fma(part, lost, part), part)
    return above, _near_one(part)


def logaddexp(x: Number, y: Number) -> Number:
    """ln(eˣ + eʸ). Where that is the small difference of two numbers, f32 is computed in f64."""
    above, more = _log_of_sum(x, y)
    found = above + more
    if x.dtype == "f64":
        return found
    return repaired(found, abs(found) < more, "small_logaddexp", in_f64(logaddexp), x, y)


# ── inverse hyperbolic functions ─────────────────────────────────────────────────────────────────
# f32 is computed in f64.


def _grown(x: Number, more: Number) -> Number:
    """ln(1 + more), but ln x + ln 2 of a great x, whose square need not be finite."""
    large = x > 2.0**28
    return log1p(choose(large, x - 1.0, more)) + choose(large, x.constant(ln2["f64"][0]), 0.0)


@in_f64
def asinh(x: Number) -> Number:
    """ln(x + √(x² + 1))."""
    size, square = abs(x), x * x
    return copysign(_grown(size, size + square / (1.0 + sqrt(1.0 + square))), x)


@in_f64
def acosh(x: Number) -> Number:
    """ln(x + √(x² − 1))."""
    above = x - 1.0
    found = _grown(x, above + sqrt(fma(above, above, above + above)))
    return choose(x < 1, nan, found)


@in_f64
def atanh(x: Number) -> Number:
    """½·ln((1 + x)/(1 − x))."""
    size = abs(x)
    return copysign(0.5 * log1p((size + size) / (1.0 - size)), x)
