"""Edits of which entries a line takes: one sample where all are to be added up, an axis in reverse, another class."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.places import is_at_the_end, meaningful
from maplet.health.audit.numbers import same_key
from maplet.health.audit.program.tape import Ref, filled
from maplet.health.audit.truth import largest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call


def one_of_many(_bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``dz[0]`` for ``dz.sum(axis=0)``: the gradient of one sample alone."""
    for call in calls:
        key = call.args[1] if call.kind == "getitem" and len(call.args) > 1 else None
        key = key if isinstance(key, tuple) else (key,)
        places = [n for n, part in enumerate(key) if isinstance(part, int | np.integer) and not isinstance(part, bool)]
        if len(places) != 1 or not all(same_key(part, slice(None)) for n, part in enumerate(key) if n not in places):
            continue
        axis = places[0]
        if axis < np.ndim(values[call.operands[0]]):

            def sum_up(bench: Bench, v: list[Any], n: int, axis: int = axis) -> Any:
                return np.sum(v[bench.calls[n].operands[0]], axis=axis)

            detail = {"axes": axis, "shape": np.shape(values[call.operands[0]])}
            yield Edit((call.number,), (Cause.NOT_SUMMED,), 1.2, sum_up, detail)


def counted_once(_bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``d[i] += g`` where an index stands more than once in i: NumPy adds one of its rows; `np.add.at`, all."""
    by_number = {call.number: call for call in calls}
    for call in calls:
        made = by_number.get(call.args[2].number) if call.kind == "setitem" and isinstance(call.args[2], Ref) else None
        if made is None or made.kind not in ("add", "subtract") or len(made.operands) != 2:
            continue
        taken, term = by_number.get(made.operands[0]), made.operands[1]
        if taken is None or taken.kind != "getitem" or not same_key(taken.args[1], call.args[1]):
            continue

        def add_all(bench: Bench, v: list[Any], n: int, term: int = term, by: str = made.kind) -> Any:
            call = bench.calls[n]
            found = np.array(v[call.operands[0]])
            (np.add if by == "add" else np.subtract).at(found, filled(call.args[1], lambda ref: v[ref.number]), v[term])
            return found

        yield Edit((call.number,), (Cause.MISSING_PATH,), 1.2, add_all, {"words": "counted once", "value": term})


def overwritten(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``dW = …`` or ``d[i] = …`` in a loop, for ``+=``: what earlier turns gave is lost."""
    families: dict[Any, list[int]] = {}
    for call in bench.calls[bench.run.begin :]:
        if call.lines:
            families.setdefault((_place(call), np.shape(values[call.number])), []).append(call.number)
    detail = {"words": "overwritten"}
    for call in calls:
        for ref in call.operands:
            turns = families.get((_place(bench.calls[ref]), np.shape(values[ref])), [])
            if len(turns) > 1 and turns[-1] == ref and not _takes_any(bench, call, turns[:-1]):
                yield Edit((call.number,), (Cause.MISSING_PATH,), 1.3, _sum_of(turns), {**detail, "alias": ref})
        if call.kind != "setitem" or not isinstance(call.args[2], Ref) or call.args[2].number < bench.run.begin:
            continue
        if np.shape(values[call.args[2].number]) or bench.counts[call.lines, call.kind] > 1:
            yield Edit((call.number,), (Cause.MISSING_PATH,), 1.3, _added_entries, detail)


def _place(call: Call) -> Any:
    return call.lines, call.kind, call.place


def _takes_any(bench: Bench, call: Call, turns: Sequence[int]) -> bool:
    """Whether the same place of the program takes what earlier turns gave, too."""
    return any(_place(bench.calls[taker]) == _place(call) for n in turns for taker in bench.takers.get(n, ()))


def _sum_of(turns: Sequence[int]) -> Any:
    def mend(bench: Bench, v: list[Any], n: int) -> Any:
        return bench.calls[n].compute(v, {turns[-1]: sum(np.asarray(v[number]) for number in turns)})

    return mend


def _added_entries(bench: Bench, v: list[Any], n: int) -> Any:
    base, key, term = (filled(arg, lambda ref: v[ref.number]) for arg in bench.calls[n].args)
    found = np.array(base)
    np.add.at(found, key, term)
    return found


def routed(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``d[window] = g`` for ``d[window] = winner * g``: the gradient of a maximum belongs to where it was."""
    places = [place for place in meaningful(bench) if bench.calls[place.last].kind in largest]
    for call in calls if places else ():
        term = call.args[-1] if call.kind in ("add", "setitem") else None
        if not isinstance(term, Ref):
            continue
        shape = np.shape(
            values[call.number] if call.kind == "add" else values[call.operands[0]][_filled(call.args[1], values)]
        )
        for place in places:
            fits = place.derivative.shape == shape != np.shape(values[term.number])
            if fits and bench.turns.may_pair(call.number, place.last):
                mend = _routed(term.number, place.first, place.last)
                detail = {"place": (place.first, place.last), "base": None}
                yield Edit((call.number,), (Cause.MISSING_DERIVATIVE,), 1.3, mend, detail)


def _routed(term: int, first: int, last: int) -> Any:
    def mend(bench: Bench, v: list[Any], n: int) -> Any:
        return bench.calls[n].compute(v, {term: v[term] * bench.truth.factors_between(first, last)})

    return mend


def _filled(key: Any, values: Values) -> Any:
    return filled(key, lambda ref: values[ref.number])


def reversed_axes(bench: Bench, values: Values, _calls: Sequence[Call]) -> Iterator[Edit]:
    """A gradient with an axis in reverse: a kernel that was turned round, steps of time that were."""
    for output in bench.outputs:
        for axis, length in enumerate(np.shape(values[output.number])):
            if length > 1:

                def turn(_bench: Bench, v: list[Any], n: int, axis: int = axis) -> Any:
                    return np.flip(v[n], axis)

                detail = {"used": output.number, "right": output.wrt, "reversed": axis}
                yield Edit((output.number,), (Cause.WRONG_VALUE,), 2.1, turn, detail)


def other_entries(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``p[t] -= 1`` at another entry than the one that the loss takes: labels that are plain numbers."""
    for taken in bench.calls[: bench.run.loss + 1]:
        if taken.kind != "getitem" or taken.number not in bench.truth.cotangents:
            continue
        shape, entry = np.shape(bench.run.value(taken.operands[0])), taken.args[1]
        for call in calls if is_at_the_end(bench, taken.number) else ():
            if not bench.turns.may_pair(call.number, taken.number):
                continue
            if call.kind != "setitem" or np.shape(values[call.number]) != shape:
                continue
            key = call.args[1]
            right = entry[0] if isinstance(entry, tuple) and not isinstance(key, tuple) else entry
            if type(key) is type(right) and _is_plain(key) and _is_plain(right):
                detail = {"place": (taken.operands[0], taken.number), "base": None, "code": "entry"}
                yield Edit((call.number,), (Cause.WRONG_TARGET,), 1.8, _moved(key, right), detail)
            elif isinstance(entry, tuple) and not same_key(key, entry):  # d[:, t] for d[np.arange(n), t]
                detail = {"place": (taken.operands[0], taken.number), "base": None, "code": "entry of each row"}
                yield Edit((call.number,), (Cause.WRONG_TARGET,), 1.8, _moved_to(entry), detail)


def _moved_to(entry: Any) -> Any:
    """What was added to some entries, the same to each of them, is added to those that the loss takes."""

    def move(bench: Bench, v: list[Any], n: int) -> Any:
        found = np.array(v[bench.calls[n].operands[0]])
        change = v[n] - found
        by = change[change != 0]
        if not by.size or np.ptp(by) > 1e-9 * np.max(np.abs(by)):
            return v[n]
        found[_filled(entry, v)] += by.flat[0]
        return found

    return move


def other_windows(bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``x[2 * i : 2 * i + k]`` where ``x[i : i + k]`` stands: in each turn, the entries that the forward loop takes."""
    backward = _windows(calls)
    for keys, numbers in backward.items():
        for others, taken in _windows(bench.calls[: bench.forward_end]).items():
            if keys == others or len(keys) != len(others) or (keys in backward and others in backward):
                continue
            right = [bench.calls[n].args[1] for n in taken[0]]
            swap = {n: key for several in numbers for n, key in zip(several, right, strict=True)}

            def take(bench: Bench, v: list[Any], n: int, swap: Any = swap) -> Any:
                call = bench.calls[n]
                assert call.function is not None  # noqa: S101  (an input has no key)
                base, _, *rest = filled(call.args, lambda ref: v[ref.number])
                return call.function(base, swap[n], *rest)

            detail = {"used": numbers[0][0], "right": taken[0][0]}
            yield Edit(tuple(sorted(swap)), (Cause.WRONG_VALUE,), 1.9, take, detail)


def _windows(calls: Sequence[Call]) -> dict[tuple[str, ...], list[list[int]]]:
    """The keys that a line takes entries by in all its turns, with slices in them, and the calls that take by them."""
    places: dict[Any, list[Call]] = {}
    for call in calls:
        key = call.args[1] if call.kind in ("getitem", "setitem") else None
        if isinstance(key, tuple) and any(isinstance(part, slice) and part != slice(None) for part in key):
            places.setdefault((call.lines, call.kind, call.place), []).append(call)
    found: dict[tuple[str, ...], list[list[int]]] = {}
    for turns in places.values():
        if len(turns) > 1 and all(len(call.operands) == (2 if call.kind == "setitem" else 1) for call in turns):
            found.setdefault(tuple(str(call.args[1]) for call in turns), []).append([call.number for call in turns])
    return found


def swapped_keys(_bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``d[j, i] += g`` for ``d[i, j] += g``."""
    for call in calls:
        key = call.args[1] if call.kind == "setitem" else None
        if not isinstance(key, tuple) or len(key) != 2 or any(isinstance(part, slice) or part is None for part in key):
            continue
        one, other = _filled(key, values)
        shape = np.shape(values[call.operands[0]])
        if len(shape) == 2 and shape[0] == shape[1] and np.ndim(one) == np.ndim(other) == 0:

            def turn(bench: Bench, v: list[Any], n: int) -> Any:
                key = _filled(bench.calls[n].args[1], v)
                return _moved(key, key[::-1])(bench, v, n)

            yield Edit((call.number,), (Cause.TRANSPOSE,), 1.2, turn, {"of": call.number})


def _is_plain(key: Any) -> bool:
    return isinstance(key, int) or (isinstance(key, tuple) and all(isinstance(part, int) for part in key))


def _moved(key: Any, right: Any) -> Any:
    """What was added to one entry is added to another."""

    def move(bench: Bench, v: list[Any], n: int) -> Any:
        before = v[bench.calls[n].operands[0]]
        found = np.array(before)
        found[right] += np.sum(v[n][key] - before[key])
        return found

    return move
