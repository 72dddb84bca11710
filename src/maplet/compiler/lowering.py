"""Lowering: nests of elements → kernels of the loop language.

The last axis of a nest goes in vectors; where a sum over the end of its operand is taken, that sum does. Neighbouring
axes that every array walks through as one are one. Extents and strides are arguments, so nests of one form share a
kernel; only strides of 0 and 1, divisors and what is left out or read in another way make another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.compiler.elements import (
    Axis,
    Convert,
    Element,
    Fetch,
    Function,
    Linear,
    Number,
    Place,
    Total,
    within,
)
from maplet.compiler.loops import (
    Apply,
    Buffer,
    Cast,
    Constant,
    Kernel,
    Load,
    Report,
    Size,
    Statement,
    Steps,
    Value,
    apply,
    integer,
    plus,
    splat,
    times,
)
from maplet.compiler.segments import truth
from maplet.compiler.strided import most_lanes, near_factors, spread
from maplet.compiler.totals import put_together
from maplet.core.types import short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.compiler.scopes import Scope
    from maplet.core.graph import Node


@dataclass(frozen=True)
class KernelCall:
    """A kernel and what it is called with.

    ``arrays`` are the nodes behind its buffers; ``sizes`` its numbers, where a node stands for the error that it
    reports; ``count`` the rounds of its outermost loop; ``work`` its scalar operations.
    """

    kernel: Kernel
    arrays: tuple[Node, ...]
    sizes: tuple[int | Node, ...]
    count: int
    work: int


class Lowering:
    """One kernel in the making."""

    def __init__(
        self, roots: Sequence[Element], axes: Sequence[Axis], checks: Sequence[tuple[Element, Node]] = ()
    ) -> None:
        self.checks = checks
        self.elements = list(within([*roots, *(condition for condition, _ in checks)]))
        self.dropped: dict[Axis, None] = {}
        self.extents: dict[Axis, int] = {}
        self.take_axes(axes)
        self.arrays: dict[Node, Buffer] = {}
        self.written: dict[Node, Buffer] = {}
        self.sizes: dict[str, int | Node] = {}
        self.size_of: dict[object, Size] = {}
        self.depends_memo: dict[int, frozenset[Axis]] = {}
        self.variables = 0
        self.wide = 16
        self.block = 2048  # positions that one thread takes at least, where a nest is a single loop
        self.given: dict[Element, Value] = {}  # elements that need not be read where they lie
        self.known: dict[Element, bool] = {}  # conditions that hold, or do not, in the segment that is written
        self.scratch = 0

    def take_axes(self, axes: Sequence[Axis]) -> None:
        """Go through some axes, neighbours as one where all arrays walk through them so."""
        dropped, extents = merge(self.elements, axes)
        self.dropped |= dropped
        self.extents |= extents

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def fresh(self, letter: str) -> str:
        """A name that is not taken."""
        self.variables += 1
        return f"{letter}{self.variables}"

    def size(self, number: int | Node, key: object) -> Size:
        """An argument; one for equal keys."""
        if key not in self.size_of:
            name = f"s{len(self.sizes)}"
            self.sizes[name] = number
            self.size_of[key] = Size("i64", 1, name)
        return self.size_of[key]

    def extent(self, axis: Axis) -> Value:
        """The length of an axis."""
        return self.size(self.extents.get(axis, axis.extent), ("extent", axis))

    def buffer(self, node: Node, *, written: bool = False) -> Buffer:
        """The buffer of an array that is read, or of one that is written."""
        names = self.written if written else self.arrays
        if node not in names:
            letter = "y" if written else "x"
            names[node] = Buffer(f"{letter}{len(names)}", short_name(node.array_type.dtype))
        return names[node]

    def own(self, dtype: str, elements: int) -> Buffer:
        """Scratch memory of the thread's own."""
        at, self.scratch = self.scratch, self.scratch + elements * 8
        return Buffer(self.fresh("t"), dtype, at)

    def call(self, name: str, body: Sequence[Statement], count: int, rounds: int, head: Kernel) -> KernelCall:
        """The finished kernel."""
        buffers = (*self.arrays.values(), *self.written.values())
        kernel = Kernel(name, buffers, tuple(self.sizes), tuple(body), self.scratch, head.begin, head.end)
        work = rounds * sum(1 for e in self.elements if isinstance(e, Function | Fetch | Total))
        return KernelCall(kernel, (*self.arrays, *self.written), tuple(self.sizes.values()), count, work)

    # ── what depends on what ─────────────────────────────────────────────────────────────────────

    def terms(self, form: Linear) -> list[tuple[Axis | Element, int]]:
        """The terms of a form over the axes that are left."""
        return [(atom, factor) for atom, factor in form.terms.items() if atom not in self.dropped]

    def depends(self, element: Element) -> frozenset[Axis]:
        """The axes whose position decides the value of an element."""
        known = self.depends_memo.get(id(element))
        if known is None:
            known = self.depends_memo[id(element)] = frozenset(self._depends(element))
        return known

    def _depends(self, element: Element) -> set[Axis]:
        found: set[Axis] = set()
        match element:
            case Place(at=at):
                found |= self._form_depends(at)
            case Fetch(at=at, guard=guard):
                found |= self._form_depends(at) | (self.depends(guard) if guard is not None else frozenset())
            case Function(arguments=arguments):
                found = found.union(*map(self.depends, arguments))
            case Convert(value=value):
                found |= self.depends(value)
            case Total(axis=axis, body=body, start=start):
                found |= self.depends(body) - {axis}
                found |= frozenset() if start is None else self.depends(start)
            case _:
                pass
        return found

    def _form_depends(self, form: Linear) -> set[Axis]:
        found: set[Axis] = set()
        for atom, _ in self.terms(form):
            found |= {atom} if isinstance(atom, Axis) else self.depends(atom)
        return found

    # ── values ───────────────────────────────────────────────────────────────────────────────────

    def value(self, element: Element, scope: Scope) -> Value:
        """An element as a value, computed in the outermost scope where all is known that it depends on."""
        needs = self.depends(element)
        while scope.outer is not None and scope.axis not in needs:
            scope = scope.outer
        if id(element) not in scope.memo:
            scope.memo[id(element)] = self._value(element, scope)
        return scope.memo[id(element)]

    def _value(self, element: Element, scope: Scope) -> Value:  # noqa: PLR0911  (one for each kind of element)
        vector = scope.vector()
        varies = vector is not None and vector.axis in self.depends(element)
        lanes = vector.lanes if vector is not None and varies else 1
        match element:
            case Number(dtype=dtype, value=number):
                return Constant(dtype, 1, number)
            case Place(at=at):
                return self.position(at, scope, lanes)
            case Fetch():
                return self._load(element, scope, vector if varies else None)
            case Function(dtype="bool") if (holds := truth(element, self.known)) is not None:
                return Constant("bool", 1, holds)
            case Function(name="where", arguments=(condition, yes, no)) if truth(condition, self.known) is not None:
                return splat(self.value(yes if truth(condition, self.known) else no, scope), lanes)
            case Function(dtype=dtype, name=name, arguments=arguments):
                values = [splat(self.value(a, scope), lanes) for a in arguments]
                return Apply(dtype, lanes, name, tuple(values))
            case Convert(dtype=dtype, value=value):
                return Cast(dtype, lanes, splat(self.value(value, scope), lanes))
            case Total():
                return put_together(self, element, scope, lanes)
            case _:
                raise TypeError(f"no value for {element}")

    def base(self, form: Linear, scope: Scope, without: Axis | None) -> tuple[list[Value], list[Value]]:
        """The terms of a form: those that are one number here, outermost first, and those with one per lane."""
        ones: list[tuple[int, Value]] = []
        lanes: list[Value] = []
        depth = {s.axis: n for n, s in enumerate(reversed(list(scope.chain())))}
        for atom, factor in self.terms(form):
            if isinstance(atom, Axis):
                if atom is without:
                    continue
                at = next(s.at for s in scope.chain() if s.axis is atom)
                ones.append((depth[atom], times(at, self._factor(factor, atom))))
            else:
                value = self.value(atom, scope)
                scaled = times(value, splat(self._factor(factor, atom), value.lanes))
                if value.lanes > 1:
                    lanes.append(scaled)
                else:
                    level = max((depth.get(axis, 0) for axis in self.depends(atom)), default=0)
                    ones.append((level, scaled))
        constant = [self.size(form.constant, ("constant", form.constant))] if form.constant else []
        return [*constant, *(value for _, value in sorted(ones, key=lambda pair: pair[0]))], lanes

    def _factor(self, factor: int, atom: Axis | Element) -> Value:
        return integer(factor) if factor in (1, -1) else self.size(factor, ("factor", id(atom), factor))

    def position(self, form: Linear, scope: Scope, lanes: int) -> Value:
        """A form as a number, or one per lane."""
        vector = scope.vector()
        axis = vector.axis if vector is not None and lanes > 1 else None
        ones, varying = self.base(form, scope, axis)
        if lanes == 1:
            return plus(*ones)
        assert vector is not None  # noqa: S101  (or it would have one lane)
        factor = dict(self.terms(form)).get(axis, 0) if axis is not None else 0
        if factor:
            scale = self._factor(factor, axis) if axis is not None else integer(1)
            ones.append(times(vector.at, scale))
            steps: Value = Steps("i64", lanes)
            varying.append(steps if factor == 1 else apply("multiply", steps, splat(scale, lanes)))
        total = splat(plus(*ones), lanes)
        for term in varying:
            total = apply("add", total, term)
        return total

    def _load(self, fetch: Fetch, scope: Scope, vector: Scope | None) -> Value:
        inside = None if fetch.guard is None else truth(fetch.guard, self.known)
        if fetch in self.given or inside is False:
            return self.given.get(fetch, Constant(fetch.dtype, 1, 0))
        guard = None if fetch.guard is None or inside else self.value(fetch.guard, scope)
        if vector is not None:
            return self._load_vector(fetch, guard, scope, vector)
        buffer, at = self.buffer(fetch.source), self.position(fetch.at, scope, 1)
        if guard is None:
            return Load(fetch.dtype, 1, buffer, at)
        loaded = Load(fetch.dtype, 1, buffer, apply("where", guard, at, integer(0)))
        return apply("where", guard, loaded, Constant(fetch.dtype, 1, 0))

    def _load_vector(self, fetch: Fetch, guard: Value | None, scope: Scope, vector: Scope) -> Value:
        """One element for each lane: neighbours, some that lie a few places apart, or any."""
        buffer, lanes, mask = self.buffer(fetch.source), vector.lanes, vector.mask
        if guard is not None:
            wide = splat(guard, lanes)
            mask = wide if mask is None else apply("logical_and", mask, wide)
        ones, varying = self.base(fetch.at, scope, vector.axis)
        factor = next((factor for atom, factor in self.terms(fetch.at) if atom is vector.axis), 0)
        if not varying and factor == 1:
            return Load(fetch.dtype, lanes, buffer, plus(*ones, vector.at), mask)
        if not varying and mask is None and factor in near_factors and lanes <= most_lanes and fetch.dtype != "bool":
            return spread(buffer, fetch.dtype, lanes, factor, plus(*ones, times(vector.at, integer(factor))))
        return Load(fetch.dtype, lanes, buffer, self.position(fetch.at, scope, lanes), mask)

    def report(self, scope: Scope, needed: set[Axis]) -> None:
        """Report the errors whose conditions are known in a scope, and depend on all of some axes."""
        bound = {s.axis for s in scope.chain()}
        for condition, node in self.checks:
            if needed <= self.depends(condition) <= bound:
                vector = scope.vector()
                value = splat(self.value(condition, scope), 1 if vector is None else vector.lanes)
                if vector is not None and vector.mask is not None:
                    value = apply("logical_and", vector.mask, value)
                scope.statements.append(Report(value, self.size(node, ("error", node))))


def merge(elements: Sequence[Element], axes: Sequence[Axis]) -> tuple[dict[Axis, None], dict[Axis, int]]:
    """Which axes are walked through as part of one further in, and how long those that are left are then."""
    forms = [e.at for e in elements if isinstance(e, Fetch | Place)]
    dropped: dict[Axis, None] = {axis: None for axis in axes if axis.extent == 1}
    extents: dict[Axis, int] = {}
    end: Axis | None = None  # the innermost axis of the run
    for axis in reversed([axis for axis in axes if axis.extent != 1]):
        if end is not None and all(f.terms.get(axis, 0) == f.terms.get(end, 0) * extents[end] for f in forms):
            extents[end] *= axis.extent
            dropped[axis] = None
        else:
            end, extents[axis] = axis, axis.extent
    return dropped, extents
