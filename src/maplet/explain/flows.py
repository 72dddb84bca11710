"""How gradients flow through the layers, and how numbers are spread: bars."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.errors import DataError, SettingError
from maplet.explain.derivation import Derivation
from maplet.explain.drawn import Picture, bottom, framed, left, picture, right, top, width
from maplet.explain.folding import norm
from maplet.explain.given import heading, numbers, several
from maplet.explain.markup import Markup, element, number
from maplet.explain.svg import Plot, Scale, label, value_scale
from maplet.explain.words import say
from maplet.messages import shown
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence


bar, names = 24.0, 190.0  # the height of a bar, and the room for names


def gradient_flow(derivation: Derivation, title: str | None = None) -> Picture:
    """Draw the root mean square of the gradient of every input or parameter, on a logarithmic scale.

    It speaks the language of the derivation.

    Bars that grow shorter from the last layer to the first are a gradient that vanishes.

    Raises
    ------
    DataError
        If no input has a gradient other than 0.

    Examples
    --------
    >>> import maplet as mp
    >>> gradient_flow(mp.explain(lambda x, w: mp.sin(x * w), 0.5, 2.0))
    <picture: gradient of each parameter>
    """
    if not isinstance(cast("Any", derivation), Derivation):
        raise SettingError(
            f"gradient_flow: expected a derivation, given {shown(derivation)}",
            fix="gradient_flow(mp.explain(loss, net))",
        )
    head = heading(title, "flow", derivation.language)
    trainable = [leaf for leaf in derivation.leaves if leaf.origin.trainable]
    sizes: dict[str, float] = {}
    for leaf in trainable or derivation.leaves:
        if leaf.cotangent is not None and leaf.cotangent.size:
            sizes[leaf.name] = (norm([leaf.cotangent]) or 0.0) / leaf.cotangent.size**0.5
    drawn = {name: size for name, size in sizes.items() if size > 0 and np.isfinite(size)}
    if not drawn:
        raise DataError(
            "gradient_flow: no gradient is finite and other than 0, so that there is nothing to draw",
            fix="print(derivation) shows every gradient",
        )
    low = 10.0 ** np.floor(log10(min(drawn.values())) - 0.01)
    high = 10.0 ** np.ceil(log10(max(drawn.values())) + 0.01)
    height = 60 + bar * len(sizes) + 40
    scale = Scale(float(low), float(high), names, width - 90, logarithmic=True)
    rows = [_row(name, size, 44 + n * bar, scale) for n, (name, size) in enumerate(sizes.items())]
    words = ", ".join(f"{name} {size:.2g}" for name, size in sizes.items())
    described = say("root mean square", derivation.language, words)
    return picture(head, described, rows, size=(width, height))


def _row(name: str, size: float, y: float, scale: Scale) -> Markup:
    length = max(scale(size) - scale.start, 1.0) if size > 0 and np.isfinite(size) else 0.0
    shape = element("rect", x=scale.start, y=y, width=length, height=bar - 8, class_="bar gradient")
    called = name if len(name) <= 26 else f"…{name[-25:]}"
    value = label(f"{size:.2g}", scale.start + length + 6, y + 13, "start")
    return element("g", label(called, scale.start - 8, y + 13, "end"), shape, value)


def histogram(values: Any, title: str | None = None, bins: int = 40, *, language: str = "en") -> Picture:
    """Draw how often numbers of each size come, such as the weights or activations of a layer.

    Numbers that are not finite are counted in the words below the picture, and have no bar.

    Raises
    ------
    DataError
        If no number is finite.

    Examples
    --------
    >>> import numpy as np
    >>> histogram(np.asarray([0.0, 1.0, 1.0, np.nan])).description
    '4 numbers from 0 to 1, mean 0.667, standard deviation 0.471, 1 not finite'
    """
    head, bins = heading(title, "spread", language), whole("histogram: bins", bins, least=1, most=10_000)
    every = numbers("histogram", values).reshape(-1)
    finite = every[np.isfinite(every)]
    if not finite.size:
        raise DataError(f"histogram: none of the {every.size} numbers is finite", fix="give at least one that is")
    low, high = float(finite.min()), float(finite.max())
    least = 4.0 * bins * float(np.spacing(max(abs(low), abs(high))))  # so that the edges of bars are different floats
    room = max(0.5, least) if high - low < least else 0.0
    counts, edges = np.histogram(finite, bins=bins, range=(low - room, high + room))
    x = value_scale([float(edges[0]), float(edges[-1])], left, right)
    y = value_scale([0.0, float(counts.max())], bottom, top)
    plot = Plot(x, y)
    path = "".join(
        f"M{number(x(float(a)))} {number(y(0.0))}V{number(y(float(n)))}H{number(x(float(b)))}V{number(y(0.0))}z"
        for n, a, b in zip(counts, edges, edges[1:], strict=False)
        if n
    )
    words = say("numbers spread", language, every.size, finite.min(), finite.max(), finite.mean(), finite.std())
    words += say("not finite", language, every.size - finite.size) if finite.size < every.size else ""
    counted = [tick for tick in y.ticks(6) if tick.is_integer()]  # there is no half a number
    frame = plot.frame(say("value", language), say("count", language), x.ticks(6), counted)
    return picture(head, words, frame, element("path", d=path, class_="bar"))


quantiles = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
opacities = (0.12, 0.3, 0.55, 0.55, 0.3, 0.12)


def spread_over_time(series: Sequence[Any], title: str | None = None, *, language: str = "en") -> Picture:
    """Draw how the numbers of an array are spread after each step, such as the weights of a layer while it learns.

    From the outside in, the bands hold all numbers, 90 % and 50 % of them; the line is the median. Numbers that are not
    finite are left out.

    Parameters
    ----------
    series
        An array for each step.
    title, language
        What stands above it; and in which language all of it speaks, ``"en"`` or ``"zh"``.

    Raises
    ------
    DataError
        If there are fewer than two steps, or one has no finite number.

    Examples
    --------
    >>> import numpy as np
    >>> spread_over_time([np.arange(5.0) * n for n in range(4)])
    <picture: how the numbers are spread, over time>
    """
    head = heading(title, "spread over time", language)
    rows: list[list[float]] = []
    for n, values in enumerate(several("spread_over_time", series, "steps")):
        flat = numbers(f"spread_over_time: step {n}", values).reshape(-1)
        finite = flat[np.isfinite(flat)]
        if not finite.size:
            raise DataError(f"spread_over_time: step {n} has no finite number", fix=f"give the steps before: [:{n}]")
        rows.append(np.quantile(finite, quantiles).tolist())
    x = Scale(0.0, float(len(rows) - 1), left, right)
    plot = Plot(x, value_scale([value for row in rows for value in row], bottom, top))
    bands = [_band(plot, rows, n, opacity) for n, opacity in enumerate(opacities)]
    median = plot.line([(float(n), row[3]) for n, row in enumerate(rows)], "curve")
    words = say("median", language, len(rows), rows[0][3], rows[-1][3])
    frame = framed(plot, say("step", language), say("value", language))
    return picture(head, words, bands, frame, median)


def _band(plot: Plot, rows: Sequence[Sequence[float]], n: int, opacity: float) -> Markup:
    """The area between two neighbouring quantiles."""
    upper = [(step, row[n + 1]) for step, row in enumerate(rows)]
    lower = [(step, row[n]) for step, row in reversed(list(enumerate(rows)))]
    outline = "L".join(f"{number(plot.x(float(step)))} {number(plot.y(value))}" for step, value in [*upper, *lower])
    return element("path", d=f"M{outline}Z", class_="bar", fill_opacity=opacity)
