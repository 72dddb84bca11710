"""Powers and roots: xʸ, 1/√x, √(x² + y²)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import exp_of_sum, ln2
from maplet.compiler.vector_logarithms import infinity, nan, split_any
from maplet.compiler.vector_numbers import (
    Number,
    at_least,
    at_most,
    choose,
    fma,
    formats,
    in_f64,
    is_normal,
    polynomial,
    power_of_two,
    rounded_multiple,
    split,
    sqrt,
)
from maplet.compiler.vector_repair import called, corrected

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


# log₂((1 + s)/(1 − s))/s in s² for |s| ≤ 3 − √8, of f32 without its first term, 2/ln 2; error 2^−36.4 and 2^−37.8.
_binary_logarithm: Coefficients = {
    "f32": (0.9617967, 0.5770788, 0.41192734, 0.33648726),
    "f64": (2.8853900817900793, 0.9617966733506349, 0.5770835831936922, 0.41167282974142155, 0.3407279790754041),
}  # fmt: skip

# (2ʳ − 1)/r for |r| ≤ ½; error of 2ʳ 2^−28.3.
_binary_exponential: Coefficients = {
    "f32": (0.6931472, 0.24022648, 0.055503596, 0.009618506, 0.0013391024, 0.00015326796),
}  # fmt: skip


# 2/ln 2, rounded, and what that leaves.
_two_per_ln2 = (2.885390043258667, 3.851926067000022e-08)


def _wide_binary_log(e: Number, f: Number) -> Number:
    """The sum e + log₂(1 + f) in f64, to about 2^−37."""
    wide = f.to("f64")
    s = wide / (2.0 + wide)
    return fma(s, polynomial(s * s, _binary_logarithm), e.to("f64"))


def _binary_log(e: Number, f: Number) -> tuple[Number, Number]:
    """The same in two f32, to about 2^−31.

    With s = f/(2 + f) it is e + s·(2/ln 2 + s²·p(s²)); what rounding took from s is found with 1/(2 + f) = (1 − s)/2.
    """
    below = 2.0 + f
    s = f / below
    s_low = fma(-s, f - (below - 2.0), fma(-s, below, f)) * fma(s, -0.5, 0.5)
    square = s * s
    square_low = fma(s + s, s_low, fma(s, s, -square))
    more = polynomial(square, _binary_logarithm)
    high, low = _two_per_ln2
    factor = fma(square, more, high)
    factor_low = fma(square_low, _binary_logarithm["f32"][0], fma(square, more, high - factor) + low)
    part, part_low = _two_product(s, factor)
    part_low = fma(s, factor_low, fma(s_low, factor, part_low))
    whole = e + part
    return whole, ((e - whole) + part) + part_low


def _of_fraction(rest: Number) -> Number:
    """2^r."""
    return fma(polynomial(rest, _binary_exponential), rest, 1.0)


def _any_size(x: Number, y: Number) -> Number:
    """|x|ʸ in f32, of any numbers; the exponent in f64."""
    form, size = formats["f32"], abs(x)
    e, f = split_any(size)
    e = choose(size < infinity, choose(size.equals(0), -infinity, e), size)
    bounded = at_least(at_most(y, 1e38), -1e38)  # so that 1 to this power is 1
    exponent = at_least(at_most(bounded.to("f64") * _wide_binary_log(e, f), 130.0), -152.0)
    shifted = exponent.to("f32") + form.exponent_shifter
    whole = shifted - form.exponent_shifter
    rest, half = (exponent - whole.to("f64")).to("f32"), float(form.half_range)
    shift, factor = choose(whole < 0, x.constant(half), -half), choose(whole < 0, x.constant(2.0**-half), 2.0**half)
    factor = choose(whole < -150.0, 0.0, factor)  # an underflow would cost more
    found = _of_fraction(rest) * power_of_two((shifted + shift).as_(form.bits), "f32") * factor
    return choose(x.equals(1) | y.equals(0), 1.0, found)


def _size_in_f32(x: Number, y: Number) -> Number:
    """|x|ʸ = 2^(y·log₂|x|), the exponent in two parts."""
    form, size = formats["f32"], abs(x)
    e, m = split(size)
    high, low = _binary_log(e, m - 1.0)
    exponent, exponent_low = _two_product(y, high)
    exponent_low = fma(y, low, exponent_low)
    whole, count = rounded_multiple(exponent, 1.0, form.exponent_shifter)
    found = _of_fraction((exponent - whole) + exponent_low) * power_of_two(count, "f32")
    usual = is_normal(size) & (abs(whole) < 126.0)
    return corrected(found, ~usual, lambda: called("any_power", _any_size, x, y))


def _is_whole(y: Number) -> Number:
    """Whether a number is an integer; an infinite one counts as an even integer."""
    size, all_whole = abs(y), 2.0 ** (52 if y.dtype == "f64" else 23)
    return (size >= all_whole) | ((size + all_whole) - all_whole).equals(size)


def _of_negative(x: Number, y: Number, size: Number) -> Number:
    """What |x|ʸ is of a negative x: negative where y is odd, NaN where it is no integer and x not infinite."""
    whole, odd = _is_whole(y), ~_is_whole(y * 0.5)
    found = choose(whole & odd, -size, size)
    found = choose((x < 0) & (x > -infinity) & ~whole, nan, found)
    return choose(y.equals(0), 1.0, found)


def power(x: Number, y: Number) -> Number:
    """xʸ: |x|ʸ, negative where x is and y is odd; NaN where x is negative and y no integer."""
    if x.dtype == "f32":
        size, negative = _size_in_f32(x, y), x.as_("i32") < 0
    else:
        size, negative = choose(x.equals(1) | y.equals(0), 1.0, _size_in_f64(x, y)), x.as_("i64") < 0
    return corrected(size, negative, lambda: _of_negative(x, y, size))


def rsqrt(x: Number) -> Number:
    """1/√x."""
    return 1.0 / sqrt(x)


@in_f64
def _any_hypot(x: Number, y: Number) -> Number:
    """The same of any numbers; both are scaled so that no square overflows."""
    one, other = abs(x), abs(y)
    larger = choose(one > other, one, other)
    factor = choose(larger > 2.0**500, 2.0**-600, choose(larger < 2.0**-400, x.constant(2.0**600), 1.0))
    one, other = one * factor, other * factor
    found = sqrt(fma(one, one, other * other)) / factor
    return choose(one.equals(infinity) | other.equals(infinity), infinity, found)


def hypot(x: Number, y: Number) -> Number:
    """√(x² + y²); infinite where one of them is, even beside NaN."""
    whole = fma(x, x, y * y)
    low, high = (2.0**-90, 2.0**126) if x.dtype == "f32" else (2.0**-900, 2.0**1022)
    usual = (whole > low) & (whole < high)
    return corrected(sqrt(whole), ~usual, lambda: called("any_hypot", _any_hypot, x, y))
