"""Minimise a function by iterating the step of an optimizer until the gradient is small."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import assign
from maplet.core.recording import as_tree
from maplet.core.tree import leaves
from maplet.errors import SettingError
from maplet.ops.arguments import as_array
from maplet.optim.lbfgs import LBFGS, Curvature, Trial, strong_wolfe
from maplet.optim.optimizer import Optimizer
from maplet.optim.optimizers import SGD
from maplet.optim.resuming import fresh
from maplet.optim.settings import real, whole
from maplet.optim.targets import gradients_for, parameters_of
from maplet.optim.transformations import global_norm
from maplet.transforms.derivatives import value_and_grad

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array
    from maplet.optim.transformation import Arrays

most_points = 1_000
most_numbers = 1_000_000


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a descent has come to.

    Parameters
    ----------
    x
        The last point at which the function and its gradient were finite, a tree like ``x0``.
    value, gradient
        The function and its gradient there; the gradient has the form that ``mp.grad`` gives it.
    gradient_norm
        √Σg² over all elements.
    steps
        How many updates led from ``x0`` to ``x``.
    converged
        Whether the norm of the gradient is within the tolerance.
    message
        What happened, and what to do where it did not converge.
    path
        Pairs (x, value) on the way, from ``x0`` to ``x``.
    """

    x: Any
    value: float
    gradient: Any
    gradient_norm: float
    steps: int
    converged: bool
    message: str
    path: tuple[tuple[Any, float], ...]

    def __repr__(self) -> str:
        lines = [self.message, f"  x         {_shown(self.x)}", f"  value     {self.value:.9g}"]
        return "\n".join([*lines, f"  gradient  {_shown(self.gradient)}"])


def _shown(tree: Any) -> str:
    text = " ".join(repr(tree).split())
    return text if len(text) <= 80 else f"{text[:77]}…"


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
        return _Newton(f, x, optimizer, tolerance).run(max_steps)
    return _Stepwise(f, x, fresh(SGD(0.1) if optimizer is None else optimizer), tolerance).run(max_steps)


def _refuse_integers(tree: Any) -> None:
    """An integer would stay where it is, without a word."""
    if isinstance(tree, dict):
        tree = list(cast("dict[Any, Any]", tree).values())
    if isinstance(tree, list | tuple):
        for child in cast("list[Any]", tree):
            _refuse_integers(child)
    if isinstance(tree, int) and not isinstance(tree, bool):
        raise SettingError(f"x0 holds the integer {tree}, and only real numbers can move", fix=f"write {tree}.0")


@dataclass(frozen=True)
class _Point:
    x: Any
    value: float
    gradient: Any
    norm: float

    @property
    def finite(self) -> bool:
        return isfinite(self.value) and isfinite(self.norm)


class _Descent:
    """One descent under way."""

    advice = "allow more steps, or try another learning rate"

    def __init__(self, f: Callable[[Any], Array], x: Any, tolerance: float) -> None:
        self.evaluate = value_and_grad(f)
        self.x = x
        self.tolerance = tolerance
        self.path = _Path(sum(leaf.size for leaf in leaves(x).values()))

    def advance(self, point: _Point) -> _Point | None:
        """One step: change x, and look; None where there is nowhere to go."""
        raise NotImplementedError

    def diverged(self, point: _Point, step: int) -> str:
        """What to say where a step has led to infinity."""
        return f"diverged: after step {step} {_not_finite(point)}; the last finite point is kept"

    def run(self, max_steps: int) -> Minimum:
        start = point = before = self._look()
        for steps in range(max_steps + 1):
            self.path.add(steps, point.x, point.value)
            if not point.finite or point.norm <= self.tolerance or steps == max_steps:
                return self._result(point, steps, self._message(start, before, point, steps))
            found = self.advance(point)
            if found is None:
                return self._result(point, steps, self._message(start, point, point, steps, stuck=True))
            before, point = point, found
            if not point.finite:
                return self._result(before, steps, self.diverged(point, steps + 1))
        raise AssertionError("the loop returns in its last round")

    def _look(self) -> _Point:
        x = fresh(self.x)
        value, gradient = self.evaluate(self.x)
        parameters = parameters_of(self.x)
        return _Point(x, value.item(), gradient, float(global_norm(gradients_for(parameters, self.x, gradient))))

    def _result(self, point: _Point, steps: int, message: str) -> Minimum:
        converged = point.finite and point.norm <= self.tolerance
        path = self.path.finished(steps, point.x, point.value)
        return Minimum(point.x, point.value, point.gradient, point.norm, steps, converged, message, path)

    # ── what happened ────────────────────────────────────────────────────────────────────────────

    def _message(self, start: _Point, before: _Point, point: _Point, steps: int, *, stuck: bool = False) -> str:
        if not point.finite:
            return f"not converged: at the start {_not_finite(point)}; start elsewhere"
        if point.norm <= self.tolerance:
            return f"converged after {_counted(steps)}: the gradient's norm is {point.norm:g} ≤ {self.tolerance:g}"
        head = f"not converged after {_counted(steps)}: the gradient's norm is {point.norm:g} > {self.tolerance:g}; "
        coarse = _resting(before.x, point.x) if steps or stuck else ""
        if coarse:
            wider = "" if coarse == "float64" else "start in float64, mp.asarray(x0, dtype=mp.float64), or "
            return f"{head}the steps are below the resolution of {coarse}: {wider}allow a larger tolerance"
        if steps and point.value >= start.value:
            return f"{head}the value has not fallen ({start.value:g} → {point.value:g}): try a smaller learning rate"
        return f"{head}{self.advice}"


