"""Edits of shapes: sums that are missing or go over other axes, transposes, (N,1) beside (N,)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.edit import Edit, Values
from maplet.health.audit.edits.factors import counted
from maplet.health.audit.edits.multiples import multiplied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.edits.bench import Bench
    from maplet.health.audit.program.tape import Call


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
            yield multiplied(call, float(count), (Cause.EXTRA_MEAN,), 0.95, detail)
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
