"""A graph as text, readable for people and exact enough to be read back by ``parse`` in reading.py.

::

    graph(net.hidden.weight: f32[3,4], x: f32[2,3], cotangent0: f32[]) {
      hidden {
        %0 = matmul(x, net.hidden.weight) : f32[2,4]      # hidden · net.py:12
      }
      %1 = sum(%0, axes=(0, 1)) : f32[]
      %2 = broadcast_to(cotangent0, shape=(2, 4)) : f32[2,4]
      ∂ hidden {
        ...

A layer is a block, which editors fold; so is its part of the backward pass, marked by one ∂ for each derivative. (The
tangents of forward mode are computed beside the operations that they are of, and stand in their block.)
Constants stand where they are used, ``f32(1.0)``; a nested graph stands inside its node. ``parse(str(graph))`` gives
an equal graph; the lines' origins are comments and are not read back, and neither are the values of captured arrays.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, as_made, constant_primitive
from maplet.core.types import ArrayType, short_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Types = ArrayType | tuple[ArrayType, ...]

width = 120
plain_path = re.compile(r"(?!return\b)[^\W\d][\w.]*")


def graph_to_text(graph: Graph, *, origins: bool = False) -> str:
    """The graph as text; with ``origins``, each line says where it came from."""
    return "\n".join(_lines(graph, origins=origins))


def node_names(graph: Graph) -> dict[Node, str]:
    """How every node is called in the text, in the order of its lines; a constant used once is its own name.

    The lines stand in the order in which the nodes were made, where that is known: first the forward pass, as it was
    written, then the backward pass. Elsewhere each stands where it is needed first.
    """
    names = _input_names(graph)
    order = [node for node in as_made(graph) if node not in names]
    uses = Counter([*(child for node in order for child in node.inputs), *graph.outputs, *graph.outputs])
    numbers = count()
    for node in order:
        inline = node.primitive is constant_primitive and uses[node] == 1
        names[node] = _constant_text(node) if inline else f"%{next(numbers)}"
    return names


def node_text(node: Node, names: Mapping[Node, str], *, origins: bool = False, around: tuple[str, ...] = ()) -> str:
    """What a node computes: ``%0 = matmul(x, w)``; nested graphs stand in it, inside the layers ``around``."""
    operands = [names[child] for child in node.inputs]
    settings = [f"{key}={_value_text(value, origins=origins, around=around)}" for key, value in node.params.items()]
    text = f"{names[node]} = {node.primitive.name}({', '.join(operands + settings)})"
    if "\n" not in text or text.index("\n") <= width - 20:
        return text
    parts = ",\n".join([", ".join(operands), *settings]).replace("\n", "\n  ")
    return f"{names[node]} = {node.primitive.name}(\n  {parts})"


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Block:
    """What was made inside one call of a layer, or in one part of its backward pass, in order.

    Parameters
    ----------
    layers
        The layers, outermost first, each by its path in the one around it; empty for what is outside any.
    order
        0 in the forward pass, 1 in the backward pass, 2 in the backward pass of that.
    content
        Nodes, and the blocks of layers inside this one.
    """

    layers: tuple[str, ...] = ()
    order: int = 0
    content: list[Node | Block] = field(default_factory=list["Node | Block"])

    def nodes(self) -> list[Node]:
        """Every node in it, in order."""
        return [node for item in self.content for node in (item.nodes() if isinstance(item, Block) else [item])]


def blocks(nodes: Iterable[Node], origins: Mapping[Node, Origin], around: tuple[str, ...] = ()) -> Block:
    """Group nodes by the layers in which they were made; what stands between two parts of a layer parts it in two.

    Nodes of a nested graph stand inside the layers ``around``; those that know of no layer belong to these.
    """
    whole = Block(around)
    inside: list[Block] = []
    for node in nodes:
        origin = origins.get(node, Origin())
        layers, order = origin.layers or around, origin.order
        start = len(around) if layers[: len(around)] == around else 0
        wanted = [(layers[: end + 1], order) for end in range(start, len(layers))]
        if layers == around and around and order:
            wanted = [(around, order)]
        shared = 0
        while shared < min(len(wanted), len(inside)) and wanted[shared] == (
            inside[shared].layers,
            inside[shared].order,
        ):
            shared += 1
        del inside[shared:]
        for path, marks in wanted[shared:]:
            inner = Block(path, marks)
            (inside[-1] if inside else whole).content.append(inner)
            inside.append(inner)
        (inside[-1] if inside else whole).content.append(node)
    return whole


# ── lines ────────────────────────────────────────────────────────────────────────────────────────


def _lines(graph: Graph, *, origins: bool, around: tuple[str, ...] = ()) -> list[str]:
    names = node_names(graph)
    shown = [node for node in list(names)[len(graph.inputs) :] if names[node].startswith("%")]

    def block_lines(block: Block) -> list[str]:
        lines: list[str] = []
        for item in block.content:
            if isinstance(item, Block):
                lines += [f"{block_title(item)} {{", *(f"  {line}" for line in block_lines(item)), "}"]
                continue
            origin = str(graph.origins.get(item, "")) if origins else ""
            text = f"{node_text(item, names, origins=origins, around=block.layers)} : {_type_text(item.type)}"
            lines += (text + (f"   # {origin}" if origin else "")).split("\n")
        return lines

    inputs = [f"{names[node]}: {node.type}" for node in graph.inputs]
    results = [names[node] for node in graph.outputs]
    return [
        *_wrapped("graph(", inputs, ") {", last=","),
        *(f"  {line}" for line in block_lines(blocks(shown, graph.origins, around))),
        *(f"  {line}" for line in _wrapped("return ", results)),
        "}",
    ]


def block_title(block: Block) -> str:
    """``encoder.layers.0``, or ``∂ encoder.layers.0`` in the backward pass."""
    path = ".".join(block.layers)
    return f"{'∂' * block.order} {path if plain_path.fullmatch(path) else repr(path)}".strip()


def _wrapped(before: str, items: Sequence[str], after: str = "", last: str = "") -> list[str]:
    """A list on one line where that is short; else on several, of which the last item's ends with ``last``."""
    line = f"{before}{', '.join(items)}{after}"
    if len(line) <= width:
        return [line]
    lines = [before.rstrip(), *(f"  {item}," for item in items[:-1]), f"  {items[-1]}{last}"]
    return [*lines, after] if after else lines


def _input_names(graph: Graph) -> dict[Node, str]:
    """A distinct name for every input: that of its origin where it has one."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    for number, node in enumerate(graph.inputs):
        wanted = re.sub(r"[^\w.]|^(?=[\d.])", "_", graph.origins.get(node, Origin()).name) or f"x{number}"
        name = wanted if wanted not in taken else next(n for k in count(2) if (n := f"{wanted}_{k}") not in taken)
        taken.add(name)
        names[node] = name
    return names


def _type_text(types: Types) -> str:
    return f"({', '.join(map(str, types))})" if isinstance(types, tuple) else str(types)


def _constant_text(node: Node) -> str:
    return f"{short_name(node.params['dtype'])}({_value_text(node.params['value'])})"


def _value_text(value: Any, *, origins: bool = False, around: tuple[str, ...] = ()) -> str:
    if isinstance(value, Graph):
        return "\n".join(_lines(value, origins=origins, around=around))
    if isinstance(value, np.dtype):
        return short_name(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, tuple):
        items: list[str] = [_value_text(item, origins=origins, around=around) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    return repr(value)
