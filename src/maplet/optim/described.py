"""Optimizers and schedules as JSON, and back: a class name and the arguments of its constructor."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.tree import Stateful
from maplet.errors import SettingError
from maplet.messages import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    C = TypeVar("C", bound="type[Described]")

registry: dict[str, type[Described]] = {}
"""Every class that `build` may make, by name. Laws iterate over it."""


class Described(Stateful):
    """An object that keeps every argument of its constructor as an attribute of the same name.

    That is all that `describe` needs, so a subclass writes no code for it.
    """

    def __new__(cls, *args: Any, **_: Any) -> Self:
        """Make the object; a network or its parameters in the first place is a habit of PyTorch."""
        if args and isinstance(args[0], dict | list | Stateful) and not isinstance(args[0], Described):
            kind = type(cast("object", args[0])).__name__
            raise SettingError(
                f"{cls.__name__}: its first setting is a number or a schedule, given {kind}",
                fix="the optimizer is told the network at update: optimizer.update(net, gradients)",
            )
        return super().__new__(cls)

    def describe(self) -> dict[str, Any]:
        """The settings as they are now, ready for JSON; `build` makes an equal object of them.

        What it has learned on its way (moments, step counters) is not part of it: see ``state_dict``.

        Raises
        ------
        SettingError
            If the class is not registered, or an argument is nothing that JSON can hold.

        Examples
        --------
        >>> from maplet import optim
        >>> optim.SGD(0.5, momentum=0.9).describe()["momentum"]
        0.9
        """
        name = type(self).__name__
        if registry.get(name) is not type(self):
            raise SettingError(
                f"{name} cannot be described: it is not a registered class",
                fix="write @optim.register above a class that keeps the arguments of its constructor as attributes",
            )
        return {"type": name} | {argument: self._as_json(argument) for argument in arguments(type(self))}

    def _as_json(self, argument: str) -> Any:
        return self._json_of(argument, getattr(self, argument))

    def _json_of(self, argument: str, value: Any) -> Any:
        if isinstance(value, Described):
            return value.describe()
        if isinstance(value, dict):
            entries = cast("dict[Any, Any]", value)
            return {self._json_of(argument, key): self._json_of(argument, child) for key, child in entries.items()}
        if isinstance(value, Array | np.generic):
            value = cast("Any", value).item()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise SettingError(f"{type(self).__name__}: {argument} is a {type(value).__name__}, which JSON cannot hold")

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self)).parameters
        values = {name: _number(getattr(self, name)) for name in arguments(type(self)) if hasattr(self, name)}
        told = [f"{name}={value!r}" for name, value in values.items() if value != parameters[name].default]
        return f"{type(self).__name__}({', '.join(told)})"


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, Array) and not value.shape else value


def arguments(cls: type[Described]) -> list[str]:
    """The names of the arguments of a class's constructor."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, parameter in inspect.signature(cls).parameters.items() if parameter.kind in kinds]


def register(cls: C) -> C:
    """Let `build` make this class: written above the definition of an optimizer or schedule, your own too.

    Nothing is ever imported by a name found in a file, so a class of your own must have been defined, and with it
    registered, before a run that uses it is resumed.

    Raises
    ------
    SettingError
        If another class has the name already.

    Examples
    --------
    >>> from maplet import optim
    >>> @optim.register
    ... class SquareRoot(optim.Schedule):
    ...     def __init__(self, initial):
    ...         self.initial = initial
    ...
    ...     def rate(self, step):
    ...         return self.initial / (1 + step) ** 0.5
    >>> optim.build({"type": "SquareRoot", "initial": 0.1})
    SquareRoot(initial=0.1)
    """
    if not (isinstance(cast("Any", cls), type) and issubclass(cls, Described)):
        raise SettingError(
            f"register takes an optimizer or schedule, given {shown(cls)}",
            fix="write @optim.register above a class that derives from optim.Optimizer or optim.Schedule",
        )
    if cls.__name__ in registry and registry[cls.__name__].__module__ != cls.__module__:
        raise SettingError(
            f"there is already an optimizer or schedule named {cls.__name__}", fix="give yours another name"
        )
    registry[cls.__name__] = cls
    return cls


def build(description: Mapping[str, Any]) -> Any:
    """Make the optimizer or schedule that ``describe`` has described.

    Raises
    ------
    SettingError
        If the type is unknown, an argument is missing or unexpected, or a value is out of its range.

    Examples
    --------
    >>> build({"type": "SGD", "learning_rate": {"type": "Step", "initial": 0.1, "every": 30}}).learning_rate
    Step(initial=0.1, every=30)
    """
    if not isinstance(cast("Any", description), dict):
        raise SettingError(
            f"build: a description is a dict, given {shown(description)}",
            fix='build({"type": "SGD", "learning_rate": 0.1})',
        )
    name = description.get("type")
    if name not in registry:
        raise SettingError(
            f"{name!r} is no optimizer or schedule; there are {', '.join(sorted(registry))}",
            fix="a class of your own is known once it has been defined with @optim.register",
        )
    cls = registry[cast("str", name)]
    settings = {argument: _built(value) for argument, value in description.items() if argument != "type"}
    try:
        inspect.signature(cls).bind(**settings)
    except TypeError as error:
        raise SettingError(f"{name}: {error}", fix=f"its arguments are {', '.join(arguments(cls))}") from error
    return cls(**settings)


def _built(value: Any) -> Any:
    """What stands in a description: an object, a dict of them by names of the user's, or a setting."""
    if not isinstance(value, dict):
        return value
    entries = cast("dict[str, Any]", value)
    if "type" in entries and not isinstance(entries["type"], dict):
        return build(entries)
    return {name: _built(entry) for name, entry in entries.items()}
