"""Metrics by name: what is measured over a whole set, and which direction is better.

====================================  ======================================================
name                                  what
====================================  ======================================================
accuracy, top_3_accuracy …            share of rows that are right, or right among k classes
precision, recall, f1                 of class 1 of two; for more classes, macro averages
macro_f1, micro_f1, weighted_f1 …     the average named, of precision, recall or f1
mse, rmse, mae                        squared, root of squared, absolute error
r2                                    share of variance explained
====================================  ======================================================

A metric of your own is any function of (prediction, target) that returns a number.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, cast, get_args

from maplet.errors import SettingError
from maplet.messages import shown, suggest
from maplet.nn.losses import losses
from maplet.train.metrics.classification import (
    Average,
    accuracy,
    confusion_matrix,
    f1,
    precision,
    recall,
    top_k_accuracy,
)
from maplet.train.metrics.regression import mae, mse, r2, rmse

__all__ = [
    "METRICS",
    "Metric",
    "MetricLike",
    "accuracy",
    "as_metrics",
    "confusion_matrix",
    "f1",
    "find_metric",
    "higher_is_better",
    "mae",
    "mse",
    "precision",
    "r2",
    "recall",
    "rmse",
    "top_k_accuracy",
]


@dataclass(frozen=True)
class Metric:
    """A measure of predictions, by name.

    Parameters
    ----------
    name
        The column of the history, and ``val_`` + name for the validation set.
    function
        (prediction, target) → a number, over a whole set.
    higher_is_better
        None when that is not known.

    Examples
    --------
    >>> from statistics import fmean
    >>> bias = Metric("bias", lambda prediction, target: fmean(prediction) - fmean(target))
    >>> bias([1.0, 3.0], [1.0, 2.0])
    0.5
    """

    name: str
    function: Callable[..., Any]
    higher_is_better: bool | None = None

    def __call__(self, prediction: Any, target: Any) -> float:
        """The measure; `SettingError` when the function returns something else than one number."""
        value = self.function(prediction, target)
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise SettingError(
                f"the metric {self.name!r} returned {type(value).__name__} "
                f"of shape {getattr(value, 'shape', '()')}, one number was expected",
                fix="take a mean or a sum over it",
            ) from error


MetricLike: TypeAlias = str | Metric | Callable[[Any, Any], Any]

_by_class: dict[str, Callable[..., float]] = {"precision": precision, "recall": recall, "f1": f1}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in [
        Metric("accuracy", accuracy, higher_is_better=True),
        *(Metric(name, measure, higher_is_better=True) for name, measure in _by_class.items()),
        *(
            Metric(f"{average}_{name}", partial(measure, average=average), higher_is_better=True)
            for average in get_args(Average)
            for name, measure in _by_class.items()
        ),
        Metric("mse", mse, higher_is_better=False),
        Metric("rmse", rmse, higher_is_better=False),
        Metric("mae", mae, higher_is_better=False),
        Metric("r2", r2, higher_is_better=True),
    ]
}
"""Every metric that has a fixed name; `top_k_accuracy` has one for each k: ``"top_5_accuracy"``."""

_RESERVED = {"epoch", "loss", "learning_rate", "seconds"}

_LOSSES = {"loss", *losses}


def find_metric(name: str) -> Metric:
    """The metric of a name.

    Raises
    ------
    SettingError
        When there is none; the nearest names are offered.

    Examples
    --------
    >>> find_metric("top_2_accuracy")([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [1, 0])
    0.5
    >>> find_metric("acuracy")
    Traceback (most recent call last):
    maplet.errors.SettingError: there is no metric 'acuracy'
      fix: did you mean 'accuracy' or 'top_5_accuracy'?
    """
    if name in METRICS:
        return METRICS[name]
    if top := re.fullmatch(r"top_([1-9]\d*)_accuracy", name):
        return Metric(name, partial(top_k_accuracy, k=int(top[1])), higher_is_better=True)
    raise SettingError(f"there is no metric {name!r}", fix=suggest(name, [*METRICS, "top_5_accuracy"], kind="metrics"))


def as_metrics(metrics: Sequence[MetricLike]) -> dict[str, Metric]:
    """The metrics of a training by name, from names, functions of (prediction, target) or `Metric`.

    Raises
    ------
    SettingError
        When a name is not known, stands twice, or is one that the history uses for something else; when a function has
        no name of its own, as a lambda has not.

    Examples
    --------
    >>> list(as_metrics(["accuracy", "f1", mae]))
    ['accuracy', 'f1', 'mae']
    """
    if not isinstance(cast("Any", metrics), list | tuple):
        one = repr(metrics) if isinstance(metrics, str) else getattr(metrics, "__name__", '"accuracy"')
        raise SettingError(f"metrics is {shown(metrics)}; a list was expected", fix=f"metrics=[{one}]")
    found = [_as_metric(metric) for metric in metrics]
    names = [metric.name for metric in found]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"two metrics are called {name!r}", fix=f'rename one: Metric("{name}_2", …)')
        if name in _RESERVED or name.startswith("val_"):
            raise SettingError(
                f"a metric cannot be called {name!r}: the history uses that name", fix='rename it: Metric("my_name", …)'
            )
    return dict(zip(names, found, strict=True))


def higher_is_better(name: str) -> bool | None:
    """Whether a column of the history, or a test metric, is better when it is greater; None when that is not known.

    Examples
    --------
    >>> higher_is_better("val_loss"), higher_is_better("val_accuracy"), higher_is_better("seconds")
    (False, True, None)
    """
    name = name.removeprefix("val_").removeprefix("test_")
    if name in _LOSSES:
        return False
    try:
        return find_metric(name).higher_is_better
    except SettingError:
        return None


def _as_metric(metric: MetricLike) -> Metric:
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str):
        return find_metric(metric)
    if isinstance(metric, type) or not callable(metric):
        raise SettingError(
            f"{shown(metric)} is no metric; a name, a function of (prediction, target) or a Metric was expected",
            fix='metrics=["accuracy"], or a function of yours',
        )
    function = cast("Any", metric).func if isinstance(metric, partial) else metric
    name = getattr(function, "__name__", "<nameless>")
    if name.startswith("<"):
        raise SettingError(f"the metric {metric!r} has no name", fix='give it one: Metric("my_name", function)')
    known = METRICS.get(name)
    same = known is not None and known.function is function
    return Metric(
        name, cast("Callable[..., Any]", metric), known.higher_is_better if known is not None and same else None
    )
