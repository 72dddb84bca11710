"""What nodes are called when people speak of them: by the user's own names wherever there are any.

In this order: the name of an argument or the path of a parameter (``hidden.weight``); the variable to which the user's
line assigns the value (``z = x @ w + b``); the layer whose result it is; ``loss`` for what is explained. What is left
is numbered, ``v1``, ``v2`` and so on, as the literature on automatic differentiation does. A name that comes again (a
line in a loop, a variable set anew) gets a number.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.context import Origin
from maplet.core.graph import constant_primitive
from maplet.core.text import node_names
from maplet.core.tree import Stateful, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from maplet.core.graph import Graph, Node


def names_for_people(
    graph: Graph,
    order: Sequence[Node],
    outside: Sequence[str] = (),
    objects: Collection[str] = (),
    *,
    by_lines: bool = True,
) -> dict[Node, str]:
    """A distinct name for every input and every node of a forward program.

    Parameters
    ----------
    graph
        The forward program; its first output is what is explained.
    order
        Its nodes, in the order in which they were made.
    outside
        The names of what the function took from outside, which are the last inputs.
    objects
        Names of the arguments that are modules: ``hidden.weight`` is enough, the net's own name says nothing.
    by_lines
        Whether the lines that made the nodes are the user's, so that their variables are names.

    Returns
    -------
    Node → name. A constant is called by its number.
    """
    wanted: dict[Node, str] = _inputs(graph, outside, objects)
    between = [node for node in order if node not in wanted and node.primitive is not constant_primitive]
    assigned = _assigned(between, graph.origins) if by_lines else {}
    layers = _ends_of_layers(between, graph.origins)
    for node in between:
        if name := assigned.get(node) or layers.get(node):
            wanted[node] = name
    wanted.setdefault(graph.outputs[0], "loss")
    names = _distinct(wanted, order)
    taken = set(names.values())
    numbers = (name for n in count(1) if (name := f"v{n}") not in taken)
    for node in order:
        if node not in names:
            names[node] = _number(node) if node.primitive is constant_primitive else next(numbers)
    return names


def _inputs(graph: Graph, outside: Sequence[str], objects: Collection[str]) -> dict[Node, str]:
    """The names of the inputs; that of a module is left out in front of its parameters, where they differ without."""
    every = node_names(graph)
    known = zip(graph.inputs[len(graph.inputs) - len(outside) :], outside, strict=True)
    names = {node: every[node] for node in graph.inputs} | {node: name for node, name in known if name}
    short = {node: name.partition(".")[2] if name.split(".")[0] in objects else name for node, name in names.items()}
    times = Counter(short.values())
    return {node: short[node] if short[node] and times[short[node]] == 1 else names[node] for node in names}


def names_outside(f: Callable[..., Any], captured: Sequence[Array]) -> list[str]:
    """The names of the arrays that a function took from outside: of its variables there, or of what holds them.

    Empty where they are not found, as in what is reached by an attribute of something that is no tree of arrays.
    """
    try:
        variables = inspect.getclosurevars(f)
    except (TypeError, ValueError):
        return [""] * len(captured)
    found: dict[int, str] = {}
    plain: dict[str, np.ndarray[Any, Any]] = {}  # NumPy's own, which each trace makes an array of anew
    for name, value in [*variables.globals.items(), *variables.nonlocals.items()]:
        if isinstance(value, Array):
            found[id(value)] = name
        elif isinstance(value, np.ndarray):
            plain[name] = value
        elif isinstance(value, Stateful | list | tuple | dict):
            held = leaves(cast("Any", value))
            found |= {
                id(leaf): path if isinstance(value, Stateful) else f"{name}.{path}" for path, leaf in held.items()
            }
    return [found.get(id(array)) or _equal(array.numpy(), plain) for array in captured]


def _equal(array: np.ndarray[Any, Any], plain: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """The name of a NumPy array of the same numbers, where just one has them."""
    alike = [name for name, value in plain.items() if value.shape == array.shape and np.array_equal(value, array)]
    return alike[0] if len(alike) == 1 else ""


def _number(node: Node) -> str:
    value = node.params["value"]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _distinct(wanted: Mapping[Node, str], order: Sequence[Node]) -> dict[Node, str]:
    """Names that come again get a number, in the order of the program."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    computed = set(order)
    ordered = [*(node for node in wanted if node not in computed), *(node for node in order if node in wanted)]
    for node in ordered:
        name = wanted[node]
        names[node] = name if name not in taken else next(n for k in count(2) if (n := f"{name}_{k}") not in taken)
        taken.add(names[node])
    return names


# ── variables ────────────────────────────────────────────────────────────────────────────────────


class Assignment(NamedTuple):
    """A statement that sets one variable: its name, and the line where it begins."""

    variable: str
    first_line: int


def _assigned(nodes: Sequence[Node], origins: Mapping[Node, Origin]) -> dict[Node, str]:
    """The last node that a statement makes is what it assigns, where it is an assignment to one variable."""
    files: dict[str, dict[int, Assignment]] = {}

    def statement(node: Node | None) -> tuple[str, int, Assignment | None]:
        """Where a node was made: the file, and the line at which its statement begins; and what that assigns."""
        origin = Origin() if node is None else origins.get(node, Origin())
        if origin.file not in files:
            files[origin.file] = _assignments(origin.file) if origin.file else {}
        assignment = files[origin.file].get(origin.line)
        return origin.file, assignment.first_line if assignment else origin.line, assignment

    found: dict[Node, str] = {}
    for node, after in zip(nodes, [*nodes[1:], None], strict=True):
        here = statement(node)
        if here[2] is not None and statement(after)[:2] != here[:2]:
            found[node] = here[2].variable
    return found


def _assignments(file: str) -> dict[int, Assignment]:
    """The number of each line of an assignment in a file → the assignment; it may span several lines."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[int, Assignment] = {}
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign) and (name := _variable(statement)):
            last = statement.end_lineno or statement.lineno
            found |= dict.fromkeys(range(statement.lineno, last + 1), Assignment(name, statement.lineno))
    return found


def _variable(statement: ast.Assign | ast.AugAssign | ast.AnnAssign) -> str:
    """The variable, or attribute of ``self``, that a statement sets to what it computes; empty where there is none."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    value = statement.value
    if value is None or len(targets) != 1 or isinstance(value, ast.Attribute | ast.Tuple | ast.List | ast.Dict):
        return ""
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Attribute):  # x.shape[0] is no array
        return ""
    if any(isinstance(part, ast.Lambda) for part in ast.walk(value)):  # what it computes is assigned to nothing
        return ""
    (target,) = targets
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


# ── layers ───────────────────────────────────────────────────────────────────────────────────────


def _ends_of_layers(nodes: Sequence[Node], origins: Mapping[Node, Origin]) -> dict[Node, str]:
    """The last node of each call of an innermost layer → the layer's path."""
    found: dict[Node, str] = {}
    for node, after in zip(nodes, [*nodes[1:], None], strict=True):
        layer = origins.get(node, Origin()).layer
        if layer and (after is None or origins.get(after, Origin()).layer != layer):
            found[node] = layer
    return found
