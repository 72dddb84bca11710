"""Progress: what training shows while it runs.

On a terminal one bar stands at the bottom and finished epochs scroll away above it; anywhere else (a pipe, a file, CI,
a notebook) there is one plain line per epoch::

    epoch  3/20  loss 0.1234   val_loss 0.1500   val_accuracy 0.9512   1.2 s

It goes to stderr, so that stdout holds results only; in a notebook, which paints stderr red, to stdout.
"""

import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from maplet.bilingual import Bilingual
from maplet.train.formatting import duration, short_number
from maplet.train.names import named

_SECONDS_BETWEEN_REFRESHES = 0.1

_MEMORY = 0.95  # of the smoothed loss: the last 20 steps count most

_UNSHOWN = {"epoch", "learning_rate", "seconds"}


class Progress:
    """A display of training; `fit` tells it what happens.

    It redraws at most ten times a second, when it is told of a step, and starts no thread. ``NO_COLOR`` is respected.
    An exception leaves the terminal as it was, with all finished epochs shown. Where the display cannot be written (the
    disk is full, the reader of the pipe has gone) it falls silent: training matters more.

    Parameters
    ----------
    enabled
        If False, nothing is ever shown.
    console
        Where to; if None, stderr, with the bar if that is a terminal that can move its cursor.
    language
        ``"en"`` or ``"zh"``.

    Examples
    --------
    >>> with Progress(console=Console(file=sys.stdout)) as display:
    ...     display.start(epochs=2, steps_per_epoch=100)
    ...     display.epoch_end({"epoch": 1, "loss": 0.25, "val_loss": 0.5, "learning_rate": 1e-3, "seconds": 1.23})
    ...     display.finish("the tolerance is reached")
    epoch 1/2  loss 0.2500   val_loss 0.5000   1.2 s
    ended after epoch 1 of 2: the tolerance is reached
    """

    def __init__(self, *, enabled: bool = True, console: Console | None = None, language: str = "en") -> None:
        self.language = language
        self.enabled = enabled
        self._console = console or _usual_console()
        self._live: Live | None = None
        self._epochs = self._steps_per_epoch = 0
        self._epoch = self._step = self._first_epoch = 0
        self._steps_before = 0  # done by the run that this one resumes
        self._loss_sum = self._loss_weight = 0.0
        self._next_refresh = self._began = self._measured_at = 0.0
        self._measured_steps = 0
        self._speed = 0.0
        self._last: Mapping[str, Any] = {}
        self._waiting: list[Text] = []
        self._widths: dict[str, int] = {}

    # ── what fit tells ───────────────────────────────────────────────────────────────────────────

    def start(self, epochs: int, steps_per_epoch: int | None, first_epoch: int = 1, steps_done: int = 0) -> None:
        """Training begins, or goes on: with epoch `first_epoch` (from 1), of which `steps_done` steps are done.

        How many steps an epoch has may not be known yet: None.
        """
        self._epochs, self._steps_per_epoch = epochs, steps_per_epoch or 0
        self._epoch, self._step, self._first_epoch = first_epoch, steps_done, first_epoch
        self._steps_before = self._measured_steps = self._steps
        self._began = self._measured_at = time.perf_counter()
        if self.enabled and self._console.is_terminal and not self._console.is_dumb_terminal:
            # What callbacks print appears above the bar; where stdout is a file, it goes there as ever.
            self._live = Live(
                self._bar(), console=self._console, auto_refresh=False, transient=True,
                redirect_stdout=_is_terminal(sys.stdout),
            )  # fmt: skip
            with self._or_silence():
                self._live.start(refresh=True)

    def know(self, steps_per_epoch: int) -> None:
        """It has turned out how many steps an epoch has."""
        if not self._steps_per_epoch:
            self._steps_per_epoch = steps_per_epoch
            self._steps_before += (self._first_epoch - 1) * steps_per_epoch
            self._measured_at, self._measured_steps = time.perf_counter(), self._steps

    def step(self, epoch: int, step: int, loss: float) -> None:
        """A step is done: the how-manieth of its epoch (from 1), and the loss of its batch."""
        if self._live is None:
            return
        self._epoch, self._step = epoch, step
        self._loss_sum = _MEMORY * self._loss_sum + loss
        self._loss_weight = _MEMORY * self._loss_weight + 1.0
        if time.perf_counter() >= self._next_refresh:
            self._refresh()

    def epoch_end(self, record: Mapping[str, Any]) -> None:
        """An epoch is done; its record has ``epoch``, ``loss`` and whatever else was measured."""
        if not self.enabled:
            return
        self._last = record
        line = self._line(record)
        if self._live is None:
            self._write(line.plain)
            return
        self._waiting.append(line)
        now = time.perf_counter()
        self._measured_at, self._measured_steps = now, self._steps  # so that validation does not slow the steps down
        if now >= self._next_refresh:
            self._refresh()

    def finish(self, reason: str | None = None) -> None:
        """Training is over; `reason` says why, when that was before its time."""
        self._close()
        if self.enabled and reason:
            done = self._last.get("epoch", self._epoch - 1)
            why, of_all = named(reason, "zh"), self._epochs
            after = self._say(f"ended after epoch {done} of {of_all}: {reason}", f"第 {done}/{of_all} 轮后结束：{why}")
            early = self._say(f"ended before the end of epoch 1: {reason}", f"第 1 轮尚未完成即结束：{why}")
            self._write(after if done else early)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    # ── how it is shown ──────────────────────────────────────────────────────────────────────────

    @property
    def _steps(self) -> int:
        """The steps done in all epochs."""
        return (self._epoch - 1) * self._steps_per_epoch + self._step

    def _write(self, line: str) -> None:
        """One plain line, whole however long it is."""
        with self._or_silence():
            self._console.file.write(line + "\n")
            self._console.file.flush()

    @contextmanager
    def _or_silence(self) -> Generator[None]:
        """What cannot be written ends the display, not the training."""
        try:
            yield
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) and not self._console.file.closed:
                raise
            self.enabled = False
            live, self._live = self._live, None
            if live is not None:
                with suppress(OSError, ValueError):
                    live.stop()  # gives stdout and the cursor back, as far as it can

    def _close(self) -> None:
        if self._live is None:
            return
        live, self._live = self._live, None
        with self._or_silence():
            try:
                self._print_waiting()
            finally:
                live.stop()

    def _refresh(self) -> None:
        assert self._live is not None  # noqa: S101  (its callers have looked)
        self._measure_speed()
        with self._or_silence():
            self._live.update(self._bar())
            self._print_waiting()
            self._live.refresh()
        self._next_refresh = time.perf_counter() + _SECONDS_BETWEEN_REFRESHES

    def _print_waiting(self) -> None:
        """All epochs since the last refresh at once: a thousand short ones cost no more than ten long ones."""
        if self._waiting:
            self._console.print(Group(*self._waiting), soft_wrap=True)
            self._waiting.clear()

    def _measure_speed(self) -> None:
        """Steps per second, half of it from the time since the last refresh."""
        now, steps = time.perf_counter(), self._steps
        if steps > self._measured_steps and now > self._measured_at:
            latest = (steps - self._measured_steps) / (now - self._measured_at)
            self._speed = (self._speed + latest) / 2 if self._speed else latest
            self._measured_at, self._measured_steps = now, steps

    def _seconds_left(self) -> float | None:
        """At the mean pace of this run so far, validation included."""
        done = self._steps - self._steps_before
        left = self._epochs * self._steps_per_epoch - self._steps
        known = done > 0 and self._steps_per_epoch
        return (time.perf_counter() - self._began) / done * left if known else None

    def _bar(self) -> Table:
        """The bar, in as much detail as the terminal is wide."""
        total = self._epochs * self._steps_per_epoch
        of_all = f"/{self._steps_per_epoch}" if self._steps_per_epoch else ""
        epoch, step = f"{self._epoch}/{self._epochs}", f"{self._step}{of_all}"
        where = Text(self._say(f"epoch {epoch}  step {step}", f"第 {epoch} 轮  第 {step} 步"), "bold")
        facts: list[Text] = []
        if self._loss_weight:
            facts.append(self._fact("loss", short_number(self._loss_sum / self._loss_weight), "cyan"))
        left = self._seconds_left()
        if left is not None:
            facts.append(Text(self._say(f"{duration(left)} left", f"剩余 {duration(left)}")))
        if self._speed:
            speed = short_number(self._speed)
            facts.append(Text(self._say(f"{speed} steps/s", f"{speed} 步/秒"), "dim"))
        measured = [(name, value) for name, value in self._last.items() if name not in _UNSHOWN | {"loss"}]
        numbers = [(name, short_number(value)) for name, value in measured if isinstance(value, int | float)]
        facts[1:1] = [self._fact(name, shown) for name, shown in numbers]
        room = self._console.width - where.cell_len - 14
        # What there is no room for is left out from the back of the measured ones: they stand in the line above.
        while len(facts) > 3 and sum(fact.cell_len + 2 for fact in facts) > room:
            del facts[-3]
        while facts and sum(fact.cell_len + 2 for fact in facts) > room:
            facts.pop()
        grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        for _ in facts:
            grid.add_column(no_wrap=True)
        grid.add_row(where, ProgressBar(total=total or None, completed=self._steps, complete_style="cyan"), *facts)
        return grid

    def _line(self, record: Mapping[str, Any]) -> Text:
        """A finished epoch, its values under those of the epoch before."""
        count = str(record.get("epoch", self._epoch)).rjust(len(str(self._epochs)))
        line = Text(self._say(f"epoch {count}/{self._epochs}", f"第 {count}/{self._epochs} 轮"))
        for name, value in record.items():
            if name in _UNSHOWN or not isinstance(value, int | float):
                continue
            shown = short_number(float(value))
            width = self._widths[name] = max(self._widths.get(name, 7), len(shown))
            line.append("  ").append(self._fact(name, shown.ljust(width)))
        if "seconds" in record:
            line.append("  ").append(duration(record["seconds"]), "dim")
        line.rstrip()
        return line

    def _fact(self, name: str, shown: str, style: str = "") -> Text:
        return Text.assemble((f"{named(name, self.language)} ", "dim"), (shown, style))

    def _say(self, en: str, zh: str) -> str:
        return Bilingual(en, zh).speak(self.language)


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees what is written; there may be no stream at all, as under pythonw."""
    return stream is not None and not stream.closed and stream.isatty()


def _usual_console() -> Console:
    """Stderr; FORCE_COLOR alone must not make a bar of what is a file or a pipe."""
    console = Console(stderr=True, force_terminal=None if _is_terminal(sys.stderr) else False, highlight=False)
    if console.width < 1:  # COLUMNS=0
        console.width = 80
    return Console(file=sys.stdout, force_terminal=False, force_jupyter=False) if console.is_jupyter else console
