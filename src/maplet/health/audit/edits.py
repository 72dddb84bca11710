"""The catalogue of edits: for each kind of fault, how a line that has it would be mended.

A fault is a mutation of the right derivation; an edit is its inverse, tried on the calls of the user's backward pass.
Each function yields edits of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from maplet.health.audit.bench import Bench, Edit
from maplet.health.audit.causes import Cause
from maplet.health.audit.factors import Atom, counted, explained
from maplet.health.audit.numbers import ratio
from maplet.health.audit.tape import Call, Ref, filled

Values = Sequence[Any]
cost_of_paths = 2.5
few = 80  # calls, of which each is tried with every factor
Kind = Callable[[Bench, Values, Sequence[Call]], Iterator[Edit]]


def scaled(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """A gradient that is a multiple of the right one; or a term in a sum that is."""
    wanted = {round(f, 9): f for f in bench.ratios(values).values() if abs(f - 1) > 1e-6}
    reasons = {f: explained(f, bench) for f in wanted.values()}
    known = (Atom(-1.0, Cause.SIGN, ("", "")), *bench.atoms)
    terms = {ref for call in calls if call.kind in ("add", "subtract") for ref in call.operands}
    for call in calls:
        for factor, found in reasons.items():
            causes, detail = found or ((Cause.FACTOR,), {"factor": factor, "counts": []})
            yield _multiplied(call, factor, causes, 0.6 + 0.4 * len(causes) if found else 6.0, detail)
        if call.number in terms or (len(calls) <= few and call.number in bench.linear):
            for atom in known:
                detail = {"factor": atom.value, "counts": [(atom.value, *atom.source)], "atoms": (atom,)}
                yield _multiplied(call, atom.value, (atom.cause,), 1.5, detail)
        if call.kind in ("add", "subtract") and len(call.operands) == 2:
            for ref in (ref for ref in call.operands if ref < bench.run.begin and np.ndim(values[ref])):
                yield from (_term_multiplied(call, ref, atom) for atom in known)


def _multiplied(call: Call, factor: float, causes: tuple[Cause, ...], cost: float, detail: dict[str, Any]) -> Edit:
    atoms_of_it: Sequence[Atom] = detail.get("atoms", ())
    if all(atom.number is None for atom in atoms_of_it):
        return Edit((call.number,), causes, cost, lambda _, v, n: v[n] * factor, detail)
    sign = np.sign(factor)
    return Edit(
        (call.number,), causes, cost, lambda bench, v, n: v[n] * sign * prod(a.of(bench) for a in atoms_of_it), detail
    )


def _term_multiplied(call: Call, ref: int, atom: Atom) -> Edit:
    """A value of the forward pass in a sum, such as the weights of a penalty, times a number."""

    def mend(bench: Bench, values: list[Any], number: int) -> Any:
        return bench.calls[number].compute(values, {ref: values[ref] * atom.of(bench)})

    detail = {"factor": atom.value, "counts": [(atom.value, *atom.source)], "of": ref}
    return Edit((call.number,), (atom.cause,), 1.5, mend, detail)


def turned_exponents(_bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``exp(s)`` for ``exp(-s)``."""
    for call in calls:
        if call.kind == "exp" and call.operands:

            def mend(bench: Bench, values: list[Any], number: int) -> Any:
                call = bench.calls[number]
                return call.compute(values, {call.operands[0]: -values[call.operands[0]]})

            yield Edit((call.number,), (Cause.SIGN,), 1.6, mend)


