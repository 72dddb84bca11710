"""``maplet predict``: answers for new rows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from maplet.data import ClassTarget, Table, write_table
from maplet.errors import CheckpointError, DataError
from maplet.ops.composite import softmax
from maplet.train.problems import Preprocessing, read_new
from maplet.train.run import Run, load


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A CSV file.  [default: standard output]")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is there.")
def predict(run: Path, source: Path, output: Path | None, overwrite: bool) -> None:
    """Predict with the network of RUN for the rows of SOURCE.

    SOURCE is a CSV file with the columns that the network was trained on (the target may be missing), or a file of
    images (.idx, .idx.gz, .npy). One line per row comes out: the prediction, and for classes their probabilities.
    """
    trained = load(run)
    preprocessing = preprocessing_of(trained)
    new = read_new(source)
    outputs = trained.predict(preprocessing.inputs(new)).numpy()
    answers = as_table(preprocessing, outputs)
    if output is None:
        write_table(answers, sys.stdout)
    else:
        _write_file(answers, output, overwrite=overwrite)
        click.echo(f"{len(answers)} predictions in {output}", err=True)
    _compare(preprocessing, new, answers)


def preprocessing_of(trained: Run) -> Preprocessing:
    """How the run's network was fed; it is saved and verified together with the model."""
    if "preprocessing" not in trained.attachments:
        raise CheckpointError(
            f"{trained.directory} has no preprocessing: it was not trained from the command line",
            fix="in Python, mp.load(path).predict(x) takes arrays",
        )
    return Preprocessing.from_dict(trained.attachments["preprocessing"])


def as_table(preprocessing: Preprocessing, outputs: np.ndarray[Any, Any]) -> Table:
    """The network's outputs as answers in the words of the target column."""
    target = preprocessing.target
    if not isinstance(target, ClassTarget):
        return Table.from_columns({target.name: [f"{v:.7g}" for v in target.decode(outputs)[:, 0].tolist()]})
    shares = softmax(outputs.astype(np.float64)).numpy()
    labels = target.decode(outputs.argmax(axis=1)).tolist()
    named = {f"p({label})": [f"{p:.6f}" for p in shares[:, n].tolist()] for n, label in enumerate(target.labels)}
    return Table.from_columns({target.name: labels, **named})


def _write_file(answers: Table, path: Path, *, overwrite: bool) -> None:
    if path.is_file() and not overwrite:
        raise click.UsageError(f"{path} exists already; --overwrite replaces it")
    device = path.exists() and not path.is_file()  # such as /dev/stdout, which must not be replaced by a file
    target = path if device else path.with_name(f"{path.name}.new")
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            write_table(answers, file)
        if not device:
            target.replace(path)
    except OSError as error:
        if not device:
            target.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def _compare(preprocessing: Preprocessing, new: Any, answers: Table) -> None:
    """Where the true answers stand in the file, say how many were met."""
    name = preprocessing.target.name
    if not isinstance(new, Table) or name not in new.names or new.gaps(name).any():
        return
    if isinstance(preprocessing.target, ClassTarget):
        hits = int(np.sum(new[name] == answers[name]))
        click.echo(
            f"the file holds the true {name} too: {hits} of {len(new)} are right ({hits / max(len(new), 1):.2%})",
            err=True,
        )
    else:
        error = float(np.sqrt(np.mean(np.square(new.numbers(name) - answers.numbers(name)))))
        click.echo(f"the file holds the true {name} too: the root mean squared error is {error:.6g}", err=True)
