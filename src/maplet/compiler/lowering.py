"""Lowering: nests of elements → kernels of the loop language.

The last axis of a nest goes in vectors; where a sum over the end of its operand is taken, that sum does. Neighbouring
axes that every array walks through as one are one. Extents and strides are arguments, so nests of one form share a
kernel; only strides of 0 and 1, divisors and what is left out or read in another way make another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from maplet.compiler.elements import Axis, Convert, Element, Fetch, Function, Linear, Number, Place, Total, within
from maplet.compiler.loops import (
    After,
    Apply,
    Buffer,
    Carry,
    Cast,
    Constant,
    Fold,
    For,
    Kernel,
    Load,
    Report,
    Size,
    Statement,
    Steps,
    Store,
    Value,
    Variable,
    apply,
    index,
    integer,
    plus,
    splat,
    times,
)
from maplet.core.types import dtypes_by_short_name, short_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from maplet.compiler.fusion import Nest, Scatter
    from maplet.core.graph import Node

block = 2048  # positions that one thread takes at least, where a nest is a single loop


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


@dataclass(eq=False)
class Scope:
    """The inside of a loop: which axis it goes through, and what was lowered there."""

    axis: Axis | None
    at: Value  # the loop's variable
    outer: Scope | None
    lanes: int = 1
    mask: Value | None = None
    statements: list[Statement] = field(default_factory=list[Statement])
    memo: dict[int, Value] = field(default_factory=dict[int, Value])

    def chain(self) -> Iterable[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def vector(self) -> Scope | None:
        """The scope around that goes in vectors."""
        return next((scope for scope in self.chain() if scope.lanes > 1), None)


class Lowering:
    """One kernel in the making."""

    def __init__(
        self, roots: Sequence[Element], axes: Sequence[Axis], checks: Sequence[tuple[Element, Node]] = ()
    ) -> None:
        self.checks = checks
        self.elements = list(within([*roots, *(condition for condition, _ in checks)]))
        self.dropped, self.extents = merge(self.elements, axes)
        self.arrays: dict[Node, Buffer] = {}
        self.written: dict[Node, Buffer] = {}
        self.sizes: dict[str, int | Node] = {}
        self.size_of: dict[object, Size] = {}
        self.depends_memo: dict[int, frozenset[Axis]] = {}
        self.variables = 0
        self.wide = 16

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

    def call(self, name: str, body: Sequence[Statement], count: int, rounds: int, head: Kernel) -> KernelCall:
        """The finished kernel."""
        buffers = (*self.arrays.values(), *self.written.values())
        kernel = Kernel(name, buffers, tuple(self.sizes), tuple(body), 0, head.begin, head.end)
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
            case Total(axis=axis, body=body):
                found |= self.depends(body) - {axis}
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

    def _value(self, element: Element, scope: Scope) -> Value:
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
            case Function(dtype=dtype, name=name, arguments=arguments):
                values = [splat(self.value(a, scope), lanes) for a in arguments]
                return Apply(dtype, lanes, name, tuple(values))
            case Convert(dtype=dtype, value=value):
                return Cast(dtype, lanes, splat(self.value(value, scope), lanes))
            case Total():
                return self._total(element, scope, lanes)
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
        assert vector is not None  # noqa: S101
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
        buffer = self.buffer(fetch.source)
        guard = None if fetch.guard is None else self.value(fetch.guard, scope)
        if vector is None:
            at = self.position(fetch.at, scope, 1)
            if guard is None:
                return Load(fetch.dtype, 1, buffer, at)
            loaded = Load(fetch.dtype, 1, buffer, apply("where", guard, at, integer(0)))
            return apply("where", guard, loaded, Constant(fetch.dtype, 1, 0))
        lanes = vector.lanes
        mask = vector.mask
        if guard is not None:
            wide = splat(guard, lanes)
            mask = wide if mask is None else apply("logical_and", mask, wide)
        ones, varying = self.base(fetch.at, scope, vector.axis)
        if not varying and dict(self.terms(fetch.at)).get(vector.axis) == 1:  # type: ignore[arg-type]
            return Load(fetch.dtype, lanes, buffer, plus(*ones, vector.at), mask)
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

    # ── sums ─────────────────────────────────────────────────────────────────────────────────────

    def _total(self, total: Total, scope: Scope, lanes: int) -> Value:
        if total.combiner.startswith("arg"):
            return self._extreme_position(total, scope, lanes)
        wide = "f32" if total.dtype == "f16" else total.dtype
        if total.axis.extent == 1:
            return self.value(total.body, scope)
        in_lanes = total.in_lanes and scope.vector() is None
        if in_lanes:
            lanes = 64 if total.axis.extent >= 512 else 16
        start: Value = Constant(wide, lanes, neutral(total.combiner, wide))
        n = self.extent(total.axis)
        if not in_lanes:
            result = self._rounds(total, scope, wide, start, (integer(0), n, 1), masked=False)
        else:
            whole = apply("bitwise_and", n, integer(-lanes))
            result = self._rounds(total, scope, wide, start, (integer(0), whole, lanes), masked=False)
            result = self._rounds(total, scope, wide, result, (whole, n, lanes), masked=True)
            result = Fold(wide, 1, "any" if wide == "bool" and total.combiner == "sum" else total.combiner, result)
        return result if wide == total.dtype else Cast(total.dtype, result.lanes, result)

    def _rounds(
        self,
        total: Total,
        scope: Scope,
        dtype: str,
        start: Value,
        limits: tuple[Value, Value, int],
        *,
        masked: bool,
    ) -> Value:
        """A loop that takes one position (or one vector of them) per round into what was put together so far."""
        variable = index(self.fresh("k"))
        first, stop, step = limits
        inner = Scope(total.axis, variable, scope, lanes=step if step > 1 else 1)
        if masked:
            inner.mask = below(variable, stop, step)
        carried = Variable(dtype, start.lanes, self.fresh("a"))
        self.report(inner, {total.axis})
        found = self.value(total.body, inner)
        if found.dtype != dtype:
            found = Cast(dtype, found.lanes, found)
        following: Value = apply(together(total.combiner, dtype), carried, splat(found, start.lanes), dtype=dtype)
        if inner.mask is not None:
            following = apply("where", inner.mask, following, carried, dtype=dtype)
        loop = For(variable, first, stop, step, tuple(inner.statements), (Carry(carried, start, following),))
        scope.statements.append(loop)
        return After(dtype, start.lanes, loop, 0)

    def _extreme_position(self, total: Total, scope: Scope, lanes: int) -> Value:
        """The first position of the greatest (or least) value; NaN wins."""
        body = total.body.dtype
        variable = index(self.fresh("k"))
        inner = Scope(total.axis, variable, scope)
        best = Variable(body, lanes, self.fresh("a"))
        position = Variable("i64", lanes, self.fresh("p"))
        self.report(inner, {total.axis})
        found = splat(self.value(total.body, inner), lanes)
        higher, lower = (found, best) if total.combiner == "argmax" else (best, found)
        if body == "bool":
            better: Value = apply("logical_and", higher, apply("logical_not", lower))
        else:
            better = Apply("bool", lanes, "greater", (higher, lower))
        if body[0] == "f":
            is_new = apply("logical_and", nan(found), apply("logical_not", nan(best)))
            better = apply("logical_or", apply("logical_and", better, apply("logical_not", nan(best))), is_new)
        start: Value = Constant(body, lanes, neutral(total.combiner[3:], body))
        carries = (
            Carry(best, start, apply("where", better, found, best)),
            Carry(position, Constant("i64", lanes, 0), apply("where", better, splat(variable, lanes), position)),
        )
        loop = For(variable, integer(0), self.extent(total.axis), 1, tuple(inner.statements), carries)
        scope.statements.append(loop)
        return After("i64", lanes, loop, 1)


combine = {
    "sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and",
}  # fmt: skip


def together(combiner: str, dtype: str) -> str:
    """The function that a combiner puts two numbers together by; a sum of truth values holds where one of them does."""
    return "logical_or" if dtype == "bool" and combiner == "sum" else combine[combiner]


def neutral(combiner: str, dtype: str) -> float:
    """What changes nothing: 0 for a sum, −∞ for a maximum."""
    if combiner in ("max", "min"):
        if dtype[0] == "f":
            return float("-inf") if combiner == "max" else float("inf")
        if dtype == "bool":
            return combiner == "min"
        kind = dtypes_by_short_name[dtype]
        bits = 8 * kind.itemsize
        least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind.kind == "i" else (0, (1 << bits) - 1)
        return least if combiner == "max" else most
    return {"sum": 0, "prod": 1, "any": False, "all": True}[combiner]


def nan(value: Value) -> Value:
    """Where a value is NaN."""
    return Apply("bool", value.lanes, "isnan", (value,))


def below(variable: Value, stop: Value, lanes: int) -> Value:
    """Which lanes, counted from a position on, lie before the end."""
    return Apply("bool", lanes, "less", (Steps("i64", lanes), splat(apply("subtract", stop, variable), lanes)))


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


# ── whole nests ──────────────────────────────────────────────────────────────────────────────────


def lower_nest(nest: Nest) -> KernelCall:
    """A nest as a kernel."""
    lowering = Lowering(list(nest.outputs.values()), nest.axes, nest.evaluator.checks)
    head = Kernel("", (), (), ())
    sums_in_lanes = any(isinstance(e, Total) and e.in_lanes and e.axis.extent > 1 for e in lowering.elements)
    outer = [axis for axis in nest.axes if axis in lowering.extents]
    vector = outer.pop() if outer and not sums_in_lanes else None
    lowering.wide = 8 if any(e.dtype in ("f64", "i64", "u64") for e in nest.outputs.values()) else 16
    place = Linear(0, {axis: stride for axis, stride in zip(nest.axes, strides(nest.shape), strict=True)})

    def statements(scope: Scope) -> None:
        lowering.report(scope, set())
        for node, element in nest.outputs.items():
            value = splat(lowering.value(element, scope), scope.lanes)
            ones, _ = lowering.base(place, scope, scope.axis if scope.lanes > 1 else None)
            at = plus(*ones, scope.at) if scope.lanes > 1 else plus(*ones)
            scope.statements.append(Store(lowering.buffer(node, written=True), at, value, scope.mask))

    body, count = loops(lowering, head, outer, vector, statements)
    rounds = prod(nest.shape) * prod(e.axis.extent for e in lowering.elements if isinstance(e, Total))
    return lowering.call("+".join(n.primitive.name for n in nest.outputs), body, count, rounds, head)


def strides(shape: Sequence[int]) -> list[int]:
    """The distance of neighbours along each axis, in row-major order."""
    return [prod(shape[n + 1 :]) for n in range(len(shape))]


def loops(
    lowering: Lowering, head: Kernel, outer: Sequence[Axis], vector: Axis | None, statements: object
) -> tuple[list[Statement], int]:
    """Loops over axes around statements; the outermost one is shared among threads."""
    root = Scope(None, integer(0), None)
    scopes = [root]
    for axis in outer:
        scopes.append(Scope(axis, index(lowering.fresh("i")), scopes[-1]))
    innermost = scopes[-1]
    count = lowering.extents[outer[0]] if outer else 1
    if vector is None:
        statements(innermost)  # type: ignore[operator]
    else:
        n = lowering.extent(vector)
        if outer:
            start, stop = integer(0), n
        else:
            count = -(-lowering.extents[vector] // block)
            start = apply("multiply", head.begin, integer(block))
            stop = apply("minimum", apply("multiply", head.end, integer(block)), n)
        wide = lowering.wide
        whole = apply("add", start, apply("bitwise_and", apply("subtract", stop, start), integer(-wide)))
        for first, last, masked in ((start, whole, False), (whole, stop, True)):
            variable = index(lowering.fresh("v"))
            scope = Scope(vector, variable, innermost, lanes=wide)
            if masked:
                scope.mask = below(variable, stop, wide)
            statements(scope)  # type: ignore[operator]
            innermost.statements.append(For(variable, first, last, wide, tuple(scope.statements)))
    for n in range(len(outer) - 1, -1, -1):
        scope = scopes[n + 1]
        assert isinstance(scope.at, Variable)  # noqa: S101
        first, last = (head.begin, head.end) if n == 0 else (integer(0), lowering.extent(outer[n]))
        scopes[n].statements.append(For(scope.at, first, last, 1, tuple(scope.statements)))
    return root.statements, count


# ── scattering ───────────────────────────────────────────────────────────────────────────────────


def lower_scatter(scatter: Scatter) -> list[KernelCall]:
    """Two kernels: one that fills the array, one that visits the positions in order."""
    node = scatter.node
    shape = node.array_type.shape
    dtype = short_name(node.array_type.dtype)
    filling = Lowering([], [Axis(prod(shape))])
    return [_fill(filling, node, dtype, -1 if scatter.combiner == "max" else 0), _visit(scatter, shape, dtype)]


def _fill(lowering: Lowering, node: Node, dtype: str, number: int) -> KernelCall:
    head = Kernel("", (), (), ())
    axis = Axis(node.array_type.size)
    lowering.extents[axis] = axis.extent

    def statements(scope: Scope) -> None:
        buffer = lowering.buffer(node, written=True)
        scope.statements.append(Store(buffer, scope.at, Constant(dtype, scope.lanes, number), scope.mask))

    body, count = loops(lowering, head, [], axis, statements)
    return lowering.call("fill", body, count, axis.extent, head)


def _visit(scatter: Scatter, shape: tuple[int, ...], dtype: str) -> KernelCall:
    node = scatter.node
    lowering = Lowering([scatter.at, scatter.body], (), scatter.checks)
    head = Kernel("", (), (), ())
    before = [a for a in scatter.axes[: scatter.aimed] if a.extent != 1]
    after = [a for a in scatter.axes[scatter.aimed + 1 :] if a.extent != 1]
    sums = [a for a in scatter.sums if a.extent != 1]
    lowering.wide = 8 if dtype in ("f64", "i64", "u64") else 16
    factors = dict(zip(scatter.axes, strides(shape), strict=True))
    aimed = scatter.axes[scatter.aimed]
    place = Linear(0, {a: f for a, f in factors.items() if a is not aimed and a.extent != 1})
    for axis in (*scatter.axes, *scatter.sums):
        lowering.extents[axis] = axis.extent

    def statements(scope: Scope) -> None:
        lowering.report(scope, set())
        value = splat(lowering.value(scatter.body, scope), scope.lanes)
        ones, _ = lowering.base(place, scope, scope.axis if scope.lanes > 1 else None)
        looked_up = lowering.value(scatter.at, scope)
        row = times(looked_up, splat(lowering.size(factors[aimed], ("row", aimed)), looked_up.lanes))
        if row.lanes > 1:  # each lane has a place of its own, as the axis in lanes is one of the result
            first = splat(plus(*ones, scope.at), row.lanes)
            at = apply("add", apply("add", first, Steps("i64", row.lanes)), row)
        else:
            at = plus(*ones, row, scope.at) if scope.lanes > 1 else plus(*ones, row)
        buffer = lowering.buffer(node, written=True)
        old = Load(dtype, scope.lanes, buffer, at, scope.mask)
        new = apply(together(scatter.combiner, dtype), old, value, dtype=dtype)
        scope.statements.append(Store(buffer, at, new, scope.mask))

    vector = after.pop() if after else None
    if not before and vector is not None and not sums and not after:
        body, count = loops(lowering, head, [], vector, statements)
    else:
        alone = Axis(1)  # a loop of one round, where nothing can be shared among threads
        lowering.extents[alone] = 1
        outer = [*(before or [alone]), *sums, *after]
        body, count = loops(lowering, head, outer, vector, statements)
    rounds = prod(a.extent for a in (*scatter.axes, *scatter.sums)) // max(1, shape[scatter.aimed])
    return lowering.call("scatter", body, count, rounds, head)
