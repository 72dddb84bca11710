"""What one element of a result is: index notation with dtypes, composed through the operations that are not stored.

``out[i,j] = exp(x[i,j] − m[i])`` becomes a small tree of elements over what lies in memory. Positions are linear forms
``c + Σ aₙ·vₙ`` over the axes of a nest and over atoms, which are numbers that are no linear form: ⌊i/3⌋, or an index
that was looked up. So a transposed slice of a reshaped array is read where it lies, and nothing is moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from maplet.core.graph import Node


@dataclass(frozen=True, eq=False, slots=True)
class Axis:
    """A position that a nest goes through: of the result, or of a sum."""

    extent: int


@dataclass(frozen=True, eq=False, slots=True)
class Element:
    """A number; ``dtype`` is a short name."""

    dtype: str


@dataclass(frozen=True, eq=False, slots=True)
class Number(Element):
    """A number that stands in the program."""

    value: float


@dataclass(frozen=True, eq=False, slots=True)
class Place(Element):
    """A position as a number (``i64``)."""

    at: Linear


@dataclass(frozen=True, eq=False, slots=True)
class Fetch(Element):
    """The element of a stored array at a position, counted in row-major order; 0 where the guard does not hold."""

    source: Node
    at: Linear
    guard: Element | None


@dataclass(frozen=True, eq=False, slots=True)
class Function(Element):
    """A scalar function of elements."""

    name: str
    arguments: tuple[Element, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Convert(Element):
    """The same number in another dtype."""

    value: Element


@dataclass(frozen=True, eq=False, slots=True)
class Total(Element):
    """The body for every position of an axis, put together; ``in_lanes`` says in which order (see `part_of`).

    It begins with ``start``, if that is given: a sum that goes on.
    """

    combiner: str
    axis: Axis
    body: Element
    in_lanes: bool
    start: Element | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Running(Element):
    """The body for every place along an axis up to its own, put together; before each, multiplied by the factor."""

    combiner: str
    axis: Axis
    body: Element
    factor: Element | None


long, most_parts = 512, 16  # positions from which on a sum is taken in parts, and how many


def part_of(extent: int) -> int:
    """How many positions of a sum that does not go in lanes are taken one after another.

    A long one is taken in parts of so many, the last of which may be shorter, and the parts then one after another:
    several threads can work on it, and the error grows more slowly. Nothing but the extent decides.
    """
    return ceil(extent / most_parts) if extent >= long else max(extent, 1)


Atom = Axis | Element
Key = tuple[int, frozenset[tuple[int, int]]]


class Linear:
    """A position: a constant and a factor for each axis or atom."""

    __slots__ = ("constant", "key", "terms")

    def __init__(self, constant: int = 0, terms: Mapping[Atom, int] | None = None) -> None:
        self.constant = constant
        self.terms: dict[Atom, int] = {atom: factor for atom, factor in (terms or {}).items() if factor}
        self.key: Key = (constant, frozenset((id(atom), factor) for atom, factor in self.terms.items()))

    def __add__(self, other: Linear) -> Linear:
        terms = dict(self.terms)
        for atom, factor in other.terms.items():
            terms[atom] = terms.get(atom, 0) + factor
        return Linear(self.constant + other.constant, terms)

    def scaled(self, factor: int) -> Linear:
        """The form times a number."""
        return Linear(self.constant * factor, {atom: f * factor for atom, f in self.terms.items()})

    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number that it can be."""
        low = high = float(self.constant)
        for atom, factor in self.terms.items():
            first, last = (0.0, float(atom.extent - 1)) if isinstance(atom, Axis) else _atom_bounds(atom)
            low += min(factor * first, factor * last)
            high += max(factor * first, factor * last)
        return low, high

    def is_affine(self) -> bool:
        """Whether it is a form over axes alone."""
        return all(isinstance(atom, Axis) for atom in self.terms)


infinite = float("inf")


def _atom_bounds(atom: Element) -> tuple[float, float]:
    match atom:
        case Function(name="floor_divide", arguments=(Place(at=at), Number(value=divisor))):
            low, high = at.bounds()
            return (low // divisor if low > -infinite else low), (high // divisor if high < infinite else high)
        case Function(name="where", arguments=(outside, Number(value=0), Place() as place)):
            return 0.0, _length_around(outside, place) - 1
        case Function(name="where", arguments=(_, Number(value=0), Function() as inside)):
            low, high = _atom_bounds(inside)
            return min(low, 0.0), max(high, 0.0)
        case _:
            return -infinite, infinite


def _length_around(outside: Element, place: Place) -> float:
    """How long an axis is, if an element says that a position lies outside of it."""
    match outside:
        case Function(
            name="logical_or",
            arguments=(
                Function(name="less", arguments=(first, Number(value=0))),
                Function(name="greater_equal", arguments=(second, Number(value=length))),
            ),
        ) if first is second is place:
            return length
        case _:
            return infinite


def parts(element: Element) -> tuple[Element, ...]:
    """The elements that an element is made of, atoms of its positions included."""
    match element:
        case Place(at=at):
            return tuple(atom for atom in at.terms if isinstance(atom, Element))
        case Fetch(at=at, guard=guard):
            atoms = tuple(atom for atom in at.terms if isinstance(atom, Element))
            return atoms if guard is None else (*atoms, guard)
        case Function(arguments=arguments):
            return arguments
        case Convert(value=value):
            return (value,)
        case Total(body=body, start=other) | Running(body=body, factor=other):
            return (body,) if other is None else (body, other)
        case _:
            return ()


def within(roots: list[Element]) -> Iterator[Element]:
    """Every element below some others, each once, those that are used after those that use them."""
    seen: set[int] = set()
    stack = list(reversed(roots))
    while stack:
        element = stack.pop()
        if id(element) not in seen:
            seen.add(id(element))
            yield element
            stack.extend(reversed(parts(element)))
