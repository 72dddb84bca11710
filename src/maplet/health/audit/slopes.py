"""Whether derivatives agree with how the loss really moves: along one random direction, by central differences."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def contradicted(
    loss: Callable[[Mapping[Any, Any]], float],
    values: Mapping[Any, Any],
    gradients: Mapping[Any, Any],
    *,
    step: float,
    rounding: float,
) -> bool | None:
    """Whether the slope of a loss is another than its gradients say; None where it has none that could be told.

    So it is at a kink, where the slopes before and behind differ, at a jump, and where rounding is larger than what
    the loss moves by: there one half of the step gives another slope.

    Parameters
    ----------
    loss
        The loss at other values.
    values, gradients
        Where it begins, and the gradients there, by the same names.
    step
        How far it goes, relative to the size of the values.
    rounding
        Of the loss, relative to it.
    """
    rng = np.random.default_rng(0)
    ways = {name: _size(values[name]) * rng.standard_normal(np.shape(g)) for name, g in gradients.items()}

    def at(far: float) -> float:
        return loss({name: values[name] + far * way for name, way in ways.items()})

    here, *ends = (at(far) for far in (0.0, step, -step, step / 2, -step / 2))
    told = sum(float(np.sum(gradients[name] * way)) for name, way in ways.items())
    if not np.all(np.isfinite([here, told, *ends])):
        return None
    slope, half = (ends[0] - ends[1]) / (2 * step), (ends[2] - ends[3]) / step
    bend = abs(ends[0] + ends[1] - 2 * here) / step
    size = max(abs(slope), sum(float(np.sum(np.abs(gradients[name] * way))) for name, way in ways.items()))
    lost = rounding * abs(here) / step
    if told and not slope and not half:  # the loss is flat in so small a step
        return None
    if abs(slope - half) > step * size + lost or bend > size / 30 + lost:
        return None
    return abs(half - told) > size / 100 + lost


def _size(value: Any) -> float:
    """Of the entries of an array; 1 of zeros."""
    return float(np.sqrt(np.mean(np.square(value)))) if np.any(value) else 1.0
