"""The report of a finished run: one HTML file that needs nothing else, to look at, print and send round.

It holds no script and loads nothing (a content security policy in the page forbids both), follows the reader's choice
of light or dark, and the same data give the same bytes.
"""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Required, TypedDict, cast

import numpy as np

from maplet.errors import DataError
from maplet.explain.markup import Content, Markup, element
from maplet.explain.svg import is_shown
from maplet.train.formatting import duration, short_number
from maplet.train.metrics import higher_is_better
from maplet.train.report.curves import NO_CURVE, best_value, curves
from maplet.train.report.predictions import class_rows, confusion_figure, confusion_rows, residual_figures

_MOST_LINES, _MOST_ITEMS = 50, 200  # of a fact; config.json and the model hold the rest


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
    confusion, predictions
        For classes and for numbers.
    data, settings, versions
        Facts by name; their values may be lists and dicts.
    network
        A row per layer, by column: ``{"layer": "0 Linear", "settings": "64 → 32", "output shape": "(N, 32)",
        "parameters": 2080}``. The parameters are added up.
    """

    title: Required[str]
    task: str
    command: str
    notes: Sequence[str]
    metrics: Mapping[str, Mapping[str, float]]
    history: Sequence[Mapping[str, Any]]
    best_epoch: int | None
    confusion: Confusion
    predictions: Predictions
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    network: Sequence[Mapping[str, Any]]
    versions: Mapping[str, Any]


def report_html(data: ReportData) -> str:
    """The report of a run as one HTML page.

    Parameters
    ----------
    data
        See `ReportData`. All text in it is escaped.

    Raises
    ------
    DataError
        When the confusion matrix does not have a row and a column for each label, or there are not as many predicted
        numbers as true ones.

    Examples
    --------
    >>> page = report_html({"title": "iris", "metrics": {"network": {"accuracy": 0.9667}}})
    >>> page.startswith("<!doctype html>"), "0.9667" in page
    (True, True)
    """
    style = files("maplet.train.report").joinpath("report.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{data['title']} – maplet"),
        element("style", Markup(style)),
    )
    best = _best_epoch(data)
    parts = [
        _header(data, best),
        _results(data),
        _training(data, best),
        _classes(data),
        _numbers(data),
        _network(data),
        _facts("Data", data.get("data", {})),
        _facts("Settings", data.get("settings", {})),
        _origin(data),
    ]
    body = element("body", element("main", parts))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


# ── the parts of the page ────────────────────────────────────────────────────────────────────────


def _header(data: ReportData, best: int | None) -> Markup:
    history = data.get("history", [])
    seconds = [record["seconds"] for record in history if is_shown(record.get("seconds"))]
    words = [_counted(len(history), "epoch")] if history else []
    words += [duration(sum(seconds))] if seconds else []
    words += [f"kept epoch {best}"] if best is not None and len(history) > 1 else []
    notes = [element("li", note) for note in data.get("notes", [])]
    return element(
        "header",
        element("p", " · ".join(["maplet", *filter(None, [data.get("task")])]), class_="kicker"),
        element("h1", data["title"]),
        element("p", " · ".join(words), class_="words") if words else None,
        element("ul", notes, class_="notes", aria_label="Notes") if notes else None,
    )


def _results(data: ReportData) -> Markup | None:
    """Test metrics: the first model's as large numbers, and all of them in a table."""
    metrics = data.get("metrics", {})
    if not metrics:
        return None
    first, *others = metrics
    cards = [
        element(
            "div",
            element("p", name, class_="name"),
            element("p", _value(value), class_="large"),
            [element("p", f"{other} ", _value(metrics[other].get(name)), class_="words") for other in others],
            class_="card",
        )
        for name, value in list(metrics[first].items())[:4]
    ]
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    best = {name: _best_models(name, metrics) for name in names}
    rows = [
        [model, *(_value(values.get(name), best=model in best[name]) for name in names)]
        for model, values in metrics.items()
    ]
    headings = [element("span", name, _direction(name)) for name in names]
    table = _table("Metrics on the test part", ["model", *headings], rows)
    return _section("Results", element("div", cards, class_="cards"), table)


