"""Programs as plain numbers: kept on disk, found by the next process, and the same ones that would be compiled."""

import os
import subprocess
import sys

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.compiler import building, cache, native, strips
from maplet.compiler.building import build
from maplet.compiler.cache import Cache
from maplet.compiler.image import from_bytes
from maplet.compiler.program import Program
from maplet.errors import PositionError
from native_laws import assert_equal, graph_for
from random_graphs import RandomGraph


@pytest.fixture
def disk(tmp_path):
    return Cache(tmp_path / "code")


@pytest.fixture
def builds(monkeypatch):
    """How often a graph was compiled."""
    seen = []

    def counted(*args, **kwargs):
        seen.append(args)
        return build(*args, **kwargs)

    monkeypatch.setattr(building, "build", counted)
    return seen


def assert_same(one, other):
    assert (one.layout, one.kernels) == (other.layout, other.kernels)
    np.testing.assert_array_equal(one.words, other.words)
    np.testing.assert_array_equal(one.addresses, other.addresses)
    assert [array.dtype for array in one.constants] == [array.dtype for array in other.constants]
    for first, second in zip(one.constants, other.constants, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("limit", [1, 1 << 21])
@pytest.mark.parametrize("count", [12, pytest.param(40, marks=pytest.mark.slow)])
def test_a_graph_is_always_the_same_program(monkeypatch, limit, count):
    """So what is compiled again, to be looked at, is what was found on disk; and a file holds all of it."""
    monkeypatch.setattr(strips, "worth_it", limit)
    monkeypatch.setattr(strips, "good_part", 1 << 60)
    monkeypatch.setattr(strips, "room", 500)
    for seed in range(count):
        graph = RandomGraph(seed, ("float32", "int64", "float64")[seed % 3]).graph
        image = build(graph, {}, steadfast=False, is_shared=True).image
        assert_same(image, build(graph, {}, steadfast=False, is_shared=True).image)
        assert_same(image, from_bytes(image.to_bytes()))


def step(values):
    x, w, labels = values
    table = mp.asarray(np.arange(5, dtype=np.float32))

    def loss(w):
        return nn.cross_entropy(mp.tanh(x @ w) + mp.take(table, labels, axis=0)[:, None], labels)

    value, gradient = mp.value_and_grad(loss)(w)
    return [value, w - 0.1 * gradient]


def values():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(6, 3)).astype("f4"), rng.normal(size=(3, 5)).astype("f4"), np.array([0, 4, 2, 2, 1, 3])]


def results(program):
    return program.run([value.copy() for value in values()])


def test_the_next_process_finds_the_program(disk, builds):
    first = results(Program(graph_for(step, values()), {1: 1}, disk=disk))
    assert len(builds) == 1
    program = Program(graph_for(step, values()), {1: 1}, disk=disk)
    for one, other in zip(results(program), first, strict=True):
        assert_equal(one, other)
    assert len(builds) == 1
    assert program.block.items
    assert len(builds) == 2


def test_what_else_decides_makes_another_program(disk, builds):
    graph = graph_for(step, values())
    for donated, steadfast in (({}, False), ({1: 1}, False), ({1: 1}, True)):
        Program(graph, donated, steadfast=steadfast, disk=disk)
    assert len(builds) == 3
    Program(graph_for(lambda inputs: [2 * x for x in step(inputs)], values()), disk=disk)
    assert len(builds) == 4


def test_nothing_is_kept_where_there_is_no_disk(builds):
    for _ in range(2):
        Program(graph_for(step, values()), disk=Cache(None))
    assert len(builds) == 2


def test_an_error_names_the_line_although_nothing_was_compiled(disk, builds):
    x, w, labels = values()
    graph = graph_for(step, [x, w, labels])
    Program(graph, disk=disk)
    labels[2] = 7
    with pytest.raises(PositionError, match=r"test_compiler_image\.py:\d+"):
        Program(graph, disk=disk).run([x, w, labels])
    assert len(builds) == 2


def test_kernels_that_are_gone_are_compiled_again(disk, builds, monkeypatch):
    graph = graph_for(step, values())
    first = results(Program(graph, disk=disk))
    other = native.Library(native.library().kind, Cache(None))
    monkeypatch.setattr(native, "library", lambda: other)
    for one, found in zip(results(Program(graph, disk=disk)), first, strict=True):
        assert_equal(one, found)
    assert len(builds) == 2
    assert other.compiled


@pytest.mark.parametrize("damage", [b"", b"{}", bytes(100)], ids=["empty", "short", "zeros"])
def test_a_damaged_file_is_made_anew(disk, builds, damage, monkeypatch):
    asked = []
    monkeypatch.setattr(Cache, "get", lambda self, key, get=Cache.get: asked.append(key) or get(self, key))
    graph = graph_for(step, values())
    first = results(Program(graph, disk=disk))
    (key,) = [key for key in list(dict.fromkeys(asked)) if (Cache.get(disk, key) or b"").startswith(b'{"layout"')]
    (disk.directory / cache._name(key)).write_bytes(damage)
    for _ in range(2):
        for one, other in zip(results(Program(graph, disk=disk)), first, strict=True):
            assert_equal(one, other)
    assert len(builds) == 2


def test_what_python_does_in_a_program_is_not_kept(disk, builds):
    graph = graph_for(lambda inputs: [mp.sort(mp.exp(inputs[0]))], values()[:1])
    for _ in range(2):
        (found,) = Program(graph, disk=disk).run(values()[:1])
        np.testing.assert_allclose(found, np.sort(np.exp(values()[0])), rtol=1e-6)
    assert len(builds) == 2


def test_the_first_step_of_a_second_process_needs_no_compiler(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, numpy as np, maplet as mp\n"
        "from maplet import nn, optim\n"
        "net, optimizer = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), optim.Adam(0.01)\n"
        "@mp.jit\n"
        "def step(net, optimizer, x, y):\n"
        "    loss, gradients = mp.value_and_grad(lambda net: nn.cross_entropy(net(x), y))(net)\n"
        "    optimizer.update(net, gradients)\n"
        "    return loss\n"
        "for _ in range(3): loss = step(net, optimizer, np.ones((5, 3), 'f4'), np.arange(5) % 2)\n"
        "print(loss.item(), 'maplet.compiler.fusion' in sys.modules, 'maplet.compiler.llvm' in sys.modules)\n"
    )
    environment = {**os.environ, "MAPLET_CACHE": str(tmp_path / "cache")}

    def printed():
        done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    first, second = printed(), printed()
    assert first[1:] == ["True", "True"]
    assert second == [first[0], "False", "False"]
