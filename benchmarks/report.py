"""The results as data, as a table in the terminal and as a page: everything shown is computed from the data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.limit import Limit
from benchmarks.measure import Outcome

if TYPE_CHECKING:
    from benchmarks.measure import Plan
    from benchmarks.workloads import Workload


@dataclass(frozen=True)
class Result:
    """One workload with one number of threads."""

    workload: str
    says: str
    unit: str
    threads: int
    rounds: int
    tolerance: float
    flops: float
    moves: list[list[float]]
    streams: list[list[float]]
    """The work that one unit cannot avoid: see `workloads`."""
    outcomes: list[Outcome]
    date: str = ""
    """When it was measured, and at which commit."""


@dataclass(frozen=True)
class Run:
    """Everything that was measured, and where."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    options: dict[str, str]
    notes: list[str]
    limits: list[Limit]
    """One for each number of threads."""
    results: list[Result]

    def note(self, limit: Limit) -> None:
        """Take in a measurement of the limit: of two with the same number of threads the higher rates count."""
        same = [known for known in self.limits if known.threads == limit.threads]
        best = limit
        for known in same:
            rates = {
                name: max(getattr(known, name), getattr(limit, name)) for name in ("flops", "memory", "near", "far")
            }
            best = replace(limit, **rates)
        self.limits[:] = [known for known in self.limits if known.threads != limit.threads] + [best]

    def take(self, new: Result) -> None:
        """Put in a result, in the place of an older one of the same workload and number of threads."""
        same = [(old.workload, old.threads) == (new.workload, new.threads) for old in self.results]
        if True in same:
            self.results[same.index(True)] = new
        else:
            self.results.append(new)

    def least_seconds(self, result: Result) -> float:
        """The time in which nothing could do one unit of a workload; 0 where that is not known."""
        known = [limit for limit in self.limits if limit.threads == result.threads]
        return known[0].seconds(result.flops, result.moves, result.streams) if known else 0.0


def result(workload: Workload, plan: Plan, outcomes: list[Outcome], date: str = "") -> Result:
    """Put together what was measured for a workload."""
    return Result(
        workload.name, workload.says, workload.unit, plan.threads, plan.rounds, workload.tolerance,
        workload.flops, *([list(move) for move in each] for each in (workload.moves, workload.streams)), outcomes,
        date,
    )  # fmt: skip


def save(run: Run, path: Path) -> None:
    """Write all of it, each round of each contestant, as JSON."""
    path.write_text(json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Run:
    """Read what `save` wrote."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    limits = [Limit(**each) for each in found.pop("limits")]
    results = [
        Result(**{**each, "outcomes": [Outcome(**outcome) for outcome in each["outcomes"]]})
        for each in found.pop("results")
    ]
    return Run(**found, limits=limits, results=results)


# ── one workload ─────────────────────────────────────────────────────────────────────────────────

HEAD = ["contestant", "median", "min – max", "× fastest peer", "of the limit", "off by", "ready after", "memory"]


def fastest_peer(result: Result) -> Outcome | None:
    """The peer with the least median, if one was timed."""
    peers = [outcome for outcome in result.outcomes if outcome.peer and outcome.status == "timed"]
    return min(peers, key=lambda outcome: outcome.median, default=None)


def rows(run: Run, result: Result) -> list[list[str]]:
    """The cells of the table under `HEAD`, fastest first; those that were not timed stand in `missing`."""
    least, best = run.least_seconds(result), fastest_peer(result)
    timed = sorted((o for o in result.outcomes if o.status == "timed"), key=lambda outcome: outcome.median)
    return [
        [
            outcome.contestant,
            duration(outcome.median),
            f"{duration(min(outcome.seconds))} – {duration(max(outcome.seconds))}",
            f"{outcome.median / best.median:.2f}" if best else "",
            share(least / outcome.median) if least else "",
            "" if outcome.error is None else f"{outcome.error:.0e}",
            "" if outcome.ready is None else f"{outcome.ready:.1f} s",
            "" if outcome.memory is None else f"{outcome.memory / 2**20:.0f} MiB",
        ]
        for outcome in timed
    ]


def missing(result: Result) -> list[str]:
    """Who was not timed and why, a line each."""
    return [
        f"{outcome.contestant} {outcome.status}: {outcome.reason.splitlines()[-1] if outcome.reason else 'no reason'}"
        for outcome in result.outcomes
        if outcome.status != "timed"
    ]


def title(result: Result) -> str:
    """The heading of the table."""
    return f"{result.workload} · {result.threads} thread{'s' * (result.threads > 1)}"


def table(run: Run, result: Result) -> Table:
    """For the terminal."""
    made = Table(title=f"{title(result)}: {result.says}", caption="\n".join(missing(result)), title_justify="left")
    made.caption_justify = "left"
    for name in HEAD:
        made.add_column(name, justify="left" if name == HEAD[0] else "right", no_wrap=True)
    own = {outcome.contestant for outcome in result.outcomes if not outcome.peer}
    for row in rows(run, result):
        made.add_row(*row, style="bold" if row[0] in own else None)
    return made


def duration(seconds: float) -> str:
    """Three digits with a unit: 1.23 µs, 45.6 ms, 7.89 s."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:
            number = seconds / size
            return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def share(fraction: float) -> str:
    """Per cent: 87 %, 3.1 %, 0.02 %."""
    percent = 100 * fraction
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.1f} %" if percent >= 0.95 else f"{percent:.2g} %"


