"""What the doctor has to say about a run, and the registry of what it looks for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING

from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from maplet.health.doctor.course import Course

blocks = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Diagnosis:
    """A verdict on a run.

    Parameters
    ----------
    verdict
        What is wrong.
    advice
        What to do.
    evidence
        The numbers behind it, by name.
    picture
        The course of the number that tells most, as a line of blocks.
    confidence
        From 0 to 1: how sure this is, given the numbers.
    layer
        Where, if it is about one place.
    code
        That of the rule, such as ``MD001``.

    Examples
    --------
    >>> print(Diagnosis("the updates climb", "turn the sign", {"cosine": 0.99}, "▁▄█", 0.95, code="MD001"))
    MD001 the updates climb (confidence 95 %)
      ▁▄█  cosine 0.99
      advice: turn the sign
    """

    verdict: str
    advice: str
    evidence: Mapping[str, float] = field(default_factory=dict[str, float])
    picture: str = ""
    confidence: float = 0.9
    layer: str = ""
    code: str = ""

    def __str__(self) -> str:
        place = f" in {self.layer}" if self.layer else ""
        numbers = ", ".join(f"{name} {number:.3g}" for name, number in self.evidence.items())
        sure = f"{self.confidence:.0%}".replace("%", " %")
        lines = [f"{self.code} {self.verdict}{place} (confidence {sure})"]
        lines += [f"  {self.picture}  {numbers}", f"  advice: {self.advice}"]
        return "\n".join(lines)


def sparkline(numbers: Sequence[float], width: int = 24) -> str:
    """A course as a line of blocks, from the least to the greatest number; a number that is not finite is a gap.

    Examples
    --------
    >>> sparkline([0, 1, 2, 3])
    '▁▃▆█'
    """
    step = max(len(numbers) / width, 1.0)
    shown = [numbers[int(n * step)] for n in range(min(len(numbers), width))]
    finite = [number for number in shown if isfinite(number)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    span = high - low or 1.0
    return "".join(
        blocks[round((number - low) / span * (len(blocks) - 1))] if isfinite(number) else " " for number in shown
    )


@dataclass(frozen=True)
class Rule:
    """A function from the course of a run to verdicts."""

    code: str
    name: str
    find: Callable[[Course], Iterator[Diagnosis]]

    def diagnoses(self, course: Course) -> list[Diagnosis]:
        """What it says, under its code."""
        return [replace(found, code=self.code) for found in self.find(course)]


rules: dict[str, Rule] = {}
"""Every rule of the doctor by its code."""


def rule(
    code: str, name: str
) -> Callable[[Callable[[Course], Iterator[Diagnosis]]], Callable[[Course], Iterator[Diagnosis]]]:
    """Enter a function into the registry."""

    def enter(find: Callable[[Course], Iterator[Diagnosis]]) -> Callable[[Course], Iterator[Diagnosis]]:
        if code in rules:
            raise SettingError(f"there is already a rule {code}", fix="take the next number")
        rules[code] = Rule(code, name, find)
        return find

    return enter
