"""The exponential function and what is made of it: eˣ, eˣ − 1, 1/(1 + e⁻ˣ), sinh, cosh, tanh.

x = n·ln 2 + r with an integer n and |r| ≤ ½ ln 2, so that eˣ = 2ⁿ·eʳ. The polynomials are minimax for the relative
error of the result (Remez exchange in 50 digits); those of f32 were rounded from the lowest coefficient on, each time
fitting the higher ones again.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from maplet.compiler.vector_numbers import (
    Number,
    at_least,
    at_most,
    choose,
    copysign,
    fma,
    formats,
    polynomial,
    power_of_two,
    rounded_multiple,
)

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients

# ln 2, rounded, and what that leaves.
ln2: Coefficients = {"f32": (0.6931471824645996, -1.9046542121259336e-09), "f64": (log(2), 2.3190468138462996e-17)}

# (eʳ − 1 − r)/r² for |r| ≤ ½ ln 2; error of eʳ 2^−28.2 and 2^−60.
_exponential: Coefficients = {
    "f32": (0.49999994, 0.16666521, 0.04166829, 0.008368704, 0.0013818945),
    "f64": (
        0.5, 0.16666666666666682, 0.04166666666666608, 0.008333333333316786, 0.0013888888889119098,
        0.00019841269897012846, 2.4801586922327998e-05, 2.755723422081423e-06, 2.755758386271237e-07,
        2.5112264291394056e-08, 2.0826431909372536e-09,
    ),
}  # fmt: skip

# Beyond these eˣ is 0 or infinite. At the lower ones 2ⁿ⁺ˢ, with the s of `_shift`, has the bits of 0: so what is far
# below, as the score of what is masked, is not multiplied until it underflows, which would cost more.
_range = {"f32": (-191 * log(2), 89.0), "f64": (-1535 * log(2), 710.0)}


def _reduced(x: Number, shifter: Number | float) -> tuple[Number, Number, Number]:
    """The integer n, as a float and in the bits of the shifter, and r."""
    high, low = ln2[x.dtype]
    multiple, count = rounded_multiple(x, 1 / log(2), shifter)
    return multiple, count, fma(multiple, -low, fma(multiple, -high, x))


def _lost(x: Number, multiple: Number, rest: Number) -> Number:
    """What rounding took from r: x − n·h, with the high part h of ln 2, is exact."""
    high, low = ln2[x.dtype]
    return fma(multiple, -low, fma(multiple, -high, x) - rest)


def _exp_of_rest(rest: Number) -> Number:
    return fma(fma(polynomial(rest, _exponential), rest, 1.0), rest, 1.0)


def _clipped(x: Number) -> Number:
    low, high = _range[x.dtype]
    return at_least(at_most(x, high), low)


def _normal(x: Number, shifter: Number | float) -> Number:
    """2^s·eˣ where that is a normal number or x is NaN; the shifter has s in its last bits beside the bias."""
    _, count, rest = _reduced(x, shifter)
    return _exp_of_rest(rest) * power_of_two(count, x.dtype)


def _shift(x: Number) -> tuple[Number, Number]:
    """The shifter of an s with 2^s·eˣ normal wherever eˣ is neither 0 nor infinite, and 2^−s."""
    form, negative = formats[x.dtype], x < 0
    half = form.half_range
    shifter = choose(negative, x.constant(form.exponent_shifter + half), form.exponent_shifter - half)
    return shifter, choose(negative, x.constant(2.0**-half), 2.0**half)


def exp(x: Number) -> Number:
    """The exponential function eˣ."""
    shifter, factor = _shift(x)
    return _normal(_clipped(x), shifter) * factor


def exp_of_negative(x: Number) -> Number:
    """The same for x ≤ 0."""
    form = formats[x.dtype]
    return _normal(at_least(x, _range[x.dtype][0]), form.exponent_shifter + form.half_range) * 2.0**-form.half_range


def _half_exp(x: Number) -> Number:
    """½·eˣ for x ≥ 0; where eˣ is infinite this need not be."""
    form = formats[x.dtype]
    clipped = at_most(x, _range[x.dtype][1] + 1.0)
    return _normal(clipped, form.exponent_shifter - form.half_range) * 2.0 ** (form.half_range - 1)


def exp_of_sum(x: Number, small: Number) -> Number:
    """e^(x + y) of a y that is small beside 1, wherever eˣ is neither 0 nor infinite; hardly rounded but at the end."""
    clipped, (shifter, factor) = _clipped(x), _shift(x)
    multiple, count, rest = _reduced(clipped, shifter)
    more = choose(clipped.equals(x), small, 0.0) + _lost(clipped, multiple, rest)
    near, curved = 1.0 + rest, rest * rest * polynomial(rest, _exponential)
    whole = near + (((1.0 - near) + rest) + fma(more, near + curved, curved))
    return whole * power_of_two(count, x.dtype) * factor


def expm1(x: Number) -> Number:
    """The difference eˣ − 1 = 2ⁿ·(eʳ − 1) + (2ⁿ − 1)."""
    form = formats[x.dtype]
    clipped = at_least(at_most(x, _range[x.dtype][1]), -form.fraction * log(2) - 3.0)
    multiple, count, rest = _reduced(clipped, form.exponent_shifter - 1)
    of_rest = rest + fma(rest * rest, polynomial(rest, _exponential), _lost(clipped, multiple, rest))
    half = power_of_two(count, x.dtype)  # 2ⁿ⁻¹: 2ⁿ may be infinite
    whole = fma(of_rest, half, half - 0.5) * 2.0
    return copysign(choose(multiple.equals(0), of_rest, whole), x)


def sigmoid(x: Number) -> Number:
    """1/(1 + e⁻ˣ). With z = e^−|x|, which cannot overflow: 1 − z/(1 + z), and z − z·z/(1 + z) for x < 0."""
    z = exp_of_negative(-abs(x))
    whole = choose(x < 0, z, 1.0)
    return fma(-whole, z / (1.0 + z), whole)


# (tanh x − x)/x³ in x² for |x| ≤ 0.55; error 2^−29.8 and 2^−59.
_tangent: Coefficients = {
    "f32": (-0.3333332, 0.13332637, -0.053856842, 0.021088235, -0.0062954854),
    "f64": (
        -0.3333333333333333, 0.13333333333333075, -0.05396825396804978, 0.02186948852803162, -0.008863235340238522,
        0.0035921252114526434, -0.0014558062366129593, 0.0005898350916304685, -0.00023822118088934817,
        9.398258117372934e-05, -3.298496055703139e-05, 7.459089188634721e-06,
    ),
}  # fmt: skip


# (½·(e²ʳ − 1) − r)/r² for |r| ≤ ¼ ln 2; error 2^−26.1.
_half_expm1: Coefficients = {"f32": (0.99999994, 0.66666186, 0.33333954, 0.13386005, 0.04438384)}


def _short_tanh(x: Number) -> Number:
    """Of f32: t = h/(1 + h) with h = ½·(e²ˣ − 1) = 2ⁿ·½·(e²ʳ − 1) + ½·(2ⁿ − 1), and h − h·t of a small h."""
    size = at_most(abs(x), 10.0)  # from 9.1 on it is 1
    multiple, count = rounded_multiple(size, 2 / log(2), formats["f32"].exponent_shifter)
    rest = fma(multiple, -0.5 * ln2["f32"][0], size)
    of_rest = fma(rest * rest, polynomial(rest, _half_expm1), rest)
    power = power_of_two(count, "f32")
    half = fma(of_rest, power, fma(power, 0.5, -0.5))
    far = half / (1.0 + half)
    return copysign(choose(half < 0.4, fma(-half, far, half), far), x)


def tanh(x: Number) -> Number:
    """For small x, x + x³·p(x²); from 0.55 on 1 − 2/(e^(2x) + 1)."""
    if x.dtype == "f32":
        return _short_tanh(x)
    size = at_most(abs(x), 20.0)  # from 19.1 on it is 1
    square = size * size
    near = fma(size * square, polynomial(square, _tangent), size)
    far = 1.0 - 2.0 / (_normal(size + size, formats[x.dtype].exponent_shifter) + 1.0)
    return copysign(choose(size < 0.55, near, far), x)


# (sinh x − x)/x³ in x² for |x| ≤ 1; error 2^−31.6 and 2^−56.
_sine: Coefficients = {
    "f32": (0.16666667, 0.008333311, 0.00019842635, 2.7839255e-06),
    "f64": (
        0.16666666666666669, 0.008333333333333139, 0.0001984126984143768, 2.7557319155336727e-06,
        2.5052123398640692e-08, 1.6057240330926362e-10, 7.759312599542129e-13,
    ),
}  # fmt: skip


def sinh(x: Number) -> Number:
    """For small x, x + x³·p(x²); from 1 on (eˣ − e⁻ˣ)/2."""
    size, square = abs(x), x * x
    near = fma(size * square, polynomial(square, _sine), size)
    half = _half_exp(size)
    return copysign(choose(size < 1.0, near, half - 0.25 / half), x)


def cosh(x: Number) -> Number:
    """(eˣ + e⁻ˣ)/2."""
    half = _half_exp(abs(x))
    return half + 0.25 / half


# (erf x − x)/x in x², of f32 for |x| ≤ 0.6, of f64 for |x| ≤ 0.9; error 2^−26.1 and 2^−56.
_error: Coefficients = {
    "f32": (0.12837915, -0.37612513, 0.11280994, -0.026646977, 0.0045123617),
    "f64": (
        0.1283791670955126, -0.3761263890318373, 0.1128379167095382, -0.0268661706448288, 0.005223977621820422,
        -0.0008548326767348532, 0.0001205532148593854, -1.4925309920578183e-05, 1.645536406882168e-06,
        -1.6276851517665794e-07, 1.4053170577332662e-08, -8.497786278592376e-10,
    ),
}  # fmt: skip

# f32: −log₂(1 − erf x) from 0.6 to 4; f64: −ln(1 − erf x) from 0.9 to 6. There erf x is 1. Error 2^−27.8 and 2^−56.
_tail: Coefficients = {
    "f32": (-4.3618555e-05, 1.628349, 0.91661024, 0.15244631, -0.033363137, 0.004738413, -0.00032048402),
    "f64": (
        -3.66446859341425e-09, 1.1283792424749972, 0.6366191478551871, 0.10277560061169352, -0.019138095974838773,
        -0.00018668442990718635, 0.0016563438931428062, -0.0005349368002690426, -3.499243444266856e-05,
        0.00011855681755351914, -6.851449888520408e-05, 2.5741995328800414e-05, -7.241375966323841e-06,
        1.5835716883454594e-06, -2.703865490210466e-07, 3.552737409038398e-08, -3.4772835521873854e-09,
        2.389742053910295e-10, -1.0289890654555961e-11, 2.0880236958434605e-13,
    ),
}  # fmt: skip

# (2⁻ʳ − 1)/r for |r| ≤ ½; error of 2⁻ʳ 2^−28.3.
_falling: Coefficients = {"f32": (-0.6931472, 0.24022648, -0.055503596, 0.009618506, -0.0013391024, 0.00015326796)}


def _power_below_one(x: Number) -> Number:
    """2⁻ˣ of f32, for 0 ≤ x < 100; the nearest integer is taken from x, and from the exponent of what it leaves."""
    form = formats["f32"]
    shifted = x + form.shifter
    rest = x - (shifted - form.shifter)
    part = fma(polynomial(rest, _falling), rest, 1.0)
    return (part.as_(form.bits) - (shifted.as_(form.bits) << form.fraction)).as_("f32")


def erf_of_small(x: Number) -> Number:
    """The error function x + x·p(x²) of |x| ≤ 0.9, in f32 ≤ 0.6."""
    return fma(x, polynomial(x * x, _error), x)


def erf(x: Number) -> Number:
    """For small x, x + x·p(x²); from 0.6 or 0.9 on 1 − 2^(−q(x)) or 1 − e^(−q(x)) (an idea of N. Juffa)."""
    short = x.dtype == "f32"
    size = at_most(abs(x), 4.0 if short else 6.0)
    near = erf_of_small(size)
    exponent = polynomial(size, _tail)
    rest = _power_below_one(exponent) if short else _normal(-exponent, formats[x.dtype].exponent_shifter)
    return copysign(choose(size >= (0.6 if short else 0.9), 1.0 - rest, near), x)
