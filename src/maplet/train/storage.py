"""A directory that is either there as a whole or not at all, and that notices when it was changed.

It is written under a temporary name, flushed to the disk, then renamed; a kill at any moment leaves the old one or the
new one. ``manifest.json`` holds the length and SHA-256 of every file in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from maplet.errors import CheckpointError

format_name, format_version = "maplet", 1
manifest_name = "manifest.json"

Arrays = dict[str, np.ndarray[Any, Any]]


def write_directory(path: Path, documents: dict[str, Any], arrays: dict[str, Arrays]) -> None:
    """Put JSON documents and files of arrays (safetensors) into the place of a directory, in one step.

    Raises `CheckpointError` where the disk is full or may not be written; what was there before is then kept.
    """
    files = {f"{name}.json": to_json(content) for name, content in documents.items()}
    files |= {f"{name}.safetensors": arrays_to_bytes(_contiguous(content)) for name, content in arrays.items()}
    manifest = {
        "format": format_name,
        "version": format_version,
        "files": {n: {"bytes": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in sorted(files.items())},
    }
    files[manifest_name] = to_json(manifest)
    temporary = path.with_name(f"{path.name}.new-{os.getpid()}")
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


def to_json(content: Any) -> bytes:
    """JSON as UTF-8; floats are written so that they are read back to the bit."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


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
    old = path.with_name(f"{path.name}.old")
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
    new.rename(path)
    _flush_directory(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def settle(path: Path) -> Path:
    """The directory itself, brought back from its old name where a kill hit between the two renames."""
    old = path.with_name(f"{path.name}.old")
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
    try:
        manifest = json.loads((settle(path) / manifest_name).read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"{path} holds nothing that maplet saved: {manifest_name} is missing") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path / manifest_name} cannot be read: {error}") from error
    files = _listed_files(path, manifest)
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


def _listed_files(path: Path, manifest: Any) -> dict[str, Any]:
    if not isinstance(manifest, dict) or manifest.get("format") != format_name:  # pyright: ignore[reportUnknownMemberType]
        raise CheckpointError(f"{path / manifest_name} was not written by maplet")
    version: Any = manifest.get("version")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if version != format_version:
        raise CheckpointError(
            f"{path} has format version {version}, this maplet reads version {format_version}",
            fix="use the maplet that wrote it (config.json names its version), or train again",
        )
    files: Any = manifest.get("files")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(files, dict) or not all(Path(str(name)).name == name for name in files):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        raise CheckpointError(f"{path / manifest_name} is malformed: it lists no plain file names")
    return files  # pyright: ignore[reportUnknownVariableType]


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
