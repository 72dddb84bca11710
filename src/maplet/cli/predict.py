"""``maplet predict``: answers for new rows."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from maplet.cli.options import require_meaning
from maplet.cli.output import require_place
from maplet.cli.streams import say
from maplet.data import ClassTarget, Table, write_table
from maplet.data.output import write_output
from maplet.errors import CheckpointError, DataError
from maplet.messages import counted, listed
from maplet.ops.composite import softmax
from maplet.train.problems import Preprocessing, read_new
from maplet.train.run import Run, load

if TYPE_CHECKING:
    from maplet.data import NumberTarget


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A CSV file.  [default: standard output]")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is there.")
def predict(run: Path, source: Path, output: Path | None, overwrite: bool) -> None:
    """Predict with the network of RUN for the rows of SOURCE.

    SOURCE is a CSV file with the columns that the network was trained on (the target may be missing), or a file of
    images (.idx, .idx.gz, .npy). One line per row comes out: the prediction, and for classes their probabilities,
    p(CLASS); or probability(CLASS), if p(CLASS) is what the target column itself is called.
    """
    require_meaning([] if output is None else ["a file of -o"], "the predictions go to standard output")
    if output is not None:
        require_place(output, [source])
        if output.is_file() and not overwrite:
            raise click.UsageError(f"{output} exists already; --overwrite replaces it")
    trained = load(run)
    preprocessing = preprocessing_of(trained)
    new = read_new(source)
    outputs = trained.predict(preprocessing.inputs(new)).numpy()
    answers = as_table(preprocessing, outputs)
    if output is None:
        write_table(answers, sys.stdout)
    else:
        write_output(output, as_csv(answers))
        say(f"{counted(len(answers), 'prediction')} in {output}")
    target = preprocessing.target
    if isinstance(new, Table) and target.name in new.names:
        _compare(target, new, answers)


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
    if outputs.shape[1:] != (len(target.labels),):
        raise CheckpointError(
            f"the preprocessing names {len(target.labels)} classes, the network's outputs have shape {outputs.shape}"
        )
    shares = softmax(outputs.astype(np.float64)).numpy()
    labels = target.decode(outputs.argmax(axis=1)).tolist()
    clash = any(target.name == f"p({label})" for label in target.labels)
    share = "probability" if clash else "p"
    named = {f"{share}({label})": [f"{p:.6f}" for p in shares[:, n].tolist()] for n, label in enumerate(target.labels)}
    return Table.from_columns({target.name: labels, **named})


def as_csv(answers: Table) -> str:
    """A table as the text of a CSV file."""
    text = io.StringIO()
    write_table(answers, text)
    return text.getvalue()


def _compare(target: ClassTarget | NumberTarget, new: Table, answers: Table) -> None:
    """Where the true answers stand in the file, say how many were met; predictions do not depend on them."""
    known = ~new.gaps(target.name)
    if not known.any():
        return
    truth, answers = new.rows(known), answers.rows(known)
    rows = "" if known.all() else f" in {counted(len(truth), 'row')}"
    if isinstance(target, ClassTarget):
        cells = truth[target.name]
        hits = int(np.sum(cells == answers[target.name]))
        say(
            f"the file holds the true {target.name} too{rows}: {hits} of {len(truth)} are right "
            f"({hits / len(truth):.2%})"
        )
        unseen = [label for label in cells.tolist() if label not in target.labels]
        if unseen:
            named = listed(dict.fromkeys(unseen), 5)
            say(f"note: {counted(len(unseen), 'row')} with a class that the training never saw: {named}")
        return
    try:
        errors = truth.numbers(target.name) - answers.numbers(target.name)
    except DataError as error:
        say(f"note: the {target.name} in the file is not compared: {error.message} ({error.where})")
        return
    largest = float(np.abs(errors).max()) or 1.0
    root_mean_square = largest * float(np.sqrt(np.mean((errors / largest) ** 2)))  # large squares do not overflow so
    say(f"the file holds the true {target.name} too{rows}: the root mean squared error is {root_mean_square:.6g}")
