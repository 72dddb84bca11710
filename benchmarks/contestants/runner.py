"""What a contestant hands over: something that can begin anew, run, and show what it got."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.data import Named


class Absent(Exception):  # noqa: N818  (it is no fault: the contestant is not there)
    """A contestant cannot take part; the message says why."""


class Runner(ABC):
    """A workload, compiled and ready in the memory of a framework."""

    grain = 1
    """It runs a multiple of so many units at a time: 50 for a scan over 50 steps."""

    @abstractmethod
    def reset(self) -> None:
        """Go back to the initial weights, so that every burst does the same work; untimed."""

    @abstractmethod
    def run(self, units: int) -> None:
        """Do so many units, one after another, and return when the last is done; this is what is timed."""

    @abstractmethod
    def result(self) -> Named:
        """What it got, by the names of `reference`."""

    def rehearse(self, units: int) -> None:
        """Do what the agreement check looks at: so many units from the start."""
        self.reset()
        self.run(units)
