"""The steps of an epoch: one by one or many in a row, and between them those that are watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maplet.train.run import Run
    from maplet.train.source import Source, Stretch
    from maplet.train.stepping import Stepping
    from maplet.train.watching import Watching


@dataclass
class Descent:
    """Takes the steps, and moves ``run.step`` on.

    Parameters
    ----------
    run, source
        Where training stands, and where its batches come from.
    stepping, watching
        What makes a step, and which of them are watched.
    batch_size
        How many rows a full batch has.
    count
        Is told the loss of each batch and its weight.
    """

    run: Run
    source: Source
    stepping: Stepping
    watching: Watching
    batch_size: int
    count: Callable[[float, float], None]

    def steps(self, stretch: Stretch, *, each: bool) -> Iterator[None]:
        """The steps that are left of a stretch; comes back after each, or after many if nobody asks for each."""
        run = self.run
        full = len(stretch.batches) - (stretch.length(-1) < self.batch_size)
        left = stretch.first + full - run.step
        if left > 1 and not each:
            yield from self._many_steps(stretch, stretch.first + full)
        for part in stretch.batches[max(run.step - stretch.first, 0) :]:
            self._one_step(stretch, part)
            yield

    def _one_step(self, stretch: Stretch, part: slice) -> None:
        """The next step; watched if it is its turn and the batch is full, so that there is but one such program.

        Where there are not enough rows for a full one, all of them are.
        """
        samples, rows = stretch.samples, stretch.order[part]
        weight = float(len(rows)) if samples.weights is None else samples.rows(rows).weight()
        full = self.batch_size if self.source.samples is None else min(self.batch_size, self.source.samples.count)
        if weight and self._left() == 0 and len(rows) == full:
            loss, seen = self.stepping.run_watched(samples, rows)
            self.watching.note(loss, seen)
            self.count(loss, weight)
        elif weight:  # else it has nothing to say
            self.count(self.stepping.run(samples.rows(rows)), weight)
        self.run.step += 1

    def _left(self) -> int | None:
        """How many steps there are before the next one that is watched."""
        return self.watching.left((self.run.epoch - 1) * (self.source.steps or 0) + self.run.step)

    def _many_steps(self, stretch: Stretch, end: int) -> Iterator[None]:
        """The full batches up to a step, in a row but for those that are watched."""
        run = self.run
        while run.step < end:
            left = self._left()
            if left == 0:
                begin = run.step
                yield from self._in_groups(stretch, (end - begin) // self.watching.every)
                if run.step == begin:
                    self._one_step(stretch, stretch.batches[begin - stretch.first])
                    yield
                continue
            until = end if left is None else min(run.step + left, end)
            yield from self._in_a_row(stretch, until)
            if run.step < until:
                return  # they can only be run one by one

    def _in_groups(self, stretch: Stretch, groups: int) -> Iterator[None]:
        """Groups of full batches, each with one that is watched at its front; none where batches may weigh nothing."""
        every, size = self.watching.every, self.batch_size
        if not groups or stretch.samples.weights is not None:
            return
        begin = (self.run.step - stretch.first) * size
        batches = stretch.order[begin : begin + groups * every * size].reshape(groups, every, size)
        seen = 0
        for found in self.stepping.run_groups(stretch.samples, batches) or ():
            for row in found[seen:]:
                self.watching.note(float(row[0]), self.stepping.seen_in(row[every:]))
                for loss in row[:every].tolist():
                    self.count(loss, float(size))
                    self.run.step += 1
            if len(found) > seen:
                seen = len(found)
                yield

    def _in_a_row(self, stretch: Stretch, end: int) -> Iterator[None]:
        """Full batches up to a step, as a loop in native code that comes back a few times per second."""
        run, begin = self.run, self.run.step
        rows = stretch.order[(begin - stretch.first) * self.batch_size : (end - stretch.first) * self.batch_size]
        batches = rows.reshape(-1, self.batch_size)
        weights = stretch.samples.weights
        heavy = np.full(len(batches), float(self.batch_size))
        if weights is not None:
            heavy = weights.numpy()[batches].sum(axis=1, dtype=np.float64)
        numbers = np.flatnonzero(heavy)  # a batch of weight 0 has nothing to say
        turns = self.stepping.run_many(stretch.samples, batches[numbers])
        seen = 0
        for found in turns or ():
            for n in range(seen, len(found)):
                run.step = begin + int(numbers[n])
                self.count(float(found[n]), float(heavy[numbers[n]]))
                run.step += 1
            if len(found) > seen:
                seen = len(found)
                yield
        if turns is not None:
            run.step = end
