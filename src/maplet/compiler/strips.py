"""Which items go through the same rows, and so can run a few rows at a time: what lies between them stays in the cache.

Layer norm, softmax and their gradients walk through a large array a dozen times; each walk would bring it from memory.
In strips of some rows all of them work on what lies in the cache, and of the arrays between them only a strip exists.
Nothing is added up in another order: a sum along the rows' own axes is whole in each strip, and a sum over the rows
goes on from strip to strip, within each of the parts in which it is taken. Threads share these parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from maplet.compiler.blocks import Contract, Item, Member, Nest, Scatter, Storage, Strips
from maplet.compiler.elements import Axis, Fetch, Linear, Place, Running, Total, part_of, within
from maplet.compiler.liveness import touched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.compiler.blocks import Block
    from maplet.core.graph import Node

reach = 200  # items behind the first that are looked at
worth_it = 1 << 21  # bytes between items: what is less stays in the cache by itself
good_part = 4  # of all that they walk through, what lies between items is at least one in so many
room = 1 << 20  # bytes of all that a strip works on: half of the cache of a core


def in_strips(block: Block) -> None:
    """Put the items of a block that can go by strips together."""
    waiting: list[Item] = list(block.items)
    found: list[Item] = []
    touches = Touches(block)
    while waiting:
        first = waiting.pop(0)
        group = _grown(first, waiting[:reach], touches) if isinstance(first, Nest | Scatter) else None
        strips = None if group is None else group.strips()
        if group is None or strips is None:
            found.append(first)
            continue
        before = group.needed_before()
        inside = {member.item for member in group.members}
        found += [item for item in waiting if item in before]
        found.append(strips)
        waiting = [item for item in waiting if item not in before and item not in inside]
    block.items = found


class Touches:
    """What the items of a block read and write."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.memo: dict[Item, tuple[set[Storage], set[Storage]]] = {}

    def __call__(self, item: Item) -> tuple[set[Storage], set[Storage]]:
        """What an item reads, and what it writes."""
        if item not in self.memo:
            self.memo[item] = self._of(item)
        return self.memo[item]

    def _of(self, item: Item) -> tuple[set[Storage], set[Storage]]:
        storage = self.block.storage
        match item:
            case Nest() | Scatter():
                written = {storage[node] for node in written_by(item)}
            case Contract(node=node):
                written = {storage[node]}
            case Strips(members=members):
                written = {storage[node] for member in members for node in written_by(member.item)}
            case _:
                written = set(item.gives)
        return {storage[node] for node in touched(item)} - written, written


def _grown(first: Nest | Scatter, rest: Sequence[Item], touches: Touches) -> Group | None:
    """All that can run with an item in strips."""
    rows = next((axis.extent for axis in first.axes if axis.extent != 1), 1)
    large = max(node.array_type.nbytes for node in touched(first))
    if rows <= 1 or 2 * large < worth_it:
        return None
    group = Group(touches, rows)
    if not group.joins(first):
        return None
    for item in rest:
        group.joins(item)
    return group


