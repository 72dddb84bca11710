"""Boxes and arrows as a drawing; each box is a link to what is said about it, and says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.explain.layout import places
from maplet.explain.markup import Markup, element, number
from maplet.explain.svg import drawing, label, text_width
from maplet.explain.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.explain.picture import Box

letter, line_height, padding = 7.3, 17.0, 10.0  # of the 12 px letters in a box, all of one width
gap, layer_gap, margin = 22.0, 40.0, 14.0


def graph_svg(
    found: Sequence[Box], arrows: Sequence[tuple[int, int]], title: str, anchor: str, language: str
) -> Markup:
    """A graph, what comes first at the top; box n leads to ``#anchor-n`` of the page."""
    widths = [_width(box) for box in found]
    x, layer = places(widths, arrows, gap)
    heights = [line_height * (1 + len(box.lines)) + 2 * padding for box in found]
    tops = _tops(heights, layer)
    x = [place + margin for place in x]
    lines = [
        _arrow((x[start], tops[layer[start]] + heights[start]), (x[end], tops[layer[end]]), start, end)
        for start, end in arrows
    ]
    drawn = [
        _drawn(box, f"{anchor}-{n}", (x[n], tops[layer[n]]), (widths[n], heights[n])) for n, box in enumerate(found)
    ]
    width = max((at + w / 2 for at, w in zip(x, widths, strict=True)), default=0.0) + margin
    height = max((tops[layer[n]] + h for n, h in enumerate(heights)), default=0.0) + margin
    words = say("boxes", language, len(found), len(arrows))
    size = (width, height)
    return drawing(f"{anchor}-graph", title, words, size, lines, drawn, least_width=width, role="group")


def _width(box: Box) -> float:
    return max(40.0, *(text_width(line, letter) for line in (box.title, *box.lines))) + 2 * padding


def _tops(heights: Sequence[float], layer: Sequence[int]) -> dict[int, float]:
    """Where each layer begins, from the top."""
    tallest: dict[int, float] = {}
    for height, at in zip(heights, layer, strict=True):
        tallest[at] = max(tallest.get(at, 0.0), height)
    tops: dict[int, float] = {}
    at = margin
    for one in sorted(tallest):
        tops[one] = at
        at += tallest[one] + layer_gap
    return tops


def _arrow(start: tuple[float, float], end: tuple[float, float], source: int, target: int) -> Markup:
    """A curve with a point at its end."""
    (x0, y0), (x1, y1) = start, end
    middle = (y0 + y1 - 6) / 2
    curve = f"M{number(x0)} {number(y0)}C{number(x0)} {number(middle)} {number(x1)} {number(middle)} {number(x1)} "
    head = f"M{number(x1 - 4)} {number(y1 - 8)}L{number(x1)} {number(y1)}L{number(x1 + 4)} {number(y1 - 8)}Z"
    paths = (element("path", d=f"{curve}{number(y1 - 6)}", class_="line"), element("path", d=head, class_="head"))
    return element("g", paths, class_="arrow", data_from=str(source), data_to=str(target))


def _drawn(box: Box, goal: str, place: tuple[float, float], size: tuple[float, float]) -> Markup:
    (middle, top), (width, height) = place, size
    rows = [label(box.title, middle, top + padding + 12, "middle", class_="name")]
    for at, line in enumerate(box.lines, start=1):
        class_ = "gradient" if line.startswith("∂") else "value"
        rows.append(label(line, middle, top + padding + 12 + at * line_height, "middle", class_=class_))
    rectangle = element("rect", x=middle - width / 2, y=top, width=width, height=height, rx=8.0)
    return element(
        "a", rectangle, rows,
        class_=f"box {box.kind}", href=f"#{goal}", aria_label=", ".join((box.title, *box.lines)),
    )  # fmt: skip
