"""Numbers in lanes with the operators of Python, so that a formula for LLVM reads as it does in a book.

Floats, signed (``i``) and unsigned (``u``) integers and truth values are of one class; the dtype says which instruction
an operator stands for. A Python number beside one of them is the same in every lane.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.compiler.vectors import computed_in, is_float, is_signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.compiler.vectors import Rule, Vectors

    # For each dtype the coefficients of a polynomial, lowest power first; or the parts of a constant, greatest first.
    Coefficients = dict[str, tuple[float, ...]]


@dataclass(frozen=True, eq=False, slots=True)
class Number:
    """A value of the program that is written; ``value`` is what it is called in LLVM."""

    vectors: Vectors
    dtype: str
    value: Any

    def like(self, value: Any) -> Number:
        """Another value of this dtype."""
        return Number(self.vectors, self.dtype, value)

    def constant(self, number: float) -> Number:
        """A number of this dtype, the same in every lane."""
        return self.like(self.vectors.constant(self.dtype, number))

    def beside(self, other: Number | float) -> Any:
        """What another operand is called in LLVM."""
        return other.value if isinstance(other, Number) else self.vectors.constant(self.dtype, other)

    def __add__(self, other: Number | float) -> Number:
        builder = self.vectors.builder
        return self.like((builder.fadd if is_float(self.dtype) else builder.add)(self.value, self.beside(other)))

    def __sub__(self, other: Number | float) -> Number:
        builder = self.vectors.builder
        return self.like((builder.fsub if is_float(self.dtype) else builder.sub)(self.value, self.beside(other)))

    def __mul__(self, other: Number | float) -> Number:
        return self.like(self.vectors.builder.fmul(self.value, self.beside(other)))

    def __truediv__(self, other: Number | float) -> Number:
        return self.like(self.vectors.builder.fdiv(self.value, self.beside(other)))

    def __radd__(self, other: float) -> Number:
        return self.constant(other) + self

    def __rsub__(self, other: float) -> Number:
        return self.constant(other) - self

    def __rmul__(self, other: float) -> Number:
        return self.constant(other) * self

    def __rtruediv__(self, other: float) -> Number:
        return self.constant(other) / self

    def __neg__(self) -> Number:
        return self.like(self.vectors.builder.fneg(self.value))

    def __abs__(self) -> Number:
        return self.like(self.vectors.intrinsic("fabs", [self.value]))

    # Comparisons; of a NaN none holds.

    def __lt__(self, other: Number | float) -> Number:
        return self._compare("<", other)

    def __le__(self, other: Number | float) -> Number:
        return self._compare("<=", other)

    def __gt__(self, other: Number | float) -> Number:
        return self._compare(">", other)

    def __ge__(self, other: Number | float) -> Number:
        return self._compare(">=", other)

    def equals(self, other: Number | float) -> Number:
        """Whether two numbers are the same; +0 is −0."""
        return self._compare("==", other)

    def _compare(self, sign: str, other: Number | float) -> Number:
        builder = self.vectors.builder
        if is_float(self.dtype):
            compare = builder.fcmp_ordered
        else:
            compare = builder.icmp_signed if is_signed(self.dtype) else builder.icmp_unsigned
        return Number(self.vectors, "bool", compare(sign, self.value, self.beside(other)))

    # Bits, of integers and truth values.

    def __and__(self, other: Number | int) -> Number:
        return self.like(self.vectors.builder.and_(self.value, self.beside(other)))

    def __or__(self, other: Number | int) -> Number:
        return self.like(self.vectors.builder.or_(self.value, self.beside(other)))

    def __xor__(self, other: Number | int) -> Number:
        return self.like(self.vectors.builder.xor(self.value, self.beside(other)))

    def __invert__(self) -> Number:
        return self ^ -1

    def __lshift__(self, other: int) -> Number:
        return self.like(self.vectors.builder.shl(self.value, self.beside(other)))

    def __rshift__(self, other: int) -> Number:
        builder = self.vectors.builder
        return self.like((builder.ashr if is_signed(self.dtype) else builder.lshr)(self.value, self.beside(other)))

    def as_(self, dtype: str) -> Number:
        """The same bits, read as another dtype."""
        return Number(self.vectors, dtype, self.vectors.reinterpret(self.value, dtype))

    def to(self, dtype: str) -> Number:
        """The same number as another float, rounded once."""
        return Number(self.vectors, dtype, self.vectors.resize(self.value, self.dtype, dtype))


# ── functions with one instruction each ──────────────────────────────────────────────────────────


def fma(x: Number, y: Number | float, z: Number | float) -> Number:
    """x·y + z, rounded once."""
    return x.like(x.vectors.intrinsic("fma", [x.value, x.beside(y), x.beside(z)]))


def sqrt(x: Number) -> Number:
    """√x, rounded once."""
    return x.like(x.vectors.intrinsic("sqrt", [x.value]))


def floor(x: Number) -> Number:
    """⌊x⌋."""
    return x.like(x.vectors.intrinsic("floor", [x.value]))


def copysign(x: Number, sign: Number) -> Number:
    """|x| with a sign."""
    return x.like(x.vectors.intrinsic("copysign", [x.value, sign.value]))


def choose(condition: Number, x: Number | float, y: Number | float) -> Number:
    """The first where the condition holds, else the second; at least one of them is no Python number."""
    known = next(value for value in (x, y) if isinstance(value, Number))
    return known.like(known.vectors.builder.select(condition.value, known.beside(x), known.beside(y)))


def at_most(x: Number, bound: float) -> Number:
    """The lesser of x and a bound; NaN stays NaN."""
    return choose(x.constant(bound) < x, bound, x)


def at_least(x: Number, bound: float) -> Number:
    """The greater of x and a bound; NaN stays NaN."""
    return choose(x.constant(bound) > x, bound, x)


def polynomial(x: Number, coefficients: Coefficients) -> Number:
    """Σ cᵢ·xⁱ by Horner's rule: the fewest instructions; the processor works at several elements at a time."""
    *lower, highest = coefficients[x.dtype]
    total = x.constant(highest)
    for coefficient in reversed(lower):
        total = fma(total, x, coefficient)
    return total


