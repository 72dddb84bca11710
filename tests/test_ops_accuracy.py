"""How exact the elementary functions are."""

# A case is one line of a table.
# ruff: noqa: E501

import math

import numpy as np
import pytest

import maplet as mp
from maplet.core.primitive import registry


def ulps(found, exact):
    """The distance in units of the last place of the exact value."""
    exact = np.asarray(exact)
    return np.abs(found - exact) / np.spacing(np.abs(exact))


def test_erf_is_exact_to_two_units_in_float64():
    x = np.concatenate(
        [
            np.linspace(-7, 7, 40_001),
            np.geomspace(1e-300, 1, 2001),
            [0.46875, np.nextafter(0.46875, 1), 4.0, 6.0, 1e300, np.inf],
        ]
    )
    exact = np.asarray([math.erf(v) for v in x])
    assert ulps(mp.erf(x).numpy(), exact).max(where=exact != 0, initial=0) <= 2
    assert np.array_equal(mp.erf(-x), -mp.erf(x).numpy())
    assert np.signbit(mp.erf(np.asarray(-0.0)).numpy())


def test_sigmoid_is_exact_to_two_units_in_float64():
    x = np.linspace(-36, 36, 2001)
    exact = [1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in x]
    assert ulps(mp.sigmoid(x).numpy(), exact).max() <= 2.5
    assert mp.sigmoid(np.asarray([-1000.0, 1000.0])).tolist() == [0.0, 1.0]


def domain(primitive):
    inputs, params = primitive.example(np.random.default_rng(0))
    one_float = len(inputs) == 1 and not params and np.asarray(inputs[0]).dtype == np.float64
    return (np.min(inputs[0]), np.max(inputs[0])) if one_float else None


unary = [p for p in registry.values() if p.example is not None and domain(p) and p.name != "stop_gradient"]


@pytest.mark.parametrize("primitive", unary, ids=lambda p: p.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=["float32", "float16"])
def test_narrow_floats_are_the_rounded_float64_result(primitive, dtype):
    low, high = domain(primitive)
    x = np.random.default_rng(1).uniform(low, high, size=20_000).astype(dtype)
    found = np.asarray(primitive.reference(x))
    exact = np.asarray(primitive.reference(x.astype(np.float64)))
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, exact)
        return
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, exact.astype(dtype))
    nonzero = exact != 0
    assert ulps(found[nonzero].astype(np.float64), exact.astype(dtype)[nonzero]).max(initial=0) <= 1


against_math = {
    "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p, "log2": math.log2, "log10": math.log10,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan, "sinh": math.sinh,
    "cosh": math.cosh, "tanh": math.tanh, "asinh": math.asinh, "acosh": math.acosh, "atanh": math.atanh, "sqrt": math.sqrt,
}  # fmt: skip


@pytest.mark.parametrize("name", against_math)
def test_float32_is_within_one_unit_of_the_c_library(name):
    low, high = domain(registry[name])
    x = np.random.default_rng(2).uniform(low, high, size=4000).astype(np.float32)
    exact = np.asarray([against_math[name](v) for v in x.astype(float)])
    found = getattr(mp, name)(x).numpy()
    assert found.dtype == np.float32
    assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype(np.float32))) <= 0.51  # rounded once


def test_nothing_overflows_that_need_not():
    assert mp.softplus(np.asarray([1000.0, -1000.0])).tolist() == [1000.0, 0.0]
    assert mp.logaddexp(np.asarray(-1e308), np.asarray(-1e308)).item() == -1e308
    assert mp.hypot(mp.asarray(3e38), mp.asarray(0.0)).item() == pytest.approx(3e38)
    assert mp.elu(mp.asarray([1e4, -1e4])).tolist() == [1e4, -1.0]
    assert mp.grad(lambda x: mp.sum(mp.elu(x)))(mp.asarray([1e4, -1e4])).tolist() == [1.0, 0.0]
    assert mp.log_softmax(mp.asarray([0.0, -1e4])).tolist() == [0.0, -1e4]


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "minimum"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=["float32", "float16"])
def test_arithmetic_is_rounded_once(name, dtype):
    """Computed in its own dtype or in float64 and rounded: the same bits, also among tiny and huge numbers."""
    rng = np.random.default_rng(3)
    pattern = np.uint32 if dtype == np.float32 else np.uint16
    x, y = (rng.integers(0, 2 ** (8 * pattern().itemsize), size=50_000).astype(pattern).view(dtype) for _ in range(2))
    found = np.asarray(registry[name].reference(x, y))
    with np.errstate(all="ignore"):
        through = np.asarray(registry[name].reference(x.astype(np.float64), y.astype(np.float64))).astype(dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, through)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_next_number_is_the_next_in_its_own_dtype(dtype):
    x = np.asarray([0.0, 1.0, -1.0, 3.5, np.inf], dtype)
    np.testing.assert_array_equal(mp.nextafter(x, 0.0), np.nextafter(x, dtype(0)))
    assert float(mp.nextafter(mp.asarray(1.0, dtype=dtype), 2.0)) == 1 + np.finfo(dtype).eps
