"""A file that is written as a whole or not at all, and is none of what was read."""

from __future__ import annotations

import secrets
import shutil
import stat
from typing import TYPE_CHECKING

from maplet.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def require_output(path: Path, read: Iterable[Path] = ()) -> None:
    """Refuse, before anything is computed, a place that cannot be written to, or that must not be.

    Parameters
    ----------
    path
        Where something is to be written. A regular file gives way to it; a pipe or a terminal takes it.
    read
        What the command reads.

    Raises
    ------
    DataError
        If it is a directory, a disk or a socket, lies in no directory, or is one of what is read, by whatever name it
        goes.
    """
    another = f"name another file, such as {path.stem}-new{path.suffix}"
    try:
        target = path.resolve()
        if not path.exists():
            if not target.parent.is_dir():
                raise DataError(f"cannot write {path}: there is no directory {target.parent}", fix="name another place")
            return
        mode = path.stat().st_mode
        is_read = any(path.samefile(one) for one in read if one.exists())
    except (OSError, ValueError, RuntimeError) as error:  # a circle of links, or NUL in a name, is no OSError
        if isinstance(error, DataError):
            raise
        raise _unwritable(path, error) from error
    if is_read:
        raise DataError(f"cannot write {path}: what is read stands there", fix=another)
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)):
        what = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise DataError(f"cannot write {path}: it is {what}", fix="name a file")


def write_output(path: Path, text: str) -> None:
    """Write a file in one step; a link goes on pointing to its file, and a pipe is written into.

    Parameters
    ----------
    path
        The file.
    text
        What stands in it; characters that UTF-8 does not have are written as escapes.

    Raises
    ------
    DataError
        If it cannot be written; what was there before then still is.
    """
    require_output(path)
    content = text.encode(errors="backslashreplace")
    try:
        target = path.resolve()
        if path.exists() and not path.is_file():  # such as /dev/stdout, which must not be replaced by a file
            path.write_bytes(content)
            return
        temporary = target.with_name(f".maplet-{secrets.token_hex(8)}")  # the name of no file of the user's
        try:
            with temporary.open("xb") as file:
                file.write(content)
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: Exception) -> DataError:
    """By what the system says: a name too long, a character NUL, a circle of links, a full disk."""
    reason = getattr(error, "strerror", None) or error
    return DataError(f"cannot write {path}: {reason}", fix="name another file")