def _training(data: ReportData, best: int | None) -> Markup | None:
    if "history" not in data:
        return None
    history = data["history"]
    if not history:
        return _section("Training", element("p", "No epoch was finished."))
    rates = {record["learning_rate"] for record in history if is_shown(record.get("learning_rate"))}
    constant = f"The learning rate was {rates.pop():g} throughout." if len(rates) == 1 else None
    charts = curves(history, best)
    if len(charts) % 2:  # two stand side by side: the last one gets company
        charts.append(_milestones(history, best))
    return _section(
        "Training",
        element("div", charts, class_="charts"),
        element("p", constant, class_="words") if constant else None,
    )


def _milestones(history: Sequence[Mapping[str, Any]], best: int | None) -> Markup:
    """What was measured in the first epoch, the one that was kept, and the last."""
    names = [name for name in dict.fromkeys(name for record in history for name in record) if name not in NO_CURVE]
    names = [name for name in names if any(is_shown(record.get(name)) for record in history)]
    epochs = [record.get("epoch", place) for place, record in enumerate(history, start=1)]
    wanted = {1: "first", len(history): "last"} | ({epochs.index(best) + 1: "kept"} if best in epochs else {})
    rows = [
        [
            f"{words}: {epochs[place - 1]}",
            *(_value(value if is_shown(value) else None) for value in map(history[place - 1].get, names)),
        ]
        for place, words in sorted(wanted.items())
    ]
    return _table("Milestones", ["epoch", *(name.replace("_", " ") for name in names)], rows)


def _classes(data: ReportData) -> Markup | None:
    if "confusion" not in data:
        return None
    labels = [str(label) for label in data["confusion"]["labels"]]
    counts = np.array(data["confusion"]["counts"], dtype=np.int64)
    if counts.shape != (len(labels), len(labels)) or not labels:
        raise DataError(
            f"a confusion matrix of shape {counts.shape} was given for {len(labels)} labels",
            fix="give one row and one column for each label",
        )
    mistakes = confusion_rows(labels, counts)
    headings = ["class", "precision", "recall", "f1", "rows"]
    rows = [[name, *map(_value, values)] for name, *values in class_rows(labels, counts)]
    tables = [_table("Each class", headings, rows)]
    if mistakes:
        tables.append(_table("Most frequent mistakes", ["true", "predicted", "rows", "of the class"], mistakes))
    figure = confusion_figure(labels, counts)
    above, beside = (None, [figure, *tables]) if len(labels) <= 10 else (figure, tables)
    return _section("Predictions", above, element("div", beside, class_="charts"))


def _numbers(data: ReportData) -> Markup | None:
    if "predictions" not in data:
        return None
    given = data["predictions"]
    if len(given["true"]) != len(given["predicted"]):
        raise DataError(f"{len(given['predicted'])} predicted numbers were given for {len(given['true'])} true ones")
    figures = residual_figures(given["true"], given["predicted"], given["name"])
    return _section("Predictions", element("div", figures, class_="charts"))


def _network(data: ReportData) -> Markup | None:
    rows = data.get("network", [])
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row))
    total = sum(row["parameters"] for row in rows if isinstance(row.get("parameters"), int))
    cells = [[f"{cell:,}" if isinstance(cell, int) else _plain(cell) for cell in map(row.get, names)] for row in rows]
    return _section("Network", _table(f"{total:,} parameters", names, cells))


def _facts(title: str, facts: Mapping[str, Any]) -> Markup | None:
    if not facts:
        return None
    pairs = [(element("dt", name), element("dd", _fact(value))) for name, value in facts.items()]
    return _section(title, element("dl", [element("div", *pair) for pair in pairs]))


