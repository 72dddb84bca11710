"""Machine code kept on disk between processes: one file per key, in a directory that is the user's alone.

What is read from here is executed. So the directory must belong to the user and be closed to all others (mode 0700),
a file must be a plain file of the user's that nobody else may write, and its checksum must be right. Directory and
files are opened first and judged by their open descriptors: what is judged is what is used, even if somebody moves
things meanwhile. (On Windows the user's profile is what keeps others out.)

Several processes may read and write at once. A file is written under a temporary name and renamed, so that it is there
as a whole or not at all. A disk that is full or may not be written is no error: the code is compiled again next time.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping


_magic = b"maplet machine code 1\n"  # then the SHA-256 of name and content, then the content
_file_name = re.compile(r"[0-9a-f]{64}\.code")
_temporary_name = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{16}\.writing")
_abandoned_after = 3600.0  # seconds; no write takes an hour
_touched_every = 86400.0  # seconds; that a file is in use is noted once a day
_only_files = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_no_own_file = {errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EACCES}  # a link, a socket, what may not be read
_windows = os.name == "nt"
_loaded_at = time.time()


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def key_of(kernel_text: str, target_text: str) -> str:
    """The key of a kernel's machine code.

    Parameters
    ----------
    kernel_text
        The kernel in its canonical form.
    target_text
        What else decides on the code: processor, its features, the versions of maplet, llvmlite and LLVM.
    """
    parts = [_sources(), kernel_text.encode(), target_text.encode()]
    return hashlib.sha256(b"".join(b"%d\n%b" % (len(part), part) for part in parts)).hexdigest()


@cache
def _sources() -> bytes:
    """A hash of the sources that decide what a graph becomes: others make other code."""
    whole, now = hashlib.sha256(), time.time()
    paths: list[str] = []
    for room in ("compiler", "control", "core", "ops", "transforms"):
        with contextlib.suppress(OSError), os.scandir(Path(__file__).parents[1] / room) as entries:
            paths += sorted(entry.path for entry in entries if entry.name.endswith(".py"))
    if not paths:  # maplet lies in an archive: who knows which
        whole.update(os.urandom(32))
    for path in paths:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (every start waits for it)
            content = file.read()
            changed = os.fstat(file.fileno()).st_mtime
        whole.update(b"%d\n%b" % (len(content), content))
        if _loaded_at < changed <= now:  # edited since: this process runs what no file holds any more
            whole.update(os.urandom(32))
    return whole.digest()


def default_directory(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where machine code is kept: ``$MAPLET_CACHE``, or ``maplet`` in the user's directory for such files.

    None if ``MAPLET_CACHE`` is empty, or if the user has no such directory.
    """
    chosen = environment.get("MAPLET_CACHE")
    given = Path(environment.get("LOCALAPPDATA" if _windows else "XDG_CACHE_HOME", ""))
    with contextlib.suppress(RuntimeError):  # the user has no home
        if chosen is not None:
            return Path(chosen).expanduser().absolute() if chosen else None
        return (given if given.is_absolute() else Path.home() / ".cache") / "maplet"  # XDG: a relative path is ignored
    return None


# ── the directory ────────────────────────────────────────────────────────────────────────────────


class _UntrustedError(Exception):
    """A directory that others may change."""


