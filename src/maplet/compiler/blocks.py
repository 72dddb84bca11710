"""Blocks: what a graph is after fusion. Items in the order in which they run, and the arrays that lie between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maplet.compiler.elements import Axis, Element, Linear
from maplet.core.graph import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.compiler.contraction import Contraction
    from maplet.compiler.evaluator import Evaluator
    from maplet.core.context import Origin
    from maplet.core.graph import Graph
    from maplet.core.types import ArrayType


@dataclass(eq=False)
class Storage:
    """An array that lies in memory. Where, `memory` decides."""

    type: ArrayType
    name: str = ""
    value: Any = None  # of a constant


def place_of(axes: Sequence[Axis]) -> tuple[Linear, ...]:
    """The position along some axes: one form for each; an axis of length 1 stands at 0."""
    return tuple(Linear() if axis.extent == 1 else Linear(0, {axis: 1}) for axis in axes)


@dataclass(eq=False)
class Nest:
    """Elements computed at every position of some axes, each stored in an array of that shape."""

    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    evaluator: Evaluator
    outputs: dict[Node, Element] = field(default_factory=dict[Node, Element])
    unread: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All that it computes, also what only it uses and is not stored (`unread`)."""
        return (*self.unread, *self.outputs)

    @property
    def roots(self) -> list[Element]:
        """The elements that it computes, and the conditions under which it fails."""
        return [*self.outputs.values(), *(condition for condition, _ in self.evaluator.checks)]

    def place(self) -> tuple[Linear, ...]:
        """The position at which it computes."""
        return place_of(self.axes)


@dataclass(eq=False)
class Into:
    """The array that a scatter begins with, and when a position lies outside of it: there nothing is changed."""

    node: Node
    outside: Element


@dataclass(eq=False)
class Scatter:
    """``out[…, at, …] ⊕= value`` for every position of the axes, in order.

    The array begins as zeros (for a maximum as −1), or ``into`` says as what; then the last value stays.
    """

    node: Node
    axes: tuple[Axis, ...]  # those of the result
    aimed: int  # which axis of the result is looked up
    at: Element
    sums: tuple[Axis, ...]
    body: Element
    combiner: str
    checks: list[tuple[Element, Node]]
    into: Into | None = None

    @property
    def roots(self) -> list[Element]:
        """The elements that it computes, and the conditions under which it fails."""
        outside = [] if self.into is None else [self.into.outside]
        return [self.at, self.body, *outside, *(condition for condition, _ in self.checks)]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return tuple(axis.extent for axis in self.axes)


@dataclass(eq=False)
class Contract:
    """A sum of products: of ``product``, or as ``node`` has what that gives, in another order or in part.

    With an ``epilogue`` that nest is computed instead, of each element as soon as it is there.
    """

    node: Node
    contraction: Contraction
    a: Node
    b: Node
    product: Node
    epilogue: Nest | None = None


@dataclass(eq=False)
class HostCall:
    """An operation that NumPy computes."""

    node: Node
    gives: list[Storage]


@dataclass(eq=False)
class Loop:
    """A scan or a while loop."""

    node: Node
    body: Block
    gives: list[Storage]
    condition: Block | None = None


@dataclass(eq=False)
class Choice:
    """One of several blocks, by an index."""

    node: Node
    branches: list[Block]
    gives: list[Storage]


@dataclass(eq=False)
class Member:
    """A nest or a scatter that is run a few rows at a time.

    Its axis is the outermost one of its result, or the one that it sums over: then it goes on from strip to strip with
    what it has so far. ``steps`` says how far apart, in elements, the rows of what it reads and writes lie.
    """

    item: Nest | Scatter
    axis: Axis
    steps: dict[Node, int]
    sums: bool = False


@dataclass(eq=False)
class Strips:
    """Items that go through the same rows, a strip of rows at a time; of what lies ``between`` only a strip is kept."""

    members: list[Member]
    rows: int
    strip: int
    between: set[Storage]


Item = Nest | Scatter | Contract | HostCall | Loop | Choice | Strips


@dataclass(eq=False)
class Block:
    """What runs, in order, and where its values lie.

    ``storage`` maps nodes to the arrays that hold them; nodes that stand for the same array share one.
    """

    graph: Graph
    items: list[Item] = field(default_factory=list[Item])
    storage: dict[Node, Storage] = field(default_factory=dict[Node, Storage])
    origins: dict[Node, Origin] = field(default_factory=dict[Node, "Origin"])

    @property
    def inputs(self) -> list[Storage]:
        """The arrays that the block is given."""
        return [self.storage[node] for node in self.graph.inputs]

    @property
    def outputs(self) -> list[Storage]:
        """The arrays that hold its results."""
        return [self.storage[node] for node in self.graph.outputs]
