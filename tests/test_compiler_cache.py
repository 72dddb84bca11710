"""Machine code kept on disk: found again, never trusted blindly, and never in the way."""

import errno
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from maplet.compiler import cache
from maplet.compiler.cache import Cache, default_directory, key_of

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes and owners of files")
somebody = 12345


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "below" / "cache"


@pytest.fixture
def root():
    if not hasattr(os, "geteuid") or os.geteuid():
        pytest.skip("only root gives files away")


@pytest.fixture
def ordinary():
    """A directory of a user who is not root, as whom the test then runs."""
    if os.name == "nt":
        pytest.skip("Windows has no modes of files")
    path = Path(tempfile.mkdtemp())  # tmp_path lies below directories that are root's alone
    before = os.geteuid()
    if before == 0:
        os.chown(path, somebody, -1)
        os.seteuid(somebody)
    yield path
    os.seteuid(before)
    subprocess.run(["chmod", "-R", "u+rwx", path], check=True)
    subprocess.run(["rm", "-r", path], check=True)


def file_of(folder):
    (found,) = folder.iterdir()
    return found


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_depends_on_kernel_target_and_compiler(monkeypatch):
    key = key_of("kernel", "avx2")
    assert key == key_of("kernel", "avx2")
    others = [key_of("kernel ", "avx2"), key_of("kernel", "avx512"), key_of("kernela", "vx2")]
    monkeypatch.setattr(cache, "_sources", lambda: b"another compiler")
    others.append(key_of("kernel", "avx2"))
    assert len({key, *others}) == 5


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Sources of a compiler that a test may change."""
    for name in ("compiler/llvm.py", "ops/portable.py", "compiler/notes.txt", "nn/layers.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("1")
        os.utime(path, (0, 0))
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "compiler" / "cache.py"))
    return tmp_path / "compiler" / "llvm.py"


def test_the_hash_of_the_sources_is_that_of_their_content(compiler):
    fresh = cache._sources.__wrapped__
    before = fresh()
    assert before == fresh()
    for name, counts in (
        ("notes.txt", False),
        ("../nn/layers.py", False),
        ("llvm.py", True),
        ("../ops/portable.py", True),
    ):
        path = compiler.parent / name
        path.write_text("2")
        os.utime(path, (9, 9))
        assert (fresh() != before) is counts, name
        path.write_text("1")
        os.utime(path, (9, 9))
        assert fresh() == before, name


def test_what_runs_from_sources_that_were_edited_since_shares_nothing(compiler):
    os.utime(compiler, (cache._loaded_at + 1e-3,) * 2)
    while time.time() < cache._loaded_at + 2e-3:
        pass
    assert cache._sources.__wrapped__() != cache._sources.__wrapped__()
    os.utime(compiler, (time.time() + 1e6,) * 2)  # a wrong clock is no edit
    assert cache._sources.__wrapped__() == cache._sources.__wrapped__()


def test_a_compiler_whose_sources_cannot_be_read_shares_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "maplet.zip" / "cache.py"))
    assert cache._sources.__wrapped__() != cache._sources.__wrapped__()


# ── where ────────────────────────────────────────────────────────────────────────────────────────


@posix
def test_the_directory_is_the_one_asked_for_or_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    xdg = str(tmp_path / "xdg")
    assert default_directory({}) == tmp_path / ".cache" / "maplet"
    assert default_directory({"XDG_CACHE_HOME": xdg}) == tmp_path / "xdg" / "maplet"
    assert default_directory({"XDG_CACHE_HOME": "relative"}) == tmp_path / ".cache" / "maplet"
    assert default_directory({"XDG_CACHE_HOME": ""}) == tmp_path / ".cache" / "maplet"
    assert default_directory({"XDG_CACHE_HOME": xdg, "MAPLET_CACHE": "~/mine"}) == tmp_path / "mine"
    assert default_directory({"MAPLET_CACHE": "here"}) == tmp_path / "here"
    assert default_directory({"MAPLET_CACHE": ""}) is None
    monkeypatch.setenv("MAPLET_CACHE", xdg)
    assert default_directory() == Path(xdg)


def test_without_a_home_there_is_no_directory(monkeypatch):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert default_directory({}) is None


def test_on_windows_it_lies_with_the_local_data_of_programs(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_windows", True)
    given = {"LOCALAPPDATA": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    assert default_directory(given) == tmp_path / "maplet"


# ── put and get ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("windows", [False, True])
def test_what_was_put_is_found_by_the_next_process(folder, windows, monkeypatch):
    if windows:
        monkeypatch.setattr(cache, "_windows", windows)  # no descriptors of directories there
    elif os.name == "nt":
        pytest.skip("Windows has no descriptors of directories")
    one = Cache(folder)
    assert one.get("a") is None
    assert not folder.exists(), "reading makes no directory"
    for content in (b"code", b"", bytes(range(256)) * 1000, b"other code"):
        one.put("a", content)
        assert one.get("a") == Cache(folder).get("a") == content
    one.put("../b", b"elsewhere?")
    assert Cache(folder).get("../b") == b"elsewhere?"
    assert Cache(folder).get("c") is None
    assert len(list(folder.iterdir())) == 2
    assert [p.name for p in folder.parent.iterdir()] == ["cache"]


@posix
def test_directory_and_files_are_closed_to_others(folder):
    before = os.umask(0)
    try:
        Cache(folder).put("a", b"code")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file_of(folder).stat().st_mode & 0o777 == 0o600


def test_without_a_directory_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    one = Cache(None)
    one.put("a", b"code")
    assert one.get("a") is None
    assert not list(tmp_path.iterdir())


def test_it_does_not_follow_the_process_to_another_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    one = Cache(Path("cache"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    one.put("a", b"code")
    assert Cache(tmp_path / "cache").get("a") == b"code"


# ── damage ───────────────────────────────────────────────────────────────────────────────────────


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


damages = {
    "a bit of the format": lambda path: flip(path, 3),
    "a bit of the checksum": lambda path: flip(path, 30),
    "a bit of the content": lambda path: flip(path, -1),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "made longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("damage", damages.values(), ids=damages)
def test_a_damaged_file_is_removed_and_counts_as_missing(folder, damage, caplog):
    one = Cache(folder)
    one.put("a", b"code" * 100)
    damage(file_of(folder))
    assert one.get("a") is None
    assert not list(folder.iterdir())
    one.put("a", b"code again")
    assert one.get("a") == b"code again"
    assert not warnings(caplog)


def test_the_file_of_another_key_is_damaged(folder):
    one = Cache(folder)
    one.put("a", b"code of a")
    stolen = file_of(folder).read_bytes()
    one.put("b", b"code of b")
    for path in folder.iterdir():
        path.write_bytes(stolen)
    assert one.get("a") == b"code of a"
    assert one.get("b") is None


def test_too_many_open_files_are_no_damage(folder, monkeypatch):
    one = Cache(folder)
    one.put("a", b"code")

    def fail(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(cache._Folder, "open", fail)
        assert one.get("a") is None
    assert one.get("a") == b"code"


# ── trust ────────────────────────────────────────────────────────────────────────────────────────


def refuses(folder, caplog, reason):
    """Nothing is read from a directory nor written to it, and one warning says why."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    one = Cache(folder)
    assert one.get("a") is None
    one.put("a", b"new")
    one.put("b", b"new")
    assert one.get("a") is None
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    (said,) = warnings(caplog)
    assert str(folder) in said
    assert reason in said


