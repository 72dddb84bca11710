"""Is this graph legal? Run after every transform in the tests, and on every line that `parse` reads."""

from __future__ import annotations

from functools import cache
from inspect import signature
from math import inf
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.graph import Graph, Node, constant_primitive, in_order, input_primitive, nested_graphs
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, float_limits, kind_of, short_name, type_names
from maplet.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.primitive import Primitive

    Types = ArrayType | tuple[ArrayType, ...]

checking = False  # the tests turn this on; every transform then checks the graph that it made


def checked(graph: Graph) -> Graph:
    """The same graph, checked where checking is on."""
    if checking:
        check(graph)
    return graph


def check(graph: Graph) -> None:
    """Raise `GraphError` unless the graph is closed, well typed, and made of registered primitives.

    Examples
    --------
    >>> import maplet as mp
    >>> check(mp.trace(mp.sin, 0.5))
    """
    if not isinstance(graph, Graph):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise GraphError(f"check takes a graph, given {type(graph).__name__}", fix="mp.trace(f, *args) gives one")
    inputs = set(graph.inputs)
    if len(inputs) != len(graph.inputs):
        raise GraphError("an input stands twice in the list of inputs")
    if graph.captured and len(graph.captured) > len(graph.inputs):
        raise GraphError(f"{len(graph.captured)} captured arrays for {len(graph.inputs)} inputs")
    for node in in_order(graph.outputs):
        _check_node(node, inputs)
        for name, nested in nested_graphs(node).items():
            if nested.captured:
                raise GraphError(f"the nested graph {name!r} of {node.primitive.name} is not closed")
            check(nested)
    for node in graph.outputs:
        if isinstance(node.type, tuple):
            raise GraphError(f"an output is what {node.primitive.name} gives, several arrays", fix="take one with item")


def _check_node(node: Node, inputs: set[Node]) -> None:
    name = node.primitive.name
    if registry.get(name) is not node.primitive:
        raise GraphError(f"{name} is not a registered primitive")
    if node.primitive is input_primitive:
        if node not in inputs:
            raise GraphError(
                f"an input of type {node.type} is used but not listed", fix="pass it as an input of the graph"
            )
        return
    check_type(node, type_of(node.primitive, node.inputs, node.params))


def check_type(node: Node, given: Types) -> None:
    """Raise `GraphError` unless a node has the type that its primitive gives."""
    if given != node.type:
        raise GraphError(f"{node.primitive.name} is marked {_shown(node.type)} but gives {_shown(given)}")


def type_of(primitive: Primitive, inputs: Sequence[Node], params: Mapping[str, Any]) -> Types:
    """What a primitive gives for these inputs and parameters; raises `GraphError` where it cannot take them."""
    try:
        if primitive is constant_primitive:
            _check_constant(**params)
        _check_settings(primitive, params)
        given: Types = primitive.shape(*[child.type for child in inputs], **params)  # type: ignore[arg-type]  (several arrays where one belongs are refused by the shape)
        legal = all(map(_is_legal, given if isinstance(given, tuple) else (given,)))
        for name in params.keys() & {"axis", "axes"}:
            _check_axes(params[name], [child.type for child in inputs[:1]] + [given])
    except Exception as error:  # a shape that is given what nobody meant for it may fail in any way
        raise GraphError(f"{primitive.name} cannot take what it is given: {error}") from error
    if not legal:
        raise GraphError(f"{primitive.name} cannot take what it is given: it would give what is no type of an array")
    return given


def _is_legal(array_type: Any) -> bool:
    """Whether it is the type of an array; a primitive may have put anything into it that it was given."""
    if not isinstance(array_type, ArrayType) or not isinstance(cast("Any", array_type.dtype), np.dtype):
        return False
    return array_type.dtype.name in type_names and all(map(_is_count, array_type.shape))


def _is_whole(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


def _is_count(given: Any) -> bool:
    return _is_whole(given) and given >= 0


# What a setting may be, by the annotation of the primitive's shape.
kinds: dict[str, Callable[[Any], bool]] = {
    "bool": lambda given: isinstance(given, bool),
    "int": _is_count,
    "int | None": lambda given: given is None or _is_count(given),
    "str": lambda given: isinstance(given, str),
    "Graph": lambda given: isinstance(given, Graph),
    "Shape": lambda given: isinstance(given, tuple) and all(map(_is_whole, cast("tuple[Any, ...]", given))),
    "tuple[int, ...]": lambda given: isinstance(given, tuple) and all(map(_is_count, cast("tuple[Any, ...]", given))),
    "tuple[Graph, ...]": lambda given: (
        isinstance(given, tuple) and all(isinstance(each, Graph) for each in cast("tuple[Any, ...]", given))
    ),
}


@cache
def _annotations(primitive: Primitive) -> dict[str, str]:
    return {name: str(given.annotation) for name, given in signature(primitive.shape).parameters.items()}


def _check_settings(primitive: Primitive, params: Mapping[str, Any]) -> None:
    """Raise `GraphError` unless every setting is of the kind that the primitive's shape says it takes."""
    for name, kind in _annotations(primitive).items():
        if name in params and kind in kinds and not kinds[kind](params[name]):
            raise GraphError(f"{name}={params[name]!r} is no {kind}")


def _check_axes(axes: int | tuple[int, ...], types: Sequence[Types]) -> None:
    """Raise `GraphError` unless a setting called axis or axes counts axes of the first operand or of the result."""
    counted = axes if isinstance(axes, tuple) else (axes,)
    most = max(t.ndim for t in types if isinstance(t, ArrayType))
    if len(set(counted)) != len(counted) or max(counted, default=-1) >= most:
        raise GraphError(f"{axes} are not axes of an array that has {most}, each once")


def _check_constant(value: Any, dtype: np.dtype[Any]) -> None:
    """Raise `GraphError` unless every number of a constant is one that its dtype holds."""
    for number in _numbers(value):
        if kind_of(dtype) == "f":
            fits = type(number) in (int, float) and not float(float_limits(dtype).max) < abs(number) < inf
        elif kind_of(dtype) == "b":
            fits = type(number) is bool
        else:
            fits = type(number) is int and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max
        if not fits:
            raise GraphError(f"{number!r} is no number of {short_name(dtype)}")


def _numbers(value: Any) -> list[Any]:
    if not isinstance(value, tuple):
        return [value]
    return [number for part in cast("tuple[Any, ...]", value) for number in _numbers(part)]


def _shown(types: Types) -> str:
    return f"({', '.join(map(str, types))})" if isinstance(types, tuple) else str(types)
