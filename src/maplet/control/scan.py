"""`scan`: a loop whose body is recorded once. Recurrent nets, simulations, and training itself are scans."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.control import carry as carries_of
from maplet.control import scan_gradient, scan_rules
from maplet.core.body import require_callable, separate
from maplet.core.check import checked
from maplet.core.context import located, within
from maplet.core.graph import Graph
from maplet.core.primitive import Primitive, operation, register
from maplet.core.tree import leaves, objects, replace
from maplet.core.types import ArrayType
from maplet.errors import GraphError, MapletError, SettingError, ShapeError, TraceError
from maplet.ops.identity import several
from maplet.transforms.evaluate import compute

if TYPE_CHECKING:
    from collections.abc import Callable

# ── the primitive ────────────────────────────────────────────────────────────────────────────────
# Inputs: what every step reads (constants), what is handed on (carries), what is read row by row (sequences).
# Outputs: the last carries, then one sequence for each further output of the body.


def _shape(
    *types: ArrayType, body: Graph, constants: int, carries: int, length: int, reverse: bool
) -> tuple[ArrayType, ...]:
    handed_on = constants + carries
    for number, (given, node) in enumerate(zip(types, body.inputs, strict=True)):
        row = given
        if number >= handed_on:
            if given.shape[:1] != (length,):
                raise GraphError(f"scan of {length} steps reads rows of {given}")
            row = ArrayType(given.shape[1:], given.dtype)
        if row != node.type:
            raise GraphError(f"scan: input {number} of the body takes {node.type}, given {row}")
    for entry, leaving in zip(body.inputs[constants:handed_on], body.outputs[:carries], strict=True):
        if entry.type != leaving.type:
            raise GraphError(f"scan: a carry of type {entry.type} becomes {leaving.type}")
    last = [node.array_type for node in body.outputs[:carries]]
    rows = [ArrayType((length, *n.array_type.shape), n.array_type.dtype) for n in body.outputs[carries:]]
    return (*last, *rows)


def _value(*values: Any, body: Graph, constants: int, carries: int, length: int, reverse: bool) -> tuple[Any, ...]:
    fixed, state, sequences = values[:constants], values[constants : constants + carries], values[constants + carries :]
    rows = [np.empty((length, *node.array_type.shape), node.array_type.dtype) for node in body.outputs[carries:]]
    for step in reversed(range(length)) if reverse else range(length):
        try:
            outputs = compute(body, [*fixed, *state, *(sequence[step, ...] for sequence in sequences)])
        except MapletError as error:
            within(error, f"step {step} of {length} of a scan")
            raise
        state = outputs[:carries]
        for row, output in zip(rows, outputs[carries:], strict=True):
            row[step] = output
    return (*state, *rows)


register(Primitive(
    "scan", shape=_shape, reference=_value, notation=r"\operatorname{{scan}}({0})",
    gradient=scan_gradient.pullback, prepare=scan_gradient.prepare,
    tangent=scan_rules.tangent, batch=scan_rules.batch_rule,
))  # fmt: skip

# ── for users ────────────────────────────────────────────────────────────────────────────────────


@operation
@located
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    carry: Any,
    xs: Any = None,
    *,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Run a function over the rows of arrays, handing a carry from step to step.

    The same as ::

        ys = []
        for x in xs:
            carry, y = f(carry, x)
            ys.append(y)
        return carry, mp.stack(ys)

    but ``f`` is recorded once, however many steps there are: the graph has one node for the whole loop, and its
    gradient is another loop, backwards.

    Parameters
    ----------
    f
        ``(carry, x) → (carry, y)``. It returns a carry of the same structure, shapes and dtypes as it is given.
    carry
        What is there before the first step: an array, or a tree of arrays and objects. Python numbers become arrays.
    xs
        A tree of arrays whose first axes have one length; ``f`` sees a row of each. None for no input.
    length
        The number of steps, where ``xs`` does not tell.
    reverse
        Whether the rows are visited from the last to the first; ``ys`` stay in the order of ``xs``.

    Returns
    -------
    The last carry, and the rows ``y`` stacked along a new first axis (None where ``f`` returns None).

    What ``f`` changes in modules, optimizers and generators (running means, weights, positions) is handed on like the
    carry and written back at the end.

    Raises
    ------
    TraceError
        If the carry changes its type, or ``f`` changes something that is no array.
    ShapeError
        If the first axes differ, or there is no length.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.scan(lambda total, x: (total + x, total), 0.0, mp.asarray([1.0, 2.0, 3.0]))
    (Array(6.), Array([0., 1., 3.], dtype=float32))
    """
    require_callable("scan", f)
    if not isinstance(cast("Any", reverse), bool | np.bool_):
        raise SettingError(f"scan: reverse={reverse!r}", fix="True or False: the order is part of the program")
    return steps("scan", _returning_pair(f), carry, xs, length, reverse=bool(reverse))


