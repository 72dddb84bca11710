"""In which lines terms are written: the variables that are spoken of, and a name for what comes more than once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from maplet.explain.terms import Term

    Lines = list[tuple[str, Term]]

deepest = 12  # operations inside one another in one formula
comparisons = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
seen_through = {"transpose", "reshape", "one_hot", "item"}


def arranged(definitions: Mapping[str, Term], results: Iterable[Term]) -> tuple[Lines, dict[Term, str]]:
    """Lines that lead to some results, in order, and the names δ1, δ2, … that they give.

    Parameters
    ----------
    definitions
        What the variables of the function are; those that nothing speaks of are left out.
    results
        What is to be written in the end.
    """
    results = list(results)
    spoken: dict[str, Term] = {}
    waiting = symbols_in(results)
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in spoken:
            spoken[name] = definitions[name]
            waiting += symbols_in([definitions[name]])
    known = {name: spoken[name] for name in definitions if name in spoken}
    written = [*known.values(), *results]
    order = in_order(written)
    shared = _worth_a_name(order, _uses(order, written), set(known.values()))
    names = {term: f"δ{n}" for n, term in enumerate(shared, start=1)}
    place = {term: n for n, term in enumerate(order)}
    lines = [*known.items(), *((name, term) for term, name in names.items())]
    return sorted(lines, key=lambda line: place[line[1]]), names  # each speaks only of those before it


def in_order(terms: Iterable[Term]) -> list[Term]:
    """Every part of some terms, each after its own parts."""
    found: dict[Term, None] = {}
    waiting = [(term, False) for term in reversed(list(terms))]
    while waiting:
        term, ready = waiting.pop()
        if term in found:
            continue
        if ready:
            found[term] = None
        else:
            waiting += [(term, True), *((part, False) for part in reversed(term.parts))]
    return list(found)


def symbols_in(terms: Iterable[Term]) -> list[str]:
    """The variables that terms speak of."""
    return [term.settings[0] for term in in_order(terms) if term.head == "symbol"]


def _uses(order: Sequence[Term], written: Iterable[Term]) -> Counter[Term]:
    """How often each term would be written, if what comes more than once had a name."""
    uses = Counter(written)
    for term in reversed(order):
        times = uses[term] if _is_seen_through(term) else 1
        for part, count in Counter(term.parts).items():
            uses[part] += times if term.head == "product" else times * count  # x·x is x²
    return uses


def _worth_a_name(order: Sequence[Term], uses: Counter[Term], known: set[Term]) -> list[Term]:
    """What comes more than once, or would be nested too deeply to be read, and so what is apart."""
    depth: dict[Term, int] = {}
    found: list[Term] = []
    for term in order:
        depth[term] = 1 + max((depth[part] for part in term.parts), default=0)
        if term in known or _is_small(term) or _is_seen_through(term):
            continue
        if uses[term] > 1 or depth[term] > deepest or term.head == "apart":
            found.append(term)
            depth[term] = 0
    return found


def _is_small(term: Term) -> bool:
    """Whether it is written as quickly as a name: a function of a variable, a variable compared with a number."""
    if term.head == "indicator":
        return _is_small(term.parts[0])
    return (len(term.parts) < 2 or term.head in comparisons) and not any(part.parts for part in term.parts)


def _is_seen_through(term: Term) -> bool:
    """Whether it says little by itself, so that rather what is in it gets a name: a transpose, a factor before it."""
    return term.head in seen_through or (term.head == "product" and len(term.parts) == 1)
