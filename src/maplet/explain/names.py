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
from itertools import accumulate, count, groupby, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.context import Origin, here
from maplet.core.graph import as_made, constant_primitive, input_primitive
from maplet.core.text import node_names
from maplet.core.tree import Stateful, leaves
from maplet.explain.unspoken import shown_as

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from maplet.core.graph import Graph, Node
    from maplet.explain.passes import Passes


class Named(NamedTuple):
    """What the nodes of a program are called, and which are not spoken of: such a node → the one that is instead."""

    names: dict[Node, str]
    shown: dict[Node, Node]


def names_for_people(
    both: Passes,
    outside: Sequence[str] = (),
    objects: Collection[str] = (),
    *,
    by_lines: bool = True,
    known: Mapping[Node, str] | None = None,
    values: Mapping[Node, Any] | None = None,
    result: str = "loss",
    numbered: str = "v",
) -> Named:
    """A distinct name for every input and every node of a forward program, and what is not spoken of.

    Parameters
    ----------
    both
        The program, whose first output is what is explained.
    outside
        The names of what the function took from outside, which are the last inputs.
    objects
        Names of the arguments that are modules: ``hidden.weight`` is enough, the net's own name says nothing.
    by_lines
        Whether the lines that made the nodes are the user's, so that their variables are names.
    known
        Names that are settled already.
    values
        Of the nodes, by which guards against infinity are seen that have nothing to do.
    result
        What the first output is called, if it has no name; empty for one that is numbered like others.
    numbered
        What stands before the number of a node without a name.

    Returns
    -------
    names
        A constant is called by its number.
    shown
        What is not spoken of, see `unspoken`.
    """
    graph, order = both.program, as_made(both.program)
    wanted: dict[Node, str] = _inputs(graph, outside, objects) | dict(known or {})
    computed = [node for node in order if node.primitive not in (input_primitive, constant_primitive)]
    assigned = _assigned(computed, both) if by_lines else {}
    layers = _ends_of_layers(computed, graph) if result else {}  # what is inside of one is in one layer
    for node in computed:
        if name := assigned.get(node) or layers.get(node):
            wanted.setdefault(node, name)
    if result:
        wanted.setdefault(graph.outputs[0], result)
    names = _distinct(wanted, order)
    taken = set(names.values())
    numbers = (name for n in count(1) if (name := f"{numbered}{n}") not in taken)
    shown = shown_as(both, names, values)
    for node in (*(node for node in order if node not in shown), *shown):  # no number is left out among the others
        if node not in names:
            names[node] = _number(node) if node.primitive is constant_primitive else next(numbers)
    return Named(names, shown)


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
    """A statement that sets variables: their names, and the line where it begins.

    Of ``q, k = x @ w, x @ u``, `written` says how many operations stand there for each.
    """

    variables: tuple[str, ...]
    first_line: int
    written: tuple[int, ...] = ()


def _assigned(nodes: Sequence[Node], both: Passes) -> dict[Node, str]:
    """The last node that a statement makes is what it assigns, where it is an assignment to one variable.

    Of ``last, rows = mp.scan(…)`` the results have the names, where there are as many of these; of ``q, k = x @ w, x @
    u`` the last nodes of each, where each operation that is written makes one. In ``d = mp.explain(mp.sum, x)`` nothing
    that is computed is called d.
    """
    asked = here()
    files: dict[str, dict[int, Assignment]] = {}
    origins = both.program.origins

    def statement(node: Node | None) -> tuple[str, int, Assignment | None]:
        """Where a node was made: the file, and the line at which its statement begins; and what that assigns."""
        origin = Origin() if node is None else origins.get(node, Origin())
        if origin.file not in files:
            files[origin.file] = _assignments(origin.file) if origin.file else {}
        known = files[origin.file]
        assignment = known.get(origin.line)
        if origin.file == asked.file and assignment is known.get(asked.line):
            assignment = None
        return origin.file, assignment.first_line if assignment else origin.line, assignment

    found: dict[Node, str] = {}
    for node, after in zip_longest(nodes, nodes[1:]):
        made = statement(node)
        if made[2] is None or made[2].written:
            continue
        if len(made[2].variables) == 1:
            if statement(after)[:2] != made[:2] and not isinstance(node.type, tuple):
                found[node] = made[2].variables[0]
        elif node.primitive.name == "item":
            several = both.written.get(node.inputs[0], node.inputs[0]).type
            if isinstance(several, tuple) and len(several) == len(made[2].variables):
                found[node] = made[2].variables[node.params["index"]]
    for (_, _, assignment), made_here in groupby(nodes, statement):
        run, once = list(made_here), sum(assignment.written) if assignment else 0
        if assignment is not None and once and len(run) % once == 0:  # in a loop, the same again
            ends = zip(accumulate(assignment.written), assignment.variables, strict=True)
            found |= {run[n]: name for end, name in ends for n in range(end - 1, len(run), once)}
    return found


