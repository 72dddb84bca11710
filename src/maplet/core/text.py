"""Graph ⇄ text: readable for people, exact enough to be read back.

::

    graph(x: f32[2,3], w: f32[3,4]) {
      %0 = matmul(x, w) : f32[2,4]      # hidden · net.py:12
      %1 = sum(%0, axes=(0, 1)) : f32[]
      return %1
    }

Constants stand where they are used, ``f32(1.0)``; a nested graph stands inside its node. ``parse(str(graph))`` gives
an equal graph; origins are comments and are not read back, and neither are the values of captured arrays.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, as_made, constant_primitive, input_node
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, dtypes_by_short_name, short_name
from maplet.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Types = ArrayType | tuple[ArrayType, ...]

# ── printing ─────────────────────────────────────────────────────────────────────────────────────


def graph_to_text(graph: Graph, *, origins: bool = False) -> str:
    """The graph as text; with ``origins``, each line says where it came from."""
    return "\n".join(_lines(graph, graph.origins if origins else {}))


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


def node_text(node: Node, names: Mapping[Node, str]) -> str:
    """What a node computes: ``%0 = matmul(x, w)``."""
    operands = [names[child] for child in node.inputs]
    settings = [f"{key}={_value_text(value)}" for key, value in node.params.items()]
    return f"{names[node]} = {node.primitive.name}({', '.join(operands + settings)})"


def _lines(graph: Graph, origins: Mapping[Node, Origin]) -> list[str]:
    names = node_names(graph)
    lines = [f"graph({', '.join(f'{names[node]}: {node.type}' for node in graph.inputs)}) {{"]
    for node in list(names)[len(graph.inputs) :]:
        if not names[node].startswith("%"):
            continue
        origin = f"   # {origins[node]}" if node in origins and str(origins[node]) else ""
        text = f"{node_text(node, names)} : {_type_text(node.type)}{origin}"
        lines += [f"  {line}" for line in text.split("\n")]
    return [*lines, f"  return {', '.join(names[node] for node in graph.outputs)}", "}"]


def _input_names(graph: Graph) -> dict[Node, str]:
    """A distinct name for every input: that of its origin where it has one."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    for number, node in enumerate(graph.inputs):
        wanted = re.sub(r"[^\w.]", "_", graph.origins.get(node, Origin()).name) or f"x{number}"
        name = wanted if wanted not in taken else next(n for k in count(2) if (n := f"{wanted}_{k}") not in taken)
        taken.add(name)
        names[node] = name
    return names


def _type_text(types: Types) -> str:
    return f"({', '.join(map(str, types))})" if isinstance(types, tuple) else str(types)


def _constant_text(node: Node) -> str:
    return f"{short_name(node.params['dtype'])}({_value_text(node.params['value'])})"


