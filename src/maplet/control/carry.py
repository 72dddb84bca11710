"""What a loop hands from step to step: the carry that the user names, and whatever else the body changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array, twin
from maplet.core.body import record_body, separate
from maplet.core.tree import leaves, misfits, objects, places, replace
from maplet.core.types import promote, python_numbers
from maplet.errors import TraceError
from maplet.ops.arguments import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.body import Body
    from maplet.core.graph import Node
    from maplet.core.types import ArrayType


@dataclass(frozen=True)
class Slot:
    """One array that is handed on.

    Parameters
    ----------
    start
        Its value before the first step.
    entry, leaving
        The nodes of the body that stand for it at the beginning and the end of a step.
    keys
        Identities of what gets its last value: leaves of the returned carry, and arrays of the caller.
    """

    start: Array
    entry: Node
    leaving: Node
    keys: tuple[int, ...]


def record_step(
    what: str,
    f: Callable[..., Any],
    carry: Any,
    others: Sequence[Any] = (),
    seen_as: Sequence[Mapping[int, ArrayType]] = (),
    *,
    carry_of: Callable[[Any], Any],
) -> tuple[Any, Body]:
    """The start of a loop and its body; ``carry_of`` picks the carry out of what the body returns.

    A Python number in the carry takes the dtype that the body makes of it, so that 0.0 may begin a sum in float64.
    """
    start = separate(carry)
    body = record_body(what, f, [start, *others], seen_as)
    numbers = {path for path, value in places(carry) if isinstance(value, python_numbers)}
    for _ in range(3):  # bool → integer → floating is the longest way
        after = leaves(carry_of(body.result))
        wider: dict[int, Array] = {}
        for path, leaf in leaves(start).items():
            dtype = after[path].dtype if path in after else leaf.dtype
            if path in numbers and leaf.dtype != dtype == promote(leaf.dtype, dtype):
                wider[id(leaf)] = convert(leaf, dtype)
        if not wider:
            break
        start = replace(start, lambda leaf, wider=wider: wider.get(id(leaf), leaf), _objects_as_they_are(start))
        body = record_body(what, f, [start, *others], seen_as)
    return start, body


def _objects_as_they_are(tree: Any) -> dict[int, Any]:
    return {id(found): found for found in objects(tree).values()}


def slots(what: str, body: Body, start: Any, returned: Any) -> list[Slot]:
    """Everything that is handed on: the leaves of the carry, then what the body changes outside it.

    Raises
    ------
    TraceError
        If the body returns another structure than it was given, or arrays of another type.
    """
    _require_same_structure(what, start, returned)
    after = leaves(returned)
    found = [
        Slot(leaf, body.input_for(leaf), body.node_of(after[path]), (id(after[path]), id(leaf)))
        for path, leaf in leaves(start).items()
    ]
    met = {key for slot in found for key in slot.keys}
    for key, (before, node) in body.changed().items():
        if key not in met:
            _, held = body.read.get(key, (before, before))
            found.append(Slot(held, body.input_for(before), node, (key,)))
    return found


def _require_same_structure(what: str, start: Any, returned: Any) -> None:
    own, given = leaves(start), leaves(returned)
    wrong = misfits(own, given)
    if wrong:
        raise TraceError(
            f"{what} must return a carry like the one that it is given: {'; '.join(_in_words(w) for w in wrong[:5])}",
            fix="keep structure, shapes and dtypes: begin with arrays of the type that the body gives, or convert "
            "what it returns with .astype(…) or mp.broadcast_to",
        )
    before, after = containers(start), containers(returned)
    if before != after:
        path = next(p for p in {**before, **after} if before.get(p) != after.get(p))
        raise TraceError(
            f"{what} must return a carry like the one that it is given: {path or 'it'} was a "
            f"{before.get(path, 'leaf')} and became a {after.get(path, 'leaf')}",
            fix="keep the structure: a list stays a list, a named tuple one of its class",
        )
    fixed = [(p, v) for p, v in places(start) if not isinstance(v, Array)]
    now = dict(places(returned))
    other = [p for p, v in fixed if now.get(p) is not v and now.get(p) != v]
    if other or len(now) != len(dict(places(start))):
        shown = f"{other[0]!r}" if other else "its structure"
        raise TraceError(
            f"{what} changes {shown} in the carry, which is no array",
            fix="only arrays change from step to step; keep everything else as it was",
        )


def containers(tree: Any, path: str = "") -> dict[str, str]:
    """The class of every list, tuple and dict in a tree, by its path; not of those in objects."""
    if isinstance(tree, dict):
        pairs = list(cast("dict[Any, Any]", tree).items())
    elif isinstance(tree, list | tuple):
        pairs = list(enumerate(cast("list[Any]", tree)))
    else:
        return {}
    found = {path: type(cast("object", tree)).__name__}
    for key, child in pairs:
        found |= containers(child, f"{path}.{key}" if path else str(key))
    return found


def _in_words(misfit: str) -> str:
    kind, _, text = misfit.partition(": ")
    if kind == "misfit":
        path, _, types = text.partition(" is ")
        before, _, now = types.partition(", given ")
        return f"{path or 'it'} was {before} and became {now}"
    return misfit


def constants(body: Body, carried: Sequence[Slot]) -> tuple[list[Array], list[Node]]:
    """What the body reads from outside and does not change: arrays, and the inputs that stand for them."""
    entries = {slot.entry for slot in carried}
    pairs = [(held, body.nodes[key]) for key, (_, held) in body.read.items() if body.nodes[key] not in entries]
    return [held for held, _ in pairs], [node for _, node in pairs]


def finish(body: Body, carried: Sequence[Slot], last: Sequence[Array]) -> dict[int, Array]:
    """Carry out what the body changes outside, and map every key of a slot to its last value."""
    new = {key: array for slot, array in zip(carried, last, strict=True) for key in slot.keys}
    twins: dict[tuple[int, type[Array]], Array] = {}
    for change in body.changes:
        change.carry_out(new, twins)
    return new


def with_values(tree: Any, new: dict[int, Array], body: Body) -> Any:
    """The tree that the body returned, with computed arrays in it; objects from outside stay what they are."""
    kept: dict[int, Any] = {id(found): found for found in body.recording.outside}
    return replace(tree, lambda leaf: twin(new[id(leaf)], leaf) if id(leaf) in new else leaf, kept)
