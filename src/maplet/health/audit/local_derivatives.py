"""Edits of what the chain rule multiplies with: a local derivative that is missing, wrong, or there once too often.

If a value v of the backward pass is an earlier one b times a factor F, element by element, then F is what v becomes
where b is replaced by ones; that needs no look at how it is written. The edit puts another factor in its place: 1, or a
local derivative of the forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.activations import derivative_of
from maplet.health.audit.bench import Bench, Edit
from maplet.health.audit.causes import Cause
from maplet.health.audit.numbers import alike, ratio
from maplet.health.audit.tape import Ref
from maplet.health.audit.truth import Region, branching, elementwise

if TYPE_CHECKING:
    from maplet.health.audit.tape import Call

Values = Sequence[Any]


class Place(NamedTuple):
    """Where the chain rule multiplies.

    Parameters
    ----------
    region
        The function between the two values; None of a product, a quotient or a largest value.
    first, last
        The values.
    derivative
        ∂last/∂first, element by element, times `scale`.
    scale
        A constant of the program that other constants cancel in a derivation by hand: 2 of ``r**2 / (2 * s**2)``.
    """

    region: Region | None
    first: int
    last: int
    derivative: Any
    scale: float = 1.0
    inner: bool = False  # whether it is part of a function between two values that have names


keeps_shape = elementwise | {"setitem", "nan_to_num", "sign", "round"}
activating = {"exp", "expm1", "exp2", "tanh", "cosh", "expit", "logaddexp"}
limits = {"clip", "maximum", "minimum", "sign", "tanh", "round", "nan_to_num", "fmin", "fmax"}


def local_derivatives(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """Another factor, element by element, in the place of the one that a line multiplies with."""
    wanted = meaningful(bench)
    masks = _masks(values, calls)
    for call in calls:
        shape = np.shape(values[call.number])
        for base in (call.number, *_chain(bench, values, call)):
            factor = _factor(bench, values, call.number, base)
            if factor is None:
                continue
            if base != call.number:
                yield _without(bench, call.number, base, factor, wanted)
            for place in wanted:
                if not bench.turns.may_pair(call.number, place.last):
                    continue
                right = fitted(place.derivative, shape)
                if right is not None and not alike(factor, right):
                    edit = _instead(bench, values, call.number, base, factor, place._replace(derivative=right))
                    hidden = base == call.number and any(alike(right * mask, right) for mask in masks.get(base, ()))
                    yield replace(edit, cost=edit.cost + 0.7) if hidden else edit
        yield from _function_for_derivative(values, call, wanted)


def _masks(values: Values, calls: Sequence[Call]) -> dict[int, list[Any]]:
    """What a value was multiplied with, or is later: beside a wrong mask the right one only seems to be missing."""
    found: dict[int, list[Any]] = {}
    for call in calls:
        if call.kind == "multiply" and len(call.operands) == 2:
            for one, other in (call.operands, call.operands[::-1]):
                mask = np.asarray(values[other])
                if mask.shape == np.shape(values[one]) and np.all((mask == 0) | (mask == 1)):
                    found.setdefault(one, []).append(mask)
                    found.setdefault(call.number, []).append(mask)
    return found


def other_masks(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """Where a local derivative is 0, in the place of another condition: ``margin < 0`` for ``margin < 1``."""
    functions = [place for place in meaningful(bench) if place.region is not None]
    kinked = [p for p in functions if bench.calls[p.last].kind in branching or not np.all(p.derivative)]
    for call in calls:
        mask = np.asarray(values[call.number])
        for place in kinked if mask.dtype.kind == "b" else ():
            counts = place.derivative != 0
            if counts.shape == mask.shape and not np.array_equal(counts, mask):

                def mend(other: Bench, _v: list[Any], _n: int, first: int = place.first, last: int = place.last) -> Any:
                    return derivative_between(other, first, last) != 0

                detail = {"place": (place.first, place.last), "base": None, "other": None}
                yield Edit((call.number,), (Cause.WRONG_DERIVATIVE,), 1.8, mend, detail)


def fitted(derivative: Any, shape: tuple[int, ...]) -> Any:
    """A local derivative in the shape of a cotangent; that of one number per row goes along the row."""
    if derivative.shape == shape:
        return derivative
    if derivative.ndim == 1 and len(shape) == 2 and shape[0] == len(derivative):
        return np.broadcast_to(derivative[:, None], shape)
    if derivative.ndim and np.ptp(derivative) == 0:
        return np.full(shape, derivative.flat[0])
    return None


def _function_for_derivative(values: Values, call: Call, wanted: Sequence[Place]) -> Iterator[Edit]:
    """A multiple of a function of the forward pass, where one of its derivative belongs."""
    for region, first, last, *_ in wanted:
        factor = ratio(region.y, values[call.number]) if region is not None else None
        if factor is not None:

            def mend(
                bench: Bench, _v: list[Any], _n: int, at: tuple[int, int] = (first, last), c: float = factor
            ) -> Any:
                return c * derivative_between(bench, *at)

            detail = {"place": (first, last), "base": None}
            yield Edit((call.number,), (Cause.WRONG_DERIVATIVE,), 2.0, mend, detail)


def meaningful(bench: Bench) -> Sequence[Place]:
    """The local derivatives between values that have a name, or where a function of one value begins and ends."""
    if bench.places is None:
        bench.places = _meaningful(bench)
    return bench.places


def _meaningful(bench: Bench) -> list[Place]:
    truth, names = bench.truth, bench.run.names
    if truth.problem:
        return []
    inside = {(r.first, r.last) for r in truth.regions}
    begins = {r.first for r in truth.regions} - {last for _, last in inside}
    uses: dict[int, list[int]] = {}
    for call in bench.calls[: bench.run.loss + 1]:
        for operand in call.operands:
            uses.setdefault(operand, []).append(call.number)
    found: list[Place] = []
    for region in truth.regions:
        first, last = region.first, region.last
        ends = last in names or any((first, use) not in inside for use in uses.get(last, ()))
        if (first in names or first in begins) and (ends or region.activation):
            inner = last not in names and any(begin == first and end in names and end > last for begin, end in inside)
            place = Place(region, first, last, region.derivative, inner=inner)
            if not _is_one(place.derivative) and not _among(place.derivative, found):
                found.append(place)
    for first, last, factor in truth.factors:
        for scale in (1.0, *truth.constants_of_factor(first, last)):
            if not _is_one(factor * scale) and not _among(factor * scale, found):
                found.append(Place(None, first, last, factor * scale, scale))
    return found


def _among(value: Any, places: Sequence[Place]) -> bool:
    return any(alike(place.derivative, value) for place in places)


def _is_one(value: Any) -> bool:
    return bool(np.all(value == 1))


def _chain(bench: Bench, values: Values, call: Call) -> list[int]:
    """The values of the same shape that lead to a call element by element."""
    found: list[int] = []
    todo = [call.number]
    shape = np.shape(values[call.number])
    while todo and len(found) < 12:
        each = bench.calls[todo.pop()]
        if each.kind not in keeps_shape:
            continue
        for operand in each.operands:
            if operand >= bench.run.begin and operand not in found and np.shape(values[operand]) == shape:
                found.append(operand)
                todo.append(operand)
    return found


def _factor(bench: Bench, values: Values, number: int, base: int) -> Any:
    """F where values[number] = F · values[base] element by element; None where it is not so."""
    value, origin = values[number], values[base]
    if np.asarray(value).dtype.kind != "f":
        return None
    if number == base:
        return np.ones(np.shape(value))
    with np.errstate(all="ignore"):
        found = _with(bench, values, number, base, np.ones(np.shape(origin)))
    if found is None or np.shape(found) != np.shape(value):
        return None
    return found if alike(found * origin, value) else None


def _with(bench: Bench, values: Values, number: int, base: int, replacement: Any) -> Any:
    """What a call becomes where an earlier one has another value."""
    found, dirty = {base: replacement}, {base}
    for call in bench.calls[base + 1 : number + 1]:
        if not dirty.isdisjoint(call.operands):
            try:
                found[call.number] = call.compute(values, found)
            except (ValueError, IndexError, TypeError):
                return None
            dirty.add(call.number)
    return found.get(number)


def _without(bench: Bench, number: int, base: int, factor: Any, wanted: Sequence[Any]) -> Edit:
    """The factor left out."""
    place = next((place for place in wanted if alike(factor, place.derivative)), None)
    cause = Cause.EXTRA_DERIVATIVE
    at_end = place is not None and is_at_the_end(bench, place.first) and is_bent(bench, place.first)
    if place is not None and at_end and not is_given(bench, place.last, base):
        cause = Cause.OUTPUT_DERIVATIVE_TWICE
    if np.ptp(factor) < 1e-12 * np.max(np.abs(factor)):
        cause = Cause.FACTOR
    return Edit((number,), (cause,), 1.6, lambda _bench, v, _n: v[base], {"place": place and place[1:3], "base": base})


def is_given(bench: Bench, number: int, base: int) -> bool:
    """Whether the way to a step has a multiple of the cotangent of a value: then the loss is no part of the step."""
    right, behind = bench.truth.cotangents[number], bench.run.tape.ancestors([base])
    values = (bench.run.value(n) for n in behind if n >= bench.run.begin)
    return any(np.shape(value) == right.shape and ratio(value, right) is not None for value in values)


def is_at_the_end(bench: Bench, number: int) -> bool:
    """Whether no parameter enters behind a value: it is the last pre-activation."""
    if number not in bench.at_the_end:
        bench.at_the_end[number] = _is_the_last(bench, number)
    return bench.at_the_end[number]


def _is_the_last(bench: Bench, number: int) -> bool:
    run = bench.run
    own = run.tape.ancestors([number])
    behind = {number}
    for call in bench.calls[number + 1 : run.loss + 1]:
        if not behind.isdisjoint(call.operands):
            behind.add(call.number)
            if any(o in bench.truth.wrt and o not in own for o in call.operands):
                return False
    return True


def is_bent(bench: Bench, number: int) -> bool:
    """Whether a value goes through an activation on its way to the loss: an output that is linear has no derivative."""
    behind = {number}
    for call in bench.calls[number + 1 : bench.run.loss + 1]:
        if not behind.isdisjoint(call.operands):
            behind.add(call.number)
            if call.kind in activating:
                return True
    return False


def _instead(bench: Bench, values: Values, number: int, base: int, factor: Any, place: Place) -> Edit:
    """A local derivative in the place of the factor."""
    region, first, last, _, scale, inner = place
    cause, detail = _named(bench, np.asarray(values[base]), factor, place)

    def mend(other: Bench, v: list[Any], _: int) -> Any:
        truth = other.truth
        found = derivative_between(other, first, last) if region is not None else truth.factors_between(first, last)
        return v[base] * fitted(found * scale, np.shape(v[base]))

    cost = 1.3 if _is_one(factor) else 1.7 if cause is not Cause.WRONG_DERIVATIVE else 1.9
    cost += 0.15 * (scale != 1.0) + 0.65 * inner
    return Edit((number,), (cause,), cost, mend, {"place": (first, last), "base": base, **detail})


def derivative_between(bench: Bench, first: int, last: int) -> Any:
    """The local derivative of the region between two values, in this run."""
    return next(r.derivative for r in bench.truth.regions if (r.first, r.last) == (first, last))


def _named(bench: Bench, value: Any, factor: Any, place: Place) -> tuple[Cause, dict[str, Any]]:
    """What is wrong with a factor that stands where the local derivative of a place belongs."""
    right = place.derivative
    with np.errstate(all="ignore"):
        by = ratio(factor, right)
    whole = (
        place.region.derivative if place.region is not None else bench.truth.factors_between(place.first, place.last)
    )
    seen = np.size(right) > 1 or (np.size(whole) > 1 and np.ptp(whole) == 0)
    if by is not None and seen and bench.truth.is_literal(place.first, place.last):
        return (Cause.SIGN, {}) if abs(by + 1) < 1e-9 else (Cause.FACTOR, {"factor": by})
    if _is_one(factor):
        if np.all(right[value != 0] == -1) and np.any(value):
            return Cause.SIGN, {}
        counts = _counts_of_rows(bench, place)
        return (Cause.MISSING_MEAN, {"counts": [(0.0, "each", counts)]}) if counts else (Cause.MISSING_DERIVATIVE, {})
    for cause, other in ((Cause.EXTRA_DERIVATIVE, right**2), (Cause.SIGN, -right)):
        if alike(factor, other):
            return cause, {}
    if place.region is None:
        known = bench.forward_values.get(np.shape(right))
        if known is not None and np.shape(factor) == np.shape(right):
            numbers, values = known
            near = np.all(np.abs(values - factor) <= 1e-12 + 1e-9 * np.abs(values), axis=tuple(range(1, values.ndim)))
            if np.any(near):
                others = [o for o in bench.calls[place.last].operands if o != place.first]
                return Cause.WRONG_VALUE, {"used": numbers[int(np.argmax(near))], "right": (*others, place.last)[0]}
        return Cause.WRONG_DERIVATIVE, {}
    if path := _lacking_path(bench, factor, place.region):
        return Cause.MISSING_PATH, {"edge": path, "value": place.first}
    cause, detail = _misplaced(factor, place.region)
    other = _of_another_value(bench, factor, place.region) if cause is Cause.WRONG_DERIVATIVE else None
    return (Cause.WRONG_VALUE, {"used": other, "right": place.last}) if other is not None else (cause, detail)


def _lacking_path(bench: Bench, factor: Any, region: Region) -> tuple[int, int] | None:
    """Of a function of z that is a product or a sum, as z * gate(z), the way through one operand that is left out."""
    last = bench.calls[region.last]
    ways = {r.last: r.derivative for r in bench.truth.regions if r.first == region.first and r.last in last.operands}
    if region.first in last.operands:
        ways[region.first] = np.ones(np.shape(factor))
    if len(last.operands) != 2 or len(ways) != 2 or last.kind not in ("multiply", "add", "subtract"):
        return None
    for kept, left in (last.operands, last.operands[::-1]):
        other = bench.run.value(left) if last.kind == "multiply" else 1.0
        sign = -1.0 if last.kind == "subtract" and kept == last.operands[1] else 1.0
        if alike(factor, ways[kept] * other * sign):
            return region.last, left
    return None


def _of_another_value(bench: Bench, factor: Any, region: Region) -> int | None:
    """The value at which a factor is the derivative of the right activation, where it is not that value's."""
    activation, shape = region.activation, np.shape(factor)
    if activation is None or activation.of_output is None or np.size(factor) < 2:
        return None
    numbers, entries = bench.derivatives(activation)
    near = np.any(np.isclose(entries, factor.flat[0], rtol=1e-9, atol=1e-12), axis=0)
    for number in map(int, numbers[near]):
        value = bench.run.value(number)
        if np.ndim(value) == len(shape) and all(a in (1, b) for a, b in zip(np.shape(value), shape, strict=True)):
            formulas = (activation.of_output(value), activation.derivative(value))
            if any(np.ptp(f) > 0 and alike(np.broadcast_to(f, shape), factor) for f in formulas):
                return number
    return None


