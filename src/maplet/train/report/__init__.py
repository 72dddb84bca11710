"""The report of a run: one HTML file that needs nothing else, to look at, print and send round.

It holds no script and loads nothing (a content security policy in the page forbids both), follows the reader's choice
of light or dark, speaks English or Chinese, and the same data give the same bytes.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import DataError
from maplet.explain.document import document
from maplet.explain.markup import Content, Markup, element
from maplet.explain.svg import is_shown
from maplet.train.formatting import duration
from maplet.train.report.curves import NO_CURVE, best_value, curves
from maplet.train.report.findings import findings
from maplet.train.report.pieces import direction, facts, flat, plain, section, table, value
from maplet.train.report.predictions import class_rows, confusion_figure, confusion_rows, residual_figures
from maplet.train.report.words import Words
from maplet.train.report.worked import graphs, worked_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.train.report.contents import ReportData


def report_html(data: ReportData, language: str = "en") -> str:
    """The report of a run as one HTML page.

    Parameters
    ----------
    data
        See `ReportData`. All text in it is escaped.
    language
        ``"en"`` or ``"zh"``.

    Raises
    ------
    DataError
        When the confusion matrix does not have a row and a column for each label, or there are not as many predicted
        numbers as true ones.
    SettingError
        For another language.

    Examples
    --------
    >>> page = report_html({"title": "iris", "metrics": {"network": {"accuracy": 0.9667}}})
    >>> page.startswith("<!doctype html>"), "0.9667" in page
    (True, True)
    """
    say = Words(language)
    best = _best_epoch(data)
    parts = [
        _header(data, best, say),
        _results(data, say),
        _training(data, best, say),
        _findings(data, say),
        _classes(data, say),
        _numbers(data, say),
        _network(data, say),
        worked_row(data["worked"], say) if "worked" in data else None,
        *_graphs(data, say),
        facts(say("data"), data.get("data", {}), say),
        facts(say("settings"), data.get("settings", {}), say),
        _origin(data, say),
    ]
    style = files("maplet.train.report").joinpath("report.css").read_text(encoding="utf-8")
    return document(data["title"], language, style, parts)


# ── the parts of the page ────────────────────────────────────────────────────────────────────────


def _header(data: ReportData, best: int | None, say: Words) -> Markup:
    history = data.get("history", [])
    seconds = [record["seconds"] for record in history if is_shown(record.get("seconds"))]
    words = [say.counted("epochs", "epoch one", len(history))] if history else []
    words += [duration(sum(seconds))] if seconds else []
    words += [say("kept", best)] if best is not None and len(history) > 1 else []
    notes = [element("li", note) for note in data.get("notes", [])]
    task = [say.name(name)] if (name := data.get("task")) else []
    return element(
        "header",
        element("p", " · ".join(["maplet", *task]), class_="kicker"),
        element("h1", data["title"]),
        element("p", " · ".join(words), class_="words") if words else None,
        element("ul", notes, class_="notes", aria_label=say("notes")) if notes else None,
    )


def _results(data: ReportData, say: Words) -> Markup | None:
    """Test metrics: the first model's as large numbers, and all of them in a table."""
    metrics = data.get("metrics", {})
    if not metrics:
        return None
    first, *others = metrics
    cards = [
        element(
            "div",
            element("p", say.name(name), class_="name"),
            element("p", value(number, say), class_="large"),
            [
                element("p", f"{say.name(other)} ", value(metrics[other].get(name), say), class_="words")
                for other in others
            ],
            class_="card",
        )
        for name, number in list(metrics[first].items())[:4]
    ]
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    best = {name: _best_models(name, metrics) for name in names}
    rows = [
        [say.name(model), *(value(values.get(name), say, best=model in best[name]) for name in names)]
        for model, values in metrics.items()
    ]
    headings = [element("span", say.name(name), direction(name, say)) for name in names]
    shown = table(say("metrics"), [say("model"), *headings], rows)
    return section(say("results"), element("div", cards, class_="cards"), shown)


def _training(data: ReportData, best: int | None, say: Words) -> Markup | None:
    if "history" not in data:
        return None
    history = data["history"]
    if not history:
        return section(say("training part"), element("p", say("no epoch")))
    rates = {record["learning_rate"] for record in history if is_shown(record.get("learning_rate"))}
    constant = say("constant rate", f"{rates.pop():g}") if len(rates) == 1 else None
    charts = curves(history, best, say)
    if len(charts) % 2:  # two stand side by side: the last one gets company
        charts.append(_milestones(history, best, say))
    return section(
        say("training part"),
        element("div", charts, class_="charts"),
        element("p", constant, class_="words") if constant else None,
    )


