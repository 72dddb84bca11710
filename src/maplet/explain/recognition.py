"""What a person calls by its name: e^u/Σe^u is a softmax, 1/(1 + e^−u) is σ(u)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.explain.terms import factors, is_varying

if TYPE_CHECKING:
    from maplet.explain.algebra import Algebra
    from maplet.explain.terms import Term


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


def logistic(algebra: Algebra, z: Term) -> Term:
    """σ(z); of −z it is 1 − σ(z)."""
    if factors(z)[0] < 0:
        opposite = logistic(algebra, algebra.product([z], (), z.shape, -1.0))
        return algebra.total([algebra.number(1.0), algebra.product([opposite], (), z.shape, -1.0)], z.shape)
    found = algebra.make("sigmoid", (z,), (), z.shape)
    return algebra.named.get(found, found)


def softmax(algebra: Algebra, exponent: Term, axis: int) -> Term:
    """softmax(u) along an axis, which no summand changes that is the same along it."""
    parts = exponent.parts if exponent.head == "total" else (exponent,)
    varying = [part for part in parts if is_varying(part, axis, len(exponent.shape))]
    inner = algebra.total(varying, exponent.shape) if varying else exponent
    found = algebra.make("softmax", (inner,), (axis,), exponent.shape)
    return algebra.named.get(found, found)
