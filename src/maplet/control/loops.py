"""`while_loop`, whose number of steps is decided by data, and `fori_loop`, which counts."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.control import carry as carries_of
from maplet.control import scan_gradient
from maplet.control.scan import require_steps, steps
from maplet.control.scan_rules import settle
from maplet.core.body import Body, record_body, require_callable
from maplet.core.check import checked
from maplet.core.context import located, transform_origin, within
from maplet.core.graph import Graph, Node, input_node
from maplet.core.primitive import Primitive, operation, register
from maplet.core.recording import graph_of
from maplet.core.trace import bind
from maplet.core.tree import leaves
from maplet.core.types import ArrayType, bool_dtype, default_int, is_integer
from maplet.errors import DTypeError, GradientError, GraphError, MapletError, ShapeError, TraceError
from maplet.ops import reduction
from maplet.ops.arguments import as_array, convert
from maplet.ops.creation import arange, zeros
from maplet.ops.elementwise import logical_not, where
from maplet.ops.identity import several
from maplet.ops.movement import repeat_rows, reshape
from maplet.transforms.batch import as_pairs, batch
from maplet.transforms.evaluate import apply, compute
from maplet.transforms.forward import pushforward

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array

# ── the primitive ────────────────────────────────────────────────────────────────────────────────
# Inputs: what every step reads (constants), then what is handed on (carries). Outputs: the last carries.


def _shape(
    *types: ArrayType, condition: Graph, body: Graph, constants: int, bound: int | None
) -> tuple[ArrayType, ...]:
    for graph in (condition, body):
        expected = tuple(node.type for node in graph.inputs)
        if types != expected:
            raise GraphError(f"while_loop: takes {', '.join(map(str, expected))}, given {', '.join(map(str, types))}")
    if [node.type for node in condition.outputs] != [ArrayType((), bool_dtype)]:
        raise GraphError("while_loop: the condition is not one truth value")
    after = tuple(node.array_type for node in body.outputs)
    if after != types[constants:]:
        raise GraphError(f"while_loop: carries of types {types[constants:]} become {after}")
    return after


def _value(*values: Any, condition: Graph, body: Graph, constants: int, bound: int | None) -> tuple[Any, ...]:
    fixed, state = values[:constants], values[constants:]
    step = 0
    try:
        while (bound is None or step < bound) and bool(compute(condition, [*fixed, *state])[0]):
            state = compute(body, [*fixed, *state])
            step += 1
    except MapletError as error:
        within(error, f"step {step} of a while_loop")
        raise
    return tuple(state)


def _no_pullback(*_: Any, **__: Any) -> Any:
    raise GraphError("a while_loop has no pullback of its own: it gives way to a scan first")


def _prepare(
    *xs: Array, needed: tuple[bool, ...], condition: Graph, body: Graph, constants: int, bound: int | None
) -> Any:
    """A scan of ``bound`` steps, in which those after the end do nothing: its pullback is then that of a scan."""
    if bound is None:
        raise GradientError(
            "reverse mode through a while_loop needs to know how many steps there may be, to keep what each one used",
            fix="say so: mp.while_loop(…, bound=100); or mp.scan for a fixed number; forward mode needs none: mp.jvp, "
            "mp.jacobian(f, mode='forward')",
            where=str(transform_origin() or "") or None,
        )
    stay = Graph(body.inputs, body.inputs[constants:], {})

    def go_or_stay(arrays: Sequence[Array]) -> list[Array]:
        (going,) = apply(condition, arrays)
        return several("switch", convert(logical_not(going), default_int), *arrays, branches=(body, stay))

    step = graph_of(go_or_stay, [node.array_type for node in body.inputs])
    options: dict[str, Any] = {
        "body": step, "constants": constants, "carries": len(xs) - constants, "length": bound, "reverse": False,
    }  # fmt: skip
    wide = scan_gradient.prepare(*xs, needed=needed, **options)
    return bind("scan", *xs, **options) if wide is None else wide


def _tangent(
    tangents: list[Array | None], *xs: Array, condition: Graph, body: Graph, constants: int, bound: int | None
) -> tuple[list[Array], list[Array | None]]:
    moving = [t is not None for t in tangents]

    def pushed(carried: list[bool], spread: Any = ()) -> tuple[Graph, list[bool]]:
        flags = [*moving[:constants], *carried]
        return pushforward(body, [n for n, moves in enumerate(flags) if moves], spread)

    carried = settle(moving[constants:], lambda now: pushed(now)[1])
    extended, _ = pushed(carried, carried)
    flags = [*moving[:constants], *carried]
    start = [
        (zeros(x.shape, dtype=x.dtype) if t is None else t) if moves else None
        for x, t, moves in zip(xs, tangents, flags, strict=True)
    ]
    own = iter(extended.inputs[len(flags) :])
    twins = [next(own) if moves else None for moves in flags]
    unread = [input_node(node.array_type) if moves else None for node, moves in zip(body.inputs, flags, strict=True)]
    parts = (slice(0, constants), slice(constants, None))

    def woven(plain: Any, beside: Any) -> list[Any]:
        return [x for part in parts for x in (*plain[part], *(t for t in beside[part] if t is not None))]

    several_ = several(
        "while_loop", *woven(xs, start),
        condition=Graph(tuple(woven(condition.inputs, unread)), condition.outputs, condition.origins),
        body=Graph(tuple(woven(extended.inputs[: len(flags)], twins)), extended.outputs, extended.origins),
        constants=constants + sum(moving[:constants]), bound=bound,
    )  # fmt: skip
    count = len(carried)
    after = iter(several_[count:])
    return several_[:count], [next(after) if moves else None for moves in carried]


def _batch(
    size: int,
    *xs: Array,
    batched: tuple[bool, ...],
    rows: bool,
    condition: Graph,
    body: Graph,
    constants: int,
    bound: int | None,
) -> Any:
    """Rows go on together until the last one has ended; one that has ended keeps its values."""
    fixed = list(batched[:constants])

    def reached(carried: list[bool]) -> list[bool]:
        _, (by_row,) = batch(condition, size, [*fixed, *carried], rows=rows)
        return [True] * len(carried) if by_row else batch(body, size, [*fixed, *carried], rows=rows)[1]

    carried = settle(list(batched[constants:]), reached)
    ends, (by_row,) = batch(condition, size, [*fixed, *carried], rows=rows)
    step, _ = batch(body, size, [*fixed, *carried], rows=rows, spread=carried)
    if by_row:
        ends, step = _until_all_end(ends, step, constants, size)
    start = [
        repeat_rows(x, size) if wanted and not has else x
        for x, wanted, has in zip(xs[constants:], carried, batched[constants:], strict=True)
    ]
    outputs = several(
        "while_loop", *xs[:constants], *start, condition=ends, body=step, constants=constants, bound=bound
    )
    return as_pairs(outputs, carried)


def _until_all_end(condition: Graph, body: Graph, constants: int, size: int) -> tuple[Graph, Graph]:
    def any_goes_on(arrays: Sequence[Array]) -> list[Array]:
        return [reduction.any(apply(condition, arrays)[0])]

    def where_it_goes_on(arrays: Sequence[Array]) -> list[Array]:
        (going,) = apply(condition, arrays)
        kept = [node is entry for node, entry in zip(body.outputs, body.inputs[constants:], strict=True)]
        return [
            before if stays else where(reshape(going, (size, *[1] * (now.ndim - 1))), now, before)
            for now, before, stays in zip(apply(body, arrays), arrays[constants:], kept, strict=True)
        ]

    types = [node.array_type for node in body.inputs]
    return graph_of(any_goes_on, types), graph_of(where_it_goes_on, types)


register(Primitive(
    "while_loop", shape=_shape, reference=_value, gradient=_no_pullback, prepare=_prepare, tangent=_tangent,
    batch=_batch, notation=r"\operatorname{{while}}({0})",
    convention="the number of steps is constant for the derivative",
))  # fmt: skip

# ── for users ────────────────────────────────────────────────────────────────────────────────────


@operation
@located
def while_loop(
    condition: Callable[[Any], Any], body: Callable[[Any], Any], carry: Any, *, bound: int | None = None
) -> Any:
    """Repeat a function as long as a condition holds: ``while condition(carry): carry = body(carry)``, in a graph.

    Parameters
    ----------
    condition
        carry → one truth value. It may not change anything.
    body
        carry → carry of the same structure, shapes and dtypes. What it changes in modules and generators is handed on
        and written back at the end.
    carry
        An array, or a tree of arrays; Python numbers become arrays.
    bound
        The most steps that are made; the loop ends there even if the condition still holds. `grad` and `vjp` need it,
        as they keep what each step used; forward mode (`jvp`) does not.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.while_loop(lambda x: x < 100.0, lambda x: 2.0 * x, 1.0)
    Array(128.)
    """
    require_steps("while_loop", "bound", bound)
    return _repeat("while_loop", condition, body, carry, bound)


def _repeat(
    what: str, condition: Callable[[Any], Any], body: Callable[[Any], Any], carry: Any, bound: int | None
) -> Any:
    start, step = carries_of.record_step(what, body, carry, carry_of=lambda returned: returned)
    slots = carries_of.slots(f"the body of {what}", step, start, step.result)
    test = record_body("the condition of while_loop", condition, [start], may_write=False)
    answer = _truth(test)
    fixed: dict[int, Array] = {}
    handed_on = {key for slot in slots for key in slot.keys}
    for key, (_, held) in [*step.read.items(), *test.read.items()]:
        if key not in handed_on:
            fixed.setdefault(key, held)
    entries = [slot.keys[-1] for slot in slots]  # the caller's arrays

    def closed(part: Body, outputs: tuple[Node, ...]) -> Graph:
        inputs = [part.input_for(held, key) for key, held in fixed.items()]
        inputs += [part.input_for(slot.start, key) for slot, key in zip(slots, entries, strict=True)]
        return checked(Graph(tuple(inputs), outputs, part.recording.graph.origins))

    outputs = several(
        "while_loop", *fixed.values(), *(slot.start for slot in slots),
        condition=closed(test, (answer,)), body=closed(step, tuple([slot.leaving for slot in slots])),
        constants=len(fixed), bound=None if bound is None else int(bound),
    )  # fmt: skip
    new = carries_of.finish(step, slots, outputs)
    return carries_of.with_values(step.result, new, step)


def _truth(test: Body) -> Node:
    found = list(leaves(test.result).values())
    if len(found) != 1 or found[0].type != ArrayType((), bool_dtype):
        shown = ", ".join(str(leaf.type) for leaf in found) or type(test.result).__name__
        raise TraceError(
            f"the condition of while_loop gives {shown}, expected one truth value",
            fix="compare: error > 1e-6; (x > 0).any() or .all() makes one of many",
        )
    return test.node_of(found[0])


@operation
@located
def fori_loop(
    lower: Any, upper: Any, body: Callable[[Array, Any], Any], carry: Any, *, bound: int | None = None
) -> Any:
    """Count: ``for i in range(lower, upper): carry = body(i, carry)``, in a graph.

    With Python integers this is a `scan`. With limits that are arrays it is a `while_loop`, and ``bound`` says for
    `grad` how many steps there may be; the loop ends there in any case.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.fori_loop(0, 5, lambda i, total: total + i, 0)
    Array(10, dtype=int64)
    """
    require_callable("fori_loop", body)
    require_steps("fori_loop", "bound", bound)
    limits = {"lower": lower, "upper": upper}
    if all(isinstance(limit, int | np.integer) and not isinstance(limit, bool) for limit in limits.values()):
        count = max(0, int(upper) - int(lower))
        count = count if bound is None else min(count, bound)
        numbers = arange(int(lower), int(lower) + count)
        return steps("fori_loop", lambda now, i: (body(i, now), None), carry, numbers, None, reverse=False)[0]
    first, last = (_whole(name, limit) for name, limit in limits.items())

    def step(state: tuple[Array, Any]) -> tuple[Array, Any]:
        return state[0] + 1, body(state[0], state[1])

    return _repeat("fori_loop", lambda state: state[0] < last, step, (first, carry), bound)[1]


def _whole(name: str, limit: Any) -> Array:
    array = as_array(limit)
    if not is_integer(array.dtype):
        raise DTypeError(f"fori_loop: {name} is {array.type}, expected an integer", fix="x.astype(mp.int64)")
    if array.shape:
        raise ShapeError(f"fori_loop: {name} has shape {array.shape}, expected one integer")
    return convert(array, default_int)
