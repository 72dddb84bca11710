"""The curves of a report: what training measured, over the epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from maplet.explain.markup import Markup, element, number
from maplet.explain.svg import Plot, Scale, drawing, is_shown, label, label_width, nice_step, text_width, value_scale
from maplet.train.formatting import short_number
from maplet.train.metrics import higher_is_better

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.train.report.words import Words

_SIZE = (480.0, 290.0)

_MOST_DOTS = 40

_MOST_POINTS = 2000

NO_CURVE = {"epoch", "seconds"}


class Curve(NamedTuple):
    """One line of a chart; a value that is None, NaN or infinite is a gap."""

    name: str
    values: list[Any]
    style: str


def curves(history: Sequence[Mapping[str, Any]], best_epoch: int | None, say: Words) -> list[Markup]:
    """A chart of the loss, of each metric, and of the learning rate where it changes."""
    names = list(dict.fromkeys(name for record in history for name in record))
    epochs = [record.get("epoch", place + 1) for place, record in enumerate(history)]
    charts: list[Markup] = []
    for name in dict.fromkeys(name.removeprefix("val_") for name in names if name not in NO_CURVE):
        lines = [
            Curve(say(words), [record.get(key) for record in history], style)
            for key, words, style in ((name, "training", "training"), (f"val_{name}", "validation", "validation"))
            if key in names
        ]
        shown = {value for line in lines for value in line.values if is_shown(value)}
        if not shown or (name == "learning_rate" and len(shown) == 1):
            continue
        if name == "learning_rate":
            lines = [line._replace(name=say.name("learning rate"), style="neutral") for line in lines]
        mark = None if name == "learning_rate" else best_epoch
        charts.append(chart(f"curve-{len(charts)}", name, epochs, lines, mark, say=say))
    return charts


def chart(
    identifier: str, name: str, epochs: Sequence[float], lines: Sequence[Curve], best_epoch: int | None, *, say: Words
) -> Markup:
    """Lines over epochs, with the best epoch marked."""
    title = say.name(name).replace("_", " ")
    shown = [value for line in lines for value in line.values if is_shown(value)]
    highest = 1.0 if higher_is_better(name) and max(shown) <= 1 else None  # nobody is right more often than always
    y = value_scale(shown, _SIZE[1] - 50, 34.0, may_be_logarithmic=_falls(name), highest=highest)
    y_ticks = y.ticks(6)
    left = (34 if y.logarithmic else 14) + label_width(y_ticks)
    x = _epoch_scale(epochs, left, _SIZE[0] - 14)
    plot = Plot(x, y)
    parts: list[Markup | None] = [
        plot.frame(say("epoch"), say("log scale") if y.logarithmic else "", _epoch_ticks(epochs), y_ticks)
    ]
    for line in lines:
        points = list(zip(epochs, line.values, strict=True))
        kept = thinned(points) if len(points) > _MOST_POINTS else points
        parts.append(plot.line([point if is_shown(point[1]) else None for point in kept], f"curve {line.style}"))
        if len(points) <= _MOST_DOTS:
            parts += [_dot(plot, line, *point, say) for point in points if is_shown(point[1])]
    has_legend = lines[0].style != "neutral"
    room = x.end - (left + sum(_legend_width(line) for line in lines if has_legend))
    parts += [
        _legend(lines, left) if has_legend else None,
        _best_mark(plot, epochs, lines[-1], best_epoch, say, room=room),
    ]
    svg = drawing(identifier, title, _in_words(name, epochs, lines, say), _SIZE, parts)
    return element("figure", element("figcaption", title), svg, class_="chart")


def thinned(points: Sequence[tuple[float, Any]]) -> list[tuple[float, Any]]:
    """Of each run of neighbours the least and the greatest, in their order: no spike is lost, and gaps stay gaps."""
    length = -(-len(points) // (_MOST_POINTS // 2))
    kept: list[tuple[float, Any]] = []
    for start in range(0, len(points), length):
        part = [point for point in points[start : start + length] if is_shown(point[1])]
        if len(part) < len(points[start : start + length]):
            kept.append((points[start][0], None))
        if part:
            ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
            kept += sorted(ends)
    return kept


def best_value(name: str, values: Sequence[Any]) -> int | None:
    """The place of the best of some values; None where no direction or no value is known."""
    places = [place for place, value in enumerate(values) if is_shown(value)]
    higher = higher_is_better(name)
    if higher is None or not places:
        return None
    return (max if higher else min)(places, key=lambda place: values[place])


def _falls(name: str) -> bool:
    """Whether a value falls towards zero as training goes on, so that a logarithmic axis may suit it."""
    return name == "learning_rate" or higher_is_better(name) is False


def _epoch_scale(epochs: Sequence[float], left: float, right: float) -> Scale:
    low, high = min(epochs), max(epochs)
    return Scale(low, high, left, right) if low < high else Scale(low - 1, high + 1, left, right)


def _epoch_ticks(epochs: Sequence[float]) -> list[float]:
    low, high = math.ceil(min(epochs)), math.floor(max(epochs))
    step = max(1, math.ceil(nice_step((high - low) / 8))) if low < high else 1
    return [float(tick) for tick in range(math.ceil(low / step) * step, high + 1, step)]


def _dot(plot: Plot, line: Curve, epoch: float, value: float, say: Words) -> Markup:
    words = element("title", say("dot", line.name, epoch, short_number(value)))
    return element("circle", words, cx=plot.x(epoch), cy=plot.y(value), r=3, class_=f"dot {line.style}")


def _legend(lines: Sequence[Curve], left: float) -> Markup:
    parts: list[Markup] = []
    for line in lines:
        parts.append(element("path", d=f"M{number(left)} 14h24", class_=f"curve {line.style}"))
        parts.append(label(line.name, left + 30, 18.0, "start"))
        left += _legend_width(line)
    return element("g", parts)


def _legend_width(line: Curve) -> float:
    return 50 + text_width(line.name)


def _best_mark(
    plot: Plot, epochs: Sequence[float], line: Curve, best_epoch: int | None, say: Words, *, room: float
) -> Markup | None:
    """A vertical line at the epoch whose weights were kept, a ring around its value, and the value if there is room."""
    if best_epoch is None or best_epoch not in epochs or len(epochs) < 2:
        return None
    at, value = plot.x(best_epoch), line.values[list(epochs).index(best_epoch)]
    parts = [element("path", d=f"M{number(at)} {number(plot.y.start)}V{number(plot.y.end - 8)}", class_="best-line")]
    words = say("kept", best_epoch)  # that of the best validation loss: another metric may be better elsewhere
    if is_shown(value):
        parts.append(element("circle", cx=at, cy=plot.y(value), r=5.5, class_="best-ring"))
        whole = say("kept value", best_epoch, short_number(value))
        words = whole if text_width(whole) <= room else words
    parts.append(label(words, plot.x.end, 18.0, "end"))
    return element("g", parts, class_="best-mark")


def _in_words(name: str, epochs: Sequence[float], lines: Sequence[Curve], say: Words) -> str:
    """What a chart shows, for those who cannot see it."""
    sentences: list[str] = []
    for line in lines:
        shown = [value for value in line.values if is_shown(value)]
        if not shown:
            continue
        sentence = say("course", line.name, short_number(shown[0]), short_number(shown[-1]), len(epochs))
        place = best_value(name, line.values)
        if place is not None:
            sentence += say("best in", short_number(line.values[place]), epochs[place])
        sentences.append(sentence)
    return say.pause().join(sentences) + say.stop()
