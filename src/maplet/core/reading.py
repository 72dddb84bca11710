"""Reading a graph back from the text that ``print(graph)`` gives; see text.py for how it looks."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from maplet.core.check import check_type, type_of
from maplet.core.context import Derivation, Origin
from maplet.core.graph import Graph, Node, constant_primitive, input_node, input_primitive
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, dtypes_by_short_name
from maplet.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.primitive import Primitive

    Types = ArrayType | tuple[ArrayType, ...]

longest = 2**63 - 1  # of an axis
most_axes = 64
gap = re.compile(r"(?:\s|\#[^\n]*+)*+")  # space and comments
name_pattern = re.compile(r"[^\W\d][\w.]*")
# A string is what repr gives: on one line, with these escapes alone.
escape = r"\\(?:[\\'\"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
token = re.compile(
    rf"""%[0-9]+ | ∂+ | {name_pattern.pattern} | '(?:[^'\\\n]|{escape})*' | "(?:[^"\\\n]|{escape})*"
        | -(?:inf|nan)\b | -?(?:[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|\.[0-9]+)(?![\w.]) | [(){{}}\[\],:=]
    """,
    re.VERBOSE,
)


class Reader:
    """A recursive-descent reader."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.layers: tuple[str, ...] = ()  # of the block that is being read

    def skip_gap(self) -> None:
        """Go to where the next token begins."""
        found = gap.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def peek(self) -> str:
        """The next token, left in place."""
        self.skip_gap()
        found = token.match(self.text, self.at)
        return found.group() if found else ""

    def take(self, expected: str | None = None) -> str:
        """The next token, consumed."""
        word = self.peek()
        if not word or (expected is not None and word != expected):
            raise self.unexpected(expected or "a word", word)
        self.at += len(word)
        return word

    def take_name(self) -> str:
        """The name of an input, a primitive or a setting."""
        word = self.peek()
        if not name_pattern.fullmatch(word):
            raise self.unexpected("a name", word)
        return self.take()

    @property
    def line(self) -> int:
        """The number of the line in which the next token stands, or the last one if there is none."""
        self.skip_gap()
        end = self.at if self.at < len(self.text) else len(self.text.rstrip())
        return self.text.count("\n", 0, end) + 1

    def unexpected(self, expected: str, found: str) -> GraphError:
        """The error for a word that cannot stand here."""
        shown = found if len(found) <= 40 else f"{found[:37]}..."
        return self.wrong(f"expected {expected!r}, found {shown!r}", self.line)

    def wrong(self, message: str, line: int) -> GraphError:
        """The error for what is no graph, with its place in the text."""
        return GraphError(f"line {line} of the graph's text: {message}", fix="the text must be what print(graph) gives")

    def listed(self, close: str, read: Callable[[], None]) -> None:
        """What stands up to a closing bracket, parted by commas; one may follow the last."""
        while self.peek() != close:
            read()
            if self.peek() != close:
                self.take(",")
        self.take(close)

    def graph(self) -> Graph:
        """``graph(x: f32[3], …) { … return … }``."""
        self.take("graph")
        self.take("(")
        names: dict[str, Node] = {}
        origins: dict[Node, Origin] = {}

        def argument() -> None:
            line, name = self.line, self.take_name()
            self.take(":")
            if name in names:
                raise self.wrong(f"there are two inputs called {name!r}", line)
            names[name] = input_node(self.array_type())
            origins[names[name]] = Origin(name=name)

        self.listed(")", argument)
        inputs = tuple(names.values())
        self.take("{")
        self.statements(names, origins, Origin(layers=self.layers))
        self.take("return")
        outputs: list[Node] = []

        def output() -> None:
            line = self.line
            outputs.append(self.operand(names, origins))
            if isinstance(outputs[-1].type, tuple):
                raise self.wrong("an output is one array; `item` takes one of several", line)

        self.listed("}", output)
        return Graph(inputs, tuple(outputs), origins)

    def statements(self, names: dict[str, Node], origins: dict[Node, Origin], origin: Origin) -> None:
        """Lines ``%0 = …`` and blocks ``∂ hidden { … }``, up to the end of the block around them."""
        while self.peek() not in ("return", "}"):
            line, word = self.line, self.peek()
            if not word.startswith("%"):
                inside = self.title(origin)
                self.take("{")
                self.statements(names, origins, inside)
                self.take("}")
                continue
            if word in names:
                raise self.wrong(f"{word} is made a second time", line)
            self.take()
            self.take("=")
            self.layers = origin.layers
            names[word] = self.node(names, origins, line)
            origins[names[word]] = origin

    def title(self, around: Origin) -> Origin:
        """The origin of what stands in a block, by its title: that of a layer within those around, or another."""
        derivatives = len(self.take()) if self.peek().startswith("∂") else 0
        path = str(self.literal("a path")) if self.peek()[:1] in ("'", '"') else self.take_name()
        layers = (path,)
        if around.layers and f"{path}.".startswith(f"{around.layer}."):
            within = path[len(around.layer) + 1 :]
            layers = (*around.layers, within) if within else around.layers
        # Of which operation it was the pullback is said in the comments only.
        return Origin(layers=layers, derivations=(Derivation("pullback", ""),) * derivatives)

    def node(self, names: dict[str, Node], origins: dict[Node, Origin], line: int) -> Node:
        """``matmul(x, w, axis=0) : f32[2,4]``."""
        name = self.take_name()
        if name not in registry:
            raise self.wrong(f"it uses {name!r}, which is not a primitive", line)
        operands: list[Node] = []
        params: dict[str, Any] = {}

        def operand_or_setting() -> None:
            start, word = self.at, self.take()
            if self.peek() != "=":
                self.at = start
                operands.append(self.operand(names, origins))
                return
            if word in params:
                raise self.wrong(f"{name} is given {word} twice", line)
            self.take("=")
            params[word] = self.value()

        self.take("(")
        self.listed(")", operand_or_setting)
        self.take(":")
        return self.legal(registry[name], operands, params, line, self.types())

    def legal(
        self, primitive: Primitive, operands: Sequence[Node], params: dict[str, Any], line: int, said: Types | None
    ) -> Node:
        """The node, if it can be; of the type that the text says that it has."""
        if primitive is input_primitive:
            raise self.wrong("an input stands in the list of inputs", line)
        try:
            given = type_of(primitive, operands, params)
            node = Node(primitive, tuple(operands), params, given if said is None else said)
            check_type(node, given)
        except GraphError as error:
            raise self.wrong(error.message, line) from error
        return node

    def operand(self, names: dict[str, Node], origins: dict[Node, Origin]) -> Node:
        """A name, or a constant where it is used."""
        line, word = self.line, self.take()
        if self.peek() != "(" or word not in dtypes_by_short_name:  # an input may be called f32
            if word not in names:
                raise self.wrong(f"it uses {word!r} before it is made", line)
            return names[word]
        self.take("(")
        params = {"value": self.value(), "dtype": dtypes_by_short_name[word]}
        self.take(")")
        node = self.legal(constant_primitive, (), params, line, None)
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
            self.listed(")", lambda: items.append(self.value()))
            return tuple(items)
        if word in dtypes_by_short_name:
            return dtypes_by_short_name[self.take()]
        return float(self.take()) if word.lstrip("-") in ("inf", "nan") else self.literal("a value")

    def literal(self, expected: str) -> Any:
        """A number, a string, True, False or None."""
        word = self.peek()
        try:
            found = ast.literal_eval(word)
        except (ValueError, SyntaxError):
            raise self.unexpected(expected, word) from None
        self.take()
        return found

    def types(self) -> Types:
        """One type, or several in parentheses."""
        if self.peek() != "(":
            return self.array_type()
        self.take()
        found: list[ArrayType] = []
        self.listed(")", lambda: found.append(self.array_type()))
        return tuple(found)

    def array_type(self) -> ArrayType:
        """``f32[2,3]``."""
        line, dtype = self.line, dtypes_by_short_name.get(self.take())
        if dtype is None:
            raise self.wrong("there is a type that is not one of maplet's", line)
        shape: list[int] = []

        def length() -> None:
            word = self.peek()
            if not word.isdecimal() or len(word) > len(str(longest)) or int(word) > longest:
                raise self.unexpected("a length", word)
            shape.append(int(self.take()))

        self.take("[")
        self.listed("]", length)
        if len(shape) > most_axes:
            raise self.wrong(f"a type has {len(shape)} axes; there may be {most_axes}", line)
        return ArrayType(tuple(shape), dtype)


def parse(text: str) -> Graph:
    """Read a graph back from its text. Every line is checked as it is read, so what comes of it is legal.

    Raises
    ------
    GraphError
        If the text is not that of a legal graph; says in which line.

    Examples
    --------
    >>> import maplet as mp
    >>> g = mp.trace(lambda x: mp.sin(x) * 2, 0.5)
    >>> parse(str(g)) == g
    True
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise GraphError(f"parse takes the text of a graph, given {type(text).__name__}", fix="mp.parse(str(graph))")
    reader = Reader(text)
    try:
        graph = reader.graph()
    except RecursionError:
        raise reader.wrong("it is nested too deeply", reader.line) from None
    reader.skip_gap()
    if reader.at < len(text):
        raise reader.wrong("there is text after the graph's closing brace", reader.line)
    return graph