def opposite(_bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``y - p`` for ``p - y``; ``+`` for ``-``."""
    for call in calls:
        if call.kind == "subtract":
            yield Edit((call.number,), (Cause.SIGN,), 0.9, lambda _, v, n: -v[n])
        if call.kind in ("add", "subtract"):
            by = np.subtract if call.kind == "add" else np.add

            def other(bench: Bench, values: list[Any], number: int, by: Any = by) -> Any:
                return by(*filled(bench.calls[number].args, lambda ref: values[ref.number]))

            yield Edit((call.number,), (Cause.SIGN,), 1.4, other, {"term": True})


def climbing(bench: Bench, _values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """``W += rate * dW``, where the gradient itself is right: one update, or all of them."""
    known = {call.number for call in calls}
    adding = [number for number in bench.run.adding if number in known]
    for numbers in ([tuple(adding)] if len(adding) > 1 else []) + [(number,) for number in adding]:
        yield Edit(numbers, (Cause.CLIMBS,), 0.85, lambda _, v, n: -v[n])


def summed(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """Sums over another axis, and sums that are not there at all."""
    shapes = {o.number: np.shape(bench.expected[o.name]) for o in bench.outputs}
    for call in calls:
        shape = np.shape(values[call.number])
        if call.kind in ("sum", "mean", "reduce") and call.operands:
            yield from _other_axes(call, np.ndim(values[call.operands[0]]), shape, shapes.get(call.number))
        if call.kind == "mean" and call.operands:
            count = np.size(values[call.operands[0]]) // max(np.size(values[call.number]), 1)
            of = counted(count, np.shape(values[call.operands[0]]), bench.run.names.get(call.operands[0], ""))
            detail = {"factor": float(count), "counts": [(float(count), *of)]}
            yield _multiplied(call, float(count), (Cause.EXTRA_MEAN,), 0.95, detail)
        target = shapes.get(call.number)
        if target is None or shape == target:
            continue
        for axes in _subsets(len(shape)):
            left = tuple(length for n, length in enumerate(shape) if n not in axes)
            if left == tuple(length for length in target if length != 1) or left == target:

                def sum_up(_: Bench, v: list[Any], n: int, axes: Any = axes, target: Any = target) -> Any:
                    return np.sum(v[n], axis=axes).reshape(target)

                yield Edit((call.number,), (Cause.NOT_SUMMED,), 1.0, sum_up, {"axes": axes, "shape": shape})


def _shapes(values: Values, call: Call) -> list[tuple[int, ...]]:
    return [np.shape(values[ref]) for ref in call.operands]


def _other_axes(call: Call, count: int, shape: tuple[int, ...], target: tuple[int, ...] | None) -> Iterator[Edit]:
    reduce = np.mean if call.kind == "mean" else np.sum
    used = call.kwargs.get("axis", call.args[1] if len(call.args) > 1 and call.kind != "reduce" else None)
    for axes in (None, *_subsets(count)):
        if axes in (used, (used,)):
            continue

        def other(bench: Bench, v: list[Any], n: int, axes: Any = axes) -> Any:
            x = v[bench.calls[n].operands[0]]
            kept = bool(call.kwargs.get("keepdims", False))
            found = reduce(x, axis=axes, keepdims=kept)
            if kept and target is None:
                return found
            wanted = target if target is not None else shape
            return found.reshape(wanted) if np.size(found) == int(np.prod(wanted)) else found

        yield Edit((call.number,), (Cause.WRONG_AXIS,), 1.1, other, {"used": used, "axes": axes})


def _subsets(count: int) -> list[tuple[int, ...]]:
    """Every choice of one or more of a few axes."""
    return [tuple(n for n in range(count) if mask >> n & 1) for mask in range(1, 2**count)] if count < 5 else []


def transposed(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """A transpose that is missing or too many, where the shapes do not tell."""
    targets = {o.number: np.shape(bench.expected[o.name]) for o in bench.outputs}
    for call in calls:
        shape = np.shape(values[call.number])
        turned = shape[::-1] == targets.get(call.number, shape[:1]) and len(shape) == 2
        if call.kind in ("matmul", "dot", "einsum", "tensordot"):
            for ref in call.operands:
                if _is_square(values[ref]):

                    def turn(bench: Bench, v: list[Any], n: int, ref: int = ref) -> Any:
                        return bench.calls[n].compute(v, {ref: np.swapaxes(v[ref], -1, -2)})

                    yield Edit((call.number,), (Cause.TRANSPOSE,), 1.0, turn, {"of": ref})
            turned = turned or _is_square(values[call.number])
        if turned:
            yield Edit(
                (call.number,), (Cause.TRANSPOSE,), 1.05, lambda _, v, n: np.swapaxes(v[n], -1, -2), {"of": call.number}
            )


def _is_square(value: Any) -> bool:
    shape = np.shape(value)
    return len(shape) >= 2 and shape[-1] == shape[-2] > 1


def broadcast(_bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """(N,1) and (N,), which make (N,N) together."""
    for call in calls:
        shapes = _shapes(values, call)
        if len(shapes) != 2 or np.ndim(values[call.number]) != 2:
            continue
        for flat, column in ((0, 1), (1, 0)):
            if shapes[flat] and shapes[column] == (*shapes[flat], 1):
                for which, shape in ((flat, shapes[column]), (column, shapes[flat])):

                    def fit(bench: Bench, v: list[Any], n: int, which: int = which, shape: Any = shape) -> Any:
                        ref = bench.calls[n].operands[which]
                        return bench.calls[n].compute(v, {ref: np.reshape(v[ref], shape)})

                    yield Edit((call.number,), (Cause.BROADCAST,), 0.8, fit, {"shapes": shapes})


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


def unexplained(bench: Bench, values: Values, calls: Sequence[Call]) -> Iterator[Edit]:
    """The right cotangent in the place of a value: tells where an error begins when nothing tells why."""
    for call in calls:
        for number, right in bench.truth.cotangents.items():
            if np.shape(values[call.number]) == right.shape and bench.turns.may_pair(call.number, number):
                yield Edit((call.number,), (Cause.UNKNOWN,), 10.0, _replaced(number), {"value": number})


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


def _wrong_entries(value: Any, right: Any) -> Any:
    return np.asarray(np.abs(np.subtract(value, right)) > 1e-8 * np.max(np.abs(right), initial=1e-8))


def operand_refs(call: Call) -> Iterator[Ref]:
    """The operands of a call, each once."""
    return (Ref(number) for number in call.operands)
