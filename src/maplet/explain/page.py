"""A derivation as one HTML page that needs nothing else: the graph to click through, formulas as MathML.

Its only script chooses which step is shown. Without it, all steps are there one below the other, and the boxes of the
graph lead to them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from maplet.explain.columns import columns_of
from maplet.explain.document import document, resource, scrolling
from maplet.explain.graph_svg import graph_svg
from maplet.explain.markup import Content, Markup, element
from maplet.explain.picture import boxes
from maplet.explain.rules import uses
from maplet.explain.step_html import chain_html, group_html, most_unfolded, step_html, unfolding
from maplet.explain.text import title
from maplet.explain.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode
    from maplet.explain.picture import Box

most_drawn = 1000  # boxes; of more there is a list, which no browser is too slow for
columns = ("step", "computes", "value", "cotangent")  # of that list


def page(derivation: Derivation, unfold: bool | str = False) -> str:
    """The whole page."""
    found, arrows = boxes(derivation, unfold)
    language, name = derivation.language, title(derivation)
    if len(found) > most_drawn:
        return document(name, language, resource("page.css"), _listed(found, name, language))
    numbers = {step.node: n for n, box in enumerate(found) for step in box.steps}
    unfolds = sum(len(box.steps) for box in found) <= most_unfolded
    panels = [_panel(box, n, len(found), numbers, unfolds=unfolds) for n, box in enumerate(found)]
    content = [
        element("header", element("p", "maplet ↦", class_="kicker"), element("h1", name)),
        element("p", say("keys", language), class_="words", id="keys"),
        element(
            "div",
            element(
                "section",
                element("h2", say("graph", language)),
                scrolling(graph_svg(found, arrows, name, "step", language), say("graph", language)),
                class_="graph", aria_describedby="keys",
            ),
            element("section", _buttons(language), element("div", panels, aria_live="polite"), class_="panels"),
            class_="columns",
        ),
        *_columns(derivation),
    ]  # fmt: skip
    data = json.dumps({"after": _after(found, numbers), "loss": numbers.get(derivation.loss.node)}).replace(
        "<", "\\u003c"
    )
    return document(name, language, resource("page.css"), content, script=resource("page.js") % data)


def _columns(derivation: Derivation) -> list[Content]:
    """The columns of the row that is explained, by their names."""
    found, language = list(columns_of(derivation)), derivation.language
    if not found:
        return []
    heads = [element("th", say(key, language), scope="col") for key in ("column", "entry", "value", "cotangent")]
    rows = [
        element("tr", element("th", one.name, scope="row", class_="text"), *(element("td", cell) for cell in one[1:]))
        for one in found
    ]
    name = say("columns", language)
    shown = scrolling(element("table", element("tr", heads), rows, class_="cells"), name)
    return [element("section", element("h2", name), shown, class_="row")]


def _listed(found: Sequence[Box], name: str, language: str) -> list[Content]:
    """All boxes as a table, where they are too many to be drawn."""
    heads = [element("th", say(key, language), scope="col", class_="text") for key in columns]
    rows = [
        element("tr", element("th", box.title, scope="row", class_="text"),
                element("td", " ".join(box.formulas), class_="text"), element("td", box.value or "–"),
                element("td", box.gradient or "–"))
        for box in found
    ]  # fmt: skip
    table = element("table", element("tr", heads), rows, class_="cells")
    return [
        element("header", element("p", "maplet ↦", class_="kicker"), element("h1", name)),
        element("p", say("listed", language, f"{len(found):,}", f"{most_drawn:,}"), class_="words"),
        element("section", scrolling(table, name)),
    ]


def _after(found: list[Box], numbers: dict[Any, int]) -> list[list[int]]:
    """For each box, those from which its gradient comes; the script follows them to the loss."""
    after: list[list[int]] = []
    for n, box in enumerate(found):
        users = (user.shown.node for step in box.steps for user, _ in uses(step))
        after.append(sorted({numbers[user] for user in users if user in numbers} - {n}))
    return after


def _buttons(language: str) -> Markup:
    back, on = (
        element("button", sign, type="button", id=key, aria_label=say(key, language))
        for key, sign in (("previous", "←"), ("next", "→"))
    )
    return element("nav", back, on, aria_label=say("steps", language))


def _panel(box: Box, n: int, count: int, numbers: dict[Any, int], *, unfolds: bool) -> Markup:
    language = box.steps[-1].derivation.language
    counted = say("step number", language, n + 1, count)
    head = [element("p", counted, class_="kicker"), element("h2", box.title)]

    def link(step: ExplainedNode) -> str | None:
        node = step.shown.node
        return f"#step-{numbers[node]}" if node in numbers else None

    content: list[Content] = []
    if box.fold is not None:
        alone = len(box.steps) == 1
        if alone:
            content = [*step_html(box.fold.last, link), *chain_html(box.fold.last)]
        else:
            content = [*group_html(box.fold, language), *(unfolding(box.fold.steps, link) if unfolds else [])]
    return element("article", head, content, id=f"step-{n}", class_="panel")
