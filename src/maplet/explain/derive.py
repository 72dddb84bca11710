"""`derive`: the gradient of a function as formulas, simplified the way a person would write them, and as NumPy code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.graph import as_made, input_primitive
from maplet.explain.arrangement import arranged, symbols_in
from maplet.explain.derivation import explain
from maplet.explain.descent import chosen_leaves
from maplet.explain.formula import Formula, Name, Partial, equation
from maplet.explain.numpy_code import program_code
from maplet.explain.print_latex import latex
from maplet.explain.print_text import text
from maplet.explain.term_formulas import Indexed, element, matrix_formula
from maplet.explain.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.terms import Term


class Gradients:
    """The gradients of a function as terms, with the lines that lead to them.

    Attributes
    ----------
    lines
        (name, term) in order: the variables of the function that the gradients speak of, and δ₁, δ₂, … for what comes
        in several of them.
    results
        The gradient by the name of what it is with respect to.
    """

    def __init__(self, derivation: Derivation, names: Sequence[str] | None) -> None:
        derivation.require_whole("formulas of the gradients")
        self.loss = derivation.loss.name
        self.arguments = [leaf.name for leaf in derivation.leaves]
        named = {leaf.node: leaf.name for leaf in derivation.leaves}
        named |= {step.node: step.name for step in derivation.steps if not step.is_numbered}
        translation = Translation(named)
        algebra = translation.algebra
        translation.terms[derivation.backward.inputs[-1]] = algebra.number(1.0)  # ∂loss/∂loss
        forward = {node: name for node, name in named.items() if node.primitive is not input_primitive}
        definitions: dict[str, Term] = {}
        for node in [node for node in as_made(derivation.backward) if node in forward]:
            definitions[forward[node]] = term = translation.definition(node)
            if term.head == "softmax":
                algebra.named[term] = translation.term(node)
        self.results: dict[str, Term] = {}
        for leaf in chosen_leaves(derivation, names):
            if (cotangent := derivation.cotangent_node(leaf.node)) is not None:
                self.results[leaf.name] = translation.term(cotangent)
        self.lines, self.names = arranged(definitions, self.results.values())

    # ── how they are shown ───────────────────────────────────────────────────────────────────────

    def formulas(self, *, indexed: bool = False) -> list[Formula]:
        """The equations: the lines, then a gradient each; ``indexed`` writes them element by element."""
        rows: list[tuple[str, Term, bool]] = [
            *((name, term, False) for name, term in self.lines),
            *((name, term, True) for name, term in self.results.items()),
        ]
        found: list[Formula] = []
        for name, term, is_gradient in rows:
            writer = Indexed(self.names)
            at = writer.letters(len(term.shape)) if indexed else []
            own = element(Name(name), at)
            left = Partial(Name(self.loss), own) if is_gradient else own
            defines = self.names.get(term) == name
            right = writer.formula(term, at, defines=defines) if indexed else None
            found.append(equation(left, right or matrix_formula(term, self.names, defines=defines)))
        return found

    def __str__(self) -> str:
        return self.text()

    def text(self, *, indexed: bool = False) -> str:
        """As plain text, an equation per line."""
        return "\n".join(map(text, self.formulas(indexed=indexed)))

    def latex(self, *, indexed: bool = False) -> str:
        """As LaTeX, an equation per line of an ``align*``."""
        rows = [latex(formula).replace(" = ", " &= ", 1) for formula in self.formulas(indexed=indexed)]
        joined = " \\\\\n".join(f"  {one}" for one in rows)
        return f"\\begin{{align*}}\n{joined}\n\\end{{align*}}"

    def numpy(self) -> str:
        """As a Python function ``gradients(…)`` of NumPy arrays, which returns the gradients by name.

        Raises
        ------
        SettingError
            If there is nothing in NumPy for an operation in it.
        """
        used = set(symbols_in([*(term for _, term in self.lines), *self.results.values()]))
        arguments = [name for name in self.arguments if name in used]
        return program_code(arguments, self.lines, self.results, self.names)

    def _repr_latex_(self) -> str:
        return self.latex()


def derive(f: Callable[..., Any], *args: Any, names: Sequence[str] | None = None) -> Gradients:
    """The gradient of a function as formulas, and as NumPy code.

    The formulas are read from the backward pass of `mp.explain`, and simplified by identities of real numbers: the
    gradient of softmax and cross-entropy is Xᵀ(softmax(z) − onehot(y))/N.

    Parameters
    ----------
    f
        A function whose result is one real number.
    *args
        Arguments of the shapes that it is given.
    names
        With respect to what; by default the trainable parameters of modules, or else every input with a gradient.

    Returns
    -------
    `Gradients`, with ``text()``, ``latex()`` (both also ``indexed=True``, element by element) and ``numpy()``.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> def loss(W, X, y):
    ...     z = X @ W
    ...     return nn.cross_entropy(z, y)
    >>> found = mp.derive(loss, mp.ones((4, 3)), mp.ones((5, 4)), mp.asarray([0, 1, 2, 0, 1]), names=["W"])
    >>> print(found)
    z = X W
    ∂loss/∂W = Xᵀ (softmax(z) − onehot(y))/5
    """
    return Gradients(explain(f, *args), names)
