"""Going downhill until the gradient is small."""

import math

import numpy as np
import pytest

import maplet as mp
from maplet import optim
from maplet.core.array import Parameter
from maplet.core.tree import Stateful
from maplet.errors import GradientError, SettingError


def parabola(x):
    return x**2 - 2 * x + 1


@pytest.mark.parametrize("rate", [pytest.param(0.01, marks=pytest.mark.slow), 0.1, 0.5, 0.9])
@pytest.mark.parametrize("start", [-100.0, 0.0, 1.0, 3.0])
def test_the_parabola_from_several_starts(start, rate):
    found = mp.minimize(parabola, start, optimizer=optim.SGD(rate), tolerance=1e-4)
    assert found.converged, found.message
    assert abs(found.x.item() - 1) <= 0.5e-4 * (1 + 1e-6)  # |f′| = 2|x − 1|
    assert found.gradient_norm == abs(found.gradient.item()) <= 1e-4
    assert found.value == parabola(found.x).item()
    assert found.x.type == mp.ArrayType((), np.dtype("float32"))
    # x − 1 is multiplied by 1 − 2α in every step
    expected = (
        math.ceil(math.log(0.5e-4 / abs(start - 1)) / math.log(abs(1 - 2 * rate)))
        if start != 1 and rate != 0.5
        else None
    )
    if expected is not None:
        assert abs(found.steps - expected) <= max(2, expected // 20)
    assert len(found.path) == found.steps + 1
    assert found.path[0][0].item() == start
    assert found.path[-1] == (found.x, found.value)


@pytest.mark.parametrize("rate", [pytest.param(1.01, marks=pytest.mark.slow), 1.5, 100.0])
def test_a_learning_rate_above_one_diverges_and_is_reported(rate):
    found = mp.minimize(parabola, 3.0, optimizer=optim.SGD(rate))
    assert not found.converged
    assert math.isfinite(found.value)
    assert math.isfinite(found.x.item())
    assert math.isfinite(found.gradient_norm)
    assert f"after step {found.steps + 1} " in found.message
    assert f"smaller than {rate:g}" in found.message
    # |x − 1| = 2·(2α − 1)ⁿ, and float32 ends at 3.4·10³⁸
    last = math.log(math.sqrt(3.4e38) / 2) / math.log(2 * rate - 1)
    assert abs(found.steps - last) <= 2


def test_going_round_in_circles_is_no_divergence_and_no_convergence():
    found = mp.minimize(parabola, 3.0, optimizer=optim.SGD(1.0), max_steps=100)
    assert (found.converged, found.steps, found.x.item()) == (False, 100, 3.0)
    assert "has not fallen (4 → 4): try a smaller learning rate" in found.message


def test_a_tolerance_below_the_resolution_of_float32_is_reported_and_float64_reaches_it():
    coarse = mp.minimize(lambda x: (x - 1.1) ** 2 / 2, 3.0, tolerance=1e-12, max_steps=500)
    assert not coarse.converged
    assert "below the resolution of float32" in coarse.message
    assert "mp.float64" in coarse.message
    fine = mp.minimize(lambda x: (x - 1.1) ** 2 / 2, np.array(3.0), tolerance=1e-12, max_steps=500)
    assert fine.converged
    assert fine.x.dtype == np.float64
    finest = mp.minimize(lambda x: (x - 1.1) ** 2 / 2, np.array(3.0), tolerance=0.0, max_steps=500)
    assert finest.converged or "below the resolution of float64: allow a larger" in finest.message


def test_too_few_steps():
    found = mp.minimize(parabola, 3.0, max_steps=3)
    assert (found.converged, found.steps, len(found.path)) == (False, 3, 4)
    assert "not converged after 3 steps" in found.message
    assert "allow more steps" in found.message
    at_once = mp.minimize(parabola, 3.0, max_steps=0)
    assert (at_once.steps, at_once.x.item(), at_once.value) == (0, 3.0, 4.0)


def test_a_start_at_the_minimum_takes_no_step():
    found = mp.minimize(parabola, 1.0)
    assert (found.converged, found.steps, len(found.path)) == (True, 0, 1)


@pytest.mark.parametrize(
    ("f", "what"), [(mp.log, "value is nan"), (lambda x: mp.sqrt(x + 1.0), "gradient's norm is inf")]
)
def test_a_start_that_is_not_finite(f, what):
    found = mp.minimize(f, -1.0)
    assert (found.converged, found.steps) == (False, 0)
    assert what in found.message
    assert "start elsewhere" in found.message


def test_an_infinite_gradient_stops_the_descent_before_it_is_used():
    found = mp.minimize(lambda x: mp.sqrt(mp.abs(x)), 0.25, optimizer=optim.SGD(0.25))
    assert not found.converged
    assert found.steps == 0  # the first step leads to 0, where the derivative of the root is infinite
    assert found.x.item() == 0.25


class Bowl(Stateful):
    def __init__(self):
        self.center = Parameter(np.float32([2.0, -3.0]))
        self.depth = Parameter(np.float32(5.0), trainable=False)
        self.calls = mp.zeros(())

    def __call__(self):
        self.calls = self.calls + 1
        return mp.sum(self.center**2) + self.depth


@pytest.mark.parametrize(
    ("f", "x0"),
    [
        (lambda x: (x - 1) ** 2, 3.0),
        (lambda x: mp.sum((x - 1) ** 2), np.array([3.0, -1.0])),
        (lambda x: mp.sum((x - 1) ** 2), mp.asarray([3.0, -1.0])),
        (lambda x: (x[0] - 1) ** 2 + (x[1] + 2) ** 2, [3.0, 4.0]),
        (lambda x: (x["a"] - 1) ** 2 + mp.sum(x["b"][0] ** 2), {"a": 3.0, "b": (np.ones((2, 2)),), "name": "point"}),
        (lambda net: net(), Bowl()),
    ],
)
def test_any_tree_is_a_start_and_is_not_modified(f, x0):
    before = repr(vars(x0) if isinstance(x0, Stateful) else x0)
    found = mp.minimize(f, x0, tolerance=1e-4)
    assert found.converged, found.message
    assert type(found.x) is (type(x0) if isinstance(x0, Stateful | dict | list) else mp.Array)
    assert repr(vars(x0) if isinstance(x0, Stateful) else x0) == before
    assert mp.minimize(f, found.x, tolerance=1e-4).steps == 0


def test_a_module_keeps_what_is_frozen_and_what_it_wrote():
    found = mp.minimize(lambda net: net(), Bowl(), tolerance=1e-4)
    assert isinstance(found.x.center, Parameter)
    assert found.x.depth.item() == 5.0
    assert not found.x.depth.trainable
    assert found.x.calls.item() == found.steps
    assert list(found.gradient) == ["center"]
    assert found.path[0][0].center.tolist() == [2.0, -3.0]


def test_the_norm_runs_over_everything():
    found = mp.minimize(
        lambda x: 3 * x["a"] + 4 * mp.sum(x["b"]), {"a": 0.0, "b": np.zeros(1, np.float32)}, max_steps=0
    )
    assert found.gradient_norm == 5.0


def test_the_optimizer_is_copied_and_starts_anew():
    optimizer = optim.Adam(0.1)
    theta = mp.asarray(5.0)
    optimizer.update(theta, 1.0)
    first = mp.minimize(parabola, 3.0, optimizer=optimizer, max_steps=20)
    second = mp.minimize(parabola, 3.0, optimizer=optim.Adam(0.1), max_steps=20)
    assert [value for _, value in first.path] == [value for _, value in second.path]
    assert optimizer.steps.tolist() == 1
    optimizer.update(theta, 1.0)


@pytest.mark.parametrize("steps", [5, 1001, *[pytest.param(n, marks=pytest.mark.slow) for n in (999, 1000, 2500)]])
def test_a_long_path_is_thinned_evenly_and_keeps_its_ends(steps):
    found = mp.minimize(lambda x: x, 0.0, optimizer=optim.SGD(1.0), max_steps=steps)
    places = [-x.item() for x, _ in found.path]
    assert places[0] == 0
    assert places[-1] == found.steps == steps
    assert len(places) == steps + 1 if steps < 1000 else 500 <= len(places) <= 1000
    gaps = np.diff(places)
    assert len(set(gaps[:-1])) == 1
    assert 0 < gaps[-1] <= 2 * gaps[0]


def test_the_path_of_a_large_point_is_short():
    found = mp.minimize(mp.sum, np.zeros(200_000, np.float32), optimizer=optim.SGD(1.0), max_steps=40)
    assert 3 <= len(found.path) <= 5
    assert found.path[-1][0] is found.x


def test_it_reads_well():
    found = mp.minimize(parabola, 3.0, optimizer=optim.SGD(0.5))
    assert repr(found) == (
        "converged after 1 step: the gradient's norm is 0 ≤ 1e-06\n"
        "  x         Array(1.)\n"
        "  value     0\n"
        "  gradient  Array(0.)"
    )
    long = repr(mp.minimize(lambda x: mp.sum(x**2), np.ones(500), max_steps=1))
    assert max(map(len, long.splitlines()[1:])) < 100


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"x0": 3}, SettingError, "(?s)the integer 3, and only real numbers can move.*write 3.0"),
        ({"x0": [1.0, 2]}, SettingError, "the integer 2"),
        ({"x0": {"a": [1]}}, SettingError, "the integer 1"),
        ({"x0": "start"}, GradientError, "nothing to train in this str"),
        ({"x0": np.ones(2)}, GradientError, "mp.mean or mp.sum"),
        ({"x0": 3.0, "tolerance": -1.0}, SettingError, "tolerance=-1.0"),
        ({"x0": 3.0, "tolerance": math.nan}, SettingError, "tolerance=nan"),
        ({"x0": 3.0, "max_steps": -1}, SettingError, "max_steps=-1"),
        ({"x0": 3.0, "max_steps": 1.5}, SettingError, "max_steps=1.5"),
        (
            {"x0": 3.0, "optimizer": "sgd"},
            SettingError,
            r"(?s)optimizer='sgd': expected an optimizer.*optim.SGD\(0.1\)",
        ),
    ],
)
def test_errors(arguments, error, match):
    with pytest.raises(error, match=match):
        mp.minimize(parabola, **arguments)
