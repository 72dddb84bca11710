"""Which sums are products of matrices, or look-ups turned round: read off the index notation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from maplet.core import index_notation as notation


@dataclass(frozen=True)
class Aimed:
    """A sum over positions of what is aimed at one place of an axis; or, into what is there, the last that is."""

    chain: list[notation.Reduce]
    axis: notation.Index
    at: notation.Expression
    body: notation.Expression
    into: int | None = None
    """The operand that it stands in the place of."""


def aimed_at(expression: notation.Expression) -> Aimed | None:
    """Recognise ``⊕_p where(at(p) = i, x(p), nothing)``, and x(last p) where there is one, else what is there."""
    match expression:
        case notation.Call(
            function="where",
            arguments=(
                notation.Call(function="greater_equal", arguments=(notation.Reduce(combiner="max") as last, _)),
                notation.Read(operand=operand, at=places),
                notation.Read(operand=into),
            ),
        ):
            aimed = aimed_at(last)
            if aimed is not None:
                body = notation.Read(operand, tuple(last.index if place == last else place for place in places))
                return replace(aimed, body=body, into=into)
        case _:
            pass
    if isinstance(expression, notation.Call) and expression.function == "maximum":
        expression = expression.arguments[0]
    chain: list[notation.Reduce] = []
    while isinstance(expression, notation.Reduce):
        chain.append(expression)
        expression = expression.body
    match expression:
        case notation.Call(
            function="where",
            arguments=(
                notation.Call(function="equal", arguments=(at, notation.Index() as axis)),
                body,
                notation.Literal(),
            ),
        ) if chain and axis not in [reduce.index for reduce in chain]:
            return Aimed(chain, axis, at, body)
        case _:
            return None


def contains_reduce(expression: notation.Expression) -> bool:
    """Whether there is a sum (or another combination over an axis) in an expression."""
    match expression:
        case notation.Reduce() | notation.Running():
            return True
        case notation.Call(arguments=arguments):
            return any(map(contains_reduce, arguments))
        case notation.Cast(value=value):
            return contains_reduce(value)
        case _:
            return False


def is_product(expression: notation.Expression) -> bool:
    """Whether it is a sum of products of two operands."""
    if not isinstance(expression, notation.Reduce) or expression.combiner != "sum":
        return False
    while isinstance(expression, notation.Reduce) and expression.combiner == "sum":
        expression = expression.body
    match expression:
        case notation.Call(function="multiply", arguments=(notation.Read(), notation.Read())):
            return True
        case _:
            return False
