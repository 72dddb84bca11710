"""Averaged: an optimizer that takes an average of the weights along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.errors import SettingError
from maplet.optim.averages import Averaging, ExponentialAverage
from maplet.optim.composite import Composite
from maplet.optim.described import register

if TYPE_CHECKING:
    from maplet.optim.optimizer import Optimizer
    from maplet.optim.transformation import Arrays


@register
class Averaged(Composite):
    """Another optimizer that takes an average along after every step, so that ``mp.fit`` keeps and resumes it too.

    Parameters
    ----------
    optimizer
        What moves the weights: any optimizer.
    average
        Such as ``optim.ExponentialAverage(0.999)``, which is taken where none is given. After the training
        ``optimizer.average.apply(net)`` is the network with the averages.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> net, optimizer = {"w": mp.asarray(4.0)}, optim.Averaged(optim.SGD(1.0), optim.Average())
    >>> for _ in range(2):
    ...     optimizer.update(net, {"w": 1.0})
    >>> net, optimizer.average.apply(net)
    ({'w': Array(2.)}, {'w': Array(2.5)})
    """

    def __init__(self, optimizer: Optimizer, average: Averaging | None = None) -> None:
        self.optimizer = optimizer
        self.average = ExponentialAverage() if average is None else average
        if not isinstance(self.average, Averaging):  # pyright: ignore[reportUnnecessaryIsInstance]  (users have no pyright)
            raise SettingError(
                f"average={average!r}: expected an average", fix="such as optim.ExponentialAverage(0.999)"
            )
        super().__init__()

    def inner(self) -> list[Optimizer]:
        """The one that moves the weights."""
        return [self.optimizer]

    def begin(self, parameters: Arrays) -> None:
        """Both begin anew."""
        super().begin(parameters)
        self.optimizer.begin(parameters)
        self.average.init(parameters)

    def move(self, parameters: Arrays, gradients: Arrays) -> None:
        """A step, and the average of what it led to."""
        self.optimizer.move(parameters, gradients)
        self.average.update(parameters)
        self.steps = self.steps + 1

    def take_form(self, other: Any) -> None:
        """Hold memories of the form of another's."""
        super().take_form(other)
        self.average.take_form(other.average)
