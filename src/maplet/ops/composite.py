"""Functions composed of the primitives: limits, stable logarithms of sums, norms, encodings."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any

from maplet.core.primitive import operation
from maplet.core.trace import same
from maplet.core.types import (
    as_dtype,
    default_float,
    default_int,
    float_limits,
    is_floating,
    is_integer,
    python_numbers,
    short_name,
)
from maplet.errors import DTypeError, SettingError
from maplet.ops import reduction
from maplet.ops.arguments import as_array, as_floating, convert, meet
from maplet.ops.creation import arange
from maplet.ops.elementwise import (
    equal,
    exp,
    isfinite,
    isnan,
    log,
    sqrt,
    square,
    where,
)
from maplet.ops.identity import stop_gradient
from maplet.ops.movement import expand_dims, reshape
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike

# ── limits ───────────────────────────────────────────────────────────────────────────────────────


@operation
def clip(x: ArrayLike, /, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Array:
    """``x`` held between two bounds; the gradient passes inside and on the bounds. A NaN in any of them gives NaN.

    The result has the dtype of ``x``; only where that is an integer and a bound is a float has it the float's.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.clip(mp.asarray([-2.0, 0.5, 2.0]), 0, 1)
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    x = as_array(x)
    out = same(x)
    if min is not None:
        out, low = meet(out, min)
        out = where(_passes(out < low, min, low), low, out)
    if max is not None:
        out, high = meet(out, max)
        out = where(_passes(out > high, max, high), high, out)
    return convert(out, x.dtype) if is_floating(x.dtype) == is_floating(out.dtype) else out


@operation
def round_to(x: Array, digits: int, /) -> Array:
    """What Python's ``round(x, digits)`` means: the nearest numbers with so many decimal places, halves to the even.

    Integers have no decimal places to round: for them ``digits`` is 0 or more, and they stay what they are.
    """
    places = whole("round: digits", digits)
    if not is_floating(x.dtype):
        if places < 0:
            raise DTypeError(
                f"round: digits={places} of {short_name(x.dtype)}, and it rounds decimal places",
                fix=f"convert first: round(x.astype(mp.float64), {places})",
            )
        return same(x)
    most = int(log10(float(float_limits(x.dtype).max)))
    if not -most <= places <= most:
        raise SettingError(
            f"round: digits={places}, and {short_name(x.dtype)} reaches to 1e{most}",
            fix=f"give an integer from −{most} to {most}",
        )
    # 10⁻² is no float, but 10² is: so digits before the point are cut off by dividing.
    back = round(x * 10.0**places) / 10.0**places if places >= 0 else round(x / 10.0**-places) * 10.0**-places
    return where(isfinite(back), back, stop_gradient(x))  # what leaves the range on the way has no decimal places


def _passes(beyond: Array, given: ArrayLike, bound: Array) -> Array:
    """Where a bound takes the place of a number: where that is beyond it, and where the bound is NaN."""
    is_number = isinstance(given, python_numbers) and given == given  # noqa: PLR0124  (NaN is not itself)
    return beyond if is_number or not is_floating(bound.dtype) else beyond | isnan(bound)


# ── exponentials that are added up ───────────────────────────────────────────────────────────────


def _greatest(x: Array, axis: Any) -> Array:
    """The greatest element, as a constant: subtracting it changes the rounding, not the value; no gradient is due."""
    top = stop_gradient(reduction.max(x, axis=axis, keepdims=True))
    return where(isfinite(top), top, 0.0)


@operation
def logsumexp(x: ArrayLike, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """The logarithm of a sum of exponentials, ln Σ e^x over axes, without overflow."""
    x = as_floating(as_array(x))
    top = _greatest(x, axis)
    total = reduction.sum(exp(x - top), axis=axis, keepdims=True)
    out = log(total) + top
    return out if keepdims else reshape(out, reduction.sum(x, axis=axis).shape)


@operation
def softmax(x: ArrayLike, /, axis: int = -1) -> Array:
    """e^x / Σ e^x along an axis: positive numbers that add up to 1.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.softmax(mp.asarray([0.0, 0.0]))
    Array([0.5, 0.5], dtype=float32)
    """
    x = as_floating(as_array(x))
    weights = exp(x - _greatest(x, axis))
    return weights / reduction.sum(weights, axis=axis, keepdims=True)


@operation
def softmin(x: ArrayLike, /, axis: int = -1) -> Array:
    """e^−x / Σ e^−x along an axis: the softmax of −x, whose greatest number stands where x is least."""
    return softmax(-as_floating(as_array(x)), axis=axis)


@operation
def log_softmax(x: ArrayLike, /, axis: int = -1) -> Array:
    """The logarithm of softmax, x − ln Σ e^x, exact where softmax itself would be 0."""
    x = as_floating(as_array(x))
    shifted = x - _greatest(x, axis)
    return shifted - log(reduction.sum(exp(shifted), axis=axis, keepdims=True))


# ── encodings and norms ──────────────────────────────────────────────────────────────────────────


@operation
def one_hot(labels: ArrayLike, /, num_classes: int, *, dtype: Any = default_float) -> Array:
    """A new last axis with 1 at each label's position and 0 elsewhere; a label outside gives zeros."""
    labels = as_array(labels)
    if not is_integer(labels.dtype):
        raise DTypeError(
            f"one_hot takes integer labels, not {short_name(labels.dtype)}", fix="convert: labels.astype(mp.int64)"
        )
    known = "the number of classes is no part of the labels: give it, such as int(mp.max(labels)) + 1"
    num_classes = whole("one_hot: num_classes", num_classes, least=1, fix=known)
    return convert(equal(expand_dims(convert(labels, default_int), axis=-1), arange(num_classes)), as_dtype(dtype))


@operation
def norm(x: ArrayLike, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """√Σx², the Euclidean length over axes. The gradient of the zero vector is 0."""
    total = reduction.sum(square(as_floating(as_array(x))), axis=axis, keepdims=keepdims)
    zero = equal(total, 0.0)
    return where(zero, 0.0, sqrt(where(zero, 1.0, total)))
