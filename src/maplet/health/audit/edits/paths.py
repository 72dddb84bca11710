"""Edits of whole cotangents: a path to the loss that is left out or counted twice; and, last of all, no known cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.numbers import ratio
from maplet.health.audit.program.tape import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call

cost_of_paths = 2.5


def forgotten(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """A path from a value to the loss that is left out of its cotangent, or counted twice."""
    truth = bench.truth
    of_shape: dict[tuple[int, ...], list[Call]] = {}
    for call in calls:
        of_shape.setdefault(np.shape(values[call.number]), []).append(call)
    for paths in truth.forgettable if not truth.problem else ():
        without = truth.detached(paths)
        for number, right in truth.cotangents.items():
            less = without[number]
            if right.shape not in of_shape or np.allclose(less, right, rtol=1e-7, atol=1e-12):
                continue
            for call in of_shape[right.shape]:
                if bench.turns.may_pair(call.number, number):
                    yield from _mended_paths(values, call, number, (right, less), paths[0])


def _mended_paths(
    values: Values, call: Call, number: int, cotangents: tuple[Any, Any], edge: tuple[int, int]
) -> Iterator[Edit]:
    """The cotangent of a value in the place of one that lacks a path, or has it twice, or has another term for it."""
    (right, less), value = cotangents, values[call.number]
    for factor, used in _beside(values, call, right, less):
        detail = {"edge": edge, "used": used, "right": number, "place": (number, number)}
        yield Edit((call.number,), (Cause.WRONG_VALUE,), cost_of_paths + 0.2, _replaced(number, factor), detail)
    for mutated, cause in ((less, Cause.MISSING_PATH), (2 * right - less, Cause.EXTRA_PATH)):
        factor = _multiple(value, mutated)
        if factor is not None:
            detail = {"edge": edge, "value": edge[1], "place": (number, number)}
            yield Edit((call.number,), (cause,), cost_of_paths, _replaced(number, factor), detail)


def _beside(values: Values, call: Call, right: Any, less: Any) -> Iterator[tuple[float, int]]:
    """In a sum of two paths of which one is right, its factor, and what stands in the place of the other."""
    if call.kind not in ("add", "subtract") or len(call.operands) != 2 or ratio(values[call.number], right) is not None:
        return
    for ref, other in (call.operands, call.operands[::-1]):
        for part in (less, right - less):
            factor = _multiple(values[ref], part) if np.shape(values[ref]) == right.shape else None
            if factor is not None:
                yield (-factor if call.kind == "subtract" and ref == call.operands[1] else factor), other


def _multiple(value: Any, of: Any) -> float | None:
    flat, given = np.ravel(of), np.ravel(value)
    size, product = float(flat @ flat), float(flat @ given)
    factor = product / size if size > 0 else 0.0
    if factor * product < (1 - 1e-9) * float(given @ given):  # the directions differ
        return None
    if np.size(of) < 2 and abs(factor - 1) > 1e-7:  # one number is a multiple of any other
        return None
    return factor if factor and np.allclose(of * factor, value, rtol=1e-7, atol=1e-10 * np.max(np.abs(of))) else None


def _replaced(number: int, factor: float = 1.0) -> Callable[[Bench, list[Any], int], Any]:
    return lambda bench, _v, _n: bench.truth.cotangents[number] * factor


def terms_of_entries(bench: Bench, values: Values, _calls: Sequence[Call]) -> Iterator[Edit]:
    """A term that is added to every entry and belongs to some of them: a penalty that leaves out the intercept."""
    for output in bench.outputs:
        call, right = bench.calls[bench.calls[output.number].operands[0]], bench.expected[output.name]
        if call.kind not in ("add", "subtract") or np.shape(values[call.number]) != right.shape:
            continue
        for ref in call.operands[:1] if call.kind == "subtract" else call.operands:
            wrong = _wrong_entries(values[call.number], right)
            if np.shape(values[ref]) == right.shape and np.any(wrong) and not np.all(wrong):

                def mend(bench: Bench, v: list[Any], n: int, ref: int = ref, name: str = output.name) -> Any:
                    return np.where(_wrong_entries(v[n], bench.expected[name]), v[ref], np.asarray(v[n], np.float64))

                yield Edit((call.number,), (Cause.EXTRA_PATH,), 1.4, mend, {"base": ref})


def unread_rows(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """A cotangent of rows that the loss does not read, as those without a label: the others are right."""
    partly = {n: read for n, right in bench.truth.cotangents.items() if (read := _read(bench, n, right)) is not None}
    for call in calls:
        value = values[call.number]
        for number, read in partly.items():
            right = bench.truth.cotangents[number]
            if np.shape(value) != right.shape or not bench.turns.may_pair(call.number, number):
                continue
            if np.any(value[~read]) and np.allclose(value[read], right[read], rtol=1e-7, atol=1e-12):
                detail = {"words": "unread", "value": number}
                yield Edit((call.number,), (Cause.EXTRA_PATH,), 1.6, _replaced(number), detail)


def _read(bench: Bench, number: int, right: Any) -> Any:
    """Which rows of a value have a gradient, if it is some and the loss chooses among the rows; else None."""
    read = np.any(right, axis=tuple(range(1, right.ndim))) if right.ndim else np.ones(())
    if np.all(read) or not np.any(read):
        return None
    taken = (c.operands[0] for c in bench.calls[number : bench.run.loss] if _takes_rows(bench, c))
    return None if _behind(bench, number).isdisjoint(taken) else read


def _takes_rows(bench: Bench, call: Call) -> bool:
    """Whether a call takes the rows that an array says, by a mask or by their numbers, and no slice."""
    if call.kind not in ("getitem", "take") or len(call.args) < 2:
        return False
    key: Any = call.args[1]
    parts: Sequence[Any] = cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,)
    return any(np.ndim(bench.run.value(one.number) if isinstance(one, Ref) else one) > 0 for one in parts)


def _behind(bench: Bench, number: int) -> set[int]:
    """A value, and what is computed from it element by element or row by row, in the same shape."""
    found, shape = {number}, np.shape(bench.run.value(number))
    for call in bench.calls[number + 1 : bench.run.loss]:
        if not found.isdisjoint(call.operands) and np.shape(bench.run.value(call.number)) == shape:
            found.add(call.number)
    return found


def _wrong_entries(value: Any, right: Any) -> Any:
    return np.asarray(np.abs(np.subtract(value, right)) > 1e-8 * np.max(np.abs(right), initial=1e-8))


def unexplained(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """The right cotangent in the place of a value: tells where an error begins when nothing tells why."""
    for call in calls:
        for number, right in bench.truth.cotangents.items():
            if np.shape(values[call.number]) == right.shape and bench.turns.may_pair(call.number, number):
                yield Edit((call.number,), (Cause.UNKNOWN,), 10.0, _replaced(number), {"value": number})
