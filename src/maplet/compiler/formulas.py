"""Elements as text, in index notation: ``exp(x[i,k] - m[i])``.

What a nest uses several times, or would be too long to read, gets a name and a line of its own:
``v0[i,k] = …``, with the indices that it depends on.
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from maplet.compiler.elements import (
    Axis,
    Convert,
    Element,
    Fetch,
    Function,
    Linear,
    Number,
    Place,
    Running,
    Total,
    parts,
    within,
)
from maplet.compiler.work import axes_of
from maplet.core.types import dtypes_by_short_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.graph import Node

letters = "ijklmnopqrs"
longest = 72  # characters of a formula

# How tightly signs bind; what is not among them is written as a call.
signs = {
    "logical_or": (1, "or"), "logical_and": (2, "and"),
    "equal": (4, "=="), "not_equal": (4, "!="), "less": (4, "<"), "less_equal": (4, "<="),
    "greater": (4, ">"), "greater_equal": (4, ">="),
    "add": (5, "+"), "subtract": (5, "-"),
    "multiply": (6, "*"), "divide": (6, "/"), "floor_divide": (6, "//"), "remainder": (6, "%"),
}  # fmt: skip
before = {"logical_not": (3, "not "), "negative": (7, "-")}
alone = 9


class Formulas:
    """The text of the elements of one nest.

    Parameters
    ----------
    name
        What the array is called that holds a node.
    axes
        Those of the nest, in order.
    roots
        All elements that will be asked for.
    """

    def __init__(self, name: Callable[[Node], str], axes: Sequence[Axis], roots: Sequence[Element]) -> None:
        self.name = name
        self.depends = axes_of(list(roots))
        self.letters: dict[Axis, str] = {}
        found = list(within(list(roots)))
        for axis in (*axes, *(element.axis for element in found if isinstance(element, Total))):
            if axis not in self.letters:
                number = len(self.letters)
                self.letters[axis] = letters[number] if number < len(letters) else f"i{number}"
        self.uses = Counter([*roots, *(part for element in found for part in parts(element))])
        forms = [element.at for element in found if isinstance(element, Fetch | Place)]
        self.aims = {atom for form in forms for atom in form.terms if isinstance(atom, Element)}
        self.known: dict[Element, tuple[str, int]] = {}  # text, and how tightly its outermost sign binds
        self.numbers = count()
        self.lines: list[str] = []

    def take_lines(self) -> list[str]:
        """The lines of the names that texts since the last call use."""
        lines, self.lines = self.lines, []
        return lines

    def text(self, root: Element) -> str:
        """An element as a formula."""
        waiting = [root]
        while waiting:
            element = waiting[-1]
            below = [part for part in parts(element) if part not in self.known]
            if below:
                waiting += reversed(below)
                continue
            waiting.pop()
            if element not in self.known:
                self.known[element] = self._form(element)
                if (element is not root or element in self.aims) and self._needs_name(element):
                    self._state(element)
        return self.known[root][0]

    def call(self, element: Element, name: str) -> None:
        """From now on an element is called by the array that it is stored in."""
        self.known[element] = name, alone

    def place(self, axes: Sequence[Axis]) -> str:
        """``i,0,j``: where a nest stands."""
        return ",".join(self.letters[axis] if axis.extent != 1 else "0" for axis in axes)

    def _needs_name(self, element: Element) -> bool:
        shown = self.known[element][0]
        if " " not in shown and "(" not in shown:
            return False
        if len(shown) > longest or (element in self.aims and not _is_of_places(element)):
            return True
        return self.uses[element] > 1 and not _is_of_places(element)

    def _state(self, element: Element) -> None:
        axes = [letter for axis, letter in self.letters.items() if axis in self.depends[element]]
        name = indexed(f"v{next(self.numbers)}", ",".join(axes))
        self.lines.append(f"{name} = {self.known[element][0]}")
        self.known[element] = name, alone

    # ── one element ──────────────────────────────────────────────────────────────────────────────

    def _form(self, element: Element) -> tuple[str, int]:  # noqa: PLR0911  (one for each kind of element)
        match element:
            case Number(dtype=dtype, value=value):
                return str(dtypes_by_short_name[dtype].type(value)), alone if value >= 0 or value != value else 7  # noqa: PLR0124  (NaN)
            case Place(at=at):
                return self.linear(at)
            case Fetch(source=source, at=at, guard=guard):
                shown = indexed(self.name(source), self._index(element, at))
                return (shown if guard is None else f"({shown} if {self._inner(guard, 0)})"), alone
            case Function(name=name, arguments=arguments):
                return self._function(name, arguments)
            case Convert(dtype=dtype, value=value):
                return f"{dtype}({self._inner(value, 0)})", alone
            case Total(combiner=combiner, axis=axis, body=body):
                return f"{combiner}({self.letters[axis]}<{axis.extent}: {self._inner(body, 0)})", alone
            case Running(combiner=combiner, axis=axis, body=body, factor=factor):
                before = f", each time times {self._inner(factor, 0)}" if factor is not None else ""
                return f"running {combiner}({self.letters.get(axis, '0')}: {self._inner(body, 0)}{before})", alone
            case _:
                raise TypeError(f"no text for {element}")

    def _function(self, name: str, arguments: tuple[Element, ...]) -> tuple[str, int]:
        if name in signs and len(arguments) == 2:
            level, sign = signs[name]
            first, second = self._inner(arguments[0], level), self._inner(arguments[1], level + 1)
            return f"{first} {sign} {second}", level
        if name in before:
            level, sign = before[name]
            return f"{sign}{self._inner(arguments[0], level)}", level
        return f"{name}({', '.join(self._inner(argument, 0) for argument in arguments)})", alone

    def _inner(self, element: Element, level: int) -> str:
        shown, own = self.known[element]
        return shown if own >= level else f"({shown})"

    # ── positions ────────────────────────────────────────────────────────────────────────────────

    def linear(self, form: Linear) -> tuple[str, int]:
        """A position as text: ``2*i + j - 1``."""
        signed: list[tuple[bool, str]] = []
        for atom, factor in form.terms.items():
            shown = self.letters[atom] if isinstance(atom, Axis) else self._inner(atom, 7 if abs(factor) != 1 else 6)
            signed.append((factor < 0, shown if abs(factor) == 1 else f"{abs(factor)}*{shown}"))
        if form.constant or not signed:
            signed.append((form.constant < 0, str(abs(form.constant))))
        (negative, first), *rest = signed
        whole = f"{'-' if negative else ''}{first}" + "".join(f" {'-' if n else '+'} {shown}" for n, shown in rest)
        return whole, alone if len(signed) == 1 and not negative and "*" not in whole else 5

    def _index(self, fetch: Fetch, form: Linear) -> str:
        shape = fetch.source.array_type.shape
        places = along_axes(form, shape, loose=fetch.guard is not None)
        if places is None:
            return f"flat {self.linear(form)[0]}"
        return ",".join(self.linear(place)[0].replace(" ", "") for place in places)


def _is_of_places(element: Element) -> bool:
    """Whether it is a number, or short arithmetic on positions."""
    match element:
        case Number():
            return True
        case Place(at=at):
            return all(isinstance(atom, Axis) for atom in at.terms)
        case Function(arguments=arguments):
            return element.dtype == "i64" and all(map(_is_of_places, arguments))
        case _:
            return False


def indexed(name: str, index: str) -> str:
    """``x[i,j]``; of the row ``x[t]`` of an array ``x[t,i]``."""
    if not index:
        return name
    return f"{name[:-1]},{index}]" if name.endswith("]") else f"{name}[{index}]"


def along_axes(form: Linear, shape: tuple[int, ...], *, loose: bool) -> list[Linear] | None:
    """A position in row-major order as one position along each axis; None where it does not part so.

    ``loose``: it may lie outside, for it is guarded.
    """
    for nearest in (False, True):
        places = _parted(form, shape, nearest=nearest)
        inside = all(_fits(place, length) for place, length in zip(places, shape, strict=True))
        if inside or (loose and nearest):
            return places
    return None


def _parted(form: Linear, shape: tuple[int, ...], *, nearest: bool) -> list[Linear]:
    places: list[Linear] = []
    terms, constant = dict(form.terms), form.constant
    stride = 1
    strides: list[int] = []
    for length in reversed(shape):
        strides.insert(0, stride)
        stride *= length
    for step, length in zip(strides, shape, strict=True):
        if length == 1:
            places.append(Linear())
            continue
        part = {atom: _quotient(factor, step, nearest=True) for atom, factor in terms.items()}
        offset = _quotient(constant, step, nearest=nearest)
        terms = {atom: factor - part[atom] * step for atom, factor in terms.items()}
        constant -= offset * step
        places.append(Linear(offset, part))
    return places


def _quotient(number: int, step: int, *, nearest: bool) -> int:
    """How often a step goes into a number: rounded down, or towards the nearest where that is meant."""
    if step == 0:
        return 0
    if nearest and number < 0:
        return -((-number + step // 2) // step)
    return number // step


def _fits(place: Linear, length: int) -> bool:
    low, high = place.bounds()
    return (low >= 0 or low == -float("inf")) and (high < length or high == float("inf"))
