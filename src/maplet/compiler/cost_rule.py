"""The one rule that decides what is stored, and what is composed into what reads it.

What only moves elements is not stored for its own sake, but where each position would have to be divided; what
computes is stored if several read it and it costs more than reading it back would, or if it would be computed more
often than it has elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler import products
from maplet.compiler.blocks import place_of
from maplet.compiler.elements import Axis, Fetch, Function, Total, within
from maplet.compiler.evaluator import Evaluator
from maplet.compiler.recognition import aimed_at
from maplet.core import index_notation as notation
from maplet.core.graph import constant_primitive
from maplet.core.kinds import access_at, is_cheap, is_choice, only_moves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from maplet.core.graph import Node

few = 16  # elements of which one is looked up, or more of them
many = 64  # times smaller than an array, what goes with it stays at hand
little = 5  # cheap functions, which take no longer than what they read
twice = 2  # as often as it has elements, something cheap may be computed: for the zeros around it
short = 64  # elements of a row
near = 1 << 14  # elements of an array: up to here it stays in the first cache, and to call one kernel less is a gain


class CostRule:
    """Questions about a node, given what lies in memory by now and who reads what; None reads an output."""

    def __init__(self, stored: Callable[[Node], bool], readers: Mapping[Node, list[Node | None]]) -> None:
        self.stored = stored
        self.readers = readers

    def is_moved_on(self, node: Node) -> bool:
        """Whether only one reads a node, which takes it in another order, or a part of it."""
        reader = next(iter(self.readers.get(node, [])), None)
        if reader is None or len(self.readers[node]) > 1 or isinstance(reader.type, tuple):
            return False
        access = access_at(reader)
        is_part = reader.array_type.size <= node.array_type.size
        return access is not None and isinstance(access.value, notation.Read) and is_part

    def is_stored(self, node: Node, access: notation.Access) -> bool:
        """The cost rule: whether a value without sums is stored rather than composed into what reads it."""
        readers = list(self.readers_of(node))
        if None in readers:
            return True
        size = node.array_type.size
        cheap = is_cheap(access.value)
        reads = [_reads(reader) / size if size and reader is not None else 0 for reader in readers]
        once = all(count <= 1 for count in reads)
        if only_moves(access.value) and not is_choice(access):
            # What looks up a few elements is stored: the array that they are looked up in need be kept no longer.
            if not cheap and few * size <= max(child.array_type.size for child in node.inputs):
                return True
            return once and self.divides(node)
        if size == 1:
            return not cheap or (len(readers) > 1 and not all(map(self.is_near, node.inputs)))
        inline = all(map(self.takes_inline, readers)) and (once or (cheap and max(reads) <= twice))
        return not inline or (len(readers) > 1 and not self.is_read_as_cheaply(node, sum(reads)))

    def readers_of(self, node: Node) -> Iterator[Node | None]:
        """Who reads the elements of a node: who only gives them another shape reads none, but hands them on."""
        for reader in self.readers.get(node, []):
            if reader is not None and self.gives_another_shape(reader):
                yield from self.readers_of(reader)
            else:
                yield reader

    def is_read_as_cheaply(self, node: Node, readers: float) -> bool:
        """Whether what a node is made of is read in no more bytes than if the node was stored, and takes no longer.

        Of L large arrays each of r readers takes L (who reads a half counts as half); stored, they are read once, and
        it is written once, and then read by each: r·L ≤ L + 1 + r. But a sum over whole rows goes through an array as
        if it had one axis, and what stands beside each column of short rows would be looked up anew for each element.
        """
        large: set[Node] = set()
        beside, waiting, functions = False, [node], 0
        seen: set[Node] = set()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            if one is not node and (self.stored(one) or one.primitive is constant_primitive):
                is_large = many * one.array_type.size > node.array_type.size
                large |= {one} if is_large else set()
                beside |= not is_large and one.array_type.size > 1
                continue
            access = access_at(one)
            if access is None or not is_cheap(access.value):
                return False
            functions += not only_moves(access.value)
            if functions > little or (readers - 1) * (len(large) - 1) > 2:
                return False
            waiting += one.inputs
        return (readers - 1) * (len(large) - 1) <= 2 and not (beside and self.ends_in_sum_of_short_rows(node))

    def ends_in_sum_of_short_rows(self, node: Node) -> bool:
        """Whether a node, or what is computed of it element by element, is added up along short rows."""
        shape, reached, waiting = node.array_type.shape, {node}, [node]
        if shape[-1] >= short:
            return False
        while waiting:
            for reader in self.readers.get(waiting.pop(), []):
                if reader is None or reader in reached or not self.takes_inline(reader):
                    continue
                reached.add(reader)
                access = access_at(reader)
                if access is not None and isinstance(access.value, notation.Reduce):
                    if reader.array_type.shape[-1:] != shape[-1:]:
                        return True
                elif reader.array_type.shape == shape:
                    waiting.append(reader)
        return False

    def is_near(self, node: Node) -> bool:
        """Whether reading an element of a node costs no more than a load."""
        if self.stored(node) or node.primitive is constant_primitive:
            return True
        access = access_at(node)
        return access is not None and only_moves(access.value) and all(map(self.is_near, node.inputs))

    def takes_inline(self, reader: Node | None) -> bool:
        """Whether a reader can take an expression in the place of an array."""
        if reader is None or isinstance(reader.type, tuple):
            return False
        access = access_at(reader)
        return access is not None and not products.is_contraction(reader) and aimed_at(access.value) is None

    def same_memory(self, node: Node) -> Node | None:
        """The stored array that a node only gives another shape."""
        return _reshaped(node, self.stored)

    def gives_another_shape(self, node: Node) -> bool:
        """Whether a node has the elements of its operand in their order: stored in that one's shape, it is there."""
        access = None if isinstance(node.type, tuple) else access_at(node)
        if access is None or len(node.inputs) != 1 or not only_moves(access.value):
            return False
        return _reshaped(node, set(node.inputs).__contains__) is not None

    def divides(self, node: Node) -> bool:
        """Whether it gives another shape to what is not stored, so that positions would have to be divided."""
        if not self.gives_another_shape(node):
            return False
        place = place_of([Axis(length) for length in node.array_type.shape])
        element = Evaluator(self.stored, {}).element(node, place)
        return any(isinstance(one, Function) and one.name == "floor_divide" for one in within([element]))

    def reads_turned(self, node: Node) -> bool:
        """Whether a sum over a large array would go through it across the way in which it lies."""
        inputs = [child for child in node.inputs if not self.stored(child)]
        if all(child.array_type.size <= near for child in inputs):
            return False
        axes = [Axis(length) for length in node.array_type.shape]
        elements = list(within([Evaluator(self.stored, {}).compute(node, place_of(axes))]))
        sums = [element.axis for element in elements if isinstance(element, Total)]
        lanes = next((e.axis for e in elements if isinstance(e, Total) and e.in_lanes), axes[-1] if axes else None)
        forms = [element.at.terms for element in elements if isinstance(element, Fetch)]
        across = [terms for terms in forms if lanes is not None and terms.get(lanes, 0) not in (0, 1)]
        return any(terms.get(axis) == 1 for terms in across for axis in (*axes, *sums))


def _reshaped(node: Node, stored: Callable[[Node], bool]) -> Node | None:
    """The array, of those that are stored, whose elements a node has in their order."""
    evaluator = Evaluator(stored, {})
    place = place_of([Axis(length) for length in node.array_type.shape])
    element = evaluator.element(node, place)
    if not isinstance(element, Fetch) or element.guard is not None or evaluator.checks:
        return None
    same = element.at.key == evaluator.flat(place, node.array_type.shape).key
    return element.source if same and element.source.array_type.size == node.array_type.size else None


def _reads(reader: Node) -> int:
    """How many elements of an operand a reader looks at, at most: those of its result and of its sums."""
    if isinstance(reader.type, tuple):
        return 0
    access = access_at(reader)
    if access is None:
        return 0
    size = reader.array_type.size
    expression = access.value
    while isinstance(expression, notation.Reduce):
        size *= expression.extent
        expression = expression.body
    return size