def steps(
    what: str, f: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, length: int | None, *, reverse: bool
) -> tuple[Any, Any]:
    """What `scan` does; ``what`` names it in errors."""
    sequence = separate(xs)
    count = _length(what, sequence, length)
    seen_as = {id(leaf): ArrayType(leaf.shape[1:], leaf.dtype) for leaf in leaves(sequence).values()}
    start, body = carries_of.record_step(
        what, f, carry, [sequence], [{}, seen_as], carry_of=lambda returned: returned[0]
    )
    returned, y = body.result
    _refuse_objects(what, y)
    slots = carries_of.slots(f"the body of {what}", body, start, returned)
    constants, fixed = carries_of.constants(body, slots)
    rows = leaves(sequence)
    graph = checked(Graph(
        (*fixed, *(slot.entry for slot in slots), *(body.input_for(leaf) for leaf in rows.values())),
        (*(slot.leaving for slot in slots), *(body.node_of(leaf) for leaf in leaves(y).values())),
        body.recording.graph.origins,
    ))  # fmt: skip
    outputs = several(
        "scan", *constants, *(slot.start for slot in slots), *rows.values(),
        body=graph, constants=len(constants), carries=len(slots), length=count, reverse=reverse,
    )  # fmt: skip
    new = carries_of.finish(body, slots, outputs[: len(slots)])
    new |= {id(leaf): array for leaf, array in zip(leaves(y).values(), outputs[len(slots) :], strict=True)}
    return carries_of.with_values(returned, new, body), replace(y, lambda leaf: new.get(id(leaf), leaf))


@operation
@located
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Apply a function to every row, one after another: the memory of one row, where `vmap` takes that of all.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.map(lambda x: x @ x, mp.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Array([ 5., 25.], dtype=float32)
    """
    require_callable("map", f)
    if not leaves(separate(xs)):
        raise ShapeError("map: there are no arrays, and so no rows", fix="mp.scan(f, carry, length=10) needs none")
    return steps("map", lambda nothing, x: (nothing, f(x)), None, xs, None, reverse=False)[1]


def _returning_pair(f: Callable[..., Any]) -> Callable[[Any, Any], tuple[Any, Any]]:
    def body(carry: Any, x: Any) -> tuple[Any, Any]:
        result = f(carry, x)
        if not isinstance(result, tuple) or len(result) != 2:  # pyright: ignore[reportUnknownArgumentType]
            raise TraceError(
                f"the body of scan returned {type(result).__name__}, expected a pair (carry, y)",  # pyright: ignore[reportUnknownArgumentType]
                fix="return carry, y; or carry, None where there is nothing to gather",
            )
        return result  # pyright: ignore[reportUnknownVariableType]

    body.__wrapped__ = f  # type: ignore[attr-defined]  (so that the inputs get the names of f's parameters)
    return body


def require_steps(what: str, name: str, number: int | None) -> None:
    """Refuse what is no number of steps; None stands for none given."""
    if number is not None and (
        isinstance(number, bool) or not isinstance(cast("Any", number), int | np.integer) or number < 0
    ):
        raise SettingError(f"{what}: {name}={number!r} is no number of steps", fix="an integer ≥ 0, or None")


def _length(what: str, xs: Any, length: int | None) -> int:
    require_steps(what, "length", length)
    found = {path: leaf.shape for path, leaf in leaves(xs).items()}
    flat = [path for path, shape in found.items() if not shape]
    if flat:
        name = ".".join(part for part in ("xs", flat[0]) if part)
        raise ShapeError(
            f"{what}: {name} is a single number and has no rows",
            fix="length=… is for steps without xs"
            if name == "xs"
            else "mp.asarray(xs) makes one array of a list of numbers; what every step reads alike is used in the body",
        )
    counts = {path: shape[0] for path, shape in found.items()} | ({"length": length} if length is not None else {})
    if not counts:
        raise ShapeError("scan: without xs it needs length=", fix="mp.scan(f, carry, length=10)")
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{path or 'xs'} {count}" for path, count in counts.items())
        raise ShapeError(f"{what}: the numbers of rows differ: {shown}", fix="give all of them the same first axis")
    return int(next(iter(counts.values())))


def _refuse_objects(what: str, y: Any) -> None:
    found = objects(y)
    if found:
        kind = type(next(iter(found.values()))).__name__
        raise TraceError(
            f"the body of {what} returns a {kind} as y", fix="return its arrays; an object is handed on as carry"
        )
