"""Building blocks of LLVM IR for values of a dtype and a number of lanes: types, constants, intrinsics."""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, wraps
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import llvm_version_info

from maplet.core.types import dtypes_by_short_name

# How a scalar function is spelled: ``(vectors, arguments, dtype of the last argument) → value``.
Rule = Callable[["Vectors", list[Any], str], Any]

floats: dict[str, Any] = {"f16": ir.HalfType(), "f32": ir.FloatType(), "f64": ir.DoubleType()}


def is_float(dtype: str) -> bool:
    """Whether a dtype is f16, bf16, f32 or f64."""
    return dtype[0] == "f" or dtype == "bf16"


def is_signed(dtype: str) -> bool:
    """Whether a dtype is a signed integer."""
    return dtype[0] == "i"


def bits_of(dtype: str) -> int:
    """The number of bits of a dtype in a register; of bool, 1."""
    return 1 if dtype == "bool" else int(dtype.lstrip("biuf"))


@cache
def type_of(dtype: str, lanes: int) -> Any:
    """The LLVM type of a value: one number, or a vector of them; bf16 is 16 bits with which nothing computes."""
    scalar = floats[dtype] if dtype in floats else ir.IntType(bits_of(dtype))
    return scalar if lanes == 1 else ir.VectorType(scalar, lanes)


class Vectors:
    """Builds instructions on values of one number of lanes, at the place where the builder stands."""

    def __init__(self, builder: Any, lanes: int) -> None:
        self.builder = builder
        self.lanes = lanes

    def type(self, dtype: str) -> Any:
        """The LLVM type of a dtype in so many lanes."""
        return type_of(dtype, self.lanes)

    def constant(self, dtype: str, number: Any) -> Any:
        """The same number in every lane; rounded to the dtype, integers modulo 2^bits."""
        return _constant(dtype, self.lanes, number, str(number))  # as text, −0.0 is not 0.0

    def intrinsic(self, name: str, arguments: list[Any], result: Any = None) -> Any:
        """Call ``llvm.NAME`` for the type of the first argument, which is also the result's if none is given."""
        kinds = [argument.type for argument in arguments]
        suffix = _suffix(kinds[0])
        function_type = ir.FunctionType(result or kinds[0], kinds)
        full = f"llvm.{name}.{suffix}"
        module = self.builder.module
        function = module.globals.get(full) or ir.Function(module, function_type, full)
        return self.builder.call(function, arguments)

    def reinterpret(self, value: Any, dtype: str) -> Any:
        """The same bits as another dtype of that many bits."""
        return self.builder.bitcast(value, self.type(dtype))

    def resize(self, value: Any, source: str, target: str) -> Any:
        """The same number as another float; where that is the narrower one, rounded once, to the nearest, ties to even.

        f16 is packed and unpacked as an integer: not every processor has an instruction for it.
        """
        if source == target:
            return value
        if source == "bf16":
            return self.resize(self._lengthened(value), "f32", target)
        if target == "bf16":
            return self._shortened(self.resize(value, source, "f32"))
        if source == "f16":
            return self.resize(self._unpacked(value), "f32", target)
        if target == "f16":
            return self._packed(value if source == "f32" else self._rounded_to_odd(value))
        return (self.builder.fpext if target == "f64" else self.builder.fptrunc)(value, self.type(target))

    def _lengthened(self, value: Any) -> Any:
        # A bf16 is the upper half of an f32.
        if isinstance(value, ir.Constant):
            scalar = value.constant[0] if self.lanes > 1 else value
            return self.constant("f32", float(np.uint16(scalar.constant).view(dtypes_by_short_name["bf16"])))
        bits = self.builder.zext(value, self.type("u32"))
        return self.reinterpret(self.builder.shl(bits, self.constant("u32", 16)), "f32")

    def _shortened(self, value: Any) -> Any:
        # To the nearest, ties to even: just below one half of the last bit is added, and 1 more if that bit is set.
        builder, half = self.builder, self.constant("u32", 16)
        bits = self.reinterpret(value, "u32")
        last = builder.and_(builder.lshr(bits, half), self.constant("u32", 1))
        rounded = builder.lshr(builder.add(bits, builder.add(last, self.constant("u32", 0x7FFF))), half)
        quiet = builder.or_(builder.lshr(bits, half), self.constant("u32", 0x40))
        is_nan = builder.fcmp_unordered("!=", value, value)
        return builder.trunc(builder.select(is_nan, quiet, rounded), self.type("u16"))

    def _unpacked(self, value: Any) -> Any:
        # In the place of an f32, the bits of an f16 without its sign are those of a number smaller by 2^112.
        builder = self.builder
        bits = builder.zext(self.reinterpret(value, "u16"), self.type("u32"))
        size = builder.shl(builder.and_(bits, self.constant("u32", 0x7FFF)), self.constant("u32", 13))
        scaled = builder.fmul(self.reinterpret(size, "f32"), self.constant("f32", 2.0**112))
        infinite = builder.icmp_unsigned(">=", size, self.constant("u32", 0x7C00 << 13))  # or NaN
        kept = builder.or_(size, self.constant("u32", 0x7F800000))
        found = builder.select(infinite, kept, self.reinterpret(scaled, "u32"))
        sign = builder.shl(builder.and_(bits, self.constant("u32", 0x8000)), self.constant("u32", 16))
        return self.reinterpret(builder.or_(found, sign), "f32")

    def _packed(self, value: Any) -> Any:
        # Source: F. Giesen, "Half to float done quic", 2012 (float_to_half_fast3_rtne, public domain).
        builder = self.builder
        bits = self.reinterpret(value, "u32")
        size = builder.and_(bits, self.constant("u32", 0x7FFFFFFF))
        # Normal numbers: move the exponent, add just below one half of the last bit, and 1 more if that bit is set.
        last = builder.and_(builder.lshr(size, self.constant("u32", 13)), self.constant("u32", 1))
        moved = builder.add(builder.add(size, last), self.constant("u32", 0xFFF - (112 << 23)))
        found = builder.lshr(moved, self.constant("u32", 13))
        # Subnormal numbers: ½ has its last bit where theirs is, so that adding it rounds them.
        rounded = builder.fadd(self.reinterpret(size, "f32"), self.constant("f32", 0.5))
        small = builder.sub(self.reinterpret(rounded, "u32"), self.constant("u32", 126 << 23))
        found = builder.select(builder.icmp_unsigned("<", size, self.constant("u32", 113 << 23)), small, found)
        # From 2^16 on infinity; NaN stays NaN.
        is_nan = builder.icmp_unsigned(">", size, self.constant("u32", 0x7F800000))
        large = builder.select(is_nan, self.constant("u32", 0x7E00), self.constant("u32", 0x7C00))
        found = builder.select(builder.icmp_unsigned(">=", size, self.constant("u32", 143 << 23)), large, found)
        sign = builder.and_(builder.lshr(bits, self.constant("u32", 16)), self.constant("u32", 0x8000))
        return self.reinterpret(builder.trunc(builder.or_(found, sign), self.type("u16")), "f16")

    def _rounded_to_odd(self, value: Any) -> Any:
        # Before f64 is rounded to f16 by way of f32, what lies below the 12th bit of the fraction is gathered in that
        # bit: f32 keeps it, and it tells f16, of 10 bits, on which side of the middle the number is.
        builder, last = self.builder, 1 << 40
        bits = self.reinterpret(value, "u64")
        below = builder.and_(bits, self.constant("u64", last - 1))
        sticky = builder.and_(builder.add(below, self.constant("u64", last - 1)), self.constant("u64", last))
        kept = builder.and_(bits, self.constant("u64", -last))
        odd = self.reinterpret(builder.or_(kept, sticky), "f64")
        return builder.fptrunc(odd, self.type("f32"))


