"""Sine, cosine and tangent, and their inverses. How the polynomials were made stands in `vector_exponentials`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_numbers import Number, choose, copysign, fma, in_f64, polynomial, sqrt
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


def _tangent_of(x: Number, reduced: Reduce) -> Number:
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
tan = in_f64(_of_any_angle("huge_tan", _tangent_of))


# ── inverses ─────────────────────────────────────────────────────────────────────────────────────
# f32 is computed in f64.

_pi = (3.141592653589793, 1.2246467991473532e-16)
_half_pi = (1.5707963267948966, 6.123233995736766e-17)
_quarter_pi = (0.7853981633974483, 3.061616997868383e-17)

# (asin x − x)/x³ in x² for |x| ≤ ½; error 2^−59.
_arc_sine: Coefficients = {
    "f64": (
        0.16666666666666763, 0.07499999999970261, 0.04464285717512191, 0.030381942683563076, 0.022372215661761896,
        0.01735160006728564, 0.013980961725648805, 0.011397773892855933, 0.010786540072811497, 0.0036830026905905373,
        0.021763589817916137, -0.021077414334715824, 0.0326769625934337,
    ),
}  # fmt: skip

# (atan x − x)/x³ in x² for |x| ≤ tan(π/8); error 2^−58.
_arc_tangent: Coefficients = {
    "f64": (
        -0.333333333333332, 0.19999999999954063, -0.14285714280246625, 0.11111110786040285, -0.09090897833552748,
        0.07692061584066369, -0.06663119764365229, 0.05848004294379162, -0.050398241980299185, 0.0380777676571797,
        -0.01792166106085568,
    ),
}  # fmt: skip


def _half_angle(size: Number) -> tuple[Number, Number, Number]:
    """Whether |x| > ½; a sine: then √((1 − |x|)/2), of half the angle whose cosine is |x|, else |x|; angle − sine."""
    large = size > 0.5
    square = choose(large, fma(size, -0.5, 0.5), size * size)
    sine = choose(large, sqrt(square), size)
    return large, sine, sine * square * polynomial(square, _arc_sine)


@in_f64
def asin(x: Number) -> Number:
    """The angle x + x³·p(x²), and π/2 − 2·asin √((1 − x)/2) from ½ on."""
    high, low = _half_pi
    large, sine, more = _half_angle(abs(x))
    twice = sine + sine
    rest = high - twice
    lost = (high - rest) - twice
    return copysign(choose(large, rest + (lost + (low - (more + more))), sine + more), x)


@in_f64
def acos(x: Number) -> Number:
    """π/2 − asin x; beyond ½ 2·asin √((1 − x)/2), and below −½ π less that of −x."""
    large, sine, more = _half_angle(abs(x))
    whole = sine + more
    whole = whole + whole
    left = _pi[0] - (whole - _pi[1])
    middle = _half_pi[0] - (copysign(sine, x) + (copysign(more, x) - _half_pi[1]))
    return choose(large, choose(x < 0, left, whole), middle)


def _angle(y: Number, x: Number) -> Number:
    """The angle of (x, y) for x, y ≥ 0; from π/8 on that to the diagonal or to the other axis is computed."""
    steep, middle = y > x * 2.414213562373095, y > x * 0.41421356237309503
    above = choose(steep, -x, choose(middle, y - x, y))
    below = choose(steep, y, choose(middle, y + x, x))
    t = choose((x + y).equals(0), 0.0, above / below)
    high, low = (choose(steep, _half_pi[n], choose(middle, y.constant(_quarter_pi[n]), 0.0)) for n in range(2))
    square = t * t
    return high + (t + fma(t * square, polynomial(square, _arc_tangent), low))


@in_f64
def atan(x: Number) -> Number:
    """The angle of (1, x)."""
    return copysign(_angle(abs(x), x.constant(1)), x)


@in_f64
def atan2(y: Number, x: Number) -> Number:
    """The angle of (x, y)."""
    size, width = abs(y), abs(x)
    larger = choose(size > width, size, width)
    factor = choose(larger > 2.0**1000, 2.0**-100, choose(larger < 2.0**-900, y.constant(2.0**100), 1.0))
    diagonal = size.equals(infinity) & width.equals(infinity)
    size, width = choose(diagonal, 1.0, size * factor), choose(diagonal, 1.0, width * factor)
    angle = _angle(size, width)
    behind = x.as_("i64") < 0
    return copysign(choose(behind, _pi[0] - (angle - _pi[1]), angle), y)
