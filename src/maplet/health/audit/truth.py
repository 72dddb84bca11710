"""The right derivatives: the recorded forward pass, spelled in maplet's operations and differentiated by `mp.grad`.

To every value of the forward pass that a parameter reaches, a zero is added, its *probe*; the gradient for the probe is
the cotangent ∂L/∂value. So one gradient gives all of them. A contribution left out (a detached path) is the same
gradient with one operand behind `stop_gradient`.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

import maplet as mp
from maplet.core.array import value_of
from maplet.health.audit.activations import Activation, derivatives, recognized
from maplet.health.audit.numbers import alike
from maplet.health.audit.program.tape import Call, Ref, filled
from maplet.health.audit.slopes import contradicted
from maplet.health.audit.spelling import Unspelled, plain, spelled

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from maplet.health.audit.program.calling import Run

elementwise = frozenset((
    *plain,
    "divide", "arctan", "fmax", "fmin", "absolute", "fabs", "power", "float_power", "where", "clip", "expit",
))  # fmt: skip
branching = frozenset(["where", "maximum", "minimum", "clip"])
largest = frozenset(["max", "amax", "min", "amin"])
most_work = 5000  # values in all the gradients that are taken with paths left out


class Truth:
    """The derivatives of the loss of a run, for the parameters whose gradients are audited."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.calls = run.tape.calls
        self.wrt = [run.inputs[name] for name in run.gradients]
        behind = run.tape.ancestors([run.loss])
        active = set(self.wrt)
        self._unspelled = ""  # a step on the way whose values are neither real nor constant: complex, or several
        for call in self.calls[run.floor : run.loss + 1]:
            if call.number in behind and not active.isdisjoint(call.operands):
                if _is_float(run.value(call.number)):
                    active.add(call.number)
                elif not _is_constant(run.value(call.number)):
                    self._unspelled = call.kind
        self.active = sorted((active & behind) | set(self.wrt))
        self.reached = run.loss in active
        self.problem = ""
        self.is_smooth = True  # whether the loss moves as its derivatives say; not at a kink, nor lost in rounding
        self._differences: dict[tuple[int, int, bool], Any] = {}
        self._detached: dict[tuple[tuple[tuple[int, int], ...], bool], Mapping[int, Any]] = {}

    @cached_property
    def cotangents(self) -> Mapping[int, Any]:
        """∂L/∂value of every active value; by central differences, of the parameters alone, where it must be."""
        try:
            if self._unspelled:
                raise Unspelled(self._unspelled)  # noqa: TRY301  (as if the spelling had)
            found = self.detached(())
            other = self._is_contradicted(found)
            self.is_smooth = other is False
            if other and all(each < 1e-6 for each in self._rounding(found).values()):
                raise Unspelled("the loss, which moves by other slopes")  # noqa: TRY301
            return found  # noqa: TRY300  (what is no gradient is told above)
        except Exception as error:  # noqa: BLE001  (what cannot be spelled, in whatever way, is found by differences)
            self.problem = f"{type(error).__name__}: {error}"
            return {number: self.differences(number, self.run.loss, diagonal=False) for number in self.wrt}

    @cached_property
    def without_small(self) -> Mapping[int, Any]:
        """The same where the loss has no ε in it, as in log(p + 1e-8): derivations by hand leave it out, rightly."""
        small = any(call.kind == "add" and any(map(_is_small, call.args)) for call in self.calls[: self.run.loss])
        return self.detached((), bare=True) if small and not self.problem else {}

    def detached(self, edges: tuple[tuple[int, int], ...], *, bare: bool = False) -> Mapping[int, Any]:
        """The same with paths left out, each from a value (second) into a call (first); ``bare``, without any ε."""
        if (edges, bare) not in self._detached:
            self._detached[edges, bare] = self._differentiated(edges, bare=bare)
        return self._detached[edges, bare]

    def _differentiated(self, edges: tuple[tuple[int, int], ...], *, bare: bool, by: float = 0.0) -> Mapping[int, Any]:
        """All cotangents; ``by`` is how far every value is moved, relative to itself."""
        rng = np.random.default_rng(0)

        def loss(probes: Mapping[str, Any]) -> Any:
            found: dict[int, Any] = {}
            for number in self.active:
                call = self.calls[number]
                is_given = call.function is None or number in self.wrt
                if bare and call.kind == "add":
                    call = replace(call, args=tuple(0.0 if _is_small(arg) else arg for arg in call.args))
                value = mp.asarray(self.run.value(number)) if is_given else self._spelled(call, found, edges)
                if not (bare or edges or by or is_given):
                    _require_spelled(call, value_of(value), self.run.value(number))
                found[number] = value + probes[str(number)]
            return mp.sum(found[self.run.loss]) if self.run.loss in found else mp.asarray(0.0, dtype=mp.float64)

        probes = {str(n): np.zeros(self.run.value(n).shape) for n in self.active}
        if by:
            probes = {name: by * self.run.value(int(name)) * rng.standard_normal(p.shape) for name, p in probes.items()}
        gradients = mp.grad(loss)(probes)
        return {int(name): np.asarray(gradient.numpy()) for name, gradient in gradients.items()}

    @cached_property
    def rounding(self) -> Mapping[int, float]:
        """By how much, relative to the largest entry, the gradients change when every value does in its last digits."""
        return {} if self.problem else self._rounding(self.cotangents)

    def _rounding(self, cotangents: Mapping[int, Any]) -> Mapping[int, float]:
        with np.errstate(all="ignore"):
            moved = self._differentiated((), bare=False, by=4 * float(np.finfo(np.float64).eps))
            known = {n: cotangents[n] for n in self.wrt if np.any(cotangents[n])}
            return {n: float(np.max(np.abs(moved[n] - g)) / np.max(np.abs(g))) for n, g in known.items()}

    def _is_contradicted(self, cotangents: Mapping[int, Any]) -> bool | None:
        """Whether the recorded program moves otherwise than its derivatives say."""
        tape, last = self.run.tape, self.run.loss
        wanted = {number for number in tape.ancestors([last]) if number >= self.run.floor}

        def loss(moved: Mapping[int, Any]) -> float:
            return float(np.sum(tape.replay(moved, wanted)[last]))

        values = {number: self.run.value(number) for number in self.wrt}
        gradients = {number: cotangents[number] for number in self.wrt}
        return contradicted(loss, values, gradients, step=1e-5, rounding=1e-14)

    def _spelled(self, call: Call, found: Mapping[int, Any], edges: Collection[tuple[int, int]] = ()) -> Any:
        def operand(ref: Any) -> Any:
            if ref.number not in found:
                value = self.run.value(ref.number)
                return mp.asarray(value) if np.ndim(value) or _is_float(value) else value.item()
            return mp.stop_gradient(found[ref.number]) if (call.number, ref.number) in edges else found[ref.number]

        return spelled(call)(*filled(call.args, operand), **{k: filled(v, operand) for k, v in call.kwargs.items()})

    def differences(self, first: int, last: int, *, diagonal: bool, step: float = 6e-6) -> Any:
        """∂last/∂first by central differences of the recorded program, for each entry of the first.

        Of the sum of the last, or on the `diagonal` of the entry in the same place.
        """
        if (first, last, diagonal) in self._differences:
            return self._differences[first, last, diagonal]
        tape, value = self.run.tape, self.run.value(first)
        found, wanted = np.zeros(value.shape), tape.ancestors([last])
        for index in np.ndindex(value.shape):
            ends: list[float] = []
            for by in (step, -step):
                moved = value.copy()
                moved[index] += by
                end = tape.replay({first: moved}, wanted)[last]
                ends.append(float(end[index] if diagonal else np.sum(end)))
            found[index] = (ends[0] - ends[1]) / (2 * step)
        self._differences[first, last, diagonal] = found
        return found

    @cached_property
    def forgettable(self) -> list[tuple[tuple[int, int], ...]]:
        """The paths that can be forgotten: of a value that is used in several places, one use, or all but one.

        The likeliest first, as many as there is time for.
        """
        active, behind = set(self.active), self.run.tape.ancestors([self.run.loss])
        uses: dict[int, list[tuple[int, int]]] = {}
        for call in self.calls[: self.run.loss + 1]:
            for operand in call.operands:
                if call.number in active and call.number in behind and operand in active:
                    uses.setdefault(operand, []).append((call.number, operand))
        found: list[tuple[tuple[int, int], ...]] = []
        turns: dict[Any, list[tuple[int, int]]] = {}
        for several in uses.values():
            if len(several) > 1:
                found += [(use,) for use in several]
                found += [tuple(u for u in several if u is not use) for use in several if len(several) > 2]
                for use in several:
                    call, operand = (self.calls[number] for number in use)
                    key = (call.lines, call.kind, call.operands.index(use[1]), operand.lines, operand.kind)
                    turns.setdefault(key, []).append(use)
        # A line of a loop is forgotten in every turn.
        in_loops = [tuple(edges) for edges in turns.values() if len(edges) > 1]
        return [*in_loops, *found][: max(most_work // len(self.active), 4)]

    # ── functions of one value, element by element ───────────────────────────────────────────────

    @cached_property
    def regions(self) -> list[Region]:
        """Every pair of values of which the second is a function of the first, element by element."""
        active = set(self.active)
        before: dict[int, dict[int, bool]] = {}  # and whether what has another shape comes in on the way
        for number in self.active:
            call, shape = self.calls[number], self.run.value(number).shape
            operands = [o for o in call.operands if o in active]
            whole = [o for o in operands if self.run.value(o).shape == shape]
            if call.kind not in elementwise or not whole:
                before[number] = {}
                continue
            several = [{o: False, **before.get(o, {})} for o in whole]
            roots = {root: any(one[root] for one in several) for root in set.intersection(*map(set, several))}
            if len(whole) < len(operands):  # a slope for each column, say, if it is no function of them
                rows = self.run.tape.ancestors([o for o in operands if o not in whole])
                roots = {root: True for root in roots if root not in rows}
            before[number] = roots
        return [
            Region(self, first, last)
            for last, roots in before.items()
            for first, mixed in sorted(roots.items())
            if not mixed or self.calls[last].kind in branching
        ]

    @cached_property
    def between(self) -> Mapping[tuple[int, int], Region]:
        """The same by the values that they begin and end with."""
        return {(region.first, region.last): region for region in self.regions}

    @cached_property
    def factors(self) -> list[tuple[int, int, Any]]:
        """What a product, a quotient or a largest value multiplies an operand with: (operand, call, ∂call/∂operand)."""
        found: list[tuple[int, int, Any]] = []
        whole = {(region.first, region.last) for region in self.regions}  # where the other operand moves too
        for number in self.active:
            call = self.calls[number]
            count = 1 if call.kind in largest else {"multiply": 2, "divide": 1}.get(call.kind, 0)
            for arg in call.args[:count]:
                if not isinstance(arg, Ref) or arg.number not in self.active:
                    continue
                both = all(isinstance(other, Ref) and other.number in self.active for other in call.args)
                if both and (arg.number, number) in whole:
                    continue
                factor = self.factors_between(arg.number, number)
                if np.ndim(factor) and not any(alike(factor, known) for _, _, known in found):
                    found.append((arg.number, number, factor))
        return found

    def factors_between(self, first: int, last: int) -> Any:
        """What a product multiplies an operand with; of a quotient, 1 by the denominator; of a maximum, 0 or 1."""
        call = self.calls[last]
        if call.kind in largest and call.function is not None:
            x = self.run.value(first)
            hits = x == call.function(x, **{**call.kwargs, "keepdims": True}) if len(call.args) == 1 else np.ones(())
            return hits / np.maximum(np.sum(hits, axis=call.kwargs.get("axis"), keepdims=True), 1)
        own = next(n for n, arg in enumerate(call.args) if isinstance(arg, Ref) and arg.number == first)
        factor = filled(call.args[1 - own], lambda ref: self.run.value(ref.number))
        factor = 1 / np.asarray(factor, np.float64) if call.kind == "divide" else factor
        return np.broadcast_to(np.asarray(factor, np.float64), self.run.value(last).shape)

    def constants_of_factor(self, first: int, last: int) -> list[float]:
        """The constants in the other operand of a product or quotient, as numbers that cancel them."""
        call = self.calls[last]
        others = [arg.number for arg in call.args if isinstance(arg, Ref) and arg.number != first]
        inner = self.calls[others[0]] if len(others) == 1 and call.kind not in largest else call
        if inner is call or inner.kind not in ("multiply", "divide", "negative"):
            return []
        if inner.kind == "negative":
            return [-1.0]
        found: list[float] = []
        for place, arg in enumerate(inner.args):
            if isinstance(arg, int | float) and arg not in (0, 1):
                over = (inner.kind == "divide" and place == 1) != (call.kind == "divide")
                found.append(float(arg) if over else 1 / float(arg))
        return found

    def is_literal(self, first: int, last: int) -> bool:
        """Whether the first value is multiplied with nothing but numbers in the program: no data, no parameter."""
        inner = {first, *_between(self, first, last)}
        calls = [self.calls[number] for number in inner if number != first]
        given = {o for call in calls if call.kind not in ("add", "subtract") for o in call.operands}
        return all(o in inner or (not np.ndim(self.run.value(o)) and self.calls[o].function is None) for o in given)


class Region:
    """A part of the forward pass that is a function of one value, element by element: an activation, say."""

    def __init__(self, truth: Truth, first: int, last: int) -> None:
        self.truth = truth
        self.first = first
        self.last = last

    @property
    def x(self) -> Any:
        """The value that it begins with."""
        return self.truth.run.value(self.first)

    @property
    def y(self) -> Any:
        """The value that it gives."""
        return self.truth.run.value(self.last)

    def __call__(self, x: Any) -> Any:
        """The function itself, on maplet arrays."""
        truth, found = self.truth, {self.first: x}
        for number in _between(truth, self.first, self.last):
            found[number] = truth._spelled(truth.calls[number], found)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (a part of it)
        return found[self.last]

    @cached_property
    def derivative(self) -> Any:
        """∂y/∂x, element by element."""
        return np.asarray(mp.grad(lambda x: mp.sum(self(x)))(mp.asarray(self.x)).numpy())

    @cached_property
    def derivative_at_output(self) -> Any:
        """The same formula at y; None where it has no value there."""
        try:
            return np.asarray(mp.grad(lambda x: mp.sum(self(x)))(mp.asarray(np.asarray(self.y, np.float64))).numpy())
        except (ValueError, ArithmeticError):
            return None

    @cached_property
    def activation(self) -> Activation | None:
        """The activation that it is, if it is a known one."""
        return recognized(self.x, self.y)

    @cached_property
    def others(self) -> list[tuple[str, Any]]:
        """What stands here if another activation is taken for it: its name and its derivative."""
        return derivatives(self.x, self.y)


def _between(truth: Truth, first: int, last: int) -> list[int]:
    """The calls from one to another."""
    behind: Collection[int] = truth.run.tape.ancestors([last])
    found: list[int] = []
    reached = {first}
    for number in truth.active:
        if number in behind and number != first and not reached.isdisjoint(truth.calls[number].operands):
            reached.add(number)
            found.append(number)
    return found


def _require_spelled(call: Call, spelt: Any, recorded: Any) -> None:
    """That maplet's operations give what NumPy gave: an option may mean more than its spelling knows."""
    size = float(np.max(np.abs(recorded[np.isfinite(recorded)]), initial=0.0))
    if np.shape(spelt) != np.shape(recorded) or not np.allclose(spelt, recorded, 1e-6, 1e-9 * size, equal_nan=True):
        raise Unspelled(f"{call.kind}, of which maplet gives another value")


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"


def _is_constant(value: Any) -> bool:
    """Whether a value is of whole numbers or truth values, which do not move with what they come from."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "iub"


def _is_small(arg: Any) -> bool:
    """Whether an argument is a number that only keeps others from being 0."""
    return isinstance(arg, float | np.floating) and 0 < abs(float(arg)) <= 1e-4
