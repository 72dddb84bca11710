"""Operations that compute each element of the result from one element of each input.

Each is one record below: its NumPy meaning, its derivative with the formula as comment, its notation and, where the
textbooks leave something open, its convention. Inputs are broadcast by NumPy's rule; the gradient adds up again over
the axes that were repeated (in one place, ``transforms/gradient.py``).
"""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core import index_notation
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind, same
from maplet.core.types import ArrayType, bool_dtype, kind_of, short_name
from maplet.errors import DTypeError
from maplet.ops.arguments import as_array, broadcast_shape, convert, meet, require
from maplet.ops.records import aligned_batch, binary, per_input, unary
from maplet.ops.special import erf_value, sigmoid_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike


def share_of_ties(x: Array, y: Array, winner: Array) -> Array:
    """1 where ``winner`` (x > y or x < y) holds, ½ where x = y, else 0."""
    one = as_array(1.0, x.dtype)
    return where(winner, one, where(equal(x, y), as_array(0.5, x.dtype), as_array(0.0, x.dtype)))


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────


def _where_shape(condition: ArrayType, x: ArrayType, y: ArrayType) -> ArrayType:
    if condition.dtype != bool_dtype or x.dtype != y.dtype:
        given = ", ".join(short_name(t.dtype) for t in (condition, x, y))
        raise DTypeError(f"where takes a bool condition and two arrays of one dtype, given {given}")
    return ArrayType(broadcast_shape("where", condition.shape, x.shape, y.shape), x.dtype)


def _where_example(rng: np.random.Generator) -> Any:
    return [rng.random((2, 3)) < 0.5, rng.normal(size=(3,)), rng.normal(size=(2, 1))], {}


register(Primitive(
    "where", shape=_where_shape, reference=np.where,
    gradient=per_input(
        None,
        lambda g, out, c, x, y: where(c, g, zeros_beside(g)),  # ∂/∂x: passes where the condition holds
        lambda g, out, c, x, y: where(c, zeros_beside(g), g),  # ∂/∂y: passes elsewhere
    ),
    batch=aligned_batch("where"), access=lambda *types: index_notation.elementwise("where", *types),
    notation=r"\begin{{cases}}{1} & {0}\\ {2} & \text{{else}}\end{{cases}}",
    convention="the branch not taken sends back 0 where it belongs to the where alone and is made element by element; "
    "elsewhere 0·∞ behind it makes NaN, which mp.lint names",
    example=_where_example,
))  # fmt: skip


