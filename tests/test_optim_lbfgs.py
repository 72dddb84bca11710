"""L-BFGS: against PyTorch, on functions with a name, and where a line has no lower point."""

import math
from itertools import pairwise

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.errors import SettingError
from maplet.optim.lbfgs import Curvature, Trial, strong_wolfe


def rosenbrock(x):
    return mp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def beale(p):
    x, y = p[0], p[1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def himmelblau(p):
    return (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2


def flat(x):
    return mp.sum(x**4)


def steep(x):
    return mp.sum(mp.exp(x) - x * 1e-3) * 1e6


problems = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0]),
    "rosenbrock in 20 dimensions": (rosenbrock, [-1.2, 1.0] * 10),
    "beale": (beale, [1.0, 1.0]),
    "himmelblau": (himmelblau, [-1.0, -1.0]),
    "flat": (flat, [3.0, -5.0]),
    "steep": (steep, [1.0, -1.0]),
}


@pytest.mark.parametrize("name", problems)
def test_the_first_ten_steps_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    f, start = problems[name]
    translated = {"mp": torch}
    twin = type(f)(f.__code__, translated)  # the same lines, with PyTorch in the place of maplet
    for steps in (1, 2, 5, 10):
        x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        other = torch.optim.LBFGS(
            [x], max_iter=steps, max_eval=1000, history_size=4, tolerance_grad=0.0, tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )  # fmt: skip

        def closure(x=x, other=other):
            other.zero_grad()
            loss = twin(x)
            loss.backward()
            return loss

        other.step(closure)
        found = mp.minimize(f, np.array(start), optimizer=optim.LBFGS(history=4), tolerance=0.0, max_steps=steps)
        assert found.steps == steps
        np.testing.assert_allclose(found.x.numpy(), x.detach().numpy(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", problems)
def test_functions_with_a_name_are_minimised_in_few_steps(name):
    f, start = problems[name]
    found = mp.minimize(f, np.array(start), optimizer=optim.LBFGS(), tolerance=1e-5, max_steps=150)
    assert found.converged, found.message
    values = [value for _, value in found.path]
    assert all(later < earlier for earlier, later in pairwise(values))  # every step goes down


def test_a_quadratic_is_solved_as_by_conjugate_gradients():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    matrix = root @ root.T + np.eye(6)
    target = rng.normal(size=6)

    def f(x):
        return x @ (mp.asarray(matrix) @ x) / 2 - mp.asarray(target) @ x

    # Values of f tell steps apart down to a gradient of √(2 ε |f| λ), which is 8e-8 here.
    found = mp.minimize(f, np.zeros(6), optimizer=optim.LBFGS(), tolerance=1e-7, max_steps=30)
    assert found.converged, found.message
    np.testing.assert_allclose(found.x.numpy(), np.linalg.solve(matrix, target), atol=1e-7)


def test_a_network_is_fitted_with_its_frozen_part_left_alone():
    rng = np.random.default_rng(0)
    x = mp.asarray(rng.normal(size=(20, 3)).astype(np.float32))
    y = mp.sin(x @ mp.asarray([[1.0], [-1.0], [0.5]]))
    net = nn.Sequential(nn.Linear(3, 8, rng=0), nn.Tanh(), nn.Linear(8, 1, rng=1))
    net.layers[0].bias.trainable = False

    def loss(net):
        return mp.mean((net(x) - y) ** 2)

    found = mp.minimize(loss, net, optimizer=optim.LBFGS(), tolerance=1e-3, max_steps=200)
    by_descent = mp.minimize(loss, net, optimizer=optim.SGD(0.1), tolerance=1e-3, max_steps=200)
    assert found.converged, found.message
    assert found.value < by_descent.value / 2
    assert found.x.layers[0].bias.tolist() == net.layers[0].bias.tolist()
    assert found.x.layers[0].weight.dtype == np.float32


def test_the_resolution_of_float32_ends_the_search_and_is_reported():
    found = mp.minimize(lambda x: mp.sum((x - 1.1) ** 2) + 1000.0, mp.asarray([3.0, 5.0]), optimizer=optim.LBFGS(),
                        tolerance=1e-9, max_steps=500)  # fmt: skip
    assert found.converged or "below the resolution of float32: start in float64" in found.message
    assert found.steps < 20
    np.testing.assert_allclose(found.x.numpy(), 1.1, atol=1e-2)


def test_a_start_that_is_stuck_says_so():
    """The gradient of this program is wrong on purpose: uphill."""

    @mp.custom_gradient
    def wrong(x):
        return x**2, lambda g: -2 * x * g

    found = mp.minimize(wrong, np.array(1.0), optimizer=optim.LBFGS())
    assert (found.converged, found.steps, found.x.item()) == (False, 0, 1.0)
    assert "below the resolution" in found.message


def test_a_search_walks_around_what_is_not_finite():
    found = mp.minimize(lambda x: x - mp.log(x), np.array(0.01), optimizer=optim.LBFGS(), tolerance=1e-8)
    assert found.converged, found.message
    assert found.x.item() == pytest.approx(1.0)
    assert all(math.isfinite(value) for _, value in found.path)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_step_that_no_number_can_hold_is_shortened(dtype):
    found = mp.minimize(lambda x: mp.sum(mp.exp(x) - 3 * x) * 100, mp.asarray([6.0, -4.0], dtype=dtype),
                        optimizer=optim.LBFGS(), tolerance=1e-3, max_steps=50)  # fmt: skip
    assert found.x.dtype == dtype
    nearest = math.sqrt(np.finfo(dtype).eps)  # near its minimum a parabola differs from it by no more than rounding
    np.testing.assert_allclose(found.x.numpy(), math.log(3.0), atol=max(3 * nearest, 1e-5))


@pytest.mark.parametrize("first", [1e-6, 0.1, 1.0, 10.0, 1e6])
@pytest.mark.parametrize(
    "f",
    [
        lambda t: ((t - 3) ** 2, 2 * (t - 3)),
        lambda t: (t**4 - 10 * t**3 + t**2 - t, 4 * t**3 - 30 * t**2 + 2 * t - 1),
        lambda t: (-t / (t**2 + 2), (t**2 - 2) / (t**2 + 2) ** 2),
        lambda t: (-math.sin(t), -math.cos(t)),
    ],
)
def test_the_search_ends_where_wolfes_strong_conditions_hold(f, first):
    start = Trial(0.0, *f(0.0))
    found = strong_wolfe(lambda t: Trial(t, *f(t)), start, first)
    assert found.value <= start.value + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= 0.9 * abs(start.slope)


def test_the_two_loops_are_the_product_with_the_matrix_of_bfgs():
    rng = np.random.default_rng(1)
    curvature = Curvature(history=3)
    pairs = []
    for _ in range(5):
        s = rng.normal(size=4)
        y = s + 0.3 * rng.normal(size=4)
        if s @ y > 0:
            pairs.append((s, y))
        curvature.add(s, y)
    assert len(curvature.pairs) == 3
    s, y = pairs[-1]
    h = np.eye(4) * (s @ y) / (y @ y)
    for s, y in pairs[-3:]:
        shift = np.eye(4) - np.outer(s, y) / (s @ y)
        h = shift @ h @ shift.T + np.outer(s, s) / (s @ y)
    gradient = rng.normal(size=4)
    np.testing.assert_allclose(curvature.direction(gradient), -h @ gradient, rtol=1e-10)
    curvature.add(np.ones(4), -np.ones(4))  # curves downwards: forgotten
    assert len(curvature.pairs) == 3


def test_errors_and_description():
    with pytest.raises(SettingError, match="history=0"):
        optim.LBFGS(history=0)
    with pytest.raises(SettingError, match=r"(?s)needs the function itself.*mp.minimize"):
        optim.LBFGS().update(mp.asarray(1.0), 1.0)
    assert repr(optim.build(optim.LBFGS(history=3).describe())) == "LBFGS(history=3)"
