"""`cond` and `switch`: one of several functions runs, and which is decided by data."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.control.carry import containers, with_values
from maplet.core.array import Array
from maplet.core.body import record_body, separate
from maplet.core.check import checked
from maplet.core.context import located
from maplet.core.graph import Graph, same
from maplet.core.primitive import Primitive, operation, register
from maplet.core.tree import leaves, objects, places
from maplet.core.types import ArrayType, default_int, is_floating, kind_of
from maplet.errors import DTypeError, GraphError, SettingError, ShapeError, TraceError
from maplet.messages import shown
from maplet.ops.arguments import as_array, convert
from maplet.ops.composite import clip
from maplet.ops.elementwise import equal, logical_not, where
from maplet.ops.identity import several
from maplet.ops.movement import reshape
from maplet.transforms.batch import as_pairs, batch
from maplet.transforms.evaluate import apply, compute
from maplet.transforms.forward import pushforward, with_tangents
from maplet.transforms.gradient import pullback_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.body import Body

# ── the primitive ────────────────────────────────────────────────────────────────────────────────
# Inputs: which branch, then the operands of all of them. Outputs: those of every branch, of the same types.


def _shape(index: ArrayType, *types: ArrayType, branches: tuple[Graph, ...]) -> tuple[ArrayType, ...]:
    if index != ArrayType((), default_int):
        raise GraphError(f"switch takes an i64[] index, given {index}")
    results = {tuple(node.type for node in branch.outputs) for branch in branches}
    if len(results) != 1 or any(tuple(node.type for node in branch.inputs) != types for branch in branches):
        raise GraphError("the branches of switch take and give other types than each other or than they are given")
    return tuple(node.array_type for node in branches[0].outputs)


def _value(index: Any, *values: Any, branches: tuple[Graph, ...]) -> tuple[Any, ...]:
    return compute(branches[min(max(int(index), 0), len(branches) - 1)], values)


def _pullback(
    cotangents: list[Array | None],
    out: Any,
    index: Array,
    *xs: Array,
    needed: tuple[bool, ...],
    branches: tuple[Graph, ...],
) -> list[Array | None]:
    """A switch between the pullbacks: the branch taken runs again from its operands."""
    wanted = [n for n, want in enumerate(needed[1:]) if want]
    real = [n for n, node in enumerate(branches[0].outputs) if is_floating(node.array_type.dtype)]
    given = {n: cotangent for n in real if (cotangent := cotangents[n]) is not None}
    pullbacks = tuple(pullback_graph(branch, wanted, list(given)) for branch in branches)
    found = iter(several("switch", index, *xs, *given.values(), branches=pullbacks))
    return [None, *(next(found) if want else None for want in needed[1:])]


def _tangent(
    tangents: list[Array | None], index: Array, *xs: Array, branches: tuple[Graph, ...]
) -> tuple[list[Array], list[Array | None]]:
    moving = [n for n, tangent in enumerate(tangents[1:]) if tangent is not None]
    _, each = zip(*(pushforward(branch, moving) for branch in branches), strict=True)
    has = [any(flags) for flags in zip(*each, strict=True)]
    pushed = tuple(pushforward(branch, moving, has)[0] for branch in branches)
    given = [tangent for tangent in tangents[1:] if tangent is not None]
    return with_tangents(several("switch", index, *xs, *given, branches=pushed), has)


def _batch(
    size: int,
    index: Array,
    *xs: Array,
    batched: tuple[bool, ...],
    rows: bool,
    branches: tuple[Graph, ...],
) -> Any:
    """Rows that agree on the branch share the switch; else every branch runs and each row takes its own result."""
    flags = batched[1:]
    _, each = zip(*(batch(branch, size, flags, rows=rows) for branch in branches), strict=True)
    spread = [any(has) for has in zip(*each, strict=True)]
    if batched[0]:  # what is the same in all branches, such as one draw further, is the same for all rows
        spread = [has or not _alike(branches, n) for n, has in enumerate(spread)]
    wide = tuple(batch(branch, size, flags, rows=rows, spread=spread)[0] for branch in branches)
    if not batched[0]:
        return as_pairs(several("switch", index, *xs, branches=wide), spread)
    results = [apply(branch, xs) for branch in wide]
    chosen = clip(index, 0, len(branches) - 1)
    outputs: list[Array] = []
    for options, by_row in zip(zip(*results, strict=True), spread, strict=True):
        if not by_row:
            outputs.append(options[0])
            continue
        picked = options[-1]
        for number in reversed(range(len(options) - 1)):
            here = reshape(equal(chosen, number), (size, *[1] * (picked.ndim - 1)))
            picked = where(here, options[number], picked)
        outputs.append(picked)
    return as_pairs(outputs, spread)


def _alike(branches: tuple[Graph, ...], number: int) -> bool:
    """Whether all branches compute one of their outputs in the same way from the same operands."""
    first, *others = (Graph(branch.inputs, (branch.outputs[number],)) for branch in branches)
    return all(same(first, other) for other in others)


register(Primitive(
    "switch", shape=_shape, reference=_value, gradient=_pullback, tangent=_tangent, batch=_batch,
    notation=r"\operatorname{{switch}}({0}, …)",
    convention="an index outside is moved to the nearest branch; its derivative is 0",
))  # fmt: skip

# ── for users ────────────────────────────────────────────────────────────────────────────────────


@operation
@located
def cond(predicate: Any, if_true: Callable[..., Any], if_false: Callable[..., Any], *operands: Any) -> Any:
    """Run one of two functions: what ``if_true(*operands) if predicate else if_false(*operands)`` means, in a graph.

    Parameters
    ----------
    predicate
        One truth value: a boolean array without axes.
    if_true, if_false
        Functions of the operands that return trees of the same structure, shapes and dtypes. Both are recorded, the
        one is run. What either changes in modules and generators is written back; where the other runs it stays.
    *operands
        Arrays, or trees of them.

    Raises
    ------
    TraceError
        If the two return different things; both are shown.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.cond(mp.asarray(True), mp.sin, mp.cos, 0.0)
    Array(0.)
    """
    choice = _number("cond", as_array(predicate), "b", "one truth value")
    # Branch 0 is the one for true, as it stands first.
    return _switch("cond", convert(logical_not(choice), default_int), [if_true, if_false], operands)


@operation
@located
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Run one of several functions; see `cond`. An index outside is moved to the nearest.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.switch(1, [lambda x: x, lambda x: x * x], 3.0)
    Array(9.)
    """
    if not isinstance(cast("Any", branches), list | tuple) or not branches:
        raise SettingError(
            f"switch: there are no branches to choose from in {shown(branches)}",
            fix="give at least one function",
        )
    choice = _number("switch", as_array(index), "ui", "one integer")
    choice = clip(choice, 0, len(branches) - 1)  # before the conversion, so that a large one stays large
    return _switch("switch", convert(choice, default_int), list(branches), operands)


