"""When two arrays are the same, or multiples of each other."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import math
from typing import Any

import numpy as np


def agrees(given: Any, right: Any, tolerance: float) -> bool:
    """Whether two arrays are the same up to rounding, relative to the largest number; axes of length 1 do not count."""
    if np.shape(given) != np.shape(right):
        given, right = np.squeeze(given), np.squeeze(right)
        if given.shape != right.shape:
            return False
    if np.size(right) == 0:
        return True
    given = np.asarray(given)
    if given.dtype.kind not in "fiub" or not np.all(np.isfinite(given)):
        return False
    return bool(np.max(np.abs(given - right)) <= tolerance * max(np.max(np.abs(right)), 1e-8))


def fits(given: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """Whether an update of what has one shape by what has the other makes no more entries: not (3,) by (3, 1)."""
    try:
        return math.prod(np.broadcast_shapes(given, right)) == math.prod(right)
    except ValueError:
        return False


def ratio(given: Any, right: Any) -> float | None:
    """The number by which an array is to be multiplied to give another; None where there is none."""
    given, right = np.asarray(given), np.asarray(right)
    if given.shape != right.shape or given.dtype.kind not in "fiu" or right.dtype.kind not in "fiub":
        return None
    if not np.all(np.isfinite(given)):
        return None
    size = float(np.sum(given * given))
    factor = float(np.sum(given * right)) / size if size > 0 else 0.0
    return factor if factor and agrees(given * factor, right, 1e-7) else None


def alike(a: Any, b: Any) -> bool:
    """Whether two arrays of numbers have one shape and the same entries up to rounding."""
    if np.shape(a) != np.shape(b):
        return False
    if np.size(b) == 0 or a is b:
        return True
    apart = np.subtract(a, b, dtype=np.float64)
    return bool(np.all(np.abs(apart) <= 1e-12 + 1e-9 * np.abs(b)))


def same_key(a: Any, b: Any) -> bool:
    """Whether two keys, ``x[key]``, choose the same entries in the same words; they may be arrays, or hold some."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same_key, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and alike(a, b)
    return type(a) is type(b) and a == b


def direction(array: Any) -> Any:
    """An array as a row of length 1, so that multiples of each other have the product 1 or -1; None of zeros."""
    flat = np.asarray(array).reshape(-1)
    length = np.linalg.norm(flat) if flat.dtype.kind in "fiu" else 0.0
    return flat / length if length > 0 and np.isfinite(length) else None


def cosine(a: Any, b: Any) -> float:
    """How near the directions of two arrays are, 1 of multiples of each other; 0 of zeros and of other shapes."""
    one, other = direction(a), direction(b)
    if one is None or other is None or one.shape != other.shape:
        return 0.0
    return abs(float(one @ other))


def relative_error(given: Any, expected: Any) -> float:
    """The largest difference, relative to the largest number that is expected; infinite where the sizes differ."""
    given, expected = np.asarray(given), np.asarray(expected)
    if np.size(given) != np.size(expected):
        return float("inf")
    size = max(float(np.max(np.abs(expected), initial=0.0)), 1e-8)
    return float(np.max(np.abs(given.reshape(-1) - expected.reshape(-1)), initial=0.0)) / size
