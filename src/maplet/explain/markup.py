"""HTML and SVG as text that is escaped unless it says that it need not be."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_VOID = {"meta"}


class Markup(str):
    """Text that is markup already; any other text is escaped where it is put in."""

    __slots__ = ()


Content: TypeAlias = "str | float | Iterable[Content] | None"


def markup(content: Content) -> Markup:
    """Content as markup: text is escaped, what stands in a list is joined, None is nothing.

    Characters that XML forbids (most control characters, lone surrogates) become "�", so that a damaged name can
    neither break the page nor hide.

    Examples
    --------
    >>> markup(["a < b", Markup("<hr>"), None, 3])
    'a &lt; b<hr>3'
    """
    if content is None:
        return Markup()
    if isinstance(content, Markup):
        return content
    if isinstance(content, str | float | int):
        return Markup(escape(_ILLEGAL.sub("�", str(content))))
    return Markup("".join(markup(part) for part in content))


def element(tag: str, *content: Content, **attributes: str | float | None) -> Markup:
    """An element of HTML or SVG.

    Parameters
    ----------
    tag
        Its name.
    content
        What stands in it, see `markup`.
    attributes
        ``class_`` gives ``class``, ``aria_label`` gives ``aria-label``; None is left out; numbers are rounded to
        hundredths, which is finer than any screen.

    Examples
    --------
    >>> element("a", "1 < 2", class_="x", font_size=2 / 3, href='"')
    '<a class="x" font-size="0.67" href="&quot;">1 &lt; 2</a>'
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{markup(number(value) if isinstance(value, float) else value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>" if tag in _VOID else f"<{tag}{given}>{markup(content)}</{tag}>")


def number(value: float) -> str:
    """A coordinate in hundredths, without zeros at the end.

    Examples
    --------
    >>> [number(value) for value in (1.0, 0.125, -0.001, 100.5)]
    ['1', '0.12', '0', '100.5']
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
