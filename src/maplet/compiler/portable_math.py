"""Random bits, and the functions that random draws are made of, in the same steps as in NumPy: so with the same bits.

`philox` spells ``ops/philox.py``; `log`, `exp` and `normal_quantile` spell ``ops/portable.py``, line by line, where
their formulas and sources stand. They are computed in f64 and rounded once; no product is fused with a sum.
"""

# All rules have one signature, of which each uses what it needs.
# ruff: noqa: ARG001

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from math import inf, nan, sqrt
from typing import TYPE_CHECKING, Any

from maplet.compiler.arithmetic import isnan, maximum, minimum
from maplet.compiler.vectors import computed_in
from maplet.ops import portable

if TYPE_CHECKING:
    from maplet.compiler.vectors import Rule, Vectors

in_f64 = computed_in("f64", "f16", "f32")


# ── random bits ──────────────────────────────────────────────────────────────────────────────────


def philox(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """Ten rounds of Philox 4×32 on (key, draw, block, word): the word of that number, u32.

    The 32-bit words live in 64 bits, whose upper half may hold anything: each multiplication reads the lower one.
    """
    builder, (key, draw, block, number) = vectors.builder, arguments
    half, low = vectors.constant("u64", 32), vectors.constant("u64", 0xFFFFFFFF)

    def product(word: Any, factor: int) -> Any:
        return builder.mul(builder.and_(word, low), vectors.constant("u64", factor))

    def mixed(high: Any, word: Any, secret: Any) -> Any:
        return builder.xor(builder.xor(builder.lshr(high, half), word), secret)

    k0, k1 = key, builder.lshr(key, half)
    c0, c1, c2, c3 = block, builder.lshr(block, half), draw, builder.lshr(draw, half)
    for _ in range(10):
        first, second = product(c0, 0xD2511F53), product(c2, 0xCD9E8D57)
        c0, c1, c2, c3 = mixed(second, c1, k0), second, mixed(first, c3, k1), first
        k0 = builder.add(k0, vectors.constant("u64", 0x9E3779B9))
        k1 = builder.add(k1, vectors.constant("u64", 0xBB67AE85))

    def bit(mask: int) -> Any:
        return builder.icmp_unsigned(
            "!=", builder.and_(number, vectors.constant("i64", mask)), vectors.constant("i64", 0)
        )

    odd = bit(1)
    word = builder.select(bit(2), builder.select(odd, c3, c2), builder.select(odd, c1, c0))
    return builder.trunc(word, vectors.type("u32"))


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


class _Steps:
    """Arithmetic on f64, spelled shortly; Python numbers become constants."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.builder = vectors.builder

    def number(self, x: Any) -> Any:
        return self.vectors.constant("f64", x) if isinstance(x, float) else x

    def add(self, x: Any, y: Any) -> Any:
        return self.builder.fadd(self.number(x), self.number(y))

    def subtract(self, x: Any, y: Any) -> Any:
        return self.builder.fsub(self.number(x), self.number(y))

    def multiply(self, x: Any, y: Any) -> Any:
        return self.builder.fmul(self.number(x), self.number(y))

    def divide(self, x: Any, y: Any) -> Any:
        return self.builder.fdiv(self.number(x), self.number(y))

    def compare(self, x: Any, sign: str, y: Any) -> Any:
        return self.builder.fcmp_ordered(sign, self.number(x), self.number(y))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return self.builder.select(condition, self.number(x), self.number(y))

    def polynomial(self, x: Any, coefficients: tuple[float, ...]) -> Any:
        """Horner's rule, as in ``ops/portable.py``."""
        total = self.add(self.multiply(x, coefficients[0]), coefficients[1])
        for coefficient in coefficients[2:]:
            total = self.add(self.multiply(total, x), coefficient)
        return total

    def fraction(self, x: Any, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
        """The quotient of two polynomials."""
        above, below = coefficients
        return self.divide(self.polynomial(x, above), self.polynomial(x, below))

    def integer(self, number: int) -> Any:
        return self.vectors.constant("i64", number)

    def frexp(self, x: Any) -> tuple[Any, Any]:
        """A positive number as mantissa · 2^exponent, ½ ≤ mantissa < 1; the exponent is an integer (i64)."""
        builder, vectors = self.builder, self.vectors
        subnormal = self.compare(x, "<", 2.0**-1022)
        bits = vectors.reinterpret(self.where(subnormal, self.multiply(x, 2.0**54), x), "i64")
        fraction = builder.and_(bits, self.integer((1 << 52) - 1))
        mantissa = vectors.reinterpret(builder.or_(fraction, self.integer(1022 << 52)), "f64")
        biased = builder.and_(builder.lshr(bits, self.integer(52)), self.integer(0x7FF))
        bias = builder.select(subnormal, self.integer(1022 + 54), self.integer(1022))
        return mantissa, builder.sub(biased, bias)

    def power_of_two(self, k: Any) -> Any:
        """2^k for −1022 ≤ k ≤ 1023."""
        # By way of i32: f64 ↔ i64 is no instruction of many processors.
        whole = self.builder.sext(self.builder.fptosi(k, self.vectors.type("i32")), self.vectors.type("i64"))
        biased = self.builder.add(whole, self.integer(1023))
        return self.vectors.reinterpret(self.builder.shl(biased, self.integer(52)), "f64")


# ── functions ────────────────────────────────────────────────────────────────────────────────────


def _log(do: _Steps, x: Any) -> Any:
    builder, vectors = do.builder, do.vectors
    mantissa, exponent = do.frexp(x)
    small = do.compare(mantissa, "<", sqrt(0.5))
    f = do.subtract(do.where(small, do.add(mantissa, mantissa), mantissa), 1.0)
    whole = builder.select(small, builder.sub(exponent, do.integer(1)), exponent)
    k = builder.sitofp(builder.trunc(whole, vectors.type("i32")), vectors.type("f64"))
    s = do.divide(f, do.add(f, 2.0))
    rest = do.polynomial(do.multiply(s, s), portable.log_coefficients)
    half = do.multiply(do.multiply(f, f), 0.5)
    correction = do.add(do.multiply(s, do.add(half, rest)), do.multiply(k, portable.ln2_low))
    found = do.subtract(do.multiply(k, portable.ln2_high), do.subtract(do.subtract(half, correction), f))
    found = do.where(do.compare(x, "==", 0.0), -inf, do.where(do.compare(x, "<", 0.0), nan, found))
    return do.where(do.compare(x, "<", inf), found, x)


@in_f64
def log(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The natural logarithm."""
    return _log(_Steps(vectors), *arguments)


@in_f64
def exp(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The exponential."""
    do, (x,) = _Steps(vectors), arguments
    unknown = isnan(vectors, [x], dtype)
    bounded = minimum(vectors, [maximum(vectors, [x, do.number(-750.0)], dtype), do.number(720.0)], dtype)
    bounded = do.where(unknown, 0.0, bounded)
    k = vectors.intrinsic("rint", [do.multiply(bounded, 1.44269504088896338700)])
    high, low = do.subtract(bounded, do.multiply(k, portable.ln2_high)), do.multiply(k, portable.ln2_low)
    r = do.subtract(high, low)
    square = do.multiply(r, r)
    c = do.subtract(r, do.polynomial(square, portable.exp_coefficients))
    quotient = do.divide(do.multiply(r, c), do.subtract(2.0, c))
    power = do.subtract(1.0, do.subtract(do.subtract(low, quotient), high))
    first = vectors.intrinsic("floor", [do.multiply(k, 0.5)])
    found = do.multiply(do.multiply(power, do.power_of_two(first)), do.power_of_two(do.subtract(k, first)))
    return do.where(unknown, x, found)


@in_f64
def normal_quantile(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The inverse of the normal distribution function."""
    do, (p,) = _Steps(vectors), arguments
    q = do.subtract(p, 0.5)
    near = do.multiply(q, do.fraction(do.subtract(0.180625, do.multiply(q, q)), portable.middle))
    below = do.compare(q, "<", 0.0)
    beyond = do.where(below, p, do.subtract(1.0, p))
    r = vectors.intrinsic("sqrt", [do.builder.fneg(_log(do, beyond))])
    outer, tail = do.fraction(do.subtract(r, 1.6), portable.outer), do.fraction(do.subtract(r, 5.0), portable.tail)
    far = do.where(do.compare(r, "<=", 5.0), outer, tail)
    far = do.where(do.compare(beyond, "==", 0.0), inf, far)
    middle = do.compare(vectors.intrinsic("fabs", [q]), "<=", 0.425)
    return do.where(middle, near, do.where(below, do.builder.fneg(far), far))


table: dict[str, Rule] = {
    "philox": philox,
    "portable_log": log,
    "portable_exp": exp,
    "normal_quantile": normal_quantile,
}
