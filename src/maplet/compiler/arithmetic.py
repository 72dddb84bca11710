"""Functions that are exact, or rounded exactly once: the same bits as NumPy gives, in every lane.

f16 is computed in f32 and rounded once more, which for + − × ÷ √ gives the correctly rounded result.
"""

# All rules have one signature, of which each uses what it needs.
# ruff: noqa: ARG001

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from maplet.compiler.division import floor_divide, remainder
from maplet.compiler.vectors import Vectors, bits_of, computed_in, is_float, is_signed

if TYPE_CHECKING:
    from maplet.compiler.vectors import Rule

table: dict[str, Rule] = {}


in_f32 = computed_in("f32", "f16", "bf16")


# ── one instruction each ─────────────────────────────────────────────────────────────────────────


def _instruction(real: str, integer: str = "") -> Rule:
    """An instruction of the builder: its name for floats and for integers."""

    def rule(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
        return getattr(vectors.builder, real if is_float(dtype) else integer)(*arguments)

    return rule


def _intrinsic(name: str) -> Rule:
    """An intrinsic on floats; integers stay as they are."""

    def rule(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
        return vectors.intrinsic(name, arguments) if is_float(dtype) else arguments[0]

    return rule


def _comparison(sign: str) -> Rule:
    """A comparison; of a NaN only ≠ holds."""

    def rule(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
        builder = vectors.builder
        if is_float(dtype):
            return (builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered)(sign, *arguments)
        return (builder.icmp_signed if is_signed(dtype) else builder.icmp_unsigned)(sign, *arguments)

    return rule


def where(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The second argument where the first holds, else the third."""
    return vectors.builder.select(*arguments)


def fma(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """x·y + z, rounded once. Of f16 the sum in f64 is exact wherever the result depends on its last bits."""
    if dtype != "f16":
        return vectors.intrinsic("fma", arguments)
    x, y, z = (vectors.resize(argument, "f16", "f64") for argument in arguments)
    return vectors.resize(vectors.builder.fadd(vectors.builder.fmul(x, y), z), "f64", "f16")


table |= {
    "add": in_f32(_instruction("fadd", "add")),
    "subtract": in_f32(_instruction("fsub", "sub")),
    "multiply": in_f32(_instruction("fmul", "mul")),
    "divide": in_f32(_instruction("fdiv")),
    "sqrt": in_f32(_intrinsic("sqrt")),
    "copysign": in_f32(_intrinsic("copysign")),
    "floor": in_f32(_intrinsic("floor")),
    "ceil": in_f32(_intrinsic("ceil")),
    "trunc": in_f32(_intrinsic("trunc")),
    "round": in_f32(_intrinsic("rint")),  # halves go to the even number
    "equal": in_f32(_comparison("==")),
    "not_equal": in_f32(_comparison("!=")),
    "less": in_f32(_comparison("<")),
    "less_equal": in_f32(_comparison("<=")),
    "greater": in_f32(_comparison(">")),
    "greater_equal": in_f32(_comparison(">=")),
    "where": where,
    "fma": fma,
}
for _word, _method in (("and", "and_"), ("or", "or_"), ("xor", "xor")):
    table[f"logical_{_word}"] = table[f"bitwise_{_word}"] = _instruction("", _method)


# ── sign and size ────────────────────────────────────────────────────────────────────────────────


@in_f32
def negative(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """−x; of an unsigned integer, modulo 2^bits."""
    if is_float(dtype):
        return vectors.builder.fneg(*arguments)
    return vectors.builder.sub(vectors.constant(dtype, 0), *arguments)


@in_f32
def absolute(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """|x|; of the least signed integer, itself."""
    if is_float(dtype):
        return vectors.intrinsic("fabs", arguments)
    (x,) = arguments
    if not is_signed(dtype):
        return x
    below = vectors.builder.icmp_signed("<", x, vectors.constant(dtype, 0))
    return vectors.builder.select(below, negative(vectors, [x], dtype), x)


@in_f32
def sign(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """−1, 0 or 1; NaN of NaN, and +0 of −0."""
    builder, (x,), zero = vectors.builder, arguments, vectors.constant(dtype, 0)
    above = table["greater"](vectors, [x, zero], dtype)
    below = table["less"](vectors, [x, zero], dtype)
    middle = zero if not is_float(dtype) else builder.select(isnan(vectors, [x], dtype), x, zero)
    negative_or_middle = builder.select(below, vectors.constant(dtype, -1), middle)
    return builder.select(above, vectors.constant(dtype, 1), negative_or_middle)


@in_f32
def square(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """x²."""
    return table["multiply"](vectors, arguments * 2, dtype)


@in_f32
def reciprocal(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """1/x."""
    return vectors.builder.fdiv(vectors.constant(dtype, 1), *arguments)


@in_f32
def isnan(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """Whether x is NaN; no integer is."""
    if not is_float(dtype):
        return vectors.constant("bool", 0)
    (x,) = arguments
    return vectors.builder.fcmp_unordered("uno", x, x)


def _beside_infinity(ordering: str) -> Rule:
    @in_f32
    def rule(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
        if not is_float(dtype):
            return vectors.constant("bool", ordering == "<")
        size = vectors.intrinsic("fabs", arguments)
        return vectors.builder.fcmp_ordered(ordering, size, vectors.constant(dtype, float("inf")))

    return rule


def signbit(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """Whether the highest bit is set, which is the sign of −0 and of a NaN too."""
    integer = f"i{bits_of(dtype)}"
    (x,) = arguments
    bits = vectors.reinterpret(x, integer)
    return vectors.builder.icmp_signed("<", bits, vectors.constant(integer, 0))


def _extremum(ordering: str) -> Rule:
    """The greater or the lesser of two numbers; NaN where one is NaN.

    Of +0 and −0, which are equal, it is the second one, and of f16 the first, as in NumPy on x86.
    """

    def rule(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
        builder, (x, y) = vectors.builder, arguments
        compare = table[{">": "greater", "<": "less"}[ordering] + ("_equal" if dtype == "f16" else "")]
        found = builder.select(compare(vectors, arguments, dtype), x, y)
        return builder.select(isnan(vectors, [x], dtype), x, found) if is_float(dtype) else found

    return rule


def nextafter(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The next number after x towards y: its bits, as an integer, counted one up or down."""
    builder, (x, y), integer = vectors.builder, arguments, f"i{bits_of(dtype)}"
    one, least = vectors.constant(integer, 1), vectors.constant(integer, 1 << (bits_of(dtype) - 1))
    zero = vectors.constant(dtype, 0)
    bits = vectors.reinterpret(x, integer)
    outwards = builder.icmp_unsigned(
        "==", table["less"](vectors, [x, y], dtype), table["greater"](vectors, [x, zero], dtype)
    )
    moved = builder.select(outwards, builder.add(bits, one), builder.sub(bits, one))
    from_zero = builder.or_(builder.and_(vectors.reinterpret(y, integer), least), one)
    moved = builder.select(table["equal"](vectors, [x, zero], dtype), from_zero, moved)
    found = vectors.reinterpret(moved, dtype)
    found = builder.select(table["equal"](vectors, [x, y], dtype), x if dtype == "f16" else y, found)  # as in NumPy
    found = builder.select(isnan(vectors, [y], dtype), y, found)
    return builder.select(isnan(vectors, [x], dtype), x, found)


def invert(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """Every bit turned over; of a truth value, not x."""
    return vectors.builder.xor(*arguments, vectors.constant(dtype, -1))


maximum, minimum = _extremum(">"), _extremum("<")

table |= {
    "negative": negative, "abs": absolute, "sign": sign, "square": square, "reciprocal": reciprocal,
    "isnan": isnan, "isinf": _beside_infinity("=="), "isfinite": _beside_infinity("<"), "signbit": signbit,
    "maximum": maximum, "minimum": minimum, "nextafter": nextafter,
    "logical_not": invert, "bitwise_invert": invert,
}  # fmt: skip


# ── shifts ───────────────────────────────────────────────────────────────────────────────────────


def left_shift(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """x·2^y as bits; 0 where y is negative or not below the number of bits."""
    builder, (x, y), zero = vectors.builder, arguments, vectors.constant(dtype, 0)
    within = builder.icmp_unsigned("<", y, vectors.constant(dtype, bits_of(dtype)))
    return builder.select(within, builder.shl(x, builder.select(within, y, zero)), zero)


def right_shift(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """⌊x/2^y⌋; where y is negative or not below the number of bits, 0, or −1 of a negative x."""
    builder, (x, y) = vectors.builder, arguments
    within = builder.icmp_unsigned("<", y, vectors.constant(dtype, bits_of(dtype)))
    if is_signed(dtype):
        return builder.ashr(x, builder.select(within, y, vectors.constant(dtype, bits_of(dtype) - 1)))
    zero = vectors.constant(dtype, 0)
    return builder.select(within, builder.lshr(x, builder.select(within, y, zero)), zero)


table |= {"bitwise_left_shift": left_shift, "bitwise_right_shift": right_shift}


# ── powers of integers ───────────────────────────────────────────────────────────────────────────


def power(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The power x^y of integers, modulo 2^bits, by squaring; a negative exponent is read as if it had no sign."""
    kind, module = vectors.type(dtype), vectors.builder.module
    name = f"power_{dtype}_{vectors.lanes}"
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(kind, [kind, kind]), name)
        _fill_with_power(function, dtype, vectors.lanes)
    return vectors.builder.call(function, arguments)


def _fill_with_power(function: Any, dtype: str, lanes: int) -> None:
    """A function of its own: a loop over the bits of the exponent, while there is one left in any lane."""
    function.linkage = "internal"
    first, loop, last = (function.append_basic_block() for _ in range(3))
    ir.IRBuilder(first).branch(loop)
    builder = ir.IRBuilder(loop)
    vectors = Vectors(builder, lanes)
    one, zero = vectors.constant(dtype, 1), vectors.constant(dtype, 0)
    found, x, y = (builder.phi(vectors.type(dtype)) for _ in range(3))
    chosen = builder.icmp_unsigned("!=", builder.and_(y, one), zero)
    product = builder.select(chosen, builder.mul(found, x), found)
    square, rest = builder.mul(x, x), builder.lshr(y, one)
    for place, start, following in zip((found, x, y), (one, *function.args), (product, square, rest), strict=True):
        place.add_incoming(start, first)
        place.add_incoming(following, loop)
    mask = ir.IntType(lanes)
    left = builder.bitcast(builder.icmp_unsigned("!=", rest, zero), mask)
    builder.cbranch(builder.icmp_unsigned("!=", left, ir.Constant(mask, 0)), loop, last)
    ir.IRBuilder(last).ret(product)


table |= {"floor_divide": floor_divide, "remainder": remainder}
of_integers: dict[str, Rule] = {"power": power}  # of real numbers it is no exact function
