"""The composition of mappings: what an element of a node is, in terms of the arrays that lie in memory."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from maplet.compiler.elements import (
    Axis,
    Element,
    Fetch,
    Function,
    Linear,
    Number,
    Place,
)
from maplet.compiler.reading import Reading, lanes_of
from maplet.core.graph import constant_primitive
from maplet.core.kinds import access_at
from maplet.core.types import short_name
from maplet.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maplet.core import index_notation as notation
    from maplet.core.graph import Node


class Evaluator:
    """Composes elements over the axes of one nest.

    Parameters
    ----------
    stored
        Whether a node lies in memory (or stands in this nest already).
    here
        The nodes that this nest computes, and what their element at its axes is.
    """

    def __init__(self, stored: Any, here: Mapping[Node, tuple[Element, tuple[Linear, ...]]]) -> None:
        self.stored = stored
        self.here = here
        self.memo: dict[Any, Element] = {}
        self.checks: list[tuple[Element, Node]] = []  # conditions under which a node reads outside an array

    def element(self, node: Node, at: tuple[Linear, ...], guard: Element | None = None) -> Element:
        """The element of a node at a position."""
        key = (node, tuple([form.key for form in at]), id(guard))
        if key not in self.memo:
            self.memo[key] = self._element(node, at, guard)
        return self.memo[key]

    def _element(self, node: Node, at: tuple[Linear, ...], guard: Element | None) -> Element:
        dtype = short_name(node.array_type.dtype)
        if node in self.here:
            element, place = self.here[node]
            if [form.key for form in at] == [form.key for form in place]:
                return element
            raise NotHereError
        if self.stored(node):
            return self.intern(Fetch, dtype, node, self.flat(at, node.array_type.shape), guard)
        if node.primitive is constant_primitive:
            return self.number(dtype, node.params["value"])
        return self.compute(node, at, guard)

    def compute(self, node: Node, at: tuple[Linear, ...], guard: Element | None = None) -> Element:
        """The element by the node's own index notation, whether it is stored or not."""
        access = access_of(node)
        environment = {axis.name: form for axis, form in zip(access.axes, at, strict=True)}
        reading = Reading(self, node, guard, lanes_of(access, node))
        return reading.value(access.value, environment, short_name(node.array_type.dtype))

    def intern(self, kind: type, dtype: str, *fields: Any) -> Any:
        """One object for equal elements."""
        keys = (field.key if isinstance(field, Linear) else _key(field) for field in fields)
        key = (kind, dtype, *keys)
        if key not in self.memo:
            self.memo[key] = kind(dtype, *fields)
        return self.memo[key]

    def number(self, dtype: str, value: Any) -> Element:
        """A number that stands in the program."""
        return self.intern(Number, dtype, value)

    def function(self, dtype: str, name: str, *arguments: Element) -> Element:
        """A scalar function; truth values that are known are worked out."""
        match name, arguments:
            case "where", (Number(value=truth), yes, no):
                return yes if truth else no
            case "logical_and", (Number(value=truth), other) | (other, Number(value=truth)):
                return other if truth else self.number("bool", value=False)
            case "logical_not", (Number(value=truth),):
                return self.number("bool", not truth)
            case "less_equal", (
                Function(
                    name="where",
                    arguments=(
                        Function(name="less_equal", arguments=(asked, Number(value=0))) as condition,
                        Number(value=0),
                        z,
                    ),
                ),
                Number(value=0),
            ) if asked is z:  # r ≤ 0 with r = where(z ≤ 0, 0, z), which `conditions` asks
                return condition
            case _:
                return self.intern(Function, dtype, name, arguments)

    def place(self, at: Linear) -> Element:
        """A position as a number."""
        return self.intern(Place, "i64", at) if at.terms else self.number("i64", at.constant)

    def flat(self, at: tuple[Linear, ...], shape: tuple[int, ...]) -> Linear:
        """A position in an array of some shape, counted in row-major order."""
        total = Linear()
        for n, form in enumerate(at):
            if shape[n] != 1:
                total += form.scaled(prod(shape[n + 1 :]))
        return total

    def floor_divide(self, form: Linear, divisor: int) -> Linear:
        """⌊form / divisor⌋: the terms that it divides come out; what is left is often always 0."""
        if divisor == 1:
            return form
        whole = Linear(form.constant // divisor, {a: f // divisor for a, f in form.terms.items() if f % divisor == 0})
        rest = Linear(form.constant % divisor, {a: f for a, f in form.terms.items() if f % divisor})
        low, high = rest.bounds()
        if low >= 0 and high < divisor:
            return whole
        nested = rest.terms
        if len(nested) == 1 and rest.constant == 0:  # ⌊⌊x/a⌋/b⌋ = ⌊x/(ab)⌋
            ((atom, factor),) = nested.items()
            match atom:
                case Function(name="floor_divide", arguments=(Place(at=inner), Number(value=first))) if factor == 1:
                    return whole + self.floor_divide(inner, int(first) * divisor)
                case _:
                    pass
        quotient = self.function("i64", "floor_divide", self.place(rest), self.number("i64", divisor))
        return whole + Linear(0, {quotient: 1})


def access_of(node: Node) -> notation.Access:
    """The index notation of a node that has one."""
    access = access_at(node)
    if access is None:
        raise GraphError(f"{node.primitive.name} has no index notation: it is computed by the host")
    return access


class NotHereError(Exception):
    """An element of a node of this nest is wanted at another position than the nest's own."""


def _key(field: Any) -> Any:
    if isinstance(field, tuple):
        return tuple([id(item) for item in field])  # type: ignore[reportUnknownVariableType]
    if isinstance(field, float):
        return field.hex()  # −0 and 0 are two numbers
    return id(field) if isinstance(field, Element | Axis) else (type(field), field)
