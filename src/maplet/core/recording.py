"""Recording: run a whole Python function once, and keep what is needed to use its graph as that function."""

# The state of a handle is nobody's business but the core's.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, copy_handle, same_state, twin
from maplet.core.check import checked
from maplet.core.context import thread, transform_origin
from maplet.core.graph import Graph, Node
from maplet.core.trace import Trace, Write, missing
from maplet.core.tree import Stateful, leaves, objects, replace, same_content, snapshot, unchanged
from maplet.core.types import ArrayType
from maplet.errors import MapletError, TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.array import Value

numeric = (float, np.ndarray, np.generic)  # what becomes an array in a tree; an int is a setting


@dataclass
class Recording:
    """A function as a graph, with what is needed to use it as that function.

    The graph's inputs are the leaves of the arguments, then the captured arrays; its outputs are the leaves of the
    result (``result_count`` of them), then what is to be written.
    """

    graph: Graph
    arguments: list[Any]
    argument_leaves: list[list[Array]]
    returned: Any  # by the function itself, where a Python number is still one
    result: Any
    result_count: int
    writes: list[Write]
    outputs: list[Array]
    values: dict[Node, Value]
    outside: list[Stateful]  # objects in the result or the writes that were there before the trace
    captured: list[Array]  # the caller's handles behind the graph's last inputs; the graph keeps what they held
    seen: dict[int, Any]  # what the function saw, by identity → what of the caller's stood behind it

    def given(self) -> list[Array]:
        """The caller's arrays behind the graph's inputs."""
        return [*(leaf for argument in self.argument_leaves for leaf in argument), *self.read()]

    def read(self) -> list[Array]:
        """What was captured: the handle itself, or what it held then if it holds something else by now.

        One array has one handle, so that an outer trace captures it once.
        """
        pairs = zip(self.captured, self.graph.captured, strict=True)
        return [handle if same_state(handle, held) else held for handle, held in pairs]

    def finish(self, outputs: Sequence[Array]) -> Any:
        """Carry out the writes and return the result, with computed arrays in the place of the traced ones."""
        results = {id(old): twin(new, old) for old, new in zip(self.outputs, outputs, strict=True)}
        memo: dict[int, Any] = {id(kept): kept for kept in self.outside}
        for write in self.writes:
            write.carry_out(results, memo)
        return replace(self.result, lambda leaf: results.get(id(leaf), leaf), memo)


class Copy:
    """An argument as the traced function sees it: the same tree, whose leaves stand for inputs of the graph."""

    def __init__(
        self,
        trace: Trace,
        tree: Any,
        names: dict[str, Array],
        seen_as: Mapping[int, ArrayType],
        copied: dict[int, Stateful],
    ) -> None:
        self.trace = trace
        self.seen_as = seen_as
        self.given = {id(leaf): name for name, leaf in names.items()}
        self.leaves: list[tuple[Array, Array, Node]] = []  # original, copy, node
        memo: dict[int, Any] = dict(copied)  # an object that is in two arguments is one
        self.tree = replace(tree, self._enter, memo)
        originals = [found for found in objects(tree).values() if id(found) not in copied]
        self.objects = [(original, cast("Stateful", memo[id(original)])) for original in originals]
        copied |= {id(original): copy for original, copy in self.objects}
        self.before = {id(copy): {n: snapshot(v) for n, v in vars(copy).items()} for _, copy in self.objects}

    def _enter(self, leaf: Any) -> Any:
        if not isinstance(leaf, Array):
            return leaf
        kind = self.seen_as.get(id(leaf), leaf.type)
        copy = self.trace.argument(kind, self.given[id(leaf)], leaf._value, leaf)
        self.leaves.append((leaf, copy, cast("Node", copy._node)))
        return copy

    def writes(self) -> list[Write]:
        """What the function changed in its copy, as changes to the original."""
        found = [Write(leaf, "", copy_handle(copy)) for leaf, copy, node in self.leaves if copy._node is not node]
        for original, copy in self.objects:
            before, now = self.before[id(copy)], vars(copy)
            found += [
                Write(original, name, now.get(name, missing))
                for name in {**before, **now}
                if not same_content(before.get(name, missing), now.get(name, missing))
            ]
        return found


def record(
    f: Callable[..., Any],
    args: Sequence[Any],
    *,
    with_values: bool,
    seen_as: Sequence[Mapping[int, ArrayType]] = (),
) -> Recording:
    """Trace a function of trees of arrays.

    The function gets copies of the objects in its arguments, whose leaves stand for the graph's inputs. What it
    changes in the copies is a write to the originals. With ``seen_as`` (for each argument: identity of a leaf → type)
    it sees leaves of another type than the caller has: one row of a batch, one step of a sequence.
    """
    if not callable(f):
        raise TraceError(
            f"a function is to be traced, given {type(f).__name__}", fix="mp.trace(f, x), not mp.trace(f(x))"
        )
    given = [as_tree(arg) for arg in args]
    named = [_named_leaves(name, arg) for name, arg in zip(argument_names(f, len(given)), given, strict=True)]
    outer = thread.trace
    values_known = all(leaf._value is not None for argument in named for leaf in argument.values())
    with Trace(with_values=with_values and values_known and (outer is None or outer.with_values)) as trace:
        trace.names = {id(leaf): path for path, leaf in leaves(f).items()}  # f may be a module
        kinds = seen_as or [dict[int, ArrayType]() for _ in given]
        copied: dict[int, Stateful] = {}
        copies = [Copy(trace, arg, names, kind, copied) for arg, names, kind in zip(given, named, kinds, strict=True)]
        try:
            returned = f(*[copy.tree for copy in copies])
            result = trace.settled(as_tree(returned))
        except TypeError as error:
            _explain_trees(error, argument_names(f, len(given)), given)
            raise
        finally:
            writes = trace.take_back()
        _refuse_changes_outside(writes, copies)
        for copy in copies:
            writes += copy.writes()
        return _recording(trace, given, copies, (returned, result), writes)


