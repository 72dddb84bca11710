"""What an audit finds, as data; and how it is written."""

from __future__ import annotations

import linecache
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from maplet.health.audit.words import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.health.audit.causes import Cause

Judgement = Literal["right", "noise", "wrong", "not judged"]


@dataclass(frozen=True)
class Finding:
    """One fault: its cause, the line that has it, and the evidence.

    Parameters
    ----------
    cause
        One of `Cause`.
    sentence
        The cause in words.
    file, line
        Where it is; line 0 where that is not known.
    evidence
        What was tried, and how well it fits.
    """

    cause: Cause
    sentence: str
    file: str
    line: int
    evidence: str

    @property
    def where(self) -> str:
        """The place and the text of the line."""
        text = linecache.getline(self.file, self.line).strip() if self.line else ""
        return f"{Path(self.file).name}:{self.line}  {text}".rstrip() if self.line else ""


@dataclass(frozen=True)
class Difference:
    """One entry of a wrong gradient."""

    index: tuple[int, ...]
    given: float
    right: float


@dataclass(frozen=True)
class Verdict:
    """What is said of one gradient.

    Parameters
    ----------
    name
        The parameter that it belongs to.
    judgement
        ``right``, ``noise`` (right in float64, apart by rounding in the dtype given), ``wrong``, or ``not judged`` (of
        a script, where it is not clear what it is to be compared with).
    error
        The largest difference, relative to the largest entry.
    findings
        The faults on its way, from the loss on.
    differences
        The entries that are furthest off.
    """

    name: str
    judgement: Judgement
    error: float
    findings: tuple[Finding, ...] = ()
    differences: tuple[Difference, ...] = ()
    remark: str = ""

    def with_finding(self, finding: Finding) -> Verdict:
        """The same with one more fault."""
        return replace(self, findings=(*self.findings, finding))


@dataclass(frozen=True, repr=False)
class Report:
    """The verdict on every gradient, and on the loss; true where every gradient was judged and nothing is wrong.

    Parameters
    ----------
    verdicts
        One for each gradient.
    of_loss
        Faults of the loss itself, of which the gradients may be right.
    """

    verdicts: tuple[Verdict, ...]
    language: str = "en"
    dtype: str = "float64"
    remarks: tuple[str, ...] = ()
    of_loss: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return all(verdict.judgement in ("right", "noise") for verdict in self.verdicts) and not self.of_loss

    def __getitem__(self, name: str) -> Verdict:
        return next(verdict for verdict in self.verdicts if verdict.name == name)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every fault once, in the order of the program."""
        several = (self.of_loss, *(verdict.findings for verdict in self.verdicts))
        return tuple(dict.fromkeys(finding for findings in several for finding in findings))

    @property
    def causes(self) -> frozenset[Cause]:
        """The causes that were named."""
        return frozenset(finding.cause for finding in self.findings)

    def __str__(self) -> str:
        lines = [self._head(), *self.remarks]
        width = max((len(verdict.name) for verdict in self.verdicts), default=0)
        for verdict in self.verdicts:
            words = sentence(self.language, verdict.judgement, {"error": f"{verdict.error:.1e}", "dtype": self.dtype})
            lines.append(f"  {verdict.name:<{width}}  {words}")
            lines += [f"  {'':<{width}}  {text}" for text in self._details(verdict)]
        return "\n".join([*lines, *self._faults()])

    __repr__ = __str__

    def _head(self) -> str:
        """The first line: how many are right, and what was not judged."""
        names = {kind: [v.name for v in self.verdicts if v.judgement == kind] for kind in ("wrong", "not judged")}
        wrong, unjudged = map(len, names.values())
        count = len(self.verdicts)
        details = {"wrong": wrong, "right": count - wrong - unjudged, "count": count, "unjudged": unjudged}
        details |= {"names": ", ".join(names["not judged"])}
        keys = ["head" if wrong else "head some" if unjudged else "head right"]
        keys += ["but the loss"] if self.of_loss and not wrong else []
        keys += ["and not judged"] if unjudged else []
        return "".join(sentence(self.language, key, details) for key in keys)

    def _details(self, verdict: Verdict) -> list[str]:
        found = [verdict.remark] if verdict.remark else []
        for each in verdict.differences[:2]:
            numbers = {"index": list(each.index), "given": f"{each.given:.6g}", "right": f"{each.right:.6g}"}
            found.append(sentence(self.language, "entry", numbers))
        if verdict.judgement == "wrong" and not verdict.findings and not verdict.remark:
            found.append(sentence(self.language, "nothing"))
        return found

    def _faults(self) -> list[str]:
        lines: list[str] = []
        for number, finding in enumerate(self.findings, 1):
            names = ", ".join(v.name for v in self.verdicts if finding in v.findings)
            lines += ["", f"{number}. {finding.sentence}" + (f"  ({names})" if names else "")]
            lines += [f"   {text}" for text in (finding.where, finding.evidence) if text]
        return lines


def largest(given: Any, right: Any, count: int = 3) -> Sequence[Difference]:
    """The entries of two arrays of one shape that are furthest apart."""
    order = abs(given - right).reshape(-1).argsort()[::-1][:count]
    places: list[tuple[int, ...]] = []
    for flat in order:
        index: list[int] = []
        rest = int(flat)
        for length in reversed(given.shape):
            index.append(rest % length)
            rest //= length
        places.append(tuple(reversed(index)))
    return [Difference(place, float(given[place]), float(right[place])) for place in places]
