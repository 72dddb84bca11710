"""A sentence in English and Chinese, written where it is said."""

from __future__ import annotations

from typing import Self

from maplet.explain.words import require_language


class Bilingual(str):
    """A text that knows itself in both languages: it is its English, and carries its Chinese.

    What the rules of the lint and the doctor say is written side by side in the rule, with the numbers in.

    Parameters
    ----------
    en, zh
        The text in English and in Chinese.

    Examples
    --------
    >>> found = Bilingual(f"{3} rows are equal", f"{3} 行相同")
    >>> print(found, found.speak("zh"))
    3 rows are equal 3 行相同
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


def spoken(text: str, language: str) -> str:
    """A text in that language, as far as it is known there: one that is not `Bilingual` is English, and stays so.

    Examples
    --------
    >>> spoken(Bilingual("a row", "一行"), "zh"), spoken("a row", "zh")
    ('一行', 'a row')
    """
    require_language(language)
    return text.speak(language) if isinstance(text, Bilingual) else text
