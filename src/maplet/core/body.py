"""Bodies: a function recorded as the closed graph of a loop or a branch.

A body reads arrays from outside and changes objects outside, like any traced function. But it may run many times, or
not at all, so what it changes must be arrays of fixed type: each is given to it when it starts and comes out when it
ends, as if it were an argument. This file finds them.
"""

# The state of a handle is nobody's business but the core's.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, assign, twin
from maplet.core.graph import input_node
from maplet.core.recording import Recording, record
from maplet.core.trace import Write, constant, missing, same
from maplet.core.tree import leaves, objects, places, replace, tuple_like
from maplet.core.types import python_numbers, scalar_dtype
from maplet.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.core.types import ArrayType


@dataclass(frozen=True)
class Change:
    """Something outside that the body changes: an attribute, or the value of a handle.

    Parameters
    ----------
    write
        What the traced function did.
    content
        What it left there, with a handle of its own at every place.
    pairs
        For every array in it: the one that stood there before, the handle in ``content``, and its node; None for the
        node where the array is what it was.
    """

    write: Write
    content: Any
    pairs: list[tuple[Array, Array, Node | None]]

    def changed(self) -> list[tuple[Array, Node]]:
        """The arrays that gave way to others, and the nodes of those."""
        return [(before, node) for before, _, node in self.pairs if node is not None]

    def carry_out(self, new: Mapping[int, Array], twins: dict[tuple[int, type[Array]], Array]) -> None:
        """Change it now: ``new`` maps the arrays that stood there before to what comes in their place.

        ``twins`` are the handles made so far: what was one array in several places stays one.
        """
        target = self.write.target
        if isinstance(target, Array):
            assign(target, new[id(target)])
            return
        handles = {id(after): before for before, after, _ in self.pairs}
        for before, after, _ in self.pairs:
            if id(before) in new:
                made = twins.setdefault((id(before), type(after)), twin(new[id(before)], after))
                handles[id(after)] = made
        setattr(target, self.write.name, replace(self.content, lambda leaf: handles.get(id(leaf), leaf)))


@dataclass
class Body:
    """A recorded function, and how the caller's arrays stand in its graph.

    Parameters
    ----------
    recording
        The function's graph.
    result
        What it returned: a handle of its own at every place, save in objects.
    changes
        What it changes outside.
    returned
        The nodes of the arrays in ``result``, by identity.
    read
        The caller's arrays that it captured, by identity, with what they held.
    nodes
        The input that stands for each of the caller's arrays, by identity.
    """

    recording: Recording
    result: Any
    changes: list[Change] = field(default_factory=list[Change])
    returned: dict[int, Node] = field(default_factory=dict[int, "Node"])
    read: dict[int, tuple[Array, Array]] = field(default_factory=dict[int, tuple[Array, Array]])
    nodes: dict[int, Node] = field(default_factory=dict[int, "Node"])

    def changed(self) -> dict[int, tuple[Array, Node]]:
        """The caller's arrays that the body replaces, by identity, and the nodes that come in their place."""
        return {id(before): (before, node) for change in self.changes for before, node in change.changed()}

    def node_of(self, leaf: Array) -> Node:
        """The node of an array in the result; an array of an object from outside stands for what the body made it."""
        changed = self.changed()
        if id(leaf) in changed:
            return changed[id(leaf)][1]
        return self.nodes[id(leaf)] if id(leaf) in self.nodes else self.returned[id(leaf)]

    def input_for(self, array: Array, key: int | None = None) -> Node:
        """The input that stands for one of the caller's arrays (or ``key``); a new one if the body did not read it."""
        return self.nodes.setdefault(id(array) if key is None else key, input_node(array.type))


def record_body(
    what: str,
    f: Callable[..., Any],
    arguments: Sequence[Any],
    seen_as: Sequence[Mapping[int, ArrayType]] = (),
    *,
    may_write: bool = True,
) -> Body:
    """Record a function as the body of a loop or a branch; ``what`` names it in errors.

    Raises
    ------
    TraceError
        If it changes something outside that is no array of fixed type.
    """
    require_callable(what, f)

    def with_own_handles(*args: Any) -> Any:
        return separate(f(*args), same)

    with_own_handles.__wrapped__ = f  # type: ignore[attr-defined]  (so that the inputs get the names of f's parameters)
    recording = record(with_own_handles, arguments, with_values=False, seen_as=seen_as)
    body = Body(recording, recording.result)
    body.returned = {id(leaf): node for leaf, node in zip(recording.outputs, recording.graph.outputs, strict=True)}
    inputs = recording.graph.inputs
    given = [leaf for own in recording.argument_leaves for leaf in own]
    body.nodes.update({id(leaf): node for leaf, node in zip(given, inputs, strict=False)})
    for handle, held, node in zip(recording.captured, recording.read(), inputs[len(given) :], strict=True):
        if id(handle) in body.nodes:
            name = recording.graph.origins[body.nodes[id(handle)]].name
            raise TraceError(f"{what} is given {name} and reads the same array from outside", fix=(
                "use the argument inside: it is what changes from step to step, and the one outside would not"
            ))  # fmt: skip
        body.nodes[id(handle)] = node
        body.read[id(handle)] = (handle, held)
    rows = {key for kinds in seen_as for key in kinds}
    body.changes = [_change(what, write, body, rows) for write in recording.writes if not _ends_as_it_began(write)]
    if body.changes and not may_write:
        raise TraceError(
            f"{what} changes {_name(body.changes[0].write)}, and it may only look", fix="move the change into the body"
        )
    _require_one_place(what, body, arguments)
    return body


