"""Where the chain rule multiplies: the local derivatives of the forward pass, and which of them stand at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maplet.health.audit.numbers import alike, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.truth import Region

activating = {"exp", "expm1", "exp2", "tanh", "cosh", "expit", "logaddexp"}


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
            if not is_one(place.derivative) and not _among(place.derivative, found):
                found.append(place)
    for first, last, factor in truth.factors:
        for scale in (1.0, *truth.constants_of_factor(first, last)):
            if not is_one(factor * scale) and not _among(factor * scale, found):
                found.append(Place(None, first, last, factor * scale, scale))
    return found


def _among(value: Any, places: Sequence[Place]) -> bool:
    return any(alike(place.derivative, value) for place in places)


def is_one(value: Any) -> bool:
    """Whether a factor does nothing."""
    return bool(np.all(value == 1))


def fitted(derivative: Any, shape: tuple[int, ...]) -> Any:
    """A local derivative in the shape of a cotangent; that of one number per row goes along the row."""
    if derivative.shape == shape:
        return derivative
    if derivative.ndim == 1 and len(shape) == 2 and shape[0] == len(derivative):
        return np.broadcast_to(derivative[:, None], shape)
    if derivative.ndim and np.ptp(derivative) == 0:
        return np.full(shape, derivative.flat[0])
    return None


def derivative_between(bench: Bench, first: int, last: int) -> Any:
    """The local derivative of the region between two values, in this run."""
    return bench.truth.between[first, last].derivative


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


def is_given(bench: Bench, number: int, base: int) -> bool:
    """Whether the way to a step has a multiple of the cotangent of a value: then the loss is no part of the step."""
    right, behind = bench.truth.cotangents[number], bench.run.tape.ancestors([base])
    values = (bench.run.value(n) for n in behind if n >= bench.run.begin)
    same = (value for value in values if np.shape(value) == right.shape)
    # Any single number is a multiple of another.
    return any(alike(value, right) if np.size(value) == 1 else ratio(value, right) is not None for value in same)
