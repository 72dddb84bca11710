"""Pages about rules, written from the rules: each has a section, which is the docstring of what finds.

What that docstring says is said in Chinese by `in_chinese`, which stands above the same function.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from maplet.explain.bilingual import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Find = TypeVar("Find", bound="Callable[..., Any]")

sections_in_chinese: dict[Any, str] = {}
"""The section of a rule in Chinese, by the function that finds."""


class Explained(Protocol):
    """A rule: its name, and the function whose docstring explains it."""

    @property
    def name(self) -> str:
        """What it is called; in Chinese too, if it is `Bilingual`."""
        ...

    @property
    def find(self) -> Any:
        """What looks."""
        ...


def in_chinese(*paragraphs: str) -> Callable[[Find], Find]:
    """Say in Chinese what the docstring of a rule says in English, paragraph by paragraph.

    Examples
    --------
    >>> @in_chinese("两行相同。", "删去其中一行。")
    ... def repeated(rows):
    ...     '''Two rows are equal.
    ...
    ...     Leave one of them out.
    ...     '''
    >>> print(section(repeated, "zh"))
    两行相同。
    <BLANKLINE>
    删去其中一行。
    """

    def keep(find: Find) -> Find:
        sections_in_chinese[find] = "\n\n".join(paragraphs)
        return find

    return keep


def section(find: Callable[..., Any], language: str = "en") -> str:
    """What a rule says of itself, as Markdown; in English where nothing is said in Chinese."""
    english = inspect.cleandoc(find.__doc__ or "").replace("``", "`")
    return sections_in_chinese.get(find, english) if language == "zh" else english


def page(head: str, rules: Mapping[str, Explained], language: str = "en") -> str:
    """A page in Markdown: the head, the contents, and a section per rule.

    Parameters
    ----------
    head
        What stands above the rules, in that language.
    rules
        Every rule by its code.
    language
        ``"en"`` or ``"zh"``.
    """
    contents: list[str] = []
    sections: list[str] = []
    for code, rule in sorted(rules.items()):
        name = spoken(rule.name, language)
        contents.append(f"- [{code}](#{code.lower()}) {name}")
        title = f"{name}。" if language == "zh" else f"{name[0].upper()}{name[1:]}."
        sections.append(f"## {code}\n\n**{title}**\n\n{section(rule.find, language)}\n")
    return "\n".join([head, *contents, "", *sections])
