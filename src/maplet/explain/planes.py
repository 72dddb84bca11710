"""What a net makes of points in the plane: the classes that it decides for, and the activation of each unit."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import DataError, ShapeError
from maplet.explain.contours import segments
from maplet.explain.drawn import Picture, bottom, framed, height, left, legend, picture, right, top, width
from maplet.explain.given import around, classes_of_points, computed, floats, heading, points_of_plane, side
from maplet.explain.landscapes import contour
from maplet.explain.markup import Markup, element, number
from maplet.explain.svg import Plot, Scale, label
from maplet.explain.words import say
from maplet.transforms.selection import require_function

if TYPE_CHECKING:
    from collections.abc import Callable

    Values = np.ndarray[Any, Any]

colours = 6  # of classes; more begin again
tile, space = 150.0, 26.0  # of the picture of one unit


def decision_boundary(
    net: Callable[[Any], Any], x: Any, y: Any, *, size: int = 80, title: str | None = None, language: str = "en"
) -> Picture:
    """Colour the plane by the class that a net decides for, with the data on it.

    Parameters
    ----------
    net
        From points (N, 2) to logits: (N, C), of which the greatest decides; or (N,) and (N, 1), where those greater
        than 0 are class 1.
    x, y
        Points (N, 2) and their classes (N,).
    size
        How many points each side of the grid has.
    title, language
        What stands above it; and in which language all of it speaks, ``"en"`` or ``"zh"``.

    Raises
    ------
    ShapeError
        If the points have not two numbers each, or there are not as many classes or logits as points.
    DataError
        If a point is not finite, a class is none, or the net gives NaN.
    SettingError
        If size or title are not what they should be.

    Examples
    --------
    >>> import maplet as mp
    >>> decision_boundary(lambda x: x[:, :1] - x[:, 1:], mp.asarray([[0.0, 1.0], [1.0, 0.0]]), [0, 1])
    <picture: what the net decides>
    """
    require_function(net, example="decision_boundary(net, x, y), not decision_boundary(net(x), x, y)")
    head, size = heading(title, "decisions", language), side("decision_boundary", size)
    points = points_of_plane("decision_boundary: x", x)
    plot, grid = _grid(points, size)
    every, count = _decided(net, np.concatenate([grid, points]).astype(floats(x)))
    truth = classes_of_points("decision_boundary: y", y, (len(points),), count)
    decided, wrong = every[: len(grid)].reshape(size, size), int((every[len(grid) :] != truth).sum())
    areas = [_area(decided == one, one, plot, size, say("class", language, one)) for one in np.unique(decided).tolist()]
    dots = [
        element("circle", cx=plot.x(a), cy=plot.y(b), r=4.0, class_=f"point class{one % colours}")
        for (a, b), one in zip(points.tolist(), truth.tolist(), strict=True)
    ]
    words = say("points decided", language, len(points), wrong)
    frame = framed(plot, say("first input", language), say("second input", language))
    names = [(say("class", language, one), _sample(one)) for one in np.union1d(decided, truth).tolist()]
    below, samples = legend(names, 17.0)
    return picture(head, words, areas, frame, dots, samples, size=(width, height + below))


def _sample(one: int) -> Callable[[float, float], Markup]:
    """The dot of a class, in the legend."""
    return lambda x, y: element("circle", cx=x + 6, cy=y, r=5.0, class_=f"sample class{one % colours}")


def _grid(points: Values, size: int) -> tuple[Plot, Values]:
    """The part of the plane around some points, and the points of a grid in it, row by row from below."""
    low, high = around(points.min(axis=0), points.max(axis=0), 0.12)
    x0, y0, x1, y1 = (float(end) for end in (*low, *high))
    across, up = np.linspace(x0, x1, size), np.linspace(y0, y1, size)
    grid = np.stack([np.tile(across, size), np.repeat(up, size)], axis=1)
    return Plot(Scale(x0, x1, left, right), Scale(y0, y1, bottom, top)), grid


def _decided(net: Callable[[Any], Any], points: Values) -> tuple[Values, int]:
    """The class of each point, and of how many."""
    outputs = computed("decision_boundary: net", net, points)
    if outputs.ndim not in (1, 2) or len(outputs) != len(points) or not outputs.size:
        raise ShapeError(
            f"decision_boundary: expected logits (N,) or (N, C), N={len(points)}, the net gives {outputs.shape}",
            fix="give a function of points (N, 2)",
        )
    if np.isnan(outputs).any():
        raise DataError(
            f"decision_boundary: the net gives NaN at {int(np.isnan(outputs).sum())} of {outputs.size} places",
            fix="mp.explain shows where it comes from",
        )
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.argmax(axis=1), outputs.shape[1]
    return (outputs.reshape(-1) > 0).astype(int), 2


def _area(inside: Values, one: int, plot: Plot, size: int, words: str) -> Markup:
    """Where one class is decided for, as strips of cells."""
    cell = (abs(plot.x.end - plot.x.start) / (size - 1), abs(plot.y.end - plot.y.start) / (size - 1))
    path = ""
    for row in range(size):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inside[row].astype(int), [0]])))
        y = plot.y.start - (row + 0.5) * cell[1]
        for start, end in edges.reshape(-1, 2).tolist():
            x0 = max(plot.x.start + (start - 0.5) * cell[0], plot.x.start)
            x1 = min(plot.x.start + (end - 0.5) * cell[0], plot.x.end)
            path += f"M{number(x0)} {number(y)}H{number(x1)}v{number(cell[1])}H{number(x0)}z"
    return element("path", element("title", words), d=path, class_=f"area class{one % colours}")


def activations(
    layer: Callable[[Any], Any], x: Any, *, size: int = 33, title: str | None = None, language: str = "en"
) -> Picture:
    """Draw for each unit where in the plane it is active: lines at ¼, ½ and ¾ of its range, the thicker the higher.

    Parameters
    ----------
    layer
        From points (N, 2) to activations (N, units), such as ``lambda x: mp.tanh(net.layers[0](x))``.
    x
        Points (N, 2) that say which part of the plane is drawn.
    size
        How many points each side of the grid has.
    title, language
        What stands above it; and in which language all of it speaks, ``"en"`` or ``"zh"``.

    Raises
    ------
    ShapeError, DataError, SettingError
        As for `decision_boundary`.

    Examples
    --------
    >>> import maplet as mp
    >>> activations(lambda x: mp.stack([x[:, 0], x[:, 1] * x[:, 0]], axis=1), mp.asarray([[-1.0, -1.0], [1.0, 1.0]]))
    <picture: activation of each unit>
    """
    require_function(layer, example="activations(layer, x), not activations(layer(x), x)")
    head, size = heading(title, "activation", language), side("activations", size)
    _, grid = _grid(points_of_plane("activations: x", x), size)
    values = computed("activations: layer", layer, grid.astype(floats(x)))
    if values.ndim != 2 or len(values) != len(grid) or not values.size:
        raise ShapeError(
            f"activations: expected units, (N, units) of {len(grid)} points, the layer gives {values.shape}",
            fix="give a function of points (N, 2), such as lambda x: mp.tanh(net.layers[0](x))",
        )
    units = values.shape[1]
    columns = min(units, 4)
    size_of_all = (columns * (tile + space) + space, ceil(units / columns) * (tile + space) + 40.0)
    tiles = [
        _unit(
            values[:, n].reshape(size, size),
            n,
            space + n % columns * (tile + space),
            36 + n // columns * (tile + space),
            language,
        )
        for n in range(units)
    ]
    return picture(head, say("units", language, units), tiles, size=(max(size_of_all[0], 260.0), size_of_all[1]))


def _unit(heights: Values, n: int, x: float, y: float, language: str) -> Markup:
    finite, size = heights[np.isfinite(heights)], len(heights)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)
    plot = Plot(Scale(0.0, 1.0, x, x + tile), Scale(0.0, 1.0, y + tile, y))
    lines: list[Markup] = []
    for part in (0.25, 0.5, 0.75):
        level = low + part * (high - low)
        pieces = segments(heights, level) if high > low else []
        line = contour(pieces, plot, size, f"{level:.3g}", 0.3 + 0.7 * part)
        lines.append(element("g", line, stroke_width=3 * part))
    frame = element("path", d=f"M{number(x)} {number(y)}h{tile}v{tile}h-{tile}z", class_="axis")
    words = label(say("unit", language, n, low, high), x + tile / 2, y + tile + 16, "middle")
    return element("g", frame, lines, words)
