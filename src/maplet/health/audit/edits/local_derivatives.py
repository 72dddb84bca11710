"""Edits of what the chain rule multiplies with: a local derivative that is missing, wrong, or there once too often.

If a value v of the backward pass is an earlier one b times a factor F, element by element, then F is what v becomes
where b is replaced by ones; that needs no look at how it is written. The edit puts another factor in its place: 1, or a
local derivative of the forward pass.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.naming import named
from maplet.health.audit.edits.places import (
    Place,
    activating,
    derivative_between,
    fitted,
    is_at_the_end,
    is_bent,
    is_given,
    is_one,
    meaningful,
)
from maplet.health.audit.numbers import alike, ratio
from maplet.health.audit.truth import branching, elementwise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.activations import Activation
    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call

keeps_shape = elementwise | {"setitem", "nan_to_num", "sign", "round"}
limits = {"clip", "maximum", "minimum", "sign", "tanh", "round", "nan_to_num", "fmin", "fmax"}


def local_derivatives(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """Another factor, element by element, in the place of the one that a line multiplies with."""
    wanted = meaningful(bench)
    masks = _masks(values, calls)
    anywhere = {place.last for place in wanted if not np.ptp(place.derivative)}  # one number, the same in every turn
    regions = bench.truth.regions if wanted else []
    known = {region.last: region.activation for region in regions if region.activation is not None}
    bent = [(place, known[place.last]) for place in wanted if place.last in known]
    for call in calls:
        shape = np.shape(values[call.number])
        near = [p for p in wanted if p.last in anywhere or bench.turns.may_pair(call.number, p.last)]
        for base in (call.number, *_chain(bench, values, call)):
            factor = _factor(bench, values, call.number, base)
            if factor is None:
                continue
            if base != call.number:
                yield _without(bench, call.number, base, factor, wanted)
            for place in near:
                right = fitted(place.derivative, shape)
                if right is not None and not alike(factor, right):
                    here = place._replace(derivative=right)
                    why = named(bench, np.asarray(values[base]), factor, here)
                    edit = _instead(call.number, base, here, why, alone=is_one(factor))
                    hidden = base == call.number and any(alike(right * mask, right) for mask in masks.get(base, ()))
                    yield replace(edit, cost=edit.cost + 0.7) if hidden else edit
        yield from _function_for_derivative(values, call, wanted)
        yield from _function_of_cotangents(bench, values, call, bent)


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


def missing_at_errors(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``X.T @ error`` for ``X.T @ (error * f'(z))``: an error that the forward pass has, taken for a cotangent."""
    cotangents = bench.truth.cotangents.values()
    errors: dict[int, list[int]] = {}
    for call in calls:
        for ref in call.operands:
            if ref in bench.truth.active and bench.calls[ref].kind == "subtract" and np.size(values[ref]) > 1:
                errors.setdefault(ref, []).append(call.number)
    for ref, numbers in errors.items():
        for place in meaningful(bench):
            derivative = fitted(place.derivative, np.shape(values[ref]))
            if derivative is None or ratio(values[ref], values[ref] * derivative) is not None:
                continue
            if any(ratio(values[ref] * derivative, right) is not None for right in cotangents):
                detail = {"place": (place.first, place.last), "base": None}
                yield Edit(tuple(numbers), (Cause.MISSING_DERIVATIVE,), 1.3, _multiplied(ref, place), detail)


def _multiplied(ref: int, place: Place) -> Any:
    def mend(bench: Bench, v: list[Any], n: int) -> Any:
        first, last, scale = place.first, place.last, place.scale
        is_product = place.region is None
        found = bench.truth.factors_between(first, last) if is_product else derivative_between(bench, first, last)
        return bench.calls[n].compute(v, {ref: v[ref] * fitted(found * scale, np.shape(v[ref]))})

    return mend


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


def _function_of_cotangents(
    bench: Bench, values: Values, call: Call, bent: Sequence[tuple[Place, Activation]]
) -> Iterator[Edit]:
    """``dz = relu(da)``: the activation of a cotangent, where it is to be multiplied with its derivative."""
    places = [(place, one) for place, one in bent if bench.turns.may_pair(call.number, place.last)]
    bases = _chain(bench, values, call) if places else []
    for base in (base for base in bases if np.asarray(values[base]).dtype.kind == "f"):
        for place, activation in places:
            derivative = fitted(place.derivative, np.shape(values[base]))
            if derivative is not None and alike(activation.function(values[base]), values[call.number]):
                here = place._replace(derivative=derivative)
                yield _instead(call.number, base, here, (Cause.WRONG_DERIVATIVE, {"other": None}), alone=False)


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
            own = operand >= bench.run.begin or bench.is_error(operand)
            if own and operand not in found and np.shape(values[operand]) == shape:
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
    detail: dict[str, Any] = {"place": place and place[1:3], "base": base}
    at_end = place is not None and is_at_the_end(bench, place.first) and is_bent(bench, place.first)
    if place is not None and at_end and not is_given(bench, place.last, base):
        cause = Cause.OUTPUT_DERIVATIVE_TWICE
    if place is None and _is_of_an_output(bench, factor):
        cause = Cause.OUTPUT_DERIVATIVE_TWICE
    if not np.any(factor):
        cause = Cause.CLIPPED
    elif np.ptp(factor) < 1e-12 * np.max(np.abs(factor)) and not _is_computed(bench, number, base):
        cause = Cause.FACTOR
        detail["factor"] = float(1 / np.max(factor))
    return Edit((number,), (cause,), 1.6, lambda _bench, v, _n: v[base], detail)


def _is_of_an_output(bench: Bench, factor: Any) -> bool:
    """Whether a factor is p (1 − p) of an output p that an activation gives, as softmax, behind the last parameter."""
    numbers, outputs = bench.forward_values.get(np.shape(factor), ((), np.empty((0, *np.shape(factor)))))
    near = np.isclose(outputs * (1 - outputs), factor, rtol=1e-9, atol=1e-12)
    found = np.all(near, axis=tuple(range(1, near.ndim)))
    if np.size(factor) < 2 or not np.any(found):
        return False
    behind = bench.run.tape.ancestors([numbers[int(np.argmax(found))]])
    return any(bench.calls[n].kind in activating and is_at_the_end(bench, n) for n in behind)


def _is_computed(bench: Bench, number: int, base: int) -> bool:
    """Whether the factor between two single numbers is made of what the parameters go into, and is no constant."""
    if np.size(bench.run.value(number)) > 1:
        return False
    todo, found = [number], set[int]()
    while todo:
        new = [o for o in bench.calls[todo.pop()].operands if o != base and o not in found]
        found.update(new)
        todo += [n for n in new if n >= bench.run.begin]
    return not found.isdisjoint(bench.active)


def _instead(number: int, base: int, place: Place, why: tuple[Cause, dict[str, Any]], *, alone: bool) -> Edit:
    """A local derivative in the place of a factor; ``alone``, in the place of none."""
    region, first, last, _, scale, inner = place
    cause, detail = why

    def mend(other: Bench, v: list[Any], _: int) -> Any:
        truth = other.truth
        found = derivative_between(other, first, last) if region is not None else truth.factors_between(first, last)
        return v[base] * fitted(found * scale, np.shape(v[base]))

    cost = 1.3 if alone else 1.7 if cause is not Cause.WRONG_DERIVATIVE else 1.9
    cost += 0.15 * (scale != 1.0) + 0.65 * inner
    return Edit((number,), (cause,), cost, mend, {"place": (first, last), "base": base, **detail})