def _counts_of_rows(bench: Bench, place: Place) -> str:
    """The name of what a place divides by, if that is how many elements are added up in each row; else nothing."""
    call = bench.calls[place.last]
    by = call.args[1] if call.kind == "divide" and place.first in call.operands[:1] else None
    if not isinstance(by, Ref) or by.number in bench.truth.active or not np.ndim(bench.run.value(by.number)):
        return ""
    behind = [by.number, *bench.calls[by.number].operands]
    counted = any(bench.calls[n].kind in ("sum", "count_nonzero", "reduce") for n in behind)
    return bench.run.names.get(by.number, "…") if counted else ""


def _misplaced(factor: Any, region: Region) -> tuple[Cause, dict[str, Any]]:
    """The derivative of a region at the wrong place, or of another function."""
    x, y = region.x, region.y
    if np.shape(factor) != np.shape(x):
        return Cause.WRONG_DERIVATIVE, {}
    with np.errstate(all="ignore"):
        if region.derivative_at_output is not None and alike(factor, region.derivative_at_output):
            return Cause.DERIVATIVE_AT_OUTPUT, {}
        activation = region.activation
        if activation is not None and activation.of_output is not None and alike(factor, activation.of_output(x)):
            return Cause.DERIVATIVE_AT_INPUT, {}
    return Cause.WRONG_DERIVATIVE, {"other": derivative_of(factor, x, y)}
