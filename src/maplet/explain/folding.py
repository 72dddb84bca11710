"""Folding: a large program as a few groups of steps, by layer; outside of layers, by line of the user's code."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.graph import constant_primitive
from maplet.core.repeats import runs
from maplet.core.types import is_floating
from maplet.errors import SettingError
from maplet.explain.words import say
from maplet.messages import shown, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from maplet.core.context import Origin
    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode

most_steps = 80  # that are shown one by one
most_numbers, fewest_layers = 1000, 3  # of all inputs of a net, whose steps are shown one by one
most_operations = 3  # that are named in the title of a group
most_groups = 32  # among which equal ones are not made one
longest_period, fewest_repeats = 32, 3  # of groups that come again and again


@dataclass(frozen=True, eq=False)
class Fold:
    """Steps that are shown as one.

    Parameters
    ----------
    title
        The layer's path, or the line.
    steps
        What is in it, in order; one step alone is shown as itself.
    is_opened
        Whether it is a step of a group that was asked for by ``unfold``, or of a program that is shown whole.
    groups
        The groups in it, of a run of equal ones.
    period
        After how many of these it repeats.
    """

    title: str
    steps: tuple[ExplainedNode, ...]
    is_opened: bool = False
    groups: tuple[Fold, ...] = ()
    period: int = 1

    @property
    def repeated(self) -> tuple[Fold, ...]:
        """What comes several times in a run: its first groups."""
        return self.groups[: self.period]

    @property
    def times(self) -> int:
        """How often that comes."""
        return len(self.groups) // self.period if self.groups else 1

    @property
    def operations(self) -> str:
        """What it computes: ``matmul, add``; ``5 × sin`` for what comes often, ``9 × (matmul, add; tanh)`` of a run."""
        if self.groups:
            return f"{self.times} × ({'; '.join(group.operations for group in self.repeated)})"
        counts = Counter(step.source.operation for step in self.steps if step.is_spoken_of).most_common()
        named = [f"{n} × {name}" if n > 1 else name for name, n in counts[:most_operations]]
        return ", ".join([*named, "…"] if len(counts) > most_operations else named)

    @property
    def last(self) -> ExplainedNode:
        """The step whose value it hands on."""
        return self.steps[-1]


def folded(derivation: Derivation, unfold: bool | str = False) -> list[Fold]:
    """The steps in groups; one by one where there are few, or where that is asked for.

    Parameters
    ----------
    derivation
        What is shown.
    unfold
        True for every step; the title of a group, or the beginning of several, for the steps of these; the title of a
        run of equal groups for the groups in it.

    Raises
    ------
    SettingError
        If there is no group of that title.
    """
    steps = derivation.steps
    if not isinstance(cast("Any", unfold), bool | str):
        raise SettingError(
            f"unfold={shown(unfold)}: expected True, or a name", fix='unfold=True, or such as unfold="layers.3"'
        )
    groups = by_layer(derivation)
    if unfold is True or (unfold is False and not _is_large(derivation, groups)):
        return _each(steps)
    wanted = {group for group in groups if unfold and f"{group.title}.".startswith(f"{unfold}.")}
    if unfold and not wanted and unfold not in (fold.title for fold in grouped(derivation)):
        titles = [group.title for group in (*grouped(derivation), *groups)]
        raise SettingError(
            f"unfold={shown(unfold)}: there is no such group", fix=suggest(unfold, titles, kind="groups")
        )
    if not wanted:
        return grouped(derivation, unfold)
    found: list[Fold] = []
    for is_wanted, part in groupby(groups, lambda group: group in wanted):
        members = list(part)
        steps = [step for group in members for step in group.steps]
        found += _each(steps) if is_wanted else _in_runs(members, len(groups))
    return found


def _is_large(derivation: Derivation, groups: Sequence[Fold]) -> bool:
    """Whether there are too many steps to be read one by one, or layers of too many numbers."""
    layers = [group for group in groups if group.last.origin.layer]
    numbers = sum(leaf.value.size for leaf in derivation.leaves)
    return len(derivation.steps) > most_steps or (len(layers) >= fewest_layers and numbers > most_numbers)


def grouped(derivation: Derivation, unfold: bool | str = False) -> list[Fold]:
    """The steps of each layer, runs of equal layers as one where there are many; the run of a title in its groups."""
    groups = by_layer(derivation)
    return [
        group
        for fold in _in_runs(groups, len(groups))
        for group in (fold.groups if fold.groups and fold.title == unfold else (fold,))
    ]


def _in_runs(groups: Sequence[Fold], count: int) -> list[Fold]:
    """Groups with those that come again and again as one: ``layers.0 … layers.1999``; of few in all, each stays."""
    patterns = [tuple([(step.operation, *_types(step)) for step in group.steps]) for group in groups]
    found: list[Fold] = []
    for start, period, times in repeated(patterns, count):
        run = groups[start : start + period * times]
        title, steps = f"{run[0].title} … {run[-1].title}", tuple([step for group in run for step in group.steps])
        found.append(Fold(title, steps, groups=tuple(run), period=period) if times > 1 else run[0])
    return found


def repeated(patterns: Sequence[Any], count: int) -> Iterator[tuple[int, int, int]]:
    """Start, period and times of what is repeated, where there are many in all."""
    if count <= most_groups:
        return ((n, 1, 1) for n in range(len(patterns)))
    return runs(patterns, longest_period, fewest_repeats)


def _types(step: ExplainedNode) -> tuple[str, ...]:
    """The types of what it takes and gives."""
    return tuple([str(node.type) for node in (*step.node.inputs, step.node)])


def _each(steps: Sequence[ExplainedNode]) -> list[Fold]:
    """Each by itself; what only gives another one its shape is not spoken of."""
    return [Fold(step.name, (step,), is_opened=True) for step in steps if step.is_spoken_of]


def opened(folds: Sequence[Fold]) -> list[ExplainedNode]:
    """The steps that were asked for, in order; empty where everything is folded."""
    return [step for fold in folds if fold.is_opened for step in fold.steps]


def read_by(steps: Sequence[ExplainedNode]) -> list[ExplainedNode]:
    """What some steps take from outside of them: inputs, parameters, and results of other steps."""
    inside = set(steps)
    taken = dict.fromkeys(step.derivation.of(child).shown for step in steps for child in step.source.node.inputs)
    return [one for one in taken if one not in inside and one.operation != constant_primitive.name]


def by_layer(derivation: Derivation) -> list[Fold]:
    """The steps of each layer; outside of layers, those of each line."""
    groups: dict[str, list[ExplainedNode]] = {}
    for step in derivation.steps:
        groups.setdefault(title_of(step.origin, derivation), []).append(step)
    return [Fold(title, tuple(members)) for title, members in groups.items()]


def is_computed_with(leaf: ExplainedNode) -> bool:
    """Whether an input is a real number, or one from which the loss is computed: no key or counter of random draws."""
    return is_floating(leaf.node.array_type.dtype) or leaf.node in leaf.derivation.read_by_loss


def leaves_in_runs(leaves: Sequence[ExplainedNode]) -> list[list[ExplainedNode]]:
    """Inputs, those of a run of equal layers together: all of its weights, then all of its biases."""
    patterns = [(re.sub(r"\d+", "", leaf.name), str(leaf.node.type)) for leaf in leaves]
    return [
        list(leaves[first : start + period * times : period])
        for start, period, times in repeated(patterns, len(leaves))
        for first in range(start, start + period)
    ]


def title_of(origin: Origin, derivation: Derivation) -> str:
    """The group of what comes from there: its layer, or else the line, or else the loss, outside of the net."""
    return origin.layer or derivation.place(origin) or say("outside", derivation.language)


def norm(values: Iterable[np.ndarray | None]) -> float | None:
    """√Σx² over several arrays; None where there is none."""
    known = [value for value in values if value is not None]
    with np.errstate(all="ignore"):
        return float(np.sqrt(sum(float(np.sum(np.square(v.astype(np.float64)))) for v in known))) if known else None