def _value_text(value: Any) -> str:
    if isinstance(value, Graph):
        return "\n".join(_lines(value, {}))
    if isinstance(value, np.dtype):
        return short_name(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, tuple):
        items: list[str] = [_value_text(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    return repr(value)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────

token = re.compile(
    r"""\s*(?:\#[^\n]*)?\s*(
        %\d+ | [^\W\d][\w.]* | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*"
        | -?(?:inf|nan)\b | -?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+) | [(){}\[\],:=]
    )""",
    re.VERBOSE,
)


class Reader:
    """A recursive-descent reader of the text above."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        """The next token, left in place."""
        found = token.match(self.text, self.at)
        return found.group(1) if found else ""

    def take(self, expected: str | None = None) -> str:
        """The next token, consumed."""
        found = token.match(self.text, self.at)
        if found is None or (expected is not None and found.group(1) != expected):
            raise self.unexpected(expected or "a word", self.peek())
        self.at = found.end()
        return found.group(1)

    def unexpected(self, expected: str, found: str) -> GraphError:
        """The error for a word that cannot stand here."""
        line = self.text.count("\n", 0, self.at) + 1
        return GraphError(
            f"line {line} of the graph's text: expected {expected!r}, found {found!r}",
            fix="the text must be what print(graph) gives",
        )

    def graph(self) -> Graph:
        """``graph(x: f32[3], …) { … return … }``."""
        self.take("graph")
        self.take("(")
        names: dict[str, Node] = {}
        origins: dict[Node, Origin] = {}
        while self.peek() != ")":
            name = self.take()
            self.take(":")
            names[name] = input_node(self.array_type())
            origins[names[name]] = Origin(name=name)
            if self.peek() == ",":
                self.take()
        self.take(")")
        inputs = tuple(names.values())
        self.take("{")
        while self.peek() != "return":
            name = self.take()
            self.take("=")
            names[name] = self.node(names, origins)
            origins[names[name]] = Origin()
        self.take("return")
        outputs = [] if self.peek() == "}" else [self.operand(names, origins)]
        while self.peek() == ",":
            self.take()
            outputs.append(self.operand(names, origins))
        self.take("}")
        return Graph(inputs, tuple(outputs), origins)

    def node(self, names: dict[str, Node], origins: dict[Node, Origin]) -> Node:
        """``matmul(x, w, axis=0) : f32[2,4]``."""
        name = self.take()
        if name not in registry:
            raise GraphError(f"the graph's text uses {name!r}, which is not a primitive")
        operands: list[Node] = []
        params: dict[str, Any] = {}
        self.take("(")
        while self.peek() != ")":
            start = self.at
            word = self.take()
            if self.peek() == "=":
                self.take()
                params[word] = self.value()
            else:
                self.at = start
                operands.append(self.operand(names, origins))
            if self.peek() == ",":
                self.take()
        self.take(")")
        self.take(":")
        return Node(registry[name], tuple(operands), params, self.types())

    def operand(self, names: dict[str, Node], origins: dict[Node, Origin]) -> Node:
        """A name, or a constant where it is used."""
        word = self.take()
        if word in names:
            return names[word]
        if word not in dtypes_by_short_name:
            raise GraphError(f"the graph's text uses {word!r} before it is made")
        self.take("(")
        value, dtype = self.value(), dtypes_by_short_name[word]
        self.take(")")
        node = Node(constant_primitive, (), {"value": value, "dtype": dtype}, ArrayType(np.shape(value), dtype))
        origins[node] = Origin()
        return node

    def value(self) -> Any:
        """A parameter: number, string, bool, None, tuple, dtype or graph."""
        word = self.peek()
        if word == "graph":
            return self.graph()
        if word == "(":
            self.take()
            items: list[Any] = []
            while self.peek() != ")":
                items.append(self.value())
                if self.peek() == ",":
                    self.take()
            self.take(")")
            return tuple(items)
        self.take()
        if word in dtypes_by_short_name:
            return dtypes_by_short_name[word]
        if word.lstrip("-") in ("inf", "nan"):
            return float(word)
        try:
            return ast.literal_eval(word)
        except (ValueError, SyntaxError):
            raise self.unexpected("a value", word) from None

    def types(self) -> Types:
        """One type, or several in parentheses."""
        if self.peek() != "(":
            return self.array_type()
        self.take()
        found: list[ArrayType] = []
        while self.peek() != ")":
            found.append(self.array_type())
            if self.peek() == ",":
                self.take()
        self.take(")")
        return tuple(found)

    def array_type(self) -> ArrayType:
        """``f32[2,3]``."""
        dtype = dtypes_by_short_name.get(self.take())
        self.take("[")
        shape: list[int] = []
        while self.peek() != "]":
            length = self.take()
            if not length.isdecimal():
                raise self.unexpected("a length", length)
            shape.append(int(length))
            if self.peek() == ",":
                self.take()
        self.take("]")
        if dtype is None:
            raise GraphError("the graph's text has a type that is not one of maplet's")
        return ArrayType(tuple(shape), dtype)


def parse(text: str) -> Graph:
    """Read a graph back from its text.

    Examples
    --------
    >>> import maplet as mp
    >>> g = mp.trace(lambda x: mp.sin(x) * 2, 0.5)
    >>> parse(str(g)) == g
    True
    """
    reader = Reader(text)
    graph = reader.graph()
    if reader.text[reader.at :].strip():
        raise GraphError("there is text after the graph's closing brace")
    return graph
