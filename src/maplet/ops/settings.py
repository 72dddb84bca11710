"""Settings of operations, layers and optimizers: what a number, a flag or a word may be, said once.

A label says whose setting it is: ``"diff: n"``, ``"BatchNorm: momentum"``. Nothing is taken for something else: True
is no 1, an array is no number, and ``"no"`` no flag.
"""

from __future__ import annotations

from math import inf, isfinite
from operator import index
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        What else to say where it is refused.

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
    """
    if is_number(value) and isfinite(value) and least <= value <= most and above < value < below:
        return float(value)
    bounds = [(least, "≥"), (above, ">"), (below, "<"), (most, "≤")]
    wanted = " and ".join(f"{sign} {bound:g}" for bound, sign in bounds if isfinite(bound))
    raise SettingError(f"{label}={value!r}: expected a finite number {wanted}".rstrip(), fix=fix)


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
    """
    number = as_index(value)
    if number is not None and (least is None or least <= number) and (most is None or number <= most):
        return number
    range_ = "" if least is None else f" ≥ {least}" if most is None else f" from {least} to {most}"
    raise SettingError(f"{label}={value!r}: expected an integer{range_}", fix=fix)


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
    raise SettingError(f"{label}={value!r}: expected True or False")


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
    """
    if isinstance(value, str) and value in words:
        return value
    *others, last = map(repr, words)
    raise SettingError(f"{label}={value!r}: expected {', '.join(others)} or {last}")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether this is a real number of Python or NumPy (a bool is none)."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def as_index(value: Any) -> int | None:
    """An integer as Python's own; None where it is none. A truth value is none: ``sum(x, True)`` would be a slip."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return index(value)
    except TypeError:
        return None
