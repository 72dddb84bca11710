"""What a rule of the lint has to say, and the registry of its rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maplet.bilingual import Bilingual
from maplet.core.context import Origin
from maplet.health.rules import Rules, at, mend, read_on

if TYPE_CHECKING:
    from collections.abc import Mapping

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
      why: maplet explain ML003
    >>> print(finding.text("zh"))
    ML003 对 softmax 的结果又求了一次 softmax
      位置：train.py:3
      改法：去掉其中一个
      说明：maplet explain ML003
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
        """The command that shows its page; all of them stand in ``docs/lint.md``."""
        return f"maplet explain {self.code}"

    def to_dict(self) -> dict[str, Any]:
        """As a run keeps it in JSON; the numbers of the evidence stand in the message too and are not kept twice."""
        said = {"code": self.code, "message": self.message.to_json(), "fix": self.fix.to_json()}
        return {**said, "file": self.origin.file, "line": self.origin.line, "layers": list(self.origin.layers)}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Finding:
        """What `to_dict` gave."""
        origin = Origin(str(kept["file"]), int(kept["line"]), tuple(map(str, kept["layers"])))
        message, fix = (Bilingual.from_json(kept[key]) for key in ("message", "fix"))
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
        lines.append(f"  {mend.speak(language)}{self.fix.speak(language)}")
        return "\n".join([*lines, f"  {read_on.speak(language)}{self.page}"])

    def __str__(self) -> str:
        return self.text()


def in_layer(path: str) -> Origin:
    """The origin of what belongs to a layer and has no line of its own, such as a parameter."""
    return Origin(layers=tuple(path.split(".")) if path else ())


rules: Rules[Subject, Finding] = Rules()
rule = rules.rule
