"""How exact the elementary functions are."""

# A case is one line of a table.
# ruff: noqa: E501

import math

import numpy as np
import pytest

import maplet as mp
from maplet.core.primitive import registry
from maplet.core.types import ArrayType
from maplet.errors import SettingError, ShapeError


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
    if one_float:
        try:
            primitive.shape(ArrayType((1,), np.dtype(np.float64)))
        except ShapeError:  # it takes matrices
            return None
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


def mixed(*ranges):
    """Numbers from several ranges, and those at their ends."""
    rng = np.random.default_rng(5)
    return np.concatenate([np.concatenate([rng.uniform(low, high, size=150), [low, high]]) for low, high in ranges])


small = np.concatenate([np.geomspace(1e-300, 1e-3, 60), -np.geomspace(1e-300, 1e-3, 60)])
beside_one_and_two = np.concatenate([n + s * np.geomspace(1e-15, 0.3, 60) for n in (1, 2) for s in (1, -1)])
beside_root = 1.4616321449683623 + np.concatenate([s * np.geomspace(1e-15, 0.3, 60) for s in (1, -1)])
large = np.geomspace(30, 1e300, 60)
above = np.concatenate([mixed((1e-3, 0.6), (0.4, 3.5), (2, 30)), np.abs(small), large])
poles_apart = mixed((-0.99, -0.01), (-2.99, -2.01), (-30.99, -30.01))

# name → its function in mpmath, and points
against_mpmath = {
    "erfc": (lambda m, x: m.erfc(x), np.concatenate([mixed((-6, 0), (0, 3), (3, 26.5)), small])),
    "erfinv": (lambda m, x: m.erfinv(x), np.concatenate([mixed((-1 + 1e-9, 1 - 1e-9)), small, 1 - np.geomspace(2e-16, 0.1, 60)])),
    "lgamma": (lambda m, x: m.loggamma(x), np.concatenate([above, beside_one_and_two])),
    "digamma": (lambda m, x: m.psi(0, x), np.concatenate([above, beside_root])),
    "polygamma 1": (lambda m, x: m.psi(1, x), np.concatenate([above[above < 1e150], poles_apart])),
    "polygamma 2": (lambda m, x: m.psi(2, x), above[above < 1e150]),
    "polygamma 7": (lambda m, x: m.psi(7, x), np.concatenate([above[above < 1e40], poles_apart])),
    "polygamma 30": (lambda m, x: m.psi(30, x), above[above < 1e9]),
}  # fmt: skip


def units(name):
    """How many units of the last place it may be off: of powers, more with each factor."""
    return 6 + 2 * int(name.split()[1]) if name.startswith("polygamma") else 3.5


def by_name(name):
    """`erfc` or `polygamma 2` as a function of x."""
    operation, *order = name.split()
    return lambda x: getattr(mp, operation)(*map(int, order), x)


@pytest.mark.parametrize("name", against_mpmath)
def test_functions_that_numpy_has_not_are_exact_in_float64(name):
    mpmath = pytest.importorskip("mpmath")
    function, x = against_mpmath[name]
    with mpmath.workdps(40):
        exact = [function(mpmath, mpmath.mpf(float(v))) for v in x]
        found = by_name(name)(x).numpy()
        distance = [
            float(abs(mpmath.mpf(float(f)) - e)) / np.spacing(abs(float(e)))
            if abs(e) < 1e308
            else f != np.sign(e) * np.inf
            for f, e in zip(found, exact, strict=True)
        ]
    worst = int(np.argmax(distance))
    assert distance[worst] <= units(name), f"{distance[worst]:.2f} units at {x[worst]!r}"


# Between two poles each of these has a zero: the difference of two terms, in whose last place it is exact.
@pytest.mark.parametrize("name", ["lgamma", "digamma", "polygamma 2", "polygamma 4"])
def test_below_zero_the_error_is_that_of_a_term(name):
    mpmath = pytest.importorskip("mpmath")
    f = by_name(name)
    with mpmath.workdps(40):
        exact = [
            mpmath.loggamma(v).real if name == "lgamma" else mpmath.psi(int(f"{name} 0".split()[1]), v)
            for v in poles_apart
        ]
        error = np.asarray(
            [float(mpmath.mpf(float(y)) - e) for y, e in zip(f(poles_apart).numpy(), exact, strict=True)]
        )
    term = np.maximum(np.abs(np.asarray(exact, dtype=float)), np.abs(f(1 - poles_apart).numpy()))
    assert np.max(np.abs(error) / np.spacing(term)) <= units(name) + 1


