"""An edit: what is changed in a backward pass, and what was wrong if that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maplet.health.audit.causes import Cause
    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call

Values = Sequence[Any]
"""The value of every call of a run."""


@dataclass(frozen=True)
class Edit:
    """A change of some calls of the backward pass that would mend a fault of one kind.

    Parameters
    ----------
    numbers
        The calls that are changed.
    causes
        What was wrong, if this mends it.
    cost
        How far-fetched it is; of two edits that do the same the cheaper one is believed.
    apply
        The value of a call after the edit, given the bench, all values so far, and the call's number. It speaks of
        calls by number, so that it can be tried on another run of the same program.
    detail
        What the sentence about it needs: names, factors, axes.
    """

    numbers: tuple[int, ...]
    causes: tuple[Cause, ...]
    cost: float
    apply: Callable[[Bench, list[Any], int], Any]
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


Kind = Callable[["Bench", Values, Sequence["Call"]], Iterator[Edit]]
"""What yields the edits of one kind: of the calls given, in the light of all values."""
