"""L-BFGS: Newton's method with curvature seen on the last steps, and a line search."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import SettingError
from maplet.optim.described import Described, register
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = np.ndarray[Any, np.dtype[np.float64]]

enough_decrease, enough_flattening = 1e-4, 0.9  # c₁ and c₂ of Wolfe's conditions
most_trials = 25


@register
class LBFGS(Described):
    """The method of choice for `minimize` where the function is smooth and has no noise.

    θ ← θ + t·d with d = −H·g, where H is what the last m pairs s = θ′ − θ and y = g′ − g say of the inverse Hessian:
    the two-loop recursion, from H₀ = (sᵀy / yᵀy)·I. The step t satisfies Wolfe's strong conditions, f(θ + td) ≤
    f + c₁t·gᵀd and |g′ᵀd| ≤ c₂|gᵀd| with c₁ = 10⁻⁴ and c₂ = 0.9, which keeps H positive. It needs the function, several
    times in a step, and so it is no `Optimizer` for a loop of one's own: hand it to ``mp.minimize``.

    Sources: D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; J. Nocedal,
    S. J. Wright, "Numerical optimization", 2006, algorithms 7.4, 3.5 and 3.6, with cubic interpolation.

    Parameters
    ----------
    history
        m ≥ 1, the number of pairs that are remembered.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> def banana(p):
    ...     return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
    >>> found = mp.minimize(banana, mp.asarray([-1.2, 1.0], dtype="float64"), optimizer=optim.LBFGS())
    >>> found.converged, found.steps < 50
    (True, True)
    """

    def __init__(self, history: int = 10) -> None:
        self.history = whole("history", history, least=1)

    def update(self, *_: Any) -> None:
        """Refused: a gradient is not enough."""
        raise SettingError(
            "L-BFGS needs the function itself, to search along a line, and not its gradient alone",
            fix="mp.minimize(f, x0, optimizer=optim.LBFGS()); for batches that change, take optim.Adam(1e-3)",
        )


class Curvature:
    """The last pairs (s, y), and the direction that they make of a gradient."""

    def __init__(self, history: int) -> None:
        self.history = history
        self.pairs: list[tuple[Vector, Vector]] = []

    def add(self, s: Vector, y: Vector) -> None:
        """Remember a pair, if the function curves upwards along it beyond rounding."""
        if s @ y > np.finfo(np.float64).eps * np.linalg.norm(s) * np.linalg.norm(y):
            self.pairs = [*self.pairs, (s, y)][-self.history :]

    def direction(self, gradient: Vector) -> Vector:
        """−H·g by the two-loop recursion."""
        q = -gradient
        parts: list[float] = []
        for s, y in reversed(self.pairs):
            parts.append(float(s @ q) / float(s @ y))
            q = q - parts[-1] * y
        if self.pairs:
            s, y = self.pairs[-1]
            q = q * (float(s @ y) / float(y @ y))
        for (s, y), part in zip(self.pairs, reversed(parts), strict=True):
            q = q + (part - float(y @ q) / float(s @ y)) * s
        return q


@dataclass(frozen=True)
class Trial:
    """A point on the line: step size t, f and the derivative along the line there, and what was computed with them."""

    t: float
    value: float
    slope: float
    point: Any = None

    @property
    def finite(self) -> bool:
        """Whether it is a point that one may go to."""
        return isfinite(self.value) and isfinite(self.slope)


def strong_wolfe(evaluate: Callable[[float], Trial], start: Trial, first: float) -> Trial:
    """A point on the line that satisfies Wolfe's strong conditions, or the best one that was met.

    Steps out until a minimum is bracketed, then closes in on it, by the minimum of the cubic through the two ends.

    Parameters
    ----------
    evaluate
        Step size → trial.
    start, first
        The trial at t = 0, whose slope is negative, and the step size to begin with.

    Examples
    --------
    >>> line = lambda t: Trial(t, (t - 3.0) ** 2, 2 * (t - 3.0))
    >>> strong_wolfe(line, line(0.0), 0.1).t  # tenfold steps outwards, at most; here |f′| has fallen from 6 to 4
    1.0
    """
    before, now = start, evaluate(first)
    for trials in range(1, most_trials):
        if _too_high(now, start) or (trials > 1 and now.value >= before.value):
            return _between(evaluate, start, before, now, most_trials - trials)
        if abs(now.slope) <= -enough_flattening * start.slope:
            return now
        if now.slope >= 0:
            return _between(evaluate, start, now, before, most_trials - trials)
        t = _cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), 10 * now.t)
        before, now = now, evaluate(t)
    return before if _too_high(now, start) else now


def _between(evaluate: Callable[[float], Trial], start: Trial, low: Trial, high: Trial, most: int) -> Trial:
    """Close in on a minimum between two trials; of all that have fallen enough, the low one has the least value."""
    slow = False
    for _ in range(most):
        left, right = min(low.t, high.t), max(low.t, high.t)
        margin = 0.1 * (right - left)
        if margin <= 1e-12 * right:
            break
        t = _cubic_minimum(low, high, left, right)
        if min(right - t, t - left) < margin:  # so near to an end that the interval would hardly shrink
            if slow or not left < t < right:
                t = right - margin if right - t < t - left else left + margin
                slow = False
            else:
                slow = True
        else:
            slow = False
        now = evaluate(t)
        if _too_high(now, start) or now.value >= low.value:
            high = now
            continue
        if abs(now.slope) <= -enough_flattening * start.slope:
            return now
        low, high = now, (low if now.slope * (high.t - low.t) >= 0 else high)
    return low


def _too_high(trial: Trial, start: Trial) -> bool:
    return not trial.finite or trial.value > start.value + enough_decrease * trial.t * start.slope


def _cubic_minimum(first: Trial, second: Trial, least: float, most: float) -> float:
    """Where the cubic with these two values and slopes has its minimum (Nocedal and Wright, 3.59), within bounds."""
    a, b = (first, second) if first.t <= second.t else (second, first)
    middle = (least + most) / 2
    if not (a.finite and b.finite):
        return middle
    d = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d * d - a.slope * b.slope
    if square < 0:
        return middle
    root = square**0.5
    bottom = b.slope - a.slope + 2 * root
    if not bottom:
        return middle
    return min(max(b.t - (b.t - a.t) * ((b.slope + root - d) / bottom), least), most)
