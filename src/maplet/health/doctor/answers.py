"""What a net answers to rows whose targets are known, as plain numbers: what the rules about data look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maplet.core.tree import leaves

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.health.doctor.recorded import Rows

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]

most_rows = 2000  # that are looked at; of more, as many at equal distances
most_columns = 4096
losses_of_numbers = ("mse", "mae", "huber", "quantile")


@dataclass(frozen=True)
class Answers:
    """Rows as columns of numbers, their targets, and what the net makes of them.

    Parameters
    ----------
    x
        (N, D): the inputs, flattened.
    y
        The targets: classes (N,), or numbers (N, K).
    given
        What the net gives: a probability for each class (N, C), or numbers (N, K).
    """

    x: Numbers
    y: NDArray[Any]
    given: Numbers

    @property
    def of_classes(self) -> bool:
        """Whether the targets are classes."""
        return self.y.ndim == 1

    @cached_property
    def chosen(self) -> Labels:
        """The class that the net gives to each row."""
        return self.given.argmax(axis=1)

    @cached_property
    def targets(self) -> Numbers:
        """The targets as numbers, (N, K): of a class its one-hot row."""
        return np.eye(self.given.shape[1])[self.y] if self.y.ndim == 1 else self.y.astype(np.float64)

    @cached_property
    def wrong(self) -> float:
        """Which part of what there is to know the net does not know; see `unexplained`."""
        return unexplained(self.targets, self.given, of_classes=self.of_classes)


def share(mask: NDArray[Any]) -> float:
    """How much of a mask holds; the mean of numbers."""
    return float(mask.mean())


def unexplained(targets: Numbers, given: Numbers, *, of_classes: bool) -> float:
    """The share of wrong classes, or of the variance of numbers; 1 is the best that a constant can do.

    Of classes: errors by those of the answer that is always the most frequent class. Of numbers: 1 − R².
    """
    if of_classes:
        always = 1 - targets.mean(axis=0).max()
        errors = share(np.not_equal(given.argmax(axis=1), targets.argmax(axis=1)))
        return errors / always if always > 0 else 0.0
    spread = share(np.var(targets, axis=0))
    return share(np.square(targets - given)) / spread if spread > 0 else 0.0


def answers(predict: Callable[[Any], Any], rows: Rows | None, loss: Callable[..., Any]) -> Answers | None:
    """What the net answers; None where targets and outputs are neither classes nor numbers, one set for each row."""
    if rows is None:
        return None
    inputs, targets = list(leaves(rows.x).values()), list(leaves(rows.y).values())
    if len(targets) != 1 or sum(leaf.size // max(leaf.shape[0], 1) for leaf in inputs) > most_columns:
        return None
    count = targets[0].shape[0]
    some = np.unique(np.linspace(0, count - 1, min(count, most_rows)).astype(int))
    chosen = rows.rows(some)
    given, y = np.asarray(predict(chosen.x)).astype(np.float64), np.asarray(targets[0].numpy())[some]
    columns = [np.asarray(leaf.numpy(), np.float64).reshape(len(some), -1) for leaf in leaves(chosen.x).values()]
    read = _as_classes(y, given, getattr(loss, "__name__", "")) or _as_numbers(y, given)
    if read is None or not all(np.isfinite(array).all() for array in (*columns, *read)):
        return None
    return Answers(np.concatenate(columns, axis=1), *read)


def _as_classes(y: NDArray[Any], given: Numbers, loss: str) -> tuple[Labels, Numbers] | None:
    """Classes and probabilities, of labels, of one-hot rows, or of zeros and ones."""
    if given.ndim == 2 and given.shape[1] > 1:
        if y.ndim == 1 and y.dtype.kind in "iu" and y.min() >= 0 and y.max() < given.shape[1]:
            return y.astype(np.int64), _probabilities(given)
        one_hot = y.shape == given.shape and bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())
        return (y.argmax(axis=1).astype(np.int64), _probabilities(given)) if one_hot else None
    if given.shape != y.shape or given.ndim not in (1, 2) or not np.isin(y, (0, 1)).all():
        return None
    score = given.reshape(-1)
    is_probability = loss in losses_of_numbers or (score.min() >= 0 and score.max() <= 1)
    one = np.clip(score, 0, 1) if is_probability else 1 / (1 + np.exp(-np.clip(score, -50, 50)))
    return y.reshape(-1).astype(np.int64), np.stack([1 - one, one], axis=1)


def _probabilities(scores: Numbers) -> Numbers:
    """Softmax of logits; what already adds up to 1 stays."""
    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _as_numbers(y: NDArray[Any], given: Numbers) -> tuple[Numbers, Numbers] | None:
    if y.shape != given.shape or y.dtype.kind != "f" or y.ndim not in (1, 2):
        return None
    return y.reshape(len(y), -1).astype(np.float64), given.reshape(len(y), -1)