def _assignments(file: str) -> dict[int, Assignment]:
    """The number of each line of an assignment in a file → the assignment; it may span several lines.

    What shares a line with another statement, as ``p = w * x; return p**2``, is left out: of a node only the line is
    known, and which of both made it is not.
    """
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    statements = [one for one in ast.walk(tree) if isinstance(one, ast.stmt)]
    times = Counter(line for one in statements for line in _lines(one))
    found: dict[int, Assignment] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign) and (names := _variables(statement)):
            lines = _lines(statement)
            if all(times[line] == 1 for line in lines):
                found |= dict.fromkeys(lines, Assignment(names, statement.lineno, _written(statement.value)))
    return found


def _lines(statement: ast.stmt) -> range:
    """Where a statement itself computes: of a loop its head alone; what ``if`` asks is settled before its body."""
    if isinstance(statement, ast.If | ast.FunctionDef | ast.ClassDef):
        return range(0)
    body: list[ast.stmt] = getattr(statement, "body", [])
    last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno or statement.lineno
    return range(statement.lineno, last + 1)


def _variables(statement: ast.Assign | ast.AugAssign | ast.AnnAssign) -> tuple[str, ...]:
    """The variables, or attributes of ``self``, that a statement sets to what it computes."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    value = statement.value
    if value is None or len(targets) != 1 or isinstance(value, ast.Attribute | ast.List | ast.Dict):
        return ()
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Attribute):  # x.shape[0] is no array
        return ()
    if any(isinstance(part, ast.Lambda) for part in ast.walk(value)) and not isinstance(targets[0], ast.Tuple):
        return ()  # what a lambda computes is assigned to nothing
    names = tuple(_targets(targets[0]))
    if isinstance(value, ast.Tuple) and len(_written(value)) != len(names):
        return ()
    return names if all(names) else ()


def _written(value: ast.expr | None) -> tuple[int, ...]:
    """How many operations are written for each part of a tuple; empty of anything else, and where one has none."""
    if not isinstance(value, ast.Tuple):
        return ()
    operations = ast.BinOp | ast.UnaryOp | ast.Call | ast.Compare | ast.Subscript
    counts = [
        sum(isinstance(one, operations) or getattr(one, "attr", "") in ("T", "mT") for one in ast.walk(part))
        for part in value.elts
    ]
    return tuple(counts) if all(counts) else ()


def _targets(target: ast.AST) -> Iterator[str]:
    """The names in a target, those of a tuple one after another; an empty one for what is no name."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _targets(part)
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        yield target.attr
    else:
        yield target.id if isinstance(target, ast.Name) else ""


# ── layers ───────────────────────────────────────────────────────────────────────────────────────


def _ends_of_layers(nodes: Sequence[Node], graph: Graph) -> dict[Node, str]:
    """The result of each call of an innermost layer → the layer's path.

    It is the last node that something outside of the layer takes; what a layer changes in itself (running means) may
    come after it. What it only gives to the layers in it (a first state) is no result.
    """
    layers = {node: graph.origins.get(node, Origin()).layer for node in nodes}
    taken = {
        child
        for node in nodes
        for child in node.inputs
        if child in layers and not f"{layers[node]}.".startswith(f"{layers[child]}.")
    }
    taken.add(graph.outputs[0])
    found: dict[Node, str] = {}
    run: list[Node] = []
    for node, after in zip_longest(nodes, nodes[1:]):
        run.append(node)
        if layers[node] and (after is None or layers[after] != layers[node]):
            found |= dict.fromkeys([one for one in run if one in taken][-1:], layers[node])
        if after is not None and layers[after] != layers[node]:
            run = []
    return found
