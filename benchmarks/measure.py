"""The measurement: all contestants of a workload side by side, agreement first, then round by round in turn."""

from __future__ import annotations

import json
import math
import selectors
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import numpy as np

from benchmarks import reference
from benchmarks.limit import Limit
from benchmarks.machine import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contestants import Contestant
    from benchmarks.workloads import Workload

PATIENCE = 900.0
"""Seconds after which a worker that does not answer is given up."""
REST = 0.2
"""Seconds between two bursts, in which the threads of the one before stop looking for work."""

Status = Literal["timed", "absent", "failed", "disagrees"]


@dataclass
class Outcome:
    """What became of a contestant."""

    contestant: str
    says: str
    peer: bool
    status: Status = "timed"
    reason: str = ""
    """Why it is not timed."""
    error: float | None = None
    """How far it is off the reference, see `reference.disagreement`."""
    ready: float | None = None
    """Seconds until the first result, compilation included, import of the framework too."""
    memory: int | None = None
    """The most bytes that its process ever held."""
    seconds: list[float] = field(default_factory=list[float])
    """Of one unit, for each round."""
    units: int = 0
    """How many units a burst had."""

    @property
    def median(self) -> float:
        """Seconds of one unit."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Plan:
    """How a run is done."""

    threads: int
    rounds: int = 15
    burst: float = 0.1
    """Seconds that a burst takes at least."""
    quick: bool = False


class Refusal(Exception):  # noqa: N818  (mostly it is no fault)
    """A worker did not do what it was asked to: the status and the reason."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status: Status = status


class Process:
    """The parent's end of a worker."""

    def __init__(self, contestant: Contestant, threads: int, log: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", contestant.module, contestant.variant, str(threads)]
        self.log = log
        with log.open("w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(  # noqa: S603  (the command is ours)
                command, cwd=ROOT, env=environment(threads), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        self.requests, self.answers = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; raises `Refusal`."""
        try:
            self.requests.write(json.dumps({"do": do, **arguments}) + "\n")
            self.requests.flush()
        except BrokenPipeError:
            raise self._dead() from None
        with selectors.DefaultSelector() as selector:
            selector.register(self.answers, selectors.EVENT_READ)
            if not selector.select(PATIENCE):
                self.process.kill()
                raise Refusal("failed", f"no answer to {do} for {PATIENCE:.0f} s")
        line = self.answers.readline()
        if not line:
            raise self._dead()
        answer = json.loads(line)
        for status in ("absent", "failed"):
            if status in answer:
                raise Refusal(status, answer[status].strip())
        return answer

    def _dead(self) -> Refusal:
        code, said = self.process.wait(), self.log.read_text(encoding="utf-8").strip().splitlines()
        return Refusal("failed", "\n".join([f"the process ended with status {code}", *said[-5:]]))

    def close(self) -> None:
        """End it: without input it goes by itself."""
        with suppress(BrokenPipeError):  # it may be gone already
            self.requests.close()
        self.answers.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def compete(
    workload: Workload, contestants: list[Contestant], plan: Plan, tell: Callable[[str], None] = lambda _: None
) -> list[Outcome]:
    """Prepare all, let those go on that agree with the reference, time them round by round.

    Parameters
    ----------
    workload, contestants, plan
        What, who, how.
    tell
        Is told what is being done.
    """
    outcomes = [Outcome(c.name, c.says, c.peer) for c in contestants]
    running: list[tuple[Outcome, Process]] = []
    early = {contestant.name for contestant in contestants if contestant.early_epsilon}
    with TemporaryDirectory() as folder:
        try:
            for number, (contestant, outcome) in enumerate(zip(contestants, outcomes, strict=True)):
                tell(f"{contestant.name} gets ready")
                process = Process(contestant, plan.threads, Path(folder) / f"{number}.log")
                running.append((outcome, process))
                outcome.ready = _try(
                    outcome, process, "prepare", workload=workload.name, quick=plan.quick, get="seconds"
                )
            tell("agreement")
            _check(workload, running, early, Path(folder))
            _time([pair for pair in running if pair[0].status == "timed"], plan, tell)
            for outcome, process in running:
                if outcome.status == "timed":
                    outcome.memory = _try(outcome, process, "memory", get="bytes")
        finally:
            for _, process in running:
                process.close()
    return outcomes


def _try(outcome: Outcome, process: Process, do: str, *, get: str, **arguments: Any) -> Any:
    """One field of the answer; None, and the reason noted, where the worker does not do it."""
    try:
        return process.ask(do, **arguments).get(get)
    except Refusal as refusal:
        outcome.status, outcome.reason = refusal.status, str(refusal)
        return None


def _check(workload: Workload, running: list[tuple[Outcome, Process]], early: set[str], folder: Path) -> None:
    """Compare what each gets after a few units with the reference, in float64; ``early``: who adds ε early."""
    value = cache(partial(reference.value, workload))
    path = folder / "result.npz"
    for outcome, process in running:
        if outcome.status != "timed":
            continue
        _try(outcome, process, "rehearse", units=workload.rehearsal, path=str(path), get="")
        if outcome.status != "timed":
            continue
        with np.load(path) as found:
            expected, start = value(early_epsilon=outcome.contestant in early)
            error, where = reference.disagreement(dict(found), expected, start)
        outcome.error = error if math.isfinite(error) else None  # JSON knows no infinity
        if error > workload.tolerance:
            outcome.status = "disagrees"
            outcome.reason = (
                f"{where} is off by {error:.1e} after {workload.rehearsal} × {workload.unit}, "
                f"more than {workload.tolerance:.0e}"
            )


def _time(running: list[tuple[Outcome, Process]], plan: Plan, tell: Callable[[str], None]) -> None:
    """Bursts in turn; each round begins with the next contestant, so that drift of the machine hits all alike."""
    for turn in range(plan.rounds):
        tell(f"round {turn + 1} of {plan.rounds}")
        first = turn % len(running) if running else 0
        for outcome, process in running[first:] + running[:first]:
            if outcome.status != "timed":
                continue
            time.sleep(REST)
            try:
                answer = process.ask("burst", seconds=plan.burst)
            except Refusal as refusal:
                outcome.status, outcome.reason = refusal.status, str(refusal)
                continue
            outcome.units = answer["units"]
            outcome.seconds.append(answer["seconds"] / answer["units"])


def limit(threads: int) -> Limit:
    """What the machine can do with so many threads, measured in a process of its own."""
    found = subprocess.run(  # noqa: S603  (the command is ours)
        [sys.executable, "-m", "benchmarks.limit", str(threads)],
        cwd=ROOT, env=environment(threads), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Limit(**json.loads(found.stdout))
