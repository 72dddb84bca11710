"""Pages about rules, written from the rules: each has a section, which is the docstring of what finds."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Explained(Protocol):
    """A rule: its name, and the function whose docstring explains it."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def find(self) -> Any:
        """What looks."""
        ...


def page(head: str, rules: Mapping[str, Explained]) -> str:
    """A page in Markdown: the head, the contents, and a section per rule."""
    contents = [f"- [{code}](#{code.lower()}) {rule.name}" for code, rule in sorted(rules.items())]
    sections: list[str] = []
    for code, rule in sorted(rules.items()):
        text = inspect.cleandoc(rule.find.__doc__ or "").replace("``", "`")
        sections.append(f"## {code}\n\n**{rule.name[0].upper()}{rule.name[1:]}.**\n\n{text}\n")
    return "\n".join([head, *contents, "", *sections])
