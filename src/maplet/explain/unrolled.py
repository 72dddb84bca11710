"""What happens inside the nodes of a derivation, as sections that the text, LaTeX and the page write each in its way.

Of a loop: what each step computes and how the gradient goes back through it, once in symbols; then the numbers, a row
for each step; then the sums over the steps. Of anything else: its forward and its backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import constant_primitive, nested_graphs
from maplet.explain.folding import norm
from maplet.explain.formula import Formula, Function, Name, Places, Row, Script, Sign, equation, fenced, multiplied
from maplet.explain.inside import Inside
from maplet.explain.print_text import text
from maplet.explain.rules import cotangent_formula, derivative, nested
from maplet.explain.symbols import number_of, value_formula
from maplet.explain.words import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode

most_steps = 12  # of a loop whose numbers are shown; of a longer one, the first and the last
most_columns, enough = 6, 4  # of a table; what has no name is shown if there is little else
most_in_cell = 4  # elements of an array that is written out in a table
most_addends = 3  # of a sum over steps whose numbers are written out


@dataclass
class Section:
    """A part of what is said about a program inside: equations, or a table; its title is a heading."""

    title: str
    equations: list[Formula] = field(default_factory=list[Formula])
    heads: list[Formula] = field(default_factory=list[Formula])
    rows: list[list[str]] = field(default_factory=list["list[str]"])


def programs_inside(steps: Iterable[ExplainedNode]) -> list[ExplainedNode]:
    """Those of some steps that have a program inside."""
    return [step for step in steps if nested_graphs(step.written)]


def heading(inside: Inside) -> str:
    """``inside of v1: a loop of 3 steps``."""
    one = inside.node
    language, kind = one.derivation.language, nested[one.operation]
    if kind == "loop":
        key = {0: "no steps", 1: "loop of one"}.get(len(inside), "loop")
        what = say(key, language, len(inside), len(inside) - 1)
    elif kind == "branch":
        what = _branch(inside)
    else:
        what = say(kind, language)
    return say("headed", language, say("inside of", language, one.name), what)


def _branch(inside: Inside) -> str:
    """``the branch that was taken: x > 0 is true``; of a `switch`, its number."""
    one, condition = inside.node, inside.condition
    language = one.derivation.language
    if condition is None:
        count = len(nested_graphs(one.written))
        return say("branch", language, one.derivation.values[one.node.inputs[0]], count - 1)
    if condition.operation == constant_primitive.name:
        called = say("condition", language)
    else:
        called = text(value_formula(condition)) if condition.is_numbered else condition.name
    return say("branch if", language, called, say("true" if condition.value else "false", language))


def sections(inside: Inside) -> list[Section]:
    """All that is said about what happens inside one node."""
    language = inside.node.derivation.language
    if not len(inside):
        return []
    # In symbols, of a step that has one after it: the last one gets no gradient from there.
    first = inside.derivation((len(inside) - 1 if inside.reverse else 0) if inside.is_loop else None)
    forward = [_forward_equation(step) for step in spoken_of(first.steps)]
    order = [*reversed(first.steps), *first.leaves]
    backward = [found for step in spoken_of(order) if (found := _backward_equation(step)) is not None]
    if not inside.is_loop:
        return [Section(say("forward", language), forward), Section(say("backward", language), backward)]
    found = [Section(say("each step", language), forward)]
    if any(step.cotangent is not None for step in first.steps):
        found.append(Section(say("through time", language), backward))
    return [*found, *_numbers(inside)]


def spoken_of(steps: Iterable[ExplainedNode]) -> list[ExplainedNode]:
    """Those that are more than another shape of others."""
    return [step for step in steps if step.is_spoken_of]


def _forward_equation(step: ExplainedNode) -> Formula:
    """``z = w·x``."""
    return equation(Name(step.name), value_formula(step))


def _backward_equation(step: ExplainedNode) -> Formula | None:
    """``∂loss/∂z = ∂loss/∂a·a·(1 − a)``; None where no gradient comes, or from outside alone."""
    formula = None if step.cotangent is None else cotangent_formula(step)
    return None if formula is None or formula == derivative(step) else equation(derivative(step), formula)


# ── the numbers of a loop ────────────────────────────────────────────────────────────────────────


def _numbers(inside: Inside) -> list[Section]:
    language, count = inside.node.derivation.language, len(inside)
    half = most_steps // 2
    shown = list(range(count)) if count <= most_steps else [*range(half), *range(count - half, count)]
    steps = {t: inside.derivation(t) for t in shown}
    order = shown[::-1] if inside.reverse else shown
    found = [_table(say("values of steps", language), inside.node.name, steps, order, "value")]
    if any(step.cotangent is not None for step in next(iter(steps.values())).steps):
        found.append(_table(say("gradients of steps", language), inside.node.name, steps, order[::-1], "cotangent"))
        if sums := _sums(inside, steps):
            found.append(Section(say("sums of steps", language), sums))
    return found


def _table(title: str, around: str, steps: dict[int, Derivation], order: Sequence[int], what: str) -> Section:
    """A row per step; the columns are what changes from step to step, what has a name first."""
    some = steps[order[0]]
    nodes = [one for one in spoken_of([*some.leaves, *some.steps]) if getattr(one, what) is not None]
    fixed = {leaf.node for leaf in some.leaves if not leaf.name.endswith("]")}
    chosen = [one for one in nodes if one.node not in fixed and not isinstance(one.value, tuple)]
    named = sorted(chosen, key=lambda one: one.name.startswith(f"{around}."))
    few = [one for one in named if not one.name.startswith(f"{around}.")][:most_columns]
    named = few if len(few) >= enough else named[:enough]
    columns = [one.node for one in (chosen if what == "value" else chosen[::-1]) if one in named]
    heads = [Name(some.of(n).name) if what == "value" else derivative(some.of(n)) for n in columns]
    rows: list[list[str]] = []
    for before, t in zip([None, *order], order, strict=False):
        if before is not None and abs(t - before) > 1:
            rows.append(["…"] * (1 + len(columns)))
        rows.append([str(t), *(cell(getattr(steps[t].of(node), what)) for node in columns)])
    return Section(title, heads=[Name("t"), *heads], rows=rows)


def cell(value: Any) -> str:
    """An array of few elements by these, of more by its norm."""
    if value is None:
        return "–"
    if value.size > most_in_cell or value.size == 0:
        return f"‖{norm([value]):.4g}‖"
    cells = [f"{float(x):.4g}".replace("-", "−") for x in np.asarray(value).reshape(-1)]
    return cells[0] if len(cells) == 1 else f"[{', '.join(cells)}]"


def _sums(inside: Inside, steps: dict[int, Derivation]) -> list[Formula]:
    """``∂loss/∂W = Σ[t] h[t−1]ᵀ ∂loss/∂z = … + … = …`` for what all steps read."""
    found: list[Formula] = []
    some = next(iter(steps.values()))
    for leaf, total in zip(some.leaves[: inside.constants], inside.node.sent, strict=False):
        if leaf.cotangent is None or total is None:
            continue
        sides: list[Formula] = []
        if (formula := cotangent_formula(leaf)) is not None:
            sides.append(Row((Script(Function("Σ"), Places("t")), fenced(formula, multiplied))))
        addends = [number_of(one.of(leaf.node).cotangent, Name("")) for one in steps.values()]
        if len(inside) <= most_addends and total.size <= most_in_cell and Name("") not in addends:
            parts = [piece for addend in addends for piece in (Sign("+"), addend)][1:]
            sides.append(parts[0] if len(parts) == 1 else Row(tuple(parts)))
        value = number_of(total, Name(""))
        found.append(equation(derivative(leaf), *sides, *([] if value == Name("") else [value])))
    return found


# ── as text ──────────────────────────────────────────────────────────────────────────────────────


def text_inside(steps: Iterable[ExplainedNode]) -> list[str]:
    """The sections of the programs inside of some steps, as lines."""
    lines: list[str] = []
    for one in programs_inside(steps):
        inside = Inside(one)
        lines += ["", heading(inside)]
        for section in sections(inside):
            lines += [f"  {section.title}", *(f"    {line}" for line in _lines(section))]
        if inside.is_loop and len(inside):
            lines.append(f"  {say('look into', one.derivation.language, one.name)}")
    return lines


def _lines(section: Section) -> list[str]:
    lines = list(map(text, section.equations))
    if section.rows:
        rows = [list(map(text, section.heads)), *section.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return lines
