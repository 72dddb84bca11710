"""The course of losses: lines over the epochs or steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.errors import DataError, SettingError
from maplet.explain.drawn import Picture, bottom, height, left, legend, picture, right, top, width
from maplet.explain.given import heading, numbers
from maplet.explain.markup import Markup, element, number
from maplet.explain.svg import Plot, Scale, is_shown, label_width, value_scale
from maplet.explain.words import say
from maplet.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

kinds = 6  # of lines; more begin again


def loss_curves(
    losses: Mapping[str, Any] | Sequence[Mapping[str, Any]], title: str | None = None, *, language: str = "en"
) -> Picture:
    """Draw losses over the epochs, one line for each name; on a logarithmic scale where they fall by more than 100.

    What is NaN or infinite is a gap in its line.

    Parameters
    ----------
    losses
        The history of a run, of which ``loss`` and ``val_loss`` are drawn; or names and sequences of numbers, such as
        the losses of several optimizers.
    title, language
        What stands above it; and in which language all of it speaks, ``"en"`` or ``"zh"``.

    Raises
    ------
    SettingError, DataError
        If there are no names with numbers, or no number is finite.

    Examples
    --------
    >>> drawn = loss_curves({"SGD": [1.0, 0.5, 0.25], "Adam": [1.0, 0.3, 0.1]})
    >>> drawn
    <picture: the loss>
    >>> drawn.description
    'SGD: from 1 to 0.25 in 3; Adam: from 1 to 0.1 in 3'
    """
    head = heading(title, "losses", language)
    lines = {name: _course(name, values) for name, values in _named(losses, language).items()}
    every = [value for values in lines.values() for value in values if is_shown(value)]
    if not every:
        raise DataError(
            "loss_curves: no loss is finite, so that there is nothing to draw", fix="mp.debug finds the NaN"
        )
    y = value_scale(every, bottom, top, may_be_logarithmic=True)
    ticks = y.ticks(6)
    x = Scale(1.0, float(max(2, *map(len, lines.values()))), max(left, 30 + label_width(ticks)), right)
    plot = Plot(x, y)
    frame = plot.frame(say("epoch", language), "", [tick for tick in x.ticks(8) if tick.is_integer()], ticks)
    drawn = [
        plot.line(
            [(float(at), value) if is_shown(value) else None for at, value in enumerate(values, 1)],
            f"course line{n % kinds}",
        )
        for n, values in enumerate(lines.values())
    ]
    words = "; ".join(_in_words(name, values, language) for name, values in lines.items())
    below, samples = legend([(name, _sample(n)) for n, name in enumerate(lines)], 28.0)
    return picture(head, words, frame, drawn, samples, size=(width, height + below))


def _named(losses: Any, language: str) -> dict[str, Any]:
    """Names and sequences; of a history training and validation loss."""
    known: Any = losses
    if (
        isinstance(losses, list | tuple)
        and losses
        and all(isinstance(record, dict) and "loss" in record for record in known)
    ):
        records = cast("list[dict[str, Any]]", list(known))
        found = {say("training", language): [record["loss"] for record in records]}
        if "val_loss" in records[0]:
            found[say("validation", language)] = [record.get("val_loss", np.nan) for record in records]
        return found
    if not isinstance(losses, dict) or not losses or not all(isinstance(name, str) and name for name in known):
        raise SettingError(
            f"loss_curves: expected the history of a run, or names and losses, given {shown(losses)}",
            fix='loss_curves(run.history), or loss_curves({"SGD": [1.0, 0.5]})',
        )
    return dict(known)


def _course(name: str, values: Any) -> list[float]:
    found = numbers(f"loss_curves: {shown(name)}", values)
    if found.ndim != 1 or not found.size:
        raise DataError(
            f"loss_curves: {shown(name)} has shape {found.shape}", fix="give a sequence of losses, one for each epoch"
        )
    return [float(value) for value in found]


def _in_words(name: str, values: list[float], language: str) -> str:
    seen = [value for value in values if is_shown(value)]
    return say("course", language, name, seen[0], seen[-1], len(values)) if seen else say("no course", language, name)


def _sample(n: int) -> Callable[[float, float], Markup]:
    """A piece of the n-th line, in the legend."""
    return lambda x, y: element("path", d=f"M{number(x)} {number(y)}h22", class_=f"course line{n % kinds}")
