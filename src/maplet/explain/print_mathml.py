"""A formula as MathML Core, which every browser draws without help."""

from __future__ import annotations

from functools import singledispatch

from maplet.explain.formula import (
    Call,
    Cases,
    Formula,
    Fraction,
    Function,
    Group,
    Name,
    Number,
    Partial,
    Places,
    Root,
    Row,
    Script,
    Sign,
    Table,
    Words,
)
from maplet.explain.markup import Markup, element
from maplet.explain.print_latex import pieces, with_number, with_place

space = element("mspace", width="0.2em")
large = {"Σ": "∑", "Π": "∏"}


def math(formula: Formula, *, block: bool = False) -> Markup:
    """A formula as a ``<math>`` element.

    Examples
    --------
    >>> math(Name("w1"))
    '<math><msub><mi>w</mi><mn>1</mn></msub></math>'
    """
    return element("math", mathml(formula), display="block" if block else None)


@singledispatch
def mathml(formula: Formula) -> Markup:
    """What stands inside of ``<math>``."""
    raise TypeError(f"{type(formula).__name__} is no part of a formula")


@mathml.register
def _(part: Name) -> Markup:
    if found := with_place.fullmatch(part.text):
        return element("msub", mathml(Name(found[1])), element("mi", found[2]))
    if found := with_number.fullmatch(part.text):
        return element("msub", element("mi", found[1]), element("mn", found[2]))
    return element("mi", part.text)


@mathml.register
def _(part: Number) -> Markup:
    return element("mn", part.text.replace("-", "−"))


@mathml.register
def _(part: Sign) -> Markup:
    if part.text == "∗ᵀ":  # a transposed convolution
        return element("msup", element("mo", "∗"), element("mi", "⊤"))
    return element("mo", part.text)


@mathml.register
def _(part: Function) -> Markup:
    return element("mo", large[part.text]) if part.text in large else element("mi", part.text)


@mathml.register
def _(part: Words) -> Markup:
    return element("mtext", part.text)


@mathml.register
def _(part: Places) -> Markup:
    kinds = {True: "mn", False: "mo"}
    found = pieces.findall(part.text)
    return element("mrow", [mathml(Name(p)) if p[0].isalpha() else element(kinds[p.isdigit()], p) for p in found])


@mathml.register
def _(part: Row) -> Markup:
    found: list[Markup] = []
    for n, inner in enumerate(part.parts):
        if n and not isinstance(inner, Sign) and not isinstance(part.parts[n - 1], Sign):
            found.append(space)
        found.append(mathml(inner))
    return element("mrow", found)


@mathml.register
def _(part: Group) -> Markup:
    return element("mrow", element("mo", part.left), mathml(part.body), element("mo", part.right))


@mathml.register
def _(part: Call) -> Markup:
    return element("mrow", mathml(part.function), mathml(part.arguments))


@mathml.register
def _(part: Fraction) -> Markup:
    return element("mfrac", mathml(part.over), mathml(part.under))


@mathml.register
def _(part: Root) -> Markup:
    return element("msqrt", mathml(part.body))


@mathml.register
def _(part: Script) -> Markup:
    parts = [mathml(inner) for inner in (part.base, part.below, part.above) if inner is not None]
    return element("msup" if part.below is None else "msub" if part.above is None else "msubsup", parts)


@mathml.register
def _(part: Partial) -> Markup:
    over, under = (element("mrow", element("mo", "∂"), mathml(inner)) for inner in (part.of, part.by))
    return element("mfrac", over, under)


@mathml.register
def _(part: Cases) -> Markup:
    rows: list[Markup] = []
    for value, when in part.rows:
        start = None if isinstance(when, Words) else [element("mtext", "if"), space]
        rows.append(element("mtr", element("mtd", mathml(value)), element("mtd", start, mathml(when))))
    return element("mrow", element("mo", "{"), element("mtable", rows))


@mathml.register
def _(part: Table) -> Markup:
    # Its brackets are borders: those of letters grow with a matrix only where there is a font for mathematics.
    rows = [element("mtr", [element("mtd", mathml(cell)) for cell in cells]) for cells in part.rows]
    return element("mtable", rows, class_="matrix")
