"""What `import maplet` costs."""

import json
import subprocess
import sys

import pytest

heavy = ("llvmlite", "rich", "click", "sklearn", "safetensors", "torch", "pandas", "scipy", "matplotlib")


def run(program):
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_importing_maplet_loads_nothing_heavy():
    out = run("import sys, json, maplet; maplet.grad(maplet.sin)(1.0); print(json.dumps(sorted(sys.modules)))")
    loaded = set(json.loads(out))
    assert "maplet.core.trace" in loaded
    assert not loaded & set(heavy)
    assert not {
        name
        for name in loaded
        if name.startswith(("maplet.nn", "maplet.train", "maplet.data", "maplet.optim", "maplet.cli"))
    }


def test_importing_maplet_is_quick():
    """Less than 200 ms more than Python alone, in processor time, which other programs on the machine hardly change."""

    def cost(program):
        return min(float(run(f"import time\n{program}\nprint(time.process_time())")) for _ in range(5))

    run("import maplet")  # writes the byte code
    assert cost("import maplet") - cost("pass") < 0.2


def test_the_public_names_are_listed_and_there():
    import maplet as mp

    for name in mp.__all__:
        assert getattr(mp, name) is not None or name == "newaxis"
    assert set(mp.__all__) <= set(dir(mp))
    with pytest.raises(AttributeError, match="no attribute 'sinus'"):
        mp.sinus  # noqa: B018  (the access itself is tested)
