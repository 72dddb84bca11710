"""Averages of the weights along the way, which often predict better than the last ones."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from maplet.core.array import Array, assign
from maplet.core.context import thread
from maplet.core.types import float64
from maplet.errors import SettingError
from maplet.ops.arguments import convert, widened
from maplet.ops.elementwise import where
from maplet.optim.described import register
from maplet.optim.resuming import Resumable, fresh, require_same, types_of
from maplet.optim.targets import parameters_of
from maplet.settings import real

if TYPE_CHECKING:
    from collections.abc import Generator

    from maplet.optim.transformation import Arrays

    T = TypeVar("T")


class Averaging(Resumable):
    """The base of averages: a ← a + w·(θ − a) at every `update`, where the first one sets a = θ.

    It is saved and resumed as an optimizer is: ``state_dict()`` and ``leaves(average)``. A subclass gives `weight`.

    Attributes
    ----------
    count
        How many times the weights were taken in, an int64 array.
    mean
        The averages, by the names of the trainable parameters; None before `init` or the first update. Those of halves
        (float16, bfloat16) are kept in float32, where a weight of 1/1000 is not rounded away, and rounded by `apply`.
    """

    called: ClassVar[str] = "average"
    count: Array
    mean: Arrays | None
    moved: dict[str, str] | None

    def __init__(self) -> None:
        self.count, self.mean, self.moved = Array(0), None, None

    def weight(self, count: Array) -> Array:
        """What the newest weights weigh where ``count`` ≥ 1 were taken in before; both are float64 arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no weight method")

    def init(self, target: Any) -> None:
        """Begin anew, for the trainable parameters of a network. The first update does this by itself."""
        parameters = parameters_of(target)
        self.mean = {name: Array(widened(theta)) for name, theta in parameters.items()}
        self.count, self.moved = Array(0), types_of(parameters)

    def update(self, target: Any) -> None:
        """Take in the weights as they are now: after an update of the optimizer, or at the end of an epoch.

        Raises
        ------
        ShapeError
            If the parameters are not those of the updates before.
        """
        parameters = parameters_of(target)
        if self.moved is None:
            if thread.begun is not None:  # the compiler makes the memory before the first call
                thread.begun.append((self, target))
            self.init(target)
        require_same(self.moved, parameters, self.called)
        before = self._begun()
        count = convert(self.count, float64)
        newest = where(count == 0, 1.0, self.weight(count))
        new: Arrays = {}
        for name, theta in parameters.items():
            now = widened(theta)
            w = convert(newest, now.dtype)
            new[name] = w * now + (1 - w) * before[name]
        self.mean, self.count = new, self.count + 1

    def apply(self, target: T) -> T:
        """A copy of the network with the averages as its weights, for evaluation; the network stays as it is.

        Running statistics are those of the network, whose weights are others: `maplet.nn.update_statistics` makes them
        anew.

        Raises
        ------
        SettingError
            If nothing was averaged yet.
        """
        copy = fresh(target)
        self._put(copy)
        return copy

    @contextmanager
    def swapped(self, target: Any) -> Generator[None]:
        """Put the averages into the network itself, for the lines of a ``with`` statement."""
        parameters = parameters_of(target)
        before = {name: Array(theta) for name, theta in parameters.items()}
        self._put(target)
        try:
            yield
        finally:
            for name, theta in parameters.items():
                assign(theta, before[name])

    def take_form(self, other: Any) -> None:
        """Hold means of the form of another's."""
        self.moved, self.mean = other.moved, fresh(other.mean)

    def _put(self, target: Any) -> None:
        parameters, mean = parameters_of(target), self._begun()
        require_same(self.moved, parameters, self.called)
        for name, theta in parameters.items():
            assign(theta, convert(mean[name], theta.dtype))

    def _begun(self) -> Arrays:
        if self.mean is None:
            raise SettingError("nothing was averaged yet", fix="average.update(net) takes in the weights as they are")
        return self.mean


@register
class Average(Averaging):
    """The mean of all weights that were taken in, each with the same weight: a ← a + (θ − a)/(n + 1).

    Taken at the end of each of the last epochs, with a rate that stays high, it is stochastic weight averaging.

    Sources: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992; P. Izmailov et
    al., "Averaging weights leads to wider optima and better generalization", 2018.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> net, average = {"w": mp.asarray(1.0)}, optim.Average()
    >>> for value in [1.0, 2.0, 6.0]:
    ...     net["w"][...] = value
    ...     average.update(net)
    >>> average.apply(net), net
    ({'w': Array(3.)}, {'w': Array(6.)})
    """

    def weight(self, count: Array) -> Array:
        """1/(n + 1)."""
        return 1 / (count + 1)


@register
class ExponentialAverage(Averaging):
    """The moving mean of the weights: a ← βa + (1 − β)θ, from a = θ at the first step.

    Source: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992,
    with weights that fade.

    Parameters
    ----------
    decay
        β, 0 ≤ β < 1: the mean reaches back about 1/(1 − β) steps.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> net, average = {"w": mp.asarray(1.0)}, optim.ExponentialAverage(0.75)
    >>> average.update(net)
    >>> net["w"][...] = 3.0
    >>> average.update(net)
    >>> with average.swapped(net):
    ...     print(net)
    {'w': Array(1.5)}
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = real("decay", decay, least=0, below=1)
        super().__init__()

    def weight(self, count: Array) -> Array:
        """1 − β."""
        return (1 - self.decay) + 0 * count
