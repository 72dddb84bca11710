"""The chain of derivatives from the loss to a node, written out: ∂L/∂w = ∂L/∂p · ∂p/∂z · ∂z/∂w."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.explain.formula import Formula, Name, Partial, Row, Sign, fenced, multiplied
from maplet.explain.rules import uses
from maplet.explain.symbols import number, number_of, size_of

if TYPE_CHECKING:
    from maplet.explain.node import ExplainedNode

    Way = tuple[tuple[ExplainedNode, int], ...]  # from the loss to the node: which use, and as which operand

most_ways, longest_way = 4, 12  # that are written out


def chain_formulas(step: ExplainedNode) -> list[Formula]:
    """∂L/∂p · ∂p/∂w, a sum of such products where several ways lead to the loss; of scalars with the numbers, too.

    Empty where no gradient comes, at the loss and right before it, and where the ways are too many or too long.
    """
    if step.derivation.loss.derivation is not step.derivation or step.cotangent is None:
        return []
    ways = _ways(step)
    if all(len(way) == 1 for way in ways):
        return []
    products = [
        _product([_local(user, by) for (user, _), by in zip(way, _after(way, step), strict=True)]) for way in ways
    ]
    found: list[Formula] = [_sum(products)]
    numbers = [[user.local(operand) for user, operand in way] for way in ways]
    if size_of(step) == 1 and all(one is not None and one.size == 1 for way in numbers for one in way):
        found.append(_sum([_product([fenced(number(one), multiplied) for one in way]) for way in numbers]))
        found.append(number_of(step.cotangent, Name(step.name)))
    return found


def _ways(step: ExplainedNode) -> list[Way]:
    """All ways from the loss to a node; none where they are too many or too long."""
    found: list[Way] = []
    waiting: list[tuple[ExplainedNode, Way]] = [(step, ())]
    while waiting:
        one, way = waiting.pop()
        if one.shown is step.derivation.loss.shown and way:
            found.append(way)
            continue
        waiting += [(user.shown, ((user, n), *way)) for user, n in uses(one)]
        if len(way) >= longest_way or len(found) + len(waiting) > most_ways:
            return []
    return found


def _after(way: Way, step: ExplainedNode) -> list[ExplainedNode]:
    """What each use on a way takes: the next one, and at the end the node itself."""
    return [*(user for user, _ in way[1:]), step]


def _local(user: ExplainedNode, by: ExplainedNode) -> Formula:
    return Partial(Name(user.shown.name), Name(by.shown.name))


def _product(factors: list[Formula]) -> Formula:
    parts = [part for factor in factors for part in (Sign("·"), factor)][1:]
    return parts[0] if len(parts) == 1 else Row(tuple(parts))


def _sum(terms: list[Formula]) -> Formula:
    parts = [part for term in terms for part in (Sign("+"), term)][1:]
    return parts[0] if len(parts) == 1 else Row(tuple(parts))
