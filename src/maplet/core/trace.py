"""Trace: write down what is computed, as a graph.

The rules, in the order in which they come up:

- Inside a trace every operation is recorded, whether it depends on the arguments or not.
- An array from outside that the function uses is *captured*: it becomes a further input of the graph.
- What the function changes in objects and handles from outside is a *write*: it is taken back when the trace ends, and
  becomes a further output, which the caller of the trace writes back after success.
- A trace with values computes while it records, so Python control flow works; without, a bool of an array is an error.
"""

# The state of a handle is nobody's business but this file's and the array's.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import (
    Array,
    Parameter,
    assign,
    copy_handle,
    from_node,
    from_value,
    require_range,
    set_state,
    traced_error,
)
from maplet.core.context import Origin, forget_finished, here, thread
from maplet.core.graph import Node, constant_primitive, input_node
from maplet.core.primitive import Primitive, registry
from maplet.core.tree import Stateful, leaves, objects, replace, snapshot
from maplet.core.types import kind_of, python_numbers
from maplet.errors import MapletError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from maplet.core.array import Value
    from maplet.core.types import ArrayType

missing = object()  # stands for an attribute that was not there before


class Trace:
    """One recording in progress."""

    def __init__(self, *, with_values: bool) -> None:
        self.with_values = with_values
        self.alive = False
        self.outer: Trace | None = None
        self.origins: dict[Node, Origin] = {}
        self.values: dict[Node, Value] = {}
        self.captured: dict[int, tuple[Array, Array, Node]] = {}  # the handle, what it held, the input
        self.born: dict[int, object] = {}
        self.old_attributes: dict[tuple[int, str], tuple[Stateful, str, Any]] = {}
        self.old_handles: dict[int, tuple[Array, tuple[Any, Any, Any]]] = {}
        self.names: dict[int, str] = {}  # of leaves outside that would otherwise be called captured0, captured1 …
        self.origin: Origin | None = None  # where a transform says that its nodes come from; else the user's line

    def __enter__(self) -> Self:
        self.outer, thread.trace, self.alive = thread.trace, self, True
        return self

    def __exit__(self, *_: object) -> None:
        thread.trace, self.alive = self.outer, False
        forget_finished()

    # ── recording ────────────────────────────────────────────────────────────────────────────────

    def record(
        self,
        primitive: Primitive,
        inputs: Sequence[Array],
        params: Mapping[str, Any],
        value: Any = None,
        origin: Origin | None = None,
    ) -> Array:
        """Write down one operation; with its value and its origin where they are known already."""
        nodes = tuple([self.node_of(array) for array in inputs])
        origin = origin or self.origin or here()
        try:
            node = Node(primitive, nodes, params, primitive.shape(*[n.type for n in nodes], **params))
            if self.with_values and value is None:
                value = primitive.compute([self.values[n] for n in nodes], params, node.type, origin)
        except MapletError as error:
            if error.where is None:
                error.where = str(origin) or None
            raise
        return self.add(node, value, origin)

    def add(self, node: Node, value: Any, origin: Origin, like: Array | None = None) -> Array:
        """An array for a node of this trace."""
        self.origins[node] = origin
        if self.with_values:
            self.values[node] = cast("Value", value if isinstance(value, tuple) else np.asarray(value))
        return from_node(node, self, self.values.get(node), like)

    def argument(
        self, array_type: ArrayType, name: str, value: Value | None = None, like: Array | None = None
    ) -> Array:
        """A new input of the graph; with ``like``, it stands for an array of the caller."""
        trainable = isinstance(like, Parameter) and like.trainable
        return self.add(input_node(array_type), value, Origin(name=name, trainable=trainable), like)

    def node_of(self, array: Array) -> Node:
        """The node behind an array; an array from outside this trace is captured."""
        if array._trace is self:
            return cast("Node", array._node)
        if array._trace is not None and not self._surrounds(array._trace):
            raise traced_error(
                array, "using", fix="it is being traced in another thread; give each thread its own arrays"
            )
        if id(array) not in self.captured:
            name = self.names.get(id(array)) or _name_outside(array) or f"captured{len(self.captured)}"
            inner = self.argument(array.type, name, array._value, array)
            # The handle may be rebound before the trace ends, so what it holds now is kept beside it.
            self.captured[id(array)] = (array, copy_handle(array), cast("Node", inner._node))
        return self.captured[id(array)][2]

    def _surrounds(self, other: Trace) -> bool:
        outer = self.outer
        while outer is not None and outer is not other:
            outer = outer.outer
        return outer is not None

    def handle(self, array: Array) -> Array:
        """Another handle, of this trace, on what an array holds now."""
        node = self.node_of(array)
        return from_node(node, self, self.values.get(node))

    # ── writes ───────────────────────────────────────────────────────────────────────────────────

    def adopt(self, new: object) -> None:
        """An object made inside the trace: what is done to it is nobody else's concern."""
        self.born[id(new)] = new

    def note_attribute(self, target: Stateful, name: str) -> None:
        """Called before an attribute is set: remember what an object from outside held first."""
        if id(target) not in self.born and (id(target), name) not in self.old_attributes:
            self.old_attributes[id(target), name] = (target, name, snapshot(vars(target).get(name, missing)))

    def note_handle(self, array: Array) -> None:
        """Called before a handle is rebound: remember what a handle from outside held first."""
        if array._trace is not self and id(array) not in self.old_handles and id(array) not in self.born:
            self.node_of(array)
            self.old_handles[id(array)] = (array, (array._value, array._node, array._trace))

    def settled(self, result: Any) -> Any:
        """A result that keeps its new values when the writes to handles from outside are taken back."""
        memo: dict[int, Any] = {id(found): found for found in objects(result).values()}
        return replace(result, lambda leaf: copy_handle(leaf) if id(leaf) in self.old_handles else leaf, memo)

    def take_back(self) -> list[Write]:
        """Undo every write to what was there before the trace, and return them."""
        writes: list[Write] = []
        for array, old in self.old_handles.values():
            writes.append(Write(array, "", copy_handle(array)))
            set_state(array, *old)
        for target, name, old in self.old_attributes.values():
            writes.append(Write(target, name, vars(target).get(name, missing)))
            if old is missing:
                vars(target).pop(name, None)
            else:
                vars(target)[name] = old
        return writes