def _milestones(history: Sequence[Mapping[str, Any]], best: int | None, say: Words) -> Markup:
    """What was measured in the first epoch, the one that was kept, and the last."""
    names = [name for name in dict.fromkeys(name for record in history for name in record) if name not in NO_CURVE]
    names = [name for name in names if any(is_shown(record.get(name)) for record in history)]
    epochs = [record.get("epoch", place) for place, record in enumerate(history, start=1)]
    wanted = {1: "first", len(history): "last"} | ({epochs.index(best) + 1: "kept milestone"} if best in epochs else {})
    rows = [
        [
            say(words, epochs[place - 1]),
            *(value(number if is_shown(number) else None, say) for number in map(history[place - 1].get, names)),
        ]
        for place, words in sorted(wanted.items())
    ]
    return table(say("milestones"), [say("epoch"), *(say.name(name).replace("_", " ") for name in names)], rows)


def _findings(data: ReportData, say: Words) -> Markup | None:
    if "findings" not in data:
        return None
    watched, epochs = data.get("watched", 0), len(data.get("history", ()))
    return findings(data["findings"], data.get("diagnoses", ()), watched, epochs, say)


def _classes(data: ReportData, say: Words) -> Markup | None:
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
    headings = [say("class"), *map(say.name, ("precision", "recall", "f1")), say("rows")]
    rows = [[name, *(value(number, say) for number in values)] for name, *values in class_rows(labels, counts)]
    tables: list[Content] = [table(say("each class"), headings, rows)]
    if mistakes:
        headings = [say("true"), say("predicted"), say("rows"), say("of the class")]
        tables.append(table(say("mistakes"), headings, mistakes))
    figure = confusion_figure(labels, counts, say)
    above, beside = (None, [figure, *tables]) if len(labels) <= 10 else (figure, tables)
    return section(say("predictions"), above, element("div", beside, class_="charts"))


def _numbers(data: ReportData, say: Words) -> Markup | None:
    if "predictions" not in data:
        return None
    given = data["predictions"]
    if len(given["true"]) != len(given["predicted"]):
        raise DataError(f"{len(given['predicted'])} predicted numbers were given for {len(given['true'])} true ones")
    figures = residual_figures(given["true"], given["predicted"], given["name"], say)
    return section(say("predictions"), element("div", figures, class_="charts"))


def _network(data: ReportData, say: Words) -> Markup | None:
    rows = data.get("network", [])
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row))
    total = sum(row["parameters"] for row in rows if isinstance(row.get("parameters"), int))
    cells = [
        [f"{cell:,}" if isinstance(cell, int) else plain(cell, say) for cell in map(row.get, names)] for row in rows
    ]
    return section(say("network"), table(say("parameters", f"{total:,}"), [*map(say.name, names)], cells))


def _graphs(data: ReportData, say: Words) -> list[Markup]:
    if "worked" in data:
        return graphs(data["worked"].derivation, say, of_zeros=False)
    return graphs(data["derivation"], say, of_zeros=True) if "derivation" in data else []


def _origin(data: ReportData, say: Words) -> Markup | None:
    """The manifest: all that is needed to come to the same numbers again."""
    command = data.get("command")
    repeat = element("pre", element("code", command)) if command else None
    versions = ", ".join(f"{name} {plain(number, say)}" for name, number in flat(data.get("versions", {})))
    lines = {**data.get("manifest", {}), **({"versions": versions} if versions else {})}
    if not (repeat or lines):
        return None
    pairs = [
        element("div", element("dt", say.name(name)), element("dd", plain(fact, say))) for name, fact in lines.items()
    ]
    return section(say("repeat"), repeat, element("dl", pairs, class_="list") if pairs else None)


# ── which is best ────────────────────────────────────────────────────────────────────────────────


def _best_models(name: str, metrics: Mapping[str, Mapping[str, float]]) -> set[str]:
    """The models with the best value of a metric: more than one when they are equal, none when there is one model."""
    models = list(metrics)
    values = [metrics[model].get(name) for model in models]
    place = best_value(name, values)
    if place is None or len(models) < 2:
        return set()
    return {model for model, number in zip(models, values, strict=True) if number == values[place]}


def _best_epoch(data: ReportData) -> int | None:
    if "best_epoch" in data:
        return data["best_epoch"]
    history = data.get("history", [])
    name = "val_loss" if any("val_loss" in record for record in history) else "loss"
    place = best_value(name, [record.get(name) for record in history])
    return None if place is None else history[place].get("epoch", place + 1)
