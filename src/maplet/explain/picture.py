"""What the picture of a derivation shows: boxes and arrows, for Mermaid and for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.explain.folding import Fold, folded, norm, opened, read_by
from maplet.explain.print_text import text
from maplet.explain.symbols import number, value_formula

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode

widest = 30  # letters of a line in a box
most_lines = 4  # of the groups that a run repeats


@dataclass(frozen=True, eq=False)
class Box:
    """A box of the picture.

    Parameters
    ----------
    title
        What it is called.
    formulas
        What it computes, and what else is told of it.
    kind
        ``"input"``, ``"step"``, ``"fold"`` or ``"loss"``.
    steps
        What is in it: one, or those of a group.
    fold
        The group, if it is one.
    value, gradient
        What comes of it, and the gradient there; empty for what there is not.
    """

    title: str
    formulas: tuple[str, ...]
    kind: str
    steps: tuple[ExplainedNode, ...]
    fold: Fold | None = None
    value: str = ""
    gradient: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What else stands in it."""
        return (*self.formulas, *(line for line in (self.value, self.gradient) if line))


def boxes(derivation: Derivation, unfold: bool | str = False) -> tuple[list[Box], list[tuple[int, int]]]:
    """The boxes in the order of the forward pass, and the arrows between them by number.

    What steps read that are shown one by one has boxes, too: all inputs where nothing is folded.
    """
    folds = folded(derivation, unfold)
    read = set(read_by(opened(folds)))
    return boxes_of([*(Fold(leaf.name, (leaf,)) for leaf in derivation.leaves if leaf in read), *folds], derivation)


def boxes_of(every: Sequence[Fold], derivation: Derivation) -> tuple[list[Box], list[tuple[int, int]]]:
    """A box for each group, and the arrows between them by number."""
    group = {step.node: n for n, fold in enumerate(every) for step in fold.steps}
    arrows: dict[tuple[int, int], None] = {}
    for n, fold in enumerate(every):
        for child in (child for step in fold.steps for child in step.source.node.inputs):
            start = group.get(derivation.shown.get(child, child), group.get(child, n))
            if start != n:
                arrows[start, n] = None
    return [_box(fold, derivation) for fold in every], list(arrows)


def _box(fold: Fold, derivation: Derivation) -> Box:
    last = fold.last
    if len(fold.steps) > 1:
        kind = "loss" if last is derivation.loss else "fold"
        repeated = [short(group.operations) for group in fold.repeated[:most_lines]]
        lines = [f"{fold.times} ×", *repeated, *(["…"] if fold.period > most_lines else [])]
        lines = lines if fold.groups else [fold.operations]
    else:
        kind = "loss" if last is derivation.loss else "input" if last.operation == "input" else "step"
        lines = [short(text(value_formula(last)))] if kind != "input" else []
    value, gradient = _number("", last.value, last), _number("∂ ", last.cotangent, last)
    return Box(short(fold.title), tuple(lines), kind, fold.steps, fold, value, gradient)


def _number(before: str, value: Any, step: ExplainedNode) -> str:
    """A scalar as its number, an array by its type and norm; empty for what is not there."""
    if value is None or isinstance(value, tuple):
        return ""
    if value.size == 1:
        return f"{before or '= '}{text(number(value))}"
    return f"{before or f'{step.node.type} '}‖{norm([value]):.4g}‖"


def short(line: str) -> str:
    """A line as far as a box is wide."""
    return line if len(line) <= widest else f"{line[: widest - 1]}…"


def mermaid(derivation: Derivation, unfold: bool | str = False) -> str:
    """A flowchart in the language of Mermaid, which GitHub and notebooks draw."""
    found, arrows = boxes(derivation, unfold)
    shapes = {"input": ("([", "])"), "step": ("[", "]"), "fold": ("[[", "]]"), "loss": ("{{", "}}")}
    lines = ["flowchart TD"]
    for n, box in enumerate(found):
        label = "<br/>".join(_label(line) for line in (box.title, *box.lines))
        left, right = shapes[box.kind]
        lines.append(f'  n{n}{left}"{label}"{right}')
    return "\n".join([*lines, *(f"  n{start} --> n{end}" for start, end in arrows)])


def _label(line: str) -> str:
    """Text that Mermaid takes for nothing else: what is not a letter, a digit or harmless, by its number."""
    return "".join(c if c.isalnum() or c in " .·=+−∂/σΣ‖" else f"#{ord(c)};" for c in line)
