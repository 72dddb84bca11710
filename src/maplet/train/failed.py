"""A run that ended in NaN or infinity, read back: its last good checkpoint, and what led to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.health.doctor.recorded import Failure
from maplet.train.reading import history, part, read_config
from maplet.train.run import Run, built, read_history, restored
from maplet.train.run_directory import RunDirectory
from maplet.train.storage import damaged, read_json

if TYPE_CHECKING:
    from pathlib import Path

    from maplet.nn import Module


def failure_of(path: Path) -> Failure | None:
    """What ended the run of a directory; None where it did not end so.

    Raises
    ------
    CheckpointError
        If ``failure.json`` is damaged.
    """
    place = RunDirectory(path).failure_path
    if not place.exists():
        return None
    try:
        return Failure.from_dict(read_json(place))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(place, f"{error!r}") from error


def load_failed(path: Path, net: Module | None = None) -> Run:
    """Read a run that ended in NaN or infinity, for the doctor: ``failure`` says how, and its net is the last good one.

    Parameters
    ----------
    path
        A directory of which `failure_of` knows something.
    net
        An instance of your own class to load into.

    Raises
    ------
    CheckpointError
        If a file is missing or damaged, or does not fit ``net``.
    """
    directory = RunDirectory(path)
    config = read_config(path)
    state, arrays = directory.load_checkpoint()
    net = built(part(config, "network", dict, path / "config.json"), path) if net is None else net
    net.load_state(arrays.get("network", {}))
    run = Run(net.eval(), directory=path)
    run.failure = failure_of(path)
    run.history = [restored(record) for record in history(state, directory.checkpoint_path)]
    run.watched = read_history(directory.watch_path) if directory.watch_path.exists() else []
    run.epoch = len(run.history)
    return run
