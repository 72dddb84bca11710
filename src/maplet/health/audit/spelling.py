"""How maplet spells what NumPy calls otherwise: a recorded NumPy call → the same operation on maplet arrays."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import maplet as mp
from maplet.core.primitive import operations
from maplet.health.audit.program import methods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from maplet.health.audit.program.tape import Call


class Unspelled(Exception):  # noqa: N818  (it is no error: the truth is then found by differences)
    """A NumPy function for which there is no maplet operation here."""


def spelled(call: Call) -> Callable[..., Any]:
    """The maplet function for the function of a call; it takes the same arguments."""
    function = call.function
    owner = getattr(function, "__self__", None)
    if owner is np.logaddexp and call.kind == "reduce":
        return lambda x, axis=0, **k: mp.logsumexp(x, axis=axis, **_kept(k))
    if isinstance(owner, np.ufunc):  # np.add.reduce and its like
        name = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}.get(owner.__name__)
        if call.kind == "reduce" and name is not None:
            return lambda x, axis=0, **k: _reduce(name)(x, axis=axis, **k)
        if call.kind == "outer":
            return lambda a, b: operations[owner.__name__](mp.reshape(a, (*a.shape, *(1,) * b.ndim)), b)
    if function in _by_function:
        return _by_function[function]
    if call.kind in _by_name:
        return _by_name[call.kind]
    raise Unspelled(call.kind)


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    """Options that maplet has too; the dtype is float64 throughout."""
    unknown = [key for key in options if key not in ("keepdims", "dtype", "out", "ddof")]
    if unknown:
        raise Unspelled(", ".join(unknown))
    found = {"keepdims": options["keepdims"]} if options.get("keepdims") is True else {}
    return found | ({"correction": float(options["ddof"])} if "ddof" in options else {})


def _reduce(name: str) -> Callable[..., Any]:
    def reduced(x: Any, axis: Any = None, *_: Any, initial: Any = None, where: Any = True, **options: Any) -> Any:
        if name not in starts and (where is not True or initial is not None):
            raise Unspelled(f"{name} with where or initial")
        if where is not True:
            x = mp.where(where, x, starts[name][0])
        found = getattr(mp, name)(x, axis=axis, **_kept(options))
        return found if initial is None else starts[name][1](found, initial)

    return reduced


starts: Mapping[str, tuple[float, Callable[..., Any]]] = {
    "sum": (0.0, mp.add),
    "prod": (1.0, mp.multiply),
    "max": (-math.inf, mp.maximum),
    "min": (math.inf, mp.minimum),
}
"""What a reduction over nothing gives, and how one more number joins it."""


def _inner(a: Any, b: Any) -> Any:
    """``np.inner``: the product over the last axis of both."""
    return mp.tensordot(a, b, axes=([a.ndim - 1], [b.ndim - 1])) if a.ndim and b.ndim else mp.multiply(a, b)


def _product(a: Any, b: Any) -> Any:
    """``np.dot``: the product of matrices, also with numbers and vectors."""
    if a.ndim == 0 or b.ndim == 0:
        return mp.multiply(a, b)
    if a.ndim > 2 and b.ndim > 2:
        raise Unspelled("dot of more than two axes")
    return mp.matmul(a, b)


def _transposed(x: Any, axes: Any = None) -> Any:
    return mp.permute_dims(x, tuple(axes) if axes is not None else tuple(reversed(range(x.ndim)))) if x.ndim > 1 else x


def _swapped(x: Any, first: int, second: int) -> Any:
    axes = list(range(x.ndim))
    axes[first], axes[second] = axes[second], axes[first]
    return mp.permute_dims(x, tuple(axes))


def _shaped(x: Any, shape: Any, *_: Any, **__: Any) -> Any:
    return mp.reshape(x, shape)


def _squeezed(x: Any, axis: Any = None) -> Any:
    return mp.squeeze(x, tuple(n for n, length in enumerate(x.shape) if length == 1) if axis is None else axis)


def _stacked(axis: int) -> Callable[..., Any]:
    def joined(arrays: Any, *_: Any, **__: Any) -> Any:
        arrays = [mp.reshape(a, (1, -1)) if axis == 0 and a.ndim < 2 else a for a in arrays]
        return mp.concat(arrays, axis=0 if axis == 1 and arrays[0].ndim == 1 else axis)

    return joined


def _nested(values: Any, *_: Any, **__: Any) -> Any:
    return mp.stack([_nested(one) for one in values]) if isinstance(values, list | tuple) else mp.asarray(values)


def _power(x: Any, exponent: Any) -> Any:
    """Whole exponents as they are: the derivative for the exponent would ask for the logarithm of x."""
    whole = isinstance(exponent, mp.Array) and not exponent.ndim and _is_constant(exponent)
    return mp.pow(x, exponent.item()) if whole else mp.pow(x, exponent)


def _is_constant(x: Any) -> bool:
    try:
        x.numpy()
    except mp_errors:
        return False
    return True


def _added_at(ufunc: Any, x: Any, key: Any, value: Any) -> Any:
    if ufunc is not np.add or isinstance(key, tuple):
        raise Unspelled("ufunc.at")
    key = mp.asarray(key)
    return mp.scatter_add(x, key, mp.broadcast_to(value, (*key.shape, *x.shape[1:])))


def _set(x: Any, key: Any, value: Any) -> Any:
    return operations["setitem"](x, key, value)


def _clipped(x: Any, low: Any = None, high: Any = None, **options: Any) -> Any:
    return mp.clip(x, options.get("a_min", options.get("min", low)), options.get("a_max", options.get("max", high)))


def _concatenated(arrays: Any, axis: Any = 0, **_: Any) -> Any:
    return mp.concat(list(arrays), axis=axis)


def _stack(arrays: Any, axis: int = 0, **_: Any) -> Any:
    return mp.stack(list(arrays), axis=axis)


def _padded(x: Any, width: Any, mode: Any = "constant") -> Any:
    return mp.pad(x, width, mode)


def _columns(arrays: Any) -> Any:
    return mp.concat([mp.reshape(a, (-1, 1)) if a.ndim == 1 else a for a in arrays], axis=1)


def _average(x: Any, axis: Any = None, weights: Any = None, **options: Any) -> Any:
    if weights is None:
        return mp.mean(x, axis=axis, **_kept(options))
    if weights.ndim != x.ndim:
        raise Unspelled("average with weights of another shape")
    return mp.sum(x * weights, axis=axis, **_kept(options)) / mp.sum(weights, axis=axis, **_kept(options))


def _selected(conditions: Any, choices: Any, default: Any = 0.0) -> Any:
    found = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        found = mp.where(condition, choice, found)
    return found


def _norm(x: Any, order: Any = None, axis: Any = None, **options: Any) -> Any:
    if order == 1 and (axis is not None or x.ndim == 1) and not isinstance(axis, tuple):
        return mp.sum(mp.abs(x), axis=axis, **_kept(options))
    if order not in (None, 2) or (order == 2 and x.ndim > 1 and axis is None):
        raise Unspelled("norm")
    return mp.sqrt(mp.sum(x * x, axis=axis, **_kept(options)))


mp_errors = (RuntimeError,)

_by_function: dict[Any, Callable[..., Any]] = {
    methods.getitem: lambda x, key: x[key],
    methods.setitem: _set,
    methods.add_at: _added_at,
    methods.take_one: lambda x, *key: x[key] if key else mp.reshape(x, ()),
    methods.astype: lambda x, *_, **__: x,
    methods.nested: _nested,
    np.dot: _product,
    np.transpose: _transposed,
    np.swapaxes: _swapped,
    np.reshape: _shaped,
    np.ravel: lambda x, *_: mp.reshape(x, (-1,)),
    np.squeeze: _squeezed,
    np.concatenate: _concatenated,
    np.hstack: _stacked(1),
    np.vstack: _stacked(0),
    np.stack: _stack,
    np.clip: _clipped,
    np.power: _power,
    np.float_power: _power,
    np.linalg.norm: _norm,
    np.outer: lambda a, b: mp.reshape(a, (-1, 1)) * mp.reshape(b, (1, -1)),
    np.inner: _inner,
    np.vdot: lambda a, b: mp.sum(a * b),
    np.einsum: lambda text, *arrays, **_: mp.einsum(text, *arrays),
    np.tensordot: lambda a, b, axes=2: mp.tensordot(a, b, axes=axes),
    np.where: mp.where,
    np.pad: _padded,
    np.expand_dims: mp.expand_dims,
    np.broadcast_to: mp.broadcast_to,
    np.flip: lambda x, axis=None: mp.flip(x, axis=axis),
    np.roll: lambda x, shift, axis=None: mp.roll(x, shift, axis=axis),
    np.tile: mp.tile,
    np.repeat: lambda x, count, axis=None: mp.repeat(x, count, axis=axis),
    np.moveaxis: mp.moveaxis,
    np.cumsum: lambda x, axis=None: mp.cumulative_sum(x, axis=axis),
    np.take_along_axis: lambda x, where, axis=-1: mp.take_along_axis(x, where, axis=axis),
    np.take: lambda x, where, axis=None: mp.take(x, where, axis=axis),
    np.diag: lambda x: x * mp.eye(x.shape[0], dtype=mp.float64) if x.ndim == 1 else mp.linalg.diagonal(x),
    np.trace: mp.linalg.trace,
    np.tril: lambda x, k=0: mp.tril(x, k=k),
    np.triu: lambda x, k=0: mp.triu(x, k=k),
    np.diff: lambda x, n=1, axis=-1: mp.diff(x, n=n, axis=axis),
    np.cumprod: lambda x, axis=None: mp.cumulative_prod(x, axis=axis),
    np.average: _average,
    np.select: _selected,
    np.column_stack: _columns,
    np.atleast_1d: lambda x: x if x.ndim else mp.reshape(x, (1,)),
    np.atleast_2d: lambda x: x if x.ndim > 1 else mp.reshape(x, (1, -1)),
    np.flipud: lambda x: mp.flip(x, axis=0),
    np.fliplr: lambda x: mp.flip(x, axis=1),
    np.sort: lambda x, axis=-1: mp.sort(x, axis=axis),
    np.linalg.inv: mp.linalg.inv,
    np.linalg.det: mp.linalg.det,
    np.linalg.solve: mp.linalg.solve,
    np.linalg.cholesky: mp.linalg.cholesky,
    np.nan_to_num: lambda x, *_, **__: mp.where(mp.isfinite(x), x, mp.zeros_like(x)),
    np.round: lambda x, *_, **__: mp.stop_gradient(mp.round(x)),
    np.copy: lambda x, *_, **__: x,
    **{getattr(np, name): _reduce(name) for name in ("sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std")
       if hasattr(mp, name)},
    np.amax: _reduce("max"),
    np.amin: _reduce("min"),
}  # fmt: skip

plain = (
    "add", "subtract", "multiply", "negative", "positive", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt",
    "square", "reciprocal", "sin", "cos", "tan", "sinh", "cosh", "tanh", "maximum", "minimum", "sign", "logaddexp",
    "erf",
)  # fmt: skip
"""Functions that go element by element and have one name in NumPy and here."""
_same = (*plain, "floor", "ceil", "matmul", "hypot", "stop_gradient")
_by_name: dict[str, Callable[..., Any]] = {
    **{name: getattr(mp, name) for name in _same},
    "divide": mp.divide,
    "absolute": mp.abs,
    "fabs": mp.abs,
    "fmax": mp.maximum,
    "fmin": mp.minimum,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "exp2": lambda x: mp.exp(x * math.log(2.0)),
    "rint": mp.round,
    "trunc": mp.trunc,
    "heaviside": lambda x, middle: mp.where(x > 0, 1.0, mp.where(x < 0, 0.0, middle)),
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arcsinh": mp.asinh,
    "arctanh": mp.atanh,
    "expit": mp.sigmoid,
    "remainder": mp.remainder,
}
