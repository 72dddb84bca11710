"""What all losses share: the registry, and how values and weights are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from maplet.core.context import located
from maplet.errors import SettingError
from maplet.nn.given import require_positive_sum, spread_weights
from maplet.ops import reduction as reductions
from maplet.ops.arguments import as_array
from maplet.ops.elementwise import equal, isfinite, where

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike

Reduction: TypeAlias = Literal["mean", "sum", "none"]

F = TypeVar("F", bound="Callable[..., Array]")

losses: dict[str, Callable[..., Array]] = {}
"""Every loss by name."""


def loss(function: F) -> F:
    """Enter a loss into the registry; its errors say at which line of the user's it was called."""
    entered = located(function)
    losses[function.__name__] = entered
    return entered


def reduced(name: str, values: Array, reduction: str, weights: ArrayLike | None) -> Array:
    """The values of a loss put together: the last line of each."""
    if reduction not in ("mean", "sum", "none"):
        raise SettingError(f'{name}: reduction is "mean", "sum" or "none", not {reduction!r}')
    if weights is None:
        return (
            values if reduction == "none" else reductions.sum(values) if reduction == "sum" else reductions.mean(values)
        )
    w = spread_weights(name, as_array(weights), values.shape)
    # What has weight 0 counts for nothing, also where it is ∞ or NaN, and 0·∞ would be NaN.
    weighted = w * where(equal(w, 0.0) & ~isfinite(values), 0.0, values)
    if reduction == "none":
        return weighted
    total = reductions.sum(weighted)
    if reduction == "sum":
        return total
    require_positive_sum(name, w)
    return total / reductions.sum(w)