def require_callable(what: str, f: Any) -> None:
    """Refuse what is no function; ``what`` takes one."""
    if not callable(f):
        raise TraceError(
            f"{what} takes a function, given {type(f).__name__}", fix="lambda …: …, or its name without ()"
        )


def separate(tree: Any, handle: Callable[[Array], Array] = same) -> Any:
    """The same tree with a handle of its own at every place outside objects; Python numbers become arrays.

    Inside a trace the new handles stand for what the trace has captured: a copy of a handle from outside would be an
    array of its own, which does not follow what the trace writes to the handle.
    """
    if isinstance(tree, dict):
        return {key: separate(child, handle) for key, child in cast("dict[Any, Any]", tree).items()}
    if isinstance(tree, list):
        return [separate(child, handle) for child in cast("list[Any]", tree)]
    if isinstance(tree, tuple):
        items = cast("tuple[Any, ...]", tree)
        return tuple_like(items, [separate(child, handle) for child in items])
    if isinstance(tree, np.ndarray | np.generic):
        return Array(tree)
    if isinstance(tree, python_numbers):
        return constant(tree, scalar_dtype(tree, None))
    return handle(tree) if isinstance(tree, Array) else tree


def _ends_as_it_began(write: Write) -> bool:
    """Whether a setting was changed and changed back, as by ``net.eval(); …; net.train()``."""
    if isinstance(write.target, Array) or write.content is missing or leaves(write.content) or objects(write.content):
        return False
    before = getattr(write.target, write.name, missing)
    return not leaves(before) and dict(places(before)) == dict(places(write.content))


def _change(what: str, write: Write, body: Body, rows: set[int]) -> Change:
    before = write.target if isinstance(write.target, Array) else vars(write.target).get(write.name, missing)
    after = separate(write.content, lambda leaf: twin(leaf, leaf))
    name = _name(write)
    if before is missing or write.content is missing:
        raise TraceError(f"{what} {'adds' if before is missing else 'deletes'} {name}", fix=(
            "what it changes must be there before and after, so that it can be handed from step to step: "
            f"set {name} before the call"
        ))  # fmt: skip
    old, new = dict(places(before)), dict(places(after))
    static = [
        path for path, value in new.items()
        if old.get(path) is not value and not (isinstance(value, Array) and isinstance(old.get(path), Array))
    ]  # fmt: skip
    if old.keys() != new.keys() or static or objects(after):
        raise TraceError(f"{what} changes {name} from {_shown(before)} to {_shown(write.content)}", fix=(
            f"give {name} its arrays before the call; an optimizer gets them by optimizer.init(net)" if before is None
            else "keep the object, and change the arrays in it" if objects(after)
            else f"only arrays can change there: make a number an array, {name} = mp.asarray(0), and keep the structure"
        ))  # fmt: skip
    pairs: list[tuple[Array, Array, Node | None]] = []
    for (path, was), now in zip(old.items(), new.values(), strict=True):
        if not isinstance(was, Array):
            continue
        if id(was) in rows:
            raise TraceError(
                f"{what} changes its row of xs in place: {name}",
                fix="return the new row as y; mp.vmap goes over generators from split and changes each of them",
            )
        if now.type != was.type:
            raise TraceError(
                f"{what} changes {_join(name, path)} from {was.type} to {now.type}",
                fix="what is handed from step to step keeps its shape and dtype: convert it with .astype(…)",
            )
        node = _node_in(body, write, path, was, now)
        pairs.append((was, now, None if node is body.nodes.get(id(was)) else node))
    return Change(write, after, pairs)


def _node_in(body: Body, write: Write, path: str, was: Array, now: Array) -> Node:
    """The node of what was written; where the array is the one that was there, its input."""
    if now._node is not None and now._node in body.recording.graph.origins:
        return now._node
    if dict(places(write.content))[path] is was:
        return body.input_for(was)
    raise TraceError(
        f"{_join(_name(write), path)} is set to an array from outside the body",
        fix="store a copy of it: .copy()",
    )


def _require_one_place(what: str, body: Body, arguments: Sequence[Any]) -> None:
    """Refuse changes to an array that also stands elsewhere, where it does not change: the two could not be told."""
    met: dict[int, tuple[Node, str]] = {}
    for change in body.changes:
        for before, node in change.changed():
            other = met.setdefault(id(before), (node, _name(change.write)))
            if other[0] is not node:
                raise TraceError(_tied(what, other[1], _name(change.write)), fix=untie)
    attributes = {(id(change.write.target), change.write.name) for change in body.changes if change.write.name}
    holders = [*arguments, [change.write.target for change in body.changes if change.write.name]]
    every = list(objects(holders).values())
    for holder in every:
        for name, value in vars(holder).items():
            if (id(holder), name) in attributes:
                continue
            for path, leaf in places(value, but=every):
                if id(leaf) in met and not _is_handle_write(body, leaf):
                    place = _join(f"{type(holder).__name__}.{name}", path)
                    raise TraceError(_tied(what, met[id(leaf)][1], place), fix=untie)


untie = "give each its own: .copy()"


def _tied(what: str, first: str, second: str) -> str:
    return f"{what} changes {first}, which is the same array as {second}, and not both alike"


def _is_handle_write(body: Body, leaf: Any) -> bool:
    return any(change.write.target is leaf for change in body.changes)


def _name(write: Write) -> str:
    if isinstance(write.target, Array):
        return f"an array from outside ({write.target.type})"
    return f"{type(write.target).__name__}.{write.name}"


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _shown(content: Any) -> str:
    return str(content.type) if isinstance(content, Array) else f"{content!r}"[:60]
