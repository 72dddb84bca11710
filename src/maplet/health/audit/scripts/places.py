"""What was read of an update: the places where its gradient may be."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.program.methods import add_at, setitem
from maplet.health.audit.program.tape import Recorded, Ref, filled
from maplet.health.audit.scripts.instrument import Statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.health.audit.program.tape import Call, Tape
    from maplet.health.audit.scripts.turn import Update


class Place(NamedTuple):
    """A value that an update is made of.

    Parameters
    ----------
    number
        The call that gives it.
    by
        The number that the update takes it away with, below 0 where it adds; not a number where it is no multiple.
    """

    number: int
    by: float


@dataclass
class Part:
    """What is taken away from a parameter, or from some of its entries.

    Parameters
    ----------
    places
        Where the gradient may be, the one next to the update first.
    entries
        The call that writes into the parameter, where it does not write all of it.
    """

    places: list[Place]
    entries: Call | None = None

    def spread(self, tape: Tape, gradient: Recorded, shape: tuple[int, ...]) -> Recorded:
        """The gradient of the whole parameter: 0 where nothing is written."""
        if self.entries is None:
            return gradient
        function, args = self._writing(gradient, shape, lambda ref: Recorded(tape, ref.number))
        found: Recorded = tape.call(function, args, {})
        tape.calls[found.number].lines = tape.calls[gradient.number].lines
        return found

    def value(self, tape: Tape, gradient: Any, shape: tuple[int, ...]) -> Any:
        """The same of plain numbers."""
        if self.entries is None:
            return gradient
        function, args = self._writing(gradient, shape, lambda ref: tape.values[ref.number])
        return function(*args)

    def _writing(self, gradient: Any, shape: tuple[int, ...], one: Callable[[Ref], Any]) -> tuple[Any, Any]:
        assert self.entries is not None  # noqa: S101  (asked before)
        zeros = np.zeros(shape)
        if self.entries.kind == "add_at":
            return add_at, (np.add, zeros, filled(self.entries.args[2], one), gradient)
        return setitem, (zeros, filled(self.entries.args[1], one), gradient)


@dataclass
class Reading:
    """What was read of one update.

    Parameters
    ----------
    update
        The update.
    parts
        What it takes away; several where it is made in several steps of some entries each.
    statements
        The lines of the update, of what the optimizer does, and of steps that have a name.
    keeps
        Whether an optimizer's state has a part in it.
    penalised
        Whether the loss has a part that knows of the parameter alone.
    """

    update: Update
    parts: list[Part] = field(default_factory=list[Part])
    statements: list[Statement] = field(default_factory=list[Statement])
    keeps: bool = False
    penalised: bool = False

    @property
    def is_read(self) -> bool:
        """Whether a place was found for every part."""
        return bool(self.parts) and all(part.places for part in self.parts)

    @property
    def is_multiple(self) -> bool:
        """Whether the update is a multiple of its gradient."""
        return all(not isnan(part.places[-1].by) for part in self.parts)
