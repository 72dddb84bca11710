"""What the lint and the doctor look for: registries of rules, and the pages that are written from them.

A rule is a function from what is looked at (the lint's training graph, the doctor's course of a run) to what there is
to say of it. Its docstring is its section of the page; `in_chinese`, which stands above the same function, says in
Chinese what the docstring says.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from maplet.bilingual import Bilingual
from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import Field


class Coded(Protocol):
    """What a rule says, such as a `Finding` or a `Diagnosis`: a dataclass that takes the code of its rule."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def code(self) -> str:
        """That of the rule, such as ``ML001``."""
        ...


Seen = TypeVar("Seen")
Said = TypeVar("Said", bound=Coded)
Find = TypeVar("Find", bound="Callable[..., Any]")


@dataclass(frozen=True)
class Rule(Generic[Seen, Said]):
    """One thing to look for.

    Parameters
    ----------
    code, name
        How what it says is known again, and what it is called, in English and Chinese.
    find
        Looks, and explains in its docstring.
    """

    code: str
    name: Bilingual
    find: Callable[[Seen], Iterator[Said]]

    def said_of(self, seen: Seen) -> list[Said]:
        """What it has to say, under its code."""
        return [self.named(said) for said in self.find(seen)]

    def section(self, language: str = "en") -> str:
        """Its name, and what it says of itself, as Markdown."""
        name = self.name.speak(language)
        title = f"{name}。" if language == "zh" else f"{name[0].upper()}{name[1:]}."
        return f"**{title}**\n\n{section(self.find, language)}"

    def named(self, said: Said) -> Said:
        """The same under the code of this rule."""
        return replace(said, code=self.code)


class Rules(dict[str, Rule[Seen, Said]]):
    """Every rule by its code.

    Examples
    --------
    >>> rules = Rules()
    >>> @rules.rule("XX001", "equal rows", "相同的行")
    ... def repeated(rows):
    ...     '''Two rows are equal.'''
    >>> print(rules.page("# Rows"))
    # Rows
    - [XX001](#xx001) equal rows
    <BLANKLINE>
    ## XX001
    <BLANKLINE>
    **Equal rows.**
    <BLANKLINE>
    Two rows are equal.
    <BLANKLINE>
    """

    def rule(
        self, code: str, en: str, zh: str
    ) -> Callable[[Callable[[Seen], Iterator[Said]]], Callable[[Seen], Iterator[Said]]]:
        """Enter a function, under its code and its name in English and Chinese."""

        def enter(find: Callable[[Seen], Iterator[Said]]) -> Callable[[Seen], Iterator[Said]]:
            if code in self:
                raise SettingError(f"there is already a rule {code}", fix="take the next number")
            self[code] = Rule(code, Bilingual(en, zh), find)
            return find

        return enter

    def said_of(self, seen: Seen) -> list[Said]:
        """What all of them have to say, in the order of their codes."""
        return [said for _, rule in sorted(self.items()) for said in rule.said_of(seen)]

    def page(self, head: str, language: str = "en") -> str:
        """A page in Markdown: the head, the contents, and a section for each rule.

        Parameters
        ----------
        head
            What stands above the rules, in that language.
        language
            ``"en"`` or ``"zh"``.
        """
        contents: list[str] = []
        sections: list[str] = []
        for code, rule in sorted(self.items()):
            contents.append(f"- [{code}](#{code.lower()}) {rule.name.speak(language)}")
            sections.append(f"## {code}\n\n{rule.section(language)}\n")
        return "\n".join([head, *contents, "", *sections])


# What stands before the place of a fault, before what to do about it, and before how to read on.
at, mend, read_on = Bilingual("at:  ", "位置："), Bilingual("fix: ", "改法："), Bilingual("why: ", "说明：")
advise = Bilingual("advice: ", "建议：")


# ── what a rule says of itself ───────────────────────────────────────────────────────────────────

sections_in_chinese: dict[Any, str] = {}
"""The section of a rule in Chinese, by the function that finds."""


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
