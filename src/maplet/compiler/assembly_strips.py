"""Items in strips → rows of instructions: a loop over strips, and what is left of the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.blocks import Block, Item, Nest, Scatter, Storage
from maplet.compiler.combining import neutral
from maplet.compiler.elements import Axis, Convert, Element, Fetch, Function, Linear, Place, Total, part_of
from maplet.compiler.evaluator import Evaluator
from maplet.compiler.memory import InArena, Row
from maplet.compiler.nests import lower_fill, lower_nest, sum_of_parts
from maplet.compiler.strips import written_by
from maplet.core.graph import Graph, input_node
from maplet.core.types import ArrayType, short_name

if TYPE_CHECKING:
    from maplet.compiler.assembly import BlockAssembler
    from maplet.compiler.blocks import Member, Strips
    from maplet.compiler.memory import Pointer
    from maplet.core.graph import Node


def assemble_strips(to: BlockAssembler, strips: Strips, number: int) -> None:
    """Write the rows of a loop over strips; where the rows are many, of one loop for each part of them."""
    made = {
        node: (member, to.make(to.block.storage[node], number, strips))
        for member in strips.members
        for node in written_by(member.item)
        if to.block.storage[node] not in strips.between
    }
    sums = {node: (member, place) for node, (member, place) in made.items() if member.sums}
    writer, part = _Writer(to, strips), part_of(strips.rows)
    if part == strips.rows:
        for node, (member, place) in sums.items():
            writer.begin(member, node, place)
        writer.run(0, strips.rows)
        return
    count = -(-strips.rows // part)
    partial = {node: Storage(ArrayType((count, *node.array_type.shape), node.array_type.dtype)) for node in sums}
    places = {node: to.make(storage, number, strips) for node, storage in partial.items()}

    def one(n: int) -> None:
        for node, (member, _) in sums.items():
            place = _further(places[node], n * node.array_type.nbytes)
            writer.sums[to.block.storage[node]] = place
            writer.begin(member, node, place)
        writer.run(n * part, min(part, strips.rows - n * part))

    to.to.in_parts(count, one)
    for node, (member, place) in sums.items():
        parts = input_node(partial[node].type)
        together = sum_of_parts(node, parts, total_of(member, node).combiner, frozenset([parts]).__contains__)
        call = lower_nest(together)
        work = count * node.array_type.size
        to.to.run_kernel(call, [places[node], place], (node,), (work, work * node.array_type.dtype.itemsize))


def total_of(member: Member, node: Node) -> Total:
    """The sum that a member is."""
    assert isinstance(member.item, Nest)  # noqa: S101  (a scatter is no sum)
    element = member.item.outputs[node]
    assert isinstance(element, Total)  # noqa: S101  (see `strips`)
    return element


def _further(place: Pointer, extra: int) -> Pointer:
    assert isinstance(place, InArena)  # noqa: S101  (nobody wants the parts of a sum elsewhere)
    return InArena(offset=place.offset + extra)


class _Writer:
    """Writes loops over strips; ``sums`` says where those over the rows are put together."""

    def __init__(self, to: BlockAssembler, strips: Strips) -> None:
        self.to = to
        self.strips = strips
        self.sums: dict[Storage, Pointer] = {}
        self.blocks: dict[int, tuple[Block, dict[Storage, Storage]]] = {}

    def begin(self, member: Member, node: Node, place: Pointer) -> None:
        """A sum over the rows begins with what changes nothing."""
        number = neutral(total_of(member, node).combiner, short_name(node.array_type.dtype))
        fill = lower_fill(node, node.array_type.shape, number)
        self.to.to.run_kernel(fill, [place], (node,), (0, node.array_type.nbytes))

    def run(self, first: int, rows: int) -> None:
        """So many rows from some row on: whole strips, and what is left."""
        strip = self.strips.strip
        whole, rest = divmod(rows, strip)
        if whole:
            self._rounds(strip, first, whole)
        if rest:
            self._rounds(rest, first + whole * strip, 1)

    def _rounds(self, count: int, first: int, rounds: int) -> None:
        """The loop over strips of equal length, from some row on."""
        body, cut = self._block(count)
        steps = {self.to.block.storage[n]: s for member in self.strips.members for n, s in member.steps.items()}
        rows: list[tuple[Row, tuple[Pointer, int], int]] = []
        given: dict[Storage, Pointer] = {}
        for storage, own in cut.items():
            if storage in self.strips.between:
                continue
            given[own] = self.sums.get(storage) or self.to.pointer(storage)
            if steps[storage]:
                size = steps[storage] * storage.type.dtype.itemsize
                row = Row()
                rows.append((row, (given[own], first * size), count * size))
                given[own] = row
        self.to.to.depth += 1
        self.to.to.repeat(rounds, rows, lambda: self.to.inner(body, given).run([]))
        self.to.to.depth -= 1

    def _block(self, count: int) -> tuple[Block, dict[Storage, Storage]]:
        """The members over so many rows, and the arrays of the block that stand for those outside."""
        if count not in self.blocks:
            cut: dict[Storage, Storage] = {}
            storages: dict[Node, Storage] = {}
            for member in self.strips.members:
                for node in member.steps:
                    storage = self.to.block.storage[node]
                    if storage not in cut:
                        kind = storage.type
                        if storage in self.strips.between:
                            kind = ArrayType((count, kind.size // self.strips.rows), kind.dtype)
                        cut[storage] = Storage(kind, storage.name)
                    storages[node] = cut[storage]
            items = [shorter(member, count) for member in self.strips.members]
            self.blocks[count] = Block(Graph((), ()), list[Item](items), storages), cut
        return self.blocks[count]


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