@posix
@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702, 0o710, 0o1777])
def test_a_directory_open_to_others_is_not_used(folder, mode, caplog):
    Cache(folder).put("a", b"code")
    folder.chmod(mode)
    refuses(folder, caplog, f"has mode {mode:04o}")


@pytest.mark.usefixtures("root")
def test_a_directory_of_somebody_else_is_not_used(folder, caplog):
    Cache(folder).put("a", b"code")
    os.chown(folder, somebody, -1)
    refuses(folder, caplog, f"belongs to user {somebody}")


@posix
def test_a_linked_directory_is_not_used(folder, caplog):
    Cache(folder).put("a", b"code")
    link = folder.with_name("link")
    link.symlink_to(folder)
    refuses(link, caplog, "symbolic link")


@posix
def test_a_directory_is_judged_each_time(folder, caplog):
    one = Cache(folder)
    one.put("a", b"code")
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(folder.with_name("moved"))
    assert one.get("a") is None
    assert len(warnings(caplog)) == 1


@posix
def test_a_directory_that_is_swapped_while_it_is_open_is_not_read(folder, monkeypatch):
    Cache(folder).put("a", b"code")
    content = file_of(folder).read_bytes()
    name = file_of(folder).name
    real = cache._Folder.open

    def swapped(self, *arguments):
        folder.rename(folder.with_name("moved"))
        folder.mkdir(0o777)
        (folder / name).write_bytes(content.replace(b"code", b"evil"))
        return real(self, *arguments)

    monkeypatch.setattr(cache._Folder, "open", swapped)
    assert Cache(folder).get("a") == b"code"


@pytest.mark.usefixtures("root")
def test_a_file_of_somebody_else_is_not_used(folder):
    Cache(folder).put("a", b"code")
    os.chown(file_of(folder), somebody, -1)
    assert Cache(folder).get("a") is None
    assert not list(folder.iterdir())


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_used(folder, mode):
    Cache(folder).put("a", b"code")
    file_of(folder).chmod(mode)
    assert Cache(folder).get("a") is None
    assert not list(folder.iterdir())


@posix
def test_a_link_is_removed_and_not_followed(folder, tmp_path):
    one = Cache(folder)
    one.put("a", b"code")
    path, elsewhere = file_of(folder), tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert one.get("a") is None
    assert not list(folder.iterdir())
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    one.put("a", b"written")
    assert one.get("a") == b"written"
    assert not path.is_symlink()
    assert elsewhere.read_bytes() == before


@posix
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_plain_file_is_not_read_and_waited_for(folder, make):
    one = Cache(folder)
    one.put("a", b"code")
    path = file_of(folder)
    path.unlink()
    make(path)
    assert one.get("a") is None


# ── disks that do not do ─────────────────────────────────────────────────────────────────────────


