"""Reading a training graph: what comes of what, which products have weights, what is a softmax or a sigmoid.

Everything is recognised by structure, so that a softmax that is written by hand is one too. Nested graphs are opened
(`opening`), so that it does not matter whether it stands in the step of a loop.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from maplet.core.graph import constant_primitive, in_order
from maplet.health.lint.opening import doors
from maplet.health.lint.recognition import Squash, as_logarithm, as_probability, has_reals, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.health.lint.opening import Opened

products = ("matmul", "contract", "conv")


@dataclass(frozen=True)
class Product:
    """A product of data with weights: the node, and its two operands."""

    node: Node
    data: Node
    weights: Node


class Reading:
    """Facts about a graph.

    Parameters
    ----------
    opened
        The training graph; its first output is the loss.
    parameters
        The nodes of the trainable parameters.
    owned
        The nodes of all arrays of what is trained, running statistics and the like included.
    """

    def __init__(self, opened: Opened, parameters: Mapping[str, Node], owned: set[Node]) -> None:
        self.opened, self.parameters, self.owned = opened, parameters, owned
        self.order: list[Node] = opened.order

    @cached_property
    def consumers(self) -> Mapping[Node, Sequence[Node]]:
        """Which nodes read a node."""
        found: dict[Node, list[Node]] = defaultdict(list)
        for node in self.order:
            for child in dict.fromkeys(node.inputs):
                found[child].append(node)
        return found

    def readers(self, node: Node) -> list[Node]:
        """Which operations read a node, there or where a door leads it."""
        found: list[Node] = []
        for reader in self.consumers.get(node, ()):
            found += self.readers(reader) if reader.primitive in doors else [reader]
        return found

    # ── what comes of what ───────────────────────────────────────────────────────────────────────

    def operands(self, node: Node) -> tuple[Node, ...]:
        """What a node is made of; what a step is handed on also of what the step before leaves."""
        left = self.opened.returns.get(node)
        return node.inputs if left is None else (*node.inputs, left)

    def carried(self, node: Node) -> tuple[Node, ...]:
        """The operands of a node to which a gradient goes on."""
        if node in self.opened.sent:
            return self.opened.sent[node]
        if node.primitive.gradient is None and node.primitive.name != "item" and node.primitive not in doors:
            return ()
        return tuple([child for child in self.operands(node) if has_reals(child)]) if has_reals(node) else ()

    def after(self, sources: Iterable[Node]) -> set[Node]:
        """The sources and all that is made of them."""
        return self._after(sources, self.operands)

    def moved_by(self, sources: Iterable[Node]) -> set[Node]:
        """The sources and all that moves when they move a little."""
        return self._after(sources, self.carried)

    def _after(self, sources: Iterable[Node], operands: Callable[[Node], Sequence[Node]]) -> set[Node]:
        found = set(sources)
        before = -1
        while before != len(found):  # once, and again as long as loops hand something on
            before = len(found)
            for node in self.order:
                if node not in found and any(child in found for child in operands(node)):
                    found.add(node)
            if not self.opened.returns:
                break
        return found

    def before(
        self, ends: Iterable[Node], *, without: tuple[Node, Node] | None = None, gradients: bool = False
    ) -> set[Node]:
        """The ends and all that they are made of; or all to which a gradient goes on from there.

        ``without`` leaves out one operand of one operation.
        """
        found: set[Node] = set()
        waiting = list(ends)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                operands = self.carried(node) if gradients else self.operands(node)
                waiting += [child for child in operands if (node, child) != without]
        return found

    def greatest_behind(self, numbers: Mapping[Node, int]) -> dict[Node, int]:
        """For every node that leads to one with a number, itself included, the greatest of these numbers."""
        found = dict(numbers)
        changed = True
        while changed:  # once, and again as long as loops hand something on
            changed = False
            for node in reversed(self.order):
                number = found.get(node, -1)
                for child in self.operands(node):
                    if number > found.get(child, -1):
                        found[child], changed = number, True
            changed = changed and bool(self.opened.returns)
        return found

    @cached_property
    def with_parameters(self) -> set[Node]:
        """What is made of a trainable parameter."""
        return self.after(self.parameters.values())

    @cached_property
    def with_data(self) -> set[Node]:
        """What is made of numbers that are not the net's own: inputs, targets, arrays that stand in the program."""
        inputs = [node for node in self.opened.graph.inputs if node not in self.owned]
        return self.after([*inputs, *(n for n in self.order if n.primitive is constant_primitive and size(n) > 1)])

    @cached_property
    def random(self) -> set[Node]:
        """What is made of random bits."""
        return self.after([node for node in self.order if node.primitive.name == "random_bits"])

    @cached_property
    def products(self) -> list[Product]:
        """The products with weights: one operand is made of parameters alone, the other is not."""
        found: list[Product] = []
        for node in self.order:
            if node.primitive.name in products:
                for weights, data in (node.inputs[::-1], node.inputs):
                    own = weights in self.with_parameters and weights not in self.with_data
                    if own and (data in self.with_data or data not in self.with_parameters):
                        found.append(Product(node, data, weights))
                        break
        return found

    def parameters_in(self, node: Node) -> list[str]:
        """The names of the parameters of which a node is made, in their own order."""
        return [name for _, name in sorted(self._names[one] for one in in_order([node]) if one in self._names)]

    @cached_property
    def _names(self) -> dict[Node, tuple[int, str]]:
        """The place of each parameter among all, and its name."""
        return {node: (place, name) for place, (name, node) in enumerate(self.parameters.items())}

    @cached_property
    def squashes(self) -> list[Squash]:
        """Every softmax, sigmoid, and the logarithms of such."""
        found = [as_probability(node) or as_logarithm(node) for node in self.order]
        return [squash for squash in found if squash is not None]
