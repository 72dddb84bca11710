"""A picture that stands by itself: an SVG file with colours for light and dark, and words for who cannot see it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from maplet.data.output import write_output
from maplet.errors import SettingError
from maplet.explain.markup import Content, Markup, element
from maplet.explain.svg import drawing, label, text_width
from maplet.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.explain.svg import Plot

width, height = 560.0, 440.0
left, right, bottom, top = 66.0, width - 16, height - 52, 40.0
row = 22.0  # of a legend


@dataclass(frozen=True)
class Picture:
    """An SVG drawing.

    Parameters
    ----------
    svg
        The whole of it.
    title, description
        What it shows, in words.
    """

    svg: str
    title: str
    description: str

    def __repr__(self) -> str:
        return f"<picture: {self.title}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write it as an SVG file.

        Raises
        ------
        DataError
            If the file cannot be written.
        SettingError
            If it is no path.
        """
        if not isinstance(cast("Any", path), str | Path) or not str(path):
            raise SettingError(f"save: expected the path of a file, given {shown(path)}", fix='such as "descent.svg"')
        write_output(Path(path), self.svg)


def picture(title: str, description: str, *content: Content, size: tuple[float, float] = (width, height)) -> Picture:
    """Put a drawing together: its colours, the title above, then what is given."""
    style = element("style", Markup(files("maplet.explain").joinpath("picture.css").read_text(encoding="utf-8")))
    ground = element("rect", x=0.0, y=0.0, width=size[0], height=size[1], class_="ground")
    head = element("text", title, x=size[0] / 2, y=22.0, text_anchor="middle", class_="title")
    svg = drawing("picture", title, description, size, style, ground, head, *content)
    return Picture(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1), title, description)


def legend(entries: Sequence[tuple[str, Callable[[float, float], Markup]]], room: float) -> tuple[float, list[Markup]]:
    """What is what, in rows below a plot: how much they add to its height, and a sample and a name each.

    Parameters
    ----------
    entries
        Names, and what draws the sample that begins at (x, y).
    room
        That of a sample, with the gap behind it.
    """
    parts: list[Markup] = []
    x, y = left, height + 8
    for name, sample in entries:
        wide = room + text_width(name) + 32
        if x > left and x + wide > right:
            x, y = left, y + row
        parts += [sample(x, y - 4.5), label(name, x + room, y, "start")]
        x += wide
    return y + row - height - 8, parts


def framed(plot: Plot, x_label: str, y_label: str) -> Markup:
    """The axes of a plot with their ticks."""
    return plot.frame(x_label, y_label, plot.x.ticks(6), plot.y.ticks(6))
