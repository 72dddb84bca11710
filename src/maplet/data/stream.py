"""Data that arrives in blocks, because all of it does not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from maplet.errors import SettingError


class Stream:
    """Training data in blocks: ``mp.fit(net, mp.data.Stream(blocks), …)``.

    While one block is trained on, a thread reads the next, so that no more than two are in memory at a time, and what
    the last one left over of a batch. Rows are shuffled within their block, by (seed, epoch, number of the block). The
    blocks come in the order in which they are given: to shuffle those, too, let a function give them in another order
    each time.

    Parameters
    ----------
    blocks
        What gives blocks ``(x, y)`` or ``(x, y, weights)``, of any number of rows: an iterable that can be gone through
        once for each epoch, or a function without arguments that gives an iterator, for each epoch a new one. An
        iterator or generator itself serves one epoch.

    Raises
    ------
    SettingError
        If it is neither.

    Examples
    --------
    >>> import numpy as np
    >>> def read():
    ...     for n in range(3):
    ...         yield np.full((2, 1), n), np.full((2, 1), 2 * n)
    >>> stream = Stream(read)
    >>> stream.once, len(list(stream.open()))
    (False, 3)
    """

    def __init__(self, blocks: Iterable[Any] | Callable[[], Iterable[Any]]) -> None:
        if not callable(blocks) and not isinstance(cast("Any", blocks), Iterable):
            raise SettingError(
                f"Stream takes blocks, given {type(cast('object', blocks)).__name__}",
                fix="give a list of blocks (x, y), or a function that yields them",
            )
        self.blocks = blocks
        self.once = isinstance(blocks, Iterator)  # whether there is only one epoch in it

    def open(self) -> Iterator[Any]:
        """The blocks of an epoch."""
        found: Any = self.blocks() if callable(self.blocks) else self.blocks
        if not isinstance(found, Iterable):
            raise SettingError(
                f"the function of the stream gave {type(found).__name__}, expected an iterator of blocks",
                fix="yield the blocks, or return a list of them",
            )
        return iter(cast("Iterable[Any]", found))
