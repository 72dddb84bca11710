"""A formula in one line of Unicode."""

from __future__ import annotations

from functools import singledispatch

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
    Partial,
    Places,
    Root,
    Row,
    Script,
    Sign,
    Table,
    Words,
    applied,
    fenced,
    multiplied,
    whole,
)

raised_letters = str.maketrans("0123456789+−-()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿ")
lowered_letters = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
tight = {"·", "/"}


@singledispatch
def text(formula: Formula) -> str:
    r"""Write a formula in one line.

    Examples
    --------
    >>> from maplet.explain.notation import parse
    >>> from maplet.explain.formula import fill
    >>> text(fill(parse(r"\frac{{1}}{{{0}}}"), [Script(Name("x"), None, Number("2"))]))
    '1/x²'
    """
    raise TypeError(f"{type(formula).__name__} is no part of a formula")


@text.register
def _(part: Name | Sign | Function | Words | Places) -> str:
    return part.text


@text.register
def _(part: Number) -> str:
    return part.text.replace("-", "−")


@text.register
def _(part: Row) -> str:
    found = ""
    for n, inner in enumerate(part.parts):
        if not isinstance(inner, Sign):
            apart = bool(found) and found[-1] not in " ·/−"
            found += (" " if apart else "") + text(inner)
        elif inner.text in tight or (inner.text == "−" and n == 0):
            found += inner.text
        else:
            found += f"{inner.text} " if inner.text == "," else f" {inner.text} "
    return found


@text.register
def _(part: Group) -> str:
    return f"{part.left}{text(part.body)}{part.right}"


@text.register
def _(part: Call) -> str:
    return text(part.function) + text(part.arguments)


@text.register
def _(part: Fraction) -> str:
    over = Group("(", part.over, ")") if isinstance(part.over, Partial) else fenced(part.over, multiplied)
    return f"{text(over)}/{text(fenced(part.under, applied))}"


@text.register
def _(part: Root) -> str:
    return f"√{text(fenced(part.body, whole))}"


@text.register
def _(part: Script) -> str:
    below = "" if part.below is None else text(part.below)
    if below:
        below = (
            below.translate(lowered_letters)
            if isinstance(part.below, Number)
            else below
            if below.startswith("[") and below.endswith("]") and below.count("[") == 1
            else f"[{below}]"
        )
    return text(part.base) + below + ("" if part.above is None else _above(part.above))


def _above(part: Formula) -> str:
    inner = text(part)
    if inner == "⊤":
        return "ᵀ"
    if all(ord(letter) in raised_letters for letter in inner):
        return inner.translate(raised_letters)
    return f"^{inner}" if part.binding == whole else f"^({inner})"


@text.register
def _(part: Partial) -> str:
    return f"∂{text(part.of)}/∂{text(part.by)}"


@text.register
def _(part: Cases) -> str:
    rows = [f"else {text(v)}" if isinstance(when, Words) else f"{text(v)} if {text(when)}" for v, when in part.rows]
    return f"{{{', '.join(rows)}}}"


@text.register
def _(part: Table) -> str:
    rows = ["[" + ", ".join(map(text, cells)) + "]" for cells in part.rows]
    return rows[0] if len(rows) == 1 else f"[{', '.join(rows)}]"


@text.register
def _(part: Hole) -> str:
    return f"{{{part.operand}}}"
