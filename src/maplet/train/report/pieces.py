"""The pieces of a report: sections, tables, numbers, facts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from maplet.explain.document import scrolling
from maplet.explain.markup import Content, Markup, element
from maplet.train.formatting import short_number
from maplet.train.metrics import higher_is_better

if TYPE_CHECKING:
    from maplet.train.report.words import Words

_MOST_LINES, _MOST_ITEMS = 50, 200  # of a fact; config.json and the model hold the rest


def section(title: str, *content: Content) -> Markup:
    """A part of the page."""
    return element("section", element("h2", title), *content)


def table(caption: str, headings: Sequence[Content], rows: Sequence[Sequence[Any]]) -> Markup:
    """A table; numbers stand to the right, and it scrolls by itself where the page is narrow."""
    numeric = [
        place > 0
        and any(_is_number(row[place]) for row in rows)
        and all(_is_number(row[place]) or row[place] in ("–", "") for row in rows)
        for place in range(len(headings))
    ]
    top = [
        element("th", name, scope="col", class_="number" if right else None)
        for name, right in zip(headings, numeric, strict=True)
    ]
    lines = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            [
                element("td", cell, class_="number" if right else None)
                for cell, right in zip(row[1:], numeric[1:], strict=True)
            ],
        )
        for row in rows
    ]
    head, body = element("thead", element("tr", top)), element("tbody", lines)
    return scrolling(element("table", element("caption", caption), head, body, class_="wide"), caption)


def _is_number(cell: object) -> bool:
    """Whether a cell holds a number; those with many digits come as `data` elements, see `value`."""
    if isinstance(cell, Markup):
        return cell.startswith(("<data", "<strong"))
    return isinstance(cell, int | float) or bool(re.fullmatch(r"[\d,.]+( ?[kMGTPEZY]|%)?", str(cell)))


def value(number: Any, say: Words, *, best: bool = False) -> Content:
    """A number in four digits that carries all of them with it."""
    if number is None:
        return "–"
    shown = element("data", short_number(number), value=repr(number), title=repr(number))
    if not best:
        return shown
    return element("strong", shown, element("span", say("best"), class_="unseen"), class_="best")


def direction(name: str, say: Words) -> Markup | None:
    """An arrow that says which way a metric should go."""
    higher = higher_is_better(name)
    if higher is None:
        return None
    arrow, words = ("↑", say("higher")) if higher else ("↓", say("lower"))
    return element("span", element("span", f" {arrow}", aria_hidden="true"), element("span", words, class_="unseen"))


def facts(title: str, given: Mapping[str, Any], say: Words) -> Markup | None:
    """Facts by name; their values may be lists and dicts."""
    if not given:
        return None
    pairs = [(element("dt", say.name(name)), element("dd", _fact(fact, say))) for name, fact in given.items()]
    return section(title, element("dl", [element("div", *pair) for pair in pairs], class_="list"))


def _fact(fact: Any, say: Words) -> Content:
    """A fact; what is itself a list of facts stands line by line, the first ones of very many."""
    if not isinstance(fact, Mapping) or not fact:
        return plain(fact, say)
    inner = flat(cast("Mapping[str, Any]", fact))
    lines: list[Content] = [
        element("li", element("span", f"{say.name(name)} ", class_="words"), plain(part, say))
        for name, part in inner[:_MOST_LINES]
    ]
    if len(inner) > _MOST_LINES:
        lines.append(element("li", say("and more", f"{len(inner) - _MOST_LINES:,}").strip(), class_="words"))
    return element("ul", lines)


def flat(given: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Facts by name; those inside another as "outer: inner"."""
    found: list[tuple[str, Any]] = []
    for name, fact in given.items():
        if isinstance(fact, Mapping) and fact:
            found += flat(cast("Mapping[str, Any]", fact), f"{before}{name}: ")
        else:
            found.append((f"{before}{name}", cast("Any", fact)))
    return found


def plain(fact: Any, say: Words) -> str:
    """Any JSON value as people write it; numbers keep all their digits."""
    if fact is None or fact == {}:
        return "–"
    if isinstance(fact, bool):
        return say("yes" if fact else "no")
    if isinstance(fact, list | tuple):
        items = cast("list[Any]", fact)
        more = say("and more", f"{len(items) - _MOST_ITEMS:,}") if len(items) > _MOST_ITEMS else ""
        return ", ".join(plain(item, say) for item in items[:_MOST_ITEMS]) + more or say("none")
    return say.name(str(fact))
