"""Optimizer: gradient descent as a mapping that is iterated, θ ↦ θ − α·u(∇J(θ))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.advice import for_optimizers, no_attribute
from maplet.core.array import Array, assign
from maplet.core.context import thread
from maplet.core.types import float64, is_floating
from maplet.errors import SettingError
from maplet.ops.arguments import convert
from maplet.ops.casting import astype
from maplet.optim.resuming import Resumable, fresh, require_same, types_of
from maplet.optim.rows import looked_up, put_back, rows_of
from maplet.optim.schedules import Schedule
from maplet.optim.targets import gradients_for, parameters_of
from maplet.optim.transformation import Transformation, chain
from maplet.settings import is_number, real

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.optim.transformation import Arrays


class Optimizer(Resumable):
    """A learning rate and a rule; the base of every optimizer.

    A subclass keeps the arguments of its constructor as attributes, then calls ``super().__init__(learning_rate)``, and
    gives `rule`, the chain of transformations that makes an update of a gradient. The rule is made anew at every
    update, so settings may be reassigned at any time. Written below ``@optim.register``, it can be saved.

    Everything that it remembers is an array, found by ``leaves(optimizer)``: ``steps``, the moments under ``state``,
    the learning rate and what a schedule has observed.

    Parameters
    ----------
    learning_rate
        α: a number > 0 or a `Schedule`. May be reassigned at any time.

    Attributes
    ----------
    learning_rate
        The schedule; a number is kept as a float64 array, so that it is an input and no constant of a compiled step.
    steps
        How many updates were made, an int64 array.
    state
        What the rule remembers, a tree of arrays; None before `init` or the first update.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x, optimizer = mp.asarray(3.0), optim.SGD(0.25)
    >>> for _ in range(3):
    ...     optimizer.update(x, mp.grad(lambda x: x**2 - 2 * x + 1)(x))
    >>> x
    Array(1.25)
    """

    learning_rate: Schedule | Array | float
    steps: Array
    state: Any
    moved: dict[str, str] | None
    """The type of every parameter that the state was made for."""

    def __init__(self, learning_rate: Schedule | Array | float) -> None:
        self.learning_rate = learning_rate
        self.steps, self.state, self.moved = Array(0), None, None
        self.rule()  # a setting outside its range is reported here, not at the first update

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _as_rate(value) if name == "learning_rate" else value)

    if not TYPE_CHECKING:  # a checker would take it that an optimizer has every attribute

        def __getattr__(self, name: str) -> object:
            """Called for a name that is not there."""
            if name in for_optimizers:
                raise no_attribute(type(self).__name__, name, for_optimizers)
            return object.__getattribute__(self, name)

    def rule(self) -> Transformation:
        """What makes an update of a gradient."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rule method: define rule(self), which returns optim.chain(…)"
        )

    # ── the step ─────────────────────────────────────────────────────────────────────────────────

    def gradients_from(self, both: Callable[..., Any]) -> Callable[..., Any]:
        """What takes the gradient for `update`, made of what takes it at the parameters as they are.

        Parameters
        ----------
        both
            ``(target, …) → (value, gradients)``, such as ``mp.value_and_grad(loss)``.

        Returns
        -------
        A function of the same arguments and results: ``both`` itself, but for `SAM`. `mp.fit` asks for it.
        """
        return both

    def init(self, target: Any) -> None:
        """Begin anew: zero steps, and an empty memory for these parameters. The first update does this by itself.

        Parameters
        ----------
        target
            What `update` will be given.
        """
        self.begin(parameters_of(target))

    def begin(self, parameters: Arrays) -> None:
        """What `init` does, for parameters by name: an empty memory for each."""
        self.state = self.rule().init(parameters)
        self.moved = types_of(parameters)
        self.steps = Array(0)
        if isinstance(self.learning_rate, Schedule):
            self.learning_rate.restart()

    def update(self, target: Any, gradients: Any) -> None:
        """Move the parameters once: θ ← θ − α·u. The handles stay and get new values, so tied weights stay tied.

        Parameters
        ----------
        target
            A module, whose trainable parameters are moved, or a tree of arrays, which are all moved.
        gradients
            What ``mp.grad`` gives for the target: for a module a dict by parameter name, else the same tree.

        Raises
        ------
        GradientError
            If a gradient is missing or belongs to no parameter.
        ShapeError, DTypeError
            If one does not fit its parameter, or the parameters are not those of the updates before.
        """
        parameters = parameters_of(target)
        matched = gradients_for(parameters, target, gradients)
        if self.moved is None:
            if thread.begun is not None:
                thread.begun.append((self, target))
            self.init(target)
        require_same(self.moved, parameters, "optimizer")
        self.move(parameters, matched)

    def move(self, parameters: Arrays, gradients: Arrays) -> None:
        """What `update` does, for parameters and gradients under the same names, that fit each other."""
        rate, rule = self._rate(), self.rule()
        rows = looked_up(gradients) if rule.rests else {}
        old = {name: rows[name].of(theta) if name in rows else theta for name, theta in parameters.items()}
        gradients = gradients | {name: one.gradient for name, one in rows.items()}
        updates, state = rule.update(gradients, rows_of(self.state, rows, parameters), old)
        new = {name: theta - convert(rate, theta.dtype) * updates[name] for name, theta in old.items()}
        new |= {name: one.put_into(parameters[name], new[name]) for name, one in rows.items()}
        for name, theta in parameters.items():
            assign(theta, new[name])
        self.state, self.steps = put_back(self.state, state, rows, parameters), self.steps + 1

    def _rate(self) -> Array:
        rate = self.learning_rate
        return rate(self.steps) if isinstance(rate, Schedule) else rate  # type: ignore[return-value]  # __setattr__ made it one

    def parts(self) -> list[Optimizer]:
        """The optimizers that do the work: this one, or those that it is made of."""
        return [self]

    # ── the schedule ─────────────────────────────────────────────────────────────────────────────

    def current_learning_rate(self) -> float:
        """The rate of the next update, as a Python number."""
        return float(self._rate())

    def observe(self, loss: float) -> None:
        """Tell the schedule the loss at the end of an epoch; only `ReduceOnPlateau` and the like listen."""
        if isinstance(self.learning_rate, Schedule):
            self.learning_rate.observe(loss)

    def take_form(self, other: Any) -> None:
        """Hold a memory of the form of another's."""
        self.moved, self.state = other.moved, fresh(other.state)


