"""Who reads and writes what, and when for the last time; what may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.blocks import Block, Choice, Contract, HostCall, Item, Loop, Nest, Scatter, Storage, Strips
from maplet.compiler.elements import Fetch, within

if TYPE_CHECKING:
    from maplet.core.graph import Node


def may_fail(item: Item) -> bool:
    """Whether an error may be reported while an item runs."""
    match item:
        case Nest(evaluator=evaluator):
            return bool(evaluator.checks)
        case Scatter(checks=checks):
            return bool(checks)
        case Loop(body=body):
            return any(map(may_fail, body.items))
        case Choice(branches=branches):
            return any(may_fail(inner) for branch in branches for inner in branch.items)
        case Strips(members=members):
            return any(may_fail(member.item) for member in members)
        case _:
            return isinstance(item, HostCall)


def carried_inputs(item: Loop) -> list[int]:
    """Which inputs of a loop are handed on."""
    params = item.node.params
    if item.condition is None:
        return list(range(params["constants"], params["constants"] + params["carries"]))
    return list(range(params["constants"], len(item.node.inputs)))


def last_uses(block: Block) -> dict[Storage, int]:
    """The number of the last item that reads or writes an array; beyond the last item for outputs."""
    last: dict[Storage, int] = {}
    for number, item in enumerate(block.items):
        for node in touched(item):
            last[block.storage[node]] = number
        if isinstance(item, HostCall | Loop | Choice):
            last.update(dict.fromkeys(item.gives, number) | {s: last[s] for s in item.gives if s in last})
    for storage in block.outputs:
        last[storage] = len(block.items)
    return last


def touched(item: Item) -> set[Node]:
    """The nodes whose arrays an item reads or writes."""
    match item:
        case Nest():
            return {*item.outputs, *(e.source for e in within(item.roots) if isinstance(e, Fetch))}
        case Scatter():
            begin = () if item.into is None else (item.into.node,)
            return {item.node, *begin, *(e.source for e in within(item.roots) if isinstance(e, Fetch))}
        case Contract():
            return {item.node, item.a, item.b, *(() if item.epilogue is None else touched(item.epilogue))}
        case Strips():
            return {node for member in item.members for node in touched(member.item)}
        case _:
            return set(item.node.inputs)
