"""Items in strips → rows of instructions: a loop over strips, and what is left of the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.blocks import Block, Nest, Scatter, Storage
from maplet.compiler.elements import Axis, Convert, Element, Fetch, Function, Linear, Place, Total
from maplet.compiler.evaluator import Evaluator
from maplet.compiler.lowering import neutral
from maplet.compiler.memory import Row
from maplet.compiler.nests import lower_fill
from maplet.compiler.strips import written_by
from maplet.core.graph import Graph
from maplet.core.types import ArrayType, short_name

if TYPE_CHECKING:
    from maplet.compiler.assembly import BlockAssembler
    from maplet.compiler.blocks import Member, Strips
    from maplet.compiler.memory import Pointer
    from maplet.core.graph import Node


def assemble_strips(to: BlockAssembler, strips: Strips, number: int) -> None:
    """Write the rows of a loop over strips."""
    for member in strips.members:
        for node in written_by(member.item):
            storage = to.block.storage[node]
            if storage not in strips.between:
                place = to.make(storage, number, strips)
                if member.sums:
                    _begin(to, member, node, place)
    whole, rest = divmod(strips.rows, strips.strip)
    _rounds(to, strips, strips.strip, 0, whole)
    if rest:
        _rounds(to, strips, rest, whole * strips.strip, 1)


def _begin(to: BlockAssembler, member: Member, node: Node, place: Pointer) -> None:
    """A sum over the rows begins with what changes nothing."""
    assert isinstance(member.item, Nest)  # noqa: S101  (a scatter is no sum)
    element = member.item.outputs[node]
    assert isinstance(element, Total)  # noqa: S101  (see `strips`)
    fill = lower_fill(node, member.item.shape, neutral(element.combiner, short_name(node.array_type.dtype)))
    to.to.run_kernel(fill, [place], (node,), (0, node.array_type.size * node.array_type.dtype.itemsize))


def _rounds(to: BlockAssembler, strips: Strips, count: int, first: int, rounds: int) -> None:
    """The loop over strips of equal length, from some row on."""
    moving: dict[Storage, tuple[Row, Pointer, int]] = {}
    given: dict[Storage, Pointer] = {}
    storages: dict[Node, Storage] = {}
    cut: dict[Storage, Storage] = {}
    for member in strips.members:
        for node, step in member.steps.items():
            storage = to.block.storage[node]
            if storage not in cut:
                if storage in strips.between:
                    kind = storage.type
                    cut[storage] = Storage(ArrayType((count, kind.size // strips.rows), kind.dtype), storage.name)
                else:
                    cut[storage] = Storage(storage.type, storage.name)
                    whole = to.pointer(storage)
                    if step:
                        moving[storage] = Row(), whole, step * storage.type.dtype.itemsize
                        whole = moving[storage][0]
                    given[cut[storage]] = whole
            storages[node] = cut[storage]
    items = [shorter(member, count) for member in strips.members]
    body = Block(Graph((), ()), list(items), storages)
    rows = [(row, (whole, first * size), count * size) for row, whole, size in moving.values()]
    to.to.repeat(rounds, rows, lambda: to.inner(body, given).run([]))


def shorter(member: Member, count: int) -> Nest | Scatter:
    """An item that goes through so many rows, which begin where its arrays are said to."""
    item, cut = member.item, Cut(member.axis, count)
    if isinstance(item, Scatter):
        axes = tuple(cut.axis if axis is member.axis else axis for axis in item.axes)
        checks = [(cut.element(condition), node) for condition, node in item.checks]
        at, body = cut.element(item.at), cut.element(item.body)
        return Scatter(item.node, axes, item.aimed, at, item.sums, body, item.combiner, checks)
    axes = tuple(cut.axis if axis is member.axis else axis for axis in item.axes)
    nest = Nest(axes, tuple(axis.extent for axis in axes), Evaluator(item.evaluator.stored, {}))
    nest.evaluator.checks = [(cut.element(condition), node) for condition, node in item.evaluator.checks]
    for node, element in item.outputs.items():
        found = cut.element(element)
        if member.sums and isinstance(found, Total):
            so_far = Fetch(found.dtype, node, nest.evaluator.flat(nest.place(), nest.shape), None)
            found = Total(found.dtype, found.combiner, found.axis, found.body, found.in_lanes, so_far)
        nest.outputs[node] = found
    return nest


class Cut:
    """The same elements over fewer positions of an axis."""

    def __init__(self, axis: Axis, count: int) -> None:
        self.old = axis
        self.axis = Axis(count)
        self.memo: dict[Element, Element] = {}

    def element(self, element: Element) -> Element:
        """An element, made anew only where it speaks of the axis."""
        if element not in self.memo:
            self.memo[element] = self._element(element)
        return self.memo[element]

    def _element(self, element: Element) -> Element:
        match element:
            case Place(dtype=dtype, at=at):
                return Place(dtype, self.form(at))
            case Fetch(dtype=dtype, source=source, at=at, guard=guard):
                return Fetch(dtype, source, self.form(at), None if guard is None else self.element(guard))
            case Function(dtype=dtype, name=name, arguments=arguments):
                return Function(dtype, name, tuple([self.element(argument) for argument in arguments]))
            case Convert(dtype=dtype, value=value):
                return Convert(dtype, self.element(value))
            case Total(dtype=dtype, combiner=combiner, axis=axis, body=body, in_lanes=in_lanes):
                return Total(dtype, combiner, self.axis if axis is self.old else axis, self.element(body), in_lanes)
            case _:
                return element

    def form(self, form: Linear) -> Linear:
        """A position; on an axis of one position it is not spoken of."""
        terms = {self._atom(atom): factor for atom, factor in form.terms.items()}
        if self.axis.extent == 1:
            terms.pop(self.axis, None)
        return Linear(form.constant, terms)

    def _atom(self, atom: Axis | Element) -> Axis | Element:
        if isinstance(atom, Element):
            return self.element(atom)
        return self.axis if atom is self.old else atom
