"""Edits of what a line computes with: another value where one belongs, a step too many, labels in another code."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.activations import known
from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.local_derivatives import limits
from maplet.health.audit.edits.places import is_at_the_end, is_bent, is_given, meaningful
from maplet.health.audit.numbers import ratio
from maplet.health.audit.program.tape import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call

contractions = frozenset(["matmul", "dot", "einsum", "tensordot", "outer", "inner", "vdot"])


def is_target(bench: Bench, number: int) -> bool:
    """Whether an input is what the net is to give: no parameter, and in no product of matrices with one."""
    run = bench.run
    if number not in run.inputs.values() or number in bench.truth.wrt or not np.ndim(run.value(number)):
        return False
    reached = {number}
    for call in bench.calls[: run.loss + 1]:
        if not reached.isdisjoint(call.operands) and call.number not in bench.truth.active:
            reached.add(call.number)
        if call.kind in contractions and not reached.isdisjoint(call.operands):
            return False
        if (
            call.kind == "getitem"
            and call.operands
            and call.operands[0] in bench.truth.wrt
            and reached & set(call.operands[1:])
        ):
            return False  # a look-up in a table of embeddings
    return True


def left_out(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """A step too many: its operand in its place."""
    for call in calls:
        shape = np.shape(values[call.number])
        for base in sorted(bench.run.tape.ancestors([call.number]), reverse=True):
            own = base >= bench.run.begin
            if (
                base == call.number
                or np.shape(values[base]) != shape
                or (own and bench.turns.are_apart(base, call.number))
            ):
                continue
            if not shape and not (own and call.kind in ("add", "subtract") and base in call.operands):
                continue
            given = is_target(bench, base) or _is_as_before(bench, values, call, base) or _is_label(bench, base, call)
            if not own and not given and not _is_compared(bench, call, base):
                continue
            cause, cost = _too_many(bench, values, call, base)
            multiple = np.size(values[base]) > 1 and ratio(values[call.number], values[base]) is not None
            if multiple and cause in (Cause.EXTRA_DERIVATIVE, Cause.OUTPUT_DERIVATIVE_TWICE):
                continue  # by a number, of which `scaled` knows more
            yield Edit((call.number,), (cause,), cost, _earlier(base), {"base": base, "right": base})


def _is_label(bench: Bench, number: int, used: Call) -> bool:
    """Whether what a script has made of its data, one-hot labels, belongs where something is taken from an output."""
    takers = (bench.calls[n].kind for n in bench.takers.get(used.number, ()))
    return number < bench.run.floor and np.ndim(bench.run.value(number)) > 0 and "subtract" in takers


def _too_many(bench: Bench, values: Values, call: Call, base: int) -> tuple[Cause, float]:
    """What a step that does not belong is: its cause, and how far-fetched it is."""
    direct = base in call.operands
    if _is_as_before(bench, values, call, base):
        return Cause.STALE_WEIGHTS, 1.2
    if base < bench.run.begin or (direct and _is_of_labels(bench, call)):
        return Cause.WRONG_TARGET, 1.5
    if direct and call.kind in ("add", "subtract"):
        return Cause.EXTRA_PATH, 1.7
    if direct and (call.kind == "clip" or (call.kind in limits and base not in bench.no_cotangents)):
        return Cause.CLIPPED, 1.2
    if direct and _is_applied_again(bench, values[base], values[call.number]):
        return Cause.DERIVATIVE_AT_OUTPUT, 1.7
    twice = _is_cotangent_before_the_end(bench, values, base, call.number)
    return (Cause.OUTPUT_DERIVATIVE_TWICE, 1.5) if twice else (Cause.EXTRA_DERIVATIVE, 2.4)


def _is_of_labels(bench: Bench, call: Call) -> bool:
    """Whether a sum is of data alone, and taken from something: a code of labels, as ``2 * y - 1`` is."""
    takers = [bench.calls[n] for n in bench.takers.get(call.number, ())]
    taken = all(taker.kind == "subtract" for taker in takers) and len(takers) > 0
    return taken and bench.run.tape.ancestors([call.number]).isdisjoint(bench.truth.wrt)


def _is_compared(bench: Bench, call: Call, base: int) -> bool:
    """Whether a number is added to an output: a label that is written out, as in ``p - 1``."""
    alone = call.operands == (base,) and call.kind in ("add", "subtract") and isinstance(call.args[0], Ref)
    return alone and base in bench.active and is_at_the_end(bench, base)


def _is_applied_again(bench: Bench, value: Any, made: Any) -> bool:
    """Whether a value is the output of an activation, and what is made of it the same activation of this output."""
    regions = bench.truth.regions if not bench.truth.problem else ()
    of_it = (r.activation for r in regions if np.array_equal(r.y, value))
    return any(one is not None and np.allclose(one.function(value), made) for one in of_it)


def _is_as_before(bench: Bench, values: Values, call: Call, base: int) -> bool:
    """Whether a call takes a step away from weights, or from some of their entries, and a value is what they were."""
    if call.kind not in ("add", "subtract"):
        return False
    wrt = set(bench.truth.wrt)
    old = [
        o
        for o in call.operands
        if o in wrt or (bench.calls[o].kind == "getitem" and wrt & {bench.calls[o].operands[0]})
    ]
    return any(np.array_equal(values[base], values[o]) for o in old) and not wrt.isdisjoint(
        {base, *bench.calls[base].operands}
    )


def _earlier(base: int) -> Any:
    return lambda _bench, v, _n: v[base]


def _is_own_derivative(value: Any, product: Any) -> bool:
    """Whether a value v is multiplied with a function of itself, as tanh(e) with 1 - tanh(e)²: not of an output."""
    with np.errstate(all="ignore"):
        factor = product / value
        formulas = [one.of_output(value) for one in known if one.of_output is not None]
    return any(np.ptp(formula * 1.0) > 0 and ratio(formula * 1.0, factor) is not None for formula in formulas)


def _is_cotangent_before_the_end(bench: Bench, values: Values, base: int, made: int) -> bool:
    """Whether a value is the cotangent of what goes into the last activation, of which the loss has the derivative."""
    for first in {region.first for region in bench.truth.regions} if not bench.truth.problem else ():
        right = bench.truth.cotangents[first]
        at_end = is_at_the_end(bench, first) and is_bent(bench, first)
        if np.size(right) > 1 and at_end and ratio(values[base], right) is not None:
            places = [(last, d) for _, begin, last, d, *_ in meaningful(bench) if begin == first]
            if _is_own_derivative(values[base], values[made]):
                return False
            return not any(is_given(bench, last, base) for last, derivative in places if np.ptp(derivative) > 0)
    return False


def recoded(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """Labels in another code: shifted by one, −1 and 1 for 0 and 1, numbers of classes for rows of zeros and a one."""
    targets = {n for n in bench.run.inputs.values() if is_target(bench, n)}
    for call in calls:
        for ref in call.operands:
            behind = bench.run.tape.ancestors([ref])
            if not (behind & targets) or behind & set(bench.truth.active):
                continue
            for name, code in _codes(values[ref], np.shape(values[call.number])):

                def apply(bench: Bench, v: list[Any], n: int, ref: int = ref, code: Any = code) -> Any:
                    return bench.calls[n].compute(v, {ref: code(v[ref])})

                yield Edit((call.number,), (Cause.WRONG_TARGET,), 1.6, apply, {"code": name, "used": ref})
        yield from _recoded_constants(call, np.shape(values[call.number]))


def _recoded_constants(call: Call, shape: tuple[int, ...]) -> Iterator[Edit]:
    """The same of labels that are not recorded, as whole numbers that were made by Python."""
    places = [n for n, arg in enumerate(call.args) if isinstance(arg, np.ndarray) and arg.size > 1]
    for place in places if call.kind == "subtract" else ():
        for name, code in _codes(call.args[place], shape):

            def apply(bench: Bench, v: list[Any], n: int, place: int = place, code: Any = code) -> Any:
                own = bench.calls[n]
                return replace(own, args=(*own.args[:place], code(own.args[place]), *own.args[place + 1 :])).compute(v)

            yield Edit((call.number,), (Cause.WRONG_TARGET,), 1.6, apply, {"code": name})


def _codes(value: Any, shape: tuple[int, ...]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    two = [("0 and 1", lambda y: (y + 1) / 2), ("-1 and 1", lambda y: 2 * y - 1), ("1 - y", lambda y: 1 - y)]
    if np.asarray(value).dtype.kind in "iu":
        found += two if np.max(np.abs(value), initial=0) == 1 else []
        found += [("one more", lambda y: y + 1), ("one less", lambda y: y - 1)]
        if shape and np.ndim(value) and np.size(value) == np.shape(value)[0]:  # also as a column
            found.append(("one-hot", lambda y: _one_hot(np.ravel(y), shape[-1])))
            if len(shape) == 2 and shape[1] == np.size(value):
                found.append(("one-hot in columns", lambda y: _one_hot(y, shape[0]).T))
    else:
        found += two
        if np.ndim(value) == 2 and np.shape(value)[1] > 1:
            found += [("one class on", lambda y: np.roll(y, 1, -1)), ("one class back", lambda y: np.roll(y, -1, -1))]
    return found


def _one_hot(labels: Any, classes: int) -> Any:
    return np.eye(classes)[np.clip(labels, 0, classes - 1)]
