"""The logarithm of the gamma function and its derivatives: ln |Γ|, ψ = (ln Γ)′ and ψₙ, the derivatives of ψ.

Below 0 they follow from Γ(x)·Γ(1 − x) = π/sin πx and its derivatives. There ln |Γ|, ψ and ψₙ for even n have zeros
between the poles; next to one, the error is some units in the last place of the terms whose difference it is.
"""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, Call, Literal, indices, read_broadcast
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, is_floating, short_name
from maplet.errors import DTypeError
from maplet.ops import gamma_series as series
from maplet.ops.arguments import as_array, as_floating
from maplet.ops.records import aligned_batch, in_float64, unary
from maplet.ops.special import polynomial
from maplet.settings import whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.ops.special import Value

# ── around a turn ────────────────────────────────────────────────────────────────────────────────


def _rest(x: Value) -> Value:
    """How far x is from the nearest integer, with a sign; exact."""
    return x - np.rint(x)


def _turned(rest: Value) -> Value:
    """sin(π·rest)/π."""
    square = rest * rest
    return rest + rest * square * polynomial(square, series.sine)


def _cotangent(rest: Value) -> Value:
    """The cotangent of π·rest; the cosine is the sine of what is left to the quarter turn, so that no zero is lost."""
    return _turned(0.5 - np.abs(rest)) / _turned(rest)


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def _lgamma_above(y: Value) -> Value:
    """The logarithm of Γ from 0.7 on."""
    t = (y - series.lgamma_center) / (y + series.lgamma_center)
    near = (y - 1) * (y - 2) * polynomial(t, series.lgamma_near)
    inverse = 1 / y
    correction = series.stirling_constant + inverse * polynomial(inverse * inverse, series.stirling)
    far = (y - 0.5) * (np.log(y) - 1) + correction
    return np.where(y < series.lgamma_far, near, far)


def lgamma_value(x: Value) -> Value:
    """The logarithm of |Γ(x)|: below 0.7 ln Γ(1 + x) − ln x, and below 0 −ln |sin(πx)/π| − ln Γ(1 − x)."""
    size = np.abs(x)
    small, rest = size < series.lgamma_small, _rest(size)
    positive = _lgamma_above(np.where(small, size + 1, size)) + np.where(small, -np.log(size), 0.0)  # +0 at 1 and 2
    negative = -np.log(np.abs(_turned(rest))) - _lgamma_above(1 + size)
    found = np.where(x < 0, np.where(rest == 0, np.inf, negative), positive)
    return np.where(size == np.inf, np.inf, found)


def _digamma_above(y: Value, lost: Value | float = 0.0) -> Value:
    """The digamma function from 1 on, of y and what rounding took from it."""
    high, low = series.digamma_root
    t = (y - series.digamma_center) / (y + series.digamma_center)
    near = ((y - high) + (lost - low)) * polynomial(t, series.digamma_near)
    inverse = 1 / y
    square = inverse * inverse
    far = np.log(y) - (0.5 * inverse + square * polynomial(square, series.digamma_series))
    return np.where(y < series.digamma_far, near, far)


def digamma_value(x: Value) -> Value:
    """ψ(x): below 1 ψ(1 + x) − 1/x, and below 0 ψ(1 − x) − π·cot πx."""
    size = np.abs(x)
    small, above, rest = size < 1, size + 1, _rest(size)
    lost = size - (above - 1)
    positive = _digamma_above(np.where(small, above, size), np.where(small, lost, 0)) - np.where(small, 1 / x, 0)
    negative = _digamma_above(above, lost) + np.pi * _cotangent(rest)
    return np.where(x < 0, np.where(rest == 0, np.nan, negative), positive)


def _power(u: Value, n: int) -> Value:
    """n!·uⁿ⁺¹ as the product of u, u, 2u … n·u: on the way it is not 0 or infinite where it is not in the end."""
    product = u
    for j in range(1, n + 1):
        product = product * (u * j)
    return product


def _polygamma_above(y: Value, n: int) -> Value:
    """The size of ψₙ from 0 on: n!/(y + k)ⁿ⁺¹ for the first k, and the series for the rest."""
    u = 1 / (y + series.steps(n))
    square = u * u
    tail = 1 + (0.5 * n * u + square * polynomial(square, series.asymptotic(n)))
    total = np.zeros_like(y)
    for k in reversed(range(1, series.steps(n))):  # the least first
        total = total + _power(1 / (y + k), n)
    return (total + _power(u, n - 1) * tail) + _power(1 / y, n)


