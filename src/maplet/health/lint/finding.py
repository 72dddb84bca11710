"""What a rule of the lint has to say, and the registry of the rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from maplet.core.context import Origin
from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from maplet.health.lint.subject import Subject


@dataclass(frozen=True)
class Finding:
    """Something that is likely to go wrong.

    Parameters
    ----------
    message
        What was found.
    fix
        How to mend it.
    origin
        The layer and the line of the program that it is about.
    evidence
        The numbers behind it, by name.
    code
        That of the rule, such as ``ML001``.

    Examples
    --------
    >>> print(Finding("a softmax of a softmax", "leave one out", Origin("train.py", 3), code="ML003"))
    ML003 a softmax of a softmax
      at:  train.py:3
      fix: leave one out
    """

    message: str
    fix: str
    origin: Origin = field(default_factory=Origin)
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    code: str = ""

    @property
    def where(self) -> str:
        """The place: layer path and line."""
        return str(self.origin)

    @property
    def page(self) -> str:
        """Where the rule is explained."""
        return f"docs/lint.md#{self.code.lower()}"

    def to_dict(self) -> dict[str, Any]:
        """As a run keeps it in JSON; the numbers of the evidence stand in the message too and are not kept twice."""
        at = {"file": self.origin.file, "line": self.origin.line, "layers": list(self.origin.layers)}
        return {"code": self.code, "message": self.message, "fix": self.fix, **at}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Finding:
        """What `to_dict` gave."""
        origin = Origin(str(kept["file"]), int(kept["line"]), tuple(map(str, kept["layers"])))
        return cls(str(kept["message"]), str(kept["fix"]), origin, code=str(kept["code"]))

    def __str__(self) -> str:
        place = f"\n  at:  {self.where}" if self.where else ""
        return f"{self.code} {self.message}{place}\n  fix: {self.fix}"


def in_layer(path: str) -> Origin:
    """The origin of what belongs to a layer and has no line of its own, such as a parameter."""
    return Origin(layers=tuple(path.split(".")) if path else ())


@dataclass(frozen=True)
class Rule:
    """A function from a training graph to findings.

    Parameters
    ----------
    code, name
        How findings are known again, and what the rule is called.
    find
        Looks. Its docstring is the section of the rule in ``docs/lint.md``.
    """

    code: str
    name: str
    find: Callable[[Subject], Iterator[Finding]]

    def findings(self, subject: Subject) -> list[Finding]:
        """What it finds, under its code."""
        return [self.named(found) for found in self.find(subject)]

    def named(self, finding: Finding) -> Finding:
        """A finding under the code of this rule."""
        return replace(finding, code=self.code)


rules: dict[str, Rule] = {}
"""Every rule by its code."""


def rule(
    code: str, name: str
) -> Callable[[Callable[[Subject], Iterator[Finding]]], Callable[[Subject], Iterator[Finding]]]:
    """Enter a function into the registry of rules."""

    def enter(find: Callable[[Subject], Iterator[Finding]]) -> Callable[[Subject], Iterator[Finding]]:
        if code in rules:
            raise SettingError(f"there is already a rule {code}", fix="take the next number")
        rules[code] = Rule(code, name, find)
        return find

    return enter
