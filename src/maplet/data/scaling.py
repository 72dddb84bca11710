"""Standardising numbers: x ↦ (x − μ) / σ, and back."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from maplet.errors import DataError


@dataclass(frozen=True)
class Scaling:
    """The map x ↦ (x − μ) / σ, computed in float64.

    Parameters
    ----------
    mean
        μ.
    scale
        σ > 0.

    Examples
    --------
    >>> scaling = Scaling.fit(np.array([1.0, 3.0]))
    >>> scaling
    Scaling(mean=2.0, scale=1.0)
    >>> scaling.apply(np.array([4.0])).tolist(), scaling.invert(np.array([2.0])).tolist()
    ([2.0], [4.0])
    """

    mean: float
    scale: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.scale) and self.scale > 0):
            raise DataError(f"mean {self.mean!r} and scale {self.scale!r}: finite numbers with scale > 0 were expected")

    @classmethod
    def fit(cls, numbers: NDArray[np.float64]) -> Self:
        """Learn μ and σ = √(Σ (x − μ)² / N) from finite numbers (N,), N ≥ 1; σ = 1 where all are equal.

        Raises
        ------
        DataError
            When the numbers lie so far apart that mean or scale is no longer finite, or so close that σ would be 0.
        """
        if numbers.min() == numbers.max():
            return cls(float(numbers[0]), 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(numbers.mean())
            deviations = numbers - mean
            # Divided by the largest of them, the squares neither overflow nor vanish.
            largest = float(np.abs(deviations).max())
            scale = largest * float(np.sqrt(np.mean((deviations / largest) ** 2)))
        if not (np.isfinite(mean) and np.isfinite(scale) and scale > 0):
            raise DataError(
                f"numbers from {numbers.min():g} to {numbers.max():g} have no finite mean and scale > 0 in float64",
                fix="give the column in another unit, so that its numbers lie between 1e-150 and 1e150",
            )
        return cls(mean, scale)

    def apply(self, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """(x − μ) / σ in float64, of the same shape; infinite where the quotient is too large for float64."""
        with np.errstate(over="ignore"):
            return (numbers.astype(np.float64) - self.mean) / self.scale

    def invert(self, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """σ z + μ in float64, of the same shape."""
        return numbers.astype(np.float64) * self.scale + self.mean