def _number(name: str, x: Array, kinds: str, what: str) -> Array:
    if kind_of(x.dtype) not in kinds:
        fix = "compare: x > 0" if kinds == "b" else "convert: x.astype(mp.int64)"
        raise DTypeError(f"{name} decides by {what}, given {x.type}", fix=fix)
    if x.shape:
        raise ShapeError(
            f"{name} decides by {what}, given shape {x.shape}",
            fix="mp.where chooses element by element, mp.vmap row by row; x.any() or x.all() makes one of many",
        )
    return x


def _switch(name: str, index: Array, functions: Sequence[Callable[..., Any]], operands: Sequence[Any]) -> Any:
    given = [separate(operand) for operand in operands]
    bodies = [record_body(f"branch {n} of {name}", f, given) for n, f in enumerate(functions)]
    _require_alike(name, bodies)
    own = list(leaves(given).values())
    read = {key: held for body in bodies for key, (_, held) in body.read.items()}
    changed = {key: before for body in bodies for key, (before, _) in body.changed().items()}
    extra = {key: before for key, before in changed.items() if key not in read and key not in {id(x) for x in own}}
    inputs = [*((id(leaf), leaf) for leaf in own), *read.items(), *extra.items()]
    branches = tuple(_branch(body, inputs, changed) for body in bodies)
    outputs = several("switch", index, *(held for _, held in inputs), branches=branches)
    first, results = bodies[0], list(leaves(bodies[0].result).values())
    new = dict(zip(changed, outputs[len(results) :], strict=True))
    changes = {(id(c.write.target), c.write.name): c for body in bodies for c in body.changes}
    _require_one_way(name, bodies)
    twins: dict[tuple[int, type[Array]], Array] = {}
    for change in changes.values():
        change.carry_out(new, twins)
    new |= {id(leaf): array for leaf, array in zip(results, outputs, strict=False)}
    return with_values(first.result, new, first)


def _require_one_way(name: str, bodies: Sequence[Body]) -> None:
    """Refuse branches of which one sets an attribute anew and another changes the array that stood there."""
    met: dict[int, set[tuple[int, str]]] = {}
    for body in bodies:
        found: dict[int, tuple[Array, set[tuple[int, str]]]] = {}
        for change in body.changes:
            for before, _ in change.changed():
                found.setdefault(id(before), (before, set()))[1].add((id(change.write.target), change.write.name))
        for key, (before, ways) in found.items():
            if met.setdefault(key, ways) != ways:
                raise TraceError(
                    f"the branches of {name} change the same array ({before.type}) in two ways",
                    fix="set the attribute in all of them, self.x = …, or change the array in all, self.x[…] = …",
                )


def _branch(body: Body, inputs: Sequence[tuple[int, Array]], changed: dict[int, Array]) -> Graph:
    """One branch as a closed graph that takes what any of them reads, and gives what any of them changes."""
    entries = [body.input_for(held, key) for key, held in inputs]
    after = {key: node for key, (_, node) in body.changed().items()}
    results = [body.node_of(leaf) for leaf in leaves(body.result).values()]
    writes = [after.get(key, body.nodes[key]) for key in changed]
    return checked(Graph(tuple(entries), (*results, *writes), body.recording.graph.origins))


def _require_alike(name: str, bodies: Sequence[Body]) -> None:
    """Every branch returns the same structure with arrays of the same types."""
    first = _described(bodies[0].result)
    for number, body in enumerate(bodies):
        found = [one for one in objects(body.result).values() if any(one is old for old in body.recording.outside)]
        if found:
            raise TraceError(
                f"branch {number} of {name} returns a {type(found[0]).__name__} from outside",
                fix="return its arrays, or one made in the branch; what a branch changes in it is handed on by itself",
            )
        other = _described(body.result)
        if other == first:
            continue
        paths = [path for path in {**first, **other} if first.get(path) != other.get(path)]
        shown = "; ".join(
            f"{path or 'the result'} is {first.get(path, 'missing')} in branch 0 and {other.get(path, 'missing')} in "
            f"branch {number}"
            for path in paths[:3]
        )
        raise TraceError(
            f"the branches of {name} return different things: {shown}",
            fix="return the same structure, shapes and dtypes from all: x.astype(…), mp.broadcast_to, mp.zeros_like",
        )


def _described(tree: Any) -> dict[str, str]:
    found = {path: str(leaf.type) if isinstance(leaf, Array) else repr(leaf) for path, leaf in places(tree)}
    return {**containers(tree), **found}