def _fact(value: Any) -> Content:
    """A fact; what is itself a list of facts stands line by line, the first ones of very many."""
    if not isinstance(value, Mapping) or not value:
        return _plain(value)
    inner = _flat(cast("Mapping[str, Any]", value))
    lines: list[Content] = [
        element("li", element("span", f"{name} ", class_="words"), _plain(part)) for name, part in inner[:_MOST_LINES]
    ]
    if len(inner) > _MOST_LINES:
        lines.append(element("li", f"and {len(inner) - _MOST_LINES:,} more", class_="words"))
    return element("ul", lines)


def _origin(data: ReportData) -> Markup | None:
    command = data.get("command")
    repeat = element("pre", element("code", command)) if command else None
    versions = ", ".join(f"{name} {_plain(value)}" for name, value in _flat(data.get("versions", {})))
    if not (repeat or versions):
        return None
    return _section("How to repeat it", repeat, element("p", versions, class_="words") if versions else None)


# ── pieces ───────────────────────────────────────────────────────────────────────────────────────


def _section(title: str, *content: Content) -> Markup:
    return element("section", element("h2", title), *content)


def _table(caption: str, headings: Sequence[Content], rows: Sequence[Sequence[Any]]) -> Markup:
    """A table; numbers stand to the right, and it scrolls by itself where the page is narrow."""
    numeric = [
        place > 0
        and any(_is_number(row[place]) for row in rows)
        and all(_is_number(row[place]) or row[place] in ("–", "") for row in rows)
        for place in range(len(headings))
    ]
    top = [
        element("th", name, scope="col", class_="number" if right else None)
        for name, right in zip(headings, numeric, strict=True)
    ]
    lines = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            [
                element("td", cell, class_="number" if right else None)
                for cell, right in zip(row[1:], numeric[1:], strict=True)
            ],
        )
        for row in rows
    ]
    table = element("table", element("caption", caption), element("thead", element("tr", top)), element("tbody", lines))
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _is_number(cell: object) -> bool:
    """Whether a cell holds a number; those with many digits come as `data` elements, see `_value`."""
    if isinstance(cell, Markup):
        return cell.startswith(("<data", "<strong"))
    return isinstance(cell, int | float) or bool(re.fullmatch(r"[\d,.]+%?", str(cell)))


def _value(value: Any, *, best: bool = False) -> Content:
    """A number in four digits that carries all of them with it."""
    if value is None:
        return "–"
    shown = element("data", short_number(value), value=repr(value), title=repr(value))
    if not best:
        return shown
    return element("strong", shown, element("span", " (best)", class_="unseen"), class_="best")


def _direction(name: str) -> Markup | None:
    higher = higher_is_better(name)
    if higher is None:
        return None
    arrow, words = ("↑", " (higher is better)") if higher else ("↓", " (lower is better)")
    return element("span", element("span", f" {arrow}", aria_hidden="true"), element("span", words, class_="unseen"))


def _best_models(name: str, metrics: Mapping[str, Mapping[str, float]]) -> set[str]:
    """The models with the best value of a metric: more than one when they are equal, none when there is one model."""
    models = list(metrics)
    values = [metrics[model].get(name) for model in models]
    place = best_value(name, values)
    if place is None or len(models) < 2:
        return set()
    return {model for model, value in zip(models, values, strict=True) if value == values[place]}


def _best_epoch(data: ReportData) -> int | None:
    if "best_epoch" in data:
        return data["best_epoch"]
    history = data.get("history", [])
    name = "val_loss" if any("val_loss" in record for record in history) else "loss"
    place = best_value(name, [record.get(name) for record in history])
    return None if place is None else history[place].get("epoch", place + 1)


def _flat(facts: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Facts by name; those inside another as "outer: inner"."""
    found: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            found += _flat(cast("Mapping[str, Any]", value), f"{before}{name}: ")
        else:
            found.append((f"{before}{name}", cast("Any", value)))
    return found


def _plain(value: Any) -> str:
    """Any JSON value as people write it; numbers keep all their digits."""
    if value is None or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        more = f" and {len(items) - _MOST_ITEMS:,} more" if len(items) > _MOST_ITEMS else ""
        return ", ".join(_plain(item) for item in items[:_MOST_ITEMS]) + more or "none"
    return str(value)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