def gives_up(one, caplog):
    """It goes on without keeping anything, and says so once."""
    for key in "abc":
        one.put(key, b"code" * 10_000)
        assert one.get(key) is None
    (said,) = warnings(caplog)
    assert "is not kept" in said
    return said


def test_a_directory_that_may_not_be_written_is_read(ordinary, caplog):
    folder = ordinary / "cache"
    Cache(folder).put("kept", b"code")
    os.utime(file_of(folder), (0, 0))
    folder.chmod(0o500)
    one = Cache(folder)
    assert "Permission denied" in gives_up(one, caplog)
    assert one.get("kept") == b"code"


def test_a_directory_that_may_not_be_made(ordinary, caplog):
    ordinary.chmod(0o500)
    assert "Permission denied" in gives_up(Cache(ordinary / "cache"), caplog)


def test_a_file_in_the_way_of_the_directory(tmp_path, caplog):
    (tmp_path / "file").write_text("text")
    gives_up(Cache(tmp_path / "file" / "cache"), caplog)
    caplog.clear()
    gives_up(Cache(tmp_path / "file"), caplog)


full_disk = """
import logging, resource, sys
from pathlib import Path
from maplet.compiler.cache import Cache
logging.basicConfig(format="%(message)s")
folder = Path(sys.argv[1])
one = Cache(folder)
one.put("small", b"code")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
one.put("large", b"code" * 10_000)
one.put("later", b"code")
print(one.get("small"), one.get("large"), one.get("later"), len(list(folder.iterdir())))
"""


def run(script, *arguments, check=True):
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], check=check, capture_output=True, text=True, timeout=60
    )


@posix
def test_a_full_disk_leaves_nothing_behind_and_is_tried_no_more(folder):
    ended = run(full_disk, folder)
    assert ended.stdout.split() == ["b'code'", "None", "None", "1"]
    assert ended.stderr.count("is not kept") == 1


# ── several processes ────────────────────────────────────────────────────────────────────────────

writer = """
import sys
from pathlib import Path
from maplet.compiler.cache import Cache
one = Cache(Path(sys.argv[1]))
for round in range(60):
    for key in "abc":
        content = key.encode() * (100_000 + ord(key))
        found = one.get(key)
        assert found == content or (found is None and round == 0), (round, key)
        one.put(key, content)
"""


def test_processes_write_and_read_at_the_same_time(folder):
    processes = [
        subprocess.Popen([sys.executable, "-c", writer, folder], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, errors
    assert errors == [""] * 3
    assert len(list(folder.iterdir())) == 3


killed = """
import os, signal, sys
from pathlib import Path
from maplet.compiler import cache
cache._Folder.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
cache.Cache(Path(sys.argv[1])).put("a", b"code")
"""


@posix
def test_what_a_killed_writer_leaves_is_swept_after_an_hour(folder):
    assert run(killed, folder, check=False).returncode == -signal.SIGKILL
    left = file_of(folder)
    assert left.name.endswith(".writing")
    assert Cache(folder).get("a") is None
    Cache(folder).put("b", b"code")
    assert left.exists(), "it may belong to a process that is at it"
    (folder / "notes.writing").write_text("not ours")
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3700,) * 2)
    Cache(folder).put("c", b"code")
    assert not left.exists()
    assert len(list(folder.iterdir())) == 3
    assert (folder / "notes.writing").exists()


def test_an_interrupted_write_leaves_nothing(folder, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache._Folder, "rename", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Cache(folder).put("a", b"code")
    assert not list(folder.iterdir())


def test_on_windows_a_file_that_is_being_read_stays_as_it_is(folder, monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Access is denied")

    monkeypatch.setattr(cache, "_windows", True)
    one = Cache(folder)
    one.put("a", b"code")
    with monkeypatch.context() as patch:
        patch.setattr(cache._Folder, "rename", refuse)
        one.put("a", b"the same code")
    one.put("b", b"code")
    assert one.get("a") == one.get("b") == b"code"
    assert not warnings(caplog)


# ── size ─────────────────────────────────────────────────────────────────────────────────────────


def test_above_the_limit_the_least_recently_used_go(folder):
    keys = "abcdefgh"
    one = Cache(folder, limit=10_000)
    for key in keys:
        one.put(key, b"x" * 2000)
        os.utime(folder / cache._name(key), (1000.0 + ord(key),) * 2)
    assert all(one.get(key) for key in "cb")  # used: they are young again
    (folder / "stranger").write_bytes(b"x" * 20_000)
    assert len(list(folder.iterdir())) == 9, "it is checked once per process"
    Cache(folder, limit=10_000).put("new", b"x" * 2000)
    assert {key for key in (*keys, "new") if Cache(folder).get(key)} == {"b", "c", "h", "new"}
    assert (folder / "stranger").exists()


def test_a_use_is_noted_once_a_day(folder):
    Cache(folder).put("a", b"code")
    path, now = file_of(folder), time.time()
    for age, noted in ((3600, False), (90_000, True)):
        os.utime(path, (now - age,) * 2)
        assert Cache(folder).get("a") == b"code"
        assert (path.stat().st_mtime > now - 60) is noted
