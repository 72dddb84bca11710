"""A sentence in English and Chinese, written where it is said."""

from __future__ import annotations

from typing import Any, Self

from maplet.errors import SettingError
from maplet.messages import shown

languages = ("en", "zh")


def require_language(language: str) -> None:
    """Refuse a language in which nothing is written."""
    given: Any = language
    if not isinstance(given, str) or given not in languages:
        raise SettingError(f"language={shown(given)}: explanations speak English and Chinese", fix='"en" or "zh"')


class Bilingual(str):
    """A text that knows itself in both languages: it is its English, and carries its Chinese.

    What is said of a program or a run is written side by side where it is said, with the numbers in. What is said in
    many places has a key in a table, whose rows are (English, Chinese).

    Parameters
    ----------
    en, zh
        The text in English and in Chinese.

    Examples
    --------
    >>> found = Bilingual(f"{3} rows are equal", f"{3} 行相同")
    >>> print(found, found.speak("zh"))
    3 rows are equal 3 行相同
    >>> found.then(Bilingual(": leave them out", "：将其删去")).speak("zh")
    '3 行相同：将其删去'
    >>> Bilingual.from_json(found.to_json()).zh
    '3 行相同'
    """

    __slots__ = ("zh",)
    zh: str

    def __new__(cls, en: str, zh: str) -> Self:
        """The English is the text itself."""
        text = super().__new__(cls, en)
        text.zh = zh
        return text

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """What copies are made of."""
        return type(self), (str(self), self.zh)

    def speak(self, language: str) -> str:
        """The text in that language.

        Raises
        ------
        SettingError
            If ``language`` is neither ``"en"`` nor ``"zh"``.
        """
        require_language(language)
        return self.zh if language == "zh" else str(self)

    def then(self, other: Bilingual) -> Bilingual:
        """The text with the other right behind it, in each language."""
        return Bilingual(self + other, self.zh + other.zh)

    def to_json(self) -> list[str]:
        """As it is kept in a file: both languages."""
        return [str(self), self.zh]

    @classmethod
    def from_json(cls, kept: Any) -> Self:
        """What `to_json` gave. What was kept before there was Chinese is one text, and stays English.

        Raises
        ------
        TypeError, ValueError
            If it is something else.
        """
        en, zh = (kept, kept) if isinstance(kept, str) else kept
        if not isinstance(en, str) or not isinstance(zh, str):
            raise TypeError(f"{kept!r} is no text in two languages")
        return cls(en, zh)


def spoken(text: str, language: str) -> str:
    """A text in that language, as far as it is known there: one that is not `Bilingual` is English, and stays so.

    Examples
    --------
    >>> spoken(Bilingual("a row", "一行"), "zh"), spoken("a row", "zh")
    ('一行', 'a row')
    """
    require_language(language)
    return text.speak(language) if isinstance(text, Bilingual) else text
