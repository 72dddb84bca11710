"""One node of a program with all that backpropagation says about it: the record of which a derivation is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.core.array import Array, from_value
from maplet.core.index_notation import Read
from maplet.core.kinds import access_at, is_elementwise
from maplet.core.types import is_floating
from maplet.explain.rules import cotangent_formula, said
from maplet.explain.symbols import value_formula, value_with_numbers
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.context import Origin
    from maplet.core.graph import Node
    from maplet.explain.derivation import Derivation
    from maplet.explain.formula import Formula
    from maplet.transforms.gradient import Step

    Value = np.ndarray[Any, Any]


class Arrival(NamedTuple):
    """A gradient that comes from outside of a program: how it is written, and its value."""

    formula: Formula | None
    value: Value


@dataclass(frozen=True, eq=False)
class ExplainedNode:
    """One node of the program, and what backpropagation says about it.

    Parameters
    ----------
    node
        Of the forward graph; of an input the primitive is ``input``.
    name
        What people call it: an argument, ``hidden.weight``, a variable of the user's, or ``v1``, ``v2``, …
    origin
        The layer and the line in the user's code.
    value
        What the node computes; a tuple for an operation with several results.
    cotangent
        ∂loss/∂value, incoming: the sum over all uses. None where no gradient comes, or there are several results.
    sent
        ∂loss/∂operand as far as it goes through this node, outgoing: one per operand, None where nothing flows.
    step
        What the trail holds: the nodes of the backward pass that compute these. None where no gradient flows.
    """

    node: Node
    name: str
    origin: Origin
    value: Any
    cotangent: Value | None
    sent: tuple[Value | None, ...]
    step: Step | None
    derivation: Derivation = field(repr=False)

    @property
    def operation(self) -> str:
        """The name of the operation, ``matmul``; ``input`` for an argument."""
        return self.written.primitive.name

    @property
    def written(self) -> Node:
        """The node as the user's function wrote it down: a ``while_loop``, for whose gradient a scan stands."""
        return self.derivation.passes.written.get(self.node, self.node)

    @property
    def arrivals(self) -> Sequence[Arrival]:
        """What gradient comes to it from outside of the program."""
        return self.derivation.arriving.get(self.node, ())

    @property
    def place(self) -> str:
        """The line in the user's code, ``train.py:42``; empty where there is none."""
        return self.derivation.place(self.origin)

    @property
    def is_numbered(self) -> bool:
        """Whether nobody named it, so that it is ``v1``, ``v2``, …; inside of v1, ``v1.1``."""
        return self.name[0] == "v" and self.name[1:].replace(".", "").isdigit() and self.operation != "input"

    @property
    def shown(self) -> ExplainedNode:
        """Itself, or what is spoken of instead because it is the same but for its shape, or a guard."""
        return self.derivation.of(self.derivation.shown.get(self.node, self.node))

    @property
    def is_spoken_of(self) -> bool:
        """Whether it is shown itself."""
        return self.shown is self

    @property
    def source(self) -> ExplainedNode:
        """What computes the value, where this one only gives it another shape and a name; else itself."""
        made = self
        while made.node.inputs and (operand := self.derivation.of(made.node.inputs[0])).shown is self:
            made = operand
        return made

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of what it takes."""
        return tuple([self.derivation.called[child] for child in self.node.inputs])

    @cached_property
    def elementwise(self) -> bool:
        """Whether each element of the value is a function of one element of each operand, and no mere copy of one."""
        access = access_at(self.node)
        return access is not None and is_elementwise(access) and not isinstance(access.value, Read)

    @property
    def formula(self) -> Formula:
        """What it computes, of the names of its operands: ``x w + b``; `print_text.text` and its kin write it."""
        return value_formula(self)

    @property
    def formula_with_numbers(self) -> Formula:
        """The same with the numbers of its operands in; those of many elements keep their names."""
        return value_with_numbers(self)

    @property
    def cotangent_formula(self) -> Formula | None:
        """∂loss/∂value as the sum of what its uses send; None where there is none, or it is no short formula."""
        return cotangent_formula(self)

    @property
    def rule(self) -> str:
        """The rule by which the gradient goes through it, in words."""
        return said(self)

    def local(self, operand: int = 0) -> Value | None:
        """∂value/∂operand, element by element, of an elementwise operation; None where that is no array.

        It is what the rule of the operation sends back for a cotangent of ones. The derivative of a matrix product or
        a sum is a linear map, of which `pullback` is the formula.
        """
        if not self.node.inputs:
            return None
        operand = whole("local: operand", operand, least=0, most=len(self.node.inputs) - 1)
        rule, child = self.node.primitive.gradient, self.node.inputs[operand]
        if not self.elementwise or rule is None or not is_floating(child.array_type.dtype):
            return None
        values = self.derivation.values
        operands = [from_value(values[node]) for node in self.node.inputs]
        needed = tuple([n == operand for n in range(len(operands))])
        ones = from_value(np.ones(self.node.array_type.shape, self.node.array_type.dtype))
        found: Array | None = rule(ones, from_value(self.value), *operands, needed=needed, **self.node.params)[operand]
        return None if found is None else np.broadcast_to(found.numpy(), self.node.array_type.shape)

    def received(self) -> list[tuple[ExplainedNode, int, Value]]:
        """Who uses the value, as which operand, and what cotangent comes from there; their sum is `cotangent`."""
        found = [(self.derivation.of(user), n) for user, n in self.derivation.users.get(self.node, ())]
        return [(user, n, sent) for user, n in found if (sent := user.sent[n]) is not None]
