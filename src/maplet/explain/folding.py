"""Folding: a large program as a few groups of steps, by layer; outside of layers, by line of the user's code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maplet.errors import SettingError
from maplet.explain.words import say
from maplet.messages import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """

    title: str
    steps: tuple[ExplainedNode, ...]

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
    if unfold is True or (unfold is False and len(steps) <= most_steps):
        return [Fold(step.name, (step,)) for step in steps]
    groups = by_layer(derivation)
    titles = [group.title for group in groups]
    wanted = [title for title in titles if isinstance(unfold, str) and f"{title}.".startswith(f"{unfold}.")]
    if isinstance(unfold, str) and not wanted:
        raise SettingError(f"unfold={unfold!r}: there is no such group", fix=suggest(unfold, titles, kind="groups"))
    found: list[Fold] = []
    for group in groups:
        found += [Fold(step.name, (step,)) for step in group.steps] if group.title in wanted else [group]
    return found


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
