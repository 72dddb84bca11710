"""The step that training iterates, θ ↦ θ − α ∇J(θ): as native code, one by one or many in a row."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from maplet.control.chunks import chunked
from maplet.control.scan import scan
from maplet.core.array import Array, from_value
from maplet.core.context import thread
from maplet.core.trace import same
from maplet.core.tree import leaves, replace
from maplet.core.types import as_dtype
from maplet.errors import SettingError, TraceError
from maplet.ops.arguments import convert
from maplet.ops.indexing import take
from maplet.ops.movement import reshape
from maplet.ops.slicing import concat
from maplet.transforms.derivatives import value_and_grad
from maplet.transforms.watch import Watched, watched_value_and_grad
from maplet.transforms.watch_statistics import readable, statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from maplet.compiler.jit import Jitted
    from maplet.nn import Module
    from maplet.optim import Optimizer
    from maplet.train.inputs import Samples

logger = logging.getLogger("maplet")
float64 = as_dtype("float64")


class Names:
    """What the numbers of a watched step are, (layer or parameter, quantity), known since it was traced.

    It has slots, and no ``__dict__``: what a compiled function reaches decides whether its program still fits, and what
    tracing tells about a program is no reason to compile another.
    """

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: list[tuple[str, str]] = []


class Stepping:
    """Steps of gradient descent on a network.

    They run compiled. Where the loss or the network need the values of arrays in Python, which a compiled program
    cannot give, or `mp.debug` watches every operation, they run one operation after another, and a log line says so.

    Parameters
    ----------
    net, optimizer
        What is changed.
    loss
        ``(prediction, target) → number``, with ``weights=`` where the samples have any.
    chunks
        In how many chunks a batch is worked on; one that they do not divide, such as a short last one, in fewer.
    """

    def __init__(self, net: Module, optimizer: Optimizer, loss: Callable[..., Array], chunks: int = 1) -> None:
        self.net = net
        self.optimizer = optimizer
        names = self.names = Names()

        def step(net: Module, optimizer: Optimizer, x: Any, y: Any, weights: Any) -> Array:
            given = {} if weights is None else {"weights": weights}

            def objective(net: Module, x: Any, y: Any) -> Array:
                return loss(net(x), y, **given)

            both = value_and_grad(objective)
            parts = largest_divisor(rows_in(x), chunks)
            if parts > 1 and given:
                raise SettingError(
                    "chunks= with weights: those of each chunk have another sum, so the mean of chunks is not the mean",
                    fix="leave one of them out, or let the loss find the weights in y",
                )
            both = optimizer.gradients_from(both if parts == 1 else chunked(both, parts))
            value, gradients = both(net, x, y)
            optimizer.update(net, gradients)
            return value

        def steps(net: Module, optimizer: Optimizer, samples: Any, batches: Array) -> Array:
            def one(nothing: None, rows: Array) -> tuple[None, Array]:
                return nothing, step(net, optimizer, *rows_at(samples, rows))

            return scan(one, None, batches)[1]

        def watched(net: Module, optimizer: Optimizer, samples: Any, rows: Array) -> tuple[Array, Array]:
            x, y, weights = rows_at(samples, rows)
            given = {} if weights is None else {"weights": weights}

            def objective(net: Module) -> Array:
                return loss(net(x), y, **given)

            before = {name: same(leaf) for name, leaf in net.parameters().items()}
            value, taken, gradients, seen = look(objective, optimizer, net)
            optimizer.update(net, taken)
            now = net.parameters()
            updates = {name: now[name] - before[name] for name in gradients}
            numbers, names.known = statistics(seen, before, gradients, updates, y)
            return value, numbers

        def groups(net: Module, optimizer: Optimizer, samples: Any, batches: Array) -> Array:
            def one(nothing: None, rows: Array) -> tuple[None, Array]:
                value, numbers = watched(net, optimizer, samples, rows[0])
                others = [steps(net, optimizer, samples, rows[1:])] if rows.shape[0] > 1 else []
                parts = [reshape(value, (1,)), *others, numbers]
                return nothing, concat([convert(part, float64) for part in parts], axis=0)

            return scan(one, None, batches)[1]

        self.programs: dict[str, Callable[..., Any]] = {
            "step": step, "steps": steps, "watched": watched, "groups": groups,
        }  # fmt: skip
        self.compiled: dict[str, Jitted[..., Any]] = {}  # by the same names; none where they cannot be
        self.begun = False

    def begin(self) -> None:
        """Load the compiler, at the first step: it takes a third of a second."""
        if self.begun:
            return
        self.begun = True
        if os.environ.get("MAPLET_JIT", "1") == "0":
            return
        try:
            from maplet.compiler.jit import Jitted  # noqa: PLC0415  (it takes a third of a second; and where there is no llvmlite, all still works)
        except ImportError as error:
            logger.warning("llvmlite is not there (%s): training runs one operation after another", error)
            return
        self.compiled = {
            name: Jitted(program, steadfast=name in ("steps", "groups")) for name, program in self.programs.items()
        }

    def run(self, batch: Samples) -> float:
        """One step; the loss before it."""
        return self._result("step", batch.x, batch.y, batch.weights).item()

    def run_watched(self, samples: Samples, rows: NDArray[np.int64]) -> tuple[float, dict[str, Any]]:
        """One step on some rows of the samples, to the same bits, and what was seen in it; see `readable`."""
        value, numbers = self._result("watched", samples.parts(), from_value(rows))
        return value.item(), self.seen_in(numbers.numpy())

    def run_many(self, samples: Samples, batches: NDArray[np.int64]) -> Iterator[NDArray[Any]] | None:
        """Steps in a row, one for each row of ``batches``, which numbers the samples of its batch.

        Comes back every few dozen milliseconds with the losses so far; net and optimizer are then as after the last of
        these steps, and whoever stops asking leaves them so. None where the steps can only be run one by one.
        """
        return self._turns("steps", samples, batches)

    def run_groups(self, samples: Samples, batches: NDArray[np.int64]) -> Iterator[NDArray[Any]] | None:
        """Like `run_many`, for groups of steps of which the first is watched, batches[group, step, row].

        Each row that comes back has the losses of a group, and then the numbers that `seen_in` makes readable.
        """
        return self._turns("groups", samples, batches)

    def seen_in(self, numbers: NDArray[Any]) -> dict[str, Any]:
        """What was seen in a watched step, by name; see `readable`."""
        return readable(numbers, self.names.known)

    def _result(self, name: str, *arguments: Any) -> Any:
        """What a program gives for the net, the optimizer and these: compiled, or else one operation after another."""
        self.begin()
        if self.compiled and thread.watch is None:
            try:
                return self.compiled[name](self.net, self.optimizer, *arguments)
            except TraceError as error:
                self._give_up(error)
        return self.programs[name](self.net, self.optimizer, *arguments)

    def _turns(self, name: str, samples: Samples, batches: NDArray[np.int64]) -> Iterator[NDArray[Any]] | None:
        """A loop over batches in native code, which comes back now and then; None where there can be none."""
        self.begin()
        if not self.compiled or thread.watch is not None or not len(batches):
            return None
        try:
            return self.compiled[name].turns(self.net, self.optimizer, samples.parts(), from_value(batches))
        except TraceError as error:
            self._give_up(error)
            return None

    def _give_up(self, error: TraceError) -> None:
        self.compiled = {}
        logger.warning("training is not compiled, and so runs slowly: %s", error)


def look(
    objective: Callable[[Module], Array], optimizer: Optimizer, net: Module
) -> tuple[Array, dict[str, Array], dict[str, Array], Watched]:
    """The value of an objective, the gradient that the optimizer takes, and that at the weights with what is seen.

    The two gradients are one, but for an optimizer such as `SAM`, which takes that of another point.
    """
    found: list[tuple[dict[str, Array], Watched]] = []

    def both(net: Module) -> tuple[Array, dict[str, Array]]:
        value, gradients, seen = watched_value_and_grad(objective)(net)
        found.append((gradients, seen))
        return value, gradients

    value, taken = optimizer.gradients_from(both)(net)
    return value, taken, *found[0]


def rows_in(samples: Any) -> int:
    """How many rows the arrays in a tree have."""
    return next(iter(leaves(samples).values())).shape[0]


def largest_divisor(rows: int, chunks: int) -> int:
    """The largest number of chunks, a power of two, up to some number, into which rows can be cut."""
    return min(rows & -rows, chunks)


def rows_at(samples: Any, rows: Array) -> Any:
    """The same rows of every array in a tree, looked up while the program runs."""
    return replace(samples, lambda leaf: take(leaf, rows, axis=0) if isinstance(leaf, Array) else leaf)
