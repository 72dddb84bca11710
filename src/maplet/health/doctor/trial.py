"""Copies of net and optimizer are tried: what the updates answer to, and what other settings would do."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import from_value
from maplet.core.tree import leaves
from maplet.errors import MapletError
from maplet.transforms.derivatives import value_and_grad

if TYPE_CHECKING:
    from typing import Self

    from maplet.health.doctor.answers import Numbers
    from maplet.health.doctor.recorded import Given, Recorded, Rows
    from maplet.nn import Module
    from maplet.optim import Optimizer

most_parameters = 300_000
steps, patience = 8, 240
further, every, most_rows = 120, 12, 1000  # steps that are gone on; between two looks at the loss of so many rows


class Trial:
    """Updates that a copy of an optimizer makes of gradients drawn at random.

    Parameters
    ----------
    net, optimizer
        Are copied.
    size
        The norm of the gradients.
    """

    def __init__(self, net: Module, optimizer: Optimizer, size: float) -> None:
        self.pair = deepcopy((net, optimizer))
        self.rng = np.random.default_rng(0)
        self.count = size_of(net)
        self.scale = size / self.count**0.5

    def drawn(self) -> dict[str, Any]:
        """A gradient."""
        return {
            name: from_value((self.scale * self.rng.standard_normal(leaf.shape)).astype(leaf.dtype))
            for name, leaf in self.pair[0].parameters().items()
        }

    def unanswered(self) -> float:
        """The share of steps whose update is not 0, and is the same for two different gradients."""
        deaf = 0
        for _ in range(steps):
            other = deepcopy(self.pair)
            first, second = updated(self.pair, self.drawn()), updated(other, self.drawn())
            deaf += bool(np.abs(first).max() > 0 and np.array_equal(first, second))
        return deaf / steps

    def kept(self) -> float:
        """How much of the answer to one gradient is still in the updates, long after it.

        Two copies are given different gradients once, and then the same; this is the share of the difference of their
        first updates that the later ones still have: μᵏ after k steps of momentum, and 1 where gradients add up.
        """
        other = deepcopy(self.pair)
        first = updated(self.pair, self.drawn()) - updated(other, self.drawn())
        square = float(first @ first)
        seen: list[float] = []
        for _ in range(patience if square else 0):
            gradient = self.drawn()
            seen.append(float((updated(self.pair, gradient) - updated(other, gradient)) @ first) / square)
            if len(seen) == patience // 6 and abs(float(np.mean(seen[-10:]))) < 0.3:
                break
        return float(np.mean(seen[-10:])) if seen else 0.0


def updated(pair: tuple[Module, Optimizer], gradient: dict[str, Any]) -> Numbers:
    """The update of one step, as one row."""
    net, optimizer = pair
    before = {name: leaf.numpy() for name, leaf in net.parameters().items()}
    both = optimizer.gradients_from(lambda *_: (from_value(np.zeros(())), gradient))
    optimizer.update(net, both(net, None, None)[1])
    return np.concatenate([
        (np.asarray(leaf.numpy(), np.float64) - before[name]).reshape(-1) for name, leaf in net.parameters().items()
    ])  # fmt: skip


@dataclass(frozen=True)
class Continuation:
    """A run with which copies of net and optimizer can go on, as it is or with other settings.

    Parameters
    ----------
    net, optimizer
        Are copied.
    given
        The loss, the size of a batch and the validation rows.
    training
        The rows that batches are drawn of.
    """

    net: Module
    optimizer: Optimizer
    given: Given
    training: Rows

    @classmethod
    def of(cls, run: Recorded, given: Given | None) -> Self | None:
        """That of a run; None where there is no optimizer, or there are no training rows that count alike."""
        if given is None or given.training is None or given.training.weights is not None or run.optimizer is None:
            return None
        return cls(run.net, run.optimizer, given, given.training)

    def losses(
        self, optimizer: Optimizer | None = None, *, size: int | None = None, seen: Rows | None = None
    ) -> Numbers | None:
        """The loss of some rows now and then, over further steps with batches that are drawn at random.

        Parameters
        ----------
        optimizer, size
            What takes the steps, and how many rows a batch has, if not as before.
        seen
            What the loss is asked of; the training rows if None.

        Returns
        -------
        None where net or optimizer do not take such steps.
        """
        try:
            return self._losses(optimizer or self.optimizer, size or self.given.batch_size, seen or self.training)
        except MapletError:
            return None

    def _losses(self, optimizer: Optimizer, size: int, seen: Rows) -> Numbers:
        net, optimizer = deepcopy((self.net, optimizer))
        rng, seen, count = np.random.default_rng(0), some_of(seen), count_of(self.training)

        def loss(net: Module, rows: Rows) -> Any:
            return self.given.loss(net(rows.x), rows.y)

        losses = [loss(net.eval(), seen).item()]
        for step in range(further):
            rows = self.training.rows(rng.integers(0, count, size))
            both = optimizer.gradients_from(value_and_grad(loss))
            optimizer.update(net, both(net.train(), rows)[1])
            if step % every == every - 1:
                losses.append(loss(net.eval(), seen).item())
        return np.array(losses)


def came_to(losses: Numbers) -> float:
    """Where a loss is at last."""
    return float(np.mean(losses[-3:]))


def size_of(net: Module) -> int:
    """How many numbers its parameters are."""
    return sum(leaf.size for leaf in net.parameters().values())


def some_of(rows: Rows) -> Rows:
    """At most `most_rows` of them, at equal distances."""
    count = count_of(rows)
    return rows.rows(np.unique(np.linspace(0, count - 1, min(count, most_rows)).astype(int)))


def count_of(rows: Rows) -> int:
    """How many there are."""
    return next(iter(leaves(rows.x).values())).shape[0]


def undecayed(optimizer: Optimizer) -> Optimizer | None:
    """A copy under which no weight decays; None if none does as it is."""
    free = deepcopy(optimizer)
    decaying = [part for part in free.parts() if getattr(part, "weight_decay", 0.0)]
    for part in decaying:
        part.weight_decay = 0.0  # pyright: ignore[reportAttributeAccessIssue]  (it has one, as was just seen)
    return free if decaying else None


def at_rate(optimizer: Optimizer, factor: float) -> Optimizer:
    """A copy whose learning rate is that of the next step times a factor, from now on."""
    copy = deepcopy(optimizer)
    for part in copy.parts():
        part.learning_rate = factor * part.current_learning_rate()
    return copy
