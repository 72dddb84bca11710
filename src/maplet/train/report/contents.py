"""What a report tells, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.explain.derivation import Derivation
    from maplet.train.report.findings import Diagnosed, Found
    from maplet.train.report.worked import Worked


class Confusion(TypedDict):
    """The confusion matrix of the test part: counts[true][predicted], and the name of each class."""

    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


class Predictions(TypedDict):
    """The numbers of the test part, in the target's own unit, and what they are called."""

    name: str
    true: Sequence[float]
    predicted: Sequence[float]


class ReportData(TypedDict, total=False):
    """What a report tells; only the title is needed, and each part that is not given is left out.

    Attributes
    ----------
    title, task, command
        The name of the run, ``"classification"`` or ``"regression"``, and the command that repeats it.
    notes
        Warnings and remarks, shown at the top.
    metrics
        Test metrics by model and name; the first model is the one that the run is about:
        ``{"network": {"accuracy": 0.97}, "linear model": {"accuracy": 0.93}, "baseline": {"accuracy": 0.37}}``.
    history
        A record per epoch, as `fit` keeps them; None and NaN are gaps in the curves.
    best_epoch
        The epoch whose weights were kept; if not given, that of the least ``val_loss``, or else ``loss``.
    findings
        What the lint had to say before the first step; None where it did not look.
    diagnoses, watched
        What the doctor has to say, and how many steps he saw.
    confusion, predictions
        For classes and for numbers.
    worked
        One row and its derivation, from which the graphs are drawn.
    derivation
        That of a row of zeros, for the graphs, where there is no other.
    data, settings
        Facts by name; their values may be lists and dicts.
    network
        A row per layer, by column: ``{"layer": "0 Linear", "settings": "64 → 32", "output shape": "(N, 32)",
        "parameters": 2080}``. The parameters are added up.
    manifest, versions
        What the numbers depend on: the seed, the hash of the data, the versions.
    """

    title: Required[str]
    task: str
    command: str
    notes: Sequence[str]
    metrics: Mapping[str, Mapping[str, float]]
    history: Sequence[Mapping[str, Any]]
    best_epoch: int | None
    findings: Sequence[Found] | None
    diagnoses: Sequence[Diagnosed]
    watched: int
    confusion: Confusion
    predictions: Predictions
    worked: Worked
    derivation: Derivation
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    network: Sequence[Mapping[str, Any]]
    manifest: Mapping[str, Any]
    versions: Mapping[str, Any]
