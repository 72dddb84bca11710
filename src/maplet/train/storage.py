"""A directory that is either there as a whole or not at all, and that notices when it was changed.

It is written under a temporary name, flushed to the disk, then renamed; a kill at any moment leaves the old one or the
new one. ``manifest.json`` holds the length and SHA-256 of every file in it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import time
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import numpy as np
from safetensors import deserialize  # pyright: ignore[reportUnknownVariableType]  (it has no type hints)
from safetensors.numpy import save as arrays_to_bytes

from maplet.core.types import as_dtype
from maplet.errors import CheckpointError, SettingError
from maplet.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

format_name, format_version = "maplet", 1
manifest_name = "manifest.json"
restore = "put it back from a copy, or train again"  # how damage is mended

Arrays = dict[str, np.ndarray[Any, Any]]


def as_directory(label: str, given: Any) -> Path:
    """Where a user wants something to be kept, or to be found.

    Raises
    ------
    SettingError
        If it is no path, or one that the file system does not take.
    """
    example = f'such as {label.rpartition(": ")[2]}="runs/mine"'
    if not isinstance(given, str | PathLike) or isinstance(fspath(cast("Any", given)), bytes) or not fspath(given):
        raise SettingError(f"{label}={shown(given)}: expected the path of a directory", fix=f"give a string, {example}")
    path = Path(cast("Any", given))
    try:
        resolved = path.resolve()
        path.exists()
    except (OSError, ValueError, RuntimeError) as error:  # a name too long; a character NUL; a circle of links
        why = getattr(error, "strerror", None) or error
        raise SettingError(
            f"{label}={shown(fspath(path))} is no usable path: {why}", fix=f"choose another, {example}"
        ) from error
    if not resolved.name:
        raise SettingError(
            f"{label}={shown(fspath(path))} is the whole file system", fix=f"name a directory in it, {example}"
        )
    return path


def write_directory(path: Path, documents: dict[str, Any], arrays: dict[str, Arrays]) -> None:
    """Put JSON documents and files of arrays (safetensors) into the place of a directory, in one step.

    Raises `CheckpointError` where the disk is full or may not be written, and where something stands that maplet did
    not write; what was there before is then kept.
    """
    path = path.resolve()  # a link is followed, never replaced
    settle(path)
    require_ours_or_nothing(path, documents)
    files = {f"{name}.json": to_json(content) for name, content in documents.items()}
    files |= {f"{name}.safetensors": arrays_to_bytes(_contiguous(content)) for name, content in arrays.items()}
    manifest = {
        "format": format_name,
        "version": format_version,
        "files": {n: {"bytes": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in sorted(files.items())},
    }
    files[manifest_name] = to_json(manifest)
    temporary = path.with_name(f".{path.name}.writing-{uuid4().hex}")
    try:
        temporary.mkdir(parents=True)
        for name, content in files.items():
            write_flushed(temporary / name, content)
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


def read_file(path: Path) -> bytes:
    """The content of a file; `CheckpointError` where there is none to read.

    A pipe or a device is not read: it could keep its reader waiting for ever.
    """
    if path.exists() and not path.is_file():
        raise CheckpointError(
            f"{path} is no regular file, so it is not read", fix="put a file that maplet wrote in its place"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}", fix=restore) from error


def damaged(path: Path, why: str) -> CheckpointError:
    """The error of a file that is not what maplet wrote."""
    return CheckpointError(f"{path} is damaged: {why}", fix=restore)


def read_json(path: Path) -> dict[str, Any]:
    """A single JSON object; `CheckpointError` where it is missing or anything else."""
    try:
        content = json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"{error}") from error
    if not isinstance(content, dict):
        raise damaged(path, "it holds no JSON object")
    return cast("dict[str, Any]", content)


def write_flushed(path: Path, content: bytes) -> None:
    """Write a file that is on the disk when this returns."""
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
    """Rename; a directory that is there already steps aside first, where a reader finds it until the new one stands."""
    aside = _aside(path)
    if path.exists():
        path.rename(aside)
    new.rename(path)
    _flush_directory(path.parent)
    if aside.exists():
        _discard(aside, path.name)


def _discard(old: Path, name: str) -> None:
    """Remove a directory that a kill may leave half removed: under a name that the next writer sweeps away."""
    doomed = old.with_name(f".{name}.writing-{uuid4().hex}")
    old.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _aside(path: Path) -> Path:
    path = path.resolve()
    return path.with_name(f".{path.name}.replaced")


def is_ours(path: Path) -> bool:
    """Whether a directory is one that `write_directory` wrote, with nothing of anybody else's in it."""
    if path.is_symlink() or not (path / manifest_name).is_file():
        return False
    try:
        listed = {*_listed_files(path, read_json(path / manifest_name)), manifest_name}
    except CheckpointError:
        return False
    return {found.name for found in path.iterdir()} <= listed


