"""The words of the explanations, in English and Chinese."""

from __future__ import annotations

from maplet.errors import SettingError

languages = ("en", "zh")


def require_language(language: str) -> None:
    """Refuse a language in which nothing is written."""
    if language not in languages:
        raise SettingError(f"language={language!r}: explanations speak English and Chinese", fix='"en" or "zh"')
