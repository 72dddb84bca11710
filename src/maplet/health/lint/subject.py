"""What the rules look at: the training graph of a net, a loss and a batch, and the values that it takes there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, from_value
from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, in_order, nested_graphs
from maplet.core.recording import Recording, record
from maplet.core.tree import leaves, replace
from maplet.core.types import default_float, is_floating
from maplet.errors import DataError, GradientError, MapletError, TraceError
from maplet.health.lint.opening import Opened
from maplet.health.lint.reading import Reading
from maplet.ops.creation import ones
from maplet.transforms.evaluate import compute
from maplet.transforms.gradient import gradient
from maplet.transforms.selection import input_numbers, trainable_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.nn import Module
    from maplet.optim import Optimizer

work_of_a_node = 500  # to run it at all, which tells in a loop of many steps
most_work = 30_000_000  # multiplications of a forward pass that is computed; beyond it fewer rows are taken


class Subject:
    """The training graph of a function whose first argument is trained, and how to look at it.

    Parameters
    ----------
    objective
        ``(trained, *batch) → (loss, predictions)``, or the loss alone.
    trained
        The network, or the tree of arrays, that is moved.
    batch
        The other arguments: inputs and targets first.
    data
        ``(x, y)`` as far as they are known: all rows that were given.
    sizes
        How many rows a batch may have.
    optimizer
        What moves the parameters, where that is known.
    """

    def __init__(
        self,
        objective: Callable[..., Any],
        trained: Any,
        batch: Sequence[Any],
        *,
        data: tuple[Any, Any] = (None, None),
        sizes: frozenset[int] = frozenset(),
        optimizer: Optimizer | None = None,
    ) -> None:
        self.objective, self.trained, self.batch = objective, trained, tuple(batch)
        self.data, self.sizes, self.optimizer = data, sizes, optimizer
        self.recording, self.cheap = _recorded(objective, trained, self.batch)
        self.opened = Opened(self.recording.graph)
        self.graph = self.opened.graph
        nodes = dict(zip(map(id, self.recording.outputs), self.graph.outputs, strict=True))
        result: Any = self.recording.result
        self.loss, self.predictions = _split(result, nodes)
        self.read = Reading(self.opened, self.parameters, self._owned())

    # ── its inputs ───────────────────────────────────────────────────────────────────────────────

    @cached_property
    def named(self) -> dict[str, Node]:
        """The nodes of all arrays of what is trained, by the name of the array."""
        names = {id(leaf): name for name, leaf in leaves(self.recording.arguments[0]).items()}
        own = zip(self.recording.argument_leaves[0], self.graph.inputs, strict=False)
        return {names[id(leaf)]: node for leaf, node in own}

    @cached_property
    def parameters(self) -> dict[str, Node]:
        """The nodes of the trainable parameters, by name."""
        trainable = {id(leaf) for leaf in trainable_leaves(self.recording.arguments[0])}
        leaf_of = leaves(self.recording.arguments[0])
        return {name: node for name, node in self.named.items() if id(leaf_of[name]) in trainable}

    @cached_property
    def handles(self) -> dict[str, Array]:
        """All arrays of what is trained, by name."""
        return leaves(self.recording.arguments[0])

    def number(self, name: str) -> np.ndarray[Any, Any]:
        """The value of an array of what is trained."""
        return self.handles[name].numpy()

    def _owned(self) -> set[Node]:
        return set(self.named.values())

    @cached_property
    def from_outside(self) -> dict[Node, Array]:
        """The arrays that the program reads from outside of its arguments."""
        inputs = self.graph.inputs[len(self.graph.inputs) - len(self.graph.captured) :]
        return dict(zip(inputs, self.recording.captured, strict=True))

    def argument(self, number: int) -> list[Node]:
        """The nodes of an argument's arrays: 1 is what the net is given, 2 the targets."""
        counts = [len(own) for own in self.recording.argument_leaves]
        start = sum(counts[:number])
        return list(self.graph.inputs[start : start + counts[number]]) if number < len(counts) else []

    # ── backpropagation through it ───────────────────────────────────────────────────────────────

    @cached_property
    def towards_loss(self) -> set[Node]:
        """What the loss is made of, with or without a gradient."""
        return self.read.before([self.loss])

    @cached_property
    def reached(self) -> set[Node]:
        """What a gradient reaches on its way back from the loss."""
        return self.read.before([self.loss], gradients=True)

    @cached_property
    def values(self) -> dict[Node, np.ndarray[Any, Any]]:
        """The value of every node on the batch, of loops in the first step; empty where there is none."""
        return self._computed[0]

    @cached_property
    def gradients(self) -> dict[str, np.ndarray[Any, Any]]:
        """The gradient on the batch of every trainable parameter, by name; empty where there is none."""
        return self._computed[1]

    @cached_property
    def _computed(self) -> tuple[dict[Node, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
        if not self.cheap:
            return {}, {}
        found = {id(leaf): name for name, leaf in self.handles.items()}
        own = [leaf for leaf in trainable_leaves(self.recording.arguments[0]) if id(leaf) in found]
        graph = self.recording.graph
        extended, _ = gradient(graph, input_numbers(self.recording, 0, own), (0,))
        given = [array.numpy() for array in self.recording.given()]
        one = ones((), dtype=self.loss.array_type.dtype).numpy()
        backward = Graph(extended.inputs, extended.outputs[len(graph.outputs) :], extended.origins)
        try:
            values, known = self.opened.values(given)
            gradients = compute(backward, [*given, one], known)
        except MapletError:  # such as a class out of range: the first step will say so, and the rules of the data do
            return {}, {}
        return values, dict(zip([found[id(leaf)] for leaf in own], gradients, strict=True))

    def origin(self, node: Node) -> Origin:
        """Where a node comes from."""
        return self.graph.origins.get(node, Origin())


def subject_of(
    net: Module,
    loss: Callable[..., Any],
    batch: tuple[Any, ...],
    *,
    batch_size: int | None = None,
    optimizer: Optimizer | None = None,
) -> Subject:
    """The training graph of a net as `fit` trains it."""
    x, y, weights = _arrays(net, batch)
    count = _rows(x)
    size = count if batch_size is None else min(batch_size, count)

    def objective(net: Module, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        prediction = net(x)
        given = {} if weights is None else {"weights": weights}
        return loss(prediction, y, **given), prediction

    sizes = frozenset({size, count % size} - {0})
    one = tuple([first_rows(part, size) for part in (x, y, weights)])
    return Subject(objective, net, one, data=(x, y), sizes=sizes, optimizer=optimizer)


def _arrays(net: Module, batch: tuple[Any, ...]) -> list[Any]:
    """Inputs, targets and weights as arrays, the floating ones in the dtype of the net."""
    dtype = next((leaf.dtype for leaf in leaves(net).values() if is_floating(leaf.dtype)), default_float)

    def converted(leaf: Any) -> Any:
        if leaf is None or isinstance(leaf, str | int | float):
            return leaf
        array = leaf if isinstance(leaf, Array) else Array(np.asarray(leaf))
        return array.astype(dtype) if is_floating(array.dtype) and array.dtype != dtype else array

    def arrays(part: Any) -> Any:
        """A nested list of numbers is one array, as for `fit`."""
        numbers = isinstance(part, list | tuple) and not _holds_arrays(part)
        return replace(Array(cast("Any", part)) if numbers else cast("Any", part), converted)

    return [arrays(part) for part in (*batch, None)[:3]]


def _holds_arrays(tree: Any) -> bool:
    if isinstance(tree, list | tuple):
        return any(map(_holds_arrays, cast("Sequence[Any]", tree)))
    return isinstance(tree, Array | np.ndarray | dict)


def _rows(x: Any) -> int:
    lengths = {leaf.shape[:1] for leaf in leaves(x).values()}
    if len(lengths) != 1 or () in lengths or (0,) in lengths:
        raise DataError("the inputs of a batch are arrays whose first axes have one length, not 0", fix="give (x, y)")
    return lengths.pop()[0]


def first_rows(tree: Any, count: int) -> Any:
    """The first rows of every array of a tree; what has no more of them stays."""

    def shortened(leaf: Any) -> Any:
        longer = isinstance(leaf, Array) and leaf.shape[:1] > (count,)
        return from_value(leaf.numpy()[:count]) if longer else leaf

    return replace(tree, shortened)


def _recorded(objective: Callable[..., Any], trained: Any, batch: tuple[Any, ...]) -> tuple[Recording, bool]:
    """The training graph, and whether it may be computed; with fewer rows where all of them would take long."""
    recording = _without_values(objective, (trained, *batch))
    work = work_of(recording.graph)
    rows = max([leaf.shape[0] for part in batch for leaf in leaves(part).values() if leaf.shape], default=1)
    few = int(rows * most_work / work)
    if work > most_work and 2 <= few < rows:
        fewer = _without_values(objective, (trained, *[first_rows(part, few) for part in batch]))
        return (fewer, True) if work_of(fewer.graph) <= 2 * most_work else (recording, False)
    return recording, work <= most_work


def _without_values(objective: Callable[..., Any], arguments: tuple[Any, ...]) -> Recording:
    try:
        return record(objective, arguments, with_values=False)
    except TraceError:  # the program looks at its values, and so has to be run
        return record(objective, arguments, with_values=True)


def work_of(graph: Graph) -> float:
    """About how many multiplications a graph takes."""
    total = 0.0
    for node in in_order(graph.outputs, graph.inputs):
        kinds = node.type if isinstance(node.type, tuple) else (node.type,)
        total += work_of_a_node + sum(kind.size for kind in kinds)
        if node.primitive.name in ("matmul", "contract", "conv"):
            first, second = (child.array_type for child in node.inputs)
            inner = second.size // second.shape[-1] if node.primitive.name == "conv" else first.shape[-1]
            total += node.array_type.size * inner
        steps = node.params.get("length", 100 if node.primitive.name == "while_loop" else 1)
        total += steps * sum(work_of(inner) for inner in nested_graphs(node).values())
    return total


def _split(result: Any, nodes: dict[int, Node]) -> tuple[Node, tuple[Node, ...]]:
    """The node of the loss, and those of the predictions, of what an objective returned."""
    parts: tuple[Any, ...] = cast("Any", result) if isinstance(result, tuple) else ()
    loss, prediction = parts if len(parts) == 2 else (cast("Any", result), None)
    if not isinstance(loss, Array) or loss.shape or not is_floating(loss.dtype):
        shown = loss.type if isinstance(loss, Array) else type(loss).__name__
        raise GradientError(
            f"the lint looks at a loss, which is one real number, given {shown}", fix="take mp.mean of it"
        )
    return nodes[id(loss)], tuple([nodes[id(leaf)] for leaf in leaves(prediction).values() if id(leaf) in nodes])
