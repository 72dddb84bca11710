"""The algebra of terms: each is made once, and sums, products and quotients are put in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maplet.core.graph import Graph
from maplet.explain.recognition import (
    with_logistic,
    with_reflection,
    with_softmax,
    with_softplus,
    without_pick,
    without_picks,
)
from maplet.explain.terms import Term, factors, natural_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from maplet.explain.terms import Shape

largest = 40  # sums and products are put in order only as long as they have no more parts
largest_shared = 24  # the same of what comes several times


def _settled(settings: Any) -> Any:
    """Settings as a key: of two programs inside, each is one of its own, and NaN is NaN."""
    if isinstance(settings, tuple):
        return tuple(map(_settled, settings))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return ("program", id(settings)) if isinstance(settings, Graph) else repr(settings)


@dataclass
class Algebra:
    """Makes terms, each once, and in order."""

    known: dict[Any, Term] = field(default_factory=dict[Any, Term])
    named: dict[Term, Term] = field(default_factory=dict[Term, Term])  # what of softmax, σ has a name → its symbol
    distributions: dict[Term, int] = field(default_factory=dict[Term, int])  # symbol → along which axis it adds up to 1
    infinite: set[Term] = field(default_factory=set["Term"])  # symbols of what is not finite, such as a mask of −∞
    relied_on: dict[Term, None] = field(default_factory=dict[Term, None])  # which of these it made use of

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
        ups = self._multiplied_out(with_logistic(self, with_softmax(self, without_picks(ups, downs), downs), downs))
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
            divisors = {without_pick(divisor) for part in total.parts for divisor in factors(part)[2]}
            for factor in ups:
                if factor in divisors:
                    others = list(ups)
                    others.remove(factor)
                    others.remove(total)
                    parts = [self.product([factor, part]) for part in total.parts]
                    return [*others, self.total(parts)]
        return ups

    # ── sums ─────────────────────────────────────────────────────────────────────────────────────

    def total(self, terms: Iterable[Term], shape: Shape | None = None) -> Term:
        """A sum, in which like terms are one and what all have in common stands before it."""
        terms = list(terms)
        shape = natural_shape(terms) if shape is None else shape
        if len(terms) > 1 and any(shared := self._shared(terms)):
            return self._times_total(terms, shared, shape)
        flat = [part for one in terms for part in (one.parts if one.head == "total" else (one,))]
        left = self._gathered(flat)
        expanded = with_softplus(self, self._gathered([part for one in flat for part in self.expanded(one)]))
        left, expanded = with_reflection(self, left), with_reflection(self, expanded)
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

    def expanded(self, term: Term) -> list[Term]:
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
