"""The main job: a problem in, a trained network out, and the honest answer what it is worth.

The network is measured on the test part beside two others: the trivial baseline (the majority class, the mean) and a
linear model that was trained in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet import nn, optim
from maplet.data import NumberTarget
from maplet.errors import SettingError
from maplet.nn.activations import activations
from maplet.nn.tabular import EmbedColumns
from maplet.ops.random import Generator
from maplet.optim.described import arguments
from maplet.train.callbacks import Callback, EarlyStopping
from maplet.train.fit import fit
from maplet.train.metrics import as_metrics
from maplet.train.report import report_html
from maplet.train.report.gathering import report_data
from maplet.train.run_directory import RunDirectory
from maplet.train.training import interrupted

if TYPE_CHECKING:
    from pathlib import Path

    from maplet.optim import Optimizer
    from maplet.train.problems import Preprocessing, Problem
    from maplet.train.run import Run
    from maplet.train.run_directory import Existing

reported = {
    "classification": ("accuracy", "f1", "cross_entropy"),
    "regression": ("rmse", "mae", "r2"),
}
linear_steps = 2000  # at least so many for the linear model, whose loss is convex
loss_of = {"classification": "cross_entropy", "regression": "mse"}


@dataclass(frozen=True)
class Settings:
    """What the network looks like and how it is trained; a batch size of None is chosen by `batch_size_for`."""

    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    dropout: float = 0.1
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    epochs: int = 100
    batch_size: int | None = None
    patience: int = 10
    seed: int = 0


def build_network(problem: Problem, settings: Settings, hidden: tuple[int, ...]) -> nn.Sequential:
    """A multilayer perceptron for a problem; without hidden layers, a linear model."""
    if settings.activation not in activations:
        raise SettingError(f"there is no activation {settings.activation!r}", fix=f"one of {', '.join(activations)}")
    rng = Generator(settings.seed)
    width = prod(problem.train[0].shape[1:])
    layers: list[nn.Module] = [nn.Flatten()] if problem.train[0].ndim > 2 else []
    features = problem.preprocessing.features
    if features is not None and features.embedded:
        lookup = EmbedColumns(features.embedded, rng=rng)
        layers.append(lookup)
        width += sum(lookup.widths) - len(features.embedded)
    for size in hidden:
        layers += [nn.Linear(width, size, weight_init="he_uniform", rng=rng), activations[settings.activation]()]
        layers += [nn.Dropout(settings.dropout, rng=rng)] if settings.dropout else []
        width = size
    return nn.Sequential(*layers, nn.Linear(width, problem.preprocessing.outputs, rng=rng))


def batch_size_for(problem: Problem, settings: Settings) -> int:
    """The batch size asked for; else a 32nd of the training rows, so that small tables get enough steps too."""
    if settings.batch_size is not None:
        return settings.batch_size
    return min(128, max(8, len(problem.train[1]) // 32))


def build_optimizer(settings: Settings) -> Optimizer:
    """The optimizer named in the settings."""
    named = {
        name.lower(): kind
        for name, kind in optim.registry.items()
        if issubclass(kind, optim.Optimizer) and "weight_decay" in arguments(kind)  # one rule for the whole network
    }
    kind: Any = named.get(settings.optimizer.lower())
    if kind is None:
        raise SettingError(f"there is no optimizer {settings.optimizer!r}", fix=f"one of {', '.join(named)}")
    return kind(settings.learning_rate, weight_decay=settings.weight_decay)


class Keep(Callback):
    """Keep what belongs to the run: the preprocessing with the model, and what the command line was asked for."""

    def __init__(self, preprocessing: Preprocessing, command: dict[str, Any]) -> None:
        self.preprocessing = preprocessing
        self.command = command

    def on_start(self, run: Run) -> None:
        """Hand them over before the first step."""
        run.attachments["preprocessing"] = self.preprocessing.to_dict()
        if run.given is not None:
            run.given = replace(run.given, columns=self.preprocessing.columns)
        if run.directory is not None:
            RunDirectory(run.directory).write_json("job.json", self.command)


@dataclass(frozen=True)
class Outcome:
    """A finished job: the run, and the metrics of each model on the test part."""

    run: Run
    metrics: dict[str, dict[str, float]]
    interrupted: bool


def train(
    problem: Problem,
    settings: Settings,
    directory: Path,
    *,
    existing: Existing,
    command: dict[str, Any],
    progress: bool = True,
    lint: bool = True,
    doctor: bool = False,
    language: str = "en",
) -> Outcome:
    """Train the network of a problem, keep the run in a directory, and measure it.

    Parameters
    ----------
    problem, settings
        What to learn, and with which network.
    directory, existing
        Where the run is kept, and what to do if it is there; see `fit`.
    command
        What the user asked for; kept as ``job.json``.
    progress, lint, doctor, language
        See `fit`; the report is in that language.
    """
    documents = Keep(problem.preprocessing, command)
    network = build_network(problem, settings, settings.hidden)
    stopping = EarlyStopping(settings.patience)
    run = fit(
        network, problem.train, loss=loss_of[problem.task], optimizer=build_optimizer(settings), epochs=settings.epochs,
        batch_size=batch_size_for(problem, settings), validation=problem.validation,
        metrics=["accuracy"] if problem.task == "classification" else [], callbacks=[stopping, documents],
        seed=settings.seed, directory=directory, existing=existing, progress=progress, lint=lint, doctor=doctor,
        language=language,
    )  # fmt: skip
    metrics = {"network": measure(problem, run.predict(problem.test[0]).numpy())}
    linear = None if run.stop_reason == interrupted else fit_linear_model(problem, settings)
    if linear is None or linear.stop_reason == interrupted:
        return Outcome(run, metrics, interrupted=True)
    metrics["linear model"] = measure(problem, linear.predict(problem.test[0]).numpy())
    metrics["baseline"] = measure(problem, baseline(problem))
    outcome = Outcome(run, metrics, interrupted=False)
    with RunDirectory(directory).reopened(run.start) as place:
        place.write_json("metrics.json", metrics)
        place.write_text("report.html", report_html(report_data(directory, problem, language=language), language))
    return outcome


def fit_linear_model(problem: Problem, settings: Settings) -> Run:
    """Train a model without hidden layers in the same way, but to its end, whatever was asked of the network.

    Its loss is convex, so one setting suits every problem: Adam, whose learning rate falls to 0 within `linear_steps`
    steps or 10 epochs. With the network's own few epochs it would look worse than it is.
    """
    batch_size = batch_size_for(problem, settings)
    steps_per_epoch = -(-len(problem.train[1]) // batch_size)
    epochs = max(10, -(-linear_steps // steps_per_epoch))
    return fit(
        build_network(problem, settings, ()), problem.train, loss=loss_of[problem.task],
        optimizer=optim.Adam(optim.Cosine(0.02, epochs * steps_per_epoch), weight_decay=settings.weight_decay),
        epochs=epochs, batch_size=batch_size, validation=problem.validation, callbacks=[EarlyStopping(epochs)],
        seed=settings.seed, progress=False, lint=False,
    )  # fmt: skip


def baseline(problem: Problem) -> np.ndarray[Any, Any]:
    """What one would answer without looking at the inputs: the classes' shares, or the mean, of the training part."""
    rows, y = len(problem.test[1]), problem.train[1]
    if problem.task == "regression":
        return np.full((rows, 1), y.mean(dtype=np.float64), np.float32)
    counts = np.bincount(y, minlength=problem.preprocessing.outputs)
    # A class that the training part lacks gets half a row, so that the logarithm exists.
    shares = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    return np.tile(np.log(shares).astype(np.float32), (rows, 1))


def measure(problem: Problem, outputs: np.ndarray[Any, Any]) -> dict[str, float]:
    """The test metrics of some outputs; of numbers, in the units of the target column."""
    truth = problem.test[1]
    target = problem.preprocessing.target
    if isinstance(target, NumberTarget):
        outputs, truth = target.decode(outputs), target.decode(truth)
    found: dict[str, float] = {}
    for name in reported[problem.task]:
        if name == "cross_entropy":
            found[name] = nn.cross_entropy(outputs, truth).item()
        else:
            found[name] = float(as_metrics([name])[name](outputs, truth))
    return found
