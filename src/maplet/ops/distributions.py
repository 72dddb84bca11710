"""From random bits to random numbers: what the methods of a generator compute, as functions of words of 32 bits.

Everything is computed in float64 by operations that are rounded exactly (see `maplet.ops.portable`), element by
element, so that a number depends on its own bits and parameters alone, and has the same bits on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import Array, value_of
from maplet.core.context import thread
from maplet.core.types import float_limits
from maplet.errors import SettingError, ShapeError, TraceError
from maplet.ops.arguments import as_array, as_shape, broadcast_shape, convert, require
from maplet.ops.elementwise import minimum, nextafter, where
from maplet.ops.portable import normal_quantile, portable_log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import ArrayLike
    from maplet.core.types import Shape

float64, uint32, uint64 = np.dtype(np.float64), np.dtype(np.uint32), np.dtype(np.uint64)
low_word = 2**32 - 1
infinity = float("inf")

# ── parameters ───────────────────────────────────────────────────────────────────────────────────


def known(value: ArrayLike) -> np.ndarray[Any, Any] | None:
    """The numbers in a parameter; None where they are only known when the graph runs."""
    if isinstance(value, Array):
        return value_of(value)
    try:
        return np.asarray(value)
    except TraceError:
        return None


def parameter(name: str, value: ArrayLike, holds: Callable[[Any], Any], what: str) -> Array:
    """A parameter as float64; where its numbers are known they must lie in their range."""
    read = as_array(value) if isinstance(value, Array | bool) else as_array(value, float64)
    array = convert(require(name, read, "uif", "numbers"), float64)
    numbers = known(value)
    if numbers is not None and numbers.dtype == object:  # an integer of more than 64 bits
        numbers = numbers.astype(float64)
    if numbers is not None and not np.all(holds(numbers)):
        wrong = numbers[~np.broadcast_to(holds(numbers), numbers.shape)].flat[0]
        raise SettingError(f"{name} is {what}, not {wrong}", fix="every element of it must lie in this range")
    return array


def finite(name: str, value: ArrayLike) -> Array:
    """A parameter that may be any number."""
    return parameter(name, value, np.isfinite, "a finite number")


def positive(name: str, value: ArrayLike) -> Array:
    """A parameter that is a number above 0."""
    return parameter(name, value, lambda x: (x > 0) & np.isfinite(x), "a number above 0")


def spread(name: str, value: ArrayLike) -> Array:
    """A parameter that scales: 0 or above."""
    return parameter(name, value, lambda x: (x >= 0) & np.isfinite(x), "0 or a number above 0")


def probability(name: str, value: ArrayLike) -> Array:
    """A parameter from 0 to 1."""
    return parameter(name, value, lambda x: (x >= 0) & (x <= 1), "from 0 to 1")


def logits(name: str, value: ArrayLike) -> Array:
    """A parameter that is the logarithm of a weight; −∞ stands for the weight 0."""
    return parameter(name, value, lambda x: x < infinity, "a finite number or −∞")


def countable(name: str, value: ArrayLike) -> Array:
    """A parameter that is a mean of counts: so far below 2⁶³ that the numbers around it, ten deviations, are int64."""
    top = 2.0**63 - 10.0 * 2.0**31.5
    return parameter(name, value, lambda x: (x >= 0) & (x <= top), f"0 or a number above 0, at most {top:.6g}")


def held(name: str, value: ArrayLike, dtype: np.dtype[Any]) -> Array:
    """A parameter that is a finite number, also once it is rounded to a dtype."""
    top = float_limits(dtype).max

    def holds(x: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.isfinite(np.asarray(x, float64).astype(dtype))

    return parameter(name, value, holds, f"a finite number that {dtype} holds, from {-top:.5g} to {top:.5g}")


def natural(method: str, value: ArrayLike) -> Array:
    """An integer from 0 to 2⁶³ − 1, as uint64; where it is known it must lie in this range."""
    number, given = _modulo(method, value), known(value)
    if given is not None and np.any(outside := (given < 0) | (given >= 2**63)):
        raise SettingError(f"{method} takes an integer from 0 to 2⁶³ − 1, not {given[outside].flat[0]}")
    return number


def require_a_class(method: str, logits: ArrayLike) -> None:
    """Refuse logits that are known and leave a distribution without a class that can be drawn."""
    given = known(logits)
    if given is not None and not np.all(given.max(axis=-1) > -infinity):
        raise SettingError(f"{method}: all logits of a distribution are −∞, so that no class can be drawn")


def log_weights(weights: ArrayLike, n: int, needed: int) -> Array:
    """The logarithms of n weights, −∞ for 0; where they are known, enough of them must be above 0."""
    array, given = spread("choice: weights", weights), known(weights)
    if array.shape != (n,):
        raise ShapeError(f"choice: weights of shape {array.shape}, and there are {n} to choose from")
    if given is not None and np.count_nonzero(given) < needed:
        raise SettingError(
            f"choice: {needed} to be drawn, and {np.count_nonzero(given)} of the {n} weights are above 0",
            fix="what has the weight 0 is never drawn",
        )
    possible = array > 0.0
    return where(possible, portable_log(where(possible, array, 1.0)), -infinity)


def require_below(method: str, low: ArrayLike, high: ArrayLike) -> None:
    """Refuse limits that are known and leave nothing between them."""
    first, last = known(low), known(high)
    if first is not None and last is not None and not np.all(first < last):
        raise SettingError(f"{method}: low={low} is not below high={high}", fix="high itself is never drawn")


def shape_for(method: str, shape: int | Sequence[int] | None, *parameters: Shape) -> Shape:
    """The shape that is asked for, into which the parameters must fit; without one, the shape of the parameters."""
    own = broadcast_shape(method, *parameters, ())
    if shape is None:
        return own
    wanted = as_shape("random", shape)
    if broadcast_shape(method, own, wanted) != wanted:
        raise ShapeError(
            f"{method}: parameters of shape {own} do not fit into numbers of shape {wanted}",
            fix=f"leave out the shape, or give one that ends like {own}",
        )
    return wanted


# ── from bits to the numbers between 0 and 1 ─────────────────────────────────────────────────────


def joined(words: Array) -> Array:
    """64 bits from two words along the last axis."""
    return convert(words[..., 0], uint64) | convert(words[..., 1], uint64) << 32


def fraction(words: Array, dtype: np.dtype[Any]) -> Array:
    """From 0 to before 1: as many bits as the dtype has digits; float64 takes two words along the last axis."""
    digits = float_limits(dtype).nmant + 1
    if dtype != float64:
        return convert(words >> (32 - digits), dtype) * 2.0**-digits
    high, low = convert(words[..., 0] >> 5, float64), convert(words[..., 1] >> 6, float64)
    return (high * 2.0**26 + low) * 2.0**-53


def between(words: Array) -> Array:
    """Strictly between 0 and 1: (m + ½)·2⁻⁵² for the m of 52 bits in two words along the last axis.

    Each is a float64 without rounding (another bit would be lost near 1), and so is its complement 1 − u: the
    numbers lie symmetrically about ½, and their logarithms are finite.
    """
    high, low = convert(words[..., 0], float64), convert(words[..., 1] >> 12, float64)
    return (high * 2.0**20 + low + 0.5) * 2.0**-52


def placed(unit: Array, first: Array, last: Array, *, wide: bool) -> Array:
    """Numbers between 0 and 1 as numbers from ``first`` to before ``last``, in the dtype of the former.

    low + (high − low)·u; where high − low is beyond the dtype, which only is looked at if ``wide``, low·(1 − u) +
    high·u.
    """
    dtype = unit.dtype
    low, high = convert(first, dtype), convert(last, dtype)
    if wide:
        far = _is_beyond(convert(last * 0.5 - first * 0.5, dtype))
        length = convert(where(far, 1.0, last) - where(far, 0.0, first), dtype)
        between_far = where(far, low, 0.0) * (1.0 - unit) + where(far, high, 0.0) * unit
        drawn = where(far, between_far, unit * length + low)
    else:
        drawn = unit * convert(last - first, dtype) + low
    return minimum(drawn, nextafter(high, low))  # scaling may round up to `high` itself


def may_be_wide(low: ArrayLike, high: ArrayLike, dtype: np.dtype[Any]) -> bool:
    """Whether the difference of two limits is beyond a dtype, or could be when the graph runs."""
    first, last = known(low), known(high)
    fixed = thread.trace is None or all(isinstance(limit, int | float) for limit in (low, high))
    if first is None or last is None or not fixed:  # an array that a graph captures may have other numbers later
        return True
    half = np.asarray(last, float64) * 0.5 - np.asarray(first, float64) * 0.5
    return bool(np.any(_is_beyond(half.astype(dtype))))


def _is_beyond(half: Any) -> Any:
    """Whether the double of a number is beyond its dtype."""
    return half > 0.5 * float(float_limits(half.dtype).max)


# ── one number from two words ────────────────────────────────────────────────────────────────────


def standard_normal(words: Array) -> Array:
    """Mean 0 and deviation 1: the quantile of a number between 0 and 1. None is beyond ±8.2."""
    return normal_quantile(between(words))


def standard_exponential(words: Array) -> Array:
    """Mean 1: −ln u."""
    return -portable_log(between(words))


def standard_gumbel(words: Array) -> Array:
    """The greatest of many: −ln(−ln u)."""
    return -portable_log(standard_exponential(words))


def standard_laplace(words: Array) -> Array:
    """An exponential number with either sign: ±ln(2·min(u, 1 − u))."""
    u = between(words)
    size = portable_log(2.0 * minimum(u, 1.0 - u))
    return where(u < 0.5, size, -size)


standard = {
    "normal": standard_normal, "exponential": standard_exponential,
    "gumbel": standard_gumbel, "laplace": standard_laplace,
}  # fmt: skip


def below(words: Array, n: Array) -> Array:
    """An integer from 0 to n − 1: the upper half of the product w·n, for w of 64 bits; n = 0 stands for 2⁶⁴.

    No number is more likely than another by more than 2⁻⁶⁴. Source: D. Lemire, "Fast random integer generation in an
    interval", ACM Transactions on Modeling and Computer Simulation 29 (2019).
    """
    low, high = convert(words[..., 0], uint64), convert(words[..., 1], uint64)
    n_low, n_high = n & low_word, n >> 32
    first, second = high * n_low, low * n_high  # (high·2³² + low)·(n_high·2³² + n_low), the two middle products
    carry = ((low * n_low) >> 32) + (first & low_word) + (second & low_word)
    product = high * n_high + (first >> 32) + (second >> 32) + (carry >> 32)
    return where(n == 0, low | high << 32, product)


# ── integers ─────────────────────────────────────────────────────────────────────────────────────


def integer_range(low: ArrayLike, high: ArrayLike, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The lower limit and the number of integers up to before the upper one, modulo 2⁶⁴."""
    limits = np.iinfo(dtype)
    first, last = _modulo("integers", low), _modulo("integers", high)
    require_below("integers", low, high)
    bounds = [int(bound) for given in (known(low), known(high)) if given is not None for bound in given.flat]
    outside = [bound for bound in bounds if not limits.min <= bound <= limits.max + 1]
    if outside:
        raise SettingError(
            f"integers up to the limit {outside[0]} do not fit into {dtype}",
            fix=f"{dtype} goes from {limits.min} to {limits.max}; give another dtype=",
        )
    return first, last - first


def _modulo(method: str, limit: ArrayLike) -> Array:
    if isinstance(limit, int) and not isinstance(limit, bool):
        return as_array(limit % 2**64, uint64)
    return convert(require(method, as_array(limit), "ui", "integers"), uint64)
