"""A graph → a program as plain numbers: simplified, fused, assembled, its kernels compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maplet.compiler.assembly import BlockAssembler
from maplet.compiler.fusion import fuse
from maplet.compiler.image import Address, Image, Layout
from maplet.compiler.instructions import ROW_WORDS, Op
from maplet.compiler.kernels import compiled
from maplet.compiler.memory import Given, InArena, OfConstant, OfThread, Row
from maplet.compiler.table import Table
from maplet.transforms.inline import inline_custom_gradients
from maplet.transforms.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maplet.compiler.blocks import Block, Storage
    from maplet.compiler.memory import Pointer
    from maplet.core.graph import Graph


@dataclass(frozen=True)
class Build:
    """What a graph became on its way to a program."""

    block: Block
    table: Table
    image: Image


def build(graph: Graph, donated: Mapping[int, int], *, steadfast: bool, is_shared: bool) -> Build:
    """Compile a graph; see `Program`. ``is_shared`` says whether threads are going to share its work."""
    block = fuse(simplify(inline_custom_gradients(graph))[0])
    made = set(block.storage.values()) - set(block.inputs)
    largest = max((storage.type.nbytes for storage in made if storage.value is None), default=0)
    table = Table(largest if is_shared else 0)
    table.steadfast = steadfast
    inputs = [Given(slot=n) for n in range(len(graph.inputs))]
    fresh = [n for n in range(len(graph.outputs)) if n not in donated]
    places = {n: Given(slot=len(inputs) + k) for k, n in enumerate(fresh)}
    targets: list[Pointer] = []
    wanted: dict[Storage, Pointer] = {}
    replaced: dict[Storage, Storage] = {}
    for n, storage in enumerate(block.outputs):
        pointer = inputs[donated[n]] if n in donated else places[n]
        targets.append(pointer)
        if storage not in wanted and storage not in block.inputs and storage.value is None:
            wanted[storage] = pointer
            if n in donated:
                replaced[storage] = block.inputs[donated[n]]
    BlockAssembler(table, block, dict(zip(block.inputs, inputs, strict=True)), wanted, replaced).run(targets)
    table.row(Op.END)
    in_place = all(table.made.get(block.outputs[n]) is inputs[k] for n, k in donated.items())
    return Build(block, table, image_of(table, in_place=in_place))


def image_of(table: Table, *, in_place: bool) -> Image:
    """A table as plain numbers; its kernels are compiled."""
    first = len(table.rows) * ROW_WORDS

    def index(name: tuple[str, int]) -> int:
        return name[1] if name[0] == "row" else first + name[1]

    addresses: list[tuple[int, int, int, int]] = []
    for name, what in table.relocations:
        kind = {"status": Address.STATUS, "kernel": Address.KERNEL, "parts": Address.PARTS}.get(what[0], Address.WORD)
        addresses.append((index(name), kind, index(what) if kind is Address.WORD else what[1], 0))
    for name, pointer, extra in table.waiting:
        match pointer:
            case InArena(offset=offset):
                addresses.append((index(name), Address.ARENA, 0, offset + extra))
            case OfConstant(number=number):
                addresses.append((index(name), Address.CONSTANT, number, extra))
            case Given(slot=slot):
                addresses.append((index(name), Address.GIVEN, slot, extra))
            case Row() | OfThread():  # the program itself writes where it is
                pass
            case _:
                raise TypeError(pointer)
    layout = Layout(
        rows=len(table.rows),
        arena=table.arena.size,
        scratch=max((kernel.scratch for kernel in table.kernels), default=0) + table.own,
        counter=first + table.counters[0][1] if table.counters else -1,
        hosts=len(table.hosts),
        errors=len(table.errors),
        in_place=in_place,
    )
    words = np.array([word for row in table.rows for word in row] + table.words, np.int64)
    return Image(
        layout,
        words,
        np.array(addresses, np.int64).reshape(-1, 4),
        tuple([key for key, _ in compiled(table.kernels)]),
        tuple(table.constants),
    )
