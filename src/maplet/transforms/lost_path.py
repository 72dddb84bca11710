"""Where a derivative is lost in integers and truth values: said aloud, since 0 would be a wrong answer.

The derivative of `argmax`, of a comparison, of a conversion to integers is 0 wherever there is one. A function that
depends on its argument only through these has a derivative of 0 that nobody can have meant. Other zeros are meant:
`stop_gradient`, the conventions of `floor`, `round` and `sign`, a function that does not depend on its argument at
all, and the second derivative of a function made of pieces (what leads through an operation that a derivative has made
is never refused).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, in_order
from maplet.core.types import is_floating
from maplet.errors import GradientError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Way = tuple[Node, Origin] | None
    Ways = dict[Node | tuple[Node, int], Way]

meant = "mp.stop_gradient(…) around it, if a derivative of 0 is meant"
surrogates = {
    "astype": "keep the real numbers; or round them with the derivative of the identity, "
        "x + mp.stop_gradient(mp.round(x) - x)",
    **dict.fromkeys(("argmax", "argmin"), "mp.max or mp.min for the value itself; mp.softmax(x) for a smooth choice"),
    **dict.fromkeys(
        ("argsort", "top"),
        "the values themselves, mp.take_along_axis(x, order), or a smooth ranking, mp.sigmoid(x - y)",
    ),
}  # fmt: skip
of_truth = (
    "mp.where(condition, a, b) with a branch that depends on the argument through real numbers; or a smooth "
    "surrogate, mp.sigmoid((x - y) / width) for x > y"
)


def refuse_lost_path(graph: Graph, wrt: Sequence[int], seeded: Sequence[int], what: str) -> None:
    """Raise an error if the outputs depend on the inputs, but only through integers and truth values.

    Parameters
    ----------
    graph
        The program.
    wrt
        Numbers of the inputs with respect to which it is differentiated.
    seeded
        Numbers of the outputs that are differentiated.
    what
        What was asked for, for the message: "the gradient of f".
    """
    ways = _ways(graph, {graph.inputs[n]: None for n in wrt})
    found = [ways[graph.outputs[n]] for n in seeded if graph.outputs[n] in ways]
    if not found or None in found:
        return
    node, origin = cast("tuple[Node, Origin]", found[0])
    raise GradientError(
        f"{what}: its value depends on the argument, but only through integers or truth values. The way is lost at "
        f"{node.primitive.name}, which gives {node.type}: the derivative is 0 wherever there is one",
        fix=f"{surrogates.get(node.primitive.name, of_truth)}; {meant}",
        where=str(origin) or None,
    )


def _ways(graph: Graph, sources: dict[Node, Way]) -> Ways:
    """How the sources reach each node: None is through real numbers, else where that way was lost.

    What they do not reach is left out; so is what they reach only through a zero that is meant. What a node with nested
    graphs gives is looked up by node and number of the output.
    """
    ways: Ways = {**sources}
    for node in in_order(graph.outputs):
        name, origin = node.primitive.name, graph.origins.get(node, Origin())
        if name in into:
            if any(child in ways for child in node.inputs):
                ways |= {(node, index): way for index, way in into[name](node, ways).items() if _counts(way, origin)}
            continue
        if name == "item" and node.inputs[0].primitive.name in into:
            if (node.inputs[0], node.params["index"]) in ways:
                ways[node] = ways[node.inputs[0], node.params["index"]]
            continue
        reaching = [ways[child] for child in node.inputs if child in ways]
        if node in ways or not reaching or name == "stop_gradient":
            continue
        lost = next((way for way in reaching if way is not None), None)
        if None in reaching and not _is_real(node):
            lost = node, origin
        elif None in reaching and (node.primitive.gradient is not None or name == "item"):
            ways[node] = None
            continue
        if lost is not None and _counts(lost, origin):
            ways[node] = lost
    return ways


def _counts(way: Way, origin: Origin) -> bool:
    """Whether a way is to be followed; one that was lost is not, through what a derivative has made."""
    return way is None or not origin.derivations


# ── through nested graphs ────────────────────────────────────────────────────────────────────────
# For each output that is reached, the way. (A `custom_gradient` is an operation like any other: real, as its pullback
# says so.)


def _through(graph: Graph, operands: Sequence[Node], ways: Ways) -> dict[int, Way]:
    """How what reaches the operands of a graph reaches its outputs."""
    inner = _ways(graph, {own: ways[given] for own, given in zip(graph.inputs, operands, strict=True) if given in ways})
    return {index: inner[output] for index, output in enumerate(graph.outputs) if output in inner}


def _met(*found: dict[int, Way]) -> dict[int, Way]:
    """Of several ways to one output, the one through real numbers; else the first."""
    met: dict[int, Way] = {}
    for ways in found:
        met |= {index: way for index, way in ways.items() if way is None or index not in met}
    return met


def _through_call(node: Node, ways: Ways) -> dict[int, Way]:
    return _through(node.params["graph"], node.inputs, ways)


def _through_switch(node: Node, ways: Ways) -> dict[int, Way]:
    """Any of the branches, and the number that chooses between them."""
    index, *operands = node.inputs
    chosen = dict.fromkeys(range(len(node.type)), ways[index]) if index in ways else {}  # type: ignore[arg-type]  (its type is a tuple)
    return _met(chosen, *(_through(branch, operands, ways) for branch in node.params["branches"]))


def _through_scan(node: Node, ways: Ways) -> dict[int, Way]:
    settings = node.params
    if not settings["length"]:
        return _at_the_start(node, ways, settings["carries"])
    return _through_steps(node, settings["body"], ways, settings["carries"])


def _through_while(node: Node, ways: Ways) -> dict[int, Way]:
    """The carries before the first step or after any, and the condition, which chooses between these."""
    body, condition, constants = (node.params[name] for name in ("body", "condition", "constants"))
    carries = len(node.inputs) - constants
    carried = _met(_at_the_start(node, ways, carries), _through_steps(node, body, ways, carries))
    now: Ways = {**ways, **{entry: carried[n] for n, entry in enumerate(node.inputs[constants:]) if n in carried}}
    chosen = _through(condition, node.inputs, now)
    changed = [n for n, entry in enumerate(body.inputs[constants:]) if body.outputs[n] is not entry]
    return _met(carried, dict.fromkeys(changed, chosen[0]) if 0 in chosen else {})


def _at_the_start(node: Node, ways: Ways, carries: int) -> dict[int, Way]:
    first = node.params["constants"]
    entries = enumerate(node.inputs[first : first + carries])
    return {index: ways[entry] for index, entry in entries if entry in ways}


def _through_steps(node: Node, body: Graph, ways: Ways, carries: int) -> dict[int, Way]:
    """What leaves the body in any step, when what reaches a carry in one step reaches it in the next as well."""
    constants = node.params["constants"]
    entering = {own: ways[given] for own, given in zip(body.inputs, node.inputs, strict=True) if given in ways}
    while True:
        inner = _ways(body, entering)
        leaving = {index: inner[output] for index, output in enumerate(body.outputs) if output in inner}
        more = dict(entering)
        for index, entry in enumerate(body.inputs[constants : constants + carries]):
            if index in leaving and (entry not in more or leaving[index] is None):
                more[entry] = leaving[index]
        if more == entering:
            return leaving
        entering = more


into: dict[str, Callable[[Node, Ways], dict[int, Way]]] = {
    "call": _through_call, "switch": _through_switch, "scan": _through_scan, "while_loop": _through_while,
}  # fmt: skip


def _is_real(node: Node) -> bool:
    return any(is_floating(t.dtype) for t in (node.type if isinstance(node.type, tuple) else (node.type,)))
