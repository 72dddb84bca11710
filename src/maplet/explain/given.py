"""What pictures are given, read and checked: numbers, points of the plane, functions of them, titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.types import is_floating
from maplet.errors import DataError, SettingError, ShapeError
from maplet.explain.words import say
from maplet.messages import shown
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Values = np.ndarray[Any, Any]

most = 1e150  # of what is drawn: squares and differences of such numbers are finite


def numbers(label: str, value: Any) -> Values:
    """Real numbers as float64: not text, not complex, nothing ragged; NaN and infinity may be among them.

    Raises
    ------
    DataError
        If it is anything else, or one is so large that it cannot be drawn.
    """
    array = _as_array(label, value)
    if not (is_floating(array.dtype) or array.dtype.kind in "biu"):
        raise DataError(f"{label}: expected real numbers, given {shown(value)}", fix="give an array of floats")
    found = array.astype(np.float64)
    if (np.abs(found[np.isfinite(found)]) > most).any():
        raise DataError(f"{label}: there are numbers beyond {most:g}, too large to be drawn", fix="scale them down")
    return found


def _as_array(label: str, value: Any) -> Values:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{label} is no array: {error}", fix="give rows of one length") from error


def floats(value: Any) -> np.dtype[Any]:
    """The dtype in which a function is asked about points near these: theirs, or float32 where they are integers."""
    dtype = np.asarray(value).dtype
    return dtype if is_floating(dtype) else np.dtype(np.float32)


def points_of_plane(label: str, value: Any) -> Values:
    """Points (N, 2), one or more, all finite.

    Raises
    ------
    ShapeError, DataError
        If they are anything else.
    """
    found = numbers(label, value)
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        raise ShapeError(
            f"{label}: expected points of the plane, (N, 2), given shape {found.shape}",
            fix="choose two columns, x[:, :2]",
        )
    if not np.isfinite(found).all():
        raise DataError(f"{label}: there are points that are not finite", fix="leave them out")
    return found


def classes_of_points(label: str, value: Any, shape: tuple[int, ...], count: int) -> Values:
    """The class of each point, (N,) or (N, 1), from 0 to below ``count``.

    Raises
    ------
    ShapeError, DataError
        If there are more or fewer of them, or one is no class.
    """
    found = numbers(label, value)
    if found.shape not in (shape, (*shape, 1)):
        raise ShapeError(f"{label}: expected a class for each point, {shape}, given shape {found.shape}", fix="y[:N]")
    wrong = ~((found >= 0) & (found < count) & (found == np.floor(found)))
    if wrong.any():
        raise DataError(
            f"{label}: {found[wrong][0]:g} is none of the {count} classes that the net tells apart",
            fix=f"give whole numbers from 0 to {count - 1}",
        )
    return found.reshape(-1).astype(int)


def computed(label: str, function: Callable[[Any], Any], argument: Any) -> Values:
    """What the user's function gives, as numbers."""
    with np.errstate(all="ignore"):
        return numbers(f"{label}, what it gives", function(argument))


def several(label: str, value: Any, what: str) -> list[Any]:
    """A sequence of two or more: a list, a tuple, or an array by its first axis.

    Raises
    ------
    SettingError, DataError
        If it is no sequence, or shorter.
    """
    if not isinstance(value, list | tuple) and not (isinstance(value, np.ndarray | Array) and value.ndim):
        raise SettingError(f"{label}: expected {what}, given {shown(value)}", fix=f"give a list of {what}")
    found: list[Any] = list(cast("Sequence[Any]", value))
    if len(found) < 2:
        raise DataError(f"{label}: expected two {what} or more, given {len(found)}", fix="one shows no course of time")
    return found


def around(low: Values, high: Values, share: float) -> tuple[Values, Values]:
    """A part of the plane with room on all sides: a share of its extent, and more where it has none to speak of."""
    extent = high - low
    least = np.maximum(0.05 * extent.max(), 1e-6 * np.maximum(1.0, np.maximum(np.abs(low), np.abs(high))))
    room = np.maximum(extent * share, least)
    return low - room, high + room


def side(label: str, size: Any) -> int:
    """How many points each side of a grid has."""
    return whole(f"{label}: size", size, least=2, most=1000)


def heading(title: Any, key: str, language: str) -> str:
    """What stands above a picture: what was asked for, else the words of a key.

    Raises
    ------
    SettingError
        If the title is no text.
    """
    if title is not None and not isinstance(title, str):
        raise SettingError(f"title={shown(title)}: expected a text", fix='such as title="after ten epochs"')
    return title or say(key, language)
