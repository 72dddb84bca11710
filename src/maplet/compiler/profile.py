"""`profile`: where the time of a compiled function goes, kernel by kernel, and how near that is to what can be."""

# A profile drives the program itself, step by step, to see what each host call costs.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.compiler.explain import compiled, unwrapped
from maplet.compiler.instructions import Op, Outcome, Word
from maplet.compiler.limits import Limits, limits
from maplet.core.context import located
from maplet.core.memory import address_of, copied, empty
from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from maplet.compiler.program import Program
    from maplet.compiler.table import Called
    from maplet.core.context import Origin
    from maplet.core.graph import Node


most_named = 3  # operations of a kernel


@dataclass(frozen=True)
class Line:
    """One call of a kernel in a program, or a host call.

    Attributes
    ----------
    what, where
        The operations, and the layer and line of the user that they come from.
    calls
        How often it ran in one run of the program: more than once in loops.
    seconds
        All these calls together: the median over the runs.
    share
        The part of a whole run.
    flops, bytes
        Floating operations, and bytes read and written, of all these calls; see `work`. Unknown (0) for a host call.
    fraction
        The least time that the machine needs for so many operations and bytes, by the time that it took: 1 is as fast
        as can be. Above 1 (printed as ``cache``) it has not been to memory: the arrays lay in a cache.
    """

    what: str
    where: str
    calls: float
    seconds: float
    share: float
    flops: float
    bytes: float
    fraction: float


@dataclass(frozen=True)
class Profile:
    """The profile of a function; printed, a table, the longest first.

    Attributes
    ----------
    lines
        In the order of the program.
    seconds
        A whole run, the median.
    rest
        What of that is spent outside kernels and host calls, the median.
    runs
        How many were measured.
    limits
        What the machine can do at most, measured in the same process.
    """

    lines: tuple[Line, ...]
    seconds: float
    rest: float
    runs: int
    limits: Limits

    def __str__(self) -> str:
        header = ("time", "share", "calls", "GFLOP/s", "GB/s", "of limit", "what", "where")
        rows = [header, *map(_cells, sorted(self.lines, key=lambda line: -line.seconds))]
        rows.append((_time(self.rest), f"{self.rest / self.seconds:.1%}", "", "", "", "", "copies, jumps, Python", ""))
        widths = [max(len(row[n]) for row in rows) for n in range(len(header))]
        shown = ["  ".join([*map(str.rjust, row[:6], widths), *map(str.ljust, row[6:], widths[6:])]) for row in rows]
        most = self.limits
        threads = f"{most.threads} thread{'s' * (most.threads != 1)}"
        first = f"{_time(self.seconds)} in the median of {self.runs} runs, in {threads}"
        last = (
            f"limits: {most.flops / 1e9:.0f} GFLOP/s in registers (f32), {most.bytes / 1e9:.1f} GB/s copied in memory"
        )
        return "\n".join([first, *map(str.rstrip, shown), last])

    __repr__ = __str__


@located
def profile(f: Callable[..., Any], *args: Any, repeat: int = 10) -> Profile:
    """Measure a function as native code, kernel by kernel.

    It runs on copies: modules and optimizers in the arguments, or around ``f``, are afterwards as before. A floating
    operation is a function of elements, `exp` as much as an addition; a product in a sum of products counts two. What
    a kernel computes twice counts once, so that the rate is that of useful work.

    Parameters
    ----------
    f
        A function, jitted or not.
    *args
        What it is called with.
    repeat
        How many runs are measured, after one that is not. All begin with the same values.

    Raises
    ------
    SettingError
        If ``repeat`` is less than 1, or the arguments do not fit.

    Examples
    --------
    >>> import maplet as mp
    >>> table = mp.profile(lambda x, w: mp.tanh(x @ w), mp.ones((64, 64)), mp.ones((64, 64)), repeat=3)
    >>> [line.what for line in table.lines if line.flops == 2 * 64**3]
    ['matmul']
    """
    if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SettingError(f"profile: repeat={repeat!r} is no number of runs", fix="an integer ≥ 1")
    function, given = unwrapped(f, args)
    made, flat = compiled(function, given)
    measured = Measuring(made.program, [handle.numpy() for handle in made.handles(flat)])
    measured.run()
    runs = [measured.run() for _ in range(repeat)]
    return measured.profile(runs, limits())


@dataclass(frozen=True)
class Times:
    """One run: nanoseconds of all, nanoseconds and calls by row, and by host call."""

    whole: int
    rows: Mapping[int, tuple[int, int]]
    hosts: Mapping[int, tuple[int, int]]

    def rest(self) -> int:
        """Nanoseconds outside kernels and host calls."""
        return max(0, self.whole - sum(spent for spent, _ in (*self.rows.values(), *self.hosts.values())))


