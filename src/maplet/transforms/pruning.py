"""What a loop, a branch or a call computes in vain: outputs that nobody takes, inputs that nobody reads.

A carry is needed if somebody takes its last value, or a step of the loop reads it for something that is needed. A carry
that no step changes is an input that all steps read alike, and its last value is its first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.core.graph import Graph, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Params = Mapping[str, Any]


@dataclass(frozen=True)
class Pruned:
    """What is left of a node with nested graphs.

    Parameters
    ----------
    inputs
        The numbers of the inputs that are left, in their new order.
    params
        The parameters, with smaller graphs.
    items
        Number of an output that is needed → its new number.
    passed
        Number of an output → number of the old input whose value it is.
    """

    inputs: list[int]
    params: dict[str, Any]
    items: dict[int, int]
    passed: dict[int, int]


def pruned(name: str, params: Params, needed: Iterable[int]) -> Pruned | None:
    """What is left of a node of which only some outputs are needed; None where the primitive is not known here."""
    return pruners[name](params, sorted(needed)) if name in pruners else None


def repeated(name: str, params: Params, inputs: Sequence[Node]) -> dict[int, int]:
    """Inputs of the nested graphs that are given the same node as an earlier one → that one: their values are equal."""
    offset, parts = _read_alike(name, params, len(inputs))
    found: dict[int, int] = {}
    for part in parts:
        first: dict[Node, int] = {}
        for number in part:
            earlier = first.setdefault(inputs[number], number)
            if earlier != number:
                found[number - offset] = earlier - offset
    return found


def _read_alike(name: str, params: Params, count: int) -> tuple[int, list[range]]:
    """Behind how many inputs those of the nested graphs begin, and groups in which equal inputs stay equal."""
    match name:
        case "call":
            return 0, [range(count)]
        case "switch":
            return 1, [range(1, count)]
        case "while_loop":
            return 0, [range(params["constants"])]
        case "scan":
            return 0, [range(params["constants"]), range(params["constants"] + params["carries"], count)]
        case _:
            return 0, []


# ── what is read ─────────────────────────────────────────────────────────────────────────────────


def _read(outputs: Iterable[Node], carried: Mapping[Node, Node]) -> set[Node]:
    """All nodes behind some outputs; behind the input of a carry, too, what a step makes of it.

    Behind an output of a loop lies only what that one needs. A loop is looked into when nothing else is left to do, so
    that this is done once for most of its outputs.
    """
    seen: set[Node] = set()
    waiting = list(outputs)
    taken: dict[Node, set[int]] = {}
    loops: dict[Node, None] = {}
    while waiting or loops:
        if not waiting:
            loop, _ = loops.popitem()
            waiting = _behind(loop, taken[loop])
            continue
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in carried:
            waiting.append(carried[node])
        if node.primitive.name == "item" and node.inputs[0].primitive.name in pruners:
            taken.setdefault(node.inputs[0], set()).add(node.params["index"])
            loops[node.inputs[0]] = None
        else:
            waiting.extend(node.inputs)
    return seen


def _behind(node: Node, needed: Iterable[int]) -> list[Node]:
    """The inputs that some outputs of a node with nested graphs need."""
    less = pruners[node.primitive.name](node.params, sorted(needed))
    return [node.inputs[n] for n in (*less.inputs, *less.passed.values())]


def _part(graph: Graph, inputs: Iterable[int], outputs: Iterable[int]) -> Graph:
    """Some inputs and outputs of a graph; the graph itself where these are all."""
    given, results = tuple([graph.inputs[n] for n in inputs]), tuple([graph.outputs[n] for n in outputs])
    return graph if (given, results) == (graph.inputs, graph.outputs) else Graph(given, results, graph.origins)


def _numbered(needed: Iterable[int], value: Callable[[int], Any]) -> tuple[list[int], dict[int, int]]:
    """Outputs with equal ones left out; every number → the new number."""
    first: dict[Any, int] = {}
    items: dict[int, int] = {}
    kept: list[int] = []
    for number in needed:
        items[number] = first.setdefault(value(number), len(kept))
        if items[number] == len(kept):
            kept.append(number)
    return kept, items


# ── each kind ────────────────────────────────────────────────────────────────────────────────────


def _call(params: Params, needed: list[int]) -> Pruned:
    graph: Graph = params["graph"]
    places = {node: number for number, node in enumerate(graph.inputs)}
    passed = {n: places[graph.outputs[n]] for n in needed if graph.outputs[n] in places}
    kept, items = _numbered([n for n in needed if n not in passed], lambda n: graph.outputs[n])
    read = _read([graph.outputs[n] for n in kept], {})
    inputs = [n for n, node in enumerate(graph.inputs) if node in read]
    return Pruned(inputs, {**params, "graph": _part(graph, inputs, kept)}, items, passed)


def _switch(params: Params, needed: list[int]) -> Pruned:
    branches: tuple[Graph, ...] = params["branches"]
    places = [{node: number for number, node in enumerate(branch.inputs)} for branch in branches]
    passed: dict[int, int] = {}
    for n in needed:
        which = {place.get(branch.outputs[n]) for place, branch in zip(places, branches, strict=True)}
        if len(which) == 1 and (number := which.pop()) is not None:
            passed[n] = number + 1
    kept, items = _numbered([n for n in needed if n not in passed], lambda n: tuple(b.outputs[n] for b in branches))
    reads = [_read([branch.outputs[n] for n in kept], {}) for branch in branches]
    own = [
        n
        for n in range(len(branches[0].inputs))
        if any(branch.inputs[n] in read for branch, read in zip(branches, reads, strict=True))
    ]
    smaller = tuple(_part(branch, own, kept) for branch in branches)
    return Pruned([0, *(n + 1 for n in own)], {**params, "branches": smaller}, items, passed)


def _scan(params: Params, needed: list[int]) -> Pruned:
    body: Graph = params["body"]
    constants, carries = params["constants"], params["carries"]
    end = constants + carries
    entries = body.inputs[constants:end]
    still = [k for k in range(carries) if body.outputs[k] is entries[k]]
    passed = {k: constants + k for k in still if k in needed}
    carried = {entries[k]: body.outputs[k] for k in range(carries) if k not in still}
    read = _read([body.outputs[n] for n in needed if n not in passed], carried)
    live = [k for k in range(carries) if k not in still and (k in needed or entries[k] in read)]
    rows, items = _numbered([n for n in needed if n >= carries], lambda n: body.outputs[n])
    fixed = [n for n in (*range(constants), *(constants + k for k in still)) if body.inputs[n] in read]
    sequences = [n for n in range(end, len(body.inputs)) if body.inputs[n] in read]
    inputs = [*fixed, *(constants + k for k in live), *sequences]
    return Pruned(
        inputs,
        {
            **params, "body": _part(body, inputs, [*live, *rows]), "constants": len(fixed), "carries": len(live),
        },
        {k: n for n, k in enumerate(live) if k in needed} | {n: len(live) + at for n, at in items.items()},
        passed,
    )  # fmt: skip


def _while_loop(params: Params, needed: list[int]) -> Pruned:
    body, condition, constants = params["body"], params["condition"], params["constants"]
    carries = len(body.outputs)
    entries = body.inputs[constants:]
    still = [k for k in range(carries) if body.outputs[k] is entries[k]]
    passed = {k: constants + k for k in still if k in needed}
    carried = {entries[k]: body.outputs[k] for k in range(carries) if k not in still}
    asked = _read(condition.outputs, {})
    tested = {body.inputs[n] for n, node in enumerate(condition.inputs) if node in asked}
    read = _read([*tested, *(body.outputs[n] for n in needed if n not in passed)], carried)
    live = [k for k in range(carries) if k not in still and (k in needed or entries[k] in read)]
    fixed = [n for n in (*range(constants), *(constants + k for k in still)) if body.inputs[n] in read]
    inputs = [*fixed, *(constants + k for k in live)]
    return Pruned(
        inputs,
        {
            **params, "condition": _part(condition, inputs, [0]), "body": _part(body, inputs, live),
            "constants": len(fixed),
        },
        {k: n for n, k in enumerate(live) if k in needed},
        passed,
    )  # fmt: skip


pruners: dict[str, Callable[[Params, list[int]], Pruned]] = {
    "call": _call, "switch": _switch, "scan": _scan, "while_loop": _while_loop,
}  # fmt: skip
