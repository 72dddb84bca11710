"""What kind of operation it is: elementwise, a movement, cheap. There is no list of them; it is read off `access`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.index_notation import Access, Call, Cast, Expression, Index, Literal, Read, Reduce, Running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.core.primitive import Primitive
    from maplet.core.types import ArrayType

# Scalar functions that cost no more than reading a stored result would.
cheap_functions = {
    "add", "subtract", "multiply", "negative", "square", "abs", "sign", "where", "maximum", "minimum", "equal",
    "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not",
    "floor_divide", "remainder",
}  # fmt: skip

# Scalar functions whose result is a truth value, whatever they are given.
answers = {
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isnan", "isinf", "isfinite", "signbit",
}  # fmt: skip


def gives_bool(function: str) -> bool:
    """Whether the result of a scalar function is a truth value."""
    return function in answers or function.startswith("logical")


def access_of(primitive: Primitive, types: Sequence[ArrayType], params: Mapping[str, Any]) -> Access | None:
    """What an operation computes in index notation for inputs of these types; None for one of the host."""
    return None if primitive.access is None else primitive.access(*types, **params)


def access_at(node: Node) -> Access | None:
    """What a node computes in index notation; None for an operation of the host, or one that gives several arrays."""
    types = [child.type for child in node.inputs]
    if isinstance(node.type, tuple) or any(isinstance(t, tuple) for t in types):
        return None
    return access_of(node.primitive, types, node.params)  # type: ignore[arg-type]  (none of them is a tuple)


def only_moves(expression: Expression) -> bool:
    """Whether each element of the result is an element of an operand, or a number that stands in the program."""
    if isinstance(expression, Call) and expression.function == "where":
        return all(only_moves(branch) for branch in expression.arguments[1:])
    return isinstance(expression, Read | Literal | Index)


def is_choice(access: Access) -> bool:
    """Whether one operand says, place by place, which of the others an element is taken from."""
    value = access.value
    return isinstance(value, Call) and value.function == "where" and is_elementwise(access)


def is_elementwise(access: Access) -> bool:
    """Whether each element of the result comes of one element of each operand, after broadcasting."""

    def holds(expression: Expression) -> bool:
        if isinstance(expression, Call):
            return all(map(holds, expression.arguments))
        if isinstance(expression, Cast):
            return holds(expression.value)
        if isinstance(expression, Read):
            if len(expression.at) > len(access.axes):
                return False
            aligned = access.axes[len(access.axes) - len(expression.at) :]
            return all(i in (axis, Literal(0)) for i, axis in zip(expression.at, aligned, strict=True))
        return isinstance(expression, Literal)

    return holds(access.value)


def is_cheap(expression: Expression) -> bool:
    """Whether it only moves elements, or does simple arithmetic on one of each operand per result."""
    if isinstance(expression, Call):
        return expression.function in cheap_functions and all(map(is_cheap, expression.arguments))
    if isinstance(expression, Cast):
        return is_cheap(expression.value)
    if isinstance(expression, Read):
        return not any(map(_looks_up, expression.at))
    return not isinstance(expression, Reduce | Running)


def _looks_up(position: Expression) -> bool:
    """Whether a position is itself read from an array."""
    if isinstance(position, Call):
        return any(map(_looks_up, position.arguments))
    return _looks_up(position.value) if isinstance(position, Cast) else isinstance(position, Read)
