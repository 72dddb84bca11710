"""``maplet doctor``: what is wrong with a run."""

from __future__ import annotations

from pathlib import Path

import click

from maplet.cli.output import visible
from maplet.cli.streams import say
from maplet.health.doctor import doctor as diagnoses
from maplet.train.run import load


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def doctor(run: Path) -> None:
    """Say what is wrong with the finished RUN.

    Most of it is seen in steps that were watched: train with --doctor. Nothing is printed for a run with which all is
    well; a remark on standard error says so.
    """
    known = load(run)
    if not known.watched:
        say("no step of this run was watched, so little can be said; train with --doctor")
    found = diagnoses(known)
    for diagnosis in found:
        click.echo("\n".join(map(visible, str(diagnosis).splitlines())))
    if not found:
        say(f"nothing to complain about in {len(known.history)} epochs and {len(known.watched)} watched steps")