class Measuring:
    """A program that runs on copies of what it is given."""

    def __init__(self, program: Program, given: Sequence[np.ndarray[Any, Any]]) -> None:
        self.program = program
        self.given = given
        self.values = [copied(value) for value in given]
        self.values += [empty(program.output_types[n].shape, program.output_types[n].dtype) for n in program.fresh]
        self.record = np.zeros((len(program.table), 2), np.int64)
        for slot, value in enumerate(self.values):
            program.bind(slot, value)
        program.control[Word.PROFILE] = address_of(self.record)

    def run(self) -> Times:
        """Run it once."""
        program = self.program
        for number in program.donated.values():  # the last run has overwritten them
            np.copyto(self.values[number], self.given[number])
        self.record[...] = 0
        hosts: dict[int, tuple[int, int]] = {}
        begin = perf_counter_ns()
        outcome = program.executor.start()
        while outcome:
            came = perf_counter_ns()
            program._attend(outcome)
            if outcome == Outcome.HOST:
                number = int(program.control[Word.HOST])
                spent, calls = hosts.get(number, (0, 0))
                hosts[number] = spent + perf_counter_ns() - came, calls + 1
            outcome = program.executor.resume()
        whole = perf_counter_ns() - begin
        program._require_success()
        rows = {n: (int(spent), int(calls)) for n, (spent, calls) in enumerate(self.record)}
        for call, parts in program.instructions.shared:  # threads run them side by side: each has its part of the time
            together = sum(rows[n][0] for n in parts)
            for n in parts:
                rows[n] = round(rows[n][0] * rows[call][0] / max(1, together)), rows[n][1]
            rows[call] = 0, 0
        return Times(whole, rows, hosts)

    def profile(self, runs: Sequence[Times], most: Limits) -> Profile:
        """What the runs say."""
        program, origins = self.program, self.program.origins
        whole = median(times.whole for times in runs) / 1e9
        found: dict[int, Line] = {}
        for alike in _alike(program.instructions.calls):
            called = alike[0]
            seconds, calls = _middle([_total(times.rows[one.row] for one in alike) for times in runs])
            each = {one: median(times.rows[one.row][1] for times in runs) for one in alike}
            flops, touched = (sum(getattr(one, of) * n for one, n in each.items()) for of in ("flops", "bytes"))
            # f64 takes twice the registers that f32 takes
            weight = 2 if called.nodes[0].array_type.dtype.itemsize == 8 else 1
            fraction = most.time_of(weight * flops, touched) / seconds if seconds else 0.0
            what, where = _what(called), _where(called.nodes, origins)
            found[called.row] = Line(what, where, calls, seconds, seconds / whole, flops, touched, fraction)
        for row in np.flatnonzero(program.table[:, 0] == Op.HOST).tolist():
            number = int(program.table[row, 1])
            node = program.instructions.hosts[number][0]
            seconds, calls = _middle([times.hosts.get(number, (0, 0)) for times in runs])
            what, where = f"host call {node.primitive.name}", _where([node], origins)
            found[row] = Line(what, where, calls, seconds, seconds / whole, 0, 0, 0.0)
        rest = median(times.rest() for times in runs) / 1e9
        return Profile(tuple(found[row] for row in sorted(found)), whole, rest, len(runs), most)


def _alike(calls: Sequence[Called]) -> list[list[Called]]:
    """The calls of kernels; what runs a few rows at a time stands in a program for every number of rows."""
    found: dict[tuple[Any, ...], list[Called]] = {}
    for called in calls:
        found.setdefault((called.nodes, called.kernel.name), []).append(called)
    return list(found.values())


def _total(measured: Iterable[tuple[int, int]]) -> tuple[int, int]:
    spent, calls = zip(*measured, strict=True)
    return sum(spent), sum(calls)


def _middle(measured: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The median of the seconds, and that of the calls."""
    return median(spent for spent, _ in measured) / 1e9, median(calls for _, calls in measured)


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def _what(called: Called) -> str:
    """The operations of a kernel: ``add, less_equal, where``; copying an operand into order is a kernel of its own."""
    counts = Counter(node.primitive.name for node in called.nodes)
    names = [name if count == 1 else f"{count} × {name}" for name, count in counts.items()]
    shown = ", ".join(names[:most_named]) + (f" + {len(names) - most_named} more" if len(names) > most_named else "")
    parts = {"fill": f"{shown} (zeros before)", "panels": f"{shown} (packing)"}
    return parts.get(called.kernel.name, shown)


def _where(nodes: Sequence[Node], origins: Mapping[Node, Origin]) -> str:
    """The layer and line of the first operation; others that differ are counted."""
    found = list(dict.fromkeys(str(origins[node]) for node in nodes if str(origins.get(node, ""))))
    return "".join(found[:1]) + (f"  + {len(found) - 1} more" if len(found) > 1 else "")


def _cells(line: Line) -> tuple[str, ...]:
    rates = ("", "", "")
    if line.flops or line.bytes:
        speed, flow = (f"{n / line.seconds / 1e9:.1f}" if n and line.seconds else "" for n in (line.flops, line.bytes))
        rates = (speed, flow, f"{line.fraction:.0%}" if line.fraction <= 1 else "cache")
    return _time(line.seconds), f"{line.share:.1%}", f"{line.calls:g}", *rates, line.what, line.where


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
