"""What nobody reads is not stored: a value that one nest computes, and that only this nest uses.

While a block is made, a value that several read is stored. Where all of them came to stand in the nest that computes
it, they have it at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.blocks import Nest
from maplet.compiler.liveness import touched

if TYPE_CHECKING:
    from maplet.compiler.blocks import Block, Item, Storage


def without_unread(block: Block) -> None:
    """Take from the nests of a block what neither another item nor the nest itself reads from memory."""
    readers: dict[Storage, set[Item]] = {}
    for item in block.items:
        own = item.outputs.keys() if isinstance(item, Nest) else ()
        for node in touched(item):
            if node not in own:
                readers.setdefault(block.storage[node], set()).add(item)
    kept = set(block.outputs)
    for item in block.items:
        if isinstance(item, Nest):
            read = {node for node in item.outputs if block.storage[node] in kept or block.storage[node] in readers}
            if read:
                item.unread = tuple(node for node in item.outputs if node not in read)
                item.outputs = {node: element for node, element in item.outputs.items() if node in read}
