"""What every test shares."""

import gc
import os
from pathlib import Path

import pytest

from maplet.compiler import native, threads
from maplet.compiler.cache import Cache
from maplet.core import check
from maplet.ops.random import seed


def pytest_configure():
    """PyTorch, which reads this when it is first imported, computes in one thread.

    Its arrays are small here, and threads that wait for each other on a busy machine take forty times as long.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish():
    """Twenty thousand tests are here to stay: whoever looks for garbage need not look through them every time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Machine code is kept for the session, also for the programs that tests start, and not in the user's cache."""
    os.environ.setdefault("MAPLET_CACHE", str(tmp_path_factory.mktemp("machine-code")))


@pytest.fixture(autouse=True, scope="session")
def _check_every_graph():
    """Every trace and every transform checks the graph that it made."""
    check.checking = True
    yield
    check.checking = False


@pytest.fixture
def shared():
    """Where a real data set lies beside the repository; a test that asks for one that is not there skips, saying so."""

    def find(name):
        path = Path(__file__).parents[1].parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"needs the data set ../shared/data/{name}, which is not here")
        return path

    return find


@pytest.fixture
def same_weights():
    """Layers draw the same weights whatever ran before."""
    seed(0)


@pytest.fixture
def any_threads():
    """Sets the number of threads; afterwards it is as before."""
    before = threads.current.number
    yield threads.set_threads
    threads.current.number = before


@pytest.fixture
def nothing_on_disk(monkeypatch):
    """A program that is found on disk would be the one of another test, or of another setting."""
    monkeypatch.setattr(native.library(), "disk", Cache(None))
