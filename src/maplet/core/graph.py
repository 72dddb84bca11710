"""The graph: a program as data. Verbs on graphs are functions in other files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.primitive import Primitive, register
from maplet.core.types import ArrayType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from maplet.core.context import Origin


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One application of a primitive. Equality is identity: two nodes are the same only if they are one."""

    primitive: Primitive
    inputs: tuple[Node, ...]
    params: Mapping[str, Any]
    type: ArrayType | tuple[ArrayType, ...]

    @property
    def array_type(self) -> ArrayType:
        """The type, of a node that stands for one array."""
        if isinstance(self.type, tuple):
            raise TypeError(f"{self.primitive.name} gives several arrays; take one with `item`")
        return self.type

    def __repr__(self) -> str:
        return f"<node {self.primitive.name}: {self.type}>"


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, outputs and, by following ``node.inputs``, everything between.

    Parameters
    ----------
    inputs
        Nodes of the primitive ``input``: the arguments, then what the function captured from outside.
    outputs
        The results.
    origins
        Where each node came from. Beside the graph: no part of equality.
    captured
        The arrays that stand behind the last inputs; empty for the nested graphs inside a node, which are closed.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    origins: Mapping[Node, Origin] = field(default_factory=dict[Node, "Origin"], repr=False)
    captured: tuple[Any, ...] = ()

    def __str__(self) -> str:
        from maplet.core.text import graph_to_text  # noqa: PLC0415  (text.py reads graphs, so it stands below)

        return graph_to_text(self)

    def __repr__(self) -> str:
        between = set(in_order(self.outputs)) - set(self.inputs)
        counts = {"input": len(self.inputs), "node": len(between), "output": len(self.outputs)}
        return f"<graph: {', '.join(f'{n} {what}' + 's' * (n != 1) for what, n in counts.items())}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and same(self, other)

    __hash__ = None  # type: ignore[assignment]  # a structural equality over the whole graph is no key


def _no_value(*_: Any, **__: Any) -> Any:
    raise RuntimeError("an input has the value that it is given")


def _constant_shape(*, value: Any, dtype: np.dtype[Any]) -> ArrayType:
    return ArrayType(np.shape(value), dtype)


def _constant_value(*, value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return np.asarray(value, dtype)


input_primitive = register(Primitive("input", shape=_no_value, reference=_no_value))
constant_primitive = register(Primitive("constant", shape=_constant_shape, reference=_constant_value))


def input_node(array_type: ArrayType) -> Node:
    """A new argument of a graph."""
    return Node(input_primitive, (), {}, array_type)


def in_order(outputs: Iterable[Node], given: Iterable[Node] = ()) -> list[Node]:
    """Every node that the outputs depend on, each after its inputs; behind the nodes that are given none is looked for.

    So a graph may begin in the middle of another: its inputs are then whatever nodes it is given.
    """
    order: list[Node] = []
    ends = set(given)
    seen: set[Node] = set()
    stack: list[tuple[Node, Iterator[Node]]] = []
    for output in outputs:
        if output in seen:
            continue
        seen.add(output)
        stack.append((output, iter(() if output in ends else output.inputs)))
        while stack:
            node, remaining = stack[-1]
            for child in remaining:
                if child not in seen:
                    seen.add(child)
                    stack.append((child, iter(() if child in ends else child.inputs)))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def as_made(graph: Graph) -> list[Node]:
    """The same nodes as `in_order` gives, in the order in which they were made where that is known.

    A node is made after its inputs, so this too is an order in which they can be computed, and it reads better: first
    the forward pass as it was written, then the backward pass.
    """
    order = in_order(graph.outputs, graph.inputs)
    made = {node: number for number, node in enumerate(graph.origins)}
    return sorted(order, key=made.__getitem__) if all(node in made for node in order) else order


def nested_graphs(node: Node) -> dict[str, Graph]:
    """The closed graphs among a node's parameters: the body of a loop, the branches of a condition."""
    found: dict[str, Graph] = {}
    for name, value in node.params.items():
        if isinstance(value, Graph):
            found[name] = value
        elif isinstance(value, tuple):
            several = enumerate(cast("tuple[Any, ...]", value))
            found |= {f"{name}.{n}": item for n, item in several if isinstance(item, Graph)}
    return found


def same(first: Graph, second: Graph) -> bool:
    """Whether two graphs are the same program: equal node by node, in the same arrangement."""
    if len(first.inputs) != len(second.inputs) or len(first.outputs) != len(second.outputs):
        return False
    twin: dict[Node, Node] = dict(zip(first.inputs, second.inputs, strict=True))
    for a in first.inputs:
        if a.type != twin[a].type:
            return False
    for a, b in zip(_walk(first), _walk(second), strict=False):
        if twin.setdefault(a, b) is not b or not _same_node(a, b):
            return False
        if any(twin.get(x) is not y for x, y in zip(a.inputs, b.inputs, strict=True)):
            return False
    return all(twin.get(a) is b for a, b in zip(first.outputs, second.outputs, strict=True))


def _walk(graph: Graph) -> list[Node]:
    inputs = set(graph.inputs)
    return [node for node in in_order(graph.outputs) if node not in inputs]


def _same_node(a: Node, b: Node) -> bool:
    return (
        a.primitive is b.primitive
        and a.type == b.type
        and len(a.inputs) == len(b.inputs)
        and a.params.keys() == b.params.keys()
        and all(_same_value(a.params[key], b.params[key]) for key in a.params)
    )


def _same_value(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (a, np.signbit(a)) == (b, np.signbit(b)) or (a != a and b != b)  # noqa: PLR0124  (NaN)
    if isinstance(a, tuple) and isinstance(b, tuple):
        pairs = zip(cast("tuple[Any, ...]", a), cast("tuple[Any, ...]", b), strict=False)
        return len(cast("tuple[Any, ...]", a)) == len(cast("tuple[Any, ...]", b)) and all(
            _same_value(x, y) for x, y in pairs
        )
    return type(cast("object", a)) is type(cast("object", b)) and a == b
