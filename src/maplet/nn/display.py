"""How a module is written: as the call that makes it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array
from maplet.core.tree import objects
from maplet.nn.construction import constructor_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maplet.nn.module import Module


def representation(module: Module) -> str:
    """The module as the call that makes it, nested; settings at their defaults are left out."""
    items = _setting_texts(module)
    settings = module.settings()
    items += [
        f"{name}={_text(value)}"
        for name, value in vars(module).items()
        if name not in settings and _holds_modules(value)
    ]
    return _block(f"{type(module).__name__}(", items, ")") if _holds_modules(vars(module)) else call(module)


def call(module: Module) -> str:
    """The call alone: for a module whose settings say which modules are in it."""
    return f"{type(module).__name__}({', '.join(_setting_texts(module))})"


def _setting_texts(module: Module) -> list[str]:
    parameters = constructor_parameters(type(module))
    items: list[str] = []
    for name, value in module.settings().items():
        if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            items += map(_text, value)
        elif parameters[name].default is inspect.Parameter.empty:
            items.append(_text(value))
        elif not _equal(value, parameters[name].default):
            items.append(f"{name}={_text(value)}")
    return items


def _holds_modules(tree: Any) -> bool:
    return any(callable(found) for found in objects(tree).values())  # generators are Stateful too, but nothing to call


def _equal(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not isinstance(value, Array) and value == default)


def _text(value: Any) -> str:
    if isinstance(value, Array):
        return f"{type(value).__name__}({value.type})"
    if not isinstance(value, dict | list | tuple) or not _holds_modules(value):
        return repr(cast("object", value))
    if isinstance(value, dict):
        return _block("{", [f"{key!r}: {_text(child)}" for key, child in cast("dict[Any, Any]", value).items()], "}")
    brackets = "[]" if isinstance(value, list) else "()"
    return _block(brackets[0], map(_text, cast("list[Any]", value)), brackets[1])


def _block(head: str, items: Iterable[str], tail: str) -> str:
    indented = [f"  {line}" for item in items for line in f"{item},".split("\n")]
    return "\n".join([head, *indented, tail])
