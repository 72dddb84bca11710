"""A line that is run several times has its fault every time: the same edit of all its turns at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.bench import Bench, Edit


def in_loops(bench: Bench, edits: Sequence[Edit]) -> Iterator[Edit]:
    """Of the edits of single calls those that do the same in every turn of a loop, as one edit.

    Where an edit speaks of a place of the forward pass, the turns of both loops are paired in order, and in reverse.
    """
    families: dict[Any, dict[int, list[Edit]]] = {}
    for edit in edits:
        lines = bench.calls[edit.numbers[0]].lines
        if len(edit.numbers) == 1 and lines:
            for depth in (0, -1)[: len(lines)]:  # all turns of a loop; all calls of a helper, wherever they stand
                key = (depth, _family(bench, edit, depth))
                families.setdefault(key, {}).setdefault(edit.numbers[0], []).append(edit)
    seen = set[Any]()
    for family in families.values():
        if (which := tuple(map(id, (e for turn in family.values() for e in turn)))) in seen:
            continue
        seen.add(which)
        turns = [family[number] for number in sorted(family)]
        if len(turns) < 2:
            continue
        if all(len(turn) == 1 for turn in turns):
            yield _at_once([turn[0] for turn in turns])
        elif all(len(turn) == len(turns) for turn in turns):
            places = [sorted(turn, key=lambda edit: edit.detail.get("place") or ()) for turn in turns]
            yield _at_once([turn[n] for n, turn in enumerate(places)])
            yield _at_once([turn[-1 - n] for n, turn in enumerate(places)])
        else:
            yield from _by_place(turns)


def _by_place(turns: Sequence[Sequence[Edit]]) -> Iterator[Edit]:
    """The turns of both loops in order, and in reverse, where some turns have other edits as well, or lack some."""
    by_place = [{edit.detail["place"][1]: edit for edit in turn if edit.detail.get("place")} for turn in turns]
    places = sorted({place for turn in by_place for place in turn})
    for order in (places, places[::-1]) if len(places) == len(turns) else ():
        if all(place in turn for place, turn in zip(order, by_place, strict=True)):
            yield _at_once([turn[place] for place, turn in zip(order, by_place, strict=True)])


def _family(bench: Bench, edit: Edit, depth: int) -> Any:
    """What the edits of all turns have in common."""
    number, detail = edit.numbers[0], edit.detail
    call = bench.calls[number]
    base, of = detail.get("base"), detail.get("of")
    place: tuple[int, int] | None = detail.get("place")
    alias: int | None = detail.get("alias")
    return (
        None if alias is None else (bench.calls[alias].lines[depth:], bench.calls[alias].kind),
        call.lines[depth:],
        call.kind,
        edit.causes,
        edit.cost,
        None if base is None else number - base,
        call.operands.index(of) if of in call.operands else None,
        None if place is None else (bench.calls[place[1]].lines[depth:], bench.calls[place[1]].kind),
        detail.get("factor"),
        detail.get("code"),
        detail.get("axes"),
        detail.get("term"),
    )


def _at_once(edits: Sequence[Edit]) -> Edit:
    by_number = {edit.numbers[0]: edit for edit in edits}

    def apply(bench: Bench, values: list[Any], number: int) -> Any:
        return by_number[number].apply(bench, values, number)

    return replace(edits[0], numbers=tuple(by_number), apply=apply)