def require_ours_or_nothing(path: Path, documents: Iterable[str]) -> None:
    """Nothing is replaced but an empty directory, or what `write_directory` wrote with one of the same documents."""
    if not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir())):
        return
    if is_ours(path) and any((path / f"{name}.json").exists() for name in documents):
        return
    raise CheckpointError(
        f"{path} holds something that maplet did not write there, so it is left alone",
        fix="choose another path, or move what does not belong there away",
    )


def sweep(folder: Path, name: str) -> None:
    """Remove what killed writers of a directory left behind beside it."""
    for found in folder.glob(f".{name}.writing-*"):
        if re.fullmatch(r"[0-9a-f]{32}", found.name.rpartition("-")[2]) and not found.is_symlink():
            shutil.rmtree(found, ignore_errors=True)


def settle(path: Path) -> None:
    """Put right, before writing, what a kill between the two renames left: the old directory comes back."""
    aside = _aside(path)
    if not os.path.lexists(aside):
        return
    if not is_ours(aside):
        raise CheckpointError(f"{aside} is in the way, and maplet did not write it", fix="move it away")
    if path.exists():
        _discard(aside, path.name)
    else:
        aside.rename(path)


def _standing(path: Path) -> Path:
    """Where a directory is to be read: while it is being replaced, the old one stands aside."""
    return path if (path / manifest_name).exists() or not is_ours(_aside(path)) else _aside(path)


def exists(path: Path) -> bool:
    """Whether a directory was written there."""
    return (_standing(path) / manifest_name).exists()


def read_directory(path: Path) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """The documents and arrays of a directory, by name without their ending. Reading changes nothing.

    Raises `CheckpointError` if a file is missing, truncated, changed, or of another version.
    """
    for attempt in range(5):
        try:
            return _read_whole(_standing(path))
        except CheckpointError:
            if attempt == 4:
                raise
            time.sleep(0.01)  # it may have been replaced while it was read: then the next look finds it whole
    raise AssertionError


def arrays_from_bytes(content: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a safetensors file, those in bfloat16 too, of which its reader for NumPy knows nothing."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name, entry in cast("list[tuple[str, dict[str, Any]]]", deserialize(content)):
        dtype = as_dtype(entry["dtype"].lower())  # F32, BF16, I64, U8, BOOL
        found[name] = np.frombuffer(entry["data"] or b"", dtype).reshape(entry["shape"])
    return found


def _read_whole(path: Path) -> tuple[dict[str, Any], dict[str, Arrays]]:
    if not (path / manifest_name).exists():
        raise CheckpointError(
            f"{path} holds nothing that maplet saved: {manifest_name} is missing",
            fix="give a run directory, such as runs/digits, or what mp.save wrote",
        )
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
            raise damaged(path / name, str(error)) from error
    return documents, arrays


def _listed_files(path: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest.get("format") != format_name:
        raise damaged(path / manifest_name, "it was not written by maplet")
    if manifest.get("version") != format_version:
        raise CheckpointError(
            f"{path} has format version {manifest.get('version')}, this maplet reads version {format_version}",
            fix="use the maplet that wrote it (config.json names its version), or train again",
        )
    listed = manifest.get("files")
    files = cast("dict[str, Any]", listed) if isinstance(listed, dict) else {}
    if not files or not all(Path(name).name == name and isinstance(facts, dict) for name, facts in files.items()):
        raise damaged(path / manifest_name, "it lists no plain file names with their lengths")
    return files


def _read_verified(path: Path, facts: dict[str, Any]) -> bytes:
    content = read_file(path)
    if len(content) != facts.get("bytes"):
        raise CheckpointError(
            f"{path} is truncated or changed: {len(content)} bytes instead of {facts.get('bytes')}", fix=restore
        )
    if hashlib.sha256(content).hexdigest() != facts.get("sha256"):
        raise CheckpointError(
            f"{path} was changed after it was written: its SHA-256 does not match the manifest", fix=restore
        )
    return content
