"""Terms: a program as mathematics, where equal things are one and sums, products and quotients are in order.

A graph says in which steps numbers are computed; a term says what they are. So a term knows identities of real numbers
that a program must not use, as they change its rounding: x/x = 1, e^(z − m)/Σe^(z − m) = softmax(z), a row of a one-hot
matrix adds up to 1. A term has the shape of its value; parts of a sum or product may be smaller and are repeated.

============= ====================================== ===================================
head          parts                                  settings
============= ====================================== ===================================
``symbol``                                           its name
``number``                                           its value; every element is that
``product``   factors above, then below the line     coefficient, how many are above
``total``     products that are added up
``softmax``   z                                      axis
``one_hot``   the classes                            how many there are
``indicator`` a condition                            1 where it holds, else 0
``apart``     a sum or product that has grown large
any other     operands of the operation              its parameters
============= ====================================== ===================================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Shape = tuple[int, ...]

largest = 40  # sums and products are put in order only as long as they have no more parts
largest_shared = 24  # the same of what comes several times


@dataclass(frozen=True, eq=False)
class Term:
    """A term. Two are equal only if they are one: `Algebra` makes each once."""

    head: str
    parts: tuple[Term, ...]
    settings: tuple[Any, ...]
    shape: Shape
    age: int = 0  # the how manyth it is: factors stand in this order

    @property
    def is_scalar(self) -> bool:
        """Whether its value is one number."""
        return self.shape == ()

    @cached_property
    def weight(self) -> int:
        """How many parts a sum or product has, those of its sums and products counted, too."""
        return sum(part.weight for part in self.parts) if self.head in ("product", "total") else 1


def _settled(settings: Any) -> Any:
    """Settings as a key: of two programs inside, each is one of its own, and NaN is NaN."""
    if isinstance(settings, tuple):
        return tuple(map(_settled, settings))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return ("program", id(settings)) if isinstance(settings, Graph) else repr(settings)


def factors(term: Term) -> tuple[float, tuple[Term, ...], tuple[Term, ...]]:
    """A term as coefficient, factors above and factors below the line."""
    if term.head == "number":
        return term.settings[0], (), ()
    if term.head != "product":
        return 1.0, (term,), ()
    coefficient, above = term.settings
    return coefficient, term.parts[:above], term.parts[above:]


def natural_shape(terms: Iterable[Term]) -> Shape:
    """The shape that parts have together, without further repetition."""
    return np.broadcast_shapes(*(term.shape for term in terms))


@dataclass
class Algebra:
    """Makes terms, each once, and in order."""

    known: dict[Any, Term] = field(default_factory=dict[Any, Term])
    named: dict[Term, Term] = field(default_factory=dict[Term, Term])  # what of softmax, σ has a name → its symbol

    def make(self, head: str, parts: Sequence[Term], settings: tuple[Any, ...], shape: Shape) -> Term:
        """A term as it is given."""
        key = (head, tuple(parts), _settled(settings), shape)
        return self.known.setdefault(key, Term(head, tuple(parts), settings, shape, len(self.known)))

    def symbol(self, name: str, shape: Shape) -> Term:
        """A variable."""
        return self.make("symbol", (), (name,), shape)

    def number(self, value: float, shape: Shape = ()) -> Term:
        """An array of one number."""
        return self.make("number", (), (float(value),), shape)

    def bounded(self, term: Term, *, is_shared: bool) -> Term:
        """A term that is no larger than an algebra can put in order: of a large one, the whole as one part.

        Else s ↦ s·s + s, done n times, would have 2ⁿ factors.
        """
        if term.weight <= (largest_shared if is_shared else largest):
            return term
        return self.make("apart", (term,), (), term.shape)

    # ── products ─────────────────────────────────────────────────────────────────────────────────

    def product(
        self, above: Iterable[Term], below: Iterable[Term] = (), shape: Shape | None = None, coefficient: float = 1.0
    ) -> Term:
        """A product or quotient, in which what is equal above and below the line is gone."""
        over, under = list(above), list(below)
        shape = natural_shape([*over, *under]) if shape is None else shape
        ups: list[Term] = []
        downs: list[Term] = []
        for term in over:
            number, up, down = factors(term)
            coefficient, ups, downs = coefficient * number, [*ups, *up], [*downs, *down]
        for term in under:
            number, up, down = factors(term)
            if number == 0:
                return self.make("divide", (self.product(over, ()), self.product(under, ())), (), shape)
            coefficient, ups, downs = coefficient / number, [*ups, *down], [*downs, *up]
        for term in set(ups) & set(downs):
            for _ in range(min(ups.count(term), downs.count(term))):
                ups.remove(term)
                downs.remove(term)
        ups = self._multiplied_out(self._logistic(self._softmax(ups, downs), downs))
        if coefficient == 0 or not (ups or downs):
            return self.number(coefficient, shape)
        if (coefficient, downs, len(ups)) == (1.0, [], 1) and ups[0].shape == shape:
            return ups[0]
        if len(ups) == 1 and not downs and ups[0].head == "product":  # what was multiplied out
            return self.product(ups, (), shape, coefficient)
        ordered = [*sorted(ups, key=lambda term: term.age), *sorted(downs, key=lambda term: term.age)]
        return self.make("product", ordered, (coefficient, len(ups)), shape)

    def _multiplied_out(self, ups: list[Term]) -> list[Term]:
        """The factors above, with p·(a − b/p) as p·a − b."""
        for total in [one for one in ups if one.head == "total"]:
            divisors = {divisor for part in total.parts for divisor in factors(part)[2]}
            for factor in ups:
                if factor in divisors:
                    others = list(ups)
                    others.remove(factor)
                    others.remove(total)
                    parts = [self.product([factor, part]) for part in total.parts]
                    return [*others, self.total(parts)]
        return ups

    def _softmax(self, ups: list[Term], downs: list[Term]) -> list[Term]:
        """The factors above, with e^u/Σe^u as softmax; what is the same along the axis is left out of u."""
        for total in list(downs):
            if total.head != "sum" or total.parts[0].head != "exp" or total.parts[0] not in ups:
                continue
            exponential, axes = total.parts[0], total.settings[0]
            if len(axes) == 1 and (total.settings[1] or len(exponential.shape) == 1):
                downs.remove(total)
                ups = list(ups)
                ups[ups.index(exponential)] = self.softmax(exponential.parts[0], axes[0])
        return ups

    def _logistic(self, ups: list[Term], downs: list[Term]) -> list[Term]:
        """The factors above, with e^u/(1 + e^u) as σ(u), 1/(1 + e^u) as σ(−u), and e^u σ(−u) as σ(u)."""
        one = self.number(1.0)
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
                ups.append(self.logistic(exponential.parts[0]))
            else:
                ups.append(self.logistic(self.product(exponential.parts, (), total.shape, -1.0)))
        for exponential in [one for one in ups if one.head == "exp"]:  # e^u σ(−u) is σ(u)
            opposite = self.logistic(self.product(exponential.parts, (), exponential.shape, -1.0))
            if exponential in ups and opposite in ups:
                ups = list(ups)
                ups.remove(exponential)
                ups[ups.index(opposite)] = self.logistic(exponential.parts[0])
        return ups

    def logistic(self, z: Term) -> Term:
        """σ(z); of −z it is 1 − σ(z)."""
        if factors(z)[0] < 0:
            opposite = self.logistic(self.product([z], (), z.shape, -1.0))
            return self.total([self.number(1.0), self.product([opposite], (), z.shape, -1.0)], z.shape)
        found = self.make("sigmoid", (z,), (), z.shape)
        return self.named.get(found, found)

    def softmax(self, exponent: Term, axis: int) -> Term:
        """softmax(u) along an axis, which no summand changes that is the same along it."""
        parts = exponent.parts if exponent.head == "total" else (exponent,)
        varying = [part for part in parts if is_varying(part, axis, len(exponent.shape))]
        inner = self.total(varying, exponent.shape) if varying else exponent
        found = self.make("softmax", (inner,), (axis,), exponent.shape)
        return self.named.get(found, found)

    # ── sums ─────────────────────────────────────────────────────────────────────────────────────

    def total(self, terms: Iterable[Term], shape: Shape | None = None) -> Term:
        """A sum, in which like terms are one and what all have in common stands before it."""
        terms = list(terms)
        shape = natural_shape(terms) if shape is None else shape
        if len(terms) > 1 and any(shared := self._shared(terms)):
            return self._times_total(terms, shared, shape)
        flat = [part for one in terms for part in (one.parts if one.head == "total" else (one,))]
        left = self._gathered(flat)
        expanded = self._gathered([part for one in flat for part in self._expanded(one)])
        if len(expanded) <= len(left) and expanded != left:  # (1 − y)·σ − y·(1 − σ) is σ − y
            left = expanded
        if not left:
            return self.number(0.0, shape)
        sizes = {abs(c) for _, c in left}
        common = next(iter(sizes)) if len(sizes) == 1 and len(left) > 1 else 1.0
        parts = [
            self.number(c / common) if core is None else self.product([core], (), core.shape, c / common)
            for core, c in left
        ]
        if len(parts) == 1:
            return self.product(parts, (), shape)
        if any(shared := self._shared(parts)):
            return self._times_total(parts, shared, shape, common)
        if all(factors(part)[0] < 0 for part in parts):
            common, parts = -common, [self.product([part], (), part.shape, -1.0) for part in parts]
        inner = self.make("total", sorted(parts, key=lambda part: factors(part)[0] < 0), (), natural_shape(parts))
        return inner if common == 1.0 and inner.shape == shape else self.product([inner], (), shape, common)

    def _times_total(
        self, terms: Sequence[Term], shared: tuple[list[Term], list[Term]], shape: Shape, coefficient: float = 1.0
    ) -> Term:
        """A sum with the factors that all of it has before it."""
        above, below = shared
        rest = self.total([self.product([term, *below], above, term.shape) for term in terms])
        return self.product([*above, rest], below, shape, coefficient)

    def _gathered(self, terms: Iterable[Term]) -> list[tuple[Term | None, float]]:
        """Like terms as one, with their coefficients added up; None stands for a mere number."""
        found: dict[Term | None, float] = {}
        for term in terms:
            coefficient, up, down = factors(term)
            core = self.product(up, down, term.shape) if up or down else None
            found[core] = found.get(core, 0.0) + coefficient
        return [(core, c) for core, c in found.items() if c]

    def _expanded(self, term: Term) -> list[Term]:
        """A product with a sum in it as the sum of products."""
        coefficient, up, down = factors(term)
        inner = next((one for one in up if one.head == "total"), None)
        if inner is None:
            return [term]
        others = list(up)
        others.remove(inner)
        return [self.product([*others, part], down, term.shape, coefficient) for part in inner.parts]

    def _shared(self, parts: Sequence[Term]) -> tuple[list[Term], list[Term]]:
        """The factors that all parts have above, and below the line."""
        _, up, down = factors(parts[0])
        above, below = Counter(up), Counter(down)  # of x²·y and x·z it is one x
        for part in parts[1:]:
            _, up, down = factors(part)
            above, below = above & Counter(up), below & Counter(down)
        return list(above.elements()), list(below.elements())

    # ── what moves, adds up and multiplies matrices ──────────────────────────────────────────────

    def scaled(self, term: Term) -> tuple[float, list[Term], list[Term], Term]:
        """A term as coefficient, scalar factors above and below, and the array that is left of it."""
        coefficient, up, down = factors(term)
        rest_up = [one for one in up if not one.is_scalar]
        rest_down = [one for one in down if not one.is_scalar]
        scalars = [one for one in up if one.is_scalar], [one for one in down if one.is_scalar]
        return coefficient, *scalars, self.product(rest_up, rest_down, term.shape)

    def matmul(self, a: Term, b: Term, shape: Shape) -> Term:
        """A product of matrices, with scalar factors before it."""
        c, up, down, a = self.scaled(a)
        d, more_up, more_down, b = self.scaled(b)
        if _is_vector(a) and _is_vector(b) and a.shape[1] == 1:
            a = self.make("reshape", a.parts[0].parts, (("shape", a.shape),), a.shape)  # x yᵀ, whatever x was before
        inner = [self.make("matmul", (a, b), (), shape)]
        if a.shape[-1:] == (1,) and len(shape) == 2 and "number" in (a.head, b.head):  # one summand, and a mere number
            inner = [a, b]
        return self.product([*up, *more_up, *inner], [*down, *more_down], shape, c * d)

    def transpose(self, a: Term) -> Term:
        """A transpose; that of a transpose is the matrix."""
        c, up, down, a = self.scaled(a)
        shape = a.shape[::-1]
        if a.head == "matmul" and any(part.head == "transpose" for part in a.parts):  # (aᵀ b)ᵀ is bᵀ a
            turned = self.matmul(self.transpose(a.parts[1]), self.transpose(a.parts[0]), shape)
            return self.product([*up, turned], down, shape, c)
        turned = a.parts[0] if a.head == "transpose" else self.make("transpose", (a,), (), shape)
        turned = self.number(a.settings[0], shape) if a.head == "number" else turned
        return self.product([*up, turned], down, shape, c)

    def summed(self, a: Term, axes: tuple[int, ...], shape: Shape, *, keeps: bool) -> Term:
        """A sum over axes, with what does not vary along them before it."""
        if a.head == "total":
            parts = [self.summed(self.product([part], (), a.shape), axes, shape, keeps=keeps) for part in a.parts]
            if any(all(one.head != "sum" for one in factors(part)[1]) for part in parts):
                return self.total(parts, shape)
        coefficient, up, down = factors(a)
        ndim = len(a.shape)

        def leaves(term: Term) -> bool:
            return (term.is_scalar or keeps) and not any(is_varying(term, axis, ndim) for axis in axes)

        inside_up, inside_down = ([one for one in group if not leaves(one)] for group in (up, down))
        outside = [[self.narrowed(one, axes, ndim) for one in group if leaves(one)] for group in (up, down)]
        if not inside_up and not inside_down:
            count = prod(a.shape[axis] for axis in axes)
            return self.product(outside[0], outside[1], shape, coefficient * count)
        inner = self.product(inside_up, inside_down, a.shape)
        if inner.head == "one_hot" and axes == (ndim - 1,):
            return self.product(outside[0], outside[1], shape, coefficient)
        alone = keeps and ndim == 1  # of a vector it is one number, whether it keeps the axis or not
        added = self.make("sum", (inner,), (axes, keeps and not alone), () if alone else shape)
        return self.product([*outside[0], added], outside[1], shape, coefficient)

    def narrowed(self, term: Term, axes: tuple[int, ...], ndim: int) -> Term:
        """A term that does not vary along some axes, of length 1 there."""
        before = ndim - len(term.shape)
        shape = tuple([1 if axis + before in axes else length for axis, length in enumerate(term.shape)])
        if shape == term.shape:
            return term
        parts = [self.narrowed(part, axes, ndim) for part in term.parts]
        if term.head == "total":
            return self.total(parts, shape)
        coefficient, above = term.settings if term.head == "product" else (term.settings[0], 0)
        return self.product(parts[:above], parts[above:], shape, coefficient)


def _is_vector(a: Term) -> bool:
    """Whether it is a transposed row or column that was made of a vector."""
    return a.head == "transpose" and a.parts[0].head == "reshape" and len(a.parts[0].parts[0].shape) == 1


def without_units(shape: Shape) -> Shape:
    """A shape without its axes of length 1."""
    return tuple([length for length in shape if length != 1])


def is_varying(term: Term, axis: int, ndim: int) -> bool:
    """Whether a term, as part of an array of so many axes, differs along one of them."""
    own = axis - (ndim - len(term.shape))
    if own < 0 or term.head == "number":
        return False
    if term.head in ("product", "total"):
        return any(is_varying(part, axis, ndim) for part in term.parts)
    return term.shape[own] != 1
