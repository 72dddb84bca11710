"""Sorting: the order of the elements along an axis, and the elements in that order."""

# The record below is a table of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, default_int
from maplet.errors import ShapeError
from maplet.ops.arguments import as_array, count_axis
from maplet.ops.movement import moveaxis
from maplet.ops.slicing import flip
from maplet.settings import flag

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


def _require_axis(x: ArrayType) -> None:
    if not x.ndim:
        raise ShapeError("sort: an array without axes has no order", fix="sort along an axis of a longer array")


def _argsort_shape(x: ArrayType) -> ArrayType:
    _require_axis(x)
    return ArrayType(x.shape, default_int)


def _sort_shape(x: ArrayType) -> ArrayType:
    _require_axis(x)
    return x


def _sort_gradient(g: Array, out: Array, x: Array, *, needed: Any) -> list[Array]:
    # Each place sends back to the element that was moved there.
    last = x.ndim - 1
    return [bind("add_along_axis", g, bind("argsort", x), axis=last, length=x.shape[last])]


def _backwards(x: Any) -> Any:
    """The order from the greatest element to the least: backwards twice, so that equal elements keep their order."""
    return x.shape[-1] - 1 - np.flip(np.argsort(np.flip(x, -1), axis=-1, kind="stable"), -1)


def _top_shape(x: ArrayType, *, k: int) -> ArrayType:
    _require_axis(x)
    if not 0 <= k <= x.shape[-1]:
        raise ShapeError(f"top: {k} elements of an axis of length {x.shape[-1]}")
    return ArrayType((*x.shape[:-1], k), default_int)


def _first_of_equals(x: Any, least: Any, k: int) -> Any:
    """Which elements are among the k greatest, if the least of these is not the only one of its size."""
    nan, all_numbers = x != x, least == least  # noqa: PLR0124  (only NaN differs from itself)
    above = (x > least) | (nan & all_numbers)
    equal = (x == least) | (nan & ~all_numbers)
    missing = k - above.sum(axis=-1, keepdims=True)
    return above | (equal & (np.cumsum(equal, axis=-1) <= missing))


def _top_value(x: Any, *, k: int) -> Any:
    length = x.shape[-1]
    if not 0 < 2 * k < length:
        return _backwards(x)[..., :k]
    least = np.partition(x, length - k, axis=-1)[..., length - k, None]  # found without sorting
    chosen = ~(x < least)
    if (np.count_nonzero(chosen, axis=-1) != k).any():
        chosen = _first_of_equals(x, least, k)
    positions = np.nonzero(chosen)[-1].reshape(*x.shape[:-1], k)
    order = _backwards(np.take_along_axis(x, positions, axis=-1))
    return np.take_along_axis(positions, order, axis=-1)


# No index notation: sorting is a call of the host.
register(Primitive(
    "argsort", shape=_argsort_shape, reference=lambda x: np.argsort(x, axis=-1, kind="stable"),
    batch=lambda size, x, *, batched: bind("argsort", x),  # the last axis stays the last
    notation=r"\operatorname{{argsort}}({0})",
    convention="equal elements keep their order; NaN comes last",
    example=lambda rng: ([rng.permutation(12).reshape(3, 4) / 4], {}),
))  # fmt: skip


register(Primitive(
    "sort", shape=_sort_shape, reference=lambda x: np.sort(x, axis=-1), gradient=_sort_gradient,
    batch=lambda size, x, *, batched: bind("sort", x), notation=r"\operatorname{{sort}}({0})",
    convention="NaN comes last; of equal elements the first one is taken to come first",
    example=lambda rng: ([rng.permutation(12).reshape(3, 4) / 4], {}),
))  # fmt: skip


register(Primitive(
    "top", shape=_top_shape, reference=_top_value, batch=lambda size, x, *, batched, k: bind("top", x, k=k),
    notation=r"\operatorname{{top}}({0})",
    convention="positions of the greatest elements; NaN counts as the greatest, and equal elements keep their order",
    example=lambda rng: ([rng.permutation(24).reshape(2, 12) / 4], {"k": 3}),
))  # fmt: skip


@operation
def argsort(x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The positions of the elements along an axis, from the least element to the greatest.

    Equal elements keep their order, also with ``descending`` and whatever is said by ``stable``. NaN counts as greater
    than every number.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.argsort(mp.asarray([3.0, 1.0, 2.0]))
    Array([1, 2, 0], dtype=int64)
    """
    x = as_array(x)
    at = count_axis("argsort", axis, x.ndim)
    flag("argsort: stable", stable)
    last = moveaxis(x, at, -1)
    backwards = flag("argsort: descending", descending)
    return moveaxis(bind("top", last, k=x.shape[at]) if backwards else bind("argsort", last), -1, at)


@operation
def sort(x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The elements along an axis, from the least to the greatest; NaN comes last.

    The gradient of each place goes to the element that was moved there.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.sort(mp.asarray([3.0, 1.0, 2.0]), descending=True)
    Array([3., 2., 1.], dtype=float32)
    """
    x = as_array(x)
    at = count_axis("sort", axis, x.ndim)
    flag("sort: stable", stable)
    found = moveaxis(bind("sort", moveaxis(x, at, -1)), -1, at)
    return flip(found, axis=at) if flag("sort: descending", descending) else found
