"""One test per promise of the project so far, in a few seconds. Everything here is tested in depth elsewhere."""

import gzip
import struct
import subprocess
import sys

import numpy as np
import pytest

import maplet as mp
from maplet import data, nn, optim
from maplet.errors import NonFiniteError


def test_a_derivative_is_one_word():
    assert float(mp.grad(lambda x: x**2 - 2 * x + 1)(3.0)) == 4.0
    assert float(mp.grad(mp.grad(mp.sin))(0.5)) == pytest.approx(-np.sin(0.5), rel=1e-6)


def test_a_program_is_a_graph_that_can_be_read():
    graph = mp.trace(lambda x, w: mp.sum(mp.tanh(x @ w)), mp.ones((2, 3)), mp.ones((3,)))
    assert "tanh" in str(graph)
    assert mp.parse(str(graph)) == graph
    mp.check(graph)


def test_backpropagation_is_another_graph():
    graph = mp.trace(mp.sin, 0.5)
    backward, trail = mp.gradient(graph)
    assert "cos" in str(backward)
    assert [step.node.primitive.name for step in trail.steps] == ["sin"]
    assert [float(v) for v in mp.evaluate(backward, 0.0, 1.0)] == [0.0, 1.0]


def test_a_gradient_can_be_checked_against_differences():
    assert mp.check_gradient(lambda x: mp.sum(mp.softmax(x) ** 2), mp.asarray([0.1, 0.7, -0.3])).passed


def test_numpy_and_maplet_share_memory():
    a = mp.asarray(np.arange(3.0))
    assert np.asarray(a) is np.asarray(a)
    a[0] = 5.0
    assert a.tolist() == [5.0, 1.0, 2.0]


def test_an_error_teaches():
    with pytest.raises(ValueError, match=r"transpose the second: x @ y\.T") as caught:
        mp.ones((2, 3)) @ mp.ones((4, 3))
    assert "test_tiny.py" in str(caught.value)


def test_random_numbers_have_a_position():
    assert mp.random.Generator(1).normal((3,)).tolist() == mp.random.Generator(1).normal((3,)).tolist()


def test_state_is_written_once_and_only_after_success():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5, rng=0))
    draws = [int(d) for name, d in sorted(mp.core.tree.leaves(net).items()) if name.endswith("draws")]
    mp.grad(lambda net: mp.sum(net(mp.ones((1, 2)))))(net)
    after = [int(d) for name, d in sorted(mp.core.tree.leaves(net).items()) if name.endswith("draws")]
    assert after == [d + 1 for d in draws]


def test_derivatives_of_every_kind_nest():
    x = mp.asarray([0.5, -1.0, 2.0], dtype=mp.float64)

    def f(x):
        return mp.sum(mp.sin(x) * x**2)

    gradient, (_, pushed) = mp.grad(f)(x), mp.jvp(f, (x,), (mp.ones_like(x),))
    np.testing.assert_allclose(pushed, mp.sum(gradient))
    np.testing.assert_allclose(mp.hessian(f)(x), mp.jacobian(mp.grad(f), mode="reverse")(x))
    np.testing.assert_allclose(mp.hvp(f, (x,), (mp.ones_like(x),)), mp.hessian(f)(x) @ mp.ones_like(x))
    np.testing.assert_allclose(mp.vmap(mp.grad(mp.sin))(x), mp.cos(x))


def test_a_scan_is_one_node_and_its_gradient_another():
    w, xs = mp.asarray([[0.5, -0.2], [0.1, 0.3]], dtype=mp.float64), mp.ones((5, 2), dtype=mp.float64)

    def by_scan(w):
        return mp.sum(mp.scan(lambda h, x: (mp.tanh(h @ w + x), None), mp.zeros_like(xs[0]), xs)[0])

    def by_loop(w):
        h = mp.zeros_like(xs[0])
        for x in xs:
            h = mp.tanh(h @ w + x)
        return mp.sum(h)

    np.testing.assert_allclose(mp.grad(by_scan)(w), mp.grad(by_loop)(w), rtol=1e-12)
    backward = mp.trace(mp.grad(by_scan), w)
    assert str(backward).count("scan(") == 2
    assert mp.parse(str(backward)) == backward


def test_state_goes_through_loops():
    generator, same = mp.random.Generator(3), mp.random.Generator(3)
    _, drawn = mp.scan(lambda carry, _: (carry, generator.normal()), None, length=4)
    np.testing.assert_array_equal(drawn, mp.stack([same.normal() for _ in range(4)]))
    assert int(generator.draws) == 4


def test_a_pullback_of_ones_own_is_what_runs():
    doubled = mp.custom_gradient(lambda x: (mp.sin(x), lambda g: 2 * g * mp.cos(x)))
    np.testing.assert_allclose(mp.grad(doubled)(0.3), 2 * mp.cos(mp.asarray(0.3)))
    assert not mp.check_gradient(doubled, 0.3)


def test_the_first_nan_is_found():
    with mp.debug(), pytest.raises(NonFiniteError, match="log"):
        mp.grad(lambda x: mp.log(x - 1.0))(1.0)


def test_a_network_learns_exclusive_or():
    x, y = mp.asarray([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), mp.asarray([0, 1, 1, 0])
    net = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 2, rng=1))
    optimizer = optim.Adam(0.05)
    for _ in range(100):
        loss, gradient = mp.value_and_grad(lambda net: nn.cross_entropy(net(x), y))(net)
        optimizer.update(net, gradient)
    assert float(loss) < 0.1
    assert mp.argmax(net(x), axis=1).tolist() == [0, 1, 1, 0]


def test_gradient_descent_finds_the_minimum():
    found = mp.minimize(lambda x: x**2 - 2 * x + 1, 5.0, optimizer=optim.SGD(0.1), tolerance=1e-6)
    assert found.converged
    assert float(found.x) == pytest.approx(1.0, abs=1e-4)


def test_a_run_is_saved_loaded_and_repeated(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)

    def run(folder):
        net = nn.Sequential(nn.Linear(2, 2, rng=0))
        return mp.fit(
            net,
            (x, y),
            loss=nn.cross_entropy,
            optimizer=optim.SGD(0.5),
            epochs=3,
            batch_size=16,
            seed=0,
            directory=folder,
        )

    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    np.testing.assert_array_equal(first.predict(x), second.predict(x))
    np.testing.assert_array_equal(mp.load(tmp_path / "a").predict(x), first.predict(x))


def test_tables_and_images_are_read(tmp_path):
    (tmp_path / "t.csv").write_text("size,kind\n1.5,a\n2.5,b\n")
    assert data.read_table(tmp_path / "t.csv").names == ("size", "kind")
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    with gzip.open(tmp_path / "i.gz", "wb") as file:
        file.write(struct.pack(">HBB3I", 0, 8, 3, 2, 2, 2) + images.tobytes())
    np.testing.assert_array_equal(data.read_idx(tmp_path / "i.gz"), images)


def test_the_command_line_answers():
    shown = subprocess.run(
        [sys.executable, "-m", "maplet", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "train" in shown
