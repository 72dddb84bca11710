"""Terms as formulas: in matrices, ``Xᵀ (softmax(z) − onehot(y))/N``, or element by element, ``Σ_k X[k,i]·…``."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction as Exact
from typing import TYPE_CHECKING, Any

from maplet.core.index_notation import letters
from maplet.core.primitive import registry
from maplet.explain.formula import (
    Call,
    Formula,
    Fraction,
    Function,
    Group,
    Name,
    Number,
    Row,
    Script,
    Sign,
    Words,
    added,
    fenced,
    fill,
    multiplied,
    row,
    whole,
)
from maplet.explain.notation import notation_of
from maplet.explain.symbols import applied_along, by_parameters, number, one
from maplet.explain.terms import Term, factors, without_units

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Names = Mapping[Term, str]

finest = 10**6  # the largest denominator of a coefficient that is written as a quotient


def ratio(value: float) -> tuple[float, float]:
    """A coefficient as numerator and denominator: 0.4 is 2/5; of an odd number the denominator is 1."""
    exact = Exact(value).limit_denominator(finest)
    close = abs(float(exact) - value) <= 1e-12 * abs(value)
    return (exact.numerator, exact.denominator) if close else (value, 1)


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


def _applied(term: Term, operands: Sequence[Formula]) -> Formula:
    """An operation on formulas, as its record says that it is written."""
    if term.head in special:
        return special[term.head](operands)
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
    "indicator": lambda operands: Group("[", operands[0], "]"),
    "transpose": lambda operands: Script(fenced(operands[0], whole), None, Name("⊤")),
}


# ── in matrices ──────────────────────────────────────────────────────────────────────────────────


def matrix_formula(term: Term, names: Names, *, defines: bool = False) -> Formula:
    """A term of whole arrays; what has a name is called by it, unless this is what defines it."""

    def inner(part: Term) -> Formula:
        return matrix_formula(part, names)

    if term.head == "symbol" or (term in names and not defines):
        return Name(names.get(term) or term.settings[0])
    if term.head == "number":
        return number(term.settings[0])
    if term.head == "apart":
        return inner(term.parts[0])
    if term.head in ("product", "total"):
        return arranged(term, inner, in_matrices=True)
    return _applied(term, [inner(part) for part in term.parts])


# ── element by element ───────────────────────────────────────────────────────────────────────────


class Indexed:
    """Writes terms element by element; each sum takes a letter of its own."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.used = 0

    def letters(self, count: int) -> list[str]:
        """Letters that were not used yet."""
        self.used += count
        return [letters[n % len(letters)] for n in range(self.used - count, self.used)]

    def formula(self, term: Term, at: Sequence[str], *, defines: bool = False) -> Formula:
        """The element of a term at a place; a term of fewer axes is repeated, its axes standing last."""
        own = zip(at[len(at) - len(term.shape) :], term.shape, strict=True)
        place = [i if length != 1 else "0" for i, length in own]
        if term.head == "symbol" or (term in self.names and not defines):
            return element(Name(self.names.get(term) or term.settings[0]), place)
        if term.head == "number":
            return number(term.settings[0])
        if term.head == "apart":
            return self.formula(term.parts[0], at)
        if term.head in ("product", "total"):
            return arranged(term, lambda part: self.formula(part, at), in_matrices=False)
        return self.operation(term, place)

    def operation(self, term: Term, at: list[str]) -> Formula:
        """An element of an operation's result."""
        if term.head in ("matmul", "sum"):
            return self.matmul(term, at) if term.head == "matmul" else self.sum(term, at)
        if term.head == "transpose":
            return self.formula(term.parts[0], at[::-1])
        if term.head == "one_hot":
            return Group("[", row(self.formula(term.parts[0], at[:1]), "=", Name(at[1])), "]")
        if term.head == "reshape" and without_units(term.shape) == without_units(term.parts[0].shape):
            moved = iter([i for i, length in zip(at, term.shape, strict=True) if length != 1])
            return self.formula(term.parts[0], [next(moved) if n != 1 else "0" for n in term.parts[0].shape])
        alike = term.parts and all(part.shape in ((), term.shape) for part in term.parts)
        if alike and term.head not in ("softmax", "reshape"):
            return _applied(term, [self.formula(part, at) for part in term.parts])
        return element(fenced(matrix_formula(term, self.names, defines=True), whole), at)

    def matmul(self, term: Term, at: list[str]) -> Formula:
        """``Σ_k a[i,k]·b[k,j]``; where b is a vector there is no j; of one summand there is no sum."""
        a, b = term.parts
        is_sum = a.shape[-1] != 1
        (k,) = self.letters(1) if is_sum else "0"
        vector = len(b.shape) == 1
        left = self.formula(a, [*at, k] if vector else [*at[:-1], k])
        right = self.formula(b, [k] if vector else [*at[:-2], k, at[-1]])
        product = row(fenced(left, multiplied), "·", fenced(right, multiplied))
        return _sum_over([k], product) if is_sum else product

    def sum(self, term: Term, at: list[str]) -> Formula:
        """``Σ_k a[i,k]``."""
        axes, keeps = term.settings
        bound = self.letters(len(axes))
        free = iter([i for n, i in enumerate(at) if n not in axes] if keeps else at)
        taken = iter(bound)
        inside = [next(taken) if axis in axes else next(free) for axis in range(len(term.parts[0].shape))]
        return _sum_over(bound, self.formula(term.parts[0], inside))


def element(array: Formula, at: Sequence[str]) -> Formula:
    """``X[i,j]``; a number alone has no place."""
    return Script(array, Words(",".join(at))) if at else array


def _sum_over(bound: Sequence[str], body: Formula) -> Formula:
    need = multiplied if body.binding <= added else body.binding
    return Row((Script(Function("Σ"), Words(",".join(bound))), fenced(body, need)))
