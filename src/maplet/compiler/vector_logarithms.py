"""Logarithms: ln x, ln(1 + x), to the bases 2 and 10, and what is made of them.

x = 2^e·(1 + f) with √½ ≤ 1 + f < √2, so that ln x = e·ln 2 + ln(1 + f). How the polynomials were made stands in
`vector_exponentials`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import ln2
from maplet.compiler.vector_numbers import (
    Number,
    at_least,
    choose,
    copysign,
    exponent,
    fma,
    formats,
    is_normal,
    lowered,
    polynomial,
    split,
)
from maplet.compiler.vector_repair import corrected

if TYPE_CHECKING:
    from collections.abc import Callable

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


def curved(f: Number) -> Number:
    """ln(1 + f) − f."""
    if f.dtype == "f32":
        return fma(polynomial(f, _logarithm), f, -0.5) * (f * f)
    # With s = f/(2 + f): ln(1 + f) = 2s + s³·p(s²), and 2s = f − s·f. As in fdlibm (e_log.c, Sun Microsystems, 1993)
    # this is arranged so that f, the greatest term, is added last.
    s = f / (2.0 + f)
    square, half = s * s, f * f * 0.5
    return s * fma(square, polynomial(square, _logarithm), half) - half


def natural(e: Number, f: Number, curved: Number) -> Number:
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
    return natural(e, m - 1.0, curved(m - 1.0))


def _of_parts(x: Number, function: Callable[[Number, Number], Number]) -> Number:
    """A function of e and f; what is not normal, or below 0, is looked after where there is such a number."""
    e, m = split(x)
    return corrected(function(e, m - 1.0), ~is_normal(x), lambda: _with_edges(x, function(*split_any(x))))


def log(x: Number) -> Number:
    """The natural logarithm."""
    return _of_parts(x, lambda e, f: natural(e, f, curved(f)))


# 1/ln 2, and 1/ln 10 and lg 2, each rounded, and what that leaves.
_per_ln2: Coefficients = {"f64": (1.4426950408889634, 2.0355273740931033e-17)}
_per_ln10: Coefficients = {
    "f32": (0.4342944920063019, -1.0103049952192578e-08), "f64": (0.4342944819032518, 1.098319650216765e-17),
}  # fmt: skip
_lg2: Coefficients = {
    "f32": (0.3010300099849701, -1.432098883924482e-08), "f64": (0.3010299956639812, -2.8037281277851704e-18),
}  # fmt: skip


def _scaled(f: Number, factor: Coefficients) -> tuple[Number, Number]:
    """ln(1 + f) times a constant, both in two parts."""
    high, low = factor[f.dtype]
    more = curved(f)
    logarithm = f + more
    rest = (f - logarithm) + more
    product = logarithm * high
    return product, fma(logarithm, high, -product) + fma(logarithm, low, rest * high)


# ln(1 + f)/(f·ln 2), of f32; error 2^−26.1.
_per_f: Coefficients = {
    "f32": (
        1.442695, -0.7213475, 0.48090377, -0.3606826, 0.2883037, -0.23978905, 0.20888478, -0.19332607, 0.16333273,
        -0.07965573,
    ),
}  # fmt: skip


def _log2(e: Number, f: Number) -> Number:
    if e.dtype == "f32":
        return fma(polynomial(f, _per_f), f, e)
    part, low = _scaled(f, _per_ln2)
    whole = e + part
    return whole + ((e - whole) + part + low)


def log2(x: Number) -> Number:
    """The logarithm to base 2: e + ln(1 + f)/ln 2."""
    return _of_parts(x, _log2)


def _log10(e: Number, f: Number) -> Number:
    part, low = _scaled(f, _per_ln10)
    high_of_two, low_of_two = _lg2[e.dtype]
    multiple = e * high_of_two
    low = low + fma(e, low_of_two, fma(e, high_of_two, -multiple))
    whole = multiple + part
    return whole + ((multiple - whole) + part + low)


def log10(x: Number) -> Number:
    """The logarithm to base 10: e·lg 2 + ln(1 + f)/ln 10."""
    return _of_parts(x, _log10)


def near_one(x: Number) -> Number:
    """ln(1 + x), with f = 2^−e·x + (2^−e − 1); of a NaN any number.

    Of f64, what rounding took from f is added again, times 1 − f for 1/(1 + f). Of f32 that can be left out: where e is
    not 0, the result is above 0.3.
    """
    e, whole = exponent(1.0 + x)
    below = at_least(lowered(x.constant(1.0), whole), 0.0) - 1.0  # 2^−e may be too small for a normal number
    part = lowered(x, whole)
    f = part + below
    if x.dtype == "f32":
        return natural(e, f, curved(f))
    lost = part + (below - f)
    return natural(e, f, curved(f) + fma(-lost, f, lost))


def log1p(x: Number) -> Number:
    """ln(1 + x)."""
    usual = (x > -1.0) & (x < infinity)
    found = copysign(near_one(x), x)
    return corrected(found, ~usual, lambda: choose(x.equals(-1), -infinity, choose(x < -1, nan, x)))
