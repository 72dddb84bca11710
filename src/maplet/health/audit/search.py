"""The search: which few edits of the backward pass make every gradient right?

One edit after the other, each the one that makes most gradients right; where none does, the one that makes a gradient a
multiple of the right one, or that makes a step of the backward pass a right cotangent, so that what follows is judged
against a prefix that is known. Each is tried on other random inputs before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from maplet.health.audit import edits
from maplet.health.audit.bench import Bench, Edit
from maplet.health.audit.local_derivatives import local_derivatives
from maplet.health.audit.operands import exchanged, left_out, recoded

kinds: Sequence[edits.Kind] = (
    edits.opposite,
    edits.scaled,
    edits.summed,
    edits.transposed,
    edits.broadcast,
    local_derivatives,
    left_out,
    exchanged,
    recoded,
    edits.forgotten,
)
most_edits = 4
Score = tuple[int, int, int]


def repaired(first: Bench, others: Sequence[Bench]) -> list[Edit]:
    """The edits that make the gradients right, as far as they are found, in the order of the program."""
    chosen: list[Edit] = []
    while len(chosen) < most_edits and len(_right(first, chosen)) < len(first.outputs):
        edit = _best(first, others, chosen, kinds) or _best(first, others, chosen, [edits.unexplained])
        if edit is None:
            break
        chosen.append(edit)
    for edit in list(chosen):  # what a later one made unnecessary
        rest = [other for other in chosen if other is not edit]
        if _right(first, rest) == _right(first, chosen):
            chosen = rest
    return sorted(chosen, key=lambda edit: edit.numbers)


def _right(bench: Bench, chosen: Sequence[Edit]) -> frozenset[str]:
    values = bench.values(chosen)
    return bench.right(values) if values is not None else frozenset()


def _best(first: Bench, others: Sequence[Bench], chosen: list[Edit], kinds: Sequence[edits.Kind]) -> Edit | None:
    """The edit that helps most, and among those the least far-fetched; the one nearest to the gradients of several."""
    before = first.values(chosen)
    assert before is not None  # noqa: S101  (they were tried)
    right, level = first.right(before), _score(first, before)
    found: list[tuple[int, float, int, Edit, list[Any]]] = []
    for edit in _candidates(first, before, kinds):
        values = first.values([*chosen, edit])
        if values is not None and right <= (now := first.right(values)):
            found.append((len(now) - len(right), edit.cost, max(edit.numbers), edit, values))
    found.sort(key=lambda each: (-each[0], each[1], -each[2]))
    for gain, _, _, edit, _ in found:
        if gain > 0 and _confirmed(first, others, chosen, edit):
            return edit
    if kinds == [edits.unexplained]:
        return None
    nearer = [(_score(first, values), edit) for *_, edit, values in found]
    nearer = [(score, edit) for score, edit in nearer if score > level]
    nearer.sort(key=lambda each: (tuple(-n for n in each[0]), each[1].cost))
    for score, edit in nearer[:20]:
        if all(_score_under(other, [*chosen, edit]) == score for other in others):
            return edit
    return None


def _candidates(bench: Bench, values: Sequence[Any], kinds: Sequence[edits.Kind]) -> Iterator[Edit]:
    right = bench.right(values)
    wrong = [o.number for o in bench.outputs if o.name not in right]
    behind = bench.run.tape.ancestors(wrong)
    calls = [call for call in bench.calls[bench.run.begin :] if call.number in behind]
    for kind in kinds:
        yield from kind(bench, values, calls)


def _confirmed(first: Bench, others: Sequence[Bench], chosen: list[Edit], edit: Edit) -> bool:
    right = _right(first, [*chosen, edit])
    return all(_right(other, [*chosen, edit]) == right for other in others)


def _score(bench: Bench, values: Sequence[Any]) -> Score:
    several = sum(1 for o in bench.outputs if o.name in bench.ratios(values) and bench.expected[o.name].size > 1)
    return len(bench.right(values)), several, bench.matched(values)


def _score_under(bench: Bench, chosen: Sequence[Edit]) -> Score:
    values = bench.values(chosen)
    return _score(bench, values) if values is not None else (0, 0, 0)