class _Folder:
    """An open directory that is the user's alone. Files are named relative to it, wherever it is moved to.

    Raises `_UntrustedError` if it is not, `FileNotFoundError` if there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle: int | None = None
        if _windows:  # no directory can be opened there
            if not path.is_dir():
                raise FileNotFoundError(path)
            return
        try:
            self.handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:  # which error a link makes depends on the system
            if path.is_symlink():
                raise _UntrustedError("it is a symbolic link; name the directory itself in MAPLET_CACHE") from error
            raise
        status = os.fstat(self.handle)
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid != os.geteuid() or mode & 0o077:
            self.close()
            owner = "you" if status.st_uid == os.geteuid() else f"user {status.st_uid}"
            raise _UntrustedError(f"it belongs to {owner} and has mode {mode:04o}; it must be yours alone (chmod 700)")

    def close(self) -> None:
        """Let go of it."""
        if self.handle is not None:
            os.close(self.handle)

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a file in it, never of what a link points to."""
        return os.open(self._place(name), flags | _only_files, 0o600, dir_fd=self.handle)

    def rename(self, old: str, new: str) -> None:
        """Put a file into the place of another, in one step."""
        os.replace(self._place(old), self._place(new), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there and can be removed."""
        with contextlib.suppress(OSError):
            os.unlink(self._place(name), dir_fd=self.handle)

    def touch(self, name: str, handle: int) -> None:
        """Note that a file, which is open, was used now, if the disk may be written."""
        with contextlib.suppress(OSError):
            os.utime(handle if os.utime in os.supports_fd else self._place(name))

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Name and status of everything in it."""
        with os.scandir(self.path if self.handle is None else self.handle) as entries:
            for entry in list(entries):
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # gone meanwhile
                    continue
                yield entry.name, status

    def _place(self, name: str) -> str:
        return str(self.path / name) if self.handle is None else name


def _warn(message: str, *details: object) -> None:
    import logging  # noqa: PLC0415  (every start would wait for it)

    logging.getLogger("maplet").warning(message, *details)


# ── the cache ────────────────────────────────────────────────────────────────────────────────────


class Cache:
    """Bytes by key, on disk. Without a directory it keeps nothing.

    Parameters
    ----------
    directory
        Where the files lie; made when the first is written.
    limit
        Bytes above which the least recently used files go.
    """

    def __init__(self, directory: Path | None, limit: int = 512 * 2**20) -> None:
        self.directory = directory.absolute() if directory else None
        self.limit = limit
        self._writes = True
        self._tidied = False

    def get(self, key: str) -> bytes | None:
        """What was put under this key; None if nothing was, or if it is damaged, which removes it."""
        try:
            with self._opened() as folder:
                return None if folder is None else _read(folder, _name(key))
        except OSError:
            return None

    def put(self, key: str, content: bytes) -> None:
        """Keep bytes under a key; another process may do the same at the same time."""
        if not self._writes:
            return
        try:
            self._make()
            with self._opened() as folder:
                if folder is None:
                    return
                if not self._tidied:
                    self._tidied = True
                    _tidy(folder, self.limit)
                _write(folder, _name(key), content)
        except OSError as error:
            self._writes = False
            _warn(
                "machine code is not kept in %s: %s (MAPLET_CACHE names another directory, or none if empty)",
                self.directory,
                error.strerror or error,
            )

    def _make(self) -> None:
        if self.directory is not None and not os.path.lexists(self.directory):
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another process was faster
                self.directory.mkdir(0o700)

    @contextlib.contextmanager
    def _opened(self) -> Generator[_Folder | None, None, None]:
        """The directory, opened and judged anew; None where there is none to be used."""
        directory = self.directory
        if directory is None:
            yield None
            return
        try:
            folder = _Folder(directory)
        except _UntrustedError as reason:
            self.directory = None
            _warn("machine code is neither read from %s nor kept there: %s", directory, reason)
            yield None
            return
        try:
            yield folder
        finally:
            folder.close()


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def _name(key: str) -> str:
    return f"{hashlib.sha256(key.encode()).hexdigest()}.code"


def _header(name: str, content: bytes) -> bytes:
    """What stands before the content. The name is part of the checksum: a file that was renamed is damaged."""
    return _magic + hashlib.sha256(name.encode() + content).digest()


def _read(folder: _Folder, name: str) -> bytes | None:
    """The content of a file; one that is damaged, or that somebody else could have written, is removed."""
    try:
        handle = folder.open(name, os.O_RDONLY)
    except OSError as error:
        if error.errno in _no_own_file:
            folder.remove(name)
        return None
    try:
        status = os.fstat(handle)
        content = _content(name, _bytes_of(handle)) if _is_own_file(status) else None
        if content is not None and time.time() - status.st_mtime > _touched_every:
            folder.touch(name, handle)
    finally:
        os.close(handle)
    if content is None:
        folder.remove(name)
    return content


def _is_own_file(status: os.stat_result) -> bool:
    if _windows:
        return stat.S_ISREG(status.st_mode)
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _bytes_of(handle: int) -> bytes:
    with open(handle, "rb", closefd=False) as file:
        return file.read()


def _content(name: str, whole: bytes) -> bytes | None:
    """What stands behind the header; None if the checksum is wrong."""
    length = len(_magic) + hashlib.sha256().digest_size
    content = whole[length:]
    return content if whole[:length] == _header(name, content) else None


def _write(folder: _Folder, name: str, content: bytes) -> None:
    """Write a file in one step: whoever reads finds the old one or the new one."""
    temporary = f"{name.removesuffix('.code')}.{os.urandom(8).hex()}.writing"
    try:
        handle = folder.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(handle, "wb") as file:  # noqa: PTH123  (it is open already)
            file.write(_header(name, content) + content)
        folder.rename(temporary, name)
    except BaseException as error:
        folder.remove(temporary)
        if not (_windows and isinstance(error, PermissionError)):  # there, it is because somebody reads the old one
            raise


def _tidy(folder: _Folder, limit: int) -> None:
    """Remove what killed writers left, and above the limit the files used longest ago, until a quarter is free."""
    kept: list[tuple[float, int, str]] = []
    for name, status in folder.files():
        if _temporary_name.fullmatch(name) and time.time() - status.st_mtime > _abandoned_after:
            folder.remove(name)
        elif _file_name.fullmatch(name):
            kept.append((status.st_mtime, status.st_size, name))
    total = sum(size for _, size, _ in kept)
    if total <= limit:
        return
    for _, size, name in sorted(kept):
        if total <= limit * 3 // 4:
            break
        folder.remove(name)
        total -= size
