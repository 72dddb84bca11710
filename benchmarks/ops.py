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
from benchmarks.operations import EVERY, Operation
from benchmarks.report import duration, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS, SECONDS = 7, 0.01
"""How often each contestant is asked, and how long at least."""
SLOW = 1.3
"""A native operation slower than this, times the fastest, needs a reason."""
PAGE = machine.ROOT / "benchmarks" / "OPERATIONS.md"

of_the_call = "5 µs of it are the call"
REASONS: dict[str, str] = {
    "pow": "within 2 units of the last place; NumPy allows 4",
    "prod axis 1 (backward)": "products up to each place from both sides, so that zeros do no harm",
    "take_along_axis": "positions are checked, and negative ones counted from the end",
    "depthwise conv": "no kernel of its own: the weights are loaded anew at every place",
    "argmax axis 1": of_the_call,
    "take rows": of_the_call,
    "matrix · vector": of_the_call,
}
"""Why an operation is slower than that: its name, with ``(backward)`` where only that is."""


@dataclass
class Line:
    """What was measured of an operation, of one size and direction."""

    operation: Operation
    large: bool
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


class Maplet:
    """Compiled by mp.jit."""

    def __init__(self) -> None:
        import maplet as mp  # noqa: PLC0415  (after the number of threads is set)

        mp.set_threads(1)
        self.mp = mp

    def forward(self, operation: Operation, arrays: Sequence[Any]) -> Callable[[], Any]:
        """A call without arguments."""
        compiled, given = self.mp.jit(operation.maplet(self.mp)), [self.mp.asarray(x) for x in arrays]
        return lambda: compiled(*given)

    def backward(self, operation: Operation, arrays: Sequence[Any], cotangent: Any) -> Callable[[], Any]:
        """The pullback."""
        function, mp = operation.maplet(self.mp), self.mp
        rest = [mp.asarray(x) for x in arrays if x.dtype.kind != "f"]

        def pull(cotangent: Any, *floating: Any) -> Any:
            return mp.vjp(lambda *xs: function(*xs, *rest), *floating)[1](cotangent)

        compiled = mp.jit(pull)
        given = [mp.asarray(cotangent), *(mp.asarray(x) for x in arrays if x.dtype.kind == "f")]
        return lambda: compiled(*given)


class NumPy:
    """As it is; it has no gradients."""

    def forward(self, operation: Operation, arrays: Sequence[Any]) -> Callable[[], Any]:
        """A call without arguments."""
        assert operation.numpy is not None  # noqa: S101  (who lacks it is not asked)
        function = operation.numpy(np)
        return lambda: function(*arrays)


class Torch:
    """Eager; the pullback by autograd."""

    def __init__(self) -> None:
        import torch  # noqa: PLC0415  (it may be missing)

        torch.set_num_threads(1)
        self.torch: Any = torch

    def forward(self, operation: Operation, arrays: Sequence[Any]) -> Callable[[], Any]:
        """A call without arguments."""
        assert operation.torch is not None  # noqa: S101  (who lacks it is not asked)
        function, given = operation.torch(self.torch), [self.torch.from_numpy(x) for x in arrays]
        return lambda: function(*given)

    def backward(self, operation: Operation, arrays: Sequence[Any], cotangent: Any) -> Callable[[], Any]:
        """The pullback."""
        assert operation.torch is not None  # noqa: S101  (who lacks it is not asked)
        function, torch = operation.torch(self.torch), self.torch
        given = [torch.from_numpy(x).requires_grad_(x.dtype.kind == "f") for x in arrays]
        floating, g = [x for x in given if x.requires_grad], torch.from_numpy(cotangent)
        return lambda: torch.autograd.grad(function(*given), floating, g)


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

    def forward(self, operation: Operation, arrays: Sequence[Any]) -> Callable[[], Any]:
        """A call without arguments."""
        assert operation.jax is not None  # noqa: S101  (who lacks it is not asked)
        compiled, given = self.jax.jit(operation.jax(self.names)), [self.jnp.asarray(x) for x in arrays]
        return lambda: compiled(*given).block_until_ready()

    def backward(self, operation: Operation, arrays: Sequence[Any], cotangent: Any) -> Callable[[], Any]:
        """The pullback."""
        assert operation.jax is not None  # noqa: S101  (who lacks it is not asked)
        function, jax = operation.jax(self.names), self.jax
        rest = [self.jnp.asarray(x) for x in arrays if x.dtype.kind != "f"]
        compiled = jax.jit(lambda g, *xs: jax.vjp(lambda *ys: function(*ys, *rest), *xs)[1](g))
        given = [self.jnp.asarray(cotangent), *(self.jnp.asarray(x) for x in arrays if x.dtype.kind == "f")]
        return lambda: jax.block_until_ready(compiled(*given))


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


def measured(operation: Operation, contestants: dict[str, Any], *, large: bool, backward: bool) -> Line:
    """Agreement first, then round by round in turn."""
    arrays = operation.inputs(np.random.default_rng(0), large)
    cotangent: Any = None
    if backward:
        out = contestants["maplet"].forward(operation, arrays)()
        cotangent = np.random.default_rng(1).normal(size=out.shape).astype("f4")
    calls: dict[str, Callable[[], Any]] = {}
    results: dict[str, list[Any]] = {}
    for name, one in contestants.items():
        if getattr(operation, name) is None or (backward and name == "numpy"):
            continue
        calls[name] = one.backward(operation, arrays, cotangent) if backward else one.forward(operation, arrays)
        results[name] = as_arrays(calls[name]())
    line = Line(operation, large, backward)
    line.others = [name for name, found in results.items() if not agree(found, results["maplet"])]
    calls = {name: call for name, call in calls.items() if name not in line.others}
    counts = {name: _count(call) for name, call in calls.items()}
    for number in range(ROUNDS):
        names = list(calls)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            line.seconds.setdefault(name, []).append(_burst(calls[name], counts[name]))
    return line


def as_arrays(found: Any) -> list[Any]:
    """What any of them gave, as arrays of NumPy."""
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
        line.name, "large" if line.large else "medium", *("" if t is None else duration(t) for t in times),
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
    for what, peers in (("the fastest peer", PEERS), ("PyTorch", ("torch",))):
        for backward in (False, True):
            some = [line.ratio(peers) for line in lines if line.backward is backward]
            direction = "backward" if backward else "forward"
            found.append(f"Geometric mean of maplet's time over that of {what}, {direction}: {mean(some):.2f}.")
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
@click.option("--size", type=click.Choice(["medium", "large", "both"]), default="both", show_default=True)
@click.option("--write", "kept", is_flag=True, help="Write OPERATIONS.md anew.")
def ops(only: str, size: str, *, kept: bool) -> None:
    """Compare operations one by one with NumPy, PyTorch and JAX, forward and backward."""
    machine.pin(machine.cores()[:1])
    os.environ.update(machine.environment(1))
    console, contestants = Console(width=max(Console().width, 130)), present()
    chosen = [operation for operation in EVERY if only in operation.name]
    sizes = {"medium": (False,), "large": (True,), "both": (False, True)}[size]
    tasks = [
        (one, large, backward) for one in chosen for large in sizes for backward in (False, True)[: 1 + one.gradient]
    ]
    with threadpool_limits(1):
        lines = [
            measured(one, contestants, large=large, backward=backward)
            for one, large, backward in track(tasks, "operations", console=console)
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
