"""Sums, products and maxima of the elements up to each place along an axis, and the recurrence behind them."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import prod as prod_of
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, Read, Running, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, as_dtype, default_int, is_floating, kind_of, short_name, wide_enough
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array, as_floating, broadcast_shape, convert, count_axes, count_axis, meet
from maplet.ops.creation import arange, full
from maplet.ops.elementwise import bitwise_invert, equal, negative, where
from maplet.ops.movement import all_rows, broadcast_to, permute_dims, reshape
from maplet.ops.reduction import reduction, spread
from maplet.ops.slicing import concat, flip, slice_along
from maplet.settings import flag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array, ArrayLike

# ── up to each place ─────────────────────────────────────────────────────────────────────────────


def _cumulative(name: str, function: Any, combiner: str, meaning: str, gradient: Callable[..., Any]) -> None:
    def shape(x: ArrayType, *, axis: int) -> ArrayType:
        if kind_of(x.dtype) == "b":
            raise DTypeError(f"{name} does not take {short_name(x.dtype)}", fix="convert with x.astype(...)")
        return x

    def reference(x: Any, *, axis: int) -> Any:
        wide = wide_enough(x)
        with np.errstate(all="ignore"):
            return function(wide, axis=axis, dtype=wide.dtype).astype(x.dtype, copy=False)

    def access(x: ArrayType, *, axis: int) -> Access:
        axes = indices(x.ndim)
        return Access(axes, Running(combiner, axes[axis], Read(0, axes)))

    register(Primitive(
        name, shape=shape, reference=reference, gradient=gradient, access=access, notation=meaning,
        batch=lambda size, x, *, batched, axis: bind(name, x, axis=axis + 1),
        example=lambda rng: ([rng.permutation(24).reshape(2, 3, 4) / 8 - 1], {"axis": 1}),
        convention="where elements tie for the greatest the last one gets the gradient" if combiner == "max" else "",
    ))  # fmt: skip


def _sum_gradient(g: Array, out: Array, x: Array, *, needed: Any, axis: int) -> list[Array]:
    # x_k counts in every sum from k on.
    return [flip(bind("cumulative_sum", flip(g, axis=axis), axis=axis), axis=axis)]


def _product_gradient(g: Array, out: Array, x: Array, *, needed: Any, axis: int) -> list[Array]:
    # ∂L/∂x_k = p_{k−1}·s_k with s_k = g_k + x_{k+1}·s_{k+1}: no division, so zeros do no harm.
    before = _moved_on(out, axis, 1.0)
    rest = bind("recurrence", _moved_on(flip(x, axis=axis), axis, 1.0), flip(g, axis=axis), axis=axis)
    return [before * flip(rest, axis=axis)]


def _maximum_gradient(g: Array, out: Array, x: Array, *, needed: Any, axis: int) -> list[Array]:
    places = reshape(arange(x.shape[axis]), [-1 if n == axis else 1 for n in range(x.ndim)])
    winner = bind("cumulative_max", where(equal(x, out), places, 0), axis=axis)
    return [bind("add_along_axis", g, winner, axis=axis, length=x.shape[axis])]


def _moved_on(x: Array, axis: int, first: float) -> Array:
    """Each element one place further along an axis: a number stands first, the last element falls out."""
    n = x.shape[axis]
    if not n:
        return x
    begin = full([1 if a == axis else length for a, length in enumerate(x.shape)], first, dtype=x.dtype)
    return concat([begin, slice_along(x, axis, 0, n - 1)], axis=axis)


_cumulative("cumulative_sum", np.cumsum, "sum", r"\sum_{{\le}} {0}", _sum_gradient)
_cumulative("cumulative_prod", np.cumprod, "prod", r"\prod_{{\le}} {0}", _product_gradient)
_cumulative(
    "cumulative_max", lambda x, axis, dtype: np.maximum.accumulate(x, axis=axis), "max", r"\max_{{\le}} {0}",
    _maximum_gradient,
)  # fmt: skip


# ── the product over axes ────────────────────────────────────────────────────────────────────────


def _all_but_each(x: Array) -> Array:
    """Along the last axis, the product of all elements but each: of those before times those behind."""
    last = x.ndim - 1
    before = _moved_on(bind("cumulative_prod", x, axis=last), last, 1.0)
    behind = _moved_on(bind("cumulative_prod", flip(x, axis=last), axis=last), last, 1.0)
    return before * flip(behind, axis=last)


def _prod_gradient(g: Array, out: Array, x: Array, *, needed: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    # ∂/∂x_k = Π_{j≠k} x_j, without a division, so zeros do no harm.
    order = (*(a for a in range(x.ndim) if a not in axes), *axes)
    turned = permute_dims(x, order)
    rows = reshape(turned, (*turned.shape[: x.ndim - len(axes)], prod_of(x.shape[a] for a in axes)))
    found = reshape(_all_but_each(rows), turned.shape)
    back = tuple(order.index(a) for a in range(x.ndim))
    return [spread(g, x.shape, axes) * permute_dims(found, back)]


reduction("prod", np.prod, "prod", "uif", _prod_gradient, empty=True)


@operation
def prod(
    x: ArrayLike, /, axis: int | Sequence[int] | None = None, *, dtype: Any = None, keepdims: bool = False
) -> Array:
    """The product over axes (all of them by default); small integers and booleans are multiplied as int64.

    The gradient is right where elements are 0.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.grad(mp.prod)(mp.asarray([2.0, 0.0, 3.0]))
    Array([0., 6., 0.], dtype=float32)
    """
    x = _summable(x, dtype)
    axes = count_axes("prod", axis, x.ndim)
    return bind("prod", x, axes=axes, keepdims=flag("prod: keepdims", keepdims))


# ── a recurrence ─────────────────────────────────────────────────────────────────────────────────


def _recurrence_shape(a: ArrayType, b: ArrayType, *, axis: int) -> ArrayType:
    if a != b or not is_floating(a.dtype):
        raise ShapeError(f"recurrence takes two floating arrays of one type, given {a} and {b}")
    return a


def _recurrence_value(a: Any, b: Any, *, axis: int) -> Any:
    factors, terms = (np.moveaxis(wide_enough(x), axis, 0) for x in (a, b))
    out, last = np.empty_like(terms), np.full(terms.shape[1:], -0.0, terms.dtype)
    with np.errstate(all="ignore"):
        for n, (factor, term) in enumerate(zip(factors, terms, strict=True)):
            last = out[n] = factor * last + term
    return np.moveaxis(out, 0, axis).astype(a.dtype)


def _recurrence_gradient(
    g: Array, out: Array, a: Array, b: Array, *, needed: tuple[bool, bool], axis: int
) -> list[Array | None]:
    # λ_k = g_k + a_{k+1}·λ_{k+1} is ∂L/∂b_k, and ∂L/∂a_k = λ_k·y_{k−1}.
    after = _moved_on(flip(a, axis=axis), axis, 0.0)
    along = flip(bind("recurrence", after, flip(g, axis=axis), axis=axis), axis=axis)
    return [along * _moved_on(out, axis, 0.0) if needed[0] else None, along]


def _recurrence_access(a: ArrayType, b: ArrayType, *, axis: int) -> Access:
    axes = indices(a.ndim)
    return Access(axes, Running("sum", axes[axis], Read(1, axes), Read(0, axes)))


register(Primitive(
    "recurrence", shape=_recurrence_shape, reference=_recurrence_value, gradient=_recurrence_gradient,
    batch=lambda size, *xs, batched, axis: bind("recurrence", *all_rows(size, xs, batched), axis=axis + 1),
    access=_recurrence_access, notation=r"\text{{out}} = {0}\,\text{{out}}_{{-1}} + {1}",
    example=lambda rng: ([rng.normal(size=(2, 4)), rng.normal(size=(2, 4))], {"axis": 1}),
))  # fmt: skip


# ── what users call ──────────────────────────────────────────────────────────────────────────────


def _along(name: str, x: Array, axis: int | None) -> int:
    if axis is None and x.ndim != 1:
        raise ShapeError(
            f"{name} of an array with {x.ndim} axes needs to know along which", fix=f"mp.{name}(x, axis=-1)"
        )
    return 0 if axis is None else count_axis(name, axis, x.ndim)


def _begun(x: Array, axis: int, first: float, *, include_initial: bool) -> Array:
    if not flag("cumulative_sum and cumulative_prod: include_initial", include_initial):
        return x
    begin = full([1 if a == axis else length for a, length in enumerate(x.shape)], first, dtype=x.dtype)
    return concat([begin, x], axis=axis)


def _summable(x: ArrayLike, dtype: Any) -> Array:
    """As `sum` and `prod` have it: small integers and truth values as 64-bit integers."""
    x = as_array(x)
    if dtype is not None:
        return convert(x, as_dtype(dtype))
    return x if is_floating(x.dtype) else convert(x, np.dtype(np.uint64) if kind_of(x.dtype) == "u" else default_int)


@operation
def cumulative_sum(
    x: ArrayLike, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    """The sum of the elements up to each place along an axis; small integers are added up as int64.

    ``include_initial`` puts the empty sum, 0, first.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.cumulative_sum(mp.asarray([1.0, 2.0, 3.0]))
    Array([1., 3., 6.], dtype=float32)
    """
    x = _summable(x, dtype)
    at = _along("cumulative_sum", x, axis)
    return _begun(bind("cumulative_sum", x, axis=at), at, 0, include_initial=include_initial)


@operation
def cumulative_prod(
    x: ArrayLike, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    """The product of the elements up to each place along an axis; small integers are multiplied as int64.

    ``include_initial`` puts the empty product, 1, first. The gradient is right where elements are 0.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.cumulative_prod(mp.asarray([2.0, 3.0, 4.0]), include_initial=True)
    Array([ 1.,  2.,  6., 24.], dtype=float32)
    """
    x = _summable(x, dtype)
    at = _along("cumulative_prod", x, axis)
    return _begun(bind("cumulative_prod", x, axis=at), at, 1, include_initial=include_initial)


@operation
def cumulative_max(x: ArrayLike, /, *, axis: int | None = None) -> Array:
    """The greatest element up to each place along an axis; NaN stays.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.cumulative_max(mp.asarray([1.0, 3.0, 2.0]))
    Array([1., 3., 3.], dtype=float32)
    """
    x = as_array(x)
    return bind("cumulative_max", x, axis=_along("cumulative_max", x, axis))


@operation
def cumulative_min(x: ArrayLike, /, *, axis: int | None = None) -> Array:
    """The least element up to each place along an axis; NaN stays."""
    x = as_array(x)
    turned = negative if is_floating(x.dtype) else bitwise_invert  # the order turned round, without overflow
    return turned(cumulative_max(turned(x), axis=axis))


@operation
def recurrence(a: ArrayLike, b: ArrayLike, /, *, axis: int = -1) -> Array:
    """``y[i] = a[i]·y[i−1] + b[i]`` along an axis, from 0: discounted sums, moving averages, linear state spaces.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.recurrence(0.5, mp.asarray([1.0, 0.0, 0.0]))
    Array([1.  , 0.5 , 0.25], dtype=float32)
    """
    factors, terms = map(as_floating, meet(a, b))
    shape = broadcast_shape("recurrence", factors.shape, terms.shape)
    factors, terms = broadcast_to(factors, shape), broadcast_to(terms, shape)
    return bind("recurrence", factors, terms, axis=count_axis("recurrence", axis, len(shape)))
