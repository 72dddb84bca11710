"""What `import maplet` costs."""

import json
import os
import re
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


def test_importing_maplet_is_quick(tmp_path):
    """Less than 200 ms, NumPy included, once the byte code is written; the best of several, as machines are shared."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def seconds():
        program = "import time\nbegan = time.perf_counter()\nimport maplet\nprint(time.perf_counter() - began)"
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    seconds()  # writes the byte code
    assert min(seconds() for _ in range(7)) < 0.2


def test_the_public_names_are_listed_and_there():
    import maplet as mp

    for name in mp.__all__:
        assert getattr(mp, name) is not None or name == "newaxis"
    assert dir(mp) == sorted(mp.__all__)
    assert dir(mp.random) == sorted(mp.random.__all__, key=mp.random.__all__.index)
    with pytest.raises(AttributeError, match="no attribute 'sinus'"):
        mp.sinus  # noqa: B018  (the access itself is tested)


def owners():
    import maplet as mp
    from maplet import nn, optim
    from maplet.core import advice

    return [
        (mp.ones((2, 2)), advice.for_arrays),
        (mp, advice.for_maplet),
        (nn.Linear(2, 1), advice.for_modules),
        (optim.Adam(), advice.for_optimizers),
        (nn, advice.for_nn),
        (optim, advice.for_optim),
    ]


def test_names_of_other_libraries_are_not_there_and_teach():
    """Each is missing, says the way, and what the way names is there."""
    import maplet as mp

    array, _, net, optimizer, _, optim = (owner for owner, _ in owners())
    known = {"mp": mp, "a": array, "net": net, "optimizer": optimizer, "optim": optim, "nn": mp.nn}
    checked = set()
    for owner, table in owners():
        for name, way in table.items():
            assert not hasattr(owner, name), name
            with pytest.raises(AttributeError, match=rf"no attribute '{name}'\n  fix: {re.escape(way)}"):
                getattr(owner, name)
            for where, what in re.findall(r"\b(mp|a|net|optimizer|optim|nn)\.(\w+)", way):
                assert hasattr(known[where], what), f"{name}: {way}"
                checked.add((where, what))
        with pytest.raises(AttributeError, match="no attribute 'nonsense'") as caught:
            owner.nonsense  # noqa: B018  (the access itself is tested)
        assert "fix" not in str(caught.value)
    assert len(checked) > 40


def test_an_error_in_a_property_stays_what_it_was():
    from maplet import nn

    class Net(nn.Module):
        @property
        def width(self):
            return self.missing_weight

    with pytest.raises(AttributeError, match="missing_weight"):
        Net().width  # noqa: B018  (the access itself is tested)