def test_special_values_of_functions_that_numpy_has_not():
    """As in C, PyTorch and SciPy, but where the conventions of the records say otherwise."""
    inf, nan = np.inf, np.nan

    def check(f, x, expected):
        for dtype in (np.float32, np.float64):
            found = f(np.asarray(x, dtype)).numpy()
            np.testing.assert_array_equal(found, np.asarray(expected, dtype))
            zero = found == 0
            np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(np.asarray(expected)[zero]))

    check(mp.erfc, [0.0, -0.0, inf, -inf, nan, 30, -30], [1, 1, 0, 2, nan, 0, 2])
    check(mp.erfinv, [0.0, -0.0, 1, -1, 1.5, -inf, nan], [0.0, -0.0, inf, -inf, nan, nan, nan])
    check(mp.lgamma, [0.0, -0.0, 1, 2, -1, -2, inf, -inf, nan, -1e30], [inf, inf, 0, 0, inf, inf, inf, inf, nan, inf])
    check(mp.digamma, [0.0, -0.0, -1, -2, inf, -inf, nan, -1e30], [-inf, inf, nan, nan, inf, nan, nan, nan])
    check(mp.trigamma, [0.0, -0.0, -1, -2, inf, -inf, nan], [inf, inf, inf, inf, 0, nan, nan])
    check(lambda x: mp.polygamma(2, x), [0.0, -0.0, -1, inf, -inf, nan], [-inf, inf, nan, -0.0, nan, nan])
    assert mp.lgamma(np.asarray([0.5, 3.0, 4.0])).tolist() == pytest.approx(np.log([np.sqrt(np.pi), 2, 6]), rel=1e-15)
    assert float(mp.polygamma(0, 1.0)) == float(mp.digamma(1.0)) == pytest.approx(-0.5772156649, rel=1e-7)


def test_an_order_that_is_none_is_refused():
    for order, words in [
        (1.5, "expected an integer from 0 to 30"),
        (True, "expected an integer from 0 to 30"),
        (-1, "expected an integer from 0 to 30"),
        (31, "grows by 1"),
    ]:
        with pytest.raises(SettingError, match=words):
            mp.polygamma(order, 1.0)
    with pytest.raises(SettingError, match="fewer"):
        mp.grad(lambda x: mp.polygamma(30, x))(1.0)


def test_a_long_sum_of_halves_is_rounded_once():
    ones = mp.ones((5000, 3), dtype="float16")  # 2048 + 1 is 2048 in float16
    for take in (lambda x: mp.sum(x, axis=0), lambda x: mp.vecdot(x, x, axis=0), lambda x: mp.sum(x.T[::-1], axis=1)):
        for found in (take(ones), mp.jit(take)(ones)):
            np.testing.assert_array_equal(found, np.full(3, 5000, np.float16), strict=True)
    np.testing.assert_allclose(mp.softmax(ones, axis=0), np.full((5000, 3), 1 / 5000), rtol=1e-3)


@pytest.mark.parametrize("source", ["f2", "f4", "f8"])
@pytest.mark.parametrize("target", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_floats_beyond_the_range_of_integers_become_its_ends(source, target):
    """With and without jit: what NumPy leaves to the processor."""
    limits = np.iinfo(target)
    given = [-np.inf, -1e30, -1.0, -0.5, -0.0, 0.9, 100.7, 127.9, 128.0, 255.5, 256.0, 70000.0, 1e30, np.inf, np.nan]
    with np.errstate(all="ignore"):
        x = np.asarray(given).astype(source)
    wide = np.trunc(np.nan_to_num(x.astype("f8"), nan=0.0, posinf=1e300, neginf=-1e300))
    expected = [int(min(max(int(number), limits.min), limits.max)) for number in wide]
    for convert in (lambda x: mp.astype(x, limits.dtype), mp.jit(lambda x: mp.astype(x, limits.dtype))):
        assert convert(mp.asarray(x)).tolist() == expected
