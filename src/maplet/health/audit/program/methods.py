"""What NumPy has as methods or operators only, as functions that a tape can call."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Value = Any  # a NumPy array, or a tuple of them where a call gives several


class Several(tuple[Any, ...]):
    """What a call gives that gives several arrays; no array itself, also where its parts have one length."""

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Value:
        """NumPy takes it for one object, as it would take no tuple."""
        return np.empty((), object)


def getitem(x: Value, key: Any) -> Value:
    """``x[key]``."""
    return x[key]


def setitem(x: Value, key: Any, value: Value) -> Value:
    """A copy in which ``x[key] = value``."""
    found = np.array(x)
    if np.result_type(found, value) != found.dtype and found.dtype.kind != "f":
        found = found.astype(np.result_type(found, value))
    found[key] = value
    return found


def add_at(ufunc: Any, x: Value, key: Any, *value: Value) -> Value:
    """A copy that was changed by ``np.add.at`` or its like."""
    found = np.array(x)
    ufunc.at(found, key, *value)
    return found


def changed(function: Any, x: Value, *args: Any, **kwargs: Any) -> Value:
    """A copy that was changed by a function such as ``np.fill_diagonal``."""
    found = np.array(x)
    function(found, *args, **kwargs)
    return found


def item(x: Value, number: int) -> Value:
    """One of several results."""
    return x[number]


def take_one(x: Value, *key: Any) -> Value:
    """``x.item()``, as an array without axes."""
    return np.asarray(x[key] if key else x.reshape(()))


def astype(x: Value, dtype: Any, **_: Any) -> Value:
    """Another dtype; float64 stays."""
    return x.astype(np.float64 if np.dtype(dtype).kind == "f" else dtype)


def nested(values: Any, *args: Any, **kwargs: Any) -> Value:
    """``np.array`` of nested lists."""
    return np.array(values, *args, **kwargs)


def same(x: Value) -> Value:
    """A gradient as it was given; so that one value that is two gradients can be wrong as one of them alone."""
    return x if np.asarray(x).dtype.kind in "fc" else np.asarray(x, np.float64)


methods: dict[str, Callable[..., Any]] = {
    "item": take_one,
    "astype": astype,
    "dot": np.dot,
    "flatten": np.ravel,
    "numpy": same,
}
"""Methods whose function is none of NumPy's, or goes by another name."""


def widened(value: Value) -> Value:
    """Floating numbers in float64; anything else as it is."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array
    if isinstance(value, float):
        return np.asarray(value)
    if isinstance(value, list | tuple) and any(isinstance(one, np.ndarray | np.generic) for one in value):
        return Several(value)
    return value
