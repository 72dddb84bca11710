"""What `import maplet` costs."""

import json
import statistics
import subprocess
import sys
import time

import pytest

heavy = ("llvmlite", "rich", "click", "sklearn", "safetensors", "torch", "pandas", "scipy", "matplotlib")


def run(program):
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def test_importing_maplet_loads_nothing_heavy():
    _, out = run("import sys, json, maplet; maplet.grad(maplet.sin)(1.0); print(json.dumps(sorted(sys.modules)))")
    loaded = set(json.loads(out))
    assert "maplet.core.trace" in loaded
    assert not loaded & set(heavy)
    assert not {name for name in loaded if name.startswith(("maplet.nn", "maplet.train", "maplet.data", "maplet.optim", "maplet.cli"))}


def test_importing_maplet_is_quick():
    """Less than 200 ms more than Python alone. Pairs are timed in turn, so that a busy machine slows both alike."""
    run("import maplet")  # writes the byte code
    for _ in range(4):  # a busy machine gets another chance; a slow import fails each time
        extra = [run("import maplet")[0] - run("pass")[0] for _ in range(5)]
        if statistics.median(extra) < 0.2:
            return
    pytest.fail(f"import maplet takes {statistics.median(extra) * 1000:.0f} ms more than Python alone")


def test_the_public_names_are_listed_and_there():
    import maplet as mp

    for name in mp.__all__:
        assert getattr(mp, name) is not None or name == "newaxis"
    assert set(mp.__all__) <= set(dir(mp))
    with pytest.raises(AttributeError, match="no attribute 'sinus'"):
        mp.sinus  # noqa: B018
