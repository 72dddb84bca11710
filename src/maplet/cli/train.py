"""``maplet train``: from a file to a trained and measured network."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maplet.cli.language import language
from maplet.cli.options import require_meaning
from maplet.cli.output import describe_problem, print_outcome
from maplet.cli.streams import say
from maplet.errors import SettingError
from maplet.messages import shown
from maplet.settings import whole
from maplet.train.fit import largest_seed
from maplet.train.formatting import short_number
from maplet.train.job import Settings
from maplet.train.job import train as run_job
from maplet.train.problems import kind_of, load_problem

if TYPE_CHECKING:
    from maplet.train.problems import Problem

defaults = Settings()
most_parameters = 100_000_000


@click.command()
@click.argument("source")
@click.option("--target", help="The column to be predicted.")
@click.option("--task", type=click.Choice(["classification", "regression"]), help="By default decided from the target.")
@click.option(
    "--hidden",
    default="128,64",
    show_default=True,
    metavar="N,N…",
    help="Widths of the hidden layers; 'none' for a linear model.",
)
@click.option("--activation", default=defaults.activation, show_default=True, help="Between the layers.")
@click.option(
    "--dropout", default=defaults.dropout, show_default=True, help="Share of hidden units left out at each step."
)
@click.option("--optimizer", default=defaults.optimizer, show_default=True, help="sgd, adam, adamw, lion, muon …")
@click.option("--learning-rate", default=defaults.learning_rate, show_default=True, help="α in θ ↦ θ − α∇J(θ).")
@click.option("--weight-decay", default=defaults.weight_decay, show_default=True)
@click.option("--epochs", default=defaults.epochs, show_default=True, help="The most that are run.")
@click.option(
    "--patience",
    default=defaults.patience,
    show_default=True,
    help="Epochs without a better validation loss before training stops.",
)
@click.option("--batch-size", type=int, help="Rows in a step.  [default: a 32nd of the training rows, 8 to 128]")
@click.option("--seed", default=0, show_default=True, help="Decides split, weights, order and dropout.")
@click.option(
    "--categories",
    type=click.Choice(["auto", "one-hot", "embed"]),
    default="auto",
    show_default=True,
    help="How columns of words become numbers.",
)
@click.option("--drop-missing", is_flag=True, help="Leave out rows with gaps instead of filling them.")
@click.option("-d", "--directory", type=click.Path(path_type=Path), help="Where the run is kept.  [default: runs/NAME]")
@click.option("--resume", is_flag=True, help="Go on with the run that is there.")
@click.option("--overwrite", is_flag=True, help="Start anew where a run is there already.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--doctor", is_flag=True, help="Look into every tenth step, and say what goes wrong.")
@language
@click.option("--lint/--no-lint", default=True, help="Look for what is likely to go wrong before the first step.")
def train(
    *,
    source: str,
    hidden: str,
    directory: Path | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    lint: bool,
    doctor: bool,
    language: str,
    **options: Any,
) -> None:
    """Train a network on SOURCE and measure it.

    SOURCE is a CSV file (with --target), a folder with the four IDX files of an image set such as MNIST, or the word
    digits for scikit-learn's handwritten digits.
    """
    if resume and overwrite:
        raise SettingError(
            "--resume and --overwrite exclude each other",
            fix="--resume goes on with the run that is there, --overwrite starts anew",
        )
    reading = {name: options.pop(name) for name in ("target", "task", "categories")}
    drop = options.pop("drop_missing")
    settings = Settings(hidden=_widths(hidden), **options)
    kind, layers = kind_of(source), "hidden layers" if settings.hidden else ""
    require_meaning((kind, "hidden layers"), f"{source} is {kind}")
    require_meaning((kind, layers), f"with --hidden {hidden} there are none")
    whole("--seed", settings.seed, least=0, most=largest_seed)
    problem = load_problem(source, **reading, drop=drop, seed=settings.seed)
    place = directory or Path("runs") / problem.name
    existing = "resume" if resume else "overwrite" if overwrite else "error"
    job = {"source": source, **reading, "drop_missing": drop, **asdict(settings)}
    _check_size(problem, settings.hidden)
    say(describe_problem(problem, language))
    outcome = run_job(
        problem, settings, place, existing=existing, command=job, progress=not quiet, lint=lint, doctor=doctor,
        language=language,
    )  # fmt: skip
    print_outcome(outcome, place, language)
    if outcome.interrupted:
        click.get_current_context().exit(130)


def _widths(text: str) -> tuple[int, ...]:
    if text.strip().lower() in ("none", ""):
        return ()
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0,)
    if min(widths) < 1:
        raise SettingError(
            f"--hidden takes widths ≥ 1 with commas between, not {shown(text)}",
            fix="--hidden 128,64, or --hidden none",
        )
    return widths


def _check_size(problem: Problem, hidden: tuple[int, ...]) -> None:
    """A network too large for any table or small image is a slip of the hand; it would fill the memory first."""
    widths = [prod(problem.train[0].shape[1:]), *hidden, problem.preprocessing.outputs]
    parameters = sum((before + 1) * after for before, after in pairwise(widths))
    if parameters > most_parameters:
        raise SettingError(
            f"a network of {' → '.join(short_number(width) for width in widths[:6])} has "
            f"{short_number(parameters)} parameters; {most_parameters:,} are allowed here",
            fix="choose narrower layers with --hidden; in Python, mp.fit takes a network of any size",
        )
