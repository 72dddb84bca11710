"""Logarithms: ln x, ln(1 + x), to the bases 2 and 10, and what is made of them.

x = 2^e·(1 + f) with √½ ≤ 1 + f < √2, so that ln x = e·ln 2 + ln(1 + f). How the polynomials were made stands in
`vector_exponentials`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import exp_of_negative, ln2
from maplet.compiler.vector_numbers import Number, choose, copysign, exponent, fma, formats, polynomial, split

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
    """E·ln 2 + f + what is curved."""
    high, low = ln2[f.dtype]
    return fma(e, high, f + fma(e, low, curved))


def _split_any(x: Number) -> tuple[Number, Number]:
    """E and f of a number above 0, also of a subnormal one."""
    form = formats[x.dtype]
    subnormal = x < form.smallest
    e, m = split(choose(subnormal, x * 2.0 ** (form.fraction + 1), x))
    return choose(subnormal, e - (form.fraction + 1), e), m - 1.0


def _with_edges(x: Number, found: Number) -> Number:
    """−∞ at 0, NaN below, and ∞ and NaN as they are."""
    found = choose(x < infinity, found, x)
    found = choose(x.equals(0), -infinity, found)
    return choose(x < 0, nan, found)


def log(x: Number) -> Number:
    """Ln x."""
    e, f = _split_any(x)
    return _with_edges(x, _natural(e, f, _curved(f)))


def log1p(x: Number) -> Number:
    """ln(1 + x), with f = 2^−e·x + (2^−e − 1); what rounding took from f is added again, times 1 − f for 1/(1 + f)."""
    form = formats[x.dtype]
    huge = x > 2.0 ** (form.bias - 20)  # 2^−e would be subnormal
    near = choose(huge, x * 2.0**-40, x)
    e, scale = exponent(1.0 + near)
    below = scale - 1.0
    f = fma(near, scale, below)
    lost = fma(near, scale, below - f)
    found = _natural(choose(huge, e + 40.0, e), f, _curved(f) + fma(-lost, f, lost))
    found = choose(x < infinity, copysign(found, x), x)
    found = choose(x.equals(-1), -infinity, found)
    return choose(x < -1, nan, found)
