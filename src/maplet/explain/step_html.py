"""What backpropagation says about one step, or about a group of them, as HTML: the parts of every page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import nested_graphs
from maplet.explain.chains import chain_formulas
from maplet.explain.document import scrolling
from maplet.explain.folding import norm
from maplet.explain.formula import Formula, Name, Partial, equation
from maplet.explain.inside import Inside
from maplet.explain.markup import Content, Markup, element
from maplet.explain.print_mathml import math
from maplet.explain.print_text import text
from maplet.explain.rules import (
    derivative,
    local_formula,
    local_with_numbers,
    pullback_formula,
    said,
    sent_has_numbers,
    uses,
)
from maplet.explain.symbols import has_numbers, number, number_of, value_formula, value_with_numbers
from maplet.explain.text import backward_equation, says
from maplet.explain.unrolled import heading, sections
from maplet.explain.words import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.explain.folding import Fold
    from maplet.explain.node import ExplainedNode

    Link = Callable[[ExplainedNode], str | None]

most_cells = 64  # elements of an array that is shown as a table
most_unfolded = 400  # steps that can be unfolded in a page; of a larger program groups are tables
most_rows = 200  # steps of a group, or groups of a run, that are listed


def step_html(step: ExplainedNode, link: Link) -> list[Content]:
    """All that is known of a step: what it computes, its value, the gradient that comes in and those that go on.

    Parameters
    ----------
    step
        The step.
    link
        Where on the page another step stands, such as ``"#step-3"``; None if it stands nowhere.
    """
    language, made = step.derivation.language, step.source
    facts = [(say("operation", language), made.operation), (say("layer", language), step.origin.layer),
             (say("line", language), step.place), (say("shape", language), type_of(step))]  # fmt: skip
    parts: list[Content] = [element("dl", [_fact(name, fact) for name, fact in facts if fact], class_="facts")]
    if step.operation != "input":
        parts += [_title("computes", language), formula_html(equation(Name(step.name), value_formula(step)))]
        if has_numbers(step):
            parts.append(formula_html(equation(value_with_numbers(step), number_of(step.value, Name(step.name)))))
    if not isinstance(step.node.type, tuple):  # of several results, each has its own
        parts += [_title("value", language), array_html(step.value, step.name)]
        parts += [_title("cotangent", language), *_incoming(step, link)]
    if step.operation != "input":
        convention = made.node.primitive.convention if language == "en" else ""  # the records speak English
        remark = element("p", f"Convention: {convention}.", class_="words") if convention else None
        parts += [_title("rule", language), element("p", said(made)), remark, *_outgoing(made), *_inside(made)]
    return parts


def group_html(fold: Fold, language: str) -> list[Content]:
    """The steps of a group as a table; of a run of equal groups, these."""
    heads = ["", say("operation", language), say("shape", language), "‖·‖", "‖∂‖"]
    sides = (None, "text", "text", None, None)
    titles = [element("th", head, scope="col", class_=side) for head, side in zip(heads, sides, strict=True)]
    rows = [element("tr", titles)]
    every = [(group.title, group.operations, group.last) for group in fold.groups]
    every = every or [(step.name, step.source.operation, step) for step in fold.steps if step.is_spoken_of]
    for name, operation, step in every[:most_rows]:
        norms = [norm([None if isinstance(one, tuple) else one]) for one in (step.value, step.cotangent)]
        texts = [element("td", cell, class_="text") for cell in (operation, type_of(step))]
        numbers = [element("td", "–" if one is None else f"{one:.4g}") for one in norms]
        rows.append(element("tr", element("th", name, scope="row", class_="text"), texts, numbers))
    more = len(every) - most_rows
    rest = element("p", f"… {more}", class_="words") if more > 0 else None
    return [scrolling(element("table", rows, class_="cells"), fold.title), rest]


def unfolding(steps: Sequence[ExplainedNode], link: Link) -> list[Content]:
    """Each step of a group, to be unfolded in the page, which needs no script."""
    return [
        element(
            "details",
            element("summary", element("strong", step.name), " ",
                    element("span", text(value_formula(step)), class_="words")),
            element("div", step_html(step, link)),
        )
        for step in steps
        if step.is_spoken_of
    ]  # fmt: skip


def chain_html(step: ExplainedNode) -> list[Content]:
    """The product of the local derivatives along the way to the loss, of several ways their sum."""
    formulas = chain_formulas(step)
    if not formulas:
        return []
    symbols, *numbers = formulas
    lines = [equation(derivative(step), symbols), *([equation(*numbers)] if numbers else [])]
    return [_title("chain", step.derivation.language), *map(formula_html, lines)]


def type_of(step: ExplainedNode) -> str:
    """Its type, ``f32[2,3]``; of an operation with several results, theirs."""
    several = isinstance(step.node.type, tuple)
    return ", ".join(map(str, step.node.type)) if several else str(step.node.type)  # pyright: ignore[reportArgumentType]  (narrowed by the flag)


def formula_html(formula: Formula) -> Markup:
    """A formula in a line of its own, which scrolls where it is too long, and is read out as text."""
    return element(
        "div", math(formula, block=True), class_="formula", tabindex="0", role="math", aria_label=text(formula)
    )


def array_html(value: Any, name: str) -> Markup:
    """An array of few elements as a table, of more by its norm."""
    if isinstance(value, tuple):
        return element("p", "…")
    if value.size == 1:
        return element("p", math(number(value)), class_="number")
    if value.size > most_cells or value.ndim > 2 or not value.size:
        return element("p", f"{'×'.join(map(str, value.shape))}, ‖·‖ = {norm([value]):.6g}", class_="number")
    rows = [element("tr", [element("td", text(number(cell))) for cell in row]) for row in np.atleast_2d(value)]
    return scrolling(element("table", rows, class_="cells"), name)


def _inside(step: ExplainedNode) -> list[Content]:
    """What happens inside a loop, a branch, a function that is called: in symbols, and step by step."""
    if not nested_graphs(step.written):
        return []
    inside = Inside(step)
    parts: list[Content] = [element("h3", heading(inside))]
    for section in sections(inside):
        parts += [element("h4", section.title), *map(formula_html, section.equations)]
        if section.rows:
            heads = element("tr", [element("th", _inline_formula(head), scope="col") for head in section.heads])
            rows = [element("tr", [element("td", one) for one in row]) for row in section.rows]
            parts.append(scrolling(element("table", heads, rows, class_="cells"), section.title))
    return parts


def _inline_formula(formula: Formula) -> Markup:
    return element("span", math(formula), role="math", aria_label=text(formula))


def _incoming(step: ExplainedNode, link: Link) -> list[Content]:
    if step.cotangent is None:
        return [element("p", say("no gradient", step.derivation.language))]
    shown = backward_equation(step)
    parts: list[Content] = [formula_html(shown)] if shown is not None else []
    terms = [
        element("li", element("a", user.shown.name, href=place), ": ", _inline(sent))
        for user, n in uses(step)
        if (place := link(user)) is not None and (sent := user.sent[n]) is not None
    ]
    if len(terms) > 1:
        parts += [element("p", f"{say('received', step.derivation.language)}:", class_="words"), element("ul", terms)]
    return [*parts, *([] if says(shown, step.cotangent) else [array_html(step.cotangent, f"∂{step.name}")])]


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
            shown = equation(Partial(Name(step.shown.name), Name(name)), *local, *last)
            rows += [element("p", say("local", language), class_="words"), formula_html(shown)]
        back = pullback_formula(step, n)
        numbers = pullback_formula(step, n, numbers=True) if sent_has_numbers(step, sent) else None
        value = number_of(sent, Name(name)) if numbers is not None or sent.size == 1 else None
        if sides := [one for one in (back, numbers, value) if one is not None]:
            rows += [element("p", say("sent", language), class_="words"), formula_html(equation(*sides))]
        rows += [] if value is not None else [array_html(sent, f"→ {name}")]
        parts.append(element("div", element("p", element("strong", f"→ {name}")), rows, class_="operand"))
    return parts


def _title(key: str, language: str) -> Markup:
    return element("h3", say(key, language))


def _fact(name: str, value: str) -> Markup:
    return element("div", element("dt", name), element("dd", value))


def _inline(value: Any) -> Markup:
    return math(number(value)) if value.size == 1 else Markup(f"‖{norm([value]):.4g}‖")
