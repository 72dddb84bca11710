"""The run directory: everything needed to repeat a run, look at it, go on with it, and use its network.

::

    runs/digits/
    ├── config.json       versions, seed, command, data hash, network, optimizer, settings
    ├── history.jsonl     one line per epoch, written as it happens
    ├── watch.jsonl       one line per step that was watched, as of the checkpoint or of the failure
    ├── checkpoint/       where training stands: network, optimizer, callbacks, position inside the epoch
    ├── model/            the finished network, how its inputs were prepared, and how training ended
    ├── failure.json      what ended a run whose loss or weights became NaN or infinite
    ├── job.json          what the command line was asked for
    └── metrics.json, report.html        from the command line: what it is worth
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import numpy as np

import maplet
from maplet.errors import CheckpointError, MapletError, RunExistsError
from maplet.train.storage import (
    Arrays,
    exists,
    is_ours,
    read_directory,
    read_json,
    settle,
    sweep,
    to_json,
    write_directory,
    write_flushed,
)

try:
    import fcntl
except ImportError:  # Windows: two processes in one directory are not kept apart there
    fcntl = None

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import Self

Existing = Literal["error", "resume", "overwrite"]

run_format = "maplet run"
told = ("metrics.json", "report.html")
outcome = ("model", "failure.json", *told)
ours = (
    "job.json",
    "models",
    "checkpoint",
    "history.jsonl",
    "watch.jsonl",
    *outcome,
    "config.json",
)  # what a run writes
begun, complete = "maplet-begun", "maplet-complete"


class RunDirectory:
    """Where a run writes what it must not lose.

    What an ``existing="overwrite"`` replaces is put aside first, and removed when the new run has finished an epoch; if
    the new run fails before, it is brought back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.history_path = path / "history.jsonl"
        self.watch_path = path / "watch.jsonl"
        self.checkpoint_path = path / "checkpoint"
        self.failure_path = path / "failure.json"
        self.replaced_path = path / ".replaced"
        self.lock: Any = None

    def open(self, existing: Existing) -> bool:
        """Make the directory ready and lock it; True if there is something in it to go on with."""
        if self._is_taken() and not self._is_ours():
            raise RunExistsError(
                f"{self.path} holds something that is no run of maplet, so it is left alone",
                fix="choose another directory",
            )
        try:
            return self._enter(existing)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError) and not isinstance(error, MapletError):
                raise CheckpointError(
                    f"cannot use the directory {self.path}: {error.strerror or error}",
                    fix="choose a place where you may write: directory='runs/mine' (-d runs/mine)",
                ) from error
            raise

    def _enter(self, existing: Existing) -> bool:
        self.path.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        if self._is_taken() and existing == "error":
            raise RunExistsError(
                f"{self.path} exists already",
                fix="--resume goes on with it, --overwrite starts anew (in Python: existing='resume', 'overwrite')",
            )
        self._settle()
        self._require_only_ours()
        if existing == "overwrite":
            self._put_aside()
        return existing == "resume" and self._can_go_on()

    def close(self) -> None:
        """Let others use the directory."""
        if self.lock is not None:
            if fcntl is not None:
                fcntl.flock(self.lock, fcntl.LOCK_UN)  # also where a forked process holds the file open
            os.close(self.lock)
            self.lock = None

    def _take_lock(self) -> None:
        """Only one process trains in a directory; the lock ends with the process, however that ends."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self.lock = os.open(self.path / ".lock", flags, 0o644)
        if fcntl is None:
            return
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self.lock)
            self.lock = None
            raise RunExistsError(
                f"another process is training in {self.path}", fix="wait for it, or choose another directory"
            ) from None

    def _is_taken(self) -> bool:
        if self.path.exists() and not self.path.is_dir():
            return True
        left_behind = {".lock", *(self._temporary(name).name for name in ours)}  # by a kill, before there was a run
        return self.path.exists() and any(found.name not in left_behind for found in self.path.iterdir())

    def _is_ours(self) -> bool:
        """A run says so in its config, which stands in ``.replaced`` while a kill left it there."""
        for folder in (self.path, self.replaced_path):
            if (folder / "config.json").is_file() and read_json(folder / "config.json").get("format") == run_format:
                return True
        return False

    def _require_only_ours(self) -> None:
        """Before anything is replaced: under the names of a run stands nothing that the run did not write."""
        foreign = [name for name in ours if (self.path / name).is_symlink()]
        directories = [self.path / name for name in ("checkpoint", "model")]
        models = self.path / "models"
        directories += [found for found in models.iterdir() if found.name[0] != "."] if models.is_dir() else []
        foreign += [str(d.relative_to(self.path)) for d in directories if d.exists() and not _may_be_ours(d)]
        if foreign:
            raise RunExistsError(
                f"{self.path} holds what maplet did not write under {', '.join(foreign)}, so it is left alone",
                fix="move it away, or choose another directory",
            )

    def _can_go_on(self) -> bool:
        if exists(self.checkpoint_path):
            return True
        if self.history_path.exists() and self.history_path.stat().st_size:
            raise CheckpointError(
                f"{self.path} has a history but no checkpoint, so nothing can go on from there",
                fix="start anew with --overwrite (in Python: existing='overwrite'), or choose another directory",
            )
        return False

    # ── what was there before ────────────────────────────────────────────────────────────────────
    # What an overwrite replaces stands in `.replaced` until the new run has something to show. Two marks tell how far
    # it got: `begun` before the first move, `complete` after the last. It disappears by one rename.

    def _names(self, folder: Path) -> list[str]:
        """What of a run stands in a folder; metrics belong to it only if the command line made it."""
        by_command = (folder / "job.json").exists()
        names = [name for name in ours if by_command or name not in told or is_report(folder / name)]
        return [name for name in names if (folder / name).exists()]

    def _put_aside(self) -> None:
        """Move what a run wrote, and nothing that somebody else put there, out of the way."""
        names = self._names(self.path)
        self.replaced_path.mkdir()
        (self.replaced_path / begun).touch()
        for name in names:
            (self.path / name).rename(self.replaced_path / name)
        (self.replaced_path / complete).touch()

    def bring_back(self) -> None:
        """Undo `_put_aside`: the new run came to nothing."""
        if not (self.replaced_path / begun).exists():
            return
        if (self.replaced_path / complete).exists():
            for name in self._names(self.path):
                remove(self.path / name)
            (self.replaced_path / complete).unlink()
        for name in reversed(self._names(self.replaced_path)):  # job.json last: it says what else belongs to the run
            (self.replaced_path / name).rename(self.path / name)
        self.forget_replaced()

    def forget_replaced(self) -> None:
        """The new run has something to show: the old one goes."""
        if (self.replaced_path / begun).exists():
            forgotten = self.path / f".forgotten-{uuid4().hex}"
            self.replaced_path.rename(forgotten)
            shutil.rmtree(forgotten, ignore_errors=True)

    def forget_failure(self) -> None:
        """The run is begun, or goes on: how it ended before no longer holds."""
        remove(self.failure_path)

    def discard_outcome(self) -> None:
        """Training has gone on: the finished model and what was said of it no longer hold."""
        for name in self._names(self.path):
            if name in outcome:
                remove(self.path / name)

    def _settle(self) -> None:
        """Put right what a kill left behind."""
        for name in ("checkpoint", "model"):
            settle(self.path / name)
            sweep(self.path, name)
        for name in ours:
            self._temporary(name).unlink(missing_ok=True)
        for found in self.path.glob(".forgotten-*"):
            if (found / begun).exists() or not any(found.iterdir()):
                shutil.rmtree(found, ignore_errors=True)
        if self.replaced_path.is_dir() and not any(self.replaced_path.iterdir()):
            self.replaced_path.rmdir()
        if not os.path.lexists(self.replaced_path):
            return
        if not (self.replaced_path / begun).exists():
            raise RunExistsError(f"{self.replaced_path} is in the way, and maplet did not write it", fix="move it away")
        has_new_epochs = self.history_path.exists() and bool(self.history_path.stat().st_size)
        if (self.replaced_path / complete).exists() and has_new_epochs:
            self.forget_replaced()
        else:
            self.bring_back()

    # ── what the run is ──────────────────────────────────────────────────────────────────────────

    def write_config(self, settings: dict[str, Any]) -> str:
        """Everything needed to repeat the run; gives back the id of this start of it."""
        start = uuid4().hex
        config = {
            "format": run_format,
            "id": start,
            **settings,
            "command": sys.argv,
            "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "versions": versions(),
        }
        self.write_json("config.json", config)
        return start

    @contextmanager
    def reopened(self, start: str) -> Generator[Self]:
        """The directory, locked again to write more about a run, if it still is the one that was started then."""
        self._take_lock()
        try:
            if read_json(self.path / "config.json").get("id") != start:
                raise RunExistsError(f"another process has begun another run in {self.path} meanwhile")
            yield self
        finally:
            self.close()

    def check_config(self, settings: dict[str, Any]) -> None:
        """Refuse to go on with a run under other settings than it began with; only the number of epochs may differ."""
        began = read_json(self.path / "config.json")
        now = json.loads(to_json(settings))
        for name in now:
            if name != "epochs" and began.get(name) != now[name]:
                raise RunExistsError(
                    f"{self.path} was begun with another {name}: {_short(began.get(name))}, now {_short(now[name])}",
                    fix="resume with the same settings, or start anew with existing='overwrite' (--overwrite)",
                )

    def write_json(self, name: str, content: Any) -> None:
        """A single document, replaced in one step."""
        self.write_text(name, to_json(content).decode() + "\n")

    def write_text(self, name: str, content: str) -> None:
        """A single file, flushed to the disk and replaced in one step."""
        with self._writing(name):
            write_flushed(self._temporary(name), content.encode())
            self._temporary(name).replace(self.path / name)

    def _temporary(self, name: str) -> Path:
        return self.path / f".{name}.writing"

    @contextmanager
    def _writing(self, name: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self._temporary(name).unlink(missing_ok=True)
            raise CheckpointError(
                f"cannot write {self.path / name}: {error.strerror}", fix="make room on the disk"
            ) from error

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    def append_history(self, record: dict[str, Any]) -> None:
        """One line, on the disk when this returns."""
        self.append(self.history_path, [record])

    def cut_history(self, records: list[dict[str, Any]]) -> None:
        """Go back to what a checkpoint knows: what came after it is going to happen again."""
        self.rewrite(self.history_path, records)

    def append(self, path: Path, records: list[dict[str, Any]]) -> None:
        """A line for each record, on the disk when this returns."""
        with self._writing(path.name), path.open("a", encoding="utf-8") as file:
            file.write("".join(map(_line, records)))
            file.flush()
            os.fsync(file.fileno())

    def rewrite(self, path: Path, records: list[dict[str, Any]]) -> None:
        """These lines and no others."""
        self.write_text(path.name, "".join(map(_line, records)))

    # ── where it stands ──────────────────────────────────────────────────────────────────────────

    def save_checkpoint(self, state: dict[str, Any], arrays: dict[str, Arrays]) -> None:
        """Replace the checkpoint in one step."""
        write_directory(self.checkpoint_path, {"state": state}, arrays)

    def load_checkpoint(self) -> tuple[dict[str, Any], dict[str, Arrays]]:
        """The last checkpoint, verified."""
        documents, arrays = read_directory(self.checkpoint_path)
        if not isinstance(documents.get("state"), dict):
            raise CheckpointError(f"{self.checkpoint_path} does not hold the state of a run")
        return documents["state"], arrays


def _line(record: dict[str, Any]) -> str:
    return to_json(record, indent=None).decode() + "\n"


def _may_be_ours(path: Path) -> bool:
    """Whether a directory is one of ours, be it damaged: it holds files of our kinds only."""
    return is_ours(path) or (path.is_dir() and all(f.suffix in (".json", ".safetensors") for f in path.iterdir()))


def is_report(path: Path) -> bool:
    """Whether a file is a report of a run: its title says so."""
    return path.is_file() and b" maplet</title>" in path.read_bytes()[:8192]


def require_report(path: Path) -> None:
    """Refuse to replace a file that is no report of a run.

    Raises
    ------
    RunExistsError
        So.
    """
    if not is_report(path):
        raise RunExistsError(f"{path} is there and is no report of maplet, so it is left alone", fix="give -o FILE")


def remove(path: Path) -> None:
    """Remove a file or a directory, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """What the numbers depend on."""
    return {
        "maplet": maplet.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
