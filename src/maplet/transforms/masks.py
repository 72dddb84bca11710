"""Where a cotangent is known to be 0, and is to stay 0 whatever it is multiplied with.

``where(x > 0, √x, 0)`` has the derivative 0 at x = 0, but the chain rule there gives 0·∞, which is NaN. The `where`
tells which elements of a branch do not count. As long as the branch is used by it alone and is made element by
element, the same elements of everything on the way back do not count either; at the end of that way they are set to 0.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING

from maplet.core.graph import constant_primitive
from maplet.core.kinds import access_at, is_elementwise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.graph import Node

Mask = tuple[tuple["Node", bool], ...]  # conditions, each with the value that it has where elements count


class Masks:
    """Which elements count, for the nodes of a graph in which a gradient flows."""

    def __init__(self, order: Sequence[Node], ends: Sequence[Node], active: set[Node]) -> None:
        self.uses: Counter[Node] = Counter()
        if any(node.primitive.name == "where" for node in order):
            self.uses = _uses(order, ends, active)
        self.of: dict[Node, Mask] = {}
        self.tainted: set[Node] = set()  # whose cotangent may be NaN where it is to be 0
        self.risky: dict[Node, bool] = {}

    def pass_on(self, node: Node) -> Sequence[Mask]:
        """Called on the way back: the masks to be applied, now, to what a node sends to each of its inputs."""
        if node not in self.of and node.primitive.name != "where":
            return ((),) * len(node.inputs)
        mask = self.of.get(node, ())
        more: list[Mask] = [() for _ in node.inputs]
        if node.primitive.name == "where":
            more = [(), ((node.inputs[0], True),), ((node.inputs[0], False),)]
        if mask and self.is_risky(node):
            self.tainted.add(node)
        now: list[Mask] = []
        for child, added in zip(node.inputs, more, strict=True):
            goes_on = self._goes_on(node, child)
            if goes_on and mask + added:
                self.of[child] = mask + added
                if node in self.tainted:
                    self.tainted.add(child)
            now.append(mask if node in self.tainted and not goes_on else ())
        return now

    def _goes_on(self, node: Node, child: Node) -> bool:
        """Whether all of a child's cotangent comes from this node, and its elements are those of the node."""
        alone = self.uses[child] == 1 and bool(child.inputs)
        return alone and child.type == node.type and _by_element(child) and not _repeats(child)

    def is_risky(self, node: Node) -> bool:
        """Whether a node's value or derivative may be infinite or NaN through an elementwise operation before it."""
        waiting = [node]
        while waiting:
            here = waiting[-1]
            later = [child for child in here.inputs if child not in self.risky]
            if here in self.risky:
                waiting.pop()
            elif not here.inputs or not _by_element(here):
                self.risky[here] = False
            elif _is_singular(here):
                self.risky[here] = True
            elif later:
                waiting += later
            else:
                self.risky[here] = any(self.risky[child] for child in here.inputs)
        return self.risky[node]


def _uses(order: Sequence[Node], ends: Sequence[Node], active: set[Node]) -> Counter[Node]:
    """How often each node's value is used on a way to an end from which a gradient flows."""
    uses = Counter([node for node in ends if node in active])
    for node in reversed(order):
        if uses[node]:
            uses.update([child for child in node.inputs if child in active])
    return uses


def _repeats(node: Node) -> bool:
    """Whether a node repeats its one operand: then its rule adds the copies up, which are to be masked before."""
    return len(node.inputs) == 1 and prod(node.inputs[0].array_type.shape) != prod(node.array_type.shape)


def _is_singular(node: Node) -> bool:
    """Whether its derivative can be infinite; to divide by a number that stands in the program is harmless."""
    if node.primitive.name == "divide":
        divisor = node.inputs[1]
        while len(divisor.inputs) == 1:
            (divisor,) = divisor.inputs
        return divisor.primitive is not constant_primitive
    return node.primitive.singular


def _by_element(node: Node) -> bool:
    access = access_at(node)
    return access is not None and is_elementwise(access)