@dataclass(eq=False)
class Group:
    """Items in strips, and what is known of those that stand between them."""

    touches: Touches
    rows: int
    members: list[Member] = field(default_factory=list[Member])
    steps: dict[Storage, int] = field(default_factory=dict[Storage, int])  # how far apart the rows of an array lie
    made: set[Storage] = field(default_factory=set[Storage])  # row by row
    late: set[Storage] = field(default_factory=set[Storage])  # what is there only after the last strip
    free: list[Item] = field(default_factory=list[Item])  # those that could run before

    def joins(self, item: Item) -> bool:
        """Take an item up, or see where it must stand."""
        read, written = self.touches(item)
        if read & self.late:
            self.late |= written
            return False
        if self.members and not read & self.made:
            self.free.append(item)
            return False
        if self._member(item) is None:
            self.late |= written
            return False
        self._bring(item)
        self._take(item)
        return True

    def _take(self, item: Item) -> None:
        member = self._member(item)
        assert member is not None  # noqa: S101  (it was looked at before)
        self.members.append(member)
        self.steps |= {self.touches.block.storage[node]: step for node, step in member.steps.items()}
        written = self.touches(item)[1]
        if member.sums:
            self.late |= written
        else:
            self.made |= written

    def _bring(self, item: Item) -> None:
        """Take up also those that make what an item reads, where they make it row by row."""
        read = self.touches(item)[0]
        for maker in list(self.free):
            if maker in self.free and self.touches(maker)[1] & read and self._can_bring(maker, item):
                self.free.remove(maker)
                self._bring(maker)
                self._take(maker)
                readers = self._readers(maker)
                self.free = [one for one in self.free if one not in readers]
                for one in readers:
                    self.joins(one)

    def _can_bring(self, maker: Item, item: Item) -> bool:
        """Whether what makes something may become a member right before an item that reads it."""
        read, written = self.steps.keys() | self.touches(item)[0], self.touches(maker)[1]
        found = self._member(maker)
        if found is None or found.sums or written & self.steps.keys():
            return False
        if any(self.touches(one)[1] & read for one in self._readers(maker)):
            return False  # somebody needs them before
        self.made |= written
        fits = self._member(item) is not None
        self.made -= written
        return fits

    def _readers(self, maker: Item) -> list[Item]:
        """The free items that read what another one makes, or what such a reader makes."""
        made, found = set(self.touches(maker)[1]), list[Item]()
        for one in self.free:
            if one is not maker and self.touches(one)[0] & made:
                found.append(one)
                made |= self.touches(one)[1]
        return found

    def _member(self, item: Item) -> Member | None:
        if not isinstance(item, Nest | Scatter) or any(isinstance(root, Running) for root in item.roots):
            return None
        if isinstance(item, Scatter) and item.into is not None:
            return None
        leading = next((axis for axis in item.axes if axis.extent != 1), None)
        summed = _summed(item)
        for axis, sums in ((leading, False), (summed, True)):
            if axis is not None and axis.extent == self.rows:
                steps = self._steps(item, axis, sums=sums)
                if steps is not None:
                    return Member(item, axis, steps, sums)
        return None

    def _steps(self, item: Nest | Scatter, axis: Axis, *, sums: bool) -> dict[Node, int] | None:
        """How far apart the rows of each array lie for an item; None if it does not go row by row."""
        if isinstance(item, Scatter) and item.axes[item.aimed] is axis:
            return None
        found = {node: 0 if sums else node.array_type.size // self.rows for node in written_by(item)}
        for element in within(item.roots):
            if isinstance(element, Place) and axis in element.at.terms:
                return None
            if isinstance(element, Fetch):
                storage, step = self.touches.block.storage[element.source], element.at.terms.get(axis, 0)
                if step == 1 and len(element.at.terms) > 1:
                    return None  # it is turned: a row of it lies across the rows of the array
                if storage in self.made and not is_of_own_row(element, axis):
                    return None
                if found.setdefault(element.source, step) != step or self.steps.get(storage, step) != step:
                    return None
        return found

    # ── what becomes of it ───────────────────────────────────────────────────────────────────────

    def needed_before(self) -> set[Item]:
        """The items that must run first, as a member reads what they make."""
        read = set[Storage]().union(*(self.touches(member.item)[0] for member in self.members))
        needed: set[Item] = set()
        for item in reversed(self.free):
            reads, writes = self.touches(item)
            if writes & read:
                needed.add(item)
                read |= reads
        return needed

    def strips(self) -> Strips | None:
        """The members as one item, if it is worth it."""
        read = [self.touches(member.item)[0] for member in self.members]
        kept = sum(storage.type.nbytes for storage in self.made if any(storage in one for one in read))
        moving = {storage for storage, step in self.steps.items() if step}
        whole = sum(storage.type.nbytes for storage in moving)
        row = whole // self.rows
        strip = min(1 << (max(1, room // max(1, row)).bit_length() - 1), part_of(self.rows))
        if kept < max(worth_it, whole // good_part) or row > room or strip >= self.rows:
            return None
        inside = {member.item for member in self.members}
        outside = {
            storage for item in self.touches.block.items if item not in inside for storage in self.touches(item)[0]
        }
        return Strips(self.members, self.rows, strip, self.made - outside - set(self.touches.block.outputs))


def _summed(item: Nest | Scatter) -> Axis | None:
    """The axis of the sum that a nest is, if it takes one position after another."""
    if not isinstance(item, Nest) or len(item.outputs) != 1:
        return None
    ((node, element),) = item.outputs.items()
    plain = isinstance(element, Total) and not element.in_lanes and not element.combiner.startswith("arg")
    return element.axis if plain and node.array_type.dtype.itemsize > 2 and isinstance(element, Total) else None


def is_of_own_row(fetch: Fetch, axis: Axis) -> bool:
    """Whether what is read, of an array whose rows go along an axis, lies in the row that the axis is at."""
    length = fetch.source.array_type.size // axis.extent
    rest = {atom: factor for atom, factor in fetch.at.terms.items() if atom is not axis}
    low, high = Linear(fetch.at.constant, rest).bounds()
    return fetch.at.terms.get(axis, 0) == length and low >= 0 and high < length


def written_by(item: Nest | Scatter) -> Iterator[Node]:
    """The nodes that an item makes."""
    yield from item.outputs if isinstance(item, Nest) else (item.node,)
