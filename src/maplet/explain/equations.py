"""A derivation as LaTeX: an equation per node, forward and then backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.explain.folding import folded, leaves_in_runs, opened
from maplet.explain.formula import Row, Sign
from maplet.explain.inside import Inside
from maplet.explain.print_latex import in_text, latex
from maplet.explain.text import backward_equation, forward_equation
from maplet.explain.unrolled import heading, programs_inside, sections
from maplet.explain.words import say

if TYPE_CHECKING:
    from maplet.explain.derivation import Derivation
    from maplet.explain.formula import Formula


def derivation_latex(derivation: Derivation, unfold: bool | str = False) -> str:
    r"""Two ``align*`` environments; of a folded group, what it hands on is named in words."""
    language = derivation.language
    folds = folded(derivation, unfold)
    forward: list[str] = []
    backward: list[str] = []
    for fold in folds:
        if len(fold.steps) > 1:
            kind = latex_type(str(fold.last.node.type))
            forward.append(rf"{in_text(fold.title)} &: {in_text(fold.operations)} \mapsto {kind}")
        else:
            forward.append(_aligned(forward_equation(fold.last)))
    rows = [[leaf] for leaf in derivation.leaves] if unfold else leaves_in_runs(derivation.leaves)
    for row in [*([fold.last] for fold in reversed(folds)), *rows]:
        formula = backward_equation(row[0])
        if formula is not None:
            backward += [_aligned(formula), *([r"&\ \vdots"] if len(row) > 1 else [])]
    groups = [(say("forward", language), forward), (say("backward", language), backward)]
    for inside in map(Inside, programs_inside(opened(folds))):
        groups += [
            (say("headed", language, heading(inside), part.title), [*map(_aligned, part.equations)])
            for part in sections(inside)
            if part.equations
        ]
    return "\n".join(
        line
        for name, equations in groups
        for line in (f"% {name}", r"\begin{align*}", _joined(equations), r"\end{align*}")
    )


def _joined(equations: list[str]) -> str:
    return " \\\\\n".join(f"  {equation}" for equation in equations)


def _aligned(formula: Formula) -> str:
    """An equation with the mark for alignment before its first sign."""
    if not isinstance(formula, Row) or Sign("=") not in formula.parts:
        return latex(formula)
    at = formula.parts.index(Sign("="))
    return f"{latex(Row(formula.parts[:at]))} &= {latex(Row(formula.parts[at + 1 :]))}"


def latex_type(kind: str) -> str:
    r"""A type of an array as a space: ``f32[8,32]`` is ``\mathbb{R}^{8 \times 32}``.

    Examples
    --------
    >>> latex_type("f32[8,32]"), latex_type("f32[]")
    ('\\mathbb{R}^{8 \\times 32}', '\\mathbb{R}')
    """
    inner = kind.partition("[")[2].rstrip("]")
    lengths = inner.replace(",", r" \times ")
    return rf"\mathbb{{R}}^{{{lengths}}}" if inner else r"\mathbb{R}"
