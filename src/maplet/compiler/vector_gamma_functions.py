"""ln |Γ|, its derivative ψ, and the derivatives ψₙ of that.

f32 is computed in f64: above 0 by shorter polynomials, below 0, where there are zeros between the poles, by those for
f64. The formulas are those of ``ops/gamma_functions.py``, the coefficients for f64 those of ``ops/gamma_series.py``.
What numbers below 0 need is computed only where a vector has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.compiler.vector_logarithms import infinity, log, log_of_normal, nan
from maplet.compiler.vector_numbers import Number, choose, fma, in_f64, polynomial, rule
from maplet.compiler.vector_repair import corrected
from maplet.ops import gamma_series as series

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients
    from maplet.compiler.vectors import Vectors


@dataclass(frozen=True, slots=True)
class _Fit:
    """A polynomial in (y − center)/(y + center), and from ``far`` on one in 1/y²."""

    center: float
    far: float
    near: Coefficients
    beyond: Coefficients

    def around(self, y: Number) -> Number:
        """The first polynomial."""
        return polynomial((y - self.center) / (y + self.center), self.near)


# For f32 the errors are 2^−29 and 2^−29, of ψ 2^−30 and 2^−25 (of a term that is less than a fiftieth of ψ).
_lgamma = {
    "f32": _Fit(
        1.323, 2.5,
        {"f64": (
            0.5111267280172235, -0.4540494156959775, 0.12923066412828588, -0.15615579598279275, 0.08610342869619242,
            -0.09585086405020295, 0.06324153419631803, -0.06815759156208548, 0.06273550301183334, -0.06631261507350836,
        )},
        {"f64": (
            0.08333333318250694, -0.002777730267917978, 0.0007911751677638835, -0.0005477085546540336,
            0.0004225167871385413,
        )},
    ),
    "f64": _Fit(series.lgamma_center, series.lgamma_far, {"f64": series.lgamma_near}, {"f64": series.stirling}),
}  # fmt: skip
_digamma = {
    "f32": _Fit(
        1.581, 2.5,
        {"f64": (
            0.9182452702983568, -1.224930957740767, 0.8538514218197452, -0.90205315425911, 0.8517845310544594,
            -0.8767339087070055, 0.8525777088495397, -0.8657978765948277, 0.9800399264029963, -0.9883045875064354,
        )},
        {"f64": (
            0.08333333189547608, -0.008332879801948714, 0.003944458373585603, -0.003702698671611221,
            0.0033388989329076716,
        )},
    ),
    "f64": _Fit(
        series.digamma_center, series.digamma_far, {"f64": series.digamma_near}, {"f64": series.digamma_series}
    ),
}  # fmt: skip

_pi = 3.141592653589793


def _rest(x: Number) -> Number:
    """How far x is from the nearest integer, with a sign; exact."""
    return x - x.like(x.vectors.intrinsic("rint", [x.value]))


def _turned(rest: Number) -> Number:
    """sin(π·rest)/π."""
    square = rest * rest
    return fma(rest * square, polynomial(square, {"f64": series.sine}), rest)


def _cotangent(rest: Number) -> Number:
    """The cotangent of π·rest; the cosine is the sine of what is left to the quarter turn, so that no zero is lost."""
    return _turned(0.5 - abs(rest)) / _turned(rest)


# ── ln |Γ| ───────────────────────────────────────────────────────────────────────────────────────


def _lgamma_above(y: Number, logarithm: Number, fit: _Fit) -> Number:
    """The logarithm of Γ from 0.7 on; the logarithm is that of y where y is not below ``fit.far``."""
    near = (y - 1.0) * (y - 2.0) * fit.around(y)
    inverse = 1.0 / y
    correction = fma(inverse, polynomial(inverse * inverse, fit.beyond), series.stirling_constant)
    return choose(y < fit.far, near, fma(y - 0.5, logarithm - 1.0, correction))


def lgamma(x: Number) -> Number:
    """The logarithm of |Γ(x)|: below 0.7 ln Γ(1 + x) − ln x, and below 0 −ln |sin(πx)/π| − ln Γ(1 − x)."""
    wide = x.to("f64")
    size = abs(wide)
    small, logarithm = size < series.lgamma_small, log(size)
    above = _lgamma_above(choose(small, size + 1.0, size), logarithm, _lgamma[x.dtype])
    found = above + choose(small, -logarithm, 0.0)  # +0 at 1 and 2

    def below() -> Number:
        rest, y = _rest(size), size + 1.0
        reflected = -log(abs(_turned(rest))) - _lgamma_above(y, log_of_normal(y), _lgamma["f64"])
        return choose(rest.equals(0), infinity, reflected)

    found = corrected(found, wide < 0, below)
    return choose(size.equals(infinity), infinity, found).to(x.dtype)


# ── ψ ────────────────────────────────────────────────────────────────────────────────────────────


def _digamma_above(y: Number, lost: Number, logarithm: Number, inverse: Number, fit: _Fit) -> Number:
    """ψ from 1 on, of y and what rounding took from it.

    The logarithm and 1/y are those of y where y is not below ``fit.far``.
    """
    high, low = series.digamma_root
    near = ((y - high) + (lost - low)) * fit.around(y)
    square = inverse * inverse
    far = logarithm - fma(inverse, 0.5, square * polynomial(square, fit.beyond))
    return choose(y < fit.far, near, far)


def digamma(x: Number) -> Number:
    """ψ(x): below 1 ψ(1 + x) − 1/x, and below 0 ψ(1 − x) − π·cot πx."""
    wide = x.to("f64")
    size = abs(wide)
    small, above, inverse = size < 1.0, size + 1.0, 1.0 / wide
    lost = size - (above - 1.0)
    y, of_y = choose(small, above, size), choose(small, lost, 0.0)
    found = _digamma_above(y, of_y, log(size), inverse, _digamma[x.dtype]) - choose(small, inverse, 0.0)

    def below() -> Number:
        rest = _rest(size)
        value = _digamma_above(above, lost, log_of_normal(above), 1.0 / above, _digamma["f64"])
        reflected = fma(_cotangent(rest), _pi, value)
        return choose(rest.equals(0), nan, reflected)

    return corrected(found, wide < 0, below).to(x.dtype)


# ── ψₙ ───────────────────────────────────────────────────────────────────────────────────────────


def _power(u: Number, n: int) -> Number:
    """n!·uⁿ⁺¹ as the product of u, u, 2u … n·u: on the way it is not 0 or infinite where it is not in the end."""
    product = u
    for j in range(1, n + 1):
        product = product * (u * j)
    return product


def _polygamma_above(y: Number, n: int) -> Number:
    """The size of ψₙ from 0 on: n!/(y + k)ⁿ⁺¹ for the first k, and the series for the rest."""
    u = 1.0 / (y + series.steps(n))
    square = u * u
    tail = fma(square, polynomial(square, {"f64": series.asymptotic(n)}), fma(u, 0.5 * n, 1.0))
    total = y.constant(0.0)
    for k in reversed(range(1, series.steps(n))):  # the least first
        total = total + _power(1.0 / (y + k), n)
    return (total + _power(u, n - 1) * tail) + _power(1.0 / y, n)


def _polygamma(n: int) -> Any:
    """The function ψₙ: below 0 (−1)ⁿ·ψₙ(1 − x) − π·dⁿ/dxⁿ cot πx."""
    even = n % 2 == 0

    @in_f64
    def function(x: Number) -> Number:
        positive = _polygamma_above(x, n)

        def below() -> Number:
            rest = _rest(x)
            cotangent = _cotangent(rest)
            turned = polynomial(cotangent * cotangent, {"f64": series.reflection(n)})
            turned = -(turned * cotangent) if even else turned
            reflected = turned - _polygamma_above(1.0 - x, n)
            return choose(rest.equals(0), nan if even else infinity, reflected)

        return corrected(-positive if even else positive, x < 0, below)

    return function


def polygamma(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The rule of ψₙ(x) for (x, n): the order n is a constant of the kernel."""
    x, order = arguments
    number = order.constant if vectors.lanes == 1 else order.constant[0].constant
    return rule(_polygamma(int(number)))(vectors, [x], dtype)
