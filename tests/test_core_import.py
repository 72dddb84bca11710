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
    """Less than 200 ms, of which NumPy takes 60 to 100: in processor time and in turns, as machines are shared."""

    def cost(program):
        return float(run(f"import time\n{program}\nprint(time.process_time())"))

    run("import maplet")  # writes the byte code
    rounds = [(cost("import numpy"), cost("import maplet")) for _ in range(7)]
    assert min(ours for _, ours in rounds) - min(numpy for numpy, _ in rounds) < 0.1


def test_the_public_names_are_listed_and_there():
    import maplet as mp

    for name in mp.__all__:
        assert getattr(mp, name) is not None or name == "newaxis"
    assert set(mp.__all__) <= set(dir(mp))
    with pytest.raises(AttributeError, match="no attribute 'sinus'"):
        mp.sinus  # noqa: B018  (the access itself is tested)
