"""Operations that put the elements along some axes together into one."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core import index_notation
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import (
    ArrayType,
    as_dtype,
    bool_dtype,
    default_int,
    is_floating,
    kind_of,
    short_name,
    wide_enough,
)
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array, as_floating, convert, count_axes, count_axis, widened
from maplet.ops.elementwise import equal, sqrt, square
from maplet.ops.movement import broadcast_to, reshape
from maplet.settings import flag, real

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape

    Axis = int | Sequence[int] | None


def reduced_shape(shape: Shape, axes: tuple[int, ...], *, keepdims: bool) -> Shape:
    """The shape that is left over: axes gone, or of length 1."""
    return tuple(1 if n in axes else length for n, length in enumerate(shape) if keepdims or n not in axes)


def spread(reduced: Array, shape: Shape, axes: tuple[int, ...]) -> Array:
    """Repeat what stands for the reduced axes over them again: the adjoint of a sum."""
    return broadcast_to(reshape(reduced, reduced_shape(shape, axes, keepdims=True)), shape)


def _access(combiner: str) -> Callable[..., index_notation.Access]:
    def access(x: ArrayType, *, axes: tuple[int, ...], keepdims: bool) -> index_notation.Access:
        names = index_notation.indices(x.ndim + (len(axes) if keepdims else 0))
        out = names[: x.ndim if keepdims else x.ndim - len(axes)]
        inner = iter(names[len(out) :])
        kept = iter([i for n, i in enumerate(out) if n not in axes] if keepdims else out)
        at = tuple(next(inner) if n in axes else next(kept) for n in range(x.ndim))
        value: index_notation.Expression = index_notation.Read(0, at)
        for axis in reversed(axes):
            index = at[axis]
            value = index_notation.Reduce(combiner, index, x.shape[axis], value)
        return index_notation.Access(out, value)

    return access


def reduction(
    name: str,
    function: Callable[..., Any],
    combiner: str,
    kinds: str,
    gradient: Any = None,
    *,
    empty: bool,
    convention: str = "",
) -> None:
    """Register a primitive that puts the elements over axes together; ``empty`` says whether there may be none."""

    def shape(x: ArrayType, *, axes: tuple[int, ...], keepdims: bool) -> ArrayType:
        if kind_of(x.dtype) not in kinds:
            raise DTypeError(f"{name} does not take {short_name(x.dtype)}", fix="convert with x.astype(...)")
        if not empty and builtins.any(x.shape[a] == 0 for a in axes):
            raise ShapeError(
                f"{name} over an axis of length 0 (shape {x.shape}) has no value",
                fix="leave out what is empty, or take another axis",
            )
        return ArrayType(reduced_shape(x.shape, axes, keepdims=keepdims), x.dtype)

    def reference(x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(function(wide_enough(x), axis=axes, keepdims=keepdims)).astype(x.dtype, copy=False)

    def example(rng: np.random.Generator) -> Any:
        x = (
            rng.integers(0, 2, size=(2, 3, 4)).astype(bool)
            if kinds == "b"
            else rng.permutation(24).reshape(2, 3, 4) / 8
        )
        return [x], {"axes": (0, 2), "keepdims": False}

    def batch(size: int, x: Array, *, batched: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
        return bind(name, x, axes=tuple(a + 1 for a in axes), keepdims=keepdims)

    register(Primitive(
        name, shape=shape, reference=reference, gradient=gradient, batch=batch, access=_access(combiner),
        example=example, notation={"sum": r"\sum {0}"}.get(name, rf"\{name} {{0}}"), convention=convention,
    ))  # fmt: skip


def _sum_gradient(g: Array, out: Array, x: Array, *, needed: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return [spread(g, x.shape, axes)]  # every element counts once


def _extreme_gradient(g: Array, out: Array, x: Array, *, needed: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    winners = convert(equal(x, spread(out, x.shape, axes)), x.dtype)
    share = bind("sum", winners, axes=axes, keepdims=keepdims)
    return [spread(g / share, x.shape, axes) * winners]


ties = "elements that tie share the gradient equally; NaN among them gives NaN"
reduction("sum", np.sum, "sum", "uif", _sum_gradient, empty=True)
reduction("max", np.max, "max", "uif", _extreme_gradient, empty=False, convention=ties)
reduction("min", np.min, "min", "uif", _extreme_gradient, empty=False, convention=ties)
reduction("any", np.any, "any", "b", empty=True)
reduction("all", np.all, "all", "b", empty=True)


def _positional(name: str, function: Callable[..., Any]) -> None:
    def shape(x: ArrayType, *, axis: int) -> ArrayType:
        if x.shape[axis] == 0:
            raise ShapeError(
                f"{name} over an axis of length 0 (shape {x.shape}) has no value",
                fix="leave out what is empty, or take another axis",
            )
        return ArrayType(reduced_shape(x.shape, (axis,), keepdims=False), default_int)

    def access(x: ArrayType, *, axis: int) -> index_notation.Access:
        return _access(name)(x, axes=(axis,), keepdims=False)

    register(Primitive(
        name, shape=shape, reference=lambda x, *, axis: function(x, axis=axis), access=access,
        batch=lambda size, x, *, batched, axis: bind(name, x, axis=axis + 1),
        notation=rf"\operatorname{{{{{name}}}}} {{0}}",
        convention="the first position wins a tie; NaN wins over numbers",
        example=lambda rng: ([rng.permutation(12).reshape(3, 4) / 4], {"axis": 1}),
    ))  # fmt: skip


_positional("argmax", np.argmax)
_positional("argmin", np.argmin)


def _reduce(name: str, x: Array, axis: Axis, *, keepdims: bool) -> Array:
    return bind(name, x, axes=count_axes(name, axis, x.ndim), keepdims=flag(f"{name}: keepdims", keepdims))


@operation
def sum(x: ArrayLike, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Array:
    """The sum over axes (all of them by default); small integers and booleans are added up as int64.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.sum(mp.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Array([4., 6.], dtype=float32)
    """
    x = as_array(x)
    if dtype is not None:
        x = convert(x, as_dtype(dtype))
    elif not is_floating(x.dtype):
        x = convert(x, np.dtype(np.uint64) if kind_of(x.dtype) == "u" else default_int)
    return _reduce("sum", x, axis, keepdims=keepdims)


@operation
def max(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """The greatest element over axes. Elements that tie share the gradient equally."""
    return _reduce("max", as_array(x), axis, keepdims=keepdims)


@operation
def min(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """The least element over axes. Elements that tie share the gradient equally."""
    return _reduce("min", as_array(x), axis, keepdims=keepdims)


@operation
def any(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Whether at least one element over axes is true (not 0)."""
    return _reduce("any", _as_truth(as_array(x)), axis, keepdims=keepdims)


@operation
def all(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Whether every element over axes is true (not 0)."""
    return _reduce("all", _as_truth(as_array(x)), axis, keepdims=keepdims)


def _as_truth(x: Array) -> Array:
    return convert(x, bool_dtype)


def _position(name: str, x: ArrayLike, axis: int | None, *, keepdims: bool) -> Array:
    x = as_array(x)
    found = bind(
        name, reshape(x, (-1,)) if axis is None else x, axis=0 if axis is None else count_axis(name, axis, x.ndim)
    )
    if not flag(f"{name}: keepdims", keepdims):
        return found
    return reshape(found, reduced_shape(x.shape, count_axes(name, axis, x.ndim), keepdims=True))


@operation
def argmax(x: ArrayLike, /, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """The first position of the greatest element along an axis, or in the flattened array."""
    return _position("argmax", x, axis, keepdims=keepdims)


@operation
def argmin(x: ArrayLike, /, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """The first position of the least element along an axis, or in the flattened array."""
    return _position("argmin", x, axis, keepdims=keepdims)


@operation
def mean(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """The mean over axes, Σx / N; NaN over an empty axis. That of float16 is computed in float32 and rounded once.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.mean(mp.asarray([1.0, 2.0, 6.0]))
    Array(3.)
    """
    x = as_floating(as_array(x))
    axes = count_axes("mean", axis, x.ndim)
    wide = widened(x)
    return convert(_reduce("sum", wide, axes, keepdims=keepdims) / float(_count(x.shape, axes)), x.dtype)


@operation
def var(x: ArrayLike, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The variance over axes, Σ(x − mean)² / (N − correction); the divisor is 0 if the correction is greater than N."""
    x, correction = as_floating(as_array(x)), real("var: correction", correction)
    axes = count_axes("var", axis, x.ndim)
    wide = widened(x)
    deviation = wide - mean(wide, axis=axes, keepdims=True)
    total = _reduce("sum", square(deviation), axes, keepdims=keepdims)
    return convert(total / float(builtins.max(_count(x.shape, axes) - correction, 0)), x.dtype)


@operation
def std(x: ArrayLike, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The standard deviation over axes, √var; its derivative where all elements are equal is infinite."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _count(shape: Shape, axes: tuple[int, ...]) -> int:
    return int(np.prod([shape[a] for a in axes], dtype=np.int64))
