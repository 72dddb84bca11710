"""Random numbers that take as many attempts as it needs: a loop in which every element goes on until one is accepted.

Round k draws from position k of a key of its own, for all elements at once. So no element depends on how often another
was rejected, and what is drawn inside never moves the generator outside.
"""

from __future__ import annotations

from math import log, pi
from typing import TYPE_CHECKING

from maplet.core.primitive import operations
from maplet.core.trace import bind
from maplet.core.types import default_int
from maplet.ops import reduction
from maplet.ops.arguments import as_array, convert
from maplet.ops.distributions import between, float64, infinity, standard_normal, uint64
from maplet.ops.elementwise import abs, floor, logical_not, maximum, sqrt, where  # noqa: A004  (the standard's name for |x|)
from maplet.ops.movement import broadcast_to
from maplet.ops.padding import pad
from maplet.ops.portable import portable_exp, portable_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array
    from maplet.core.types import Shape


def until_accepted(
    key: Array, start: Array, done: Array, attempt: Callable[[Array, Array], tuple[Array, Array]]
) -> Array:
    """For each element what ``attempt`` first accepts, or its start where it is done before.

    An attempt takes two numbers between 0 and 1, as words, and gives candidates and whether they are accepted.
    """

    def turn(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        number, done, found = carry
        words = bind("random_bits", key, number, shape=(*start.shape, 4))
        candidate, fits = attempt(words[..., :2], words[..., 2:])
        return number + 1, done | fits, where(done, found, candidate)

    def pending(carry: tuple[Array, Array, Array]) -> Array:
        return logical_not(reduction.all(carry[1]))

    _, _, found = operations["while_loop"](pending, turn, (as_array(1, uint64), done, start))
    return found


def single(key: Array, shape: Shape) -> Array:
    """A number between 0 and 1 for each element, from the position before the first round."""
    return between(bind("random_bits", key, as_array(0, uint64), shape=(*shape, 2)))


# ── gamma ────────────────────────────────────────────────────────────────────────────────────────


def gamma_parts(key: Array, a: Array, shape: Shape) -> tuple[Array, Array]:
    """(y, b) such that y·e^b is a gamma number of shape parameter a; kept apart, since e^b may be too small.

    For a ≥ 1: y = d·v with d = a − ⅓, v = (1 + x/√(9d))³ and x normal, accepted if ln u < x²/2 + d − d·v + d·ln v,
    which more than 95 of 100 are; b = 0. For a < 1: y as for a + 1, and b = ln(u)/a. NaN where a is no number above 0.

    Source: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM Transactions on
    Mathematical Software 26 (2000), 363-372.
    """
    a = broadcast_to(a, shape)
    small, legal = a < 1.0, (a > 0.0) & (a < infinity)
    d = where(small, a + 1.0, a) - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)

    def attempt(first: Array, second: Array) -> tuple[Array, Array]:
        x, u = standard_normal(first), between(second)
        root = 1.0 + c * x
        v = where(root > 0.0, root * root * root, 1.0)
        return d * v, (root > 0.0) & (portable_log(u) < 0.5 * x * x + d * (1.0 - v + portable_log(v)))

    start = where(legal, as_array(0.0, float64), float("nan"))
    y = until_accepted(key, start, logical_not(legal), attempt)
    # Below 10⁻³⁰⁰ the quotient could be infinite; e^b is 0 long before.
    return y, where(small, portable_log(single(key, shape)) / maximum(a, 1e-300), 0.0)


def shares(y: Array, b: Array) -> Array:
    """Gamma numbers y·e^b along the last axis, each divided by their sum; by logarithms, so that none is lost."""
    size = portable_log(y) + b
    greatest = reduction.max(size, axis=-1, keepdims=True)
    weights = portable_exp(where(size == greatest, 0.0, size - greatest))
    return weights / total(weights)


def total(x: Array) -> Array:
    """The sum along the last axis, which is kept: halves are added to each other, so the order is part of it."""
    while (n := x.shape[-1]) > 1:
        half = (n + 1) // 2
        x = x[..., :half] + pad(x[..., half:], [(0, 0)] * (x.ndim - 1) + [(0, 2 * half - n)])
    return x


# ── Poisson ──────────────────────────────────────────────────────────────────────────────────────


def poisson(key: Array, rate: Array, shape: Shape) -> Array:
    """A Poisson number for each rate, as int64: by inversion below 10, by transformed rejection from there on.

    Source: W. Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance:
    Mathematics and Economics 12 (1993), 39-45: his algorithm PTRS.
    """
    rate = broadcast_to(rate, shape)
    small, large = rate < 10.0, (rate >= 10.0) & (rate < infinity)
    few = _few(single(key, shape), where(small, rate, 0.0))
    return convert(where(small, few, _many(key, where(large, rate, 10.0), logical_not(large))), default_int)


def _few(u: Array, rate: Array) -> Array:
    """How many terms of Σ e^(−λ)·λ^k/k! the number u exceeds; beyond 100 terms nothing is left for λ < 10."""

    def turn(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        k, count, term, below = carry
        exceeds = u >= below
        k, count, term = k + 1.0, count + convert(exceeds, float64), term * rate / (k + 1.0)
        return k, count, term, below + term

    def pending(carry: tuple[Array, Array, Array, Array]) -> Array:
        return reduction.any(u >= carry[3]) & (carry[0] < 100.0)

    term = portable_exp(-rate)
    _, count, _, _ = operations["while_loop"](pending, turn, (as_array(0.0, float64), 0.0 * u, term, term))
    return count


def _many(key: Array, rate: Array, done: Array) -> Array:
    b = 0.931 + 2.53 * sqrt(rate)
    a = -0.059 + 0.02483 * b
    log_rate, log_scale = portable_log(rate), portable_log(1.1239 + 1.1328 / (b - 3.4))
    inside = 0.9277 - 3.6224 / (b - 2.0)

    def attempt(first: Array, second: Array) -> tuple[Array, Array]:
        u, v = between(first) - 0.5, between(second)
        edge = 0.5 - abs(u)
        k = floor((2.0 * a / edge + b) * u + rate + 0.43)
        at_once = (edge >= 0.07) & (v <= inside)
        possible = (k >= 0.0) & ((edge >= 0.013) | (v <= edge))
        k = where(k >= 0.0, k, 0.0)
        left = portable_log(v) + log_scale - portable_log(a / (edge * edge) + b)
        return k, at_once | (possible & (left <= k * log_rate - rate - log_factorial(k)))

    return until_accepted(key, 0.0 * rate, done, attempt)


def log_factorial(k: Array) -> Array:
    """The logarithm of k!, by Stirling's series at x = k + 9: its error there is below 10⁻¹¹."""
    x = k + 9.0
    product = k + 1.0
    for step in range(2, 9):
        product = product * (k + float(step))  # (k + 8)!/k!
    z = 1.0 / (x * x)
    series = (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z / 1680.0))) / x
    return (x - 0.5) * portable_log(x) - x + 0.5 * log(2.0 * pi) + series - portable_log(product)
