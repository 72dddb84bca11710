"""A descent under way: where it stands, where it has been, and what is said when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.tree import leaves
from maplet.optim.resuming import fresh
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


@dataclass(frozen=True)
class Point:
    """The function at a point: its value, its gradient in the form that ``mp.grad`` gives it, and the norm of that."""

    x: Any
    value: float
    gradient: Any
    norm: float

    @property
    def finite(self) -> bool:
        """Whether one can go on from here."""
        return isfinite(self.value) and isfinite(self.norm)


class Descent:
    """The base of descents: a subclass says in `advance` how to take a step from a point to the next.

    Parameters
    ----------
    f, x
        The function, and where it starts: a tree of its own, which is changed in place.
    tolerance
        The norm of the gradient at which it ends.
    """

    advice = "allow more steps, or try another learning rate"

    def __init__(self, f: Callable[[Any], Array], x: Any, tolerance: float) -> None:
        self.evaluate = value_and_grad(f)
        self.x = x
        self.tolerance = tolerance
        self.path = Path(sum(leaf.size for leaf in leaves(x).values()))

    def advance(self, point: Point) -> Point | None:
        """One step: change x, and look; None where there is nowhere to go."""
        raise NotImplementedError

    def diverged(self, point: Point, step: int) -> str:
        """What to say where a step has led to infinity."""
        return f"diverged: after step {step} {_not_finite(point)}; the last finite point is kept"

    def run(self, max_steps: int) -> Minimum:
        """Step after step, until the gradient is small, or there is another reason to end."""
        start = point = before = self.look()
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

    def look(self) -> Point:
        """The function and its gradient where x is now."""
        x = fresh(self.x)
        value, gradient = self.evaluate(self.x)
        parameters = parameters_of(self.x)
        return Point(x, value.item(), gradient, float(global_norm(gradients_for(parameters, self.x, gradient))))

    def _result(self, point: Point, steps: int, message: str) -> Minimum:
        converged = point.finite and point.norm <= self.tolerance
        path = self.path.finished(steps, point.x, point.value)
        return Minimum(point.x, point.value, point.gradient, point.norm, steps, converged, message, path)

    # ── what happened ────────────────────────────────────────────────────────────────────────────

    def _message(self, start: Point, before: Point, point: Point, steps: int, *, stuck: bool = False) -> str:
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


def _not_finite(point: Point) -> str:
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


class Path:
    """Points on the way: all of them, or every second, fourth, eighth … one."""

    def __init__(self, size: int) -> None:
        self.limit = min(most_points, max(most_numbers // max(size, 1), 2))
        self.every = 1
        self.points: list[tuple[int, Any, float]] = []

    def add(self, step: int, x: Any, value: float) -> None:
        """Note a point, if it is its turn."""
        if step % self.every:
            return
        if len(self.points) == self.limit:
            self.every *= 2
            self.points = [point for point in self.points if not point[0] % self.every]
        if not step % self.every:
            self.points.append((step, x, value))

    def finished(self, step: int, x: Any, value: float) -> tuple[tuple[Any, float], ...]:
        """All that was kept, up to a last point."""
        points = [point for point in self.points if point[0] < step] + [(step, x, value)]
        if len(points) > self.limit:
            points.pop(-2)
        return tuple((x, value) for _, x, value in points)
