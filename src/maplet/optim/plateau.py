"""A schedule that listens: the rate goes down when the loss no longer does."""

from __future__ import annotations

import numpy as np

from maplet.core.array import Array
from maplet.core.types import default_int, float64
from maplet.optim.described import register
from maplet.optim.schedules import Schedule
from maplet.settings import real, whole


@register
class ReduceOnPlateau(Schedule):
    """A rate that is taken times γ whenever the observed loss has not improved for more than ``patience`` epochs.

    A loss L is an improvement on the best b where L < b − threshold·|b|. The rate never falls below the minimum.
    ``mp.fit`` reports the validation loss (or the training loss, where there is none) after every epoch; in a loop of
    your own, call ``optimizer.observe(loss)``.

    Source: done by hand in A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional
    neural networks", 2012; the rule is PyTorch's.

    Parameters
    ----------
    initial
        α₀ > 0.
    factor
        γ, 0 < γ < 1.
    patience
        How many epochs without improvement are tolerated.
    minimum
        The least rate, 0 ≤ minimum ≤ α₀.
    threshold
        The least relative improvement that counts, 0 ≤ threshold < 1.

    Attributes
    ----------
    reached, best, waiting
        The rate now (float64), the least loss so far (float64), and the epochs since then (int64). They are arrays,
        and with them part of what an optimizer saves.

    Examples
    --------
    >>> plateau = ReduceOnPlateau(1.0, factor=0.5, patience=1)
    >>> for loss in (0.3, 0.3, 0.3):
    ...     plateau.observe(loss)
    >>> plateau(0)
    Array(0.5, dtype=float64)
    """

    reached: Array
    best: Array
    waiting: Array

    def __init__(
        self, initial: float, *, factor: float = 0.1, patience: int = 10, minimum: float = 0.0, threshold: float = 1e-4
    ) -> None:
        self.initial = real("initial", initial, above=0)
        self.factor = real("factor", factor, above=0, below=1)
        self.patience = whole("patience", patience, least=0)
        self.minimum = real("minimum", minimum, least=0, most=self.initial)
        self.threshold = real("threshold", threshold, least=0, below=1)
        self.restart()

    def restart(self) -> None:
        """Back to the initial rate, with nothing observed."""
        self._remember(self.initial, np.inf, 0)

    def rate(self, step: Array) -> Array:
        """The rate that was reached, whatever the step."""
        return self.reached + 0 * step

    def observe(self, loss: float) -> None:
        """Count an epoch, and lower the rate where too many have passed without improvement. NaN is no improvement."""
        loss, best = float(loss), float(self.best)
        reached, waiting = float(self.reached), int(self.waiting) + 1
        if loss < (best - self.threshold * abs(best) if np.isfinite(best) else best):
            best, waiting = loss, 0
        if waiting > self.patience:
            reached, waiting = max(reached * self.factor, self.minimum), 0
        self._remember(reached, best, waiting)

    def _remember(self, reached: float, best: float, waiting: int) -> None:
        self.reached, self.best = Array(reached, float64), Array(best, float64)
        self.waiting = Array(waiting, default_int)
