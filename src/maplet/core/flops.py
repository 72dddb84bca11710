"""How many floating operations a node takes, read off what it computes in index notation.

A floating operation is a function of elements with a floating result, `exp` and a division as much as an addition;
choosing (`where`) and moving are none. A term of a sum or maximum counts one more, so that a product of matrices of
(M, K) and (K, N) takes 2·M·K·N.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from maplet.core.graph import in_order, nested_graphs
from maplet.core.index_notation import Call, Cast, Read, Reduce, Running
from maplet.core.kinds import access_at
from maplet.core.types import is_floating

if TYPE_CHECKING:
    from maplet.core.graph import Node
    from maplet.core.index_notation import Expression


def flops_of(node: Node) -> int:
    """The floating operations of one node.

    Of branches those of the dearest; a loop of a number of steps that is known takes as many times its body, any other
    counts as one round. What Python does by itself, such as a factorization or an order, counts nothing.

    Examples
    --------
    >>> import maplet as mp
    >>> graph = mp.trace(lambda x, y: mp.tanh(x @ y), mp.zeros((2, 3)), mp.zeros((3, 5)))
    >>> [(node.primitive.name, flops_of(node)) for node in in_order(graph.outputs)][2:]
    [('matmul', 60), ('tanh', 10)]
    """
    inside = [sum(map(flops_of, in_order(graph.outputs))) for graph in nested_graphs(node).values()]
    if inside:
        return max(inside) * int(node.params.get("length", 1))
    access = access_at(node)
    if access is None or not is_floating(node.array_type.dtype):
        return 0
    return prod(node.array_type.shape) * _for_one(access.value)


def _for_one(value: Expression) -> int:
    """The operations for one element."""
    if isinstance(value, Call):
        inside = sum(map(_for_one, value.arguments))
        return inside + int(value.function != "where" and any(map(_reads, value.arguments)))
    if isinstance(value, Cast):
        return _for_one(value.value)
    if isinstance(value, Reduce):
        # A sum of sums is one sum, which has as many terms as both.
        nested = isinstance(value.body, Reduce) and value.body.combiner == value.combiner
        return value.extent * (_for_one(value.body) + (not nested))
    if isinstance(value, Running):
        return 1 + _for_one(value.body) + (value.factor is not None)
    return 0


def _reads(value: Expression) -> bool:
    """Whether a number of an operand is in it, and not positions alone."""
    if isinstance(value, Call):
        return any(map(_reads, value.arguments))
    if isinstance(value, Cast):
        return _reads(value.value)
    return isinstance(value, Read | Reduce | Running)
