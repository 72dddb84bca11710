"""The run directory: everything needed to repeat a run, look at it, go on with it, and use its network.

::

    runs/digits/
    ├── config.json       versions, seed, command, data hash, network, optimizer, settings
    ├── history.jsonl     one line per epoch, written as it happens
    ├── checkpoint/       where training stands: network, optimizer, callbacks, position inside the epoch
    ├── model/            the finished network
    ├── preprocessing.json, job.json
    └── metrics.json, report.html        from the command line: what it is worth
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import maplet
from maplet.errors import CheckpointError, RunExistsError, SettingError
from maplet.train.storage import Arrays, exists, read_directory, to_json, write_directory

if TYPE_CHECKING:
    from pathlib import Path

Existing = Literal["error", "resume", "overwrite"]

ours = (
    "config.json",
    "history.jsonl",
    "metrics.json",
    "report.html",
    "checkpoint",
    "model",
    "models",
    "preprocessing.json",
    "job.json",
)


class RunDirectory:
    """Where a run writes what it must not lose."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.history_path = path / "history.jsonl"
        self.checkpoint_path = path / "checkpoint"

    def open(self, existing: Existing) -> bool:
        """Make the directory ready; True if there is something in it to go on with."""
        if existing not in ("error", "resume", "overwrite"):
            raise SettingError(f"existing= is 'error', 'resume' or 'overwrite', not {existing!r}")
        taken = self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir()))
        if taken and existing == "error":
            raise RunExistsError(
                f"{self.path} exists already",
                fix="--resume goes on with it, --overwrite starts anew (in Python: existing='resume' or 'overwrite')",
            )
        if taken and not (self.path / "config.json").exists():
            raise RunExistsError(
                f"{self.path} is no run directory (it has no config.json), so it is left alone",
                fix="choose another one",
            )
        if taken and existing == "overwrite":
            self._clear()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"cannot make the directory {self.path}: {error.strerror}") from error
        return existing == "resume" and exists(self.checkpoint_path)

    def _clear(self) -> None:
        """Remove what a run wrote, and nothing that somebody else put there."""
        for name in ours:
            for found in self.path.glob(f"{name}*"):
                shutil.rmtree(found) if found.is_dir() else found.unlink()

    # ── what the run is ──────────────────────────────────────────────────────────────────────────

    def write_config(self, settings: dict[str, Any]) -> None:
        """Everything needed to repeat the run."""
        config = {
            **settings,
            "command": sys.argv,
            "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "versions": versions(),
        }
        self.write_json("config.json", config)

    def check_config(self, settings: dict[str, Any]) -> None:
        """Refuse to go on with a run under other settings than it began with; only the number of epochs may differ."""
        began = json.loads((self.path / "config.json").read_bytes())
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
            temporary = self.path / f"{name}.new"
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
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CheckpointError(
                f"cannot write {self.history_path}: {error.strerror}", fix="make room on the disk"
            ) from error

    def cut_history(self, records: list[dict[str, Any]]) -> None:
        """Go back to what a checkpoint knows: what came after it is going to happen again."""
        temporary = self.history_path.with_suffix(".new")
        temporary.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
        temporary.replace(self.history_path)

    # ── where it stands ──────────────────────────────────────────────────────────────────────────

    def save_checkpoint(self, state: dict[str, Any], arrays: dict[str, Arrays]) -> None:
        """Replace the checkpoint in one step."""
        write_directory(self.checkpoint_path, {"state": state}, arrays)

    def load_checkpoint(self) -> tuple[dict[str, Any], dict[str, Arrays]]:
        """The last checkpoint, verified."""
        documents, arrays = read_directory(self.checkpoint_path)
        return documents["state"], arrays


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
