"""The table of a module: a row for each layer, with what it gives, what it holds and what it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from maplet.core.context import layer_names
from maplet.core.recording import as_tree, record
from maplet.core.tree import leaves
from maplet.errors import SettingError
from maplet.nn.display import representation
from maplet.ops.creation import zeros
from maplet.transforms.flops import flops_by_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from maplet.core.array import Parameter
    from maplet.nn.module import Module


@dataclass(frozen=True)
class Row:
    """What is to be said of one module: of itself, without the modules inside it."""

    path: str
    kind: str
    output: str
    parameters: int
    flops: int
    trained: str

    def cells(self) -> dict[str, str]:
        """The row as text, by the names of the columns; what is 0 is left out."""
        return {
            "layer": self.path,
            "type": self.kind,
            "output": self.output,
            "parameters": f"{self.parameters:,}" if self.parameters else "",
            "FLOPs": in_short(self.flops) if self.flops else "",
            "trained": self.trained,
        }


to_the_right = {"parameters", "FLOPs"}


def summarise(net: Module, inputs: Sequence[Any], options: Mapping[str, Any], dtype: Any) -> str:
    """One line for each module of a tree, indented as they hold each other, and the totals."""
    rows = layer_rows(net, inputs, options, dtype)
    cells = [{**row.cells(), "layer": name} for row, name in zip(rows, _indented(rows), strict=True)]
    shown = [
        name
        for name in cells[0]
        if (inputs or name not in ("output", "FLOPs"))
        and (name != "trained" or any(c[name] not in ("", "yes") for c in cells))
    ]
    names, *lines = _aligned([shown, *([row[name] for name in shown] for row in cells)], shown)
    rule = "-" * max(map(len, (names, *lines)))
    totals = [_totals(list(net.parameters().values()))]
    if inputs:
        totals.append(f"{in_short(sum(row.flops for row in rows), 'FLOPs')}, where a multiply-add is two")
    return "\n".join([names, rule, *lines, rule, "; ".join(totals)])


def _indented(rows: Sequence[Row]) -> list[str]:
    """The paths of the rows, each without that of the module around it, below which it is indented."""
    names: list[str] = []
    around: list[str] = []
    for row in rows:
        while around and not row.path.startswith(f"{around[-1]}."):
            around.pop()
        names.append("  " * len(around) + row.path.removeprefix(f"{around[-1]}." if around else ""))
        if row.path:
            around.append(row.path)
    return names


def layer_rows(net: Module, inputs: Sequence[Any], options: Mapping[str, Any], dtype: Any) -> list[Row]:
    """A row for each module of a tree; without inputs nothing is known of what the modules give and compute."""
    outputs, flops = _measured(net, inputs, options, dtype) if inputs else ({}, {})
    rows: list[Row] = []
    for path, module in net.modules().items():
        own, tied = _direct_parameters(net, path, module)
        notes = [_trained(own)] if own else []
        notes += [f"{name} tied to {first}" for name, first in tied.items()]
        kind = type(module).__name__ if len(module.modules()) > 1 else representation(module)
        size = sum(parameter.size for parameter in own)
        rows.append(Row(path, kind, outputs.get(path, ""), size, flops.get(path, 0), "; ".join(notes)))
    return rows


def in_short(count: int, unit: str = "") -> str:
    """A number with three digits and a prefix, such as 1.29 M for 1,290,000.

    Examples
    --------
    >>> [in_short(n) for n in (0, 999, 1290, 456_789, 999_999)], in_short(45_678_901, "FLOPs")
    (['0', '999', '1.29 k', '457 k', '1.00 M'], '45.7 MFLOPs')
    """
    digits, exponent = f"{count:.2e}".split("e")
    power = int(exponent) // 3
    if power == 0:
        return f"{count} {unit}".rstrip()
    return f"{float(digits) * 10 ** (int(exponent) % 3):#.3g}".rstrip(".") + f" {'kMGTPEZY'[power - 1]}{unit}"


# ── what it holds ────────────────────────────────────────────────────────────────────────────────


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


def _totals(parameters: list[Parameter]) -> str:
    total = sum(parameter.size for parameter in parameters)
    trained = sum(parameter.size for parameter in parameters if parameter.trainable)
    if not total:
        return "no parameters"
    share = "all trained"
    if trained != total:
        share = f"{trained:,} trained ({trained / total:.1%}), {total - trained:,} frozen"
    return f"{total:,} parameters, {share}"


# ── what it gives and computes ───────────────────────────────────────────────────────────────────


def _measured(
    net: Module, inputs: Sequence[Any], options: Mapping[str, Any], dtype: Any
) -> tuple[dict[str, str], dict[str, int]]:
    """The shape that each module gives and the operations that it does, by path, found by tracing one call."""
    shapes: dict[str, str] = {}
    modules = net.modules().keys()
    paths: dict[tuple[str, ...], str] = {}  # by what the trace calls the layers, as a shared module has several names

    def noted(forward: Callable[..., Any], path: str) -> Callable[..., Any]:
        def forward_and_note(*args: Any, **kwargs: Any) -> Any:
            paths[layer_names()] = path
            output = forward(*args, **kwargs)
            shapes[path] = ", ".join(str(leaf.shape) for leaf in leaves(output).values())
            return output

        return forward_and_note

    def call(copy: Module, given: Any, named: Any) -> Any:
        # The trace works on a copy of the module, so the copy can be changed for this once.
        copy.eval()
        for path, module in copy.modules().items():
            vars(module)["forward"] = noted(module.forward, path)
        return copy(*given, **named)

    given = [_as_input(one, dtype) for one in inputs]
    graph = record(call, [net, given, dict(options)], with_values=False).graph
    found: dict[str, int] = {}
    for layers, count in flops_by_layer(graph).items():
        path = _row_of(layers, paths, modules)
        found[path] = found.get(path, 0) + count
    return shapes, found


def _row_of(layers: tuple[str, ...], paths: Mapping[tuple[str, ...], str], modules: Collection[str]) -> str:
    """The path of the innermost layer that has a row, of those that were being called."""
    for n in range(len(layers), 0, -1):
        if layers[:n] in paths:
            return paths[layers[:n]]
        if ".".join(layers[:n]) in modules:  # entered, but not called: the cell of a recurrent layer
            return ".".join(layers[:n])
    return ""


def _as_input(given: Any, dtype: Any) -> Any:
    """Zeros for a shape; what holds an array is an input already."""
    if _is_shape(given):
        return zeros(given, dtype=dtype)
    if not leaves(as_tree(given)):
        raise SettingError(
            f"summary: {given!r} is no input", fix="give each input as its shape, net.summary((32, 10)), or as an array"
        )
    return given


def _is_shape(given: Any) -> bool:
    return isinstance(given, tuple) and all(isinstance(n, int) for n in cast("tuple[Any, ...]", given))


def _aligned(table: Sequence[Sequence[str]], columns: Sequence[str]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            f"{cell:>{width}}" if column in to_the_right else f"{cell:<{width}}"
            for cell, width, column in zip(cells, widths, columns, strict=True)
        ).rstrip()
        for cells in table
    ]