def _refuse_changes_outside(writes: Sequence[Write], copies: Sequence[Copy]) -> None:
    """An object in an argument, and the same object reached from outside, are two things while tracing."""
    originals = [original for copy in copies for original, _ in copy.objects]
    given = {id(found) for found in (*originals, *leaves(originals).values())}
    for write in writes:
        if id(write.target) in given:
            place = ".".join(part for part in (type(write.target).__name__, write.name) if part)
            raise TraceError(
                f"{place} is given as an argument, and changed as something from outside",
                fix="use the argument inside of the function, and not the variable around it",
            )


def _explain_trees(error: TypeError, names: list[str], given: list[Any]) -> None:
    """Note beside an error of Python's own that a list of numbers is no array; most such errors come of it."""
    for name, argument in zip(names, given, strict=True):
        if isinstance(argument, list | tuple | dict) and not isinstance(error, MapletError):
            kind = type(cast("object", argument)).__name__
            fix = "" if kind == "dict" else f"; mp.asarray({name}) makes it one"
            error.add_note(f"{name} is a {kind}, which is a tree of numbers and not one array{fix}")


def _recording(
    trace: Trace, arguments: list[Any], copies: list[Copy], results: tuple[Any, Any], writes: list[Write]
) -> Recording:
    returned, result = results
    # What the function returns or stores speaks of the originals, never of the copies that only it has seen.
    originals = {id(twin): original for copy in copies for original, twin in copy.objects}
    handles = {id(twin): leaf for copy in copies for leaf, twin, _ in copy.leaves}
    met = objects([result, [write.content for write in writes]]).values()
    outside = [*originals.values(), *[found for found in met if id(found) not in trace.born]]
    memo: dict[int, Any] = {**originals, **{id(found): found for found in outside}}
    settled = replace(result, unchanged, memo)  # objects made inside are copied once, wherever they stand
    memo.update(handles)
    writes = [Write(w.target, w.name, replace(w.content, unchanged, memo)) for w in writes]
    kept = {id(leaf) for leaf in leaves(outside).values()}
    outputs = [leaf for leaf in leaves(settled).values() if id(leaf) not in kept]
    result_count = len(outputs)
    outputs += [leaf for write in writes for leaf in leaves(write.content).values() if leaf._trace is trace]
    graph = checked(Graph(
        outputs=tuple([trace.node_of(leaf) for leaf in outputs]),
        inputs=(
            *[node for copy in copies for _, _, node in copy.leaves],
            *[node for _, _, node in trace.captured.values()],
        ),
        origins=trace.origins,
        captured=tuple([held for _, held, _ in trace.captured.values()]),
    ))  # fmt: skip
    given = [[leaf for leaf, _, _ in copy.leaves] for copy in copies]
    captured = [handle for handle, _, _ in trace.captured.values()]
    return Recording(
        graph, arguments, given, returned, settled, result_count, writes, outputs, trace.values, outside, captured,
        {**originals, **handles},
    )  # fmt: skip


def graph_of(
    f: Callable[[Sequence[Array]], Sequence[Array]], types: Sequence[ArrayType], names: Sequence[str] = ()
) -> Graph:
    """The closed graph of a function of a list of arrays that reads nothing from outside: for making programs."""
    origin = transform_origin()
    with Trace(with_values=False) as trace:
        trace.origin = origin
        arrays = [trace.argument(kind, names[n] if names else "") for n, kind in enumerate(types)]
        results = f(arrays)
        inputs, outputs = (tuple([trace.node_of(array) for array in group]) for group in (arrays, results))
    return checked(Graph(inputs, outputs, trace.origins))


def trace(f: Callable[..., Any], *args: Any) -> Graph:
    """Run a function once, without values, and return the graph of what it computes.

    Parameters
    ----------
    f
        A function of arrays, or of trees of them (lists, dicts, modules).
    *args
        Arrays whose shapes and dtypes stand for the inputs; their values are not looked at.

    Examples
    --------
    >>> import maplet as mp
    >>> print(mp.trace(lambda x: x * x + 1, mp.zeros((3,))))
    graph(x: f32[3]) {
      %0 = multiply(x, x) : f32[3]
      %1 = add(%0, f32(1.0)) : f32[3]
      return %1
    }
    """
    return record(f, args, with_values=False).graph


def as_tree(tree: Any) -> Any:
    """Turn NumPy arrays and Python floats in a tree into arrays; integers, booleans and strings stay static."""
    return replace(tree, _as_leaf, {id(found): found for found in objects(tree).values()})


def _as_leaf(value: Any) -> Any:
    return Array(value) if isinstance(value, numeric) else value


def _named_leaves(name: str, tree: Any) -> dict[str, Array]:
    return {f"{name}.{path}" if path else name: leaf for path, leaf in leaves(tree).items()}


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of the first positional parameters; x0, x1 … where Python does not know them."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = list[inspect.Parameter]()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return (names + [f"x{n}" for n in range(len(names), count)])[:count]
