"""What users set of operations, layers, optimizers and commands: what a number, a flag or a word may be, said once.

A label says whose setting it is: ``"diff: n"``, ``"BatchNorm: momentum"``. Nothing is taken for something else: True
is no 1, an array is no number, and ``"no"`` no flag.
"""

from __future__ import annotations

from contextlib import suppress
from math import inf, isfinite
from operator import index
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from maplet.errors import SettingError
from maplet.messages import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def real(
    label: str,
    value: Any,
    *,
    least: float = -inf,
    above: float = -inf,
    below: float = inf,
    most: float = inf,
    fix: str | None = None,
) -> float:
    """A finite Python float inside a range.

    Parameters
    ----------
    label, value
        The setting, and what was given for it.
    least, above
        The lower bound, with and without the bound itself.
    below, most
        The upper bound, without and with the bound itself.
    fix
        How to mend it, where more is known than the value tells.

    Raises
    ------
    SettingError
        If the value is no finite number or lies outside.

    Examples
    --------
    >>> real("beta1", 0.9, least=0, below=1)
    0.9
    >>> real("Adam: learning_rate", 0, above=0)
    Traceback (most recent call last):
        ...
    maplet.errors.SettingError: Adam: learning_rate=0: expected a finite number > 0
      fix: for example: learning_rate=0.1
    """

    def fits(number: float) -> bool:
        return least <= number <= most and above < number < below

    with suppress(OverflowError):  # an integer may be too large for a float
        if is_number(value) and isfinite(value) and fits(value):
            return float(value)
    bounds = [(least, "≥"), (above, ">"), (below, "<"), (most, "≤")]
    wanted = " and ".join(f"{sign} {bound:g}" for bound, sign in bounds if isfinite(bound))
    likely = (0.1, 0.5, 1.0, 2.0, -0.5, (least + most) / 2, (above + below) / 2, least, most, above + 1, below - 1)
    message = f"{label}={shown(value)}: expected a finite number {wanted}".rstrip()
    raise SettingError(message, fix=fix or _advice(label, value, float, fits, likely))


def whole(label: str, value: Any, *, least: int | None = None, most: int | None = None, fix: str | None = None) -> int:
    """A Python integer, from ``least`` to ``most`` where these are given.

    Raises
    ------
    SettingError
        If the value is no integer or lies outside.

    Examples
    --------
    >>> whole("patience", 10, least=0)
    10
    >>> whole("roll: shift", True)
    Traceback (most recent call last):
        ...
    maplet.errors.SettingError: roll: shift=True: expected an integer
      fix: for example: shift=1
    """

    def fits(number: float) -> bool:
        return (least is None or least <= number) and (most is None or number <= most)

    number = as_index(value)
    if number is not None and fits(number):
        return number
    range_ = "" if least is None else f" ≥ {least}" if most is None else f" from {least} to {most}"
    likely = (1, *(bound for bound in (least, most) if bound is not None))
    message = f"{label}={shown(value)}: expected an integer{range_}"
    raise SettingError(message, fix=fix or _advice(label, value, int, fits, likely))


def flag(label: str, value: Any) -> bool:
    """True or false, and nothing else.

    Raises
    ------
    SettingError
        If the value is anything else, such as the string ``"no"``, or an array.

    Examples
    --------
    >>> flag("nesterov", True)
    True
    """
    if isinstance(value, bool | np.bool_):
        return bool(cast("Any", value))
    name = _keyword(label)
    raise SettingError(f"{label}={shown(value)}: expected True or False", fix=f"{name}=True, or {name}=False")


def choice(label: str, value: Any, words: Sequence[str]) -> str:
    """One of some words.

    Raises
    ------
    SettingError
        If it is none of them.

    Examples
    --------
    >>> choice("qr: mode", "full", ("reduced", "complete"))
    Traceback (most recent call last):
        ...
    maplet.errors.SettingError: qr: mode='full': expected 'reduced' or 'complete'
      fix: for example: mode='reduced'
    """
    if isinstance(value, str) and value in words:
        return value
    *others, last = map(repr, words)
    message = f"{label}={shown(value)}: expected {', '.join(others)} or {last}"
    close = nearest(str(value), words)
    meant = f"did you mean {_keyword(label)}={close[0]!r}?" if close else f"for example: {_keyword(label)}={words[0]!r}"
    raise SettingError(message, fix=meant)


def _keyword(label: str) -> str:
    """The setting as one writes it in a call, of ``"Adam: learning_rate"`` the second word."""
    return label.rpartition(": ")[2]


def _advice(
    label: str, value: Any, kind: type[int | float], fits: Callable[[float], bool], likely: Iterable[float]
) -> str:
    """How to mend a number that is none, or lies outside: by the slip that it looks like, and by an example."""
    slip, meant = "for example", list(likely)
    with suppress(ValueError, TypeError, OverflowError):
        if isinstance(value, str):
            slip, meant = "a number is written without quotes", [kind(value), *meant]
        elif getattr(value, "shape", None) and getattr(value, "size", 0) == 1:
            slip, meant = "take the number out of the array, x.item()", [kind(value.item()), *meant]
        elif issubclass(kind, int) and isinstance(value, float) and value.is_integer():
            slip, meant = "an integer is written without a point", [int(value), *meant]
    legal = (f"{_keyword(label)}={number:.12g}" for number in meant if fits(number))
    example = next(legal, f"another {_keyword(label)}")
    return f"{slip}: {example}"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether this is a real number of Python or NumPy (a bool is none)."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool | np.timedelta64)


def as_index(value: Any) -> int | None:
    """An integer as Python's own; None where it is none. A truth value is none: ``sum(x, True)`` would be a slip."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return index(value)
    except TypeError:
        return None
