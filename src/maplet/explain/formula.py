"""A formula as a small tree, which the printers in `print_…` write as LaTeX, plain text or MathML.

========== ====================== ===============================================
part       example                meaning
========== ====================== ===============================================
Name       ``x``, ``hidden.bias`` a variable
Number     ``0.5``                a number
Sign       ``+``, ``·``, ``=``    an operator, a relation, a comma
Function   ``sin``, ``Σ``         what is applied to what follows it
Words      ``else``               text inside of a formula
Places     ``i,2·j+k``            where an element stands
Row        ``a + b``              parts side by side
Group      ``(a + b)``, ``|a|``   parts between fences
Call       ``σ(x)``               a function with its arguments in parentheses
Fraction   ``a/b``                a quotient
Root       ``√a``                 a square root
Script     ``x²``, ``W^⊤``        a base with something below or above
Partial    ``∂loss/∂w``           a derivative by its names
Cases      ``{a if p, b else``    a choice
Table      ``[[1, 2], [3, 4]]``   a matrix
Hole       ``{0}``                the place of an operand, in the notation of an operation
========== ====================== ===============================================

`fill` puts operands into holes and parentheses around those that bind less than the place asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

# How tightly a formula holds together; an operand that holds less than its place asks for gets parentheses.
loose, relation, added, multiplied, joined, applied, raised, whole = range(8)

additive, relations = {"+", "−"}, {"=", "≠", "<", "≤", ">", "≥", "≈"}


@dataclass(frozen=True)
class Formula:
    """A formula, or a part of one."""

    @property
    def binding(self) -> int:
        """How tightly it holds together."""
        return whole


@dataclass(frozen=True)
class Name(Formula):
    """A variable."""

    text: str


@dataclass(frozen=True)
class Number(Formula):
    """A number as it is to be read; a negative one is no factor without parentheses."""

    text: str

    @property
    def binding(self) -> int:
        """That of a difference, of what begins with a minus."""
        return added if self.text.startswith(("-", "−")) else whole


@dataclass(frozen=True)
class Sign(Formula):
    """An operator, a relation, or a comma."""

    text: str


@dataclass(frozen=True)
class Function(Formula):
    """A name of a function, which takes what follows."""

    text: str


@dataclass(frozen=True)
class Words(Formula):
    """Text inside of a formula."""

    text: str


@dataclass(frozen=True)
class Places(Formula):
    """Where an element stands, or over which places a sum goes."""

    text: str


@dataclass(frozen=True)
class Row(Formula):
    """Parts side by side."""

    parts: tuple[Formula, ...]

    @property
    def binding(self) -> int:
        """That of its loosest sign."""
        signs = {part.text for part in self.parts if isinstance(part, Sign)}
        if len(self.parts) == 1:
            return self.parts[0].binding
        if signs & {","}:
            return loose
        if signs & relations:
            return relation
        if signs & additive or _is_large(self.parts[0]):
            return added
        if signs:
            return multiplied
        return applied if isinstance(_base(self.parts[0]), Function) else joined


@dataclass(frozen=True)
class Group(Formula):
    """A formula between fences."""

    left: str
    body: Formula
    right: str


@dataclass(frozen=True)
class Call(Formula):
    """A function with its arguments in parentheses."""

    function: Formula
    arguments: Group


@dataclass(frozen=True)
class Fraction(Formula):
    """A quotient."""

    over: Formula
    under: Formula

    @property
    def binding(self) -> int:
        """That of a product."""
        return multiplied


@dataclass(frozen=True)
class Root(Formula):
    """A square root."""

    body: Formula


@dataclass(frozen=True)
class Script(Formula):
    """A base with something below it, above it, or both."""

    base: Formula
    below: Formula | None = None
    above: Formula | None = None

    @property
    def binding(self) -> int:
        """That of a power, where something stands above."""
        return whole if self.above is None else raised


@dataclass(frozen=True)
class Partial(Formula):
    """∂of/∂by."""

    of: Formula
    by: Formula


@dataclass(frozen=True)
class Cases(Formula):
    """A choice: rows of (formula, condition)."""

    rows: tuple[tuple[Formula, Formula], ...]


@dataclass(frozen=True)
class Table(Formula):
    """A matrix of numbers."""

    rows: tuple[tuple[Formula, ...], ...]


@dataclass(frozen=True)
class Hole(Formula):
    """The place of operand number ``operand``."""

    operand: int


def row(*parts: Formula | str) -> Row:
    """Parts side by side; text is a sign.

    Examples
    --------
    >>> row(Name("a"), "+", Name("b")).binding == added
    True
    """
    return Row(tuple([Sign(part) if isinstance(part, str) else part for part in parts]))


def equation(*sides: Formula) -> Formula:
    """``a = b = c``; sides that say the same as the one before are left out."""
    parts: list[Formula] = []
    for side in sides:
        if not parts:
            parts.append(side)
        elif side != parts[-1]:
            parts += [Sign("="), side]
    return Row(tuple(parts))


def fill(notation: Formula, operands: Sequence[Formula]) -> Formula:
    """A notation with its operands in the place of its holes, in parentheses where these are needed.

    Examples
    --------
    >>> from maplet.explain.print_text import text
    >>> text(fill(row(Hole(0), "·", Hole(1)), [row(Name("a"), "+", Name("b")), Name("c")]))
    '(a + b)·c'
    """
    return _filled(notation, operands)


@singledispatch
def _filled(part: Formula, operands: Sequence[Formula]) -> Formula:  # noqa: ARG001  (most parts hold no operand)
    return part


@_filled.register
def _(part: Hole, operands: Sequence[Formula]) -> Formula:
    return operands[part.operand] if part.operand < len(operands) else Name("…")


@_filled.register
def _(part: Row, operands: Sequence[Formula]) -> Formula:
    parts: list[Formula] = []
    for n, inner in enumerate(part.parts):
        found = _within(inner, operands, _need(part.parts, n))
        after_plus = n > 0 and part.parts[n - 1] == Sign("+") and isinstance(inner, Hole)
        parts.append(Group("(", found, ")") if after_plus and _begins_with_minus(found) else found)
    return Row(tuple(parts))


@_filled.register
def _(part: Group | Root, operands: Sequence[Formula]) -> Formula:
    return replace(part, body=_filled(part.body, operands))


@_filled.register
def _(part: Call, operands: Sequence[Formula]) -> Formula:
    return Call(_within(part.function, operands, whole), Group("(", _filled(part.arguments.body, operands), ")"))


@_filled.register
def _(part: Fraction, operands: Sequence[Formula]) -> Formula:
    return Fraction(_filled(part.over, operands), _filled(part.under, operands))


@_filled.register
def _(part: Script, operands: Sequence[Formula]) -> Formula:
    below, above = (None if one is None else _filled(one, operands) for one in (part.below, part.above))
    return Script(_within(part.base, operands, whole), below, above)


@_filled.register
def _(part: Cases, operands: Sequence[Formula]) -> Formula:
    rows = [(_filled(value, operands), _filled(when, operands)) for value, when in part.rows]
    value, when = rows[-1]
    if isinstance(value, Cases) and isinstance(when, Words):  # a choice in the last branch goes on with this one
        rows[-1:] = value.rows
    return Cases(tuple(rows))


def _within(part: Formula, operands: Sequence[Formula], need: int) -> Formula:
    """A part with its operands; one that is a hole itself in parentheses, where its place asks for them."""
    found = _filled(part, operands)
    return fenced(found, need) if isinstance(part, Hole) else found


def _begins_with_minus(formula: Formula) -> bool:
    if isinstance(formula, Row):
        return bool(formula.parts) and _begins_with_minus(formula.parts[0])
    return formula == Sign("−") or (isinstance(formula, Number) and formula.text.startswith(("-", "−")))


def fenced(formula: Formula, need: int) -> Formula:
    """A formula in parentheses, if it holds together less tightly than is needed."""
    return formula if formula.binding >= need else Group("(", formula, ")")


def _need(parts: Sequence[Formula], at: int) -> int:
    """How tightly an operand must hold together between its neighbours in a row."""
    before, after = (parts[at - 1] if at else None), (parts[at + 1] if at + 1 < len(parts) else None)
    if before is None and after is None:
        return loose
    left = loose if before is None else joined  # Xᵀ (p ⊙ δ): side by side, as matrices are multiplied
    if isinstance(before, Sign):
        left = {"+": added, "−": multiplied, ",": loose, "/": applied}.get(before.text, multiplied)
        left = added if before.text in relations else left
    elif before is not None and isinstance(_base(before), Function):
        left = multiplied if _is_large(before) else raised
    right = loose if after is None else joined
    if isinstance(after, Sign):
        right = {"+": added, "−": added, ",": loose}.get(after.text, added if after.text in relations else multiplied)
    return max(left, right)


def _base(part: Formula) -> Formula:
    while isinstance(part, Script):
        part = part.base
    return part


def _is_large(part: Formula) -> bool:
    """Whether it is a Σ or Π, which reaches over a whole product."""
    base = _base(part)
    return isinstance(base, Function) and base.text in ("Σ", "Π")
