"""The outline of a graph: one line per layer, forward and backward."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, as_made, constant_primitive
from maplet.core.repeats import runs
from maplet.core.text import Block, block_title, blocks
from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

most_shown, longest_period, fewest_repeats = 4, 8, 3


def outline(graph: Graph, depth: int = 1) -> str:
    """What a graph does, one line per layer: first the forward pass, then the backward pass (marked ∂).

    A line names the layer, counts its operations, gives the types that come in and go out, and how many numbers it
    trains. Tangents, of forward mode, stand beside the operations that they are of. Lines that repeat are said once.

    Parameters
    ----------
    graph
        What `trace` or a transform gave.
    depth
        How many levels of layers to open: with 1, each layer of the network itself is one line.

    Raises
    ------
    SettingError
        If the depth is no integer ≥ 1.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    >>> print(mp.outline(mp.trace(lambda net, x: mp.sum(net(x)), net, mp.ones((5, 3)))))
    <graph: 3 inputs, 7 nodes, 1 output>
    layers.0   matmul, add         f32[5,3] → f32[5,4]   16 parameters
    layers.1   less_equal, where   f32[5,4] → f32[5,4]
    –          sum                 f32[5,4] → f32[]
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SettingError(f"outline: depth={depth!r} is no number of levels", fix="an integer ≥ 1; 1 is the shortest")
    inputs = set(graph.inputs)
    nodes = [node for node in as_made(graph) if node not in inputs and node.primitive is not constant_primitive]
    users: dict[Node, list[Node]] = {}
    for node in nodes:
        for child in node.inputs:
            users.setdefault(child, []).append(node)
    rows = [_row(graph, part, users) for part in _parts(blocks(nodes, graph.origins), depth, graph)]
    widths = [max((len(row.cells()[n]) for row in rows), default=0) for n in range(3)]
    return "\n".join([repr(graph), *(line for line in _folded(rows, widths))])


def _parts(block: Block, depth: int, graph: Graph) -> Iterator[Block]:
    """The parts that get a line, in order: blocks at the depth, and what stands between them."""
    loose = Block(block.layers, block.order)
    for item in block.content:
        inside = isinstance(item, Block)
        order = block.order if inside else graph.origins.get(item, Origin()).order
        if loose.content and (inside or order != loose.order):
            yield loose
            loose = Block(block.layers, block.order)
        if isinstance(item, Block):
            yield from [item] if len(item.layers) >= depth else _parts(item, depth, graph)
        else:
            loose.order = order
            loose.content.append(item)
    if loose.content:
        yield loose


@dataclass(frozen=True)
class Row:
    """One line: the layer's path with its mark, then what does not depend on its name."""

    title: str
    mark: str
    operations: str
    types: str
    parameters: str

    def cells(self) -> tuple[str, str, str, str]:
        """The columns."""
        return self.title, self.operations, self.types, self.parameters

    def pattern(self) -> tuple[str, ...]:
        """What is equal in lines that repeat."""
        return self.mark, self.operations, self.types, self.parameters


def _row(graph: Graph, part: Block, users: dict[Node, list[Node]]) -> Row:
    nodes = part.nodes()
    own = set(nodes)
    path = "".join(f".{name}" for name in part.layers)
    read = dict.fromkeys(child for node in nodes for child in node.inputs if child not in own)
    weights = {node for node in read if path and f"{path}." in f".{_name(graph, node)}"}
    entering = [n for n in read if n.primitive is not constant_primitive and n not in weights]
    leaving = [n for n in nodes if n in graph.outputs or any(user not in own for user in users.get(n, ()))]
    size = 0 if part.order else sum(node.array_type.size for node in weights if graph.origins[node].trainable)
    mark = "∂" * part.order
    return Row(
        block_title(part) if part.layers else f"{mark} –".strip(),
        mark,
        _counted(Counter(node.primitive.name for node in nodes)),
        f"{_types(entering)} → {_types(leaving)}".strip(),
        f"{size:,} parameters" if size else "",
    )


def _name(graph: Graph, node: Node) -> str:
    return graph.origins.get(node, Origin()).name if node in graph.inputs else ""


def _counted(counts: Counter[str]) -> str:
    found = [f"{n} × {name}" if n > 1 else name for name, n in counts.most_common(most_shown)]
    rest = sum(counts.values()) - sum(n for _, n in counts.most_common(most_shown))
    return ", ".join([*found, f"{rest} more"] if rest else found)


def _types(nodes: Iterable[Node]) -> str:
    counts = Counter(str(node.type) if not isinstance(node.type, tuple) else "several" for node in nodes)
    return _counted(counts)


def _folded(rows: Sequence[Row], widths: Sequence[int]) -> Iterator[str]:
    """The lines; a pattern of lines that comes again at once, three times or more, is said once."""
    patterns = [row.pattern() for row in rows]
    for start, period, times in runs(patterns, longest_period, fewest_repeats):
        for row in rows[start : start + period]:
            cells = row.cells()
            yield "   ".join([*(c.ljust(w) for c, w in zip(cells, widths, strict=False)), cells[-1]]).rstrip()
        if times > 1:
            these = "this line" if period == 1 else f"these {period} lines"
            last = rows[start + period * times - 1]
            yield f"  … {these} {times - 1} times more, up to {last.title}"
