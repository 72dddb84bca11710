"""`derive`: the gradient of a function as formulas, simplified the way a person would write them, and as NumPy code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.explain.arrangement import symbols_in
from maplet.explain.derivation import explain
from maplet.explain.formula import Formula, Name, Partial, equation
from maplet.explain.gradient_terms import gradient_terms
from maplet.explain.indexed_formulas import Indexed, element
from maplet.explain.numpy_code import program_code
from maplet.explain.print_latex import latex
from maplet.explain.print_text import text
from maplet.explain.symbols import one
from maplet.explain.term_formulas import matrix_formula
from maplet.settings import flag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.terms import Term


class Gradients:
    """The gradients of a function, as formulas and as code; ``terms`` is what both are written of."""

    def __init__(self, derivation: Derivation, names: Sequence[str] | None) -> None:
        derivation.require_whole("formulas of the gradients")
        self.loss = derivation.loss.name
        self.arguments = [leaf.name for leaf in derivation.leaves]
        self.terms = gradient_terms(derivation, names)

    # ── how they are shown ───────────────────────────────────────────────────────────────────────

    def formulas(self, *, indexed: bool = False) -> list[Formula]:
        """The equations: what is assumed, the lines, a gradient each; ``indexed`` writes them element by element."""
        indexed, terms = flag("indexed", indexed), self.terms
        rows: list[tuple[str, Term, bool]] = [
            *((name, term, False) for name, term in terms.lines),
            *((name, term, True) for name, term in terms.results.items()),
        ]
        taken = {*self.arguments, *(name for name, _ in terms.lines)}
        found: list[Formula] = []
        for term in terms.assumed:
            writer = Indexed(terms.names, taken)
            places = writer.letters(len(term.shape))
            found.append(equation(writer.formula(term, places) if indexed else matrix_formula(term, terms.names), one))
        for name, term, is_gradient in rows:
            writer = Indexed(terms.names, taken)
            at = writer.letters(len(term.shape)) if indexed else []
            own = element(Name(name), at)
            left = Partial(Name(self.loss), own) if is_gradient else own
            defines = terms.names.get(term) == name
            right = writer.formula(term, at, defines=defines) if indexed else None
            found.append(equation(left, right or matrix_formula(term, terms.names, defines=defines)))
        return found

    def __repr__(self) -> str:
        return f"<gradients of {self.loss} by {', '.join(self.terms.results)}>"

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
        terms = self.terms
        used = set(symbols_in([*(term for _, term in terms.lines), *terms.results.values()]))
        arguments = [name for name in self.arguments if name in used]
        return program_code(arguments, terms)

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
