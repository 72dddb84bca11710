"""Shape annotations that are checked: ``mp.expect(x, "batch time channel")``."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from maplet.core.array import Array
from maplet.core.context import forget_finished, here, thread
from maplet.errors import DTypeError, SettingError, ShapeError

if TYPE_CHECKING:
    from types import FrameType

X = TypeVar("X", bound="Array | np.ndarray[Any, Any] | np.generic")
rest = "..."
form = 'axes parted by spaces, each a name, a length, _ for any length, or ... for any axes: "batch 3 _", "... channel"'


def expect(x: X, shape: str, /) -> X:
    """Check the shape of an array, and return the array.

    The shape is written as one word for each axis: a *name* stands for a length, the same one wherever it comes again
    in one call of the function in which ``expect`` is written (another call, another layer, has lengths of its own; the
    steps of a Python loop share them); an integer for itself; ``_`` for any length; ``...``, once, for any number of
    axes. The empty text is the shape of a single number. Checked when the line runs, so in a trace too, where it costs
    nothing later.

    A generator that waits between two values may forget its names; a check is then missed, never made wrongly.

    Raises
    ------
    ShapeError
        If the shape is another; shows what each name stands for and since which line.
    SettingError
        If the annotation cannot be read.
    DTypeError
        If ``x`` is no array.

    Examples
    --------
    >>> import maplet as mp
    >>> def attend(query, keys):
    ...     mp.expect(query, "batch channel")
    ...     mp.expect(keys, "batch time channel")
    ...     return mp.expect((keys @ query[:, :, None])[..., 0], "batch time")
    >>> attend(mp.ones((2, 8)), mp.ones((2, 5, 8))).shape
    (2, 5)
    """
    if not isinstance(x, Array | np.ndarray | np.generic):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DTypeError(f"expect takes an array, given {type(x).__name__}", fix="mp.asarray(x)", where=_where())
    if not isinstance(shape, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _unreadable(f"the shape is written as text, given {shape!r}")
    words = _words(shape)
    given = tuple(x.shape)
    lengths = _lengths_of(sys._getframe(1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (the caller's, as in user_line)
    met: dict[str, Bound] = {}
    aligned = _aligned(words, given)
    problem = "" if aligned is not None else f"the number of axes is {len(given)}, not {_count(words)}"
    for axis, (word, length) in enumerate(aligned or ()):
        wanted = int(word) if word.isdecimal() else met[word][0] if word in met else lengths.get(word, (length, ""))[0]
        if word != "_" and wanted != length:
            problem = f"axis {axis}: {word} is {length}" + ("" if word.isdecimal() else f", not {wanted}")
            break
        if word != "_" and not word.isdecimal():
            met[word] = (length, "")
    if problem:
        known = [f"{name} = {length}{since}" for name, (length, since) in {**met, **lengths}.items() if name in words]
        raise ShapeError(
            "\n  ".join([f'expected shape "{shape}", given {given}: {problem}', *known]),
            fix="give an array of that shape, or expect the one that it has",
            where=_where(),
        )  # fmt: skip
    line = here().line
    for name, (length, _) in met.items():
        lengths.setdefault(name, (length, f', since line {line}: "{shape}" was {given}'))
    return x


Bound = tuple[int, str]  # a length, and since when a name stands for it


def _count(words: tuple[str, ...]) -> str:
    return f"at least {len(words) - 1}" if rest in words else str(len(words))


def _where() -> str | None:
    return str(here()) or None


def _lengths_of(frame: FrameType) -> dict[str, Bound]:
    """What names stand for in this call of a function. The frame itself is kept: its identity cannot come again."""
    forget_finished()
    for known, lengths in thread.expected:
        if known is frame:
            return lengths
    thread.expected.append((frame, {}))
    return thread.expected[-1][1]


def _unreadable(message: str, fix: str = form) -> SettingError:
    return SettingError(f"expect: {message}", fix=fix, where=_where())


@cache
def _words(shape: str) -> tuple[str, ...]:
    words = tuple(shape.split())
    bad = [w for w in words if not (w.isidentifier() or w == rest or _is_length(w))]
    if bad:
        raise _unreadable(f"cannot read {_shortened(bad[0])} in {_shortened(shape)}")
    if words.count(rest) > 1:
        raise _unreadable(f"{shape!r} has ... more than once", "which axes belong to which is then open")
    return words


def _is_length(word: str) -> bool:
    return word.isdecimal() and word.isascii() and len(word) < 19  # so it is less than 2⁶³


def _shortened(text: str) -> str:
    """A text in quotes, of which no more than 60 letters are shown."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _aligned(words: tuple[str, ...], given: tuple[int, ...]) -> list[tuple[str, int]] | None:
    """Each axis with its word; None if there are too many axes or too few."""
    if rest in words:
        at = words.index(rest)
        missing = len(given) - (len(words) - 1)
        words = (*words[:at], *("_",) * missing, *words[at + 1 :])
        if missing < 0:
            return None
    return list(zip(words, given, strict=True)) if len(words) == len(given) else None