def _name_outside(array: Array) -> str:
    """The name of an array of the trace around this one, if it is an input there."""
    trace, node = array._trace, array._node
    return trace.origins[node].name if trace is not None and node is not None else ""


@dataclass(frozen=True)
class Write:
    """What a traced function wants changed outside: a handle's value, or an attribute."""

    target: Array | Stateful
    name: str
    content: Any

    def carry_out(self, results: dict[int, Array], memo: dict[int, Any]) -> None:
        """Change it now, with the computed arrays in the place of the traced ones."""
        if isinstance(self.target, Array):
            assign(self.target, results[id(self.content)])
        elif self.content is missing:
            delattr(self.target, self.name)
        else:
            setattr(self.target, self.name, _with_results(self.content, results, memo))


def _with_results(tree: Any, results: dict[int, Array], memo: dict[int, Any]) -> Any:
    if not any(id(leaf) in results for leaf in leaves(tree).values()):
        return tree
    return replace(tree, lambda leaf: results.get(id(leaf), leaf), memo)


def same(array: Array) -> Array:
    """Another handle on the same value: what an operation returns that has nothing to do.

    Were it the handle itself, ``b = a.reshape(a.shape); b[0] = 1`` would change ``a``.
    """
    return copy_handle(array) if thread.trace is None else thread.trace.handle(array)


# ── one operation ────────────────────────────────────────────────────────────────────────────────


def bind(name: str, /, *inputs: Array, **params: Any) -> Array:
    """Apply a primitive: recorded inside a trace, computed at once by its reference outside."""
    primitive = registry[name]
    try:
        if thread.trace is not None:
            return thread.trace.record(primitive, inputs, params)
        gives = primitive.shape(*[array.type for array in inputs], **params)
        return from_value(primitive.compute([array.numpy() for array in inputs], params, gives))
    except MapletError as error:
        if error.where is None:
            error.where = str(here()) or None
        raise


def constant(value: Any, dtype: np.dtype[Any]) -> Array:
    """A number (or a few, as nested tuples) that is part of the program itself."""
    if isinstance(value, int) and kind_of(dtype) in "iu":
        require_range(value, dtype)
    if thread.trace is None:
        return from_value(np.asarray(value, dtype))
    exact = dtype.type(value).item() if isinstance(value, python_numbers) else value
    return thread.trace.record(constant_primitive, (), {"value": exact, "dtype": dtype})
