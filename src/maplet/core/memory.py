"""Where arrays lie: large ones begin with a line of the cache, as a vector that lies in two takes twice as long."""

from __future__ import annotations

import ctypes
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    Value = np.ndarray[Any, np.dtype[Any]]

line = 64  # bytes; NumPy's own arrays begin at any multiple of 16
large = 2048  # bytes; below, it does not pay


class Raw(np.ndarray[Any, np.dtype[np.uint8]]):
    """Bytes into which one array looks, and nobody else."""


def empty(shape: Sequence[int], dtype: np.dtype[Any]) -> Value:
    """An array with nothing in it yet, as `numpy.empty` gives.

    Examples
    --------
    >>> address_of(empty((40, 40), np.dtype("float32"))) % 64
    0
    """
    size = prod(shape) * dtype.itemsize
    if size < large:
        return np.empty(shape, dtype)
    raw: Any = Raw((size + line,), np.dtype(np.uint8))
    # Of an array over a buffer, all views hold that array: whoever holds it may be counted as for one of NumPy's own.
    return np.ndarray(shape, dtype, memoryview(raw), -address_of(raw) % line)


def copied(array: Value) -> Value:
    """A copy, in C order."""
    made = empty(array.shape, array.dtype)
    np.copyto(made, array)
    return made


def converted(array: Value, dtype: np.dtype[Any]) -> Value:
    """A copy in another dtype, in C order."""
    made = empty(array.shape, dtype)
    np.copyto(made, array, casting="unsafe")
    return made


def owns(array: Value) -> bool:
    """Whether an array looks into memory that is its own."""
    base: Any = array.base
    return base is None or (isinstance(base, memoryview) and isinstance(cast("Any", base).obj, Raw))


def lies_well(array: Value) -> bool:
    """Whether an array is small, or begins with a line of the cache."""
    return array.nbytes < large or address_of(array) % line == 0


# ── addresses ────────────────────────────────────────────────────────────────────────────────────


def _place_of_address() -> int | None:
    """At which byte of an array object NumPy keeps the address of its elements; None if it is not found."""
    arrays = [np.empty(n) for n in (1, 2, 3)]
    for place in range(0, 64, 8):
        if all(word_at(id(array) + place).value == array.ctypes.data for array in arrays):
            return place
    return None


word_at = ctypes.c_size_t.from_address
place_of_address = _place_of_address()


def address_of(array: np.ndarray[Any, Any], element: int = 0) -> int:
    """Where an element of an array in C order stands in memory."""
    if place_of_address is None:
        return array.ctypes.data + element * array.itemsize
    # NumPy's own attribute makes a dict or an object each time: two microseconds, of the ten that a call may take.
    return word_at(id(array) + place_of_address).value + element * array.itemsize
