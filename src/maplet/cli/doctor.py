"""``maplet doctor``: what is wrong with a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from maplet.cli.output import visible
from maplet.cli.runs import trained_on
from maplet.cli.streams import say
from maplet.errors import MapletError
from maplet.health.doctor import doctor as diagnoses
from maplet.train.given import given_of
from maplet.train.run import load

if TYPE_CHECKING:
    from maplet.health.doctor.recorded import Given
    from maplet.train.run import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def doctor(run: Path) -> None:
    """Say what is wrong with the finished RUN.

    Most of it is seen in steps that were watched: train with --doctor. Data that the command line trained on is read
    once more, and the network asked about it. Nothing is printed for a run with which all is well; a remark on standard
    error says so.
    """
    known = load(run)
    if not known.watched:
        say("no step of this run was watched, so little can be said; train with --doctor")
    if (run / "job.json").is_file():
        try:
            known.given = _given(known, run)
        except MapletError as error:
            say(f"the network is not asked about its rows, for they cannot be read: {error.message}")
    found = diagnoses(known)
    for diagnosis in found:
        click.echo("\n".join(map(visible, str(diagnosis).splitlines())))
    if not found:
        say(f"nothing to complain about in {len(known.history)} epochs and {len(known.watched)} watched steps")


def _given(known: Run, path: Path) -> Given:
    """What the run learned from, as it was split."""
    problem, config = trained_on(path, known.net)
    return given_of(known.net, problem, config["loss"], int(config["batch_size"]))
