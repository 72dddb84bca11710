"""Lookahead: fast weights that run ahead, and slow ones that follow every few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.array import Array, assign
from maplet.ops.elementwise import where
from maplet.optim.composite import Composite
from maplet.optim.described import register
from maplet.settings import real, whole

if TYPE_CHECKING:
    from maplet.optim.optimizer import Optimizer
    from maplet.optim.transformation import Arrays


@register
class Lookahead(Composite):
    """Another optimizer with its path smoothed: after every k steps φ ← φ + s·(θ − φ), then θ ← φ.

    θ are the weights of the network, which the other optimizer moves, φ the slow ones, which begin at θ. Moments stay.

    Source: M. R. Zhang, J. Lucas, G. Hinton, J. Ba, "Lookahead optimizer: k steps forward, 1 step back", 2019.

    Parameters
    ----------
    optimizer
        What moves θ: any optimizer.
    every
        k ≥ 1.
    slow_rate
        s, 0 < s ≤ 1.

    Attributes
    ----------
    state
        The slow weights: for evaluation in the middle of k steps they are the better ones.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x, optimizer = mp.asarray(1.0), optim.Lookahead(optim.SGD(1.0), every=2, slow_rate=0.5)
    >>> for _ in range(2):
    ...     optimizer.update(x, 1.0)
    >>> x
    Array(0.)
    """

    def __init__(self, optimizer: Optimizer, *, every: int = 5, slow_rate: float = 0.5) -> None:
        self.optimizer = optimizer
        self.every = whole("every", every, least=1)
        self.slow_rate = real("slow_rate", slow_rate, above=0, most=1)
        super().__init__()

    def inner(self) -> list[Optimizer]:
        """The one that moves the weights."""
        return [self.optimizer]

    def begin(self, parameters: Arrays) -> None:
        """The slow weights begin where the fast ones are."""
        super().begin(parameters)
        self.optimizer.begin(parameters)
        self.state = {"slow": {name: Array(theta) for name, theta in parameters.items()}}

    def move(self, parameters: Arrays, gradients: Arrays) -> None:
        """A step ahead; every k-th time the slow weights follow, and the fast ones go back to them."""
        self.optimizer.move(parameters, gradients)
        self.steps = self.steps + 1
        now = self.steps % self.every == 0
        slow: Arrays = {}
        for name, theta in parameters.items():
            before = self.state["slow"][name]
            slow[name] = where(now, before + self.slow_rate * (theta - before), before)
            assign(theta, where(now, slow[name], theta))
        self.state = {"slow": slow}
