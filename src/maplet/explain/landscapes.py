"""The path of gradient descent on the landscape of the loss: of two parameters, or where a net moved most."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.errors import DataError, ShapeError
from maplet.explain.contours import levels, segments
from maplet.explain.drawn import Picture, bottom, framed, left, picture, right, top
from maplet.explain.given import around, computed, floats, heading, numbers, several, side
from maplet.explain.markup import Markup, element, number
from maplet.explain.svg import Plot, Scale, label
from maplet.explain.words import say
from maplet.settings import whole
from maplet.transforms.selection import require_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.explain.contours import Segment

    Vector = np.ndarray[Any, np.dtype[np.float64]]

every = 3  # of so many lines one has its height written on it
margin = 0.25  # of the extent of the path, around it


def landscape(
    f: Callable[[Any], Any],
    path: Sequence[Any],
    *,
    size: int = 41,
    lines: int = 14,
    title: str | None = None,
    language: str = "en",
) -> Picture:
    """Draw the path of parameters over lines of equal loss.

    Two parameters are the axes themselves. Of more, the picture is the slice through the last point of the path that
    lies along the two directions in which the path is longest (its first two principal components); the loss is shown
    in this plane, and the path as seen on it.

    Parameters
    ----------
    f
        The loss of parameters: of an array, or of a dict of arrays, as the points of the path are. A number, or an
        array of one.
    path
        The parameters after each step: arrays, or dicts of arrays such as ``run.weights()`` gives.
    size
        How many points each side of the grid has; the loss is computed at all size² of them.
    lines
        How many lines are drawn; about equally many points of the grid lie between two.
    title
        What stands above it, by default "descent of the loss" in the language.
    language
        ``"en"`` or ``"zh"``: of what stands in the picture.

    Raises
    ------
    DataError
        If the path has fewer than two points, one of them is not finite, or no loss in the picture is.
    ShapeError
        If its points have different shapes, or the loss is not one number.
    SettingError
        If size, lines or title are not what they should be.

    Examples
    --------
    >>> import numpy as np
    >>> path = [np.asarray([2.0, 1.0]) * 0.8**n for n in range(10)]
    >>> landscape(lambda p: p[0] ** 2 + 3 * p[1] ** 2, path)
    <picture: descent of the loss>
    """
    require_function(f, example="landscape(loss, path), not landscape(loss(w), path)")
    head, size = heading(title, "descent", language), side("landscape", size)
    lines = whole("landscape: lines", lines, least=1, most=200)
    points, rebuilt = _vectors(several("landscape: path", path, "points"))
    origin, directions, shares = _plane(points)
    seen = (points - origin) @ directions.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    low, high = around(low, high, margin)
    across, up = (np.linspace(float(low[n]), float(high[n]), size).tolist() for n in (0, 1))

    def height(a: float, b: float) -> float:
        return _loss(f, rebuilt(origin + a * directions[0] + b * directions[1]))

    heights = np.asarray([[height(a, b) for a in across] for b in up])
    if not np.isfinite(heights).any():
        raise DataError("landscape: no loss around the path is finite", fix="give a path that has not diverged")
    plot = Plot(Scale(across[0], across[-1], left, right), Scale(up[0], up[-1], bottom, top))
    flat = points.shape[1] == 2
    labels = [say("parameter" if flat else "direction", language, n + 1, shares[n]) for n in (0, 1)]
    drawn: list[Markup] = []
    written: list[Markup | None] = []
    for n, level in enumerate(levels(heights, lines)):
        pieces = segments(heights, level)
        drawn.append(contour(pieces, plot, size, say("loss at", language, level), 1 - 0.7 * n / lines))
        written.append(_height(pieces, plot, size, level) if n % every == 1 else None)
    track = [(float(a), float(b)) for a, b in seen]
    ring = element("circle", cx=plot.x(track[-1][0]), cy=plot.y(track[-1][1]), r=7.0, class_="ring")
    first, last = (_loss(f, rebuilt(points[n])) for n in (0, -1))
    words = say("path of descent", language, len(points), first, last)
    return picture(
        head, words, framed(plot, *labels), drawn, written, plot.line(track, "curve"), plot.dots(track, "dots"), ring
    )


def _vectors(path: list[Any]) -> tuple[Vector, Callable[[Vector], Any]]:
    """The points as rows of numbers, and the way back."""
    named, is_one = _named(path[0])
    shapes = {name: numbers("landscape: path", value).shape for name, value in named.items()}
    rows: list[Vector] = []
    for n, point in enumerate(path):
        parts = {name: numbers(f"landscape: path[{n}]", value) for name, value in _named(point)[0].items()}
        if {name: part.shape for name, part in parts.items()} != shapes:
            raise ShapeError(
                f"landscape: path[{n}] has other parameters or shapes than path[0]",
                fix="give all points the same, as run.weights() does",
            )
        rows.append(np.concatenate([parts[name].reshape(-1) for name in shapes] or [np.zeros(0)]))
        if not np.isfinite(rows[-1]).all():
            raise DataError(f"landscape: path[{n}] is not finite", fix=f"leave out what has diverged: path[:{n}]")

    def rebuilt(vector: Vector) -> Any:
        found: dict[str, Any] = {}
        at = 0
        for name, shape in shapes.items():
            length = prod(shape)
            found[name] = vector[at : at + length].reshape(shape).astype(floats(named[name]))
            at += length
        return found[""] if is_one else found

    return np.stack(rows), rebuilt


def _named(point: Any) -> tuple[Mapping[str, Any], bool]:
    """A point as arrays by name, and whether it is a single array, which has none."""
    return (cast("Mapping[str, Any]", point), False) if isinstance(point, dict) else ({"": point}, True)


def _plane(points: Vector) -> tuple[Vector, Vector, list[float]]:
    """A point, two directions of length 1 at right angles, and how much of the path lies along each."""
    if points.shape[1] == 2:
        return np.zeros(2), np.eye(2), [1.0, 1.0]
    if points.shape[1] < 2:
        raise ShapeError(
            f"landscape: two parameters or more make a plane, given {points.shape[1]}",
            fix="of one parameter, plot the losses themselves",
        )
    moved = points - points[-1]
    _, stretch, directions = np.linalg.svd(moved - moved.mean(axis=0), full_matrices=False)
    two = np.concatenate([directions, np.eye(points.shape[1])[:2]])[:2]
    two[1] -= two[0] * (two[0] @ two[1])
    two[1] /= np.linalg.norm(two[1]) or 1.0
    total = float((stretch**2).sum()) or 1.0
    return points[-1], two, [*(stretch**2 / total).tolist(), 0.0][:2]


def _loss(f: Callable[[Any], Any], parameters: Any) -> float:
    found = computed("landscape: f", f, parameters)
    if found.size != 1:
        raise ShapeError(f"landscape: the loss is one number, given shape {found.shape}", fix="take the mean of it")
    return float(found.reshape(()))


def _height(pieces: Sequence[Segment], plot: Plot, size: int, level: float) -> Markup | None:
    """The level, written on its line, half way from below."""
    if not pieces:
        return None
    (start, _) = sorted(pieces, key=lambda piece: piece[0][1])[len(pieces) // 2]
    across, up = on_grid(start, plot, size)
    return label(f"{level:.3g}", min(max(across, left + 16), right - 16), up + 4, "middle", class_="level")


def on_grid(point: tuple[float, float], plot: Plot, size: int) -> tuple[float, float]:
    """Where (column, row) of a grid of size² points lies, which fills a plot."""
    (column, row), x, y = point, plot.x, plot.y
    return x.start + column / (size - 1) * (x.end - x.start), y.start + row / (size - 1) * (y.end - y.start)


def contour(pieces: Sequence[Segment], plot: Plot, size: int, words: str, opacity: float) -> Markup:
    """The line of one level, on a grid of size² points that fills a plot."""

    def place(point: tuple[float, float]) -> str:
        return " ".join(map(number, on_grid(point, plot, size)))

    path = "".join(f"M{place(start)}L{place(end)}" for start, end in pieces)
    return element("path", element("title", words), d=path, class_="contour", stroke_opacity=opacity)
