"""How far an angle is from the nearest multiple of a quarter turn: x = q·π/2 + r with |r| ≤ π/4.

Of q only the last two bits count. From angles of an ordinary size π/2 is taken off in three parts (after W. J. Cody and
W. Waite, Software Manual for the Elementary Functions, 1980). Huge ones are multiplied by just those bits of 2/π that
decide (M. Payne and R. Hanek, 1983), exactly, in integers of 192 bits.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from maplet.compiler.vector_numbers import Number, fma, formats, rounded_multiple

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients

# π/2 in three parts, each rounded.
quarter_turn: Coefficients = {
    "f32": (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    "f64": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
_quarters_in_radian = 0.6366197723675814  # 2/π

# Up to here three parts of π/2 are enough.
ordinary = {"f32": 2.0**16, "f64": 2.0**30}

# ⌊2/π·2^1168⌋
_bits = 1168
_two_over_pi = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee8823"
    "5f52ebb4484e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e"
    "5fea2d7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d085603",
    16,
)


def reduced_ordinary(x: Number) -> tuple[Number, Number, Number]:
    """Of an angle of ordinary size: q (an unsigned integer), r and the small part of r that rounding took away."""
    first, second, third = quarter_turn[x.dtype]
    turns, count = rounded_multiple(x, _quarters_in_radian, formats[x.dtype].shifter)
    near = fma(turns, -first, x)  # exact
    part = turns * second
    lost_of_part = fma(turns, second, -part)
    rest = near - part
    lost = (near - rest) - part  # exact
    return count, rest, fma(turns, -third, lost - lost_of_part)


def reduced_huge(x: Number) -> tuple[Number, Number, Number]:
    """The same of a single f64 above 2^16 that is not infinite.

    With x = m·2^k, m an integer of 53 bits, the bits of 2/π from 4·2^−k on downwards, times m, count quarter turns.
    """
    builder = x.vectors.builder
    i8, i64, i192, i256 = (ir.IntType(bits) for bits in (8, 64, 192, 256))
    bits = x.as_("u64")
    k = (bits >> 52) - (formats["f64"].bias + 52)
    m = (bits & ((1 << 52) - 1)) | (1 << 52)
    skipped = (_bits - 190) - k
    address = builder.gep(_table(builder.module), [(skipped >> 3).value], source_etype=i8)
    window = builder.lshr(builder.load(address, align=1, typ=i256), builder.zext((skipped & 7).value, i256))
    product = builder.mul(builder.trunc(window, i192), builder.zext(m.value, i192))

    turns = builder.lshr(builder.add(product, ir.Constant(i192, 1 << 189)), ir.Constant(i192, 190))
    count = x.as_("u64").like(builder.trunc(turns, i64))
    signed = builder.shl(product, ir.Constant(i192, 2))  # what is left, in 2^−192 quarter turns
    words = []
    for number in range(5, -1, -1):
        shift = builder.ashr if number == 5 else builder.lshr
        word = builder.trunc(shift(signed, ir.Constant(i192, 32 * number)), ir.IntType(32))
        convert = builder.sitofp if number == 5 else builder.uitofp
        words.append(x.like(convert(word, ir.DoubleType())) * 2.0 ** (32 * number - 192))
    return count, *_in_radians(words)


def _in_radians(words: list[Number]) -> tuple[Number, Number]:
    """The sum of exact parts, greatest first, times π/2, in two parts."""
    first, second, *others = words
    below = others[-1]
    for word in reversed(others[:-1]):
        below = word + below
    high = first + second
    low = (second - (high - first)) + below
    whole = high + low
    low = low - (whole - high)
    one, two, _ = quarter_turn["f64"]
    rest = whole * one
    return rest, fma(whole, one, -rest) + fma(whole, two, low * one)


def _table(module: Any) -> Any:
    """2/π in memory, lowest byte first, and zeros above it."""
    name = "maplet.two_over_pi"
    known = module.globals.get(name)
    if known is not None:
        return known
    content = bytearray(_two_over_pi.to_bytes(_bits // 8 + 32, "little"))
    made = ir.GlobalVariable(module, ir.ArrayType(ir.IntType(8), len(content)), name)
    made.linkage = "internal"
    made.global_constant = True
    made.initializer = ir.Constant(made.value_type, content)
    return made
