"""What a person calls by its name: e^u/Σe^u is a softmax, 1/(1 + e^−u) is σ(u)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.explain.terms import factors, is_varying

if TYPE_CHECKING:
    from maplet.explain.algebra import Algebra
    from maplet.explain.terms import Term

    Summands = list[tuple[Term | None, float]]  # cores, each with its coefficient; None is a mere number


def with_softmax(algebra: Algebra, ups: list[Term], downs: list[Term]) -> list[Term]:
    """The factors above, with e^u/Σe^u as softmax; what is the same along the axis is left out of u."""
    for total in list(downs):
        if total.head != "sum" or total.parts[0].head != "exp" or total.parts[0] not in ups:
            continue
        exponential, axes = total.parts[0], total.settings[0]
        if len(axes) == 1 and (total.settings[1] or len(exponential.shape) == 1):
            downs.remove(total)
            ups = list(ups)
            ups[ups.index(exponential)] = softmax(algebra, exponential.parts[0], axes[0])
    return ups


def with_logistic(algebra: Algebra, ups: list[Term], downs: list[Term]) -> list[Term]:
    """The factors above, with e^u/(1 + e^u) as σ(u), 1/(1 + e^u) as σ(−u), and e^u σ(−u) as σ(u)."""
    one = algebra.number(1.0)
    for total in list(downs):
        if total.head != "total" or len(total.parts) != 2 or one not in total.parts:
            continue
        (exponential,) = (part for part in total.parts if part is not one)
        if exponential.head != "exp":
            continue
        downs.remove(total)
        ups = list(ups)
        if exponential in ups:
            ups.remove(exponential)
            ups.append(logistic(algebra, exponential.parts[0]))
        else:
            ups.append(logistic(algebra, algebra.product(exponential.parts, (), total.shape, -1.0)))
    for exponential in [one for one in ups if one.head == "exp"]:  # e^u σ(−u) is σ(u)
        opposite = logistic(algebra, algebra.product(exponential.parts, (), exponential.shape, -1.0))
        if exponential in ups and opposite in ups:
            ups = list(ups)
            ups.remove(exponential)
            ups[ups.index(opposite)] = logistic(algebra, exponential.parts[0])
    return ups


def without_picks(ups: list[Term], downs: list[Term]) -> list[Term]:
    """The factors above, with onehot(y) a/a[i,y[i]] as onehot(y): where it is not 0, both are the same."""
    for one_hot in [one for one in ups if one.head == "one_hot"]:
        for column in list(downs):
            matrix = without_pick(column)
            if matrix is not column and _picked_by(column) is one_hot.parts[0] and matrix in ups:
                downs.remove(column)
                ups = list(ups)
                ups.remove(matrix)
    return ups


def without_pick(column: Term) -> Term:
    """The matrix from whose rows elements were picked; any other term is itself."""
    found = column.parts[0] if column.head == "reshape" else column
    return found.parts[0] if found.head == "pick" else column


def _picked_by(column: Term) -> Term:
    return (column.parts[0] if column.head == "reshape" else column).parts[1]


def with_softplus(algebra: Algebra, summands: Summands) -> Summands:
    """Summands with H(z) − sign(z)(1 − σ(|z|)) as σ(z): the derivative of max(z, 0) + ln(1 + e^−|z|) = ln(1 + e^z)."""
    for step, c in summands:
        if step is None or step.head != "where" or step.parts[0].head != "greater":
            continue
        z, zero = step.parts[0].parts
        at_zero = algebra.make("indicator", (algebra.make("equal", (z, zero), (), z.shape),), (), z.shape)
        if step.parts[1:] != (algebra.number(1.0), algebra.product([at_zero], (), z.shape, 0.5)):
            continue
        size = algebra.make("abs", (z,), (), z.shape)
        opposite = algebra.total([algebra.number(1.0), algebra.product([logistic(algebra, size)], (), z.shape, -1.0)])
        rest = algebra.product([algebra.make("sign", (z,), (), z.shape), opposite]), -c
        if rest in summands:
            others = [one for one in summands if one not in ((step, c), rest)]
            return [*others, (logistic(algebra, z), c)]
    return summands


def with_reflection(algebra: Algebra, summands: Summands) -> Summands:
    """Summands with ln(1 + e^z) − ln(1 + e^−z) as z."""
    for one, c in summands:
        if one is None or one.head != "logaddexp" or one.parts[1] is not algebra.number(0.0, one.parts[1].shape):
            continue
        z, zero = one.parts
        opposite = algebra.make("logaddexp", (algebra.product([z], (), z.shape, -1.0), zero), one.settings, one.shape)
        if (opposite, -c) in summands and z.shape == one.shape:
            others = [other for other in summands if other not in ((one, c), (opposite, -c))]
            coefficient, up, down = factors(z)
            return [*others, (algebra.product(up, down, z.shape), c * coefficient)]
    return summands


def is_positive(algebra: Algebra, term: Term) -> bool:
    """Whether it is e^u or a sum of such, of a finite u: e^(−∞) is 0."""
    power = term.parts[0] if term.head == "sum" else term
    return power.head == "exp" and is_finite(algebra, power)


def is_finite(algebra: Algebra, term: Term) -> bool:
    """Whether no ∞ stands in a term, as it does for what a mask leaves out."""
    waiting, seen = [term], set["Term"]()
    while waiting:
        one = waiting.pop()
        value = (
            dict(one.settings)["value"] if one.head == "constant" else one.settings[0] if one.head == "number" else 0
        )
        if one in algebra.infinite or np.isinf(value).any():
            return False
        if one not in seen:
            seen.add(one)
            waiting += one.parts
    return True


def logistic(algebra: Algebra, z: Term) -> Term:
    """σ(z); of −z it is 1 − σ(z)."""
    if factors(z)[0] < 0:
        opposite = logistic(algebra, algebra.product([z], (), z.shape, -1.0))
        return algebra.total([algebra.number(1.0), algebra.product([opposite], (), z.shape, -1.0)], z.shape)
    found = algebra.make("sigmoid", (z,), (), z.shape)
    return algebra.named.get(found, found)


def is_part_of_softmax(term: Term) -> bool:
    """Whether it is what softmax and σ are made of: e^u, Σe^u, 1 + e^u; or 1 − p of a variable p."""
    if term.head == "sum":
        return term.parts[0].head == "exp"
    if term.head == "total" and len(term.parts) == 2 and any(part.head == "number" for part in term.parts):
        return any(one.head in ("exp", "symbol") for part in term.parts for one in factors(part)[1])
    return term.head == "exp"


def adds_up_to_one(algebra: Algebra, term: Term, axes: tuple[int, ...]) -> bool:
    """Whether its elements along these axes add up to 1, as those of a softmax and of a row of a one-hot matrix do."""
    if term in algebra.distributions and axes == (algebra.distributions[term],):
        algebra.relied_on[term] = None
        return True
    return (term.head == "one_hot" and axes == (len(term.shape) - 1,)) or (
        term.head == "softmax" and axes == term.settings
    )


def softmax(algebra: Algebra, exponent: Term, axis: int) -> Term:
    """softmax(u) along an axis, which no summand changes that is the same along it."""
    parts = exponent.parts if exponent.head == "total" else (exponent,)
    varying = [part for part in parts if is_varying(part, axis, len(exponent.shape))]
    inner = algebra.total(varying, exponent.shape) if varying else exponent
    found = algebra.make("softmax", (inner,), (axis,), exponent.shape)
    return algebra.named.get(found, found)
