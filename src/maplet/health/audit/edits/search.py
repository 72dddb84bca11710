"""The search for the few edits of the backward pass that make every gradient right.

One edit after the other, each the one that makes most gradients right; where none does, the one that makes a gradient a
multiple of the right one, or that makes a step of the backward pass a right cotangent, so that what follows is judged
against a prefix that is known. Each is tried on other random inputs before it is believed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.edits.axes import broadcast, summed, transposed
from maplet.health.audit.edits.edit import Edit, Kind
from maplet.health.audit.edits.exchanges import exchanged
from maplet.health.audit.edits.indices import (
    counted_once,
    one_of_many,
    other_entries,
    other_windows,
    overwritten,
    reversed_axes,
    routed,
    swapped_keys,
)
from maplet.health.audit.edits.local_derivatives import local_derivatives, missing_at_errors, other_masks
from maplet.health.audit.edits.loops import in_loops
from maplet.health.audit.edits.multiples import climbing, opposite, scaled, turned_exponents
from maplet.health.audit.edits.operands import left_out, recoded
from maplet.health.audit.edits.pairs import one_of_two
from maplet.health.audit.edits.paths import forgotten, terms_of_entries, unexplained, unread_rows
from maplet.health.audit.edits.sequences import same_turn, same_turn_back, shifted
from maplet.health.audit.edits.steps import cut_off, rescaled, skipped_products, wrong_starts, wrong_steps
from maplet.health.audit.numbers import agrees, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.edits.bench import Bench

ordinary: Sequence[Kind] = (
    climbing,
    opposite,
    turned_exponents,
    terms_of_entries,
    unread_rows,
    scaled,
    summed,
    transposed,
    broadcast,
    local_derivatives,
    other_masks,
    missing_at_errors,
    left_out,
    cut_off,
    exchanged,
    shifted,
    same_turn,
    same_turn_back,
    recoded,
    one_of_many,
    counted_once,
    overwritten,
    routed,
    swapped_keys,
    other_windows,
    other_entries,
    reversed_axes,
)
far_fetched: Sequence[Kind] = (
    rescaled,
    skipped_products,
    wrong_steps,
    wrong_starts,
    forgotten,
)  # which take long to make
least_far = 2.3  # what the cheapest of them costs
explanations: Sequence[Kind] = (unexplained,)
# These look at values of the forward pass, too.
of_operands = (
    exchanged,
    missing_at_errors,
    shifted,
    same_turn,
    other_masks,
    other_windows,
    recoded,
    left_out,
    turned_exponents,
)
unexplained_factor = 5.0  # what such an edit costs, at least
most_work = 1_500_000  # calls that are computed to try the edits of a stage
most_faults = 6
most_edits = 24  # of one line in a loop, several


class Tried(NamedTuple):
    """An edit, and how many gradients it makes right."""

    gain: int
    edit: Edit


Score = tuple[int, int, int, int]
"""How many gradients are right, a multiple of what is right, of the right size; and how many cotangents are there."""


def repaired(first: Bench, others: Sequence[Bench]) -> list[Edit]:
    """The edits that make the gradients right, as far as they are found, in the order of the program."""
    chosen: list[Edit] = []
    while not _enough(first, chosen) and len(_right(first, chosen)) < len(first.outputs):
        edit = _best(first, others, chosen, (ordinary, far_fetched)) or _best(first, others, chosen, (explanations,))
        if edit is None:
            break
        chosen.append(edit)
    for edit in list(chosen):  # what a later one made unnecessary
        rest = [other for other in chosen if other is not edit]
        if _right(first, rest) == _right(first, chosen) and _sizes(first, rest) == _sizes(first, chosen):
            chosen = rest
    return sorted(chosen, key=lambda edit: edit.numbers)


def _enough(bench: Bench, chosen: Sequence[Edit]) -> bool:
    faults = {(edit.causes, bench.calls[edit.numbers[0]].lines[:1]) for edit in chosen}
    return len(faults) >= most_faults or len(chosen) >= most_edits


def _sizes(bench: Bench, chosen: Sequence[Edit]) -> int:
    return _score_under(bench, chosen)[2]


def _right(bench: Bench, chosen: Sequence[Edit]) -> frozenset[str]:
    values = bench.values(chosen)
    return bench.right(values) if values is not None else frozenset()


def _best(first: Bench, others: Sequence[Bench], chosen: list[Edit], stages: Sequence[Sequence[Kind]]) -> Edit | None:
    """The edit that helps most, among those the least far-fetched, and of several the first value that is not right."""
    before = first.values(chosen)
    assert before is not None  # noqa: S101  (they were tried)
    level = _score(first, before)
    found: list[Tried] = []
    for stage in stages:
        found += _tried(first, others, before, chosen, stage)
        best = _gaining(first, others, chosen, found)
        if best is not None and (stage is stages[-1] or _is_enough(first, [*chosen, best])):
            return best
    if stages[-1] is explanations:
        return None
    steps: list[tuple[Score, Edit]] = []
    for each in found:
        score = _score_under(first, [*chosen, each.edit])
        if score > level and "only_right" not in each.edit.detail:
            steps.append((score, each.edit))
    steps.sort(key=lambda step: _order(step[0], level, step[1]))
    gradients = [edit for score, edit in steps[:20] if score[:3] > level[:3]]
    cotangents = [edit for score, edit in steps[:20] if score[:3] == level[:3]]
    return (
        _nearer(others, chosen, gradients)
        or one_of_two(first, others, chosen, [each.edit for each in found])
        or _nearer(others, chosen, cotangents)
    )


def _nearer(others: Sequence[Bench], chosen: list[Edit], several: Sequence[Edit]) -> Edit | None:
    """The first edit that brings the backward pass nearer on the other inputs, too."""
    for edit in several:
        if all(_score_under(other, [*chosen, edit]) > _score_under(other, chosen) for other in others):
            return edit
    return None


def _tried(
    bench: Bench, others: Sequence[Bench], before: Sequence[Any], chosen: list[Edit], kinds: Sequence[Kind]
) -> Iterator[Tried]:
    """The edits of some kinds that leave what is right as it is, until one makes all right that is likelier."""
    right, most, enough = bench.right(before), len(bench.outputs), np.inf
    likeliest = sorted(_candidates(bench, before, kinds), key=lambda edit: edit.cost)
    for edit in likeliest[: most_work // len(bench.calls)]:
        if edit.cost > enough:
            return
        values = bench.values([*chosen, edit])
        if values is not None and right <= (now := bench.right(values)):
            yield Tried(len(now) - len(right), edit)
            if len(now) == most and _confirmed(bench, others, chosen, edit):
                enough = edit.cost


def _gaining(first: Bench, others: Sequence[Bench], chosen: list[Edit], tried: Sequence[Tried]) -> Edit | None:
    """The edit that makes most gradients right, on all inputs."""
    before = first.values(chosen)
    assert before is not None  # noqa: S101  (they were tried)
    found = sorted((each for each in tried if each.gain > 0), key=_likeliest)
    best = [each for each in found if _likeliest(each) == _likeliest(found[0])]
    found[: len(best)] = sorted(best, key=lambda each: _distance(first, before, each.edit))
    return next((each.edit for each in found if _confirmed(first, others, chosen, each.edit)), None)


def _likeliest(tried: Tried) -> tuple[bool, int, float]:
    """A number that is made of none that the program knows is believed only where nothing else helps."""
    return tried.edit.cost > unexplained_factor, -tried.gain, tried.edit.cost


def _is_enough(bench: Bench, chosen: Sequence[Edit]) -> bool:
    """Whether all is right by an edit that is likelier than any of a later stage."""
    return chosen[-1].cost < least_far and len(_right(bench, chosen)) == len(bench.outputs)


def _order(score: Score, before: Score, edit: Edit) -> tuple[float, ...]:
    """Gradients that come right, or near, count first, then what is far-fetched; steps alone count before that."""
    right, several, fitting, matched = score
    if score[:3] > before[:3]:
        return 0, -right, -several, -fitting, edit.cost, -matched
    return 1, -matched, edit.cost


def _candidates(bench: Bench, values: Sequence[Any], kinds: Sequence[Kind]) -> Iterator[Edit]:
    right = bench.right(values)
    wrong = [o.number for o in bench.outputs if o.name not in right]
    behind = bench.run.tape.ancestors(wrong)
    calls = [call for call in bench.calls[bench.run.begin :] if call.number in behind]
    uses: dict[int, list[int]] = {}
    for call in calls:
        for operand in call.operands:
            uses.setdefault(operand, []).append(call.number)
    good = bench.run.tape.ancestors([o.number for o in bench.outputs if o.name in right])
    for kind in kinds:
        made = list(kind(bench, values, calls))
        if kind not in of_operands:  # what such a value is, is seldom a cotangent
            made = [e if _is_likely(bench, e) else replace(e, cost=e.cost + 1.0) for e in made]
        if kind is exchanged:
            made = [replace(e, cost=e.cost + 0.2) if bench.is_given(values, e.numbers[0]) else e for e in made]
        partial: list[Edit] = []
        for edit in made:
            own = [n for n in uses.get(edit.numbers[0], ()) if n not in good]
            if len(edit.numbers) == 1 and (edit.numbers[0] in good or len(own) > 1):
                partial += [_at_uses(edit, edit.numbers[0], [use]) for use in own]
                partial += [_at_uses(edit, edit.numbers[0], own)] if edit.numbers[0] in good and len(own) > 1 else []
        yield from (edit for edit in (*made, *partial) if not bench.turns.is_of_many(edit))
        yield from in_loops(bench, [*made, *partial])


def _is_likely(bench: Bench, edit: Edit) -> bool:
    """Whether what is edited may be a cotangent; so may a multiple of a parameter, of which a penalty is made."""
    operands = (bench.calls[number].operands for number in edit.numbers)
    penalty = "atoms" in edit.detail and all(len(o) == 1 and o[0] in bench.truth.wrt for o in operands)
    return penalty or bench.no_cotangents.isdisjoint(edit.numbers)


def _at_uses(edit: Edit, number: int, uses: Sequence[int]) -> Edit:
    """The same edit of a value only where it is used for wrong gradients: behind ``dz = dh``, of dz alone."""

    def apply(bench: Bench, values: list[Any], use: int) -> Any:
        mended = edit.apply(bench, values, number)
        return bench.calls[use].compute(values, {number: mended})

    return Edit(tuple(uses), edit.causes, edit.cost + 0.04 + 0.01 * len(uses), apply, {**edit.detail, "alias": number})


def _distance(bench: Bench, values: Sequence[Any], edit: Edit) -> tuple[int, int]:
    """How far an edit stands from where the backward pass leaves the right way; then its place in the program.

    A local derivative belongs behind the cotangent of the value that it is the derivative of; anything else to the
    first value that is no right cotangent.
    """
    cotangents = bench.truth.cotangents
    if edit.detail.get("place") and edit.detail.get("base") is not None:
        right = cotangents.get(edit.detail["place"][1])
        value = values[edit.detail["base"]]
        if right is None or ratio(value, right) is None:
            return 2, -max(edit.numbers)
        return int(not agrees(value, right, 1e-8)), -max(edit.numbers)
    value = values[edit.detail.get("alias", edit.numbers[0])]
    return int(any(agrees(value, right, 1e-8) for right in cotangents.values())), max(edit.numbers)


def _confirmed(first: Bench, others: Sequence[Bench], chosen: list[Edit], edit: Edit) -> bool:
    right = _right(first, [*chosen, edit])
    return all(_right(other, [*chosen, edit]) == right for other in others)


def _score(bench: Bench, values: Sequence[Any]) -> Score:
    several = sum(bench.expected[name].size > 1 for name in bench.ratios(values))
    fitting = sum(np.size(values[o.number]) == bench.expected[o.name].size for o in bench.outputs)
    return len(bench.right(values)), several, fitting, bench.matched(values)


def _score_under(bench: Bench, chosen: Sequence[Edit]) -> Score:
    values = bench.values(chosen)
    return _score(bench, values) if values is not None else (0, 0, 0, 0)
