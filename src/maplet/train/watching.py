"""Which steps of a run are watched, and what was seen in them: ``run.watched``, and ``watch.jsonl`` on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maplet.train.run import Run
    from maplet.train.run_directory import RunDirectory


class Watching:
    """Every n-th step, from the first on, and the records of those that were made.

    Parameters
    ----------
    run
        Whose ``watched`` list grows.
    every
        n; 0 for no step at all.
    """

    def __init__(self, run: Run, every: int) -> None:
        self.run, self.every = run, every
        self.written = 0  # how many of the records are in the file

    def left(self, step: int) -> int | None:
        """How many steps there are before the next one that is watched: 0 if it is this one; None if none is."""
        return -step % self.every if self.every else None

    def note(self, loss: float, seen: dict[str, Any]) -> None:
        """Keep what was seen in a step."""
        self.run.watched.append({"epoch": self.run.epoch, "step": self.run.step, "loss": loss, **seen})

    def write(self, directory: RunDirectory) -> None:
        """Write down what is new; called before each checkpoint, so that the file holds what that one knows."""
        new = self.run.watched[self.written :]
        if new:
            directory.append(directory.watch_path, new)
        self.written = len(self.run.watched)

    def cut(self, directory: RunDirectory, count: int, records: list[dict[str, Any]]) -> None:
        """Go back to a checkpoint: what came after it is going to be seen again."""
        self.run.watched = records[:count]
        self.written = len(self.run.watched)
        if directory.watch_path.exists():
            directory.rewrite(directory.watch_path, self.run.watched)
