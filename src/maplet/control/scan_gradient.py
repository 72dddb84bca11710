"""Backpropagation through a scan: another scan, backwards.

Three things make it cheap. The forward scan gives the values that the pullback reads (residuals), and only those: what
follows from them by cheap arithmetic is computed again. A gradient with respect to what every step reads, such as a
weight, is a sum over the steps; where it is a product of two matrices, ΣₜAₜBₜ, the steps only gather the operands, and
one product after the loop, [A₁ A₂ …]·[B₁; B₂; …], does the rest. All other sums are carried along.
"""

# The records are tables of functions, all of one signature, of which each uses what it needs.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.control.scan_rules import settle
from maplet.core.graph import Graph, Node, as_made, in_order, input_primitive
from maplet.core.kinds import access_at, is_cheap
from maplet.core.trace import Trace, bind
from maplet.core.types import is_floating
from maplet.ops.creation import zeros
from maplet.ops.identity import several
from maplet.ops.movement import permute_dims, reshape
from maplet.transforms.evaluate import apply
from maplet.transforms.gradient import active_nodes, gradient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array

# ── what is kept ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Plan:
    """How a body is gone through backwards.

    Parameters
    ----------
    forward
        The body; loops inside it also give what their pullbacks read.
    wrt
        Numbers of the body's inputs that have a gradient.
    seeded
        Numbers of the body's outputs that have a cotangent.
    seeds
        The inputs that stand for those cotangents.
    gradients
        For every number in ``wrt``, the node of its gradient within a step.
    missing
        What the pullback reads and the forward scan does not give yet.
    """

    forward: Graph
    wrt: list[int]
    seeded: list[int]
    seeds: tuple[Node, ...]
    gradients: dict[int, Node]
    missing: list[Node]


def _plan(body: Graph, needed: Sequence[bool], cotangents: Sequence[bool], constants: int, carries: int) -> Plan:
    end = constants + carries
    order = in_order(body.outputs)

    def active(carried: list[bool]) -> set[Node]:
        flags = [*needed[:constants], *carried, *needed[end:]]
        return active_nodes(order, [node for node, moves in zip(body.inputs, flags, strict=True) if moves])

    def reached(carried: list[bool]) -> list[bool]:
        nodes = active(carried)
        return [node in nodes for node in body.outputs[:carries]]

    carried = settle(list(needed[constants:end]), reached)
    nodes = active(carried)
    flags = [*needed[:constants], *carried, *needed[end:]]
    wrt = [n for n, moves in enumerate(flags) if moves]
    seeded = [n for n in range(carries) if carried[n]]
    seeded += [n for n in range(carries, len(body.outputs)) if cotangents[n] and body.outputs[n] in nodes]
    extended, _ = gradient(body, wrt, seeded)
    count = len(body.outputs)
    forward = Graph(body.inputs, extended.outputs[:count], extended.origins)
    gradients = dict(zip(wrt, extended.outputs[count:], strict=True))
    missing = _missing(forward, list(gradients.values()), constants, end)
    return Plan(forward, wrt, seeded, extended.inputs[len(body.inputs) :], gradients, missing)


def forward_nodes(forward: Graph, gradients: Sequence[Node]) -> set[Node]:
    """The nodes of the forward pass, and the further outputs of loops in it that only the backward pass takes."""
    before = set(in_order(forward.outputs)) | set(forward.inputs)
    return before | {node for node in in_order(gradients) if node.primitive.name == "item" and node.inputs[0] in before}


def _missing(forward: Graph, gradients: Sequence[Node], constants: int, end: int) -> list[Node]:
    """What the pullback reads and can neither see nor cheaply compute."""
    before = forward_nodes(forward, gradients)
    fixed = {*forward.inputs[:constants]}
    seen = {*fixed, *forward.inputs[end:], *forward.outputs[end - constants :]}
    read = {child for node in in_order(gradients) if node not in before for child in node.inputs if child in before}
    read |= {node for node in gradients if node in before}
    invariant: dict[Node, bool] = {}
    free: dict[Node, bool] = {}
    missing: list[Node] = []
    for node in as_made(Graph(forward.inputs, (*forward.outputs, *read), forward.origins)):
        is_input = node.primitive is input_primitive
        invariant[node] = node in fixed or (not is_input and all(invariant[child] for child in node.inputs))
        free[node] = node in seen or invariant[node]
        if not free[node] and not is_input and _is_cheap(node):
            free[node] = all(free[child] for child in node.inputs)
        if node in read and not free[node]:
            missing.append(node)
            free[node] = True
    return missing


def _is_cheap(node: Node) -> bool:
    access = access_at(node)
    return access is not None and is_cheap(access.value)


