"""How a module is shown: as the call that makes it, and as a table of its layers."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array, Parameter
from maplet.core.recording import trace
from maplet.core.tree import leaves, objects
from maplet.nn.construction import constructor_parameters
from maplet.ops.creation import zeros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from maplet.nn.module import Module

# ── the call that makes it ───────────────────────────────────────────────────────────────────────


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


# ── the table ────────────────────────────────────────────────────────────────────────────────────

header = ("layer", "type", "output", "parameters", "trained")


def summarise(net: Module, input_shape: tuple[int, ...] | None, dtype: Any) -> str:
    """One line for each module of a tree, and the totals."""
    cells = [
        [f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in layer_rows(net, input_shape, dtype)
    ]
    rows = [header, *map(tuple, cells)]
    return "\n".join([*_table(rows, with_outputs=input_shape is not None), _totals(list(net.parameters().values()))])


def layer_rows(net: Module, input_shape: tuple[int, ...] | None, dtype: Any) -> list[tuple[str | int, ...]]:
    """A row for each module of a tree: what `header` names; the number of parameters is a number, or empty."""
    outputs = {} if input_shape is None else _output_shapes(net, zeros(input_shape, dtype=dtype))
    rows: list[tuple[str | int, ...]] = []
    for path, module in net.modules().items():
        own, tied = _direct_parameters(net, path, module)
        count = sum(parameter.size for parameter in own) if own else ""
        notes = [_trained(own)] if own else []
        notes += [f"{name} tied to {first}" for name, first in tied.items()]
        head = type(module).__name__ if len(module.modules()) > 1 else representation(module)
        rows.append((path, head, outputs.get(path, ""), count, "; ".join(notes)))
    return rows


def _direct_parameters(net: Module, path: str, module: Module) -> tuple[list[Parameter], dict[str, str]]:
    """The parameters that belong to a module itself: those met here first, and the names of those tied to others."""
    first = {id(parameter): name for name, parameter in net.parameters().items()}
    inside = tuple(f"{child}." for child in module.modules() if child)
    direct = {name: p for name, p in module.parameters().items() if not name.startswith(inside)}
    places = {name: f"{path}.{name}" if path else name for name in direct}
    own = [p for name, p in direct.items() if first[id(p)] == places[name]]
    return own, {name: first[id(p)] for name, p in direct.items() if first[id(p)] != places[name]}


def _trained(parameters: list[Parameter]) -> str:
    trained = [parameter.trainable for parameter in parameters]
    return "yes" if all(trained) else "partly" if any(trained) else "no"


def _output_shapes(net: Module, x: Array) -> dict[str, str]:
    """The shape that each module gives, by path, found by tracing one call."""
    found: dict[str, str] = {}

    def noted(forward: Callable[..., Any], path: str) -> Callable[..., Any]:
        def forward_and_note(*args: Any, **kwargs: Any) -> Any:
            output = forward(*args, **kwargs)
            found[path] = ", ".join(str(leaf.shape) for leaf in leaves(output).values())
            return output

        return forward_and_note

    def call(copy: Module, x: Array) -> Any:
        # The trace works on a copy of the module, so the copy's methods can be replaced for this once.
        for path, module in copy.modules().items():
            vars(module)["forward"] = noted(module.forward, path)
        return copy(x)

    trace(call, net, x)
    return found


def _table(rows: list[tuple[str, ...]], *, with_outputs: bool) -> list[str]:
    columns = [n for n, name in enumerate(header) if with_outputs or name != "output"]
    widths = [max(len(row[n]) for row in rows) for n in columns]
    lines = [
        "  ".join(
            f"{row[n]:>{width}}" if header[n] == "parameters" else f"{row[n]:<{width}}"
            for n, width in zip(columns, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return [lines[0], rule, *lines[1:], rule]


def _totals(parameters: list[Parameter]) -> str:
    total = sum(parameter.size for parameter in parameters)
    trained = sum(parameter.size for parameter in parameters if parameter.trainable)
    share = "all trained" if trained == total else f"{trained:,} trained, {total - trained:,} frozen"
    return f"{total:,} parameters, {share}" if total else "no parameters"