def computed_in(wide: str, *narrow: str) -> Callable[[Rule], Rule]:
    """Make a rule compute the dtypes ``narrow`` in the dtype ``wide``; a number is rounded, a truth value kept."""

    def decorate(rule: Rule) -> Rule:
        @wraps(rule)
        def widened(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
            if dtype not in narrow:
                return rule(vectors, arguments, dtype)
            found = rule(vectors, [vectors.resize(x, dtype, wide) for x in arguments], wide)
            return vectors.resize(found, wide, dtype) if found.type == vectors.type(wide) else found

        return widened

    return decorate


class _Repeated(ir.Constant):
    """A vector constant with one number in every lane; written short, it is read fast."""

    def __init__(self, scalar: Any, kind: Any) -> None:
        self.type = kind
        self.constant = [scalar] * kind.count
        self.text = f"splat ({scalar})" if llvm_version_info[0] >= 19 else f"<{', '.join([str(scalar)] * kind.count)}>"

    def _get_reference(self) -> str:
        return self.text


@lru_cache(4096)
def _constant(dtype: str, lanes: int, number: Any, _shown: str) -> Any:
    if dtype == "bf16":
        one: Any = int(dtypes_by_short_name[dtype].type(number).view(np.uint16))
    elif is_float(dtype):
        with np.errstate(all="ignore"):  # beyond the range of the dtype it is an infinity
            one = float(dtypes_by_short_name[dtype].type(number))
    else:
        one = int(bool(number)) if dtype == "bool" else int(number) & ((1 << bits_of(dtype)) - 1)
    scalar = ir.Constant(type_of(dtype, 1), one)
    return scalar if lanes == 1 else _Repeated(scalar, type_of(dtype, lanes))


def _suffix(kind: Any) -> str:
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    if isinstance(kind, ir.IntType):
        return f"i{kind.width}"
    return {"half": "f16", "float": "f32", "double": "f64"}[str(kind)]
