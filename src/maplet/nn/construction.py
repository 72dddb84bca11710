"""What a constructor takes: its parameters, and other layers."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping


def constructor_parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """The parameters of ``__init__`` without ``self``."""
    # inspect.signature(cls) would look at __new__ first, which every Stateful has with arguments of any kind.
    initializer: Any = cls.__init__
    return dict(list(inspect.signature(initializer).parameters.items())[1:])


def require_layers(container: str, *layers: Any) -> None:
    """What a container is made of is layers, or functions, that can be called."""
    for n, layer in enumerate(layers):
        if isinstance(layer, type) or not callable(layer):
            fix = "give a layer, or a function of one array"
            if isinstance(layer, type):
                fix = f"write {layer.__name__}(...)"
            if isinstance(layer, list | tuple):
                fix = f"unpack a list: {container}(*layers)"
            raise SettingError(f"{container}: argument {n} is {layer!r}, not a layer", fix=fix)


def name_of(layer: Any) -> str:
    """A layer or a function by name, for messages."""
    return getattr(layer, "__name__", type(layer).__name__)
