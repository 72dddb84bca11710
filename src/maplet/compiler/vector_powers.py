"""Powers and roots: xʸ, 1/√x, √(x² + y²)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import exp, exp_of_sum, ln2
from maplet.compiler.vector_logarithms import infinity, log, nan, split_any
from maplet.compiler.vector_numbers import Number, at_least, at_most, choose, fma, in_f64, polynomial, sqrt

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients

# ⅔ in two parts.
_two_thirds = (0.6666666666666666, 3.700743415417188e-17)

# (ln((1 + s)/(1 − s)) − 2s − ⅔s³)/s⁵ in s² for |s| ≤ 3 − √8; error of the logarithm 2^−66.
_logarithm: Coefficients = {
    "f64": (
        0.4000000000000226, 0.28571428570096546, 0.22222222520483045, 0.18181784316486863, 0.15386759734622582,
        0.13256760216028698, 0.13196876474180966,
    ),
}  # fmt: skip


def _two_product(x: Number, y: Number) -> tuple[Number, Number]:
    """x·y, and what rounding took from it."""
    product = x * y
    return product, fma(x, y, -product)


def _exact_log(x: Number) -> tuple[Number, Number]:
    """The natural logarithm in two parts, to about 2^−64 of it; of a finite number above 0 in f64.

    With s = f/(2 + f): ln(1 + f) = 2s + ⅔s³ + s⁵·p(s²), the last term of which alone needs no second part.
    """
    e, f = split_any(x)
    sum_, one_over = 2.0 + f, 1.0 / (2.0 + f)
    s = f * one_over
    s_low = fma(-s, f - (sum_ - 2.0), fma(-s, sum_, f)) * one_over
    square, square_low = _two_product(s, s)
    square_low = fma(s + s, s_low, square_low)
    last = square * polynomial(square, _logarithm)
    factor = _two_thirds[0] + last
    factor_low = (_two_thirds[0] - factor) + last + _two_thirds[1]
    part, part_low = _two_product(square, factor)
    part_low = fma(square, factor_low, fma(square_low, factor, part_low))
    cube, cube_low = _two_product(s, part)
    cube_low = fma(s, part_low, fma(s_low, part, cube_low))
    near = (s + s) + cube
    near_low = ((s + s) - near) + cube + (cube_low + (s_low + s_low))
    high, low = ln2["f64"]
    multiple, multiple_low = _two_product(e, e.constant(high))
    whole = multiple + near
    return whole, (multiple - whole) + near + fma(e, low, multiple_low + near_low)


def _bounded(y: Number) -> Number:
    """An exponent, not infinite, so that 1 to this power is 1."""
    return at_least(at_most(y, 1e300), -1e300)


def _size_in_f64(x: Number, y: Number) -> Number:
    """|x|ʸ."""
    size, bounded = abs(x), _bounded(y)
    high, low = _exact_log(size)
    product, product_low = _two_product(bounded, high)
    at_edge = size.equals(0) | ~(size < infinity)
    exponent = choose(at_edge, y * choose(size.equals(0), -infinity, size), product)
    return exp_of_sum(exponent, choose(at_edge, 0.0, fma(bounded, low, product_low)))


@in_f64
def _size_in_f32(x: Number, y: Number) -> Number:
    return exp(_bounded(y) * log(abs(x)))


def _is_whole(y: Number) -> Number:
    """Whether a number is an integer; an infinite one counts as an even integer."""
    size, all_whole = abs(y), 2.0 ** (52 if y.dtype == "f64" else 23)
    return (size >= all_whole) | ((size + all_whole) - all_whole).equals(size)


def power(x: Number, y: Number) -> Number:
    """xʸ: |x|ʸ, negative where x is and y is odd; NaN where x is negative and y no integer."""
    size = (_size_in_f64 if x.dtype == "f64" else _size_in_f32)(x, y)
    whole, odd = _is_whole(y), ~_is_whole(y * 0.5)
    signed = x.as_("i64" if x.dtype == "f64" else "i32") < 0
    found = choose(whole & odd & signed, -size, size)
    found = choose((x < 0) & (x > -infinity) & ~whole, nan, found)
    return choose(x.equals(1) | y.equals(0), 1.0, found)


def rsqrt(x: Number) -> Number:
    """1/√x."""
    return 1.0 / sqrt(x)


@in_f64
def hypot(x: Number, y: Number) -> Number:
    """√(x² + y²); infinite where one of them is, even beside NaN. Both are scaled so that no square overflows."""
    one, other = abs(x), abs(y)
    larger = choose(one > other, one, other)
    factor = choose(larger > 2.0**500, 2.0**-600, choose(larger < 2.0**-400, x.constant(2.0**600), 1.0))
    one, other = one * factor, other * factor
    found = sqrt(fma(one, one, other * other)) / factor
    return choose(one.equals(infinity) | other.equals(infinity), infinity, found)