class Chain(Optimizer):
    """An optimizer of any transformations, one after the other.

    It holds functions, so it cannot be saved as JSON; for that, write the chain as the `rule` of a class of your own
    (see `register`).

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a `Schedule`.
    *transformations
        What is done to the gradient, in order.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([0.0, 0.0])
    >>> optim.Chain(0.5, optim.clip_by_norm(1.0), optim.momentum(0.9)).update(x, mp.asarray([3.0, 4.0]))
    >>> x
    Array([-0.3, -0.4], dtype=float32)
    """

    def __init__(self, learning_rate: Schedule | Array | float, *transformations: Transformation) -> None:
        self.transformations = transformations
        super().__init__(learning_rate)

    def rule(self) -> Transformation:
        """The chain of them."""
        return chain(*self.transformations)


def _as_rate(value: Any) -> Schedule | Array:
    """The learning rate as it is kept: a schedule, or a float64 array without axes."""
    if isinstance(value, Schedule):
        return value
    if is_number(value):
        return Array(real("learning_rate", value, above=0), float64)
    array = Array(value) if isinstance(value, np.ndarray) else value
    if isinstance(array, Array) and not array.shape and is_floating(array.dtype):
        if thread.trace is None:  # inside a trace there may be no value to look at
            real("learning_rate", array.item(), above=0)
        return astype(array, float64)  # a handle of its own, which nobody else can rebind
    raise SettingError(
        f"learning_rate={value!r}: expected a number > 0 or a schedule",
        fix="write a function of the step as a schedule: class Mine(optim.Schedule) with rate(self, step)",
    )