# ── what floats are made of ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Format:
    """How a float lies in its bits: from the highest, 1 sign, an exponent to which ``bias`` is added, a fraction."""

    bits: str  # the unsigned integer of that many bits
    fraction: int
    bias: int

    @property
    def shifter(self) -> float:
        """Added to a number and subtracted again it leaves the nearest integer: its last bit (a 0) counts ones."""
        return 1.5 * 2.0**self.fraction

    @property
    def exponent_shifter(self) -> float:
        """The same, with which the last bits of the sum are those of an exponent."""
        return self.shifter + self.bias

    @property
    def half_range(self) -> int:
        """2^n and 2^−n are normal up to this n, and 2^2n is infinite."""
        return (self.bias + 1) // 2

    @property
    def smallest(self) -> float:
        """The least normal number."""
        return 2.0 ** (1 - self.bias)


formats = {"f32": Format("u32", 23, 127), "f64": Format("u64", 52, 1023)}


def bits_of_number(dtype: str, number: float) -> int:
    """The bits of a float as an unsigned integer."""
    return int.from_bytes(struct.pack("<f" if dtype == "f32" else "<d", number), "little")


def rounded_multiple(x: Number, factor: float, shifter: Number | float) -> tuple[Number, Number]:
    """The integer n nearest to x·factor: as a float, and as what is added to the low bits of the shifter (unsigned)."""
    shifted = fma(x, factor, shifter)
    return shifted - shifter, shifted.as_(formats[x.dtype].bits)


def power_of_two(biased: Number, dtype: str) -> Number:
    """2^n as a normal float; n + bias are the low bits of an unsigned integer."""
    return (biased << formats[dtype].fraction).as_(dtype)


def is_normal(x: Number) -> Number:
    """Whether a number is above 0, normal and finite."""
    form = formats[x.dtype]
    least, beyond = bits_of_number(x.dtype, form.smallest), bits_of_number(x.dtype, float("inf"))
    return x.as_(form.bits) - least < beyond - least


def _shifted_exponent(x: Number) -> Number:
    """The bits of x with the exponent counted so that a fraction from √½ to √2 has the exponent 0."""
    return x.as_(formats[x.dtype].bits) + (bits_of_number(x.dtype, 1.0) - bits_of_number(x.dtype, 0.5**0.5))


def _counted(shifted: Number, dtype: str) -> Number:
    form = formats[dtype]
    whole = (shifted >> form.fraction) + (bits_of_number(dtype, form.shifter) - form.bias)
    return whole.as_(dtype) - form.shifter


def split(x: Number) -> tuple[Number, Number]:
    """The exponent e, as a float, and the fraction m with x = 2^e·m and √½ ≤ m < √2; of a normal number above 0."""
    shifted = _shifted_exponent(x)
    fraction = (shifted & ((1 << formats[x.dtype].fraction) - 1)) + bits_of_number(x.dtype, 0.5**0.5)
    return _counted(shifted, x.dtype), fraction.as_(x.dtype)


def exponent(x: Number) -> tuple[Number, Number]:
    """The exponent e of `split`, and e as an integer where the bits of x have theirs; of a normal number above 0."""
    form, shifted = formats[x.dtype], _shifted_exponent(x)
    whole = (shifted & (-1 << form.fraction)) - (form.bias << form.fraction)
    return _counted(shifted, x.dtype), whole


def lowered(x: Number, whole: Number) -> Number:
    """2^−e·x, with the integer of `exponent`; both must be normal, else it is any number."""
    return (x.as_(whole.dtype) - whole).as_(x.dtype)


# ── rules ────────────────────────────────────────────────────────────────────────────────────────


def rule(function: Callable[..., Number]) -> Rule:
    """The rule of a function of numbers, for f16, f32 and f64; f16 is computed in f32 and rounded."""

    @computed_in("f32", "f16")
    def native(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
        return function(*[Number(vectors, dtype, argument) for argument in arguments]).value

    return native


def in_f64(function: Callable[..., Number]) -> Callable[..., Number]:
    """Make a function compute f32 in f64 and round once."""

    def wide(*numbers: Number) -> Number:
        return function(*[number.to("f64") for number in numbers]).to(numbers[0].dtype)

    return wide
