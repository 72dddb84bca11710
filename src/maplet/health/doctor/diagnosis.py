"""What the doctor has to say about a run, and the registry of its rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from maplet.bilingual import Bilingual
from maplet.health.rules import Rules, advise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.health.doctor.course import Course

blocks = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Diagnosis:
    """A verdict on a run, in English and Chinese.

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
    >>> found = Diagnosis(
    ...     Bilingual("the updates climb", "更新方向为上升"), Bilingual("turn the sign", "把符号反过来"),
    ...     {Bilingual("cosine", "余弦"): 0.99}, "▁▄█", 0.95, code="MD001",
    ... )
    >>> print(found)
    MD001 the updates climb (confidence 95 %)
      ▁▄█  cosine 0.99
      advice: turn the sign
    >>> print(found.text("zh"))
    MD001 更新方向为上升（置信度 95%）
      ▁▄█  余弦 0.99
      建议：把符号反过来
    """

    verdict: Bilingual
    advice: Bilingual
    evidence: Mapping[Bilingual, float] = field(default_factory=dict[Bilingual, float])
    picture: str = ""
    confidence: float = 0.9
    layer: str = ""
    code: str = ""

    def __str__(self) -> str:
        return self.text()

    def text(self, language: str = "en") -> str:
        """Verdict, numbers and advice, a line each; a number that is not known is left out.

        Parameters
        ----------
        language
            ``"en"`` or ``"zh"``.

        Raises
        ------
        SettingError
            If it is neither.
        """
        sure, numbers = percent(self.confidence), known(self.evidence)
        place, place_zh = (f" in {self.layer}", f"{self.layer}，") if self.layer else ("", "")
        seen, seen_zh = (
            comma.join(f"{name.speak(spoken)} {number}" for name, number in numbers)
            for spoken, comma in (("en", ", "), ("zh", "，"))
        )
        return Bilingual(
            f"{self.code} {self.verdict}{place} (confidence {sure})\n  {self.picture}  {seen}\n  {advise}{self.advice}",
            f"{self.code} {self.verdict.zh}（{place_zh}置信度 {sure.zh}）\n  {self.picture}  {seen_zh}\n"
            f"  {advise.zh}{self.advice.zh}",
        ).speak(language)


def known(evidence: Mapping[Any, float]) -> list[tuple[Any, str]]:
    """The numbers behind a verdict as they are written, by name; one that is not known (NaN) is left out."""
    return [(name, f"{number:.3g}") for name, number in evidence.items() if not isnan(number)]


def percent(share: float, digits: int = 0) -> Bilingual:
    """A share as it is written: 25 % in English, 25% in Chinese."""
    written = f"{share:.{digits}%}"
    return Bilingual(written.replace("%", " %"), written)


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


rules: Rules[Course, Diagnosis] = Rules()
rule = rules.rule
