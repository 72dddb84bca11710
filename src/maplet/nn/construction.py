"""What a constructor takes: its parameters, and settings that must be positive."""

from __future__ import annotations

import inspect
import operator
from typing import TYPE_CHECKING, Any, SupportsIndex

from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping


def constructor_parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """The parameters of ``__init__`` without ``self``."""
    # inspect.signature(cls) would look at __new__ first, which every Stateful has with arguments of any kind.
    initializer: Any = cls.__init__
    return dict(list(inspect.signature(initializer).parameters.items())[1:])


def positive_integer(layer: str, name: str, value: Any) -> int:
    """A number of features or classes, as a Python integer."""
    number = operator.index(value) if isinstance(value, SupportsIndex) and not isinstance(value, bool) else 0
    if number < 1:
        raise SettingError(f"{layer}: {name} is a positive integer, not {value!r}")
    return number
