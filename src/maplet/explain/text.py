"""A derivation as plain text: a line per step for scalars, matrix by matrix for small nets, folded for large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import PositionError, SettingError
from maplet.explain.columns import columns_of
from maplet.explain.entries import entry_formulas, entry_name
from maplet.explain.folding import Fold, folded, grouped, is_computed_with, leaves_in_runs, norm, opened, read_by
from maplet.explain.formula import Formula, Name, Partial, Row, Sign, equation
from maplet.explain.print_text import text
from maplet.explain.rules import cotangent_formula, cotangent_with_numbers, derivative, said, uses
from maplet.explain.symbols import has_numbers, number, number_of, size_of, symbol, value_formula, value_with_numbers
from maplet.explain.unrolled import spoken_of, text_inside
from maplet.explain.words import say
from maplet.messages import shown
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode

longest_line = 90  # letters of an equation whose sides are not put below one another
most_shown = 64  # elements of an array that is printed; of a larger one, shape and norm
most_whole, ends = 24, 3  # elements of an array that is printed whole; of a longer one, so many at each end of an axis


def derivation_text(derivation: Derivation, unfold: bool | str = False) -> str:
    """The whole derivation."""
    folds = folded(derivation, unfold)
    language = derivation.language
    count = len(spoken_of(derivation.steps))
    first = f"{title(derivation)} · {say('one step' if count == 1 else 'steps', language, count)}"
    steps = opened(folds)
    if len(steps) == len(folds):  # nothing is folded
        passes = _both_passes(steps, derivation.leaves)
        return "\n".join([first, "", *passes, *text_inside(steps), *_columns(derivation)])
    groups = folds if not unfold else grouped(derivation, unfold)
    parts = [first, "", say("forward", language), *(f"  {line}" for line in _table(groups, derivation))]
    parts += ["", say("parameters", language), *_leaves(derivation, each=bool(unfold) and not steps), ""]
    if steps:
        parts += [f"{unfold}", "", *_both_passes(steps, read_by(steps)), *text_inside(steps), ""]
    return "\n".join([*parts, *_columns(derivation)[1:], say("folded", language)])


def _columns(derivation: Derivation) -> list[str]:
    """A line for each column of the row that is explained; none where columns have no names."""
    found = list(columns_of(derivation))
    if not found:
        return []
    names, places, values, _ = (max(map(len, cells)) for cells in zip(*found, strict=True))
    lines = [
        f"  {one.name:{names}}   {one.place:{places}} = {one.value:{values}}   ∂ = {one.gradient}" for one in found
    ]
    return ["", say("columns", derivation.language), *lines, ""]


def _both_passes(steps: Sequence[ExplainedNode], inputs: Sequence[ExplainedNode]) -> list[str]:
    """The steps as they are computed, and the gradients of these and of what they read, as they come."""
    language = steps[0].derivation.language if steps else "en"
    back = [*reversed(steps), *inputs]
    lines = _scalar_lines if all(size_of(one) == 1 for one in back) else _matrix_lines
    backward = lines(back) or [f"  {say('no gradient', language)}"]
    return [say("forward", language), *lines(steps, forward=True), "", say("backward", language), *backward]


def title(derivation: Derivation) -> str:
    """``f: loss = 0.84``; a function without a name is left out, and one that is called like its result."""
    value = f"{derivation.loss.name} = {text(number(derivation.loss.value))}"
    return value if derivation.title in ("<lambda>", derivation.loss.name) else f"{derivation.title}: {value}"


# ── one line per step ────────────────────────────────────────────────────────────────────────────


def forward_equation(step: ExplainedNode) -> Formula:
    """``z = w·x = 0.5·2 = 1``; the numbers are left out where they would not be fewer than the names."""
    value = number_of(step.value, Name(step.name))
    numbers = [value_with_numbers(step), value] if has_numbers(step) else []
    return equation(Name(step.name), value_formula(step), *numbers)


def backward_equation(step: ExplainedNode) -> Formula | None:
    """``∂loss/∂z = ∂loss/∂a·a·(1 − a) = 1·0.25 = 0.25``; None where no gradient comes."""
    if step.cotangent is None or isinstance(step.node.type, tuple):  # of several results, each has its own
        return None
    formula, numbers = cotangent_formula(step), cotangent_with_numbers(step)
    value = number_of(step.cotangent, derivative(step)) if numbers is not None or step.cotangent.size == 1 else None
    return equation(derivative(step), *(one for one in (formula, numbers, value) if one is not None))


def says(formula: Formula | None, value: Any) -> bool:
    """Whether an equation ends with the numbers of a value."""
    return isinstance(formula, Row) and formula.parts[-1] == number_of(value, formula)


def _scalar_lines(order: Sequence[ExplainedNode], *, forward: bool = False) -> list[str]:
    rows = [
        (forward_equation(step), step.place) if forward else (backward_equation(step), "") for step in spoken_of(order)
    ]
    lines = [(text(formula), place) for formula, place in rows if formula is not None]
    width = min(max((len(line) for line, _ in lines), default=0), 88)
    return [f"  {line:{width}}   # {place}".rstrip(" #") for line, place in lines]


# ── matrix by matrix ─────────────────────────────────────────────────────────────────────────────


def _matrix_lines(order: Sequence[ExplainedNode], *, forward: bool = False) -> list[str]:
    lines: list[str] = []
    for step in spoken_of(order):
        formula = forward_equation(step) if forward else backward_equation(step)
        if formula is None:
            continue
        value = step.value if forward else step.cotangent
        place = f"   # {step.place}" if forward and step.place else ""
        kind = "" if isinstance(step.node.type, tuple) else f" : {step.node.array_type}"
        first, *more = _sides(formula)
        lines += [f"  {first}{kind}{place}", *more, *([] if says(formula, value) else _array(value))]
        if forward and step.node.primitive.name == "stop_gradient":
            lines.append(f"      ↳ {say('no gradient', step.derivation.language)}")
        if not forward:
            lines += [f"      ↳ {rule}" for rule in dict.fromkeys(said(user, n) for user, n in uses(step))]
    return lines


def _sides(formula: Formula) -> list[str]:
    """An equation in one line, or where that is long in one for each of its sides."""
    line = text(formula)
    if len(line) <= longest_line or not isinstance(formula, Row):
        return [line]
    ends = [n for n, part in enumerate(formula.parts) if part == Sign("=")][1:]
    cuts = zip([0, *ends], [*ends, len(formula.parts)], strict=True)
    first, *more = (text(Row(formula.parts[start:end])).strip() for start, end in cuts)
    return [first, *(f"      {side}" for side in more)]


def _array(value: Any) -> list[str]:
    if isinstance(value, tuple) or value.size <= 1:
        return []
    if value.size > most_shown:
        return [f"      ‖·‖ = {norm([value]):.6g}"]
    printed = np.array2string(value, precision=6, max_line_width=110, threshold=most_whole, edgeitems=ends)
    return [f"      {line}" for line in printed.replace("...", "…").splitlines() if line.strip()]


# ── folded ───────────────────────────────────────────────────────────────────────────────────────


def _table(folds: list[Fold], derivation: Derivation) -> Iterator[str]:
    """A row per group: what it computes, the type and norm of what it gives, the norm of the gradient there."""
    head = ("", say("operation", derivation.language), say("shape", derivation.language), "‖·‖", "‖∂loss‖")
    rows = [head]
    for fold in folds:
        last = fold.last
        value = None if isinstance(last.value, tuple) else last.value
        cells = [fold.title, fold.operations, str(last.node.type) if value is not None else "…"]
        rows.append((*cells, _short(norm([value])), _short(norm([last.cotangent]))))  # type: ignore[arg-type]  (five cells)
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    yield from ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _leaves(derivation: Derivation, *, each: bool) -> Iterator[str]:
    """A row per input; those of a run of equal layers in one, unless each is asked for."""
    leaves = [leaf for leaf in derivation.leaves if is_computed_with(leaf)]
    rows = [[leaf] for leaf in leaves] if each else leaves_in_runs(leaves)
    names = [row[0].name if len(row) == 1 else f"{row[0].name} … {row[-1].name}" for row in rows]
    width = max(map(len, names), default=0)
    for name, row in zip(names, rows, strict=True):
        gradient, value = norm([leaf.cotangent for leaf in row]), _short(norm([leaf.value for leaf in row]))
        shown = "–" if gradient is None else f"‖∂‖ = {_short(gradient)}"
        yield f"  {name:{width}}   {row[0].node.type!s:14}   ‖·‖ = {value:12}   {shown}"


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


# ── one entry ────────────────────────────────────────────────────────────────────────────────────


def entry_text(derivation: Derivation, name: str, at: tuple[int, ...]) -> str:
    """How one element of an array comes to its value, and to its gradient."""
    one = derivation[name]
    if isinstance(one.node.type, tuple) or len(at) != one.node.type.ndim:
        raise SettingError(
            f"entry: {name} is {one.node.type}, and {shown(at)} is no place in it",
            fix=f"one number per axis, such as entry=({name!r}, (0, 1))",
        )
    at = tuple([whole(f"entry: {name}, axis {axis}", n, least=0) for axis, n in enumerate(at)])
    if not all(n < length for n, length in zip(at, one.value.shape, strict=True)):
        raise PositionError(
            f"entry: {shown(at)} is outside of {name}, whose shape is {one.value.shape}",
            fix=f"count from 0: the last one is {tuple([length - 1 for length in one.value.shape])}"
            if one.value.size
            else "it has no elements",
        )
    spoken = [node for node in derivation.names if node not in derivation.shown]
    known: dict[Any, Formula] = {node: symbol(node, derivation.names) for node in spoken}
    guards = [node for node in derivation.shown if node.primitive.name == "where"]
    known |= {node: derivation.symbols[node] for node in guards if derivation.shown[node] is not one.node}
    loss = Name(derivation.loss.name)
    near = [user.shown for user, _, _ in one.received()]  # of several with one gradient, what takes it is spoken of
    for other in (*spoken_of(derivation.steps), *near):
        if (cotangent := derivation.cotangent_node(other.node)) is not None:
            known[cotangent] = Partial(loss, Name(other.name))
    here = entry_name(one.name, at)
    rows = [(one.node, here, one.value[at])]
    if (cotangent := derivation.cotangent_node(one.node)) is not None and one.cotangent is not None:
        rows.append((cotangent, Partial(loss, here), one.cotangent[at]))
    lines: list[str] = []
    for node, side, value in rows:
        others = {other: formula for other, formula in known.items() if other is not node}
        found = entry_formulas(node, at, others, derivation.values) or ()
        lines.append(text(equation(side, *found, number(value))))
    return "\n".join(lines)
