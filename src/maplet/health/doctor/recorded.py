"""A run as the doctor is shown it: what it learns from, and what ended it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, cast

from maplet.bilingual import Bilingual
from maplet.errors import CheckpointError
from maplet.transforms.watch_statistics import of_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from maplet.core.array import Array
    from maplet.nn import Module
    from maplet.optim import Optimizer


class Rows(Protocol):
    """Inputs, targets and, where given, a weight per row."""

    @property
    def x(self) -> Any:
        """The inputs, a tree of arrays."""
        ...

    @property
    def y(self) -> Any:
        """The targets."""
        ...

    @property
    def weights(self) -> Any:
        """How much each row counts, or None."""
        ...

    def rows(self, index: Any) -> Rows:
        """Some of the rows."""
        ...


@dataclass(frozen=True)
class Given:
    """What a run learns from: the doctor asks the net about these rows.

    Parameters
    ----------
    training, validation
        The rows; None where there are none, or where they come as a stream.
    loss
        ``(prediction, target) → number``.
    batch_size
        How many rows make a step.
    columns
        What the columns of the inputs are called, where they come from a table.
    """

    training: Rows | None
    validation: Rows | None
    loss: Callable[..., Array]
    batch_size: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """What ended a run before its time.

    Parameters
    ----------
    what
        What became NaN or infinite.
    epoch, step
        Where that was seen; steps are counted from 0 in each epoch.
    losses
        Of the steps of this epoch before it, as they were when it was gone through again.
    growth
        By what factor the largest weight had grown since the beginning of the epoch.
    made_by
        The operation that made the first such number, in the words of `mp.debug`; None where it was not found.
    fix
        What mends that operation, where that is known.
    """

    what: Bilingual
    epoch: int
    step: int
    losses: tuple[float, ...] = ()
    growth: float = 1.0
    made_by: Bilingual | None = None
    fix: Bilingual | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a run directory keeps it in JSON; sentences in both languages."""
        kept = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: one.to_json() if isinstance(one, Bilingual) else one for name, one in kept.items()}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Failure:
        """What `to_dict` gave; KeyError, TypeError or ValueError where it is something else."""
        what, made_by, fix = (None if kept[name] is None else Bilingual.from_json(kept[name]) for name in sentences)
        if what is None:
            raise TypeError("nothing is said of what became NaN")
        losses = tuple(map(float, kept["losses"]))
        growth = inf if kept["growth"] is None else float(kept["growth"])  # JSON has no infinity
        return cls(what, int(kept["epoch"]), int(kept["step"]), losses, growth, made_by, fix)


sentences = ("what", "made_by", "fix")  # of a failure


class Recorded(Protocol):
    """A run, as far as the doctor asks it."""

    directory: Path | None
    net: Module
    optimizer: Optimizer | None
    history: list[dict[str, Any]]
    watched: list[dict[str, Any]]
    planned: int
    restores_best: bool
    best_epoch: int | None
    stop_reason: str
    given: Given | None
    failure: Failure | None

    def predict(self, x: Any) -> Array:
        """What the net gives for inputs."""
        ...


quantities: dict[str, tuple[str, ...]] = {"layers": of_layer, "parameters": ("norm", "gradient", "update")}
"""What each layer and each parameter of a watched step has."""


def require_readable(run: Recorded) -> None:
    """Refuse records that are not those of this version of maplet, with words that help."""
    for name, records in (("history.jsonl", run.history), ("watch.jsonl", run.watched)):
        for number, record in enumerate(records):
            wrong = _what_is_wrong(record, watched=name == "watch.jsonl")
            if wrong:
                raise CheckpointError(
                    f"{name}, line {number + 1}: {wrong}; it was not written by this version of maplet",
                    fix=f"train anew; or put {name} aside, and the doctor says what he sees without it",
                    where=str(run.directory or "") or None,
                )


def _what_is_wrong(record: Any, *, watched: bool) -> str:
    """What of a record cannot be read; empty if nothing."""
    if not isinstance(record, dict):
        return f"a record is {type(record).__name__}, not names and numbers"
    known = cast("dict[str, Any]", record)
    if not isinstance(known.get("loss"), int | float):
        return "there is no loss"
    if not watched:
        return ""
    for group, needed in quantities.items():
        seen: Any = known.get(group)
        if not isinstance(seen, dict) or not all(_has(one, needed) for one in cast("Any", seen).values()):
            return f"{group!r} is missing, or lacks one of {', '.join(needed)}"
    return ""


def _has(numbers: Any, needed: tuple[str, ...]) -> bool:
    """Whether something is a dict with all these numbers."""
    return isinstance(numbers, dict) and all(isinstance(numbers.get(name), int | float) for name in needed)  # pyright: ignore[reportUnknownMemberType]  (what JSON holds is not known)
