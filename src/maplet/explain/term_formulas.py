"""Terms as formulas of whole arrays: ``Xᵀ (softmax(z) − onehot(y))/N``."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction as Exact
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.primitive import registry
from maplet.explain.formula import (
    Call,
    Formula,
    Fraction,
    Function,
    Group,
    Name,
    Number,
    Places,
    Row,
    Script,
    Sign,
    fenced,
    fill,
    joined,
    multiplied,
    row,
    whole,
)
from maplet.explain.notation import notation_of
from maplet.explain.print_text import text
from maplet.explain.symbols import applied_along, by_parameters, number, number_of, one
from maplet.explain.terms import Term, factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Names = Mapping[Term, str]

finest = 10**6  # the largest denominator of a coefficient that is written as a quotient


def ratio(value: float) -> tuple[float, float]:
    """A coefficient as numerator and denominator: 0.4 is 2/5; of an odd number the denominator is 1."""
    exact = Exact(value).limit_denominator(finest)
    close = abs(float(exact) - value) <= 1e-12 * abs(value)
    return (exact.numerator, exact.denominator) if close else (value, 1)


def exact_number(value: float) -> Number:
    """A number that stands alone, as it is if that is short: in six digits, 1.0000001 would be 1."""
    plain = f"{value:.12g}"
    return Number(plain.replace("-", "−").replace("e+", "e")) if 6 < len(plain) < 12 else number(value)


def arranged(term: Term, inner: Callable[[Term], Formula], *, in_matrices: bool) -> Formula:
    """A product or a total, whose parts ``inner`` writes; the product of two arrays in matrices is ⊙."""
    if term.head == "total":
        parts: list[Formula] = []
        for part in term.parts:
            formula = inner(part)
            if isinstance(formula, Row) and formula.parts[0] == Sign("−"):
                parts += formula.parts
            elif isinstance(formula, Number) and formula.text.startswith("−"):
                parts += [Sign("−"), Number(formula.text[1:])]
            else:
                parts += [*([Sign("+")] if parts else []), formula]
        return Row(tuple(parts))
    coefficient, up, down = factors(term)
    above, below = ratio(abs(coefficient))
    is_alone = above == 1 and len(up) == 1 and (below != 1 or down)  # over a line, where it needs no parentheses
    over = inner(up[0]) if is_alone else _multiplied(above, up, inner, in_matrices=in_matrices)
    under = _multiplied(below, down, inner, in_matrices=in_matrices)
    found = over if under == one else Fraction(over, under)
    return found if coefficient >= 0 else row("−", fenced(found, multiplied))


def _multiplied(
    coefficient: float, terms: Sequence[Term], inner: Callable[[Term], Formula], *, in_matrices: bool
) -> Formula:
    parts: list[Formula] = [number(coefficient)] if coefficient != 1 or not terms else []
    array_before = False
    for term, times in Counter(terms).items():
        sign = "⊙" if in_matrices and array_before and not term.is_scalar else "·"
        parts += [*([Sign(sign)] if parts else []), _power(term, times, inner)]
        array_before = not term.is_scalar
    return parts[0] if len(parts) == 1 else Row(tuple(parts))


def _power(term: Term, times: int, inner: Callable[[Term], Formula]) -> Formula:
    """A factor that comes so many times; (e^u)² is e^(2·u)."""
    formula = inner(term)
    if times == 1:
        return fenced(formula, multiplied)
    if term.head == "exp" and term.parts[0].head == "symbol" and not isinstance(formula, Name):
        return fill(notation_of(registry["exp"], 1), [row(number(times), "·", inner(term.parts[0]))])
    return Script(fenced(formula, whole), None, number(times))


def applied(term: Term, operands: Sequence[Formula]) -> Formula:
    """An operation on formulas, as its record says that it is written."""
    if term.head == "add_at" and len(term.parts[1].shape) == 1 and dict(term.settings)["axis"] == 0:
        return row(Script(special["one_hot"](operands[1:]), None, Name("⊤")), fenced(operands[0], joined))
    if term.head in special:
        return special[term.head](operands)
    if term.head == "constant":
        return number_of(np.asarray(dict(term.settings)["value"]), Name("constant"))
    if term.head == "logaddexp" and term.parts[1].head == "number" and term.parts[1].settings[0] == 0:
        exponential = fill(notation_of(registry["exp"], 1), operands[:1])
        return fill(notation_of(registry["log1p"], 1), [exponential])
    shape = term.parts[0].shape if term.parts else ()
    params: dict[str, Any] = {"axes": term.settings[0]} if term.head == "sum" else dict(term.settings)
    if (formula := by_parameters(term.head, params, operands, shape)) is not None:
        return formula
    axes, ndim = params.get("axes", ()), len(shape)
    return applied_along(registry[term.head], operands, axes, ndim)


def _called(name: str) -> Callable[[Sequence[Formula]], Formula]:
    return lambda operands: Call(Function(name), Group("(", operands[0], ")"))


special: dict[str, Callable[[Sequence[Formula]], Formula]] = {
    "softmax": _called("softmax"),
    "one_hot": _called("onehot"),
    "pick": lambda operands: Script(fenced(operands[0], whole), Places(f"i,{text(operands[1])}[i]")),
    "indicator": lambda operands: Group("[", operands[0], "]"),
    "conv_kernel": lambda operands: row(fenced(operands[0], joined), "⋆", fenced(operands[1], joined)),
    "conv_input": lambda operands: row(fenced(operands[0], joined), "∗ᵀ", fenced(operands[1], joined)),
    "transpose": lambda operands: Script(fenced(operands[0], whole), None, Name("⊤")),
}


def matrix_formula(term: Term, names: Names, *, defines: bool = False) -> Formula:
    """A term of whole arrays; what has a name is called by it, unless this is what defines it."""

    def inner(part: Term) -> Formula:
        return matrix_formula(part, names)

    if term.head == "symbol" or (term in names and not defines):
        return Name(names.get(term) or term.settings[0])
    if term.head == "number":
        return exact_number(term.settings[0])
    if term.head == "apart":
        return inner(term.parts[0])
    if term.head in ("product", "total"):
        return arranged(term, inner, in_matrices=True)
    return applied(term, [inner(part) for part in term.parts])
