"""The run directory: everything needed to repeat a run, look at it, go on with it, and use its network.

::

    runs/digits/
    ├── config.json       versions, seed, command, data hash, network, optimizer, settings
    ├── history.jsonl     one line per epoch, written as it happens
    ├── checkpoint/       where training stands: network, optimizer, callbacks, position inside the epoch
    ├── model/            the finished network, and how its inputs were prepared
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
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

import maplet
from maplet.errors import CheckpointError, MapletError, RunExistsError, SettingError
from maplet.train.storage import Arrays, exists, read_directory, read_json, sweep, to_json, write_directory

try:
    import fcntl
except ImportError:  # Windows: two processes in one directory are not kept apart there
    fcntl = None

if TYPE_CHECKING:
    from pathlib import Path

Existing = Literal["error", "resume", "overwrite"]

run_format = "maplet run"
outcome = ("model", "metrics.json", "report.html")
ours = ("models", "checkpoint", "history.jsonl", "job.json", *outcome, "config.json")  # what a run writes; config last


class RunDirectory:
    """Where a run writes what it must not lose.

    What an ``existing="overwrite"`` replaces is put aside first, and removed when the new run has finished an epoch; if
    the new run fails before, it is brought back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.history_path = path / "history.jsonl"
        self.checkpoint_path = path / "checkpoint"
        self.replaced_path = path / ".replaced"
        self.lock: Any = None

    def open(self, existing: Existing) -> bool:
        """Make the directory ready and lock it; True if there is something in it to go on with."""
        if existing not in get_args(Existing):
            raise SettingError(f"existing= is {existing!r}; one of {get_args(Existing)} was expected")
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
                raise CheckpointError(f"cannot use the directory {self.path}: {error.strerror or error}") from error
            raise

    def _enter(self, existing: Existing) -> bool:
        self.path.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._settle()
        if self._is_taken() and existing == "error":
            raise RunExistsError(
                f"{self.path} exists already",
                fix="--resume goes on with it, --overwrite starts anew (in Python: existing='resume', 'overwrite')",
            )
        if existing == "overwrite":
            self._put_aside()
        return existing == "resume" and self._can_go_on()

    def close(self) -> None:
        """Let others use the directory."""
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def _take_lock(self) -> None:
        """Only one process trains in a directory; the lock ends with the process, however that ends."""
        self.lock = (self.path / ".lock").open("w")
        if fcntl is None:
            return
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise RunExistsError(
                f"another process is training in {self.path}", fix="wait for it, or choose another directory"
            ) from None

    def _is_taken(self) -> bool:
        if self.path.exists() and not self.path.is_dir():
            return True
        return self.path.exists() and any(found.name != ".lock" for found in self.path.iterdir())

    def _is_ours(self) -> bool:
        """A run says so in its config, which stands in ``.replaced`` while a kill left it there."""
        for folder in (self.path, self.replaced_path):
            if (folder / "config.json").is_file() and read_json(folder / "config.json").get("format") == run_format:
                return True
        return False

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

    def _put_aside(self) -> None:
        """Move what a run wrote, and nothing that somebody else put there, out of the way; config.json last."""
        self.replaced_path.mkdir(exist_ok=True)
        for name in ours:
            if (self.path / name).exists():
                (self.path / name).rename(self.replaced_path / name)

    def bring_back(self) -> None:
        """Undo `_put_aside`: the new run came to nothing."""
        if not self.replaced_path.exists():
            return
        moved_completely = (self.replaced_path / "config.json").exists()
        for name in reversed(ours):  # config.json first: what is still aside then belongs to the run that is back
            aside = self.replaced_path / name
            if aside.exists() or moved_completely:
                remove(self.path / name)
            if aside.exists():
                aside.rename(self.path / name)
        self.forget_replaced()

    def forget_replaced(self) -> None:
        """The new run has something to show: the old one goes."""
        shutil.rmtree(self.replaced_path, ignore_errors=True)

    def discard_outcome(self) -> None:
        """Training goes on: the finished model and what was said of it no longer hold."""
        for name in outcome:
            remove(self.path / name)

    def _settle(self) -> None:
        """Put right what a kill left behind."""
        sweep(self.path)
        if not self.replaced_path.exists():
            return
        moved_completely = (self.replaced_path / "config.json").exists()
        has_new_epochs = self.history_path.exists() and bool(self.history_path.stat().st_size)
        if moved_completely and has_new_epochs:
            self.forget_replaced()
        else:
            self.bring_back()

    # ── what the run is ──────────────────────────────────────────────────────────────────────────

    def write_config(self, settings: dict[str, Any]) -> None:
        """Everything needed to repeat the run."""
        config = {
            "format": run_format,
            **settings,
            "command": sys.argv,
            "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "versions": versions(),
        }
        self.write_json("config.json", config)

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
        """A single file, replaced in one step."""
        try:
            temporary = self.path / f".{name}.writing"
            temporary.write_text(content, encoding="utf-8")
            temporary.replace(self.path / name)
        except OSError as error:
            raise CheckpointError(
                f"cannot write {self.path / name}: {error.strerror}", fix="make room on the disk"
            ) from error

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    def append_history(self, record: dict[str, Any]) -> None:
        """One line, on the disk when this returns."""
        try:
            with self.history_path.open("a", encoding="utf-8") as file:
                file.write(to_json(record, indent=None).decode() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CheckpointError(
                f"cannot write {self.history_path}: {error.strerror}", fix="make room on the disk"
            ) from error

    def cut_history(self, records: list[dict[str, Any]]) -> None:
        """Go back to what a checkpoint knows: what came after it is going to happen again."""
        temporary = self.path / ".history.writing"
        temporary.write_bytes(b"".join(to_json(record, indent=None) + b"\n" for record in records))
        temporary.replace(self.history_path)

    # ── where it stands ──────────────────────────────────────────────────────────────────────────

    def save_checkpoint(self, state: dict[str, Any], arrays: dict[str, Arrays]) -> None:
        """Replace the checkpoint in one step."""
        write_directory(self.checkpoint_path, {"state": state}, arrays)

    def load_checkpoint(self) -> tuple[dict[str, Any], dict[str, Arrays]]:
        """The last checkpoint, verified."""
        documents, arrays = read_directory(self.checkpoint_path)
        return documents["state"], arrays


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
