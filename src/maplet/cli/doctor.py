"""``maplet doctor``: what is wrong with a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from maplet.bilingual import Bilingual
from maplet.cli.language import language
from maplet.cli.output import visible
from maplet.cli.runs import trained_on
from maplet.cli.streams import say
from maplet.errors import MapletError
from maplet.health.doctor import doctor as diagnoses
from maplet.messages import counted
from maplet.train.failed import failure_of, load_failed
from maplet.train.given import given_of
from maplet.train.reading import batch_size
from maplet.train.run import load

if TYPE_CHECKING:
    from maplet.health.doctor.recorded import Given
    from maplet.train.run import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@language
def doctor(run: Path, language: str) -> None:
    """Say what is wrong with RUN, which is finished, or ended in NaN.

    Most of it is seen in steps that were watched: train with --doctor. Data that the command line trained on is read
    once more, and the network asked about it. Nothing is printed for a run with which all is well; a remark on standard
    error says so.
    """
    known = load_failed(run) if failure_of(run) else load(run)
    if not known.watched:
        say(unwatched.speak(language))
    if (run / "job.json").is_file():
        try:
            known.given = _given(known, run, language)
        except MapletError as error:
            say(not_asked.speak(language) + error.message)
    found = diagnoses(known)
    for diagnosis in found:
        click.echo("\n".join(map(visible, diagnosis.text(language).splitlines())))
    if not found:
        epochs, steps = len(known.history), len(known.watched)
        clean = Bilingual(
            f"nothing to complain about in {counted(epochs, 'epoch')} and {counted(steps, 'watched step')}",
            f"{epochs} 轮、{steps} 个观察步中没有发现问题",
        )
        say(clean.speak(language))


unwatched = Bilingual(
    "no step of this run was watched, so little can be said; train with --doctor",
    "这次训练没有观察任何一步，能诊断的很少；训练时请加 --doctor",
)
not_asked = Bilingual(
    "the network is not asked about its rows, for they cannot be read: ", "数据无法读取，因此没有就各行询问网络："
)


def _given(known: Run, path: Path, language: str) -> Given:
    """What the run learned from, as it was split."""
    problem, config = trained_on(path, known.net, language)
    return given_of(known.net, problem, config["loss"], batch_size(config, path / "config.json"))
