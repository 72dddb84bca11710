"""The inside of a loop while a kernel is written: its axis, its lanes, and what is known there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from maplet.compiler.loops import Statement, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maplet.compiler.elements import Axis


@dataclass(eq=False)
class Scope:
    """The inside of a loop: which axis it goes through, and what was lowered there."""

    axis: Axis | None
    at: Value  # the loop's variable
    outer: Scope | None
    lanes: int = 1
    mask: Value | None = None
    stop: Value | None = None  # where a loop in vectors ends: the mask lets through the lanes before it
    statements: list[Statement] = field(default_factory=list[Statement])
    memo: dict[int, Value] = field(default_factory=dict[int, Value])

    def chain(self) -> Iterable[Scope]:
        """A scope and those around it, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def vector(self) -> Scope | None:
        """The scope around that goes in vectors."""
        return next((scope for scope in self.chain() if scope.lanes > 1), None)
