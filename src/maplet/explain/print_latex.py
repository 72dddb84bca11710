"""A formula in LaTeX, for math mode."""

from __future__ import annotations

import re
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

with_place = re.compile(r"(.+)\[([^\[\]]+)\]")  # h[t−1], of a step of a loop
pieces = re.compile(r"[^\W\d]\w*\[[^\[\]]*\]|[^\W\d]\w*|\d+|\S")  # of places: y[k], names, numbers, signs
with_number = re.compile(r"([^\W\d_]+)_?(\d+)")
commands = {
    "·": r"\cdot", "∗": r"\ast", "mod": r"\bmod", "−": "-", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "⊙": r"\odot",
    "≈": r"\approx", "↦": r"\mapsto", "Σ": r"\sum", "Π": r"\prod", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil",
    "⌉": r"\rceil", "⊤": r"\top", "∞": r"\infty", "…": r"\dots", "→": r"\to", "⋆": r"\star", "∗ᵀ": r"\ast^{\top}",
}  # fmt: skip
greek = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "η": "eta", "θ": "theta", "λ": "lambda",
    "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "ψ": "psi", "ω": "omega",
    "Φ": "Phi", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Ω": "Omega", "∇": "nabla", "∂": "partial",
}  # fmt: skip
functions = {
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "ln", "log", "exp", "max", "min", "det",
}  # fmt: skip

in_words = str.maketrans(
    {"−": "$-$", "→": r"$\to$", "×": r"$\times$", "\\": r"$\backslash$", "^": r"$\wedge$", "~": r"$\sim$"}
    | {sign: f"\\{sign}" for sign in "_&%$#{}"}
)


@singledispatch
def latex(formula: Formula) -> str:
    r"""Write a formula in LaTeX.

    Examples
    --------
    >>> latex(Partial(Name("loss"), Name("w1")))
    '\\frac{\\partial \\mathrm{loss}}{\\partial w_{1}}'
    """
    raise TypeError(f"{type(formula).__name__} is no part of a formula")


@latex.register
def _(part: Name) -> str:
    if found := with_place.fullmatch(part.text):
        base, place = latex(Name(found[1])), found[2].replace("−", "-")
        return f"{{{base}}}_{{{place}}}" if "_" in base else f"{base}_{{{place}}}"
    if found := with_number.fullmatch(part.text):
        return f"{latex(Name(found[1]))}_{{{found[2]}}}"
    if part.text in commands or part.text in greek:
        return commands.get(part.text) or f"\\{greek[part.text]}"
    if not part.text.isascii():
        return in_text(part.text)
    return part.text if len(part.text) == 1 and part.text.isalpha() else rf"\mathrm{{{escaped(part.text)}}}"


@latex.register
def _(part: Number) -> str:
    if part.text.isalpha() and part.text not in ("inf", "nan"):
        return rf"\mathrm{{{part.text}}}"  # true, false
    mantissa, _, exponent = part.text.replace("−", "-").partition("e")
    mantissa = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{NaN}"}.get(mantissa, mantissa)
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


@latex.register
def _(part: Sign) -> str:
    return commands.get(part.text, part.text)


@latex.register
def _(part: Function) -> str:
    if part.text in commands:
        return commands[part.text]
    return f"\\{part.text}" if part.text in functions else rf"\operatorname{{{escaped(part.text)}}}"


@latex.register
def _(part: Words) -> str:
    return in_text(part.text)


@latex.register
def _(part: Places) -> str:
    return "".join(_in_places(piece) for piece in pieces.findall(part.text))


def _in_places(piece: str) -> str:
    if found := with_place.fullmatch(piece):  # y[k], which is itself a place
        return latex(Script(Name(found[1]), Places(found[2])))
    if piece in commands:
        return f"{commands[piece]} "
    return piece if piece.isdigit() or not piece[0].isalnum() else latex(Name(piece))


@latex.register
def _(part: Row) -> str:
    return " ".join(map(latex, part.parts))


@latex.register
def _(part: Group) -> str:
    left, right = (commands.get(fence, fence) for fence in (part.left, part.right))
    return rf"\left{left} {latex(part.body)} \right{right}"


@latex.register
def _(part: Call) -> str:
    return latex(part.function) + latex(part.arguments)


@latex.register
def _(part: Fraction) -> str:
    return rf"\frac{{{latex(part.over)}}}{{{latex(part.under)}}}"


@latex.register
def _(part: Root) -> str:
    return rf"\sqrt{{{latex(part.body)}}}"


@latex.register
def _(part: Script) -> str:
    base = latex(part.base)
    below = "" if part.below is None else f"_{{{latex(part.below)}}}"
    above = "" if part.above is None else f"^{{{latex(part.above)}}}"
    return (f"{{{base}}}" if below and "_" in base else base) + below + above


@latex.register
def _(part: Partial) -> str:
    return rf"\frac{{\partial {latex(part.of)}}}{{\partial {latex(part.by)}}}"


@latex.register
def _(part: Cases) -> str:
    conditions = [("" if isinstance(when, Words) else r"\text{if } ") + latex(when) for _, when in part.rows]
    rows = [f"{latex(value)} & {when}" for (value, _), when in zip(part.rows, conditions, strict=True)]
    return r"\begin{cases}" + r"\\ ".join(rows) + r"\end{cases}"


@latex.register
def _(part: Table) -> str:
    rows = r"\\ ".join(" & ".join(map(latex, cells)) for cells in part.rows)
    return rf"\begin{{bmatrix}}{rows}\end{{bmatrix}}"


def in_text(words: str) -> str:
    r"""Words as LaTeX shows them: ``4 × sin`` is ``\text{4 $\times$ sin}``."""
    return rf"\text{{{words.translate(in_words)}}}"


def escaped(name: str) -> str:
    """A name as LaTeX shows it."""
    return re.sub(r"([_&%$#{}])", r"\\\1", name)
