"""Operations one by one, beside NumPy, PyTorch and JAX: ``python -m benchmarks ops``.

All contestants stand in one process, on one core, and are asked in turn; each burst lasts so long that the clock can
read it. What they give is compared first. The backward pass is the pullback of a fixed cotangent, with as much of the
forward pass as it needs.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks import machine
from benchmarks.operations import EVERY, SHAPES, Operation
from benchmarks.report import duration, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.operations import Size

ROUNDS, SECONDS = 7, 0.01
"""How often each contestant is asked, and how long at least."""
SMALL = 200
"""How many small arrays are gone through in one call."""
SLOW = 1.3
"""A native operation slower than this, times the fastest, needs a reason."""
PAGE = machine.ROOT / "benchmarks" / "OPERATIONS.md"

of_the_call = "5 µs of it are the call"
of_the_system = "the kernel takes half of it; the rest is new memory, which the system gives page by page"
of_memory = "it runs at the rate at which memory is copied"
REASONS: dict[str, str] = {
    "pow": "within 2 units of the last place; NumPy allows 4",
    "prod axis 1 (backward)": "products up to each place from both sides, so that zeros do no harm",
    "take_along_axis": "positions are checked, and negative ones counted from the end",
    "depthwise conv": "no kernel of its own: the weights are loaded anew at every place",
    "pad": "three elements in front shift every row off the lines of the cache",
    "every second (backward)": "zeros stand in between: every position is divided by the step",
    "take rows (backward)": "the whole table is set to zero before rows are added to it",
    "heads apart": of_the_call,
    "sum axis 1": of_the_call,
    "one_hot": of_memory,
    "clip (backward)": of_memory,
    "argmax axis 1": of_the_call,
    "concat": of_the_system,
    "stack": of_the_system,
    "take rows": of_the_call,
    "matrix · vector": of_the_call,
}
"""Why an operation is slower than that: its name, with ``(backward)`` where only that is."""


@dataclass
class Line:
    """What was measured of an operation, of one size and direction."""

    operation: Operation
    size: Size
    backward: bool
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    others: list[str] = field(default_factory=list[str])
    """Those that found something else, and were not timed."""

    @property
    def name(self) -> str:
        """As it is shown."""
        return self.operation.name + (" (backward)" if self.backward else "")

    def ratio(self, peers: Sequence[str]) -> float | None:
        """Our time over that of the fastest of some peers: the median over the rounds."""
        there = [name for name in peers if name in self.seconds]
        if not there:
            return None
        fastest = min(there, key=lambda name: statistics.median(self.seconds[name]))
        pairs = zip(self.seconds["maplet"], self.seconds[fastest], strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def median(self, name: str) -> float | None:
        """Of a contestant."""
        return statistics.median(self.seconds[name]) if name in self.seconds else None


# ── the contestants ──────────────────────────────────────────────────────────────────────────────
# Each gives a call without arguments. `each`: the arrays have a first axis of so many small ones. The floating arrays
# come first.


class Maplet:
    """Compiled by mp.jit."""

    def __init__(self) -> None:
        import maplet as mp  # noqa: PLC0415  (after the number of threads is set)

        mp.set_threads(1)
        self.mp = mp

    def forward(self, operation: Operation, arrays: Sequence[Any], *, each: bool) -> Callable[[], Any]:
        """The operation."""
        return self._compiled(operation.maplet(self.mp), arrays, each=each)

    def backward(self, operation: Operation, arrays: Sequence[Any], cotangent: Any, *, each: bool) -> Callable[[], Any]:
        """The pullback."""
        function, count, mp = operation.maplet(self.mp), floating(arrays), self.mp

        def pull(cotangent: Any, *xs: Any) -> Any:
            return mp.vjp(lambda *ys: function(*ys, *xs[count:]), *xs[:count])[1](cotangent)

        return self._compiled(pull, [cotangent, *arrays], each=each)

    def _compiled(self, function: Callable[..., Any], arrays: Sequence[Any], *, each: bool) -> Callable[[], Any]:
        mp, given = self.mp, [self.mp.asarray(x) for x in arrays]
        whole = (lambda *xs: mp.scan(lambda c, x: (c, function(*x)), None, xs)[1]) if each else function
        compiled = mp.jit(whole)
        return lambda: compiled(*given)


class NumPy:
    """As it is; it has no gradients."""

    def forward(self, operation: Operation, arrays: Sequence[Any], *, each: bool) -> Callable[[], Any]:
        """The operation."""
        assert operation.numpy is not None  # noqa: S101  (who lacks it is not asked)
        return called(operation.numpy(np), arrays, each=each)


class Torch:
    """Eager; the pullback by autograd."""

    def __init__(self) -> None:
        import torch  # noqa: PLC0415  (it may be missing)

        torch.set_num_threads(1)
        self.torch: Any = torch

    def forward(self, operation: Operation, arrays: Sequence[Any], *, each: bool) -> Callable[[], Any]:
        """The operation."""
        assert operation.torch is not None  # noqa: S101  (who lacks it is not asked)
        return called(operation.torch(self.torch), [self.torch.from_numpy(x) for x in arrays], each=each)

    def backward(self, operation: Operation, arrays: Sequence[Any], cotangent: Any, *, each: bool) -> Callable[[], Any]:
        """The pullback."""
        assert operation.torch is not None  # noqa: S101  (who lacks it is not asked)
        function, torch, count = operation.torch(self.torch), self.torch, floating(arrays)

        def pull(cotangent: Any, *xs: Any) -> Any:
            return torch.autograd.grad(function(*xs), xs[:count], cotangent)

        given = [torch.from_numpy(x) for x in (cotangent, *arrays)]
        if each:
            rows = [[x.detach() for x in row] for row in zip(*given, strict=True)]
            for row in rows:
                for x in row[1 : 1 + count]:
                    x.requires_grad_()
            return lambda: [pull(*row) for row in rows]
        for x in given[1 : 1 + count]:
            x.requires_grad_()
        return lambda: pull(*given)


class Names:
    """Names of several modules, the first that has one."""

    def __init__(self, *modules: Any) -> None:
        self.modules = modules

    def __getattr__(self, name: str) -> Any:
        return next(getattr(module, name) for module in self.modules if hasattr(module, name))


class Jax:
    """Compiled by jax.jit."""

    def __init__(self) -> None:
        import jax  # noqa: PLC0415  (it may be missing)
        import jax.numpy as jnp  # noqa: PLC0415
        import jax.scipy  # noqa: PLC0415

        self.jax, self.jnp, self.names = jax, jnp, Names(jnp, jax)

    def forward(self, operation: Operation, arrays: Sequence[Any], *, each: bool) -> Callable[[], Any]:
        """The operation."""
        assert operation.jax is not None  # noqa: S101  (who lacks it is not asked)
        return self._compiled(operation.jax(self.names), arrays, each=each)

    def backward(self, operation: Operation, arrays: Sequence[Any], cotangent: Any, *, each: bool) -> Callable[[], Any]:
        """The pullback."""
        assert operation.jax is not None  # noqa: S101  (who lacks it is not asked)
        function, count, jax = operation.jax(self.names), floating(arrays), self.jax

        def pull(cotangent: Any, *xs: Any) -> Any:
            return jax.vjp(lambda *ys: function(*ys, *xs[count:]), *xs[:count])[1](cotangent)

        return self._compiled(pull, [cotangent, *arrays], each=each)

    def _compiled(self, function: Callable[..., Any], arrays: Sequence[Any], *, each: bool) -> Callable[[], Any]:
        jax, given = self.jax, [self.jnp.asarray(x) for x in arrays]
        whole = (lambda *xs: jax.lax.scan(lambda c, x: (c, function(*x)), None, xs)[1]) if each else function
        compiled = jax.jit(whole)
        return lambda: jax.block_until_ready(compiled(*given))


def floating(arrays: Sequence[Any]) -> int:
    """How many arrays have gradients: the first ones."""
    return sum(x.dtype.kind == "f" for x in arrays)


def called(function: Callable[..., Any], arrays: Sequence[Any], *, each: bool) -> Callable[[], Any]:
    """The function of arrays, or of each of many small ones."""
    if not each:
        return lambda: function(*arrays)
    rows = list(zip(*arrays, strict=True))
    return lambda: [function(*row) for row in rows]


KINDS = {"maplet": Maplet, "numpy": NumPy, "torch": Torch, "jax": Jax}
PEERS = ("numpy", "torch", "jax")

# ── measuring ────────────────────────────────────────────────────────────────────────────────────


def present() -> dict[str, Any]:
    """The contestants that are installed."""
    found: dict[str, Any] = {}
    for name, kind in KINDS.items():
        try:
            found[name] = kind()
        except ModuleNotFoundError:
            continue
    return found


def measured(operation: Operation, contestants: dict[str, Any], *, size: Size, backward: bool) -> Line:
    """Agreement first, then round by round in turn."""
    rng, each = np.random.default_rng(0), size == "small"
    arrays = operation.inputs(rng, size)
    if each:
        arrays = [np.stack(rows) for rows in zip(*(operation.inputs(rng, size) for _ in range(SMALL)), strict=True)]
    cotangent: Any = None
    if backward:
        out = contestants["maplet"].forward(operation, arrays, each=each)()
        cotangent = np.random.default_rng(1).normal(size=out.shape).astype("f4")
    calls: dict[str, Callable[[], Any]] = {}
    results: dict[str, list[Any]] = {}
    for name, one in contestants.items():
        if getattr(operation, name) is None or (backward and name == "numpy"):
            continue
        calls[name] = (
            one.backward(operation, arrays, cotangent, each=each)
            if backward
            else one.forward(operation, arrays, each=each)
        )
        found = calls[name]()
        results[name] = as_arrays(found, each=each and isinstance(found, list))
    line = Line(operation, size, backward)
    line.others = [name for name, found in results.items() if not agree(found, results["maplet"])]
    calls = {name: call for name, call in calls.items() if name not in line.others}
    counts, steps = {name: _count(call) for name, call in calls.items()}, SMALL if each else 1
    for number in range(ROUNDS):
        names = list(calls)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            line.seconds.setdefault(name, []).append(_burst(calls[name], counts[name]) / steps)
    return line


def as_arrays(found: Any, *, each: bool) -> list[Any]:
    """What any of them gave, as arrays of NumPy; ``each``: a list with what belongs to each of many small arrays."""
    if each:
        rows = [as_arrays(one, each=False) for one in found]
        return [np.stack(parts) for parts in zip(*rows, strict=True)]
    return [np.asarray(x) for x in (found if isinstance(found, list | tuple) else [found])]


def agree(found: list[Any], ours: list[Any]) -> bool:
    """Whether two contestants found the same."""
    for one, other in zip(found, ours, strict=True):
        scale = float(np.max(np.abs(other))) if other.size and other.dtype.kind == "f" else 1.0
        if not np.allclose(one, other, rtol=1e-3, atol=1e-4 * scale):
            return False
    return True


def _burst(call: Callable[[], Any], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / count


def _count(call: Callable[[], Any]) -> int:
    count = 1
    while (took := _burst(call, count)) * count < SECONDS:
        count = max(2 * count, int(1.2 * SECONDS / max(took, 1e-9)))
    return count


# ── the page ─────────────────────────────────────────────────────────────────────────────────────


def cells(line: Line) -> list[str]:
    """A row of the table."""
    times = [line.median(name) for name in KINDS]
    ratios = [line.ratio(PEERS), line.ratio(("torch",))]
    note = "host" if line.operation.host else ""
    if ratios[0] is not None and ratios[0] > SLOW:
        note = REASONS.get(line.name, REASONS.get(line.operation.name, note))
    if line.others:
        note = f"{', '.join(line.others)} found something else"
    return [
        line.name, line.size, *("" if t is None else duration(t) for t in times),
        *("" if r is None else f"{r:.2f}" for r in ratios), note,
    ]  # fmt: skip


HEAD = ["operation", "size", "maplet", "NumPy", "PyTorch", "JAX", "× fastest", "× PyTorch", ""]


def mean(ratios: Sequence[float | None]) -> float:
    """The geometric mean of those that are there."""
    there = [math.log(ratio) for ratio in ratios if ratio is not None]
    return math.exp(statistics.fmean(there)) if there else math.nan


def summary(lines: Sequence[Line]) -> list[str]:
    """What all lines say together."""
    found = [f"{len({line.operation.name for line in lines})} operations, {len(lines)} lines."]
    for size in dict.fromkeys(line.size for line in lines):
        means: list[str] = []
        for what, peers in (("the fastest peer", PEERS), ("PyTorch", ("torch",))):
            some = [(line.backward, line.ratio(peers)) for line in lines if line.size == size]
            forward, backward = (mean([ratio for back, ratio in some if back is wanted]) for wanted in (False, True))
            means.append(f"{forward:.2f} forward and {backward:.2f} backward of {what}")
        found.append(f"Geometric mean of maplet's time, {size}: {', '.join(means)}.")
    slow = [line for line in lines if not line.operation.host and (line.ratio(PEERS) or 0) > SLOW]
    found.append(f"Native and slower than {SLOW} × the fastest: {len(slow)} lines.")
    return found


def page(lines: Sequence[Line]) -> str:
    """OPERATIONS.md."""
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions().items())
    about = machine.describe() | {"versions": versions}
    head = [
        "# Operations one by one", "",
        "Written by `python -m benchmarks ops --write`; how it is measured stands in `ops.py`. One core, float32.", "",
        *markdown(["what", "value"], [[what, value] for what, value in about.items()]),
        "", *(f"- {one}" for one in summary(lines)), "",
    ]  # fmt: skip
    return "\n".join([*head, *markdown(HEAD, [cells(line) for line in lines]), ""])


@click.command
@click.option("--only", default="", help="A part of the names of those that are wanted.")
@click.option("--size", type=click.Choice(["small", "medium", "large", "all"]), default="all", show_default=True)
@click.option("--write", "kept", is_flag=True, help="Write OPERATIONS.md anew.")
def ops(only: str, size: str, *, kept: bool) -> None:
    """Compare operations one by one with NumPy, PyTorch and JAX, forward and backward."""
    machine.pin(machine.cores()[:1])
    os.environ.update(machine.environment(1))
    console, contestants = Console(width=max(Console().width, 130)), present()
    chosen = [operation for operation in EVERY if only in operation.name]
    sizes = [one for one in SHAPES if size in (one, "all")]
    directions = {one: (False, True)[: 1 + one.gradient] for one in chosen}
    tasks = [(one, each, backward) for one in chosen for each in sizes for backward in directions[one]]
    with threadpool_limits(1):
        lines = [
            measured(one, contestants, size=each, backward=backward)
            for one, each, backward in track(tasks, "operations", console=console)
        ]
    table = Table(*HEAD)
    for line in lines:
        table.add_row(*cells(line))
    console.print(table)
    for one in summary(lines):
        console.print(one)
    if kept:
        PAGE.write_text(page(lines), encoding="utf-8")
    sys.exit(int(any(line.others for line in lines)))