@operation
def where(condition: ArrayLike, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """``x1`` where the condition holds, else ``x2``; all three are broadcast.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.where(mp.asarray([True, False]), 1.0, -1.0)
    Array([ 1., -1.], dtype=float32)
    """
    condition = require("where", as_array(condition), "b", "a bool condition")
    x, y = meet(x1, x2)
    return bind("where", condition, x, y)


def zeros_beside(x: Array) -> Array:
    """The number 0 in the dtype of another array."""
    return as_array(0.0, x.dtype)


# ── arithmetic ───────────────────────────────────────────────────────────────────────────────────

numbers = "uif"
all_kinds = "buif"

add = binary(
    "add", np.add, "x + y.",
    lambda g, out, x, y: g,
    lambda g, out, x, y: g,
    kinds=numbers, notation="{0} + {1}",
)  # fmt: skip
subtract = binary(
    "subtract", np.subtract, "x − y.",
    lambda g, out, x, y: g,
    lambda g, out, x, y: -g,
    kinds=numbers, notation="{0} - {1}",
)  # fmt: skip
multiply = binary(
    "multiply", np.multiply, "x · y.",
    lambda g, out, x, y: g * y,  # ∂(xy)/∂x = y
    lambda g, out, x, y: g * x,  # ∂(xy)/∂y = x
    kinds=numbers, notation=r"{0} \cdot {1}",
)  # fmt: skip
divide = binary(
    "divide", np.divide, "x / y, a real number also for integers.",
    lambda g, out, x, y: g / y,  # ∂(x/y)/∂x = 1/y
    lambda g, out, x, y: -g * out / y,  # ∂(x/y)/∂y = −x/y² = −out/y
    domains=((-2.0, 2.0), (0.5, 2.0)), singular=True, notation=r"\frac{{{0}}}{{{1}}}",
)  # fmt: skip
floor_divide = binary(
    "floor_divide", np.floor_divide, "The greatest integer ≤ x / y.",
    domains=((1.1, 1.9), (2.1, 2.9)), kinds=numbers, notation=r"\lfloor {0} / {1} \rfloor",
    convention="the derivative is 0 everywhere; integers divided by 0 give 0, as in NumPy",
)  # fmt: skip
remainder = binary(
    "remainder", np.remainder, "x − y·⌊x / y⌋; has the sign of y.",
    lambda g, out, x, y: g,  # 1
    lambda g, out, x, y: -g * floor_divide(x, y),  # −⌊x/y⌋
    domains=((2.2, 2.8), (1.0, 1.05)), kinds=numbers, singular=True, notation=r"{0} \bmod {1}",
    convention="jumps are ignored: the derivative of ⌊x/y⌋ is taken as 0",
)  # fmt: skip
negative = unary("negative", np.negative, "−x.", lambda g, out, x: -g, kinds=numbers, notation="-{0}")
abs = unary(
    "abs", np.abs, "|x|.",
    lambda g, out, x: g * sign(x),
    domain=(0.5, 2.0), kinds=numbers, notation="|{0}|", convention="the derivative at 0 is 0",
)  # fmt: skip
sign = unary(
    "sign", np.sign, "−1, 0 or 1.", domain=(0.5, 2.0), kinds=numbers, convention="the derivative is 0, also at 0"
)
square = unary("square", np.square, "x².", lambda g, out, x: g * (2.0 * x), kinds=numbers, notation="{0}^2")  # 2x
reciprocal = unary(
    "reciprocal", np.reciprocal, "1 / x.",
    lambda g, out, x: -g * square(out),  # −1/x²
    domain=(0.5, 2.0), singular=True, notation=r"\frac{{1}}{{{0}}}",
)  # fmt: skip
sqrt = unary(
    "sqrt", np.sqrt, "√x.",
    lambda g, out, x: g / (2.0 * out),  # 1/(2√x)
    domain=(0.5, 2.0), singular=True, notation=r"\sqrt{{{0}}}", convention="the derivative at 0 is ∞",
)  # fmt: skip
rsqrt = unary(
    "rsqrt", lambda x: 1 / np.sqrt(x), "1 / √x.",
    lambda g, out, x: -0.5 * g * out / x,  # −x^(−3/2)/2
    domain=(0.5, 2.0), singular=True, notation=r"\frac{{1}}{{\sqrt{{{0}}}}}",
)  # fmt: skip


def _power_base(g: Array, out: Array, x: Array, y: Array) -> Array:
    # y·x^(y−1); where y = 0 the power is constant, and 0·∞ at x = 0 must not appear.
    constant_power = equal(y, 0.0)
    return g * where(constant_power, 0.0, y * power(x, where(constant_power, 1.0, y - 1.0)))


def _power_exponent(g: Array, out: Array, x: Array, y: Array) -> Array:
    # x^y·ln x; at x = 0 the limit for y > 0 is 0.
    zero = equal(x, 0.0)
    return g * where(zero, 0.0, out * log(where(zero, 1.0, x)))


def _power_value(x: Any, y: Any) -> Any:
    if kind_of(x.dtype) in "iu" and (y < 0).any():
        raise DTypeError(
            f"power: {short_name(x.dtype)} to a negative power is no integer",
            fix="make the base a real number: x.astype(mp.float32), or 2.0 instead of 2",
        )
    return np.power(x, y)


power = binary(
    "power", _power_value, "x to the power y.", _power_base, _power_exponent,
    domains=((0.5, 2.0), (-2.0, 2.0)), kinds=numbers, singular=True, notation="{0}^{{{1}}}",
    convention="∂/∂x is 0 where y = 0; ∂/∂y is 0 where x = 0, and NaN for x < 0",
)  # fmt: skip


@operation
def pow(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """``x1`` to the power ``x2``. The Python integer 2 as exponent is `square`."""
    if isinstance(x2, int) and not isinstance(x2, bool) and x2 == 2:
        return square(x1)
    return power(x1, x2)


@operation
def positive(x: ArrayLike, /) -> Array:
    """+x, which is x."""
    return same(as_array(x))


# ── greater and less ─────────────────────────────────────────────────────────────────────────────

ties = "where x = y each gets half of the gradient; NaN in either gives NaN"
maximum = binary(
    "maximum", np.maximum, "The greater of x and y.",
    lambda g, out, x, y: g * share_of_ties(x, y, greater(x, y)),
    lambda g, out, x, y: g * share_of_ties(x, y, less(x, y)),
    domains=((1.0, 2.0), (0.0, 0.9)), kinds=numbers, notation=r"\max({0}, {1})", convention=ties,
)  # fmt: skip
minimum = binary(
    "minimum", np.minimum, "The lesser of x and y.",
    lambda g, out, x, y: g * share_of_ties(x, y, less(x, y)),
    lambda g, out, x, y: g * share_of_ties(x, y, greater(x, y)),
    domains=((1.0, 2.0), (0.0, 0.9)), kinds=numbers, notation=r"\min({0}, {1})", convention=ties,
)  # fmt: skip


def comparison(
    name: str, function: Callable[..., Any], sign_: str, kinds: str = numbers
) -> Callable[[ArrayLike, ArrayLike], Array]:
    """A comparison: true or false, and no gradient."""
    return binary(
        name, function, f"Whether x {sign_} y.", kinds=kinds, gives=bool_dtype, notation=f"{{0}} {sign_} {{1}}"
    )


equal = comparison("equal", np.equal, "=", all_kinds)
not_equal = comparison("not_equal", np.not_equal, "≠", all_kinds)
less = comparison("less", np.less, "<")
less_equal = comparison("less_equal", np.less_equal, "≤")
greater = comparison("greater", np.greater, ">")
greater_equal = comparison("greater_equal", np.greater_equal, "≥")
isnan = unary("isnan", np.isnan, "Whether x is NaN.", kinds=numbers, gives=bool_dtype)
isinf = unary("isinf", np.isinf, "Whether x is +∞ or −∞.", kinds=numbers, gives=bool_dtype)
isfinite = unary("isfinite", np.isfinite, "Whether x is neither infinite nor NaN.", kinds=numbers, gives=bool_dtype)
signbit = unary("signbit", np.signbit, "Whether the sign bit of x is set; true for −0.", gives=bool_dtype)

# ── logic and bits ───────────────────────────────────────────────────────────────────────────────

two_bools, two_ints, two_shifts = ((0, 2), (0, 2)), ((0, 9), (0, 9)), ((0, 9), (0, 4))


def logic(name: str, function: Callable[..., Any], meaning: str) -> Callable[[ArrayLike, ArrayLike], Array]:
    """An operation on truth values."""
    return binary(name, function, meaning, kinds="b", domains=two_bools)


def bits(
    name: str, function: Callable[..., Any], meaning: str, kinds: str = "bui", domains: Any = two_ints
) -> Callable[[ArrayLike, ArrayLike], Array]:
    """An operation on the bits of integers (and on truth values where ``kinds`` has b)."""
    return binary(name, function, meaning, kinds=kinds, domains=domains)


logical_and = logic("logical_and", np.logical_and, "x and y.")
logical_or = logic("logical_or", np.logical_or, "x or y.")
logical_xor = logic("logical_xor", np.logical_xor, "Either x or y.")
logical_not = unary("logical_not", np.logical_not, "Not x.", kinds="b", domain=(0, 2))
bitwise_and = bits("bitwise_and", np.bitwise_and, "The bits set in both.")
bitwise_or = bits("bitwise_or", np.bitwise_or, "The bits set in either.")
bitwise_xor = bits("bitwise_xor", np.bitwise_xor, "The bits set in just one.")
bitwise_invert = unary("bitwise_invert", np.bitwise_invert, "Every bit turned over.", kinds="bui", domain=(0, 9))
bitwise_left_shift = bits("bitwise_left_shift", np.left_shift, "x · 2^y, as bits.", "ui", two_shifts)
bitwise_right_shift = bits("bitwise_right_shift", np.right_shift, "⌊x / 2^y⌋, as bits.", "ui", two_shifts)

# ── rounding ─────────────────────────────────────────────────────────────────────────────────────

step: dict[str, Any] = {"domain": (0.1, 0.4), "kinds": numbers, "convention": "the derivative is 0, also at the jumps"}
floor = unary("floor", np.floor, "The greatest integer ≤ x.", notation=r"\lfloor {0} \rfloor", **step)
ceil = unary("ceil", np.ceil, "The least integer ≥ x.", notation=r"\lceil {0} \rceil", **step)
trunc = unary("trunc", np.trunc, "x without its fraction.", **step)
round = unary("round", np.round, "The nearest integer; halves go to the even one.", **step)

# ── exponentials and logarithms ──────────────────────────────────────────────────────────────────

exp = unary(
    "exp", np.exp, "e^x.",
    lambda g, out, x: g * out,  # e^x
    singular=True, notation="e^{{{0}}}",
)  # fmt: skip
expm1 = unary(
    "expm1", np.expm1, "e^x − 1, exact near 0.",
    lambda g, out, x: g * (out + 1.0),  # e^x
    singular=True, notation="e^{{{0}}} - 1",
)  # fmt: skip
log = unary(
    "log", np.log, "The natural logarithm.",
    lambda g, out, x: g / x,  # 1/x
    domain=(0.5, 2.0), singular=True, notation=r"\ln {0}",
)  # fmt: skip
log1p = unary(
    "log1p", np.log1p, "ln(1 + x), exact near 0.",
    lambda g, out, x: g / (1.0 + x),  # 1/(1+x)
    domain=(-0.5, 2.0), singular=True, notation=r"\ln(1 + {0})",
)  # fmt: skip
log2 = unary(
    "log2", np.log2, "The logarithm to base 2.",
    lambda g, out, x: g / (x * float(np.log(2.0))),  # 1/(x ln 2)
    domain=(0.5, 2.0), singular=True, notation=r"\log_2 {0}",
)  # fmt: skip
log10 = unary(
    "log10", np.log10, "The logarithm to base 10.",
    lambda g, out, x: g / (x * float(np.log(10.0))),  # 1/(x ln 10)
    domain=(0.5, 2.0), singular=True, notation=r"\log_{{10}} {0}",
)  # fmt: skip


def _share(x: Array, out: Array) -> Array:
    # e^x / (e^x + e^y) = e^(x − out); where both are −∞ the share is taken as 0.
    return exp(where(equal(x, out), 0.0, x - out)) * convert(greater(out, float("-inf")), out.dtype)


logaddexp = binary(
    "logaddexp", np.logaddexp, "ln(e^x + e^y), without overflow.",
    lambda g, out, x, y: g * _share(x, out),
    lambda g, out, x, y: g * _share(y, out),
    notation=r"\ln(e^{{{0}}} + e^{{{1}}})", convention="where both are −∞ the derivatives are 0",
)  # fmt: skip
sigmoid = unary(
    "sigmoid", sigmoid_value, "1 / (1 + e^−x), the logistic function.",
    lambda g, out, x: g * out * (1.0 - out),  # σ(1 − σ)
    notation=r"\sigma({0})",
)  # fmt: skip
erf = unary(
    "erf", erf_value, "The error function, 2/√π ∫₀ˣ e^(−t²) dt.",
    lambda g, out, x: g * (float(2 / np.sqrt(np.pi)) * exp(-square(x))),  # 2/√π e^(−x²)
    notation=r"\operatorname{{erf}}({0})",
)  # fmt: skip

# ── circles and hyperbolas ───────────────────────────────────────────────────────────────────────

sin = unary("sin", np.sin, "The sine of x radians.", lambda g, out, x: g * cos(x), notation=r"\sin {0}")
cos = unary("cos", np.cos, "The cosine of x radians.", lambda g, out, x: -g * sin(x), notation=r"\cos {0}")
tan = unary(
    "tan", np.tan, "The tangent.",
    lambda g, out, x: g * (1.0 + square(out)),  # 1 + tan²
    domain=(-1.0, 1.0), singular=True, notation=r"\tan {0}",
)  # fmt: skip
asin = unary(
    "asin", np.arcsin, "The arc sine.",
    lambda g, out, x: g / sqrt(1.0 - square(x)),  # 1/√(1−x²)
    domain=(-0.8, 0.8), singular=True, notation=r"\arcsin {0}",
)  # fmt: skip
acos = unary(
    "acos", np.arccos, "The arc cosine.",
    lambda g, out, x: -g / sqrt(1.0 - square(x)),  # −1/√(1−x²)
    domain=(-0.8, 0.8), singular=True, notation=r"\arccos {0}",
)  # fmt: skip
atan = unary("atan", np.arctan, "The arc tangent.", lambda g, out, x: g / (1.0 + square(x)), notation=r"\arctan {0}")
sinh = unary(
    "sinh", np.sinh, "The hyperbolic sine.", lambda g, out, x: g * cosh(x), singular=True, notation=r"\sinh {0}"
)
cosh = unary(
    "cosh", np.cosh, "The hyperbolic cosine.", lambda g, out, x: g * sinh(x), singular=True, notation=r"\cosh {0}"
)
tanh = unary(
    "tanh", np.tanh, "The hyperbolic tangent.",
    lambda g, out, x: g * (1.0 - square(out)),  # 1 − tanh²
    notation=r"\tanh {0}",
)  # fmt: skip
asinh = unary("asinh", np.arcsinh, "The inverse hyperbolic sine.", lambda g, out, x: g / sqrt(square(x) + 1.0))
acosh = unary(
    "acosh", np.arccosh, "The inverse hyperbolic cosine.",
    lambda g, out, x: g / sqrt(square(x) - 1.0),  # 1/√(x²−1)
    domain=(1.5, 3.0), singular=True,
)  # fmt: skip
atanh = unary(
    "atanh", np.arctanh, "The inverse hyperbolic tangent.",
    lambda g, out, x: g / (1.0 - square(x)),  # 1/(1−x²)
    domain=(-0.8, 0.8), singular=True,
)  # fmt: skip
atan2 = binary(
    "atan2", np.arctan2, "The angle of the point (x2, x1).",
    lambda g, out, y, x: g * x / (square(x) + square(y)),  # x/(x²+y²)
    lambda g, out, y, x: -g * y / (square(x) + square(y)),  # −y/(x²+y²)
    domains=((0.5, 2.0), (0.5, 2.0)), singular=True,
)  # fmt: skip


def _over_hypotenuse(g: Array, out: Array, x: Array) -> Array:
    zero = equal(out, 0.0)
    return g * x / where(zero, 1.0, out)


hypot = binary(
    "hypot", np.hypot, "√(x² + y²).",
    lambda g, out, x, y: _over_hypotenuse(g, out, x),  # x/√(x²+y²)
    lambda g, out, x, y: _over_hypotenuse(g, out, y),  # y/√(x²+y²)
    domains=((0.5, 2.0), (0.5, 2.0)), convention="the derivatives at (0, 0) are 0",
)  # fmt: skip
copysign = binary(
    "copysign", np.copysign, "|x| with the sign of y.",
    lambda g, out, x, y: g * sign(x) * where(signbit(y), -1.0, as_array(1.0, x.dtype)),  # ±sign(x)
    None,
    domains=((0.5, 2.0), (0.5, 2.0)), convention="the derivative with respect to y is 0, at x = 0 both are 0",
)  # fmt: skip
nextafter = binary(
    "nextafter", np.nextafter, "The next representable number after x towards y.",
    lambda g, out, x, y: g,  # but for the last bit it is x
    None,
    convention="the derivative with respect to y is 0",
)  # fmt: skip
