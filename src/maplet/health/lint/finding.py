"""What a rule of the lint has to say, and the registry of the rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from maplet.core.context import Origin
from maplet.errors import SettingError
from maplet.explain.bilingual import Bilingual

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from maplet.health.lint.subject import Subject


@dataclass(frozen=True)
class Finding:
    """Something that is likely to go wrong.

    Parameters
    ----------
    message
        What was found, in English and Chinese.
    fix
        How to mend it, in both languages.
    origin
        The layer and the line of the program that it is about.
    evidence
        The numbers behind it, by name.
    code
        That of the rule, such as ``ML001``.

    Examples
    --------
    >>> twice = Bilingual("a softmax of a softmax", "对 softmax 的结果又求了一次 softmax")
    >>> finding = Finding(twice, Bilingual("leave one out", "去掉其中一个"), Origin("train.py", 3), code="ML003")
    >>> print(finding)
    ML003 a softmax of a softmax
      at:  train.py:3
      fix: leave one out
    >>> print(finding.text("zh"))
    ML003 对 softmax 的结果又求了一次 softmax
      位置：train.py:3
      改法：去掉其中一个
    """

    message: Bilingual
    fix: Bilingual
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
        english = {"code": self.code, "message": str(self.message), "fix": str(self.fix)}
        chinese = {"message": self.message.zh, "fix": self.fix.zh}
        at = {"file": self.origin.file, "line": self.origin.line, "layers": list(self.origin.layers)}
        return {**english, "chinese": chinese, **at}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Finding:
        """What `to_dict` gave; what was kept before there was Chinese stays English."""
        origin = Origin(str(kept["file"]), int(kept["line"]), tuple(map(str, kept["layers"])))
        chinese = kept.get("chinese", kept)
        message, fix = (Bilingual(str(kept[key]), str(chinese[key])) for key in ("message", "fix"))
        return cls(message, fix, origin, code=str(kept["code"]))

    def text(self, language: str = "en") -> str:
        """All of it in a language, on two or three lines.

        Raises
        ------
        SettingError
            If ``language`` is neither ``"en"`` nor ``"zh"``.
        """
        lines = [f"{self.code} {self.message.speak(language)}"]
        lines += [f"  {at.speak(language)}{self.where}"] if self.where else []
        return "\n".join([*lines, f"  {mend.speak(language)}{self.fix.speak(language)}"])

    def __str__(self) -> str:
        return self.text()


at, mend = Bilingual("at:  ", "位置："), Bilingual("fix: ", "改法：")


def in_layer(path: str) -> Origin:
    """The origin of what belongs to a layer and has no line of its own, such as a parameter."""
    return Origin(layers=tuple(path.split(".")) if path else ())


@dataclass(frozen=True)
class Rule:
    """A function from a training graph to findings.

    Parameters
    ----------
    code, name
        How findings are known again, and what the rule is called, in English and Chinese.
    find
        Looks. Its docstring is the section of the rule in ``docs/lint.md``, and what stands above it under
        `in_chinese` that of ``docs/lint.zh.md``.
    """

    code: str
    name: Bilingual
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
    code: str, name: str, chinese: str
) -> Callable[[Callable[[Subject], Iterator[Finding]]], Callable[[Subject], Iterator[Finding]]]:
    """Enter a function into the registry of rules, under its code and its name in English and Chinese."""

    def enter(find: Callable[[Subject], Iterator[Finding]]) -> Callable[[Subject], Iterator[Finding]]:
        if code in rules:
            raise SettingError(f"there is already a rule {code}", fix="take the next number")
        rules[code] = Rule(code, Bilingual(name, chinese), find)
        return find

    return enter
