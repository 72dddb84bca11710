"""Schedules: mappings from the step to the learning rate, usable as ``learning_rate=``.

A step is one update, not one epoch: 20 epochs of 100 batches are the steps 0 to 1,999. In the formulas t is the step
and α₀ the initial rate. All of them compute in float64 and in maplet operations, from the step counter that the
optimizer holds as an array, so that a compiled step need never be compiled again because the rate has changed.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any, cast

from maplet.core.types import float64
from maplet.errors import SettingError
from maplet.messages import shown
from maplet.ops.arguments import as_array, convert
from maplet.ops.elementwise import cos, floor, minimum, sqrt, where
from maplet.optim.described import Described, register
from maplet.settings import real, whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class Schedule(Described):
    """The base of every schedule: a subclass gives `rate`, and keeps its arguments as attributes.

    Examples
    --------
    >>> from maplet import optim
    >>> class Halving(optim.Schedule):
    ...     def rate(self, step):
    ...         return 0.5**step
    >>> Halving()(3)
    Array(0.125, dtype=float64)
    """

    def __call__(self, step: ArrayLike) -> Array:
        """The learning rate of a step, which may be a Python integer or an array.

        Parameters
        ----------
        step
            How many updates were made before, from 0.

        Returns
        -------
        A float64 array of the shape of ``step``.
        """
        return convert(as_array(self.rate(convert(as_array(step), float64))), float64)

    def rate(self, step: Array) -> Array:
        """The learning rate as a function of the step, which comes as a float64 array."""
        raise NotImplementedError(f"{type(self).__name__} has no rate method: define rate(self, step)")

    def observe(self, loss: float) -> None:
        """Hear of the loss at the end of an epoch. Most schedules do not listen."""

    def restart(self) -> None:
        """Forget what was observed."""


@register
class Constant(Schedule):
    """α(t) = α₀.

    Parameters
    ----------
    initial
        α₀ > 0.

    Examples
    --------
    >>> Constant(0.1)(7)
    Array(0.1, dtype=float64)
    """

    def __init__(self, initial: float) -> None:
        self.initial = real("initial", initial, above=0)

    def rate(self, step: Array) -> Array:
        """α₀."""
        return self.initial + 0 * step


@register
class Step(Schedule):
    """A stair: α(t) = α₀·γ^⌊t/k⌋.

    Source: used so in P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    Parameters
    ----------
    initial
        α₀ > 0.
    every
        k, the number of steps that a stair is long.
    factor
        γ > 0.

    Examples
    --------
    >>> Step(1.0, every=10, factor=0.5)(25)
    Array(0.25, dtype=float64)
    """

    def __init__(self, initial: float, every: int, factor: float = 0.1) -> None:
        self.initial = real("initial", initial, above=0)
        self.every = whole("every", every, least=1)
        self.factor = real("factor", factor, above=0)

    def rate(self, step: Array) -> Array:
        """α₀·γ^⌊t/k⌋."""
        return self.initial * self.factor ** floor(step / self.every)


@register
class Exponential(Schedule):
    """α(t) = α₀·γ^(t/k): the stair of `Step` made smooth.

    Source: A. Senior, G. Heigold, M. Ranzato, K. Yang, "An empirical study of learning rates in deep neural networks
    for speech recognition", 2013.

    Parameters
    ----------
    initial
        α₀ > 0.
    factor
        γ > 0, what the rate is multiplied by in k steps.
    every
        k ≥ 1.

    Examples
    --------
    >>> Exponential(1.0, factor=0.5)(3)
    Array(0.125, dtype=float64)
    """

    def __init__(self, initial: float, factor: float, every: int = 1) -> None:
        self.initial = real("initial", initial, above=0)
        self.factor = real("factor", factor, above=0)
        self.every = whole("every", every, least=1)

    def rate(self, step: Array) -> Array:
        """α₀·γ^(t/k)."""
        return self.initial * self.factor ** (step / self.every)


@register
class InverseTime(Schedule):
    """α(t) = α₀ / (1 + κ·t): Σα = ∞ and Σα² < ∞, the conditions under which stochastic approximation converges.

    Source: H. Robbins, S. Monro, "A stochastic approximation method", 1951.

    Parameters
    ----------
    initial
        α₀ > 0.
    decay
        κ ≥ 0.

    Examples
    --------
    >>> InverseTime(1.0, decay=0.5)(2)
    Array(0.5, dtype=float64)
    """

    def __init__(self, initial: float, decay: float) -> None:
        self.initial = real("initial", initial, above=0)
        self.decay = real("decay", decay, least=0)

    def rate(self, step: Array) -> Array:
        """α₀ / (1 + κ·t)."""
        return self.initial / (1 + self.decay * step)


@register
class InverseRoot(Schedule):
    """α(t) = min(α₀, c/√(t + 1)): constant at first, then a slow fall.

    Behind a `Warmup` it is the schedule of the first transformers.

    Sources: N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, with c = 1; A.
    Vaswani et al., "Attention is all you need", 2017.

    Parameters
    ----------
    initial
        α₀ > 0.
    factor
        c > 0; the fall begins at step (c/α₀)².

    Examples
    --------
    >>> InverseRoot(0.5)([0, 3, 99])
    Array([0.5, 0.5, 0.1], dtype=float64)
    """

    def __init__(self, initial: float, factor: float = 1.0) -> None:
        self.initial = real("initial", initial, above=0)
        self.factor = real("factor", factor, above=0)

    def rate(self, step: Array) -> Array:
        """min(α₀, c/√(t + 1))."""
        return minimum(self.initial, self.factor / sqrt(step + 1))


@register
class Scaled(Schedule):
    """Another schedule, times a number: α(t) = c·β(t). `layerwise` makes the rates of lower layers with it.

    Parameters
    ----------
    schedule
        β, any schedule.
    factor
        c > 0.

    Examples
    --------
    >>> Scaled(Step(1.0, every=2), factor=0.5)([0, 2])
    Array([0.5 , 0.05], dtype=float64)
    """

    def __init__(self, schedule: Schedule, factor: float) -> None:
        if not isinstance(cast("Any", schedule), Schedule):
            raise SettingError(
                f"Scaled: schedule={shown(schedule)}: expected a schedule", fix="a number is optim.Constant(0.1)"
            )
        self.schedule = schedule
        self.factor = real("factor", factor, above=0)

    def rate(self, step: Array) -> Array:
        """c·β(t)."""
        return self.factor * self.schedule(step)

    def observe(self, loss: float) -> None:
        """Hand it on."""
        self.schedule.observe(loss)

    def restart(self) -> None:
        """Hand it on."""
        self.schedule.restart()


@register
class Cosine(Schedule):
    """Half a wave: α(t) = α₁ + (α₀ − α₁)·(1 + cos(πt/T))/2 up to step T, then α₁ for ever.

    Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016; here with none.

    Parameters
    ----------
    initial
        α₀ > 0.
    steps
        T, the number of steps in which it falls.
    minimum
        α₁, 0 ≤ α₁ ≤ α₀.

    Examples
    --------
    >>> Cosine(1.0, steps=100)(50)
    Array(0.5, dtype=float64)
    """

    def __init__(self, initial: float, steps: int, minimum: float = 0.0) -> None:
        self.initial = real("initial", initial, above=0)
        self.steps = whole("steps", steps, least=1)
        self.minimum = real("minimum", minimum, least=0, most=self.initial)

    def rate(self, step: Array) -> Array:
        """α₁ + (α₀ − α₁)·(1 + cos(πt/T))/2."""
        return half_wave(self.initial, self.minimum, step / self.steps)


def half_wave(start: float, end: float, progress: Array) -> Array:
    """From one rate to another along half a cosine, as the progress goes from 0 to 1; later, the end."""
    return end + (start - end) * (1 + cos(pi * minimum(progress, 1.0))) / 2


@register
class Warmup(Schedule):
    """A line up to the start of another schedule: α(t) = s(0)·(t + 1)/W for t < W, then s(t − W).

    The first step has rate s(0)/W and not 0, so that none is wasted; step W − 1 has the full rate.

    Source: P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    Parameters
    ----------
    schedule
        s, or a number for a constant rate.
    steps
        W ≥ 1.

    Examples
    --------
    >>> warm = Warmup(Cosine(1.0, steps=100), steps=4)
    >>> [warm(t).item() for t in (0, 1, 2, 3, 54)]
    [0.25, 0.5, 0.75, 1.0, 0.5]
    """

    def __init__(self, schedule: Schedule | float, steps: int) -> None:
        self.schedule = schedule if isinstance(schedule, Schedule) else Constant(real("schedule", schedule, above=0))
        self.steps = whole("steps", steps, least=1)

    def rate(self, step: Array) -> Array:
        """s(0)·(t + 1)/W, then s(t − W)."""
        warm = step < self.steps
        later = self.schedule(where(warm, 0.0, step - self.steps))
        return later * where(warm, (step + 1) / self.steps, 1.0)

    def observe(self, loss: float) -> None:
        """Hand the loss on."""
        self.schedule.observe(loss)

    def restart(self) -> None:
        """Let the schedule inside forget."""
        self.schedule.restart()


@register
class OneCycle(Schedule):
    """Up and down once: half a cosine from α*/d to the maximum α*, then half a cosine down to α*/(d·e).

    The top is reached at step w·T − 1 and the end at step T − 1, as in PyTorch; the end is held afterwards.

    Source: L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning
    rates", 2017.

    Parameters
    ----------
    maximum
        α* > 0.
    steps
        T, the number of steps in all.
    warm_fraction
        w, 0 < w < 1: the part of them that goes up; w·T > 1.
    start_divisor, end_divisor
        d ≥ 1 and e ≥ 1.

    Examples
    --------
    >>> cycle = OneCycle(1.0, steps=10, warm_fraction=0.5)
    >>> [round(cycle(t).item(), 6) for t in (0, 4, 9)]
    [0.04, 1.0, 4e-06]
    """

    def __init__(
        self,
        maximum: float,
        steps: int,
        *,
        warm_fraction: float = 0.3,
        start_divisor: float = 25.0,
        end_divisor: float = 1e4,
    ) -> None:
        self.maximum = real("maximum", maximum, above=0)
        self.steps = whole("steps", steps, least=2)
        self.warm_fraction = real("warm_fraction", warm_fraction, above=0, below=1)
        self.start_divisor = real("start_divisor", start_divisor, least=1)
        self.end_divisor = real("end_divisor", end_divisor, least=1)
        if self.warm_fraction * self.steps <= 1:
            raise SettingError(
                f"OneCycle: warm_fraction·steps = {self.warm_fraction * self.steps:g} leaves no step to go up in",
                fix="steps counts updates (batches), not epochs: give epochs × batches per epoch",
            )

    def rate(self, step: Array) -> Array:
        """Two half waves."""
        start, top, last = self.maximum / self.start_divisor, self.warm_fraction * self.steps - 1, self.steps - 1
        up = half_wave(start, self.maximum, step / top)
        down = half_wave(self.maximum, start / self.end_divisor, (step - top) / (last - top))
        return where(step <= top, up, down)