class _Stepwise(_Descent):
    """By the updates of an optimizer."""

    def __init__(self, f: Callable[[Any], Array], x: Any, optimizer: Optimizer, tolerance: float) -> None:
        super().__init__(f, x, tolerance)
        self.optimizer = optimizer
        optimizer.init(x)

    def advance(self, point: _Point) -> _Point:
        self.optimizer.update(self.x, point.gradient)
        return self._look()

    def diverged(self, point: _Point, step: int) -> str:
        rate = self.optimizer.current_learning_rate()
        return f"{super().diverged(point, step)}; try a learning rate smaller than {rate:g}"


class _Newton(_Descent):
    """By L-BFGS: a direction from the curvature so far, and a search along it."""

    advice = "allow more steps"

    def __init__(self, f: Callable[[Any], Array], x: Any, settings: LBFGS, tolerance: float) -> None:
        super().__init__(f, x, tolerance)
        self.curvature = Curvature(settings.history)

    def advance(self, point: _Point) -> _Point | None:
        gradient, place = self._slopes(point), _flat(parameters_of(point.x))
        direction = self.curvature.direction(gradient)
        if not direction @ gradient < 0:  # rounding has spoilt what was remembered
            self.curvature.pairs, direction = [], -gradient
        first = 1.0 if self.curvature.pairs else min(1.0, 1 / float(np.sum(np.abs(gradient))))

        def trial(t: float) -> Trial:
            self._go(place + t * direction)
            there = self._look()
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

    def _slopes(self, point: _Point) -> np.ndarray[Any, np.dtype[np.float64]]:
        return _flat(gradients_for(parameters_of(self.x), self.x, point.gradient))

    def _go(self, place: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        parts = parameters_of(self.x)
        ends = np.cumsum([part.size for part in parts.values()])
        for part, values in zip(parts.values(), np.split(place, ends[:-1]), strict=True):
            assign(part, as_array(values.reshape(part.shape).astype(part.dtype)))


def _flat(arrays: Arrays) -> np.ndarray[Any, np.dtype[np.float64]]:
    """All numbers in one vector of float64."""
    return np.concatenate([array.numpy().astype(np.float64).ravel() for array in arrays.values()])


def _not_finite(point: _Point) -> str:
    return f"the gradient's norm is {point.norm:g}" if isfinite(point.value) else f"the value is {point.value:g}"


def _counted(steps: int) -> str:
    return f"{steps:,} step{'' if steps == 1 else 's'}"


def _resting(before: Any, now: Any) -> str:
    """The dtype of the parameters where none of them has moved by more than its rounding, else nothing."""
    dtype = ""
    old: Arrays = parameters_of(before)
    for name, parameter in parameters_of(now).items():
        value = parameter.numpy()
        if bool(np.any(np.abs(value - old[name].numpy()) > np.spacing(np.abs(value)))):
            return ""
        dtype = str(value.dtype)
    return dtype


class _Path:
    """Points on the way: all of them, or every second, fourth, eighth … one."""

    def __init__(self, size: int) -> None:
        self.limit = min(most_points, max(most_numbers // max(size, 1), 2))
        self.every = 1
        self.points: list[tuple[int, Any, float]] = []

    def add(self, step: int, x: Any, value: float) -> None:
        if step % self.every:
            return
        if len(self.points) == self.limit:
            self.every *= 2
            self.points = [point for point in self.points if not point[0] % self.every]
        if not step % self.every:
            self.points.append((step, x, value))

    def finished(self, step: int, x: Any, value: float) -> tuple[tuple[Any, float], ...]:
        points = [point for point in self.points if point[0] < step] + [(step, x, value)]
        if len(points) > self.limit:
            points.pop(-2)
        return tuple((x, value) for _, x, value in points)
