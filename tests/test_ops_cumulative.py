"""Sums, products and maxima up to each place: as NumPy has them, natively, with gradients that zeros do not spoil."""

from itertools import product

import numpy as np
import pytest

import maplet as mp
from maplet.compiler.program import Program
from maplet.errors import DTypeError, ShapeError
from native_laws import both, graph_for

rng = np.random.default_rng(0)
shapes = [(7,), (1,), (0,), (3, 5), (5, 3), (40, 100), (4, 6, 70), (2, 0, 3), (200, 17), (1000,)]
functions = {
    "cumulative_sum": np.cumsum, "cumulative_prod": np.cumprod,
    "cumulative_max": np.maximum.accumulate, "cumulative_min": np.minimum.accumulate,
}  # fmt: skip


def natively():
    """Every function of every shape in every dtype; quick are all shapes in float32, and the largest in the others."""
    for name, shape, dtype in product(functions, shapes, ["f4", "f8", "f2", "i8", "i4", "u1"]):
        is_quick = dtype == "f4" or shape == (4, 6, 70)
        yield pytest.param(name, shape, dtype, marks=[] if is_quick else pytest.mark.slow)


@pytest.mark.parametrize(("name", "shape", "dtype"), [*natively()], ids=str)
def test_as_numpy_has_it_natively(name, shape, dtype):
    x = (rng.uniform(-1.2, 1.2, size=shape) if dtype[0] == "f" else rng.integers(0, 5, size=shape)).astype(dtype)
    for axis in range(x.ndim):
        expected = functions[name](x.astype("f8") if dtype == "f2" else x, axis=axis)  # NumPy's own rounds each time
        graph = graph_for(lambda xs, axis=axis: [getattr(mp, name)(xs[0], axis=axis)], [x])
        (found,), (meant,) = both(graph, [x])
        loose = {"f2": 2e-2, "f4": 1e-4, "f8": 1e-12}.get(dtype, 0)
        np.testing.assert_allclose(found, meant, rtol=loose, atol=loose)
        np.testing.assert_allclose(meant, expected, rtol=loose, atol=loose)
        assert not Program(graph).instructions.hosts


def test_special_numbers():
    for values in ([-0.0, -0.0], [1.0, np.nan, 2.0], [np.inf, -np.inf, 1.0], [-np.inf, 3.0]):
        x = np.asarray(values, "f4")
        for name, function in functions.items():
            with np.errstate(all="ignore"):
                expected = function(x)
            found = mp.jit(lambda x, name=name: getattr(mp, name)(x))(mp.asarray(x))
            np.testing.assert_array_equal(found, expected, err_msg=f"{name} of {values}")
            np.testing.assert_array_equal(np.signbit(found), np.signbit(expected), err_msg=f"{name} of {values}")


def test_integers_go_round_as_in_numpy():
    x = np.asarray([100, 100, 100], np.int8)
    assert mp.cumulative_sum(x).dtype == np.int64
    np.testing.assert_array_equal(mp.cumulative_sum(x, dtype=mp.int8), np.cumsum(x, dtype=np.int8))
    np.testing.assert_array_equal(mp.cumulative_min(np.asarray([3, -128, 5], np.int8)), [3, -128, -128])


def test_the_empty_sum_may_stand_first():
    x = mp.asarray([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(mp.cumulative_sum(x, axis=0, include_initial=True), [[0, 0], [1, 2], [4, 6]])
    np.testing.assert_array_equal(mp.cumulative_prod(x, axis=1, include_initial=True), [[1, 1, 2], [1, 3, 12]])


@pytest.mark.parametrize("zeros", [(), (0,), (2,), (1, 3), (0, 1, 2, 3, 4)])
def test_gradients_of_products_with_zeros(zeros):
    x = rng.normal(size=(3, 5))
    x[1, list(zeros)] = 0.0
    weights = mp.asarray(rng.normal(size=(3, 5)))
    mp.check_gradient(lambda x: mp.sum(mp.cumulative_prod(x, axis=1) * weights), mp.asarray(x))
    mp.check_gradient(lambda x: mp.sum(mp.prod(x, axis=1) * weights[:, 0]), mp.asarray(x))
    mp.check_gradient(lambda x: mp.prod(x, axis=(0, 1)), mp.asarray(x))


def test_the_last_of_equals_gets_the_gradient():
    gradient = mp.grad(lambda x: mp.sum(mp.cumulative_max(x) * mp.asarray([1.0, 2.0, 4.0, 8.0])))
    np.testing.assert_array_equal(gradient(mp.asarray([3.0, 1.0, 3.0, 2.0])), [3.0, 0.0, 12.0, 0.0])


def test_discounted_sums_in_either_direction(any_threads):
    rewards = rng.normal(size=(300, 33)).astype("f4")
    expected, last = np.empty_like(rewards), np.zeros(33, "f4")
    for n in range(300):
        last = expected[n] = np.float32(0.9) * last + rewards[n]
    discounted = mp.jit(lambda x: mp.recurrence(0.9, x, axis=0))
    first = np.asarray(discounted(mp.asarray(rewards)))
    np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-5)
    for threads in (2, 3):
        any_threads(threads)
        np.testing.assert_array_equal(discounted(mp.asarray(rewards)), first)


def test_with_what_stands_before_and_behind_in_one_program():
    x = rng.normal(size=(50, 60)).astype("f4")
    graph = graph_for(
        lambda xs: [
            mp.exp(mp.cumulative_sum(mp.square(xs[0].T), axis=1)) * 2,
            mp.sum(mp.cumulative_sum(xs[0], axis=0), axis=0),
        ],
        [x],
    )
    for found, expected in zip(*both(graph, [x]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_errors_teach():
    with pytest.raises(ShapeError, match="along which"):
        mp.cumulative_sum(mp.zeros((2, 3)))
    with pytest.raises(DTypeError, match="does not take bool"):
        mp.cumulative_max(mp.asarray([True]))
    with pytest.raises(ShapeError, match="do not fit"):
        mp.recurrence(mp.zeros(3), mp.zeros(4))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("columns", [16, 128, 300])
@pytest.mark.parametrize("name", ["sin", "remainder", "floor_divide"])
def test_what_is_repaired_lane_by_lane_goes_in_wide_vectors_too(name, columns, dtype):
    """Sums side by side go 128 columns or more at a time; some numbers of these need more work than others."""
    x = np.random.default_rng(0).normal(size=(3, columns)).astype(dtype) * 1e6
    inner = {"sin": mp.sin, "remainder": lambda x: x % 0.7, "floor_divide": lambda x: x // 0.7}[name]
    found = mp.jit(lambda x: mp.cumulative_sum(inner(x), axis=0))(x)
    np.testing.assert_allclose(found, mp.cumulative_sum(inner(mp.asarray(x)), axis=0), rtol=1e-6, atol=1e-5)
