"""What is wrong with a factor that stands where a local derivative of the forward pass belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.places import is_one
from maplet.health.audit.numbers import alike, ratio
from maplet.health.audit.program.tape import Ref

if TYPE_CHECKING:
    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.edits.places import Place
    from maplet.health.audit.truth import Region


def named(bench: Bench, value: Any, factor: Any, place: Place) -> tuple[Cause, dict[str, Any]]:
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
    if is_one(factor):
        return _left_out(bench, value, place)
    for cause, other in ((Cause.EXTRA_DERIVATIVE, right**2), (Cause.SIGN, -right)):
        if alike(factor, other):
            return cause, {}
    return _another(bench, factor, place) if place.region is None else _of_a_region(bench, factor, place.region)


def _left_out(bench: Bench, value: Any, place: Place) -> tuple[Cause, dict[str, Any]]:
    """What it means that a local derivative is not there at all: one of -1 is a sign, one of 1/N a mean."""
    if np.all(place.derivative[value != 0] == -1) and np.any(value):
        return Cause.SIGN, {}
    counts = _counts_of_rows(bench, place)
    return (Cause.MISSING_MEAN, {"counts": [(0.0, "each", counts)]}) if counts else (Cause.MISSING_DERIVATIVE, {})


def _another(bench: Bench, factor: Any, place: Place) -> tuple[Cause, dict[str, Any]]:
    """Another factor of a product: a value of the forward pass, or none."""
    known = bench.forward_values.get(np.shape(place.derivative))
    if known is not None and np.shape(factor) == np.shape(place.derivative):
        numbers, values = known
        near = np.all(np.abs(values - factor) <= 1e-12 + 1e-9 * np.abs(values), axis=tuple(range(1, values.ndim)))
        if np.any(near):
            others = [o for o in bench.calls[place.last].operands if o != place.first]
            return Cause.WRONG_VALUE, {"used": numbers[int(np.argmax(near))], "right": (*others, place.last)[0]}
    return Cause.WRONG_DERIVATIVE, {}


def _of_a_region(bench: Bench, factor: Any, region: Region) -> tuple[Cause, dict[str, Any]]:
    """A factor where the derivative of a function of one value belongs: of a part of it, of another, elsewhere."""
    if path := _lacking_path(bench, factor, region):
        return Cause.MISSING_PATH, {"edge": path, "value": region.first}
    cause, detail = _misplaced(factor, region)
    other = _of_another_value(bench, factor, region) if cause is Cause.WRONG_DERIVATIVE else None
    return (Cause.WRONG_VALUE, {"used": other, "right": region.last}) if other is not None else (cause, detail)


def _lacking_path(bench: Bench, factor: Any, region: Region) -> tuple[int, int] | None:
    """Of a function of z that is a product or a sum, as z * gate(z), the way through one operand that is left out."""
    last = bench.calls[region.last]
    ways = {r.last: r.derivative for r in bench.truth.regions if r.first == region.first and r.last in last.operands}
    if region.first in last.operands:
        ways[region.first] = np.ones(np.shape(factor))
    if len(last.operands) != 2 or len(ways) != 2 or last.kind not in ("multiply", "add", "subtract"):
        return None
    one, other = map(bench.run.value, last.operands)
    partials = {"multiply": (other, one), "subtract": (1.0, -1.0)}.get(last.kind, (1.0, 1.0))
    for kept, left, partial in zip(last.operands, last.operands[::-1], partials, strict=True):
        if alike(factor, ways[kept] * partial):
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
    x = region.x
    if np.shape(factor) != np.shape(x):
        return Cause.WRONG_DERIVATIVE, {}
    with np.errstate(all="ignore"):
        if region.derivative_at_output is not None and alike(factor, region.derivative_at_output):
            return Cause.DERIVATIVE_AT_OUTPUT, {}
        activation = region.activation
        if activation is not None and activation.of_output is not None and alike(factor, activation.of_output(x)):
            return Cause.DERIVATIVE_AT_INPUT, {}
    return Cause.WRONG_DERIVATIVE, {"other": next((name for name, d in region.others if alike(factor, d)), None)}
