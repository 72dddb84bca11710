"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import datetime as dt
import os
import sys

import click
from rich.console import Console

from benchmarks import data, machine, measure, report, workloads
from benchmarks.contestants import EVERY, Contestant
from benchmarks.ops import ops

FOLDER = machine.ROOT / "benchmarks"
"""Where results are written."""


def contestants_for(workload: workloads.Workload, peers: tuple[str, ...]) -> list[Contestant]:
    """Those for whom such a workload is meant: maplet, and the chosen peers."""
    if getattr(workload, "alone", False):
        return [one for one in EVERY if one.name == "maplet"]
    return [
        one for one in EVERY if isinstance(workload, one.takes) and (not one.peer or not peers or one.name in peers)
    ]


def known_peers(_context: click.Context, _option: click.Parameter, given: str) -> tuple[str, ...]:
    """The names of a list with commas; `none` stands for none of them."""
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    known = [one.name for one in EVERY if one.peer]
    for name in names:
        if name not in {*known, "none"}:
            raise click.BadParameter(f"{name!r} is not among {', '.join(known)}, none")
    return names


def threads_here(_context: click.Context, _option: click.Parameter, given: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers of threads, at most as many as there are cores; by default one, and all."""
    most = len(machine.cores())
    for number in given:
        if not 1 <= number <= most:
            raise click.BadParameter(f"{number}: this process may use {most} cores")
    return tuple(dict.fromkeys(given or (1, most)))


def show(console: Console) -> None:
    """What there is to choose from."""
    for workload in workloads.every().values():
        console.print(f"[bold]{workload.name:18}[/] {workload.says}", highlight=False)
    console.print()
    for one in EVERY:
        console.print(f"[bold]{one.name:18}[/] {one.says}{'' if one.peer else ' (always there)'}", highlight=False)


def begin(options: dict[str, str], tasks: list[workloads.Workload], *, quick: bool) -> report.Run:
    """An empty run, dated."""
    notes = ["The limit is the time of the multiply-adds, then that of the bytes that update and data must move."]
    if quick:
        notes.append("This was a quick run, to see whether everything works: **the times mean nothing**.")
    if any(getattr(task, "images", False) for task in tasks):
        notes.append(f"The digits are {data.digits_source()}.")
    if not hasattr(os, "sched_setaffinity"):
        notes.append("This system does not let a process choose its cores: nothing was pinned.")
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return report.Run(now, machine.describe(), machine.versions(), options, notes, [], [])


def continued(run: report.Run, names: tuple[str, ...]) -> report.Run:
    """What is to be written: where only some workloads are measured, the results that there are, and these among them.

    Only those of the same machine with the same versions can stand beside each other.
    """
    path = FOLDER / "results.json"
    if not names or not path.exists():
        return run
    old = report.load(path)
    others = {key: old.machine.get(key) for key in run.machine if key != "commit"}
    if (others, old.versions) != ({k: v for k, v in run.machine.items() if k != "commit"}, run.versions):
        raise click.UsageError(f"{path.name} is of another machine or other versions; measure all, without --workload")
    return old


def write(run: report.Run) -> None:
    """results.json and RESULTS.md, beside this file."""
    report.save(run, FOLDER / "results.json")
    (FOLDER / "RESULTS.md").write_text(report.page(run), encoding="utf-8")


def refused(console: Console, run: report.Run) -> int:
    """Say in full which contestants failed or disagree; → the exit status, 1 if there are any."""
    found = [
        (result, outcome)
        for result in run.results
        for outcome in result.outcomes
        if outcome.status in {"failed", "disagrees"}
    ]
    for result, outcome in found:
        console.rule(f"{outcome.contestant} {outcome.status} in {report.title(result)}", style="red")
        console.print(outcome.reason, markup=False, highlight=False)
    return 1 if found else 0


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--workload", "names", multiple=True, help="A workload or a group such as matmul; may be repeated.")
@click.option("--threads", multiple=True, type=int, callback=threads_here, help="May be repeated. [default: 1 and all]")
@click.option("--peers", default="", callback=known_peers, help="Names with commas, or none. [default: all]")
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True, help="Bursts of each contestant.")
@click.option("--burst", type=click.FloatRange(0, min_open=True), default=0.1, show_default=True, help="Seconds.")
@click.option("--quick", is_flag=True, help="Two short rounds: does everything run? The times mean nothing.")
@click.option(
    "--write",
    "kept",
    is_flag=True,
    help="Write results.json and RESULTS.md, after each workload: all anew, or those chosen in their place.",
)
@click.option("--list", "listed", is_flag=True, help="Show workloads and contestants, and stop.")
@click.pass_context
def main(
    context: click.Context, names: tuple[str, ...], threads: tuple[int, ...], peers: tuple[str, ...],
    *, rounds: int, burst: float, quick: bool, kept: bool, listed: bool,
) -> None:  # fmt: skip
    """Measure how fast maplet is, beside its peers and beside what the machine could do."""
    if context.invoked_subcommand is not None:
        return
    console = Console(width=max(Console().width, 120))  # a table that is cut off shows nothing
    if listed:
        show(console)
        return
    try:
        tasks = workloads.chosen(names, quick=quick)
    except KeyError as error:
        raise click.BadParameter(f"there is no workload {error}; --list shows them") from None
    if quick:
        rounds, burst = 2, 0.01
    os.environ["MAPLET_DATA"] = str(data.data_folder().resolve())  # a relative one would be another one in a worker

    run = begin({"rounds": str(rounds), "burst": f"at least {burst} s"}, tasks, quick=quick)
    date = f"{run.date} at {run.machine['commit']}"
    if kept:
        run = continued(run, names)
    for number in threads:
        with console.status(f"the limit, {number} threads") as status:
            run.note(measure.limit(number))
            for task in tasks:
                plan = measure.Plan(number, min(rounds, 5) if task.name == "epoch" else rounds, burst, quick)
                outcomes = measure.compete(
                    task, contestants_for(task, peers), plan,
                    lambda text, name=task.name: status.update(f"{name}: {text}"),
                )  # fmt: skip
                found = report.result(task, plan, outcomes, date)
                run.take(found)
                console.print(report.table(run, found))
                if kept:
                    write(run)
            status.update("the limit again")
            run.note(measure.limit(number))
    if kept:
        write(run)
    sys.exit(refused(console, run))


main.add_command(ops)


if __name__ == "__main__":
    main()