def prepare(
    *xs: Array, needed: tuple[bool, ...], body: Graph, constants: int, carries: int, length: int, reverse: bool
) -> Any:
    """The scan that also gives what its pullback reads, as further rows; None where it does already."""
    real = [is_floating(node.array_type.dtype) for node in body.outputs]
    plan = _plan(body, needed, real, constants, carries)
    if not plan.missing and plan.forward.outputs == body.outputs:
        return None
    wide = Graph(body.inputs, (*plan.forward.outputs, *plan.missing), plan.forward.origins)
    return bind("scan", *xs, body=wide, constants=constants, carries=carries, length=length, reverse=reverse)


# ── the backward scan ────────────────────────────────────────────────────────────────────────────

# Operations on one array that are linear in it, so that they may as well be done once to the sum over all steps.
linear = {"permute_dims", "reshape", "slice", "pad", "sum", "negative"}


@dataclass
class Term:
    """One addend of the gradient of a constant: ``after`` applied to the product of two matrices, summed over steps."""

    left: Node
    right: Node
    after: list[Node]


def pullback(
    cotangents: list[Array | None],
    out: list[Array],
    *xs: Array,
    needed: tuple[bool, ...],
    body: Graph,
    constants: int,
    carries: int,
    length: int,
    reverse: bool,
) -> list[Array | None]:
    """One scan in the other direction, then the products that were put off."""
    plan = _plan(body, needed, [c is not None for c in cotangents], constants, carries)
    back = Backward(plan, cotangents, out, list(xs), constants=constants, carries=carries, length=length)
    return back.run(reverse=not reverse, needed=needed)


