"""Every example is short, runs, and finds what it promises."""

import runpy
import struct
import subprocess
import sys
from math import log
from pathlib import Path

import numpy as np
import pytest

import maplet as mp

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
MNIST = ROOT.parent / "shared" / "data" / "mnist"


def run(name, *args):
    """What an example's `main` returns."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](*args)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_each_is_short_and_has_its_test(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40
    assert f'run("{path.stem}"' in Path(__file__).read_text(encoding="utf-8")


def test_logistic_regression_arrives_at_the_minimum(capsys):
    probabilities, steps, length = run("logistic_regression")
    # Newton's method in float64, written from the formulas: the minimum is known to ten digits.
    x = np.column_stack([np.array([[1, 2], [2, 4], [3, 6], [4, 8]]) - [2.5, 5.0], np.ones(4)])
    y, decay, theta = np.array([0, 0, 1, 1]), np.diag([0.01, 0.01, 0.0]), np.zeros(3)
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ theta))
        curvature = x.T @ (x * (p * (1 - p))[:, None]) / 4 + decay
        theta -= np.linalg.solve(curvature, x.T @ (p - y) / 4 + decay @ theta)
    assert np.asarray(probabilities) == pytest.approx(p, abs=1e-3)
    assert np.array_equal(np.asarray(probabilities) > 0.5, y == 1)
    assert length <= 1e-4
    assert f"{steps} steps" in capsys.readouterr().out


def test_two_layer_regression_really_predicts_and_a_sigmoid_cannot(capsys):
    net, predictions, loss, bounded_loss = run("two_layer_regression")
    assert predictions.numpy().ravel() == pytest.approx([1, 2, 3], abs=0.02)
    assert loss == pytest.approx(np.mean((predictions.numpy().ravel() - [1, 2, 3]) ** 2), abs=1e-7)
    between = net(mp.asarray([[2.0, 3.0], [4.0, 5.0]])).numpy().ravel()
    assert between == pytest.approx([1.5, 2.5], abs=0.1)  # points that it has not seen
    assert 5 / 3 < bounded_loss < 5 / 3 + 0.01
    assert "never below 5/3" in capsys.readouterr().out


def test_tanh_and_softmax_solve_xor_and_the_irises():
    pytest.importorskip("sklearn", reason="the irises come with scikit-learn: pip install maplet[examples]")
    xor, irises = run("tanh_softmax")
    assert xor == 1.0
    assert irises >= 0.95


def test_parabola_arrives_or_is_said_to_diverge():
    found = run("parabola")
    assert {rate for _, rate in found} == {0.1, 0.5, 0.9, 1.1}
    for (start, rate), result in found.items():
        arrives = rate < 1 or start == 1  # x − 1 ↦ (1 − 2α)(x − 1)
        assert result.converged == arrives
        assert ("diverged" in result.message) != arrives
        if arrives:
            assert float(result.x) == pytest.approx(1, abs=1e-5)
            assert result.value == pytest.approx(0, abs=1e-6)
        elif result.steps > 1:
            (x0, _), (x1, _), *_ = result.path
            assert float(x1) - 1 == pytest.approx((1 - 2 * rate) * (float(x0) - 1), rel=1e-6)


def test_sigmoid_learns_xor_and_one_layer_cannot():
    (loss, right), one_layer = run("sigmoid_xor")
    assert right == 4
    assert loss < 0.1
    assert len(one_layer) == 5
    for single_loss, single_right in one_layer:
        assert single_loss == pytest.approx(log(2), abs=1e-4)
        assert single_right < 4


def test_softmax_regression_reads_files_like_those_of_mnist(tmp_path):
    """Made-up images, of which it takes a hundredth as many steps as of the real ones."""
    rng = np.random.default_rng(0)
    shapes = rng.integers(0, 256, (10, 28, 28))
    for part, count in (("train", 500), ("t10k", 100)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = np.clip(shapes[labels] + rng.normal(0, 40, (count, 28, 28)), 0, 255).astype(np.uint8)
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    assert run("softmax_mnist", tmp_path) >= 0.95


def write_idx(path, array):
    path.write_bytes(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.mark.slow
def test_softmax_regression_reads_mnist():
    if not MNIST.is_dir():
        pytest.skip("needs the data set ../shared/data/mnist, which is not here")
    assert run("softmax_mnist", MNIST) >= 0.91


def test_softmax_regression_says_what_it_needs(tmp_path):
    script = [sys.executable, EXAMPLES / "softmax_mnist.py", tmp_path / "nowhere"]
    found = subprocess.run(script, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr.startswith("give the folder that holds the four files of MNIST")