def polygamma_value(x: Value, n: int) -> Value:
    """ψₙ(x): below 0 (−1)ⁿ·ψₙ(1 − x) − π·dⁿ/dxⁿ cot πx."""
    size = np.abs(x)
    rest = _rest(x)
    cotangent = _cotangent(rest)
    square, even = cotangent * cotangent, n % 2 == 0
    turned = (cotangent if even else 1) * polynomial(square, series.reflection(n))
    negative = (-turned if even else turned) - _polygamma_above(1 + size, n)
    positive = _polygamma_above(x, n)
    at_pole = np.nan if even else np.inf
    return np.where(x < 0, np.where(rest == 0, at_pole, negative), -positive if even else positive)


# ── records ──────────────────────────────────────────────────────────────────────────────────────

lgamma = unary(
    "lgamma", lgamma_value, "The logarithm of the gamma function, ln |Γ(x)|.",
    lambda g, out, x: g * digamma(x),  # ψ
    domain=(0.5, 3.5), singular=True, notation=r"\ln |\Gamma({0})|",
    convention="∞ at the poles 0, −1, −2 … and at ±∞ (SciPy: −∞ at −∞); the derivative is `digamma`, NaN at the poles "
    "below 0",
)  # fmt: skip
digamma = unary(
    "digamma", digamma_value, "The digamma function ψ = (ln Γ)′.",
    lambda g, out, x: g * polygamma(1, x),  # ψ₁
    domain=(0.5, 3.5), singular=True, notation=r"\psi({0})",
    convention="−∞ at 0, ∞ at −0; NaN at the other poles, which have ∞ on one side and −∞ on the other, and at −∞; "
    "the derivative at all poles is ∞",
)  # fmt: skip


def _polygamma_shape(x: ArrayType, *, n: int) -> ArrayType:  # noqa: ARG001  (one type for every order)
    if not is_floating(x.dtype):
        raise DTypeError(f"polygamma takes an array of real numbers, given {short_name(x.dtype)}")
    return x


def _polygamma_reference(x: Any, n: Any) -> Any:
    return in_float64(lambda x: polygamma_value(x, int(n)), to_bool=False)(x)


def _polygamma_access(x: ArrayType, *, n: int) -> Access:
    axes = indices(x.ndim)
    return Access(axes, Call("polygamma", (read_broadcast(0, x.shape, axes), Literal(n))))


def _polygamma_pullback(g: Array, out: Array, x: Array, *, needed: tuple[bool], n: int) -> list[Array | None]:  # noqa: ARG001
    return [g * polygamma(n + 1, x)]  # ψₙ′ = ψₙ₊₁


register(Primitive(
    "polygamma", shape=_polygamma_shape, reference=_polygamma_reference, gradient=_polygamma_pullback,
    batch=aligned_batch("polygamma"), singular=True, access=_polygamma_access, notation=r"\psi^{{(n)}}({0})",
    convention="at the poles ∞ for odd n; for even n, as `digamma`, −∞ at 0, ∞ at −0 and NaN at the others, which have "
    "∞ on one side and −∞ on the other (PyTorch and SciPy: −∞ at all); NaN at −∞",
    example=lambda rng: ([rng.uniform(0.5, 3.5, size=(2, 3))], {"n": 1}),
))  # fmt: skip


@operation
def polygamma(n: int, x: ArrayLike, /) -> Array:
    """The n-th derivative of the digamma function, n = 0 (itself) to 30; n is a Python integer.

    ψₙ(x) = (−1)ⁿ⁺¹·n!·Σ 1/(x + k)ⁿ⁺¹, k = 0, 1, 2 … Its derivative is ψₙ₊₁: so far go those of `lgamma` and `digamma`.

    Raises
    ------
    SettingError
        If n is no integer, or not from 0 to 30.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.polygamma(1, 1.0)  # π²/6
    Array(1.644934)
    """
    fewer = "it grows by 1 with each derivative; take fewer of them"
    n = whole("polygamma: n", n, least=0, most=series.highest_order, fix=fewer)
    return digamma(x) if n == 0 else bind("polygamma", as_floating(as_array(x)), n=n)


@operation
def trigamma(x: ArrayLike, /) -> Array:
    """The derivative of the digamma function, ψ₁ = `polygamma` (1, x).

    Examples
    --------
    >>> import maplet as mp
    >>> mp.trigamma(mp.asarray([0.5, 2.0]))
    Array([4.934802  , 0.64493406], dtype=float32)
    """
    return polygamma(1, x)