GAPS = Path(__file__).with_name("GAPS.md")
"""What is left to gain, and why, in words."""

# ── the page ─────────────────────────────────────────────────────────────────────────────────────


def page(run: Run) -> str:
    """RESULTS.md."""
    facts = [("date", run.date), *run.machine.items(), *run.options.items()]
    facts += [("versions", ", ".join(f"{name} {version}" for name, version in run.versions.items()))]
    lines = [
        "# Results", "",
        "Written by `python -m benchmarks --write`; every number is computed from `results.json` beside this page, and",
        "[README.md](README.md) says how they are measured and read.", "",
        *markdown(["what", "value"], [[name, value] for name, value in facts]), "",
        "## The limit", "",
        *markdown(
            ["threads", "multiply-adds from registers", "copy in a core's cache", "in the last cache", "in memory"],
            [limit_row(limit) for limit in run.limits],
        ), "",
        *(f"- {note}" for note in run.notes), "",
        "## maplet beside the fastest peer", "",
        *markdown(["workload", "threads", "maplet", "fastest peer", "ratio", "of the limit"], summary(run)), "",
    ]  # fmt: skip
    if watched := watching(run):
        lines += [
            "## What it costs to watch",
            "",
            "`fit(watch=10)` looks into every tenth step: its time beside that of a fit that does not, and the",
            "median of the ratios of their rounds. The bits of the training are the same.",
            "",
            *markdown(["workload", "threads", "fit", "watched", "cost"], watched),
            "",
        ]
    lines += [GAPS.read_text(encoding="utf-8")] if GAPS.exists() else []
    if grown := growth(run):
        lines += [
            "## How time grows, and odd shapes",
            "",
            "maplet alone: a batch of `mlp`, its width, odd products and neighbours of these that fit tiles.",
            "",
        ]
        lines += [*markdown(["workload", "threads", "time", "GFLOP/s", "of the limit"], grown), ""]
    for each in run.results:
        if is_alone(each):
            continue
        measured = f" Measured {each.date}." if each.date and run.date not in each.date else ""
        lines += [
            f"## {title(each)}",
            "",
            f"{each.says}. Times of one {each.unit}; {each.rounds} rounds.{measured}",
            "",
        ]
        lines += [*markdown(HEAD, rows(run, each)), "", *(f"- {line}" for line in missing(each))]
        lines += [""] if missing(each) else []
    return "\n".join(lines).rstrip("\n") + "\n"


def summary(run: Run) -> list[list[str]]:
    """A row for each workload: the fastest way of maplet beside the fastest peer."""
    found: list[list[str]] = []
    for each in run.results:
        if is_alone(each):
            continue
        own = [outcome for outcome in each.outcomes if not outcome.peer and outcome.status == "timed"]
        mine, peer = min(own, key=lambda outcome: outcome.median, default=None), fastest_peer(each)
        found.append(
            [
                each.workload,
                str(each.threads),
                f"{duration(mine.median)} ({mine.contestant})" if mine else "not timed",
                f"{duration(peer.median)} ({peer.contestant})" if peer else "not timed",
                f"{mine.median / peer.median:.2f}" if mine and peer else "",
                share(run.least_seconds(each) / mine.median) if mine and run.least_seconds(each) else "",
            ]
        )
    return found


def watching(run: Run) -> list[list[str]]:
    """A row for each workload that was trained with and without being watched."""
    found: list[list[str]] = []
    for each in run.results:
        timed = {outcome.contestant: outcome for outcome in each.outcomes if outcome.status == "timed"}
        plain, watched = timed.get("maplet fit"), timed.get("maplet fit watched")
        if plain is None or watched is None:
            continue
        ratio = median(one / other for one, other in zip(watched.seconds, plain.seconds, strict=True))
        times = [duration(plain.median), duration(watched.median)]
        found.append([each.workload, str(each.threads), *times, f"{100 * (ratio - 1):+.1f} %"])
    return found


def is_alone(result: Result) -> bool:
    """Whether a workload is one of those that only maplet does."""
    return result.workload.startswith(("batch-", "width-", "odd-", "even-"))


def growth(run: Run) -> list[list[str]]:
    """A row for each workload that only maplet does."""
    return [
        [
            each.workload,
            str(each.threads),
            duration(mine.median),
            f"{each.flops / mine.median / 1e9:.0f}",
            share(run.least_seconds(each) / mine.median) if run.least_seconds(each) else "",
        ]
        for each in run.results
        if is_alone(each)
        for mine in each.outcomes
        if mine.status == "timed"
    ]


def limit_row(limit: Limit) -> list[str]:
    """A row of the table of limits, in billions per second."""
    copies = [f"{rate / 1e9:.0f} GB/s" for rate in (limit.near, limit.far, limit.memory)]
    return [str(limit.threads), f"{limit.flops / 1e9:.0f} GFLOP/s", *copies]


def markdown(head: list[str], body: list[list[str]]) -> list[str]:
    """A table, its first column to the left and the others to the right; a bar inside a cell is escaped."""
    rule = [":---", *["---:"] * (len(head) - 1)]
    bar = r"\|"
    return [f"| {' | '.join(cell.replace('|', bar) for cell in row)} |" for row in (head, rule, *body)]
