"""Sine, cosine and tangent. How the polynomials were made stands in `vector_exponentials`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_numbers import Number, choose, fma, polynomial
from maplet.compiler.vector_repair import repaired
from maplet.compiler.vector_turns import ordinary, reduced_huge, reduced_ordinary
from maplet.compiler.vectors import bits_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.compiler.vector_numbers import Coefficients

    # |x| → q, r and the small part of r.
    Reduce = Callable[[Number], tuple[Number, Number, Number]]

infinity = float("inf")

# (sin r − r)/r³ in r² for |r| ≤ π/4; error 2^−28 and 2^−57.
_sine: Coefficients = {
    "f32": (-0.16666655, 0.008332185, -0.00019517414),
    "f64": (
        -0.16666666666666666, 0.008333333333333323, -0.00019841269841254513, 2.755731921389752e-06,
        -2.505210483399403e-08, 1.6058356586976352e-10, -7.57819289349193e-13,
    ),
}  # fmt: skip

# (cos r − 1 + ½r²)/r⁴ in r² for |r| ≤ π/4; error 2^−33 and 2^−61.
_cosine: Coefficients = {
    "f32": (0.041666646, -0.0013887301, 2.4430668e-05),
    "f64": (
        0.041666666666666595, -0.0013888888888873513, 2.4801587289083693e-05, -2.755731423259982e-07,
        2.087570641755662e-09, -1.1358747082120602e-11,
    ),
}  # fmt: skip


def _sine_and_cosine(rest: Number, small: Number) -> tuple[Number, Number]:
    """Of r: sin r − r and cos r − 1."""
    square = rest * rest
    of_sine = fma(rest * square, polynomial(square, _sine), small)
    of_cosine = fma(square * square, polynomial(square, _cosine), fma(square, -0.5, rest * -small))
    return of_sine, of_cosine


def _highest(bits: Number) -> Number:
    """The highest bit alone, the sign of a float."""
    return bits & (1 << (bits_of(bits.dtype) - 1))


def _turned(sign: Number, count: Number, rest: Number, small: Number) -> Number:
    """The sine of an angle above 0, and its sign changed by the highest bit of an integer."""
    of_sine, of_cosine = _sine_and_cosine(rest, small)
    size = choose((count & 1).equals(0), rest + of_sine, 1.0 + of_cosine)
    downwards = _highest((count << (bits_of(count.dtype) - 2)) ^ sign)
    return (size.as_(count.dtype) ^ downwards).as_(rest.dtype)


def _sine_of(x: Number, reduced: Reduce) -> Number:
    count, rest, small = reduced(abs(x))
    return _turned(x.as_(count.dtype), count, rest, small)


def _cosine_of(x: Number, reduced: Reduce) -> Number:
    count, rest, small = reduced(abs(x))
    return _turned(count.constant(0), count + 1, rest, small)


def _wide_tangent_of(x: Number, reduced: Reduce) -> Number:
    """sin/cos or −cos/sin, the quotient of sums of two parts; what rounding took from it is added again."""
    count, rest, small = reduced(abs(x))
    of_sine, of_cosine = _sine_and_cosine(rest, small)
    sine, cosine = rest + of_sine, 1.0 + of_cosine
    half = rest * rest * 0.5  # cos r is 1 − ½r² … of the exact square, and sin(r + small) is sin r + small·cos r
    less_sine = (rest - sine) + fma(half, -small, of_sine)
    less_cosine = (1.0 - cosine) + (of_cosine - fma(rest * 0.5, rest, -half))
    even = (count & 1).equals(0)
    above, less_above = choose(even, sine, -cosine), choose(even, less_sine, -less_cosine)
    below, less_below = choose(even, cosine, sine), choose(even, less_cosine, less_sine)
    one_over = 1.0 / below
    quotient = above * one_over
    missing = fma(-quotient, below, above) + fma(-quotient, less_below, less_above)
    size = fma(missing, one_over, quotient)
    return (size.as_(count.dtype) ^ _highest(x.as_(count.dtype))).as_(x.dtype)


# (tan r − r)/r³ in r² for |r| ≤ π/4; error 2^−25.7.
_tangent: Coefficients = {
    "f32": (0.33333156, 0.13338836, 0.0534082, 0.024441391, 0.0031014832, 0.009396524),
}  # fmt: skip


def _short_tangent_of(x: Number, reduced: Reduce) -> Number:
    """The same of f32: t = r + r³·p(r²) or −1/t; what rounding took from t is added again, as l/t²."""
    count, rest, small = reduced(abs(x))
    square = rest * rest
    more = fma(rest * square, polynomial(square, _tangent), fma(square, small, small))
    whole = rest + more
    lost = (rest - whole) + more
    turned = -1.0 / whole
    size = choose((count & 1).equals(0), whole, fma(turned * turned, lost, turned))
    return (size.as_(count.dtype) ^ _highest(x.as_(count.dtype))).as_(x.dtype)


def _tangent_of(x: Number, reduced: Reduce) -> Number:
    return (_wide_tangent_of if x.dtype == "f64" else _short_tangent_of)(x, reduced)


def _of_any_angle(name: str, of_angle: Callable[[Number, Reduce], Number]) -> Callable[[Number], Number]:
    """A function of an angle of any size; huge angles are reduced in f64."""

    def huge(x: Number) -> Number:
        return of_angle(x.to("f64"), reduced_huge).to(x.dtype)

    def found(x: Number) -> Number:
        size = abs(x)
        is_huge = (size > ordinary[x.dtype]) & (size < infinity)
        return repaired(of_angle(x, reduced_ordinary), is_huge, name, huge, x)

    return found


sin = _of_any_angle("huge_sin", _sine_of)
cos = _of_any_angle("huge_cos", _cosine_of)
tan = _of_any_angle("huge_tan", _tangent_of)
