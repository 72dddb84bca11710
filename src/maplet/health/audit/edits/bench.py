"""The workbench: the user's backward pass with some of its steps edited, beside the right derivatives."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.edits.factors import Atom, atoms
from maplet.health.audit.edits.loops import States, Turns
from maplet.health.audit.numbers import agrees, direction, fits, ratio
from maplet.health.audit.program.foreign import numbers_of
from maplet.health.audit.program.methods import same
from maplet.health.audit.program.tape import Recorded, Ref
from maplet.health.audit.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.health.audit.activations import Activation
    from maplet.health.audit.edits.edit import Edit
    from maplet.health.audit.program.calling import Run

rearranging = frozenset(["transpose", "swapaxes", "reshape", "ravel", "getitem", "expand_dims", "squeeze", "moveaxis"])

bent = frozenset(
    [
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "square",
        "power",
        "tanh",
        "maximum",
        "minimum",
        "absolute",
        "sign",
        "greater",
        "less",
        "clip",
        "equal",
        "var",
        "std",
    ]
)


@dataclass(frozen=True)
class Output:
    """A gradient: the input that it belongs to, and the call that gives it."""

    name: str
    number: int
    wrt: int


class Bench:
    """One run, its truth, and what the outputs become under edits."""

    def __init__(self, run: Run, tolerance: float) -> None:
        self.run = run
        self.tolerance = tolerance
        self.why = ""  # why the program could not be recorded, if it could not
        self.truth = Truth(run)
        self.calls = run.tape.calls
        self.opaque: set[str] = set()
        self._errors: dict[int, bool] = {}
        self._derivatives: dict[str, tuple[Any, Any]] = {}
        self.outputs: list[Output] = []
        for name, gradient in run.gradients.items():
            if not isinstance(gradient, Recorded):
                self.opaque.add(name)
                gradient = run.tape.enter(numbers_of(gradient).astype(np.float64), f"gradient of {name}")  # noqa: PLW2901  (entered, it is the same gradient)
            given = run.tape.call(same, (gradient,), {})
            run.tape.calls[given.number].lines = run.tape.calls[gradient.number].lines
            self.outputs.append(Output(name, given.number, run.inputs[name]))
        self.places: Sequence[Any] | None = None  # where the chain rule multiplies, once that was asked
        self._called: dict[int, bool] = {}
        self.at_the_end: dict[int, bool] = {}  # behind which values no parameter enters, as far as that was asked
        self.expected = {out.name: self.truth.cotangents[out.wrt] for out in self.outputs}

    @cached_property
    def no_cotangents(self) -> frozenset[int]:
        """The calls of the backward pass that are hardly cotangents.

        They know of no parameter, only rearrange a value of the forward pass, or compute one again (but a difference,
        which may be the error that goes back).
        """
        begin, reached = self.run.begin, set(self.truth.active)
        known = [v for v in self.run.tape.values[:begin] if np.size(v) > 1 and np.asarray(v).dtype.kind == "f"]
        for call in self.calls:
            if not reached.isdisjoint(call.operands):
                reached.add(call.number)
        found = set[int]()
        for call in self.calls[begin:]:
            source = call.operands[0] if call.operands else -1
            value = self.run.value(call.number)
            again = call.kind != "subtract" and any(np.array_equal(value, other) for other in known)
            moved = call.kind in rearranging and (source < begin or source in found)
            if call.number not in reached or moved or again:
                found.add(call.number)
        return frozenset(found - {o.number for o in self.outputs})

    def is_named(self, number: int) -> bool:
        """Whether a value is one of the forward pass that has a name, or the same as one."""
        if number not in self._called:
            value, named = self.run.value(number), (n for n in self.run.names if n < self.run.begin)
            self._called[number] = any(np.array_equal(self.run.value(n), value) for n in named)
        return self._called[number]

    @cached_property
    def counts(self) -> Mapping[Any, int]:
        """How many calls of its kind each line makes."""
        return Counter((call.lines, call.kind) for call in self.calls)

    @cached_property
    def turns(self) -> Turns:
        """The loops of the program."""
        return Turns(self.calls, self.run.tape.returns, self.run.begin)

    @cached_property
    def states(self) -> States:
        """The states of the loops of the forward pass."""
        return States(self.calls, self.forward_end)

    @property
    def forward_end(self) -> int:
        """Behind the last call of the forward pass; a script may have some of the backward pass before it."""
        return max(self.run.begin, self.run.loss + 1)

    @cached_property
    def atoms(self) -> Sequence[Atom]:
        """Numbers that gradients are off by, the likeliest first."""
        return atoms(self)

    @cached_property
    def forward_values(self) -> Mapping[tuple[int, ...], tuple[Sequence[int], Any]]:
        """The floating values of the forward pass: the numbers of those of each shape, and they behind each other."""
        found: dict[tuple[int, ...], list[int]] = {}
        for number, value in enumerate(self.run.tape.values[: self.run.begin]):
            if np.asarray(value).dtype.kind == "f":
                found.setdefault(np.shape(value), []).append(number)
        return {shape: (numbers, np.stack([self.run.value(n) for n in numbers])) for shape, numbers in found.items()}

    def derivatives(self, activation: Activation) -> tuple[Any, Any]:
        """The numbers of the values, and the first entry of an activation's derivative at each, by both formulas."""
        if activation.name not in self._derivatives:
            values = [
                (n, v) for n, v in enumerate(self.run.tape.values) if np.size(v) and np.asarray(v).dtype.kind == "f"
            ]
            first = np.array([np.asarray(v).flat[0] for _, v in values])
            formulas = [f for f in (activation.of_output, activation.derivative) if f is not None]
            with np.errstate(all="ignore"):
                entries = np.array([formula(first) * 1.0 for formula in formulas])
            self._derivatives[activation.name] = (np.array([n for n, _ in values]), entries)
        return self._derivatives[activation.name]

    @cached_property
    def linear(self) -> frozenset[int]:
        """The calls that the gradients are linear in, as they are in every cotangent."""
        found = {o.number for o in self.outputs}
        for call in reversed(self.calls):
            if call.number in found and call.kind not in bent:
                first = [arg.number for arg in call.args[:1] if isinstance(arg, Ref)]
                found.update(first if call.kind in ("divide", "getitem") else call.operands)
        return frozenset(found)

    def values(self, edits: Sequence[Edit]) -> list[Any] | None:
        """Every value of the run under edits; None where they do not fit."""
        values, dirty = list(self.run.tape.values), set[int]()
        edited = {number: [e for e in edits if number in e.numbers] for e in edits for number in e.numbers}
        with np.errstate(all="ignore"):
            try:
                for call in self.calls[min(edited, default=len(self.calls)) :]:
                    if not dirty.isdisjoint(call.operands):
                        values[call.number] = call.compute(values)
                        dirty.add(call.number)
                    for edit in edited.get(call.number, ()):
                        values[call.number] = np.asarray(edit.apply(self, values, call.number))
                        dirty.add(call.number)
            except (ValueError, IndexError, TypeError, KeyError, np.linalg.LinAlgError):
                return None
        return values

    def right(self, values: Sequence[Any]) -> frozenset[str]:
        """The gradients that are right."""
        return frozenset(o.name for o in self.outputs if self._is_right(o, values[o.number]))

    @cached_property
    def right_as_given(self) -> frozenset[str]:
        """The gradients that are right with nothing changed."""
        return self.right(self.run.tape.values)

    def feeds(self, edit: Edit, number: int) -> bool:
        """Whether what an edit changes goes into a call."""
        return not self.run.tape.ancestors([number]).isdisjoint(edit.numbers)

    def _is_right(self, output: Output, value: Any) -> bool:
        if not fits(np.shape(value), self.expected[output.name].shape):
            return False
        if agrees(value, self.expected[output.name], self.tolerance):
            return True
        bare = self.truth.without_small.get(output.wrt)
        if bare is not None and agrees(value, bare, self.tolerance):
            return True
        # Of a probability that is 1 up to rounding, the derivative of the logarithm is not known any better.
        near = agrees(value, self.expected[output.name], 1e-2) or not self.truth.is_smooth
        return near and agrees(value, self.expected[output.name], 10 * self.truth.rounding.get(output.wrt, 0.0))

    def is_given(self, values: Sequence[Any], number: int) -> bool:
        """Whether a call gives a right cotangent, or what only adds up or turns its value does: it has no fault."""
        for _ in range(3):
            if number not in self._outputs and self._is_cotangent(values[number]):
                return True
            takers = self.takers.get(number, ())
            if len(takers) != 1 or self.calls[takers[0]].kind not in (*rearranging, "sum", "reduce"):
                return False
            number = takers[0]
        return False

    def _is_cotangent(self, value: Any) -> bool:
        rights = self._cotangents_of_shape.get(np.shape(value))
        if rights is None or np.asarray(value).dtype.kind not in "fiub":
            return False
        apart, size = (np.abs(a).reshape(len(rights), -1).max(axis=1) for a in (rights - value, rights))
        return bool(np.any(apart <= 1e-9 * np.maximum(size, 1e-8)))

    @cached_property
    def _cotangents_of_shape(self) -> Mapping[tuple[int, ...], Any]:
        found: dict[tuple[int, ...], list[Any]] = {}
        for number, cotangent in self.truth.cotangents.items():
            if number not in self.truth.wrt and np.size(cotangent) and np.ptp(cotangent) + (np.ndim(cotangent) == 0):
                found.setdefault(cotangent.shape, []).append(cotangent)
        return {shape: np.stack(several) for shape, several in found.items()}

    @cached_property
    def takers(self) -> Mapping[int, Sequence[int]]:
        """The calls of the backward pass that take a value."""
        found: dict[int, list[int]] = {}
        for call in self.calls[self.run.begin :]:
            for operand in call.operands:
                found.setdefault(operand, []).append(call.number)
        return found

    @cached_property
    def _outputs(self) -> frozenset[int]:
        return frozenset(o.number for o in self.outputs)

    def ratios(self, values: Sequence[Any]) -> dict[str, float]:
        """Of each gradient that is a multiple of the right one, what it is to be multiplied with."""
        found = {o.name: ratio(values[o.number], self.expected[o.name]) for o in self.outputs}
        return {name: factor for name, factor in found.items() if factor is not None}

    @cached_property
    def _cotangents(self) -> Mapping[tuple[int, ...], Any]:
        """The directions of the cotangents of each shape, as rows."""
        rows: dict[tuple[int, ...], list[Any]] = {}
        for cotangent in self.truth.cotangents.values():
            if np.size(cotangent) > 1 and (row := direction(cotangent)) is not None:
                rows.setdefault(cotangent.shape, []).append(row)
        return {shape: np.stack(found) for shape, found in rows.items()}

    def _hits(self, values: Sequence[Any]) -> Any:
        """Of each of some values of one shape, which cotangents of that shape it is a multiple of."""
        wanted = self._cotangents[np.shape(values[0])]
        flat = np.asarray(values, np.float64).reshape(len(values), -1)
        lengths = np.linalg.norm(flat, axis=1)
        lengths[~np.isfinite(lengths) | (lengths == 0)] = np.inf
        with np.errstate(invalid="ignore"):
            return np.abs((flat / lengths[:, None]) @ wanted.T) > 1 - 1e-13

    def is_error(self, number: int) -> bool:
        """Whether a value of the forward pass is a multiple of a cotangent, as `p - y` is that the loss squares."""
        if number not in self._errors:
            value = self.run.value(number)
            is_one = number in self.active and self.calls[number].kind == "subtract" and self._may_be_cotangent(value)
            self._errors[number] = is_one and bool(np.any(self._hits([value])))
        return self._errors[number]

    @cached_property
    def active(self) -> frozenset[int]:
        """What the parameters go into, on the way to the loss."""
        return frozenset(self.truth.active)

    @cached_property
    def _given(self) -> list[tuple[int, tuple[int, ...], Any]]:
        """The calls of the backward pass that may be cotangents: number, shape, and which they are multiples of."""
        calls = [call.number for call in self.calls[self.run.begin :] if call.number not in self.no_cotangents]
        values = [(n, self.run.value(n)) for n in calls]
        return [(n, np.shape(v), self._hits([v])[0]) for n, v in values if self._may_be_cotangent(v)]

    def _may_be_cotangent(self, value: Any) -> bool:
        return np.shape(value) in self._cotangents and np.asarray(value).dtype.kind in "fiu"

    def matched(self, values: Sequence[Any]) -> int:
        """How many cotangents of the forward pass some call of the backward pass gives a multiple of."""
        hit = {shape: np.zeros(len(rows), bool) for shape, rows in self._cotangents.items()}
        moved: dict[tuple[int, ...], list[Any]] = {}
        for number, shape, before in self._given:
            value = values[number]
            if value is self.run.tape.values[number]:
                hit[shape] |= before
            elif self._may_be_cotangent(value):
                moved.setdefault(np.shape(value), []).append(value)
        for shape, several in moved.items():
            hit[shape] |= np.any(self._hits(several), axis=0)
        return sum(int(np.sum(hits)) for hits in hit.values())
