"""Folding: a large program as a few groups of steps, by layer; outside of layers, by line of the user's code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.graph import constant_primitive
from maplet.errors import SettingError
from maplet.explain.words import say
from maplet.messages import shown, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from maplet.core.context import Origin
    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode

most_steps = 80  # that are shown one by one
most_operations = 3  # that are named in the title of a group


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
    """

    title: str
    steps: tuple[ExplainedNode, ...]
    is_opened: bool = False

    @property
    def operations(self) -> str:
        """What it computes: ``matmul, add``; ``5 × sin`` for what comes often."""
        counts = Counter(step.operation for step in self.steps).most_common()
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
        True for every step; the title of a group, or the beginning of several, for the steps of these.

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
    if unfold is True or (unfold is False and len(steps) <= most_steps):
        return _each(steps)
    found: list[Fold] = []
    groups = by_layer(derivation)
    for group in groups:
        is_wanted = unfold and f"{group.title}.".startswith(f"{unfold}.")
        found += _each(group.steps) if is_wanted else [group]
    if unfold is not False and not any(fold.is_opened for fold in found):
        titles = [group.title for group in groups]
        raise SettingError(
            f"unfold={shown(unfold)}: there is no such group", fix=suggest(unfold, titles, kind="groups")
        )
    return found


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


def title_of(origin: Origin, derivation: Derivation) -> str:
    """The group of what comes from there: its layer, or else the line, or else the loss, outside of the net."""
    return origin.layer or derivation.place(origin) or say("outside", derivation.language)


def norm(values: Iterable[np.ndarray | None]) -> float | None:
    """√Σx² over several arrays; None where there is none."""
    known = [value for value in values if value is not None]
    with np.errstate(all="ignore"):
        return float(np.sqrt(sum(float(np.sum(np.square(v.astype(np.float64)))) for v in known))) if known else None
