"""A program as plain numbers: what is kept on disk between processes, and what is brought into memory to be run.

It has words (rows of instructions, and what stands behind them), and notes which words must hold an address that is
known only in a process: of a kernel, of the arena, of another word, of what a caller gives.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from maplet.core.types import as_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Address(IntEnum):
    """What a word must hold the address of."""

    STATUS = 0
    """The status word of the program."""
    KERNEL = 1
    """A kernel, by its number."""
    WORD = 2
    """Another word."""
    ARENA = 3
    """The arena."""
    CONSTANT = 4
    """A constant, by its number."""
    GIVEN = 5
    """What the caller gives, by its slot."""
    PARTS = 6
    """The function that runs parts of the program as if they were a kernel."""


@dataclass(frozen=True)
class Layout:
    """The sizes of a program.

    Parameters
    ----------
    rows
        Instructions, which are the first words.
    arena, scratch
        Bytes of memory between inputs and outputs, and of each thread's own.
    counter
        The word in which the first outermost loop counts; −1 where there is none.
    hosts, errors
        How many operations of Python it has, and positions that may be wrong.
    in_place
        Whether every donated input is overwritten where it lies.
    """

    rows: int
    arena: int
    scratch: int
    counter: int
    hosts: int
    errors: int
    in_place: bool


@dataclass(frozen=True)
class Image:
    """A program, in no memory yet.

    Parameters
    ----------
    layout
        Its sizes.
    words
        Instructions and arguments.
    addresses
        (word, `Address`, which one, bytes to add) for each word that holds an address.
    kernels
        The keys of their machine code.
    constants
        Arrays that belong to the program.
    """

    layout: Layout
    words: NDArray[np.int64]
    addresses: NDArray[np.int64]
    kernels: tuple[str, ...]
    constants: tuple[np.ndarray[tuple[int, ...], np.dtype[np.generic]], ...]

    def to_bytes(self) -> bytes:
        """All of it, for a file: a line of JSON, then the numbers."""
        arrays = [self.words, self.addresses, *self.constants]
        head = {
            "layout": asdict(self.layout),
            "kernels": self.kernels,
            "arrays": [(array.dtype.name, array.shape) for array in arrays],
        }
        return b"\n".join([json.dumps(head).encode(), b"".join(array.tobytes() for array in arrays)])


def from_bytes(content: bytes) -> Image:
    """What `Image.to_bytes` gave."""
    line, _, numbers = content.partition(b"\n")
    head = json.loads(line)
    arrays: list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = []
    at = 0
    for name, shape in head["arrays"]:
        dtype = as_dtype(name)
        count = int(np.prod(shape, dtype=np.int64))
        arrays.append(np.frombuffer(numbers, dtype, count, at).reshape(shape))
        at += count * dtype.itemsize
    words, addresses, *constants = arrays
    return Image(
        Layout(**head["layout"]),
        words.astype(np.int64),
        addresses.astype(np.int64),
        tuple(head["kernels"]),
        tuple(constants),
    )
