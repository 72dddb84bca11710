"""The loss of a finished run on some of its rows, explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.explain.derivation import explained
from maplet.nn.losses import losses
from maplet.train.inputs import as_samples, compute_dtype
from maplet.train.problems import load_problem
from maplet.train.reading import part
from maplet.train.storage import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from maplet.explain.derivation import Derivation
    from maplet.nn import Module
    from maplet.train.problems import Problem


def problem_of(directory: Path) -> Problem:
    """The data that a run of the command line was trained on, read again.

    Raises
    ------
    CheckpointError
        If ``job.json``, which says where the data is, is missing or damaged.
    DataError, SettingError
        What `load_problem` says of the data.
    """
    path = directory / "job.json"
    job = read_json(path)
    return load_problem(
        part(job, "source", str, path),
        target=part(job, "target", str | None, path),
        task=part(job, "task", str | None, path),
        categories=part(job, "categories", str, path),
        drop=part(job, "drop_missing", bool, path),
        seed=part(job, "seed", int, path),
    )


def is_as_trained(problem: Problem, net: Module, config: dict[str, Any], path: Path) -> bool:
    """Whether the data, read again, is what the run of a ``config.json`` at a path was trained on."""
    now = as_samples(problem.train, compute_dtype(net), "training", quiet=True).fingerprint()
    return now == part(config, "data", dict, path).get("sha256")


def derivation_of(net: Module, loss: str, x: Any, y: Any, language: str, *, columns: Sequence[str] = ()) -> Derivation:
    """Every step of backpropagation through a network and its loss, for a batch of rows with their columns' names."""
    measure: Callable[..., Any] = losses[loss]

    def loss_of_rows(net: Any, x: Any, y: Any) -> Any:
        return measure(net(x), y)

    loss_of_rows.__name__ = "loss"
    return explained(loss_of_rows, (net, x, y), language=language, has_lines=False, columns={"x": columns})
