"""What a run of the command line was trained on, read anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from maplet.bilingual import Bilingual
from maplet.cli.streams import say
from maplet.errors import CheckpointError
from maplet.nn.losses import losses
from maplet.train.explaining import is_as_trained, problem_of
from maplet.train.reading import read_config
from maplet.train.storage import read_json

if TYPE_CHECKING:
    from maplet.nn import Module
    from maplet.train.problems import Problem


def trained_on(path: Path, net: Module, language: str) -> tuple[Problem, dict[str, Any]]:
    """The data of a run, split as it was, and its settings; a remark says if it is other data by now.

    Raises
    ------
    CheckpointError
        If the directory is not one that ``maplet train`` wrote.
    """
    config = read_config(path)
    if not (path / "job.json").is_file():
        raise CheckpointError(f"{path} cannot be read anew: it has no job.json", fix=_by_hand)
    if not isinstance(config.get("loss"), str) or config["loss"] not in losses:
        raise CheckpointError(f"{path / 'config.json'} is not that of a run of maplet's command line", fix=_by_hand)
    problem = problem_of(path)
    if not is_as_trained(problem, net, config, path / "config.json"):
        say(other_data.speak(language))
    return problem, config


def read_of_run(path: Path) -> list[Path]:
    """What `trained_on` reads beside the run's own files: its data. No output may replace it."""
    job = path / "job.json"
    source = read_json(job).get("source") if job.is_file() else None
    return [Path(source)] if isinstance(source, str) else []


other_data = Bilingual(
    "the data is no longer what the run was trained on: rows, and their scale, may be others",
    "数据已与训练时不同：各行及其尺度可能已经改变",
)
_by_hand = "what was trained in Python is looked at there: mp.explain(lambda net: loss(net(x), y), mp.load(path).net)"
