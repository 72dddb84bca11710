"""A directory that is either there as a whole or not at all, and that notices when it was changed.

It is written under a temporary name, flushed to the disk, then renamed; a kill at any moment leaves the old one or the
new one. ``manifest.json`` holds the length and SHA-256 of every file in it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from maplet.errors import CheckpointError

format_name, format_version = "maplet", 1
manifest_name = "manifest.json"

Arrays = dict[str, np.ndarray[Any, Any]]


def write_directory(path: Path, documents: dict[str, Any], arrays: dict[str, Arrays]) -> None:
    """Put JSON documents and files of arrays (safetensors) into the place of a directory, in one step.

    Raises `CheckpointError` where the disk is full or may not be written, and where something stands that maplet did
    not write; what was there before is then kept.
    """
    _require_ours_or_nothing(path)
    files = {f"{name}.json": to_json(content) for name, content in documents.items()}
    files |= {f"{name}.safetensors": arrays_to_bytes(_contiguous(content)) for name, content in arrays.items()}
    manifest = {
        "format": format_name,
        "version": format_version,
        "files": {n: {"bytes": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in sorted(files.items())},
    }
    files[manifest_name] = to_json(manifest)
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write_flushed(temporary / name, content)
        _flush_directory(temporary)
        _put_in_place(temporary, path)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}",
            fix="make room, or choose another directory; what was saved before is still there",
        ) from error


def _contiguous(arrays: Arrays) -> Arrays:
    """Safetensors writes the memory behind an array as it lies there, which for a view is something else."""
    return {name: np.asarray(array, order="C") for name, array in arrays.items()}


def to_json(content: Any, *, indent: int | None = 1) -> bytes:
    """JSON as UTF-8; floats are written so that they are read back to the bit, NaN and infinities as null."""
    try:
        return json.dumps(_plain(content), ensure_ascii=False, indent=indent, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"what is to be saved holds something that JSON cannot: {error}",
            fix="a callback's state() and run.record take numbers, strings, lists and dicts",
        ) from error


def _plain(content: Any) -> Any:
    """What JSON can hold: NumPy's numbers as Python's, and null for what is no finite number."""
    if isinstance(content, np.generic):
        return _plain(content.item())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in cast("dict[Any, Any]", content).items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in cast("list[Any]", content)]
    return content


def read_json(path: Path) -> dict[str, Any]:
    """A single JSON object; `CheckpointError` where it is missing or anything else."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is damaged: it holds no JSON object")
    return cast("dict[str, Any]", content)


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(path: Path) -> None:
    if os.name == "nt":
        return  # Windows has no handle on a directory to flush
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(new: Path, path: Path) -> None:
    """Rename; a directory that is there already steps aside first, and `settle` brings it back after a kill between."""
    old = _aside(path)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
    new.rename(path)
    _flush_directory(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.replaced")


def _require_ours_or_nothing(path: Path) -> None:
    """Nothing is ever replaced but what `write_directory` wrote, and nothing that was put beside it there is lost."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if path.is_dir() and (path / manifest_name).exists():
        listed = {*_listed_files(path, read_json(path / manifest_name)), manifest_name}
        if {found.name for found in path.iterdir()} <= listed:
            return
    raise CheckpointError(
        f"{path} holds something that maplet did not write, so it is left alone", fix="choose another path"
    )


def sweep(folder: Path) -> None:
    """Remove what a killed writer left behind in a folder."""
    for found in folder.glob(".*.writing-*"):
        shutil.rmtree(found, ignore_errors=True)


def settle(path: Path) -> Path:
    """The directory itself, brought back from its old name where a kill hit between the two renames."""
    old = _aside(path)
    if not path.exists() and old.exists():
        old.rename(path)
    return path


def exists(path: Path) -> bool:
    """Whether a directory was written there."""
    return (settle(path) / manifest_name).exists()


def read_directory(path: Path) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """The documents and arrays of a directory, by name without their ending.

    Raises `CheckpointError` if a file is missing, truncated, changed, or of another version.
    """
    if not (settle(path) / manifest_name).exists():
        raise CheckpointError(f"{path} holds nothing that maplet saved: {manifest_name} is missing")
    files = _listed_files(path, read_json(path / manifest_name))
    documents: dict[str, Any] = {}
    arrays: dict[str, Arrays] = {}
    for name, facts in files.items():
        content = _read_verified(path / name, facts)
        stem, ending = Path(name).stem, Path(name).suffix
        try:
            if ending == ".json":
                documents[stem] = json.loads(content)
            else:
                arrays[stem] = arrays_from_bytes(content)
        except Exception as error:  # safetensors and json raise different errors for what is malformed
            raise CheckpointError(f"{path / name} is malformed: {error}") from error
    return documents, arrays


def _listed_files(path: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest.get("format") != format_name:
        raise CheckpointError(f"{path / manifest_name} was not written by maplet")
    if manifest.get("version") != format_version:
        raise CheckpointError(
            f"{path} has format version {manifest.get('version')}, this maplet reads version {format_version}",
            fix="use the maplet that wrote it (config.json names its version), or train again",
        )
    listed = manifest.get("files")
    files = cast("dict[str, Any]", listed) if isinstance(listed, dict) else {}
    if not files or not all(Path(name).name == name and isinstance(facts, dict) for name, facts in files.items()):
        raise CheckpointError(f"{path / manifest_name} is damaged: it lists no plain file names with their lengths")
    return files


def _read_verified(path: Path, facts: dict[str, Any]) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) != facts.get("bytes"):
        raise CheckpointError(f"{path} is truncated or changed: {len(content)} bytes instead of {facts.get('bytes')}")
    if hashlib.sha256(content).hexdigest() != facts.get("sha256"):
        raise CheckpointError(f"{path} was changed after it was written: its SHA-256 does not match the manifest")
    return content
