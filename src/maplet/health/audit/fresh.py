"""Other inputs of the same kind: what a verdict is confirmed on."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def nudged(arrays: Mapping[str, Any], parameters: Collection[str], rng: np.random.Generator) -> dict[str, Any]:
    """The given inputs, with parameters that are moved off the kinks of relu and its like by a hair."""
    return {
        name: value + 1e-6 * (1 + np.abs(value)) * rng.standard_normal(np.shape(value)) if name in parameters else value
        for name, value in arrays.items()
    }


def fresh(
    arrays: Mapping[str, Any],
    parameters: Collection[str],
    rng: np.random.Generator,
    *,
    labels: bool = True,
    data: bool = True,
    by: float = 1.0,
) -> dict[str, Any]:
    """Random inputs near the given ones.

    Parameters and data move by a good part of their spread; what is whole numbers (labels, rows of zeros and a one,
    masks) gives its rows another order, all such arrays of one length the same one; positive numbers stay positive, a
    symmetric matrix stays symmetric, and probabilities add up to 1. Without ``labels``, whole numbers stay as they are;
    without ``data``, all but the parameters. ``by`` is a part of how far they would go.
    """
    orders: dict[int, Any] = {}
    found: dict[str, Any] = {}
    for name, value in arrays.items():
        if not (data or name in parameters):
            found[name] = value
            continue
        moved = _moved(np.asarray(value), name in parameters, orders if labels else None, rng, by)
        found[name] = moved if name in parameters else _of_the_same_kind(np.asarray(value), moved)
    return found


def _of_the_same_kind(value: Any, moved: Any) -> Any:
    """What derivations by hand rely on: symmetry (of a kernel, a graph), and rows (or columns) with the sum 1."""
    if value.dtype.kind != "f" or value.ndim < 1 or value.size < 2:
        return moved
    if value.ndim == 2 and value.shape[0] == value.shape[1] and np.array_equal(value, value.T):
        return (moved + moved.T) / 2
    for axis in (-1, 0) if np.all(value >= 0) else ():
        if value.shape[axis] > 1 and np.allclose(np.sum(value, axis), 1, rtol=0, atol=1e-6):
            return np.abs(moved) / np.sum(np.abs(moved), axis, keepdims=True)
    return moved


def _moved(value: Any, is_parameter: bool, orders: dict[int, Any] | None, rng: np.random.Generator, by: float) -> Any:
    if value.dtype.kind != "f" or (
        not is_parameter and value.size and np.all(value == np.round(value)) and _few(value)
    ):
        if orders is None or value.ndim == 0 or len(value) < 2:
            return value
        order = orders.setdefault(len(value), rng.permutation(len(value)))
        return value[order]
    if value.ndim == 0 and not is_parameter:
        return value
    if not is_parameter and np.all(value > 0):
        return value * np.exp(0.2 * by * rng.standard_normal(value.shape))
    spread = float(np.std(value)) if value.size > 1 else float(np.abs(value).max(initial=0.0))
    return value + 0.5 * by * (spread or 0.3) * rng.standard_normal(value.shape)


def _few(value: Any) -> bool:
    """Whether there are so few different numbers that they are names rather than measurements."""
    return len(np.unique(value)) <= max(3, value.size // 4)
