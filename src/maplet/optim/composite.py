"""Composite: an optimizer that is made of others, and has no rate of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.advice import for_composites, no_attribute
from maplet.core.array import Array
from maplet.core.tree import Stateful, leaves
from maplet.errors import SettingError
from maplet.optim.optimizer import Optimizer
from maplet.optim.resuming import types_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from maplet.optim.transformation import Arrays


class Composite(Optimizer):
    """The base of optimizers that hand the step on to others, which keep rates, settings and moments.

    A subclass calls ``super().__init__()`` and gives `inner`, `begin` and `move`.
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make the object; its first setting may be a dict."""
        return Stateful.__new__(cls)

    def __init__(self) -> None:  # it has no rate of its own
        self.steps, self.state, self.moved = Array(0), None, None
        seen: set[int] = set()
        for optimizer in self.inner():
            if not isinstance(optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]  (users have no pyright)
                raise SettingError(
                    f"{type(self).__name__} is made of optimizers, given {type(optimizer).__name__}",
                    fix="such as optim.Adam(1e-3)",
                )
            own = {id(leaf) for leaf in leaves(optimizer).values()}  # at least its step counter
            if own & seen:
                raise SettingError(
                    f"{type(self).__name__}: one optimizer, or one schedule that listens, stands in two places, "
                    "and has one memory",
                    fix="make one for each: write optim.Adam(optim.ReduceOnPlateau(1e-3)) twice",
                )
            seen |= own

    if not TYPE_CHECKING:  # a checker would take it that an optimizer has every attribute

        def __getattr__(self, name: str) -> object:
            """Called for a name that is not there."""
            if name in for_composites:
                raise no_attribute(type(self).__name__, name, for_composites)
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a rate is set in the optimizers that have one."""
        if name == "learning_rate":
            raise SettingError(
                f"{type(self).__name__} has no learning rate of its own",
                fix="for part in optimizer.parts(): part.learning_rate = …",
            )
        super().__setattr__(name, value)

    def inner(self) -> list[Optimizer]:
        """The optimizers that it holds."""
        raise NotImplementedError(f"{type(self).__name__} has no inner method")

    def parts(self) -> list[Optimizer]:
        """The optimizers that it is made of in the end."""
        return [part for optimizer in self.inner() for part in optimizer.parts()]

    def gradients_from(self, both: Callable[..., Any]) -> Callable[..., Any]:
        """As the optimizer inside wants it taken; several must want the same."""
        ways = [optimizer.gradients_from(both) for optimizer in self.inner()]
        if len(ways) > 1 and any(way is not both for way in ways):
            raise SettingError(
                f"{type(self).__name__}: one of its optimizers wants the gradient at another point than the others",
                fix="put it around them: optim.SAM(optim.Groups({…}))",
            )
        return ways[0]

    def begin(self, parameters: Arrays) -> None:
        """Zero steps, for these parameters."""
        self.state, self.steps, self.moved = {}, Array(0), types_of(parameters)

    def current_learning_rate(self) -> float:
        """The rate of the next update: that of the last optimizer, which moves what is left for it."""
        return self.inner()[-1].current_learning_rate()

    def observe(self, loss: float) -> None:
        """Tell every schedule the loss at the end of an epoch."""
        for optimizer in self.inner():
            optimizer.observe(loss)

    def take_form(self, other: Any) -> None:
        """Hold memories of the form of another's, as far as it is made of as many."""
        super().take_form(other)
        for own, its in zip(self.inner(), other.inner(), strict=False):
            own.take_form(its)
