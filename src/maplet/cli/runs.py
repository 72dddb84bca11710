"""What a run of the command line was trained on, read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.errors import CheckpointError
from maplet.nn.losses import losses
from maplet.train.problems import load_problem
from maplet.train.run_directory import run_format
from maplet.train.storage import read_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maplet.train.problems import Problem


def problem_of(path: Path) -> tuple[Problem, Callable[..., Any]]:
    """The data of a run, split as it was, and its loss.

    Raises
    ------
    CheckpointError
        If the directory is not one that ``maplet train`` wrote.
    """
    for name, fix in (("config.json", "give a run directory, such as runs/digits"), ("job.json", _by_hand)):
        if not (path / name).is_file():
            raise CheckpointError(f"{path} cannot be read anew: it has no {name}", fix=fix)
    config, job = read_json(path / "config.json"), read_json(path / "job.json")
    if config.get("format") != run_format or config.get("loss") not in losses:
        raise CheckpointError(f"{path / 'config.json'} is not that of a run of maplet's command line", fix=_by_hand)
    try:
        reading = {name: job[name] for name in ("target", "task", "categories", "seed")}
        problem = load_problem(job["source"], drop=job["drop_missing"], **reading)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path / 'job.json'} is damaged: {error!r}") from error
    return problem, losses[config["loss"]]


_by_hand = "what was trained in Python is looked at there: mp.explain(lambda net: loss(net(x), y), mp.load(path).net)"
