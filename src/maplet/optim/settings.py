"""Settings of optimizers and schedules: what a number may be, said once."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any, TypeGuard

import numpy as np

from maplet.errors import SettingError


def real(
    name: str, value: Any, *, least: float = -inf, above: float = -inf, below: float = inf, most: float = inf
) -> float:
    """A finite Python float inside a range.

    Parameters
    ----------
    name, value
        The setting, and what was given for it.
    least, above
        The lower bound, with and without the bound itself.
    below, most
        The upper bound, without and with the bound itself.

    Raises
    ------
    SettingError
        If the value is no finite number or lies outside.

    Examples
    --------
    >>> real("beta1", 0.9, least=0, below=1)
    0.9
    >>> real("learning_rate", 0, above=0)
    Traceback (most recent call last):
        ...
    maplet.errors.SettingError: learning_rate=0: expected a finite number > 0
    """
    if is_number(value) and isfinite(value) and least <= value <= most and above < value < below:
        return float(value)
    bounds = [(least, "≥"), (above, ">"), (below, "<"), (most, "≤")]
    wanted = " and ".join(f"{sign} {bound:g}" for bound, sign in bounds if isfinite(bound))
    raise SettingError(f"{name}={value!r}: expected a finite number {wanted}".rstrip())


def whole(name: str, value: Any, *, least: int) -> int:
    """A Python integer of at least some size.

    Raises
    ------
    SettingError
        If the value is no integer or too small.

    Examples
    --------
    >>> whole("patience", 10, least=0)
    10
    """
    if is_number(value) and not isinstance(value, float | np.floating) and value >= least:
        return int(value)
    raise SettingError(f"{name}={value!r}: expected an integer ≥ {least}")


def flag(name: str, value: Any) -> bool:
    """True or false, and nothing else.

    Raises
    ------
    SettingError
        If the value is anything else, such as the string ``"no"``.

    Examples
    --------
    >>> flag("nesterov", True)
    True
    """
    if isinstance(value, bool):
        return value
    raise SettingError(f"{name}={value!r}: expected True or False")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether this is a real number of Python or NumPy (a bool is none)."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
