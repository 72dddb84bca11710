"""The logarithm of a sum of exponentials. How the polynomials were made stands in `vector_exponentials`."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import exp_of_negative
from maplet.compiler.vector_logarithms import infinity, near_one
from maplet.compiler.vector_numbers import (
    Number,
    at_least,
    choose,
    fma,
    formats,
    in_f64,
    polynomial,
    power_of_two,
    rounded_multiple,
)
from maplet.compiler.vector_repair import repaired

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients


def _wide_logaddexp(x: Number, y: Number) -> Number:
    """The same in f64, with the full number of digits."""
    above, below = choose(x > y, x, y), choose(x > y, y, x)
    # The difference in two parts (D. Knuth, The Art of Computer Programming 2, 4.2.2); the small one is wanted only
    # where the great one is no infinity. Equal infinities have the difference 0.
    difference = below - above
    back = difference + above
    lost = (below - back) - (above - (back - difference))
    part = exp_of_negative(choose(x.equals(y), 0.0, difference))
    part = choose(difference > -infinity, fma(part, lost, part), part)
    return choose(part >= 0, above + near_one(part), part)


# (eʳ − 1 − r)/r² for |r| ≤ ½ ln 2; error of eʳ 2^−39.7.
_exponential: Coefficients = {
    "f64": (
        0.500000000042676, 0.16666666784445824, 0.041666664405398644, 0.008333281807039798, 0.0013889197082005286,
        0.00019908939551358288, 2.4708309780269353e-05,
    ),
}  # fmt: skip

# (ln((1 + s)/(1 − s)) − 2s)/s³ in s² for 0 ≤ s ≤ ⅓; error of the logarithm 2^−38.4.
_logarithm: Coefficients = {
    "f64": (
        0.6666666636357552, 0.4000005243428719, 0.2856841950887532, 0.2230107715868592, 0.17151320354132774,
        0.21781805992106304,
    ),
}  # fmt: skip


def _short_log_of_one_more(x: Number) -> Number:
    """ln(1 + eˣ) for x ≤ 0 in f64, to about 2^−36."""
    bounded = at_least(x, -formats["f64"].bias * log(2))  # there 2ⁿ has the bits of 0
    multiple, count = rounded_multiple(bounded, 1 / log(2), formats["f64"].exponent_shifter)
    rest = fma(multiple, -log(2), bounded)
    power = power_of_two(count, "f64")
    part = fma(fma(polynomial(rest, _exponential), rest, 1.0) * rest, power, power)
    s = part / (2.0 + part)
    square = s * s
    return fma(s * square, polynomial(square, _logarithm), s + s)


def logaddexp(x: Number, y: Number) -> Number:
    """ln(eˣ + eʸ): the greater one and ln(1 + e^−|x − y|).

    f32 is computed in f64 with as many digits as it needs, and with all of them where the sum nearly vanishes.
    """
    if x.dtype == "f64":
        return _wide_logaddexp(x, y)
    above, below = choose(x > y, x, y), choose(x > y, y, x)
    wide = above.to("f64")
    difference = choose(above.equals(below), 0.0, below.to("f64") - wide)
    found = (wide + _short_log_of_one_more(difference)).to("f32")
    small = abs(found) < abs(above) * 2.0**-12
    return repaired(found, small, "small_logaddexp", in_f64(_wide_logaddexp), x, y)
