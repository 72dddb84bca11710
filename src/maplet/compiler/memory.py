"""Where arrays lie: pointers, and one arena whose memory is used again as soon as nobody reads it any more.

An address is known at one of three times: when the program is made (arena, constants), when it is called (what it is
given and gives), or while it runs (the row of an array that a loop has reached). A `Pointer` therefore collects the
places, words of the program, that are to hold the address.
"""

from __future__ import annotations

from dataclasses import dataclass, field

alignment = 64
least_in_a_slot, most_of_a_slot = 1 << 19, 1 << 25  # bytes: smaller arrays stay in a core's cache, larger ones in none


@dataclass(eq=False)
class Pointer:
    """An address, and the words that must hold it; each with a number of bytes to add."""

    places: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


@dataclass(eq=False)
class InArena(Pointer):
    """So many bytes behind the begin of the arena."""

    offset: int = 0


@dataclass(eq=False)
class Given(Pointer):
    """An array that the caller gives: an input, or memory for an output."""

    slot: int = 0


@dataclass(eq=False)
class OfThread(Pointer):
    """So many bytes behind the begin of what the thread has for its own; the program itself writes where that is."""

    offset: int = 0


@dataclass(eq=False)
class OfConstant(Pointer):
    """An array that belongs to the program."""

    number: int = 0


@dataclass(eq=False)
class Row(Pointer):
    """The row of an array that a loop has reached."""


class Arena:
    """Memory by offsets; what is freed is given out again, the first hole that fits.

    Large arrays lie around the middle of slots of one size. Threads share an array by halves, so a core finds the lines
    of the array that lay there before in its own cache, whatever the sizes of the two: where another core has them,
    writing 4 MB takes up to five times as long.

    Parameters
    ----------
    largest
        The bytes of the largest array that there will be; 0 where one thread has it all, and what was freed last is
        better at once used again.
    """

    def __init__(self, largest: int = 0) -> None:
        self.size = 0
        self.holes: list[tuple[int, int]] = []  # (offset, size), in order
        self.slot = _aligned(largest) if largest <= most_of_a_slot else 0
        self.slots: list[int] = []  # those that are free

    def take(self, size: int) -> int:
        """The offset of so many bytes, aligned."""
        size = _aligned(size)
        if self._is_large(size):
            return (self.slots.pop() if self.slots else self._grown(self.slot)) + self._margin(size)
        for n, (offset, length) in enumerate(self.holes):
            if length >= size:
                self.holes[n : n + 1] = [(offset + size, length - size)] if length > size else []
                return offset
        return self._grown(size)

    def free(self, offset: int, size: int) -> None:
        """Give memory back; holes side by side become one."""
        size = _aligned(size)
        if self._is_large(size):
            self.slots.append(offset - self._margin(size))
            return
        holes = sorted([*self.holes, (offset, size)])
        joined: list[tuple[int, int]] = []
        for start, length in holes:
            if joined and sum(joined[-1]) == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + length)
            else:
                joined.append((start, length))
        self.holes = joined

    def _is_large(self, size: int) -> bool:
        return size >= least_in_a_slot and self.slot // 8 <= size <= self.slot

    def _margin(self, size: int) -> int:
        return (self.slot - size) // 2 // alignment * alignment

    def _grown(self, size: int) -> int:
        offset = self.size
        if self.holes and sum(self.holes[-1]) == self.size:  # the last hole grows
            offset = self.holes.pop()[0]
        self.size = offset + size
        return offset


def _aligned(size: int) -> int:
    return max(alignment, -(-size // alignment) * alignment)
