"""How much a program computes: floating-point operations, counted by reading the index notation of its nodes.

The convention: a function of elements with a floating result is one operation, `exp` and a division as much as an
addition; so a multiply-add is two, and a term of a sum, a maximum or a product over an axis is one. Choosing (`where`),
comparing, moving, looking up, and arithmetic on integers are none. A loop counts its body as often as it runs, a branch
the dearest of its ways, a `while_loop`, of which nobody knows how often it runs, one round. What is done by the host
(sorting, LAPACK) has no index notation, and is not counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from maplet.core.graph import in_order, nested_graphs
from maplet.core.index_notation import Call, Cast, Expression, Index, Read, Reduce, Running
from maplet.core.kinds import access_at, gives_bool
from maplet.core.types import is_floating

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.core.graph import Graph, Node
    from maplet.core.index_notation import Access
    from maplet.core.types import ArrayType

    Layers = tuple[str, ...]


def flops(graph: Graph) -> int:
    """The floating-point operations of a program.

    Examples
    --------
    >>> import maplet as mp
    >>> flops(mp.trace(lambda w, x: mp.tanh(x @ w), mp.ones((4, 3)), mp.ones((5, 4))))  # 2·5·4·3 + 5·3
    135
    """
    return sum(count for _, count in _counted(graph, (), 1))


def flops_by_layer(graph: Graph) -> Counter[Layers]:
    """The floating-point operations of each layer by itself, without those of the layers in it.

    A layer is named by those that were being called, outermost first, as in `Origin.layers`.
    """
    found: Counter[Layers] = Counter()
    for layers, count in _counted(graph, (), 1):
        found[layers] += count
    return found


def _counted(graph: Graph, around: Layers, times: int) -> Iterator[tuple[Layers, int]]:
    """Each node with its layers; one that knows of none, inside another, belongs to the layers of that."""
    for node in in_order(graph.outputs, graph.inputs):
        origin = graph.origins.get(node)
        layers = (origin.layers if origin else ()) or around
        bodies = _bodies(node)
        for body in bodies:
            yield from _counted(body, layers, times * node.params.get("length", 1))
        access = None if bodies else access_at(node)
        if access is not None:
            yield layers, times * _of_access(access, [child.array_type for child in node.inputs], node.array_type)


def _bodies(node: Node) -> list[Graph]:
    """The programs inside a node that run in the forward pass; of several to choose from, the dearest."""
    inside = {name: graph for name, graph in nested_graphs(node).items() if name != "pullback"}
    branches = [graph for name, graph in inside.items() if name not in node.params]
    return [graph for name, graph in inside.items() if name in node.params] + sorted(branches, key=flops)[-1:]


def _of_access(access: Access, types: Sequence[ArrayType], gives: ArrayType) -> int:
    count = gives.size * _cost(access.value, types)
    aim = _aim(access.value)
    return count // gives.shape[access.axes.index(aim)] if count and aim in access.axes else count


def _aim(value: Expression) -> Any:
    """The axis j of a sum Σ_k of where(position(k) = j, term, 0): each term is added in one place along it alone."""
    match value:
        case Reduce(
            body=Call(function="where", arguments=(Call(function="equal", arguments=(_, Index() as axis)), *_))
        ):
            return axis
        case _:
            return None


def _cost(expression: Expression, types: Sequence[ArrayType]) -> int:
    """The operations for one element."""
    match expression:
        case Call(function=function, arguments=arguments):
            own = int(function != "where" and _floats(expression, types))
            return own + sum(_cost(argument, types) for argument in arguments)
        case Cast(value=value):
            return _cost(value, types)
        case Reduce(combiner=combiner, extent=extent, body=body):
            several = isinstance(body, Reduce) and body.combiner == combiner  # a sum of sums adds its terms once
            return extent * (_cost(body, types) + int(not several and _floats(expression, types)))
        case Running(body=body, factor=factor):
            before = 0 if factor is None else 1 + _cost(factor, types)
            return before + _cost(body, types) + int(_floats(body, types))
        case _:
            return 0


def _floats(expression: Expression, types: Sequence[ArrayType]) -> bool:
    """Whether an expression is a floating number."""
    match expression:
        case Read(operand=operand):
            return is_floating(types[operand].dtype)
        case Cast(dtype=dtype):
            return is_floating(dtype)
        case Call(function=function, arguments=arguments):
            return not gives_bool(function) and any(_floats(argument, types) for argument in arguments)
        case Reduce(combiner=combiner, body=body):
            return not combiner.startswith("arg") and _floats(body, types)
        case Running(body=body):
            return _floats(body, types)
        case _:
            return False
