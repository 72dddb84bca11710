r"""The notation of an operation's record, a line of LaTeX with holes, read as a formula.

The records are the only table of how operations are written: ``\frac{{{0}}}{{{1}}}`` for `divide`. What is read is as
much of LaTeX as they use.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from maplet.explain.formula import (
    Call,
    Cases,
    Formula,
    Fraction,
    Function,
    Group,
    Hole,
    Name,
    Number,
    Root,
    Row,
    Script,
    Sign,
    Words,
)

if TYPE_CHECKING:
    from maplet.core.primitive import Primitive

first_hole, most_holes = 0xE000, 16  # private characters stand for the operands while a notation is read
pieces = re.compile(r"\\[A-Za-z]+|\\\\|\\.|\d+(?:\.\d+)?|[^\s]")
signs = {
    r"\cdot": "·", r"\ast": "∗", r"\bmod": "mod", r"\le": "≤", "+": "+", "-": "−", "/": "/", "=": "=", ",": ",",
    "<": "<", ">": ">", "≤": "≤", "≥": "≥", "≠": "≠",
}  # fmt: skip
letters = {r"\sigma": "σ", r"\psi": "ψ", r"\Phi": "Φ", r"\Gamma": "Γ", r"\top": "⊤"}
large = {r"\sum": "Σ", r"\prod": "Π"}
fences = {"(": ")", "[": "]", "|": "|", r"\lfloor": "⌋", r"\lceil": "⌉"}
written = {r"\lfloor": "⌊", r"\lceil": "⌈", r"\rfloor": "⌋", r"\rceil": "⌉"}


def notation_of(primitive: Primitive, count: int) -> Formula:
    """How an operation of so many operands is written; one without a notation as a function of its name."""
    if primitive.notation:
        return parse(primitive.notation)
    holes = [part for n in range(count) for part in (Sign(","), Hole(n))][1:]
    return Call(Function(primitive.name), Group("(", Row(tuple(holes)), ")"))


@cache
def parse(notation: str) -> Formula:
    r"""Read a notation.

    Examples
    --------
    >>> parse(r"\frac{{1}}{{{0}}}")
    Fraction(over=Number(text='1'), under=Hole(operand=0))
    """
    reader = _Reader(notation.format(*[chr(first_hole + n) for n in range(most_holes)]))
    return reader.until(None)


class _Reader:
    """Reads pieces one after another."""

    def __init__(self, text: str) -> None:
        self.pieces = pieces.findall(text)
        self.at = 0

    def take(self) -> str:
        self.at += 1
        return self.pieces[self.at - 1]

    def until(self, *ends: str | None) -> Formula:
        """What stands before one of some pieces (None is the end), which is taken, too."""
        parts: list[Formula] = []
        while self.at < len(self.pieces):
            piece = self.take()
            if piece in ends:
                break
            if piece in ("^", "_"):
                base = parts.pop()
                below, above = (base.below, base.above) if isinstance(base, Script) else (None, None)
                inner = base.base if isinstance(base, Script) else base
                script = self.argument()
                parts.append(Script(inner, below, script) if piece == "^" else Script(inner, script, above))
            elif piece == "(" and parts and isinstance(parts[-1], Name | Function | Script):
                parts.append(Call(parts.pop(), Group("(", self.until(")"), ")")))
            elif (part := self.part(piece)) is not None:
                parts.append(part)
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def argument(self) -> Formula:
        """What follows a command: one piece, or a group in braces."""
        piece = self.take()
        return self.until("}") if piece == "{" else (self.part(piece) or Row(()))

    def part(self, piece: str) -> Formula | None:
        """One part; None for mere space."""
        if first_hole <= ord(piece[0]) < first_hole + most_holes:
            return Hole(ord(piece[0]) - first_hole)
        for table, kind in ((signs, Sign), (letters, Name), (large, Function)):
            if piece in table:
                return kind(table[piece])
        if piece in fences:
            closing = next((t for t, sign in written.items() if sign == fences[piece]), fences[piece])
            return Group(written.get(piece, piece), self.until(closing), fences[piece])
        if piece == "{":
            return self.until("}")
        if piece.startswith("\\"):
            return self.command(piece)
        return Number(piece) if piece[0].isdigit() else Name(piece)

    def command(self, piece: str) -> Formula | None:
        """What a command of LaTeX and its arguments are; other words are functions."""
        if piece == r"\frac":
            return Fraction(self.argument(), self.argument())
        if piece == r"\sqrt":
            return Root(self.argument())
        if piece == r"\begin":
            return self.cases()
        if piece in (r"\text", r"\operatorname"):
            words = self.raw()
            return Words(words) if piece == r"\text" else Function(words)
        return Function(piece[1:]) if piece[1:].isalpha() else None

    def raw(self) -> str:
        """The letters of a group in braces."""
        self.take()
        found = ""
        while (piece := self.take()) != "}":
            found += piece
        return found

    def cases(self) -> Formula:
        """The rows of a choice."""
        self.raw()
        rows: list[tuple[Formula, Formula]] = []
        while self.pieces[self.at - 1] != r"\end":
            value = self.until("&")
            rows.append((value, self.until(r"\\", r"\end")))
        self.raw()
        return Cases(tuple(rows))
