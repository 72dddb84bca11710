"""`derive`: the gradient of a function as formulas, simplified the way a person would write them, and as NumPy code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from maplet.core.graph import Graph, in_order
from maplet.explain.arrangement import arranged, symbols_in
from maplet.explain.derivation import explain
from maplet.explain.descent import chosen_leaves
from maplet.explain.formula import Formula, Name, Partial, equation
from maplet.explain.numpy_code import program_code
from maplet.explain.print_latex import latex
from maplet.explain.print_text import text
from maplet.explain.term_formulas import Indexed, element, matrix_formula
from maplet.explain.translation import Translation
from maplet.settings import flag
from maplet.transforms.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode
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
        leaves = {leaf.node: leaf.name for leaf in derivation.leaves}
        steps = {step.node: step.name for step in derivation.steps if _has_own_name(step)}
        wanted = {
            leaf.name: cotangent
            for leaf in chosen_leaves(derivation, names)
            if (cotangent := derivation.cotangent_node(leaf.node)) is not None
        }
        backward = derivation.backward
        program = Graph(backward.inputs, (*steps, *wanted.values()), backward.origins)
        smaller, settled = simplify(program)  # so that what is constant is worked out
        named = {node: name for before, name in reversed(steps.items()) if (node := settled[before]) not in leaves}
        uses = Counter(child for node in in_order(smaller.outputs) for child in node.inputs)
        translation = Translation(leaves | named, {node for node, count in uses.items() if count > 1})
        algebra = translation.algebra
        for node in leaves:  # so that factors stand in the order of the arguments
            translation.term(node)
        translation.terms[backward.inputs[-1]] = algebra.number(1.0)  # ∂loss/∂loss
        definitions: dict[str, Term] = {}
        for node in in_order(named):
            if node in named:
                definitions[named[node]] = term = translation.definition(node)
                if term.head in ("softmax", "sigmoid"):
                    algebra.named[term] = translation.term(node)
        self.results = {name: translation.term(settled[node]) for name, node in wanted.items()}
        self.lines, self.names = arranged(definitions, self.results.values())

    # ── how they are shown ───────────────────────────────────────────────────────────────────────

    def formulas(self, *, indexed: bool = False) -> list[Formula]:
        """The equations: the lines, then a gradient each; ``indexed`` writes them element by element."""
        indexed = flag("indexed", indexed)
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


def _has_own_name(step: ExplainedNode) -> bool:
    """Whether it is one array that is called by a variable or a layer of the user's."""
    return not step.is_numbered and not isinstance(step.node.type, tuple)


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
