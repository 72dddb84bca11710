"""A turn of a training loop: what it has changed, and what its loss may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from maplet.health.audit.scripts.instrument import Statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.health.audit.program.lines import Line
    from maplet.health.audit.program.tape import Tape


class Seen(NamedTuple):
    """A value that may be the loss.

    Parameters
    ----------
    name
        What the script calls it; "" of what it only prints or appends.
    number
        The call that gave it.
    added
        Whether it was added to what its variable held before the turn, as a sum over an epoch is.
    """

    name: str
    number: int
    added: bool = False


class Update(NamedTuple):
    """A parameter: its name, the call that held it before its update, and the one that holds it afterwards."""

    name: str
    old: int
    new: int


@dataclass
class Turn:
    """A turn of a loop that has changed what a loss was computed from.

    Parameters
    ----------
    tape
        The calls up to its end.
    begin
        The first of its calls.
    updates
        What was changed.
    losses
        What may be the loss.
    later
        The losses that were computed from parameters as they are after their update.
    state
        The calls that gave what variables held when it began.
    still
        What variables held when it began and hold at its end, by their paths.
    elsewhere
        The names of what some line of the script takes a step with, in this turn or not.
    names
        What values are called.
    rates
        The values of what is called a learning rate, the last one last.
    numbers
        The plain numbers that have names, but whole ones.
    statements
        Of each line of the script its statement.
    kept
        The calls that gave what an optimizer begins with in this turn, ``m = 0.9 * m.get(k, 0) + 0.1 * g``.
    shared
        Other updates of what is updated: two parameters that began as one array.
    plain
        The parameters that were Python numbers, which nothing is known of.
    file
        The script.
    """

    file: str
    tape: Tape
    begin: int
    updates: list[Update]
    losses: list[Seen]
    later: list[int]
    state: frozenset[int]
    still: Mapping[str, int]
    elsewhere: frozenset[str]
    names: Mapping[int, str]
    rates: Mapping[str, Sequence[float]]
    numbers: Mapping[str, float]
    statements: Mapping[int, Statement]
    kept: frozenset[int] = frozenset()
    shared: Sequence[Update] = ()
    plain: Sequence[str] = ()

    def floor(self, loss: int) -> int:
        """From which call on a loss depends on parameters; what a turn found there is given, such as older weights."""
        olds = {u.old for u in self.updates}
        behind = self.tape.ancestors([loss])
        read = {o for n in behind if n >= self.begin for o in self.tape.calls[n].operands}
        return self.begin if loss >= self.begin and read >= olds & behind else 0

    def statement(self, line: Line) -> Statement:
        """The statement of a line; of another file than the script, the line alone."""
        found = self.statements.get(line.number) if line.file == self.file else None
        return found or Statement(line.number, frozenset(), ())
