"""Which nests a contraction computes itself: the bias, the activation and its mask, while the product is in registers.

Such a nest is the only one that reads the product, element by element, and does little with it. The product is then
stored nowhere. The bits are those of two kernels: what is computed is the same, only not read back in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.blocks import Contract, Item, Nest, Storage
from maplet.compiler.contraction_schedule import Epilogue, results, with_epilogue
from maplet.compiler.elements import Convert, Element, Fetch, Function, Linear, Number, within
from maplet.compiler.strips import Touches
from maplet.core.kinds import cheap_functions

if TYPE_CHECKING:
    from maplet.compiler.blocks import Block
    from maplet.compiler.elements import Axis
    from maplet.core.graph import Node

most_functions = 8  # they stand in the kernel once for every vector of a tile


def with_epilogues(block: Block) -> None:
    """Let the contractions of a block compute what alone reads them."""
    touches, outputs = Touches(block), set(block.outputs)
    readers: dict[Storage, list[Item]] = {}
    for item in block.items:
        for storage in touches(item)[0]:
            readers.setdefault(storage, []).append(item)
    found: dict[Item, Contract] = {}
    for item in block.items:
        product = block.storage[item.node] if isinstance(item, Contract) else None
        match readers.get(product, []) if product is not None else []:
            case [Nest() as nest] if isinstance(item, Contract) and product not in outputs and nest not in found:
                epilogue = _epilogue(item, nest, block)
                if epilogue is not None and not _may_replace(block, *touches(nest)):
                    item.contraction = with_epilogue(item.contraction, epilogue)
                    item.epilogue = nest
                    found[nest] = item
            case _:
                pass
    taken = set(found.values())
    block.items = [found.get(item, item) for item in block.items if item not in taken]


def _may_replace(block: Block, read: set[Storage], written: set[Storage]) -> bool:
    """Whether something may be made where something else was: tiles overlap, and would read what is there already."""
    return any(one.type == other.type for one in read & set(block.inputs) for other in written)


def _epilogue(item: Contract, nest: Nest, block: Block) -> Epilogue | None:
    """What a nest does with a product, in terms of the axes of the contraction; None if it does more."""
    axes = [axis for axis in nest.axes if axis.extent != 1]
    extents = [axis.extent for axis in item.contraction.axes if axis.extent != 1]
    elements = list(within(nest.roots))
    if [axis.extent for axis in axes] != extents or nest.evaluator.checks or not all(map(_is_simple, elements)):
        return None
    fetches = [element for element in elements if isinstance(element, Fetch)]
    own = nest.evaluator.flat(nest.place(), nest.shape).key
    product = block.storage[item.node]  # for which several nodes may stand
    totals = [fetch for fetch in fetches if block.storage[fetch.source] is product]
    many = sum(isinstance(e, Function) for e in elements) > most_functions or len(nest.outputs) > len(results)
    if many or any(fetch.at.key != own for fetch in totals):
        return None
    others = [fetch for fetch in fetches if block.storage[fetch.source] is not product]
    return Epilogue(
        tuple(nest.outputs.values()),
        tuple(others),
        tuple(_strides(fetch.at, axes, item) for fetch in others),
        tuple(fetch.at.constant for fetch in others),
    )


def _is_simple(element: Element) -> bool:
    """Whether a tile can compute it, in few instructions."""
    if isinstance(element, Fetch):
        return element.guard is None and element.at.is_affine()
    return isinstance(element, Number | Convert) or (isinstance(element, Function) and element.name in cheap_functions)


def _strides(form: Linear, axes: list[Axis], item: Contract) -> tuple[int, ...]:
    """How far apart what is read lies along each axis of a contraction."""
    own = iter(axes)
    return tuple(0 if axis.extent == 1 else form.terms.get(next(own), 0) for axis in item.contraction.axes)


def nodes_of(item: Contract) -> tuple[Node, ...]:
    """What a contraction computes: the product, and what it does with it."""
    return (item.product,) if item.epilogue is None else (item.product, *item.epilogue.nodes)
