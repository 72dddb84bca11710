"""Minimise a function by iterating the step of an optimizer until the gradient is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import assign
from maplet.core.recording import as_tree
from maplet.errors import SettingError
from maplet.ops.arguments import as_array
from maplet.optim.descent import Descent
from maplet.optim.lbfgs import LBFGS, Curvature, Trial, strong_wolfe
from maplet.optim.optimizer import Optimizer
from maplet.optim.resuming import fresh
from maplet.optim.sgd import SGD
from maplet.optim.targets import gradients_for, parameters_of
from maplet.settings import real, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array
    from maplet.optim.descent import Minimum, Point
    from maplet.optim.transformation import Arrays


def minimize(
    f: Callable[[Any], Array],
    x0: Any,
    *,
    optimizer: Optimizer | LBFGS | None = None,
    tolerance: float = 1e-6,
    max_steps: int = 10_000,
) -> Minimum:
    """Go downhill from ``x0`` until the gradient is small.

    Parameters
    ----------
    f
        The function: takes a tree like ``x0``, gives one floating number.
    x0
        Where to start: a number, an array, a list, tuple or dict of them, or a module. It is not modified. Python
        floats become float32; NumPy arrays and arrays of maplet keep their dtype.
    optimizer
        Any optimizer; ``optim.SGD(0.1)`` where none is given. A copy of it is used, from its beginning. For a smooth
        function ``optim.LBFGS()`` needs by far the fewest steps, and no learning rate.
    tolerance
        It has converged when the Euclidean norm of the gradient, √Σg² over all elements of all parameters, is not
        greater than this.
    max_steps
        How many updates to make at most.

    Returns
    -------
    A `Minimum`. Where the function or its gradient becomes NaN or infinite, the descent stops at once and the last
    finite point is kept; ``converged`` is then False, and the message says at which step it was.

    Its ``path`` holds every point while there are no more than 1,000 of them and a million numbers in them; beyond
    that every second one is dropped, as often as needed, and the first and the last are always kept.

    Raises
    ------
    SettingError
        If the tolerance is negative, ``max_steps`` no integer ≥ 0, or an integer stands in ``x0``.
    GradientError
        If ``f`` does not give one floating number, or there is nothing to change in ``x0``.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> mp.minimize(lambda x: x**2 - 2 * x + 1, 3.0, optimizer=optim.SGD(0.25), tolerance=1e-3)
    converged after 12 steps: the gradient's norm is 0.000976562 ≤ 0.001
      x         Array(1.0004883)
      value     2.38418579e-07
      gradient  Array(0.00097656)
    """
    tolerance = real("tolerance", tolerance, least=0)
    max_steps = whole("max_steps", max_steps, least=0)
    if optimizer is not None and not isinstance(optimizer, Optimizer | LBFGS):  # pyright: ignore[reportUnnecessaryIsInstance]  (users have no pyright)
        raise SettingError(f"optimizer={optimizer!r}: expected an optimizer", fix="such as optim.SGD(0.1)")
    _refuse_integers(x0)
    x = fresh(as_tree(x0))
    if isinstance(optimizer, LBFGS):
        return Newton(f, x, optimizer, tolerance).run(max_steps)
    return Stepwise(f, x, fresh(SGD(0.1) if optimizer is None else optimizer), tolerance).run(max_steps)


def _refuse_integers(tree: Any) -> None:
    """An integer would stay where it is, without a word."""
    if isinstance(tree, dict):
        tree = list(cast("dict[Any, Any]", tree).values())
    if isinstance(tree, list | tuple):
        for child in cast("list[Any]", tree):
            _refuse_integers(child)
    if isinstance(tree, int) and not isinstance(tree, bool):
        raise SettingError(f"x0 holds the integer {tree}, and only real numbers can move", fix=f"write {tree}.0")


class Stepwise(Descent):
    """By the updates of an optimizer."""

    def __init__(self, f: Callable[[Any], Array], x: Any, optimizer: Optimizer, tolerance: float) -> None:
        super().__init__(f, x, tolerance)
        self.optimizer = optimizer
        optimizer.init(x)

    def advance(self, point: Point) -> Point:
        """One update."""
        self.optimizer.update(self.x, point.gradient)
        return self.look()

    def diverged(self, point: Point, step: int) -> str:
        """What to say, and to do, where a step has led to infinity."""
        rate = self.optimizer.current_learning_rate()
        return f"{super().diverged(point, step)}; try a learning rate smaller than {rate:g}"


class Newton(Descent):
    """By L-BFGS: a direction from the curvature so far, and a search along it."""

    advice = "allow more steps"

    def __init__(self, f: Callable[[Any], Array], x: Any, settings: LBFGS, tolerance: float) -> None:
        super().__init__(f, x, tolerance)
        self.curvature = Curvature(settings.history)

    def advance(self, point: Point) -> Point | None:
        """A search along the next direction."""
        gradient, place = self._slopes(point), _flat(parameters_of(point.x))
        direction = self.curvature.direction(gradient)
        if not direction @ gradient < 0:  # rounding has spoilt what was remembered
            self.curvature.pairs, direction = [], -gradient
        first = 1.0 if self.curvature.pairs else min(1.0, 1 / float(np.sum(np.abs(gradient))))

        def trial(t: float) -> Trial:
            with np.errstate(over="ignore", invalid="ignore"):  # a step may lead to infinity; the search sees it
                self._go(place + t * direction)
                there = self.look()
                return Trial(t, there.value, float(self._slopes(there) @ direction), there)

        found = strong_wolfe(trial, Trial(0.0, point.value, float(gradient @ direction), point), first)
        reached = _flat(parameters_of(found.point.x))
        self._go(reached)
        if np.array_equal(reached, place):  # no lower point on this line: then the steepest one is the last resort
            if not self.curvature.pairs:
                return None
            self.curvature.pairs = []
            return self.advance(point)
        self.curvature.add(reached - place, self._slopes(found.point) - gradient)
        return found.point

    def _slopes(self, point: Point) -> np.ndarray[Any, np.dtype[np.float64]]:
        return _flat(gradients_for(parameters_of(self.x), self.x, point.gradient))

    def _go(self, place: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        parts = parameters_of(self.x)
        ends = np.cumsum([part.size for part in parts.values()])
        for part, values in zip(parts.values(), np.split(place, ends[:-1]), strict=True):
            assign(part, as_array(values.reshape(part.shape).astype(part.dtype)))


def _flat(arrays: Arrays) -> np.ndarray[Any, np.dtype[np.float64]]:
    """All numbers in one vector of float64."""
    return np.concatenate([array.numpy().astype(np.float64).ravel() for array in arrays.values()])
