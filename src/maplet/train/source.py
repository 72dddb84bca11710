"""Where the batches of an epoch come from: samples in memory, or a stream of blocks."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import Array, from_value
from maplet.core.trace import missing
from maplet.core.tree import leaves, places, replace
from maplet.data import Stream, batch_slices, permutation
from maplet.errors import DataError, MapletError, SettingError, ShapeError
from maplet.train.inputs import Samples, as_samples

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Stretch:
    """Steps of an epoch in a row, whose batches are rows of the same samples.

    Parameters
    ----------
    first
        The number of steps before it in the epoch.
    samples, order
        What is trained on, and in which order of its rows.
    batches
        The batches, as parts of the order.
    """

    first: int
    samples: Samples
    order: NDArray[np.int64]
    batches: list[slice]

    def length(self, number: int) -> int:
        """How many rows a batch has."""
        return self.batches[number].stop - self.batches[number].start


class InMemory:
    """All samples at once, in another order in each epoch."""

    def __init__(self, samples: Samples, batch_size: int, seed: int) -> None:
        self.samples: Samples | None = samples
        self.batches = batch_slices(samples.count, batch_size)
        self.steps: int | None = len(self.batches)
        self.seed = seed

    def known(self) -> Samples | None:
        """What is known of the data before the first step: all of it."""
        return self.samples

    def stretches(self, epoch: int) -> Generator[Stretch]:
        """The whole epoch."""
        assert self.samples is not None  # noqa: S101  (a stream has none)
        yield Stretch(0, self.samples, permutation(self.samples.count, self.seed, epoch), self.batches)

    def close(self) -> None:
        """Nothing to let go of."""

    def describe(self) -> dict[str, Any]:
        """By what the data is known again."""
        assert self.samples is not None  # noqa: S101  (a stream has none)
        return {
            "samples": self.samples.count,
            "input_shape": self.samples.input_shape(),
            "sha256": self.samples.fingerprint(),
        }


class Streamed:
    """Blocks one after another: those of an epoch are read by a thread while it goes on.

    A resumed run knows the data again by its first block; whether the others are the same, only who gives them can say.

    Parameters
    ----------
    stream
        Gives the blocks.
    dtype
        In which the network computes.
    batch_size, seed
        As in `fit`.
    """

    def __init__(self, stream: Stream, dtype: np.dtype[Any], batch_size: int, seed: int) -> None:
        self.stream, self.dtype, self.batch_size, self.seed = stream, dtype, batch_size, seed
        self.samples: Samples | None = None
        self.steps: int | None = None  # nobody knows before the end of the first epoch
        self.form: dict[str, tuple[Any, ...]] = {}
        self.reader: Reader | None = Reader(self)  # of the first epoch: its first block says what is to come
        try:
            first = self.reader.first()
            self.description = {"input_shape": first.input_shape(), "sha256 of the first block": first.fingerprint()}
        except BaseException:
            self.reader.close()
            raise

    def known(self) -> Samples | None:
        """What is known of the data before the first step: the first block."""
        return self.reader.waiting[0][1] if self.reader is not None and self.reader.waiting else None

    def describe(self) -> dict[str, Any]:
        """By what the data is known again."""
        return self.description

    def close(self) -> None:
        """Let go of what was read for an epoch that does not begin."""
        if self.reader is not None:
            self.reader.close()

    def stretches(self, epoch: int) -> Generator[Stretch]:
        """The batches of each block, and between blocks those of what was left over and what comes next."""
        reader, self.reader = self.reader or Reader(self), None
        size, step = self.batch_size, 0
        left: Samples | None = None
        try:
            for number, block in reader:
                order = permutation(block.count, self.seed, epoch, number)
                if left is not None:
                    needed = size - left.count
                    left, order = joined(left, block.rows(order[:needed])), order[needed:]
                if left is not None and left.count == size:
                    yield Stretch(step, left, np.arange(size), [slice(0, size)])
                    step, left = step + 1, None
                whole = len(order) // size * size
                if whole:
                    yield Stretch(step, block, order, batch_slices(whole, size))
                    step += whole // size
                if len(order) > whole:
                    left = block.rows(order[whole:])
                del block  # before the next one is there
            if left is not None:
                yield Stretch(step, left, np.arange(left.count), [slice(0, left.count)])
                step += 1
        finally:
            reader.close()
        if not step:
            raise DataError(
                f"the stream gave no rows in epoch {epoch}",
                fix="give a list of blocks, or a function that makes a new iterator each time",
            )
        self.steps = step

    def as_block(self, number: int, data: Any) -> Samples:
        """A block of samples, checked as samples in memory are, and against the first block."""
        found = as_samples(data, self.dtype, f"training (block {number})", quiet=number > 0)
        form = {
            f"{label}{'.' if path else ''}{path}": (leaf.shape[1:], leaf.dtype)
            for label, part in zip(("x", "y", "weights"), found.parts(), strict=True)
            for path, leaf in leaves(part).items()
        }
        self.form = self.form or form
        if form != self.form:
            raise ShapeError(
                f"block {number} of the stream has rows of {_shown(form)}, the first block {_shown(self.form)}",
                fix="give all blocks one form; only the number of their rows may differ",
            )
        return found


Source = InMemory | Streamed


class Reader:
    """A thread that reads the next block as soon as the one before was taken.

    So there are two blocks at most: the one that is trained on, and the next. What goes wrong in the thread is raised
    where the block is asked for.
    """

    def __init__(self, source: Streamed) -> None:
        self.source = source
        self.wanted = threading.Semaphore(1)
        self.found: queue.SimpleQueue[tuple[int, Samples] | BaseException | None] = queue.SimpleQueue()
        self.closed = False
        self.waiting: list[tuple[int, Samples]] = []
        self.thread = threading.Thread(target=self._read, name="maplet reader", daemon=True)
        self.thread.start()

    def _read(self) -> None:
        blocks: Any = None
        number = 0
        try:
            blocks = self.source.stream.open()
            for number, data in enumerate(self._asked(blocks)):
                block = self.source.as_block(number, data)
                del data
                self.found.put((number, block))
                del block
            self.found.put(None)
        except BaseException as error:  # noqa: BLE001  (it is raised in the thread that waits for the block)
            self.found.put(_in_block(number, error))
        finally:
            with suppress(Exception):
                getattr(blocks, "close", lambda: None)()

    def _asked(self, blocks: Iterator[Any]) -> Iterator[Any]:
        """The blocks that have rows, each when it is wanted."""
        while True:
            self.wanted.acquire()
            if self.closed:
                return
            data: Any = next(blocks, missing)
            while data is not missing and _is_empty(data):
                data = next(blocks, missing)
            if data is missing:
                return
            yield data
            del data

    def first(self) -> Samples:
        """The first block, which stays where it is."""
        item = self._next()
        if item is None:
            raise DataError("the stream gave no rows", fix="give blocks (x, y) that have some")
        self.waiting.append(item)
        return item[1]

    def _next(self) -> tuple[int, Samples] | None:
        item = self.found.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def __iter__(self) -> Iterator[tuple[int, Samples]]:
        """The blocks with their numbers."""
        while True:
            item = self.waiting.pop() if self.waiting else self._next()
            if item is None:
                return
            self.wanted.release()
            yield item

    def close(self) -> None:
        """End the thread, once the block that it reads is there."""
        self.closed = True
        self.wanted.release()
        self.thread.join(timeout=1.0)


def source_of(data: Any, dtype: np.dtype[Any], *, batch_size: int, seed: int, epochs: int) -> Source:
    """What `fit` is given to train on."""
    if not isinstance(data, Stream):
        return InMemory(as_samples(data, dtype, "training"), batch_size, seed)
    if data.once and epochs > 1:
        raise SettingError(
            f"an iterator can be gone through once, and there are {epochs} epochs",
            fix="give a function that makes one: mp.data.Stream(read) and not mp.data.Stream(read())",
        )
    return Streamed(data, dtype, batch_size, seed)


def joined(first: Samples, second: Samples) -> Samples:
    """The rows of one behind those of another."""
    others = iter([leaf for part in second.parts() for leaf in leaves(part).values()])

    def behind(leaf: Any) -> Any:
        return from_value(np.concatenate([leaf.numpy(), next(others).numpy()])) if isinstance(leaf, Array) else leaf

    return Samples(*(replace(part, behind) for part in first.parts()))


def _is_empty(data: Any) -> bool:
    """Whether a block has no rows."""
    return any(getattr(array, "shape", (1,))[:1] == (0,) for _, array in places(data))


def _in_block(number: int, error: BaseException) -> BaseException:
    if isinstance(error, MapletError) or not isinstance(error, Exception):
        return error
    raised = DataError(
        f"reading block {number} of the stream failed: {type(error).__name__}: {error}",
        fix="the error above is that of the reader",
    )
    raised.__cause__ = error
    return raised


def _shown(form: dict[str, tuple[Any, ...]]) -> str:
    return ", ".join(f"{name} {dtype}{list(shape)}" for name, (shape, dtype) in form.items())
