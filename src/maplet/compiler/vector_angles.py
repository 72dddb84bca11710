"""The inverses of sine, cosine and tangent. How the polynomials were made stands in `vector_exponentials`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.vector_numbers import Number, at_least, choose, copysign, fma, polynomial, sqrt

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients

infinity = float("inf")

# π, π/2 and π/4, each rounded, and what that leaves.
_pi: Coefficients = {
    "f32": (3.1415927410125732, -8.742277657347586e-08), "f64": (3.141592653589793, 1.2246467991473532e-16),
}  # fmt: skip
_half_pi = {dtype: (high / 2, low / 2) for dtype, (high, low) in _pi.items()}
_quarter_pi = {dtype: (high / 4, low / 4) for dtype, (high, low) in _pi.items()}

# (asin x − x)/x³ in x² for |x| ≤ ½; error 2^−27.6 and 2^−59.
_arc_sine: Coefficients = {
    "f32": (0.16666752, 0.074953094, 0.045469157, 0.02418471, 0.042158462),
    "f64": (
        0.16666666666666763, 0.07499999999970261, 0.04464285717512191, 0.030381942683563076, 0.022372215661761896,
        0.01735160006728564, 0.013980961725648805, 0.011397773892855933, 0.010786540072811497, 0.0036830026905905373,
        0.021763589817916137, -0.021077414334715824, 0.0326769625934337,
    ),
}  # fmt: skip

# (atan x − x)/x³ in x², of f32 for |x| ≤ 1, of f64 for |x| ≤ tan(π/8); error 2^−25.8 and 2^−58.
_arc_tangent: Coefficients = {
    "f32": (
        -0.33333153, 0.19993767, -0.14211002, 0.10665767, -0.07551647, 0.04320444, -0.016362913, 0.0029193214,
    ),
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


def asin(x: Number) -> Number:
    """The angle x + x³·p(x²), and π/2 − 2·asin √((1 − x)/2) from ½ on."""
    high, low = _half_pi[x.dtype]
    large, sine, more = _half_angle(abs(x))
    twice = sine + sine
    rest = high - twice
    lost = (high - rest) - twice
    return copysign(choose(large, rest + (lost + (low - (more + more))), sine + more), x)


def acos(x: Number) -> Number:
    """π/2 − asin x; beyond ½ 2·asin √((1 − x)/2), and below −½ π less that of −x."""
    large, sine, more = _half_angle(abs(x))
    whole = sine + more
    whole = whole + whole
    (high, low), (half, half_low) = _pi[x.dtype], _half_pi[x.dtype]
    left = high - (whole - low)
    middle = half - (copysign(sine, x) + (copysign(more, x) - half_low))
    return choose(large, choose(x < 0, left, whole), middle)


def _first_quadrant(y: Number, x: Number) -> Number:
    """The angle of (x, y) for x, y ≥ 0; from π/8 on that to the diagonal or to the other axis is computed."""
    steep, middle = y > x * 2.414213562373095, y > x * 0.41421356237309503
    above = choose(steep, -x, choose(middle, y - x, y))
    below = choose(steep, y, choose(middle, y + x, x))
    t = choose((x + y).equals(0), 0.0, above / below)
    both = zip(_half_pi[y.dtype], _quarter_pi[y.dtype], strict=True)
    high, low = (choose(steep, half, choose(middle, y.constant(quarter), 0.0)) for half, quarter in both)
    square = t * t
    return high + (t + fma(t * square, polynomial(square, _arc_tangent), low))


def _arc(t: Number, turned: Number, start: Number) -> Number:
    """Of f32: start + atan t, or start − atan t, for 0 ≤ t ≤ 1; the start is 0 or a multiple of π/2."""
    high, low = _pi["f32"]
    t = choose(turned, -t, t)
    square = t * t
    return start + fma(start, low / high, fma(t * square, polynomial(square, _arc_tangent), t))


def atan(x: Number) -> Number:
    """The angle of (1, x)."""
    size = abs(x)
    if x.dtype == "f64":
        return copysign(_first_quadrant(size, x.constant(1)), x)
    steep = size > 1.0
    t = choose(steep, 1.0, size) / choose(steep, size, 1.0)
    return copysign(_arc(t, steep, choose(steep, x.constant(_half_pi["f32"][0]), 0.0)), x)


def _wide_angle(y: Number, x: Number) -> Number:
    """The angle of (x, y) in f64; both are scaled so that no sum overflows and no quotient is subnormal for long."""
    size, width = abs(y), abs(x)
    larger = choose(size > width, size, width)
    factor = choose(larger > 2.0**1000, 2.0**-100, choose(larger < 2.0**-900, y.constant(2.0**100), 1.0))
    diagonal = size.equals(infinity) & width.equals(infinity)
    size, width = choose(diagonal, 1.0, size * factor), choose(diagonal, 1.0, width * factor)
    angle = _first_quadrant(size, width)
    high, low = _pi["f64"]
    return copysign(choose(x.as_("i64") < 0, high - (angle - low), angle), y)


def atan2(y: Number, x: Number) -> Number:
    """The angle of (x, y)."""
    if x.dtype == "f64":
        return _wide_angle(y, x)
    size, width = abs(y), abs(x)
    steep, behind = size > width, x.as_("i32") < 0
    above, below = choose(steep, width, size), choose(steep, size, width)
    t = above / at_least(below, 2.0**-149)  # 0/0 is 0 here
    t = choose(above.equals(infinity) & below.equals(infinity), 1.0, t)
    start = choose(steep, _half_pi["f32"][0], choose(behind, x.constant(_pi["f32"][0]), 0.0))
    return copysign(_arc(t, steep ^ behind, start), y)
