"""Small kernels that become one, without loops: the same bits."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.compiler import straight, table
from maplet.compiler.program import Program
from maplet.errors import PositionError
from native_laws import assert_equal, checked, graph_for
from random_graphs import RandomGraph

pytestmark = pytest.mark.usefixtures("nothing_on_disk")


@pytest.fixture
def everywhere(monkeypatch):
    """All kernels that run one after another are one, in loops or not."""

    def begin():
        monkeypatch.setattr(table, "small_work", 1 << 40)
        monkeypatch.setattr(table, "many_rounds", 0)
        begins = table.Table.__init__

        def init(self, *args):
            begins(self, *args)
            self.joins = True

        monkeypatch.setattr(table.Table, "__init__", init)

    return begin


@pytest.mark.parametrize("sources", [0, 4])
@pytest.mark.parametrize("count", [15, pytest.param(60, marks=pytest.mark.slow)])
def test_random_graphs(everywhere, monkeypatch, sources, count):
    made = [RandomGraph(seed, dtype=["float32", "float64", "int32"][seed % 3]) for seed in range(count)]
    rng = np.random.default_rng(0)
    cases = []
    for random in made:
        values = [rng.normal(size=x.shape).astype(x.dtype) if x.dtype.kind == "f" else x for x in random.values]
        cases.append((random.graph, values, Program(random.graph)))
    monkeypatch.setattr(straight, "most_sources", sources)
    everywhere()
    fewer = 0
    for number, (graph, values, plain) in enumerate(cases):
        program = Program(graph)
        fewer += len(program.instructions.calls) < len(plain.instructions.calls)
        found, expected = (one.run([x.copy() for x in values]) for one in (program, plain))
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other, number)
    assert fewer > count / 3


def trained(optimizer, activation):
    """Losses and weights after 40 steps as one loop, and what the program is."""
    mp.seed(0)
    net = nn.Sequential(nn.Linear(3, 5), activation(), nn.Linear(5, 2))
    optimizer.init(net)

    @mp.jit
    def steps(net, optimizer, x, y):
        def one(carry, batch):
            loss, gradients = mp.value_and_grad(lambda net: nn.cross_entropy(net(batch[0]), batch[1]))(net)
            optimizer.update(net, gradients)
            return carry, loss

        return mp.scan(one, None, (x, y))[1]

    rng = np.random.default_rng(0)
    losses = steps(net, optimizer, rng.normal(size=(40, 6, 3)).astype("f4"), mp.asarray(rng.integers(0, 2, (40, 6))))
    (made,) = steps.programs.values()
    return [np.asarray(losses), *map(np.asarray, net.state().values())], made.program


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
@pytest.mark.parametrize("make", [lambda: optim.SGD(0.1, momentum=0.9), lambda: optim.Adam(0.01)])
def test_a_tiny_net_trains_in_one_kernel(monkeypatch, make, activation):
    found, program = trained(make(), activation)
    assert len({called.row for called in program.instructions.calls}) <= 3
    monkeypatch.setattr(table, "many_rounds", 1 << 40)
    expected, plain = trained(make(), activation)
    assert len(plain.instructions.calls) > 15
    for one, other in zip(found, expected, strict=True):
        assert_equal(one, other)


def test_what_is_large_or_not_repeated_stays_as_it_is():
    def f(x, rounds):
        return mp.scan(lambda h, _: (mp.sum(mp.tanh(h @ x), axis=0) + h, None), x, None, length=rounds)[0]

    counts = {}
    for size, rounds in ((3, 100), (3, 5), (100, 100)):
        x = np.ones((size, size), "f4")
        graph = graph_for(lambda arrays, rounds=rounds: [f(arrays[0], rounds)], [x])
        counts[size, rounds] = len(checked(Program(graph)).instructions.calls)
    assert counts[3, 100] < counts[3, 5] <= counts[100, 100]


def test_an_error_is_reported():
    def f(x, places):
        return mp.scan(lambda total, at: (total + mp.take(x, at, axis=0), total), x[0] * 0, places)

    x, places = mp.asarray(np.ones((4, 3), "f4")), np.zeros(50, np.int64)
    g = mp.jit(f)
    assert g(x, places)[0].tolist() == [50.0] * 3
    places[30] = 4
    with pytest.raises(PositionError):
        g(x, places)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap", "constant"])
def test_a_margin_of_what_was_just_stored(mode, dtype):
    x = np.arange(40 * 20).reshape(40, 20).astype(dtype)
    found = mp.jit(lambda x: mp.scan(lambda n, row: (n + 1, mp.pad(row + 1, (2, 16), mode=mode)), 0, x)[1])(x)
    assert_equal(np.asarray(found), np.pad(x + 1, ((0, 0), (2, 16)), mode=mode))
