"""The backward pass of a derivation as terms, in the lines in which they are written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import Graph, in_order
from maplet.explain import arrangement
from maplet.explain.convolutions import cut_out
from maplet.explain.descent import chosen_leaves
from maplet.explain.recognition import is_part_of_softmax
from maplet.explain.translation import Translation
from maplet.transforms.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.explain.arrangement import Lines
    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode
    from maplet.explain.terms import Term


@dataclass(frozen=True)
class GradientTerms:
    """Gradients as terms, with the lines that lead to them.

    Parameters
    ----------
    lines
        (name, term) in order: the variables of the function that the gradients speak of, and δ₁, δ₂, … for what comes
        in several of them.
    results
        The gradient by the name of what it is with respect to.
    names
        Term → its name δ₁, δ₂, ….
    assumed
        Sums of what was given that are 1, of which the gradients make use: those over the classes of one-hot targets.
    """

    lines: Lines
    results: dict[str, Term]
    names: dict[Term, str]
    assumed: tuple[Term, ...]

    @property
    def length(self) -> int:
        """How much there is to write."""
        written = arrangement.in_order([*(term for _, term in self.lines), *self.results.values()])
        return len([term for term in written if term.head != "symbol"])


def gradient_terms(derivation: Derivation, names: Sequence[str] | None) -> GradientTerms:
    """The gradients with respect to the inputs of these names, in as few terms as possible.

    A variable of the function keeps its name, but of e = exp(z), p = e/Σe the gradients are simpler where the name e is
    not used and p is softmax(z): both ways are gone, and the shorter one taken.
    """
    leaves = {leaf.node for leaf in derivation.leaves}
    steps = {step.node: step.name for step in derivation.steps if _has_own_name(step)}
    wanted = {
        leaf.name: cotangent
        for leaf in chosen_leaves(derivation, names)
        if (cotangent := derivation.cotangent_node(leaf.node)) is not None
    }
    backward = derivation.backward
    sent, roots = cut_out(derivation.trail, [*steps, *wanted.values()])
    reads = [node for adjoint in sent.values() for node in adjoint.reads]
    program = Graph((*backward.inputs, *sent), (*roots, *reads), backward.origins)
    _, settled = simplify(program)  # so that what is constant is worked out
    sent = {
        node: replace(adjoint, reads=tuple([settled[one] for one in adjoint.reads])) for node, adjoint in sent.items()
    }
    settled = {node: settled[root] for node, root in zip((*steps, *wanted.values()), roots, strict=True)}
    named = {node: name for before, name in reversed(steps.items()) if (node := settled[before]) not in leaves}
    results = {name: settled[node] for name, node in wanted.items()}
    uses = Counter(child for node in in_order([*named, *results.values()]) for child in node.inputs)
    shared = {node for node, count in uses.items() if count > 1}

    def way(*, sees_through: bool) -> GradientTerms:
        names = {leaf.node: leaf.name for leaf in derivation.leaves} | named
        return _translated(derivation, Translation(names, shared, sent), named, results, sees_through=sees_through)

    return min(way(sees_through=False), way(sees_through=True), key=lambda found: found.length)


def _translated(
    derivation: Derivation,
    translation: Translation,
    named: Mapping[Node, str],
    results: Mapping[str, Node],
    *,
    sees_through: bool,
) -> GradientTerms:
    """The nodes as terms; names of what softmax and σ are made of are not used where that is seen through."""
    leaves = {leaf.name for leaf in derivation.leaves}
    algebra = translation.algebra
    for leaf in derivation.leaves:  # at first, so that factors stand in the order of the arguments
        term = translation.term(leaf.node)
        if _is_one_hot(leaf):
            algebra.distributions[term] = 1
    for one in (*derivation.leaves, *derivation.steps):
        if not isinstance(one.node.type, tuple) and not np.isfinite(one.value).all():
            algebra.infinite.add(algebra.symbol(one.name, one.node.array_type.shape))
    translation.terms[derivation.backward.inputs[-1]] = algebra.number(1.0)  # ∂loss/∂loss
    definitions: dict[str, Term] = {}
    for node in in_order(named):
        if node not in named:
            continue
        term = translation.definition(node)
        if sees_through and is_part_of_softmax(term):
            translation.terms[node] = term
            continue
        definitions[named[node]] = term
        if term.head in ("softmax", "sigmoid"):
            algebra.named[term] = translation.term(node)
        if term.head == "softmax":
            algebra.distributions[translation.term(node)] = term.settings[0]
    gradients = {name: translation.term(node) for name, node in results.items()}
    targets = [one for one in algebra.relied_on if one.settings[0] in leaves]
    assumed = tuple([algebra.make("sum", (one,), ((1,), True), (one.shape[0], 1)) for one in targets])
    lines, names = arrangement.arranged(definitions, gradients.values())
    return GradientTerms(lines, gradients, names, assumed)


def _is_one_hot(leaf: ExplainedNode) -> bool:
    """Whether each row of a matrix that was given is 1 in one place and else 0."""
    value: np.ndarray[Any, Any] = leaf.value
    if value.ndim != 2 or value.dtype.kind != "f":
        return False
    return bool(((value == 0) | (value == 1)).all() and (value.sum(axis=1) == 1).all())


def _has_own_name(step: ExplainedNode) -> bool:
    """Whether it is one array that is called by a variable or a layer of the user's."""
    return not step.is_numbered and not isinstance(step.node.type, tuple)