class Backward:
    """What the backward scan reads, row by row or throughout, and what it gives."""

    def __init__(
        self,
        plan: Plan,
        cotangents: list[Array | None],
        out: list[Array],
        xs: list[Array],
        *,
        constants: int,
        carries: int,
        length: int,
    ) -> None:
        self.plan, self.length = plan, length
        self.constants, self.carries, self.end = constants, carries, constants + carries
        forward = plan.forward
        self.fixed = dict(zip(forward.inputs[:constants], xs[:constants], strict=True))
        # Everything that has a row for each step, by the node whose value it holds.
        self.rows: dict[Node, Array] = {}
        for number in range(carries, len(forward.outputs)):
            if forward.outputs[number] not in self.fixed:
                self.rows.setdefault(forward.outputs[number], out[number])
        self.rows |= dict(zip(forward.inputs[self.end :], xs[self.end :], strict=True))
        self.state: dict[Node, Array] = {}
        for number, seed in zip(plan.seeded, plan.seeds, strict=True):
            given = cotangents[number]
            if number < carries:
                kind = seed.array_type
                self.state[seed] = zeros(kind.shape, dtype=kind.dtype) if given is None else given
            elif given is not None:
                self.rows[seed] = given
        self.before = forward_nodes(forward, list(plan.gradients.values()))

    def run(self, *, reverse: bool, needed: Sequence[bool]) -> list[Array | None]:
        """The gradients of the scan's inputs."""
        plan, weights = self.plan, {n: node for n, node in self.plan.gradients.items() if n < self.constants}
        split = {n: self._split(node) for n, node in weights.items()}
        products = [term for terms, _ in split.values() for term in terms]
        operands = [node for term in products for node in (term.left, term.right)]
        gathered = [node for node in dict.fromkeys(operands) if self._outside(node) is None]
        sums = {n: rest for n, (_, rest) in split.items() if rest}
        carried = [plan.gradients[n] for n in plan.wrt if self.constants <= n < self.end]
        sequences = {n: plan.gradients[n] for n in plan.wrt if n >= self.end}
        outputs = self._scan(carried, sums, [*sequences.values(), *gathered], reverse=reverse)
        found: dict[int, Array] = {}
        in_carries = [n for n in plan.wrt if self.constants <= n < self.end]
        found |= dict(zip(in_carries, outputs, strict=False))
        outputs = outputs[len(carried) :]
        found |= dict(zip(sums, outputs, strict=False))
        outputs = outputs[len(sums) :]
        found |= dict(zip(sequences, outputs, strict=False))
        self.rows |= dict(zip(gathered, outputs[len(sequences) :], strict=True))
        for number, (terms, _) in split.items():
            for term in terms:
                product = self._product(term)
                found[number] = bind("add", found[number], product) if number in found else product
        return [found.get(n) if want else None for n, want in enumerate(needed)]

    def _scan(
        self, carried: list[Node], sums: dict[int, list[Node]], gathered: list[Node], *, reverse: bool
    ) -> list[Array]:
        """Bind the backward scan: it hands on the cotangents of carries and the running sums."""
        wanted = [*carried, *(term for terms in sums.values() for term in terms), *gathered]
        cut = [*self.fixed, *self.state, *self.rows]
        with Trace(with_values=False) as trace:
            origins = self.plan.forward.origins
            arguments = {
                node: trace.argument(node.array_type, origins[node].name if node in origins else "") for node in cut
            }
            totals = [trace.argument(terms[0].array_type, "total") for terms in sums.values()]
            apart = Graph(tuple(cut), tuple(wanted), self.plan.forward.origins)
            results = apply(apart, list(arguments.values()))
            after = results[: len(carried)]
            addends = iter(results[len(carried) :])
            for total, terms in zip(totals, sums.values(), strict=True):
                for _ in terms:
                    total = bind("add", total, next(addends))  # noqa: PLW2901  (the sum grows)
                after.append(total)
            read = set(in_order([trace.node_of(array) for array in results]))
            fixed = [n for n in self.fixed if trace.node_of(arguments[n]) in read]
            rows = [n for n in self.rows if trace.node_of(arguments[n]) in read]
            inputs = [
                *(arguments[n] for n in fixed), *(arguments[n] for n in self.state), *totals,
                *(arguments[n] for n in rows),
            ]  # fmt: skip
            body = Graph(
                tuple([trace.node_of(array) for array in inputs]),
                tuple([trace.node_of(array) for array in (*after, *addends)]),
                trace.origins,
            )
        return several(
            "scan", *(self.fixed[n] for n in fixed), *self.state.values(),
            *(zeros(terms[0].array_type.shape, dtype=terms[0].array_type.dtype) for terms in sums.values()),
            *(self.rows[n] for n in rows),
            body=body, constants=len(fixed), carries=len(self.state) + len(totals), length=self.length, reverse=reverse,
        )  # fmt: skip

    # ── products after the loop ──────────────────────────────────────────────────────────────────

    def _split(self, node: Node) -> tuple[list[Term], list[Node]]:
        """The addends of a weight's gradient: products of matrices that can wait, and the rest."""
        terms: list[Term] = []
        rest: list[Node] = []
        waiting = [node]
        while waiting:
            addend = waiting.pop()
            is_sum = addend.primitive.name == "add" and addend not in self.before
            if is_sum and all(child.type == addend.type for child in addend.inputs):
                waiting += reversed(addend.inputs)
            elif (term := self._as_product(addend)) is not None:
                terms.append(term)
            else:
                rest.append(addend)
        return terms, rest

    def _as_product(self, node: Node) -> Term | None:
        """A product of two matrices that change from step to step, and what is done to it after."""
        after: list[Node] = []
        core = node
        while core.primitive.name in linear and core not in self.before:
            after.append(core)
            core = core.inputs[0]
        if core.primitive.name == "matmul" and core not in self.before:
            left, right = core.inputs
            alike = left.array_type.shape[:-2] == right.array_type.shape[:-2]
            if alike and self._varies(left) and self._varies(right):
                return Term(left, right, after[::-1])
        return None

    def _varies(self, node: Node) -> bool:
        """Whether a node changes from step to step."""
        ends = {*self.fixed}
        return any(child.primitive is input_primitive and child not in ends for child in in_order([node], ends))

    def _outside(self, node: Node) -> Array | None:
        """All rows of a node at once, where they are there already or only have to be moved."""
        moved: list[Node] = []
        while node not in self.rows:
            if node.primitive.name not in linear - {"sum"}:
                return None
            moved.append(node)
            (node,) = node.inputs
        rows = self.rows[node]
        for step in reversed(moved):
            assert step.primitive.batch is not None  # noqa: S101  (the linear ones have a rule)
            rows = step.primitive.batch(self.length, rows, batched=(True,), **step.params)
        return rows

    def _product(self, term: Term) -> Array:
        """The sum over t of AₜBₜ as one product, in which the steps lengthen the inner axis."""
        left, right = self._outside(term.left), self._outside(term.right)
        assert left is not None  # noqa: S101  (gathered, if it was not there)
        assert right is not None  # noqa: S101  (likewise)
        last = left.ndim - 1
        *batch, m, k = left.shape[1:]
        n = right.shape[-1]
        left = reshape(permute_dims(left, (*range(1, last), 0, last)), (*batch, m, self.length * k))
        right = reshape(permute_dims(right, (*range(1, last - 1), 0, last - 1, last)), (*batch, self.length * k, n))
        product = bind("matmul", left, right)
        for node in term.after:
            product = bind(node.primitive.name, product, **node.params)
        return product
