"""Plots as SVG: scales, ticks, axes, lines. Colours come from the classes of `report.css`."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from maplet.explain.markup import Content, Markup, element, number

_LARGEST = 1e300  # differences of two such numbers do not overflow


@dataclass(frozen=True)
class Scale:
    """A map from the values low … high to the places start … end.

    Examples
    --------
    >>> scale = Scale(0.0, 10.0, 0.0, 200.0)
    >>> scale(2.5), scale.ticks(4)
    (50.0, [0.0, 5.0, 10.0])
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value."""
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """Round values in the range, about as many as `most` at the most."""
        if not self.logarithmic:
            step = nice_step((self.high - self.low) / most)
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            return [index * step for index in range(first, last + 1)]
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        return [10.0**power for power in range(first, last + 1, max(1, math.ceil((last - first) / most)))]


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5 × 10ⁿ that is not smaller than a number.

    Examples
    --------
    >>> nice_step(0.3), nice_step(12), nice_step(5)
    (0.5, 20.0, 5.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1.0, 2.0, 5.0) if factor * power >= least * (1 - 1e-9)), 10.0 * power)


def is_shown(value: object) -> bool:
    """Whether a value has a place in a plot: a finite number (and not one near overflow)."""
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) < _LARGEST


def value_scale(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    may_be_logarithmic: bool = False,
    highest: float | None = None,
) -> Scale:
    """A scale that shows all values, with round ends; logarithmic where it may and they span more than two decades.

    It does not go beyond ``highest``, if no value does.
    """
    shown = list(values) or [0.0, 1.0]
    low, high = min(shown), max(shown)
    if may_be_logarithmic and low > 1e-290 and high > 100 * low:
        below, above = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.floor(math.log10(high))
        low = max(factor * below for factor in (1, 2, 5) if factor * below <= low * (1 + 1e-9))
        high = min(factor * above for factor in (1, 2, 5, 10) if factor * above >= high * (1 - 1e-9))
        return Scale(low, high, start, end, logarithmic=True)
    if high - low <= 1e-6 * max(abs(low), abs(high), 1e-280):  # all equal, but for rounding
        margin = abs(low) / 2 if abs(low) > 1e-280 else 1.0
        low, high = low - margin, high + margin
    if 0 < low < 0.3 * high:
        low = 0.0
    step = nice_step((high - low) / 5)
    top = math.ceil(high / step - 1e-9) * step
    return Scale(math.floor(low / step + 1e-9) * step, top if highest is None else min(top, highest), start, end)


def tick_label(value: float, ticks: Sequence[float]) -> str:
    """A tick in as many decimals as its neighbours need.

    Examples
    --------
    >>> tick_label(0.5, [0.0, 0.05, 0.5]), tick_label(200000.0, [0.0, 2e5, 1e6]), tick_label(2e-5, [0.0, 2e-5])
    ('0.5', '0.2M', '2e-5')
    """
    largest = max((abs(tick) for tick in ticks), default=abs(value))
    if abs(value) <= 1e-12 * largest:
        return "0"
    unit, sign = (1e6, "M") if largest >= 1e6 else (1e3, "k") if largest >= 1e5 else (1.0, "")
    step = min((abs(after - before) for before, after in pairwise(ticks)), default=abs(value))
    if 1e-3 <= largest < 1e9 and abs(value) >= 1e-4:
        return _without_zeros(f"{value / unit:,.{_decimals(step / unit)}f}") + sign
    power = math.floor(math.log10(abs(value)))
    mantissa, exponent = f"{value:.{_decimals(step / 10.0**power)}e}".split("e")
    return f"{_without_zeros(mantissa)}e{int(exponent)}"


def _decimals(step: float) -> int:
    """How many decimals tell multiples of a round step apart, at most 12: a step may be 0, less than any number."""
    return max(0, math.ceil(-math.log10(max(step, 1e-12)) - 1e-9))


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Plot:
    """The area of a plot inside its drawing, with a scale for each direction."""

    x: Scale
    y: Scale

    def frame(self, x_label: str, y_label: str, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> Markup:
        """Grid, ticks and the names of the axes; that of y may be empty."""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        parts: list[Markup] = []
        for tick in y_ticks:
            at = self.y(tick)
            parts.append(element("path", d=f"M{number(left)} {number(at)}H{number(right)}", class_="grid"))
            parts.append(label(tick_label(tick, y_ticks), left - 8, at + 4, "end"))
        for tick in x_ticks:
            at = self.x(tick)
            parts.append(element("path", d=f"M{number(at)} {number(bottom)}v5", class_="axis"))
            parts.append(label(tick_label(tick, x_ticks), at, bottom + 20, "middle"))
        parts.append(element("path", d=f"M{number(left)} {number(bottom)}H{number(right)}", class_="axis"))
        parts.append(label(x_label, (left + right) / 2, bottom + 38, "middle"))
        if y_label:
            middle = (bottom + top) / 2
            parts.append(label(y_label, 14.0, middle, "middle", transform=f"rotate(-90 14 {number(middle)})"))
        return element("g", parts, class_="frame")

    def line(self, points: Iterable[tuple[float, float] | None], class_: str) -> Markup:
        """A line through points; None is a gap, and a point between two gaps a dot."""
        pieces: list[list[str]] = [[]]
        for point in points:
            if point is None:
                pieces.append([])
            else:
                pieces[-1].append(f"{number(self.x(point[0]))} {number(self.y(point[1]))}")
        path = "".join(f"M{piece[0]}" + (f"L{' '.join(piece[1:])}" if piece[1:] else "h0") for piece in pieces if piece)
        return element("path", d=path, class_=class_)

    def dots(self, points: Iterable[tuple[float, float]], class_: str) -> Markup:
        """Many dots as one path: lines of no length with round ends."""
        path = "".join(f"M{number(self.x(x))} {number(self.y(y))}h0" for x, y in points)
        return element("path", d=path, class_=class_)


def label(text: str, x: float, y: float, anchor: str, **attributes: str | float | None) -> Markup:
    """A piece of text in a drawing."""
    return element("text", text, x=x, y=y, text_anchor=anchor, **attributes)


def label_width(ticks: Sequence[float]) -> float:
    """The room that the labels of ticks take, in units of the drawing."""
    return max((text_width(tick_label(tick, ticks)) for tick in ticks), default=7.5)


def text_width(text: str, letter: float = 7.5) -> float:
    """About how wide a text is, in units of the drawing; a Chinese character is as wide as two letters."""
    return letter * sum(2 if ord(character) > 0x2E80 else 1 for character in text)


def drawing(
    identifier: str,
    title: str,
    description: str,
    size: tuple[float, float],
    *content: Content,
    least_width: float | None = None,
    role: str = "img",
) -> Markup:
    """A whole SVG that says, to those who cannot see it, what it shows; it shrinks with the page, to `least_width`.

    Its role is that of a picture; ``"group"`` where its parts can be reached one by one.
    """
    width, height = size
    return element(
        "svg",
        element("title", title, id=f"{identifier}-title"),
        element("desc", description, id=f"{identifier}-description"),
        *content,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        style=None if least_width is None else f"min-width:{number(least_width)}px",
        role=role,
        aria_labelledby=f"{identifier}-title {identifier}-description",
    )
