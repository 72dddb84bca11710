"""Division with a whole quotient: ⌊x/y⌋ and x − y·⌊x/y⌋, with the bits of NumPy."""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from typing import Any

from llvmlite import ir

from maplet.compiler.vector_numbers import Number, choose, copysign, floor, fma, formats, in_f64, rule
from maplet.compiler.vector_repair import called, corrected, repaired
from maplet.compiler.vectors import Vectors, bits_of, is_float, is_signed

# ── integers ─────────────────────────────────────────────────────────────────────────────────────


def _constant_divisor(y: Any, dtype: str) -> int:
    """A divisor above 0 that stands in the kernel, the same in all lanes; else 0."""
    if not isinstance(y, ir.Constant):
        return 0
    lanes = y.constant if isinstance(y.constant, list | tuple) else [y.constant]
    found = {getattr(lane, "constant", lane) for lane in lanes}
    number = found.pop()
    return number if not found and isinstance(number, int) and 0 < number < 1 << (bits_of(dtype) - 1) else 0


def _whole_division(vectors: Vectors, arguments: list[Any], dtype: str) -> tuple[Any, Any]:
    """⌊x/y⌋ and x − y·⌊x/y⌋ of integers; both are 0 where y is 0. No division is one that processors refuse."""
    builder, (x, y) = vectors.builder, arguments
    zero, one = vectors.constant(dtype, 0), vectors.constant(dtype, 1)
    known = _constant_divisor(y, dtype)
    if known and known & (known - 1) == 0:
        shift = vectors.constant(dtype, known.bit_length() - 1)
        quotient = (builder.ashr if is_signed(dtype) else builder.lshr)(x, shift)
        return quotient, builder.and_(x, vectors.constant(dtype, known - 1))
    none = builder.icmp_unsigned("==", y, zero)
    if not is_signed(dtype):
        divisor = y if known else builder.select(none, one, y)
        quotient = builder.udiv(x, divisor)
        rest = builder.sub(x, builder.mul(quotient, divisor))
        return (quotient, rest) if known else (builder.select(none, zero, quotient), rest)
    turned = builder.icmp_unsigned("==", y, vectors.constant(dtype, -1))  # −1 of the least integer would overflow
    divisor = y if known else builder.select(builder.or_(none, turned), one, y)
    quotient = builder.sdiv(x, divisor)
    rest = builder.sub(x, builder.mul(quotient, divisor))
    opposite = builder.icmp_signed("<", builder.xor(rest, divisor), zero)
    above = builder.and_(opposite, builder.icmp_unsigned("!=", rest, zero))
    quotient = builder.select(above, builder.sub(quotient, one), quotient)
    rest = builder.select(above, builder.add(rest, divisor), rest)
    if not known:
        quotient = builder.select(turned, builder.sub(zero, x), builder.select(none, zero, quotient))
    return quotient, rest


# ── floats ───────────────────────────────────────────────────────────────────────────────────────


def _steps_of_numpy(x: Number, y: Number) -> tuple[Number, Number]:
    """The same of single f64: what the quotient, cut off, leaves is exact; the rest follows from it.

    Source: NumPy, npy_math_internal.h.src (npy_divmod).
    """
    rest = x.like(x.vectors.builder.frem(x.value, y.value))
    turned = ((y < 0) ^ (rest < 0)) & ((rest > 0) | (rest < 0))
    quotient = (x - rest) / y
    quotient = choose(turned, quotient - 1.0, quotient)
    found = choose(turned, rest + y, rest)
    found = choose(rest.equals(0), copysign(x.constant(0), y), found)
    below = floor(quotient)
    snapped = choose(quotient - below > 0.5, below + 1.0, below)
    snapped = choose(quotient.equals(0), copysign(x.constant(0), x / y), snapped)
    none = y.equals(0)
    return choose(none, x / y, snapped), choose(none, rest, found)


def _quick(x: Number, y: Number) -> tuple[Number, Number, Number]:
    """Where it is quick: n = ⌊x/y⌋, x − n·y, and where that is not so.

    The rounded quotient has the floor n or, where it was rounded up to an integer, n + 1: then x − (n + 1)·y has not
    the sign of y, and is exact, so that adding y rounds once. x − n·y alone is rounded once, too, as NumPy's rest is.
    """
    quotient = x / y
    slow = ~(abs(quotient) < 2.0 ** (formats[x.dtype].fraction - 2)) | abs(y).equals(float("inf"))
    count = floor(quotient)
    rest = fma(-count, y, x)
    integer = f"i{bits_of(x.dtype)}"
    above = (rest.as_(integer) ^ y.as_(integer)) < 0
    none = rest.equals(0)
    whole = choose(above & ~none, count - 1.0, count)
    found = choose(none, copysign(rest, y), choose(above, rest + y, rest))
    return whole, found, slow


def _slow_quotient(x: Number, y: Number) -> Number:
    return _steps_of_numpy(x, y)[0]


def _slow_rest(x: Number, y: Number) -> Number:
    return _steps_of_numpy(x, y)[1]


def _quotient(x: Number, y: Number) -> Number:
    """⌊x/y⌋; where f32 is not quick, f64 may be."""
    whole, _, slow = _quick(x, y)
    if x.dtype == "f64":
        return repaired(whole, slow, "slow_quotient", _slow_quotient, x, y)
    return corrected(whole, slow, lambda: called("wide_quotient", in_f64(_quotient), x, y))


def _rest(x: Number, y: Number) -> Number:
    """The rest x − y·⌊x/y⌋; of f64, rounded to f32, it is that of f32."""
    _, rest, slow = _quick(x, y)
    if x.dtype == "f64":
        return repaired(rest, slow, "slow_rest", _slow_rest, x, y)
    return corrected(rest, slow, lambda: called("wide_rest", in_f64(_rest), x, y))


# ── rules ────────────────────────────────────────────────────────────────────────────────────────

_quotient_of_floats, _rest_of_floats = rule(_quotient), rule(_rest)


def floor_divide(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The greatest integer ≤ x/y."""
    if is_float(dtype):
        return _quotient_of_floats(vectors, arguments, dtype)
    return _whole_division(vectors, arguments, dtype)[0]


def remainder(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The rest x − y·⌊x/y⌋, which has the sign of y."""
    if is_float(dtype):
        return _rest_of_floats(vectors, arguments, dtype)
    return _whole_division(vectors, arguments, dtype)[1]
