"""How the predictions of a report compare with the truth: confusion matrix, residual plots."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.explain.document import scrolling
from maplet.explain.markup import Markup, element, number
from maplet.explain.svg import Plot, drawing, label, label_width, text_width, value_scale
from maplet.train.formatting import short_number
from maplet.train.metrics.regression import rmse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from maplet.train.report.words import Words

_MOST_POINTS = 2000

_MOST_NUMBERS = 50  # with more classes, the matrix shows shades only

_MOST_LETTERS = 14

_STRONGEST = 0.62  # shade: text on it keeps its contrast


def confusion_figure(labels: Sequence[str], counts: NDArray[np.int64], say: Words) -> Markup:
    """The confusion matrix as a picture: row = true class, shaded by its share of that class."""
    classes = len(labels)
    cell = 46.0 if classes <= 10 else 34.0 if classes <= 20 else 22.0 if classes <= _MOST_NUMBERS else 11.0
    room = min(max(map(text_width, labels)), _MOST_LETTERS * 7.5) + 12
    across = room * 0.75 + 8 if max(map(len, labels)) > 3 or classes > 10 else 24.0
    left, top = room + 26, across + 26
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = counts / rows
    parts: list[Markup] = []
    for place, name in enumerate(labels):
        middle = (place + 0.5) * cell
        parts.append(_class_label(name, left - 8, top + middle + 4, "end"))
        slanted = f"rotate(-45 {number(left + middle)} {number(top - 8)})" if across > 24 else None
        parts.append(_class_label(name, left + middle, top - 8, "start" if slanted else "middle", slanted))
    for true, predicted in zip(*np.nonzero(counts), strict=True):
        count, share = int(counts[true, predicted]), float(shares[true, predicted])
        words = say("confusion cell", labels[true], labels[predicted], count, f"{share:.1%}")
        x, y = left + predicted * cell, top + true * cell
        shade = _STRONGEST * share**0.5
        inside: list[Markup] = [
            element("title", words),
            element(
                "rect", x=x, y=y, width=cell, height=cell, fill_opacity=shade,
                class_="right" if true == predicted else "wrong",
            ),
        ]  # fmt: skip
        if classes <= _MOST_NUMBERS:
            size = min(14.0, 1.5 * (cell - 4) / len(str(count)))
            inside.append(label(str(count), x + cell / 2, y + cell / 2 + size * 0.35, "middle", font_size=size))
        parts.append(element("g", inside))
    side = classes * cell
    grid = "".join(
        f"M{number(left)} {number(top + at)}h{number(side)}M{number(left + at)} {number(top)}v{number(side)}"
        for at in (np.arange(classes + 1) * cell).tolist()
    )
    parts.append(element("path", d=grid, class_="grid"))
    parts.append(label(say("predicted"), left + side / 2, 14.0, "middle", class_="name"))
    middle = top + side / 2
    turned = f"rotate(-90 14 {number(middle)})"
    parts.append(label(say("true"), 14.0, middle, "middle", class_="name", transform=turned))
    right = int(np.trace(counts))
    description = say("confusion words", right, int(counts.sum()))
    size = (left + side + max(across, 14.0), top + side + 4)
    svg = drawing(
        "confusion",
        say("confusion"),
        description,
        size,
        parts,
        least_width=(0.65 if classes <= 10 else 0.75) * size[0],
    )
    return element("figure", scrolling(svg, say("confusion")), class_="matrix")


def class_rows(labels: Sequence[str], counts: NDArray[np.int64]) -> list[list[Any]]:
    """Each class with precision, recall, f1 and its number of rows; 0/0 is "–" here."""
    hits, predicted, true = np.diagonal(counts).tolist(), counts.sum(axis=0).tolist(), counts.sum(axis=1).tolist()
    return [
        [name, _fraction(hit, given), _fraction(hit, held), _fraction(2 * hit, given + held), held]
        for name, hit, given, held in zip(labels, hits, predicted, true, strict=True)
    ]


def confusion_rows(labels: Sequence[str], counts: NDArray[np.int64], most: int = 10) -> list[list[Any]]:
    """The most frequent mistakes: true class, predicted class, how often, and its share of the true class."""
    wrong = counts - np.diag(np.diagonal(counts))
    places = np.argsort(-wrong, axis=None, kind="stable")[:most].tolist()
    rows: list[list[Any]] = []
    for place in places:
        true, predicted = divmod(place, len(labels))
        count = int(wrong[true, predicted])
        if count:
            rows.append([labels[true], labels[predicted], count, f"{count / counts[true].sum():.1%}"])
    return rows


def residual_figures(true: Sequence[float], predicted: Sequence[float], name: str, say: Words) -> list[Markup]:
    """Predicted against true, and the distribution of predicted − true."""
    pairs = np.array([true, predicted], dtype=np.float64)
    usable = np.all(np.abs(pairs) < 1e300, axis=0)  # NaN is not either
    left_out = int((~usable).sum())
    pairs = pairs[:, usable]
    if pairs.shape[1] == 0:
        return [element("p", say("no finite"))]
    note = say("left out", left_out) if left_out else ""
    return [_scatter(pairs, name, note, say), _histogram(pairs[1] - pairs[0], name, note, say)]


def _scatter(pairs: NDArray[np.float64], name: str, note: str, say: Words) -> Markup:
    total: int = len(pairs[0])
    most = min(total, _MOST_POINTS)
    kept = pairs[:, [place * (total - 1) // max(most - 1, 1) for place in range(most)]]
    y = value_scale([float(pairs.min()), float(pairs.max())], 310.0, 14.0)
    ticks = y.ticks(5)
    x = replace(y, start=34 + label_width(ticks), end=466 - label_width(ticks[-1:]) / 2)
    plot = Plot(x, y)
    error = rmse(pairs[1], pairs[0])
    words = say("scatter words", short_number(error))
    shown = say("scatter thinned", f"{_MOST_POINTS:,}", f"{total:,}") if total > _MOST_POINTS else ""
    svg = drawing(
        "scatter", say("scatter"), words, (480.0, 360.0),
        plot.frame(say("true name", name), say("predicted name", name), ticks, ticks),
        plot.dots(((a, b) for a, b in kept.T.tolist()), "points"),
        plot.line([(x.low, x.low), (x.high, x.high)], "exact"),
    )  # fmt: skip
    return _figure(say("scatter"), svg, words + shown + note)


def _histogram(residuals: NDArray[np.float64], name: str, note: str, say: Words) -> Markup:
    edges = _bins(residuals)
    counts = np.histogram(residuals, edges)[0]
    y = value_scale([0.0, float(counts.max())], 310.0, 14.0)
    ticks = [tick for tick in y.ticks(5) if tick == round(tick)]
    x = value_scale([float(edges[0]), float(edges[-1])], 34 + label_width(ticks), 462.0)
    x = replace(x, end=466 - label_width(x.ticks(5)[-1:]) / 2)
    plot = Plot(x, y)
    bars = [
        element(
            "rect",
            element("title", say("bar", short_number(low), short_number(high), count)),
            x=x(low), y=y(count), width=max(x(high) - x(low) - 1, 0.5), height=y.start - y(count), class_="bar",
        )
        for (low, high), count in zip(pairwise(edges.tolist()), counts.tolist(), strict=True)
        if count
    ]  # fmt: skip
    zero = plot.line([(0.0, y.low), (0.0, y.high)], "exact") if x.low <= 0 <= x.high else None
    words = say("residual words", short_number(float(residuals.mean())), short_number(float(residuals.std())))
    svg = drawing(
        "histogram", say("residuals"), words, (480.0, 360.0),
        plot.frame(say("residual axis", name), say("rows"), x.ticks(5), ticks), bars, zero,
    )  # fmt: skip
    return _figure(say("residuals"), svg, words + note)


def _bins(residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of 5 to 40 bins of equal width, by the rule of Freedman and Diaconis: 2 × interquartile range / ∛N."""
    low, high = float(residuals.min()), float(residuals.max())
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-280):
        margin = abs(low) / 2 or 0.5
        return np.linspace(low - margin, high + margin, 6)
    quarter, three_quarters = np.quantile(residuals, [0.25, 0.75])
    width = 2 * float(three_quarters - quarter) / len(residuals) ** (1 / 3)
    bins = 40 if width <= (high - low) / 40 else max(5, int(np.ceil((high - low) / width)))
    return np.linspace(low, high, bins + 1)


def _figure(title: str, svg: Markup, words: str) -> Markup:
    return element("figure", element("figcaption", title), svg, element("p", words, class_="words"), class_="chart")


def _class_label(name: str, x: float, y: float, anchor: str, turned: str | None = None) -> Markup:
    shown = name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 1] + "…"
    return element("text", element("title", name), shown, x=x, y=y, text_anchor=anchor, transform=turned)


def _fraction(above: int, below: int) -> float | None:
    return above / below if below else None
