"""A derivation as one HTML page that needs nothing else: the graph to click through, formulas as MathML.

The page loads nothing (a content security policy in it forbids that); its only script chooses which step is shown.
Without it, all steps are there one below the other.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import nested_graphs
from maplet.explain.folding import norm
from maplet.explain.formula import Formula, Name, Partial, equation
from maplet.explain.graph_svg import graph_svg
from maplet.explain.inside import Inside
from maplet.explain.markup import Content, Markup, element
from maplet.explain.picture import boxes
from maplet.explain.print_mathml import math
from maplet.explain.print_text import text
from maplet.explain.rules import (
    cotangent_formula,
    derivative,
    local_formula,
    local_with_numbers,
    pullback_formula,
    said,
)
from maplet.explain.symbols import number, number_of, size_of, value_formula, value_with_numbers
from maplet.explain.text import title
from maplet.explain.unrolled import heading, sections
from maplet.explain.words import say

if TYPE_CHECKING:
    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode
    from maplet.explain.picture import Box

most_cells = 64  # elements of an array that is shown as a table
most_rows = 200  # steps of a group that are listed


def page(derivation: Derivation, unfold: bool | str = False) -> str:
    """The whole page."""
    found, _ = boxes(derivation, unfold)
    language = derivation.language
    numbers = {step.node: n for n, box in enumerate(found) for step in box.steps}
    panels = [_panel(box, n, len(found), numbers) for n, box in enumerate(found)]
    main = element(
        "main",
        element("header", element("p", "maplet ↦", class_="kicker"), element("h1", title(derivation))),
        element("p", say("keys", language), class_="words", id="keys"),
        element(
            "div",
            element(
                "section",
                element("h2", say("graph", language)),
                element("div", graph_svg(derivation, title(derivation), unfold), class_="scroll", tabindex="0"),
                class_="graph", aria_describedby="keys",
            ),
            element("section", _buttons(language), panels, class_="panels", aria_live="polite"),
            class_="columns",
        ),
    )  # fmt: skip
    data = json.dumps({"chains": _chains(found, numbers), "start": len(found) - 1}).replace("<", "\\u003c")
    return "<!doctype html>\n" + element(
        "html", _head(title(derivation)), element("body", main, element("script", Markup(_file("page.js") % data))),
        lang="zh-Hans" if language == "zh" else "en",
    )  # fmt: skip


def _file(name: str) -> str:
    return files("maplet.explain").joinpath(name).read_text(encoding="utf-8")


def _head(name: str) -> Markup:
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{name} – maplet"),
        element("style", Markup(_file("page.css"))),
    )


def _chains(found: list[Box], numbers: dict[Any, int]) -> list[list[int]]:
    """For each box, all those through which its gradient comes from the loss, itself among them."""
    after: list[set[int]] = []
    for box in found:
        users = (user.node for step in box.steps for user, _, _ in step.received())
        after.append({numbers[user] for user in users if user in numbers})
    chains: list[list[int]] = []
    for n in range(len(found)):
        seen, waiting = {n}, [n]
        while waiting:
            new = after[waiting.pop()] - seen
            seen |= new
            waiting += new
        chains.append(sorted(seen))
    return chains


def _buttons(language: str) -> Markup:
    back, on = (
        element("button", sign, type="button", id=key, aria_label=say(key, language))
        for key, sign in (("previous", "←"), ("next", "→"))
    )
    return element("nav", back, on)


# ── a step ───────────────────────────────────────────────────────────────────────────────────────


def _panel(box: Box, n: int, count: int, numbers: dict[Any, int]) -> Markup:
    language = box.steps[-1].derivation.language
    counted = say("step number", language, n + 1, count)
    head = [element("p", counted, class_="kicker"), element("h2", box.title)]
    content = _step(box.steps[0], numbers) if len(box.steps) == 1 else _group(box, language)
    return element("article", head, content, id=f"step-{n}", class_="panel")


def _step(step: ExplainedNode, numbers: dict[Any, int]) -> list[Content]:
    language = step.derivation.language
    facts = [(say("operation", language), step.operation), (say("layer", language), step.origin.layer),
             (say("line", language), step.place), (say("shape", language), _kind(step))]  # fmt: skip
    parts: list[Content] = [element("dl", [_fact(name, fact) for name, fact in facts if fact], class_="facts")]
    if step.operation != "input":
        parts += [_title("computes", language), _formula(equation(Name(step.name), value_formula(step)))]
        if size_of(step) == 1:
            parts.append(_formula(equation(value_with_numbers(step), number_of(step.value, Name(step.name)))))
    if not isinstance(step.node.type, tuple):  # of several results, each has its own
        parts += [_title("value", language), _array(step.value)]
        parts += [_title("cotangent", language), *_incoming(step, numbers)]
    if step.operation != "input":
        convention = step.node.primitive.convention if language == "en" else ""  # the records speak English
        remark = element("p", f"Convention: {convention}.", class_="words") if convention else None
        parts += [_title("rule", language), element("p", said(step)), remark, *_outgoing(step), *_inside(step)]
    return parts


def _inside(step: ExplainedNode) -> list[Content]:
    """What happens inside a loop, a branch, a function that is called: in symbols, and step by step."""
    if not nested_graphs(step.written):
        return []
    inside = Inside(step)
    parts: list[Content] = [element("h3", heading(inside))]
    for section in sections(inside):
        parts += [element("h4", section.title), *map(_formula, section.equations)]
        if section.rows:
            heads = element("tr", [element("th", _inline_formula(head), scope="col") for head in section.heads])
            rows = [element("tr", [element("td", one) for one in row]) for row in section.rows]
            parts.append(element("div", element("table", heads, rows, class_="group"), class_="scroll", tabindex="0"))
    return parts


def _kind(step: ExplainedNode) -> str:
    several = isinstance(step.node.type, tuple)
    return ", ".join(map(str, step.node.type)) if several else str(step.node.type)  # pyright: ignore[reportArgumentType]  (narrowed by the flag)


def _incoming(step: ExplainedNode, numbers: dict[Any, int]) -> list[Content]:
    if step.cotangent is None:
        return [element("p", say("no gradient", step.derivation.language))]
    formula = cotangent_formula(step)
    parts: list[Content] = [_formula(equation(derivative(step), *([formula] if formula is not None else [])))]
    terms = [
        element("li", element("a", user.name, href=f"#step-{numbers[user.node]}"), ": ", _inline(sent))
        for user, _, sent in step.received()
        if user.node in numbers
    ]
    if len(terms) > 1:
        parts += [element("p", f"{say('received', step.derivation.language)}:", class_="words"), element("ul", terms)]
    return [*parts, _array(step.cotangent)]


def _outgoing(step: ExplainedNode) -> list[Content]:
    language = step.derivation.language
    parts: list[Content] = []
    for n, (name, sent) in enumerate(zip(step.operands, step.sent, strict=True)):
        if sent is None:
            continue
        local = [one for one in (local_formula(step, n), local_with_numbers(step, n)) if one is not None]
        rows: list[Content] = []
        if local:
            value = step.local(n)
            last = [number(value)] if value is not None and value.size == 1 else []
            shown = equation(Partial(Name(step.name), Name(name)), *local, *last)
            rows += [element("p", say("local", language), class_="words"), _formula(shown)]
        back = pullback_formula(step, n)
        value = [number(sent)] if sent.size == 1 else []
        if back is not None or value:
            sides = [*([back] if back is not None else []), *value]
            rows += [element("p", say("sent", language), class_="words"), _formula(equation(*sides))]
        rows += [] if sent.size == 1 else [_array(sent)]
        parts.append(element("div", element("h4", f"→ {name}"), rows, class_="operand"))
    return parts


def _title(key: str, language: str) -> Markup:
    return element("h3", say(key, language))


def _fact(name: str, value: str) -> Markup:
    return element("div", element("dt", name), element("dd", value))


def _formula(formula: Formula) -> Markup:
    return element(
        "div", math(formula, block=True), class_="formula", tabindex="0", role="math", aria_label=text(formula)
    )


def _inline_formula(formula: Formula) -> Markup:
    return element("span", math(formula), role="math", aria_label=text(formula))


def _inline(value: Any) -> Markup:
    return math(number(value)) if value.size == 1 else Markup(f"‖{norm([value]):.4g}‖")


def _array(value: Any) -> Markup:
    """An array of few elements as a table, of more by its norm."""
    if value.size == 1:
        return element("p", math(number(value)), class_="number")
    if value.size > most_cells or value.ndim > 2 or not value.size:
        return element("p", f"{'×'.join(map(str, value.shape))}, ‖·‖ = {norm([value]):.6g}", class_="number")
    rows = [element("tr", [element("td", text(number(cell))) for cell in row]) for row in np.atleast_2d(value)]
    return element("div", element("table", rows), class_="scroll", tabindex="0")


def _group(box: Box, language: str) -> list[Content]:
    """The steps of a folded group as a table."""
    heads = ["", say("operation", language), say("shape", language), "‖·‖", "‖∂‖"]
    rows = [element("tr", [element("th", head, scope="col") for head in heads])]
    for step in box.steps[:most_rows]:
        norms = [norm([None if isinstance(one, tuple) else one]) for one in (step.value, step.cotangent)]
        cells = [step.name, step.operation, _kind(step), *("–" if one is None else f"{one:.4g}" for one in norms)]
        rows.append(element("tr", [element("td", cell) for cell in cells]))
    more = len(box.steps) - most_rows
    rest = element("p", f"… {more}", class_="words") if more > 0 else None
    return [element("div", element("table", rows, class_="group"), class_="scroll", tabindex="0"), rest]
