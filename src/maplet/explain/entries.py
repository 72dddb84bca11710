"""One entry of an array on demand: ``∂loss/∂W[0,1] = Σ_k x[k,0]·∂loss/∂z[k,1]``, written out by the index notation.

The index notation of an operation says of which elements an element is made. Where these are in an array without a name
(a transpose, a repetition), the notation of that array says where they come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import constant_primitive
from maplet.core.index_notation import Call, Cast, Expression, Index, Literal, Read, Reduce
from maplet.core.kinds import access_at
from maplet.core.primitive import registry
from maplet.explain.formula import Formula, Function, Name, Places, Row, Script, Sign, Words, fenced, fill, multiplied
from maplet.explain.notation import notation_of
from maplet.explain.symbols import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from maplet.core.graph import Node

    Place = tuple[int, ...]
    Leaf = Callable[[Node, Place], Formula]

most_terms = 6  # of a sum that is written out
deepest = 12  # arrays without a name that are looked through


def entry_formulas(
    node: Node, at: Place, known: Mapping[Node, Formula], values: Mapping[Node, Any]
) -> tuple[Formula, Formula] | None:
    """An element of what a node computes: by the names and places of what it is made of, and by their numbers.

    None for an operation of the host, whose elements have no formula.
    """

    def named(inner: Node, place: Place) -> Formula:
        if inner.primitive is constant_primitive or inner not in known:
            return number(values[inner][place])
        return Script(known[inner], Places(",".join(map(str, place)))) if place else known[inner]

    def numbered(inner: Node, place: Place) -> Formula:
        return number(values[inner][place])

    try:
        return tuple([_Entry(known, values, leaf).element(node, at, 0) for leaf in (named, numbered)])  # type: ignore[return-value]  (two of them)
    except NotImplementedError:
        return None


class _Entry:
    """Writes one element out; ``leaf`` says how an element of a known array is written."""

    def __init__(self, known: Mapping[Node, Formula], values: Mapping[Node, Any], leaf: Leaf) -> None:
        self.known = known
        self.values = values
        self.leaf = leaf

    def element(self, node: Node, at: Place, depth: int) -> Formula:
        """An element of a node that is taken apart."""
        access = access_at(node)
        if access is None:
            raise NotImplementedError
        return self.formula(node, access.value, dict(zip(access.axes, at, strict=True)), depth)

    def read(self, node: Node, at: Place, depth: int) -> Formula:
        """An element of an operand: by its name, or by what it is made of."""
        if node in self.known or node.primitive is constant_primitive or depth >= deepest or access_at(node) is None:
            return self.leaf(node, at)
        return self.element(node, at, depth + 1)

    def formula(self, node: Node, part: Expression, where: Mapping[Index, int], depth: int) -> Formula:
        """An expression of the index notation, for one place."""
        if isinstance(part, Read):
            at = tuple([self.position(node, index, where) for index in part.at])
            return self.read(node.inputs[part.operand], at, depth)
        if isinstance(part, Call) and part.function == "where":
            chosen = 1 if self.position(node, part.arguments[0], where) else 2
            return self.formula(node, part.arguments[chosen], where, depth)
        if isinstance(part, Call):
            operands = [self.formula(node, inner, where, depth) for inner in part.arguments]
            return fill(notation_of(registry[part.function], len(operands)), operands)
        if isinstance(part, Reduce):
            return self.reduced(node, part, where, depth)
        if isinstance(part, Cast):
            return self.formula(node, part.value, where, depth)
        if isinstance(part, Literal | Index):
            return number(self.position(node, part, where))
        raise NotImplementedError

    def reduced(self, node: Node, part: Reduce, where: Mapping[Index, int], depth: int) -> Formula:
        """A sum with its terms; of many, the first ones and the last."""
        every = range(part.extent)
        shown = every if len(every) <= most_terms else [*every[: most_terms - 1], every[-1]]
        terms = [self.formula(node, part.body, {**where, part.index: n}, depth) for n in shown]
        if part.combiner != "sum":
            listed = [piece for term in terms for piece in (Sign(","), term)][1:]
            return Row((Function(part.combiner), *listed))
        parts: list[Formula] = []
        for n, term in enumerate(terms):
            skipped = [Words("…"), Sign("+")] if n == len(terms) - 1 and len(every) > len(terms) else []
            parts += [*([Sign("+")] if n else []), *skipped, fenced(term, multiplied)]
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def position(self, node: Node, part: Expression, where: Mapping[Index, int]) -> Any:
        """The number that an index is at one place."""
        if isinstance(part, Index):
            return where[part]
        if isinstance(part, Literal):
            return part.value
        if isinstance(part, Cast):
            return self.position(node, part.value, where)
        if isinstance(part, Read):
            at = tuple([self.position(node, index, where) for index in part.at])
            return self.values[node.inputs[part.operand]][at].item()
        if isinstance(part, Call):
            operands = [np.asarray(self.position(node, inner, where)) for inner in part.arguments]
            return registry[part.function].reference(*operands).item()
        raise NotImplementedError


def entry_name(name: str, at: Place) -> Formula:
    """``W[0,1]``."""
    return Script(Name(name), Places(",".join(map(str, at)))) if at else Name(name)
