"""Random numbers have the distribution that they are named after, and the same bits on every machine."""

import math
from fractions import Fraction

import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array
from maplet.core.types import ArrayType
from maplet.errors import DTypeError, SettingError, ShapeError
from maplet.ops import portable
from maplet.ops.distributions import below, between, fraction, joined
from maplet.ops.philox import philox
from maplet.ops.random import Generator
from maplet.ops.rejection import log_factorial, total

N = 50_000
SIGNIFICANCE = 1e-4  # the seeds are fixed; a new one fails by chance once in 10,000

# ── the functions below: the bits of plain Python floats, and how near they are to the truth ─────


def plain_log(x):
    """`portable.log_value`, spelled in Python floats; nothing here calls a C library's logarithm."""
    mantissa, exponent = math.frexp(x)
    if mantissa < math.sqrt(0.5):
        mantissa, exponent = mantissa + mantissa, exponent - 1
    f, k = mantissa - 1.0, float(exponent)
    s = f / (f + 2.0)
    rest = horner(s * s, portable.log_coefficients)
    half = f * f * 0.5
    return k * portable.ln2_high - ((half - (s * (half + rest) + k * portable.ln2_low)) - f)


def plain_exp(x):
    k = float(round(x * 1.44269504088896338700))
    high, low = x - k * portable.ln2_high, k * portable.ln2_low
    r = high - low
    c = r - horner(r * r, portable.exp_coefficients)
    return math.ldexp(1.0 - ((low - r * c / (2.0 - c)) - high), int(k))


def plain_quantile(p):
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * (horner(r, portable.middle[0]) / horner(r, portable.middle[1]))
    r = math.sqrt(-plain_log(p if q < 0 else 1.0 - p))
    (above, below_), shift = (portable.outer, 1.6) if r <= 5 else (portable.tail, 5.0)
    z = horner(r - shift, above) / horner(r - shift, below_)
    return -z if q < 0 else z


def horner(x, coefficients):
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


def test_normal_numbers_have_the_bits_of_plain_python():
    key, draw, n = 11, 5, 2000
    g = Generator(key)
    g.draws = mp.asarray(np.uint64(draw))
    found = g.normal((n,), dtype=mp.float64).tolist()
    for place, number in enumerate(found):
        words = philox((key, 0), (place // 2, 0, draw, 0))
        high, low = (int(words[2 * (place % 2) + w]) for w in (0, 1))
        p = Fraction(2 * (high << 20 | low >> 12) + 1, 2**53)
        assert Fraction(float(p)) == p  # placed without rounding
        assert number == plain_quantile(float(p))


@pytest.mark.parametrize(
    ("value", "plain", "low", "high"),
    [
        (portable.log_value, plain_log, -300, 300),
        (portable.exp_value, plain_exp, None, None),
        (portable.normal_quantile_value, plain_quantile, -300, 0),
    ],
)
def test_portable_functions_have_the_bits_of_plain_python(value, plain, low, high):
    rng = np.random.default_rng(0)
    x = rng.uniform(-700, 700, 3000) if low is None else 10 ** rng.uniform(low, high, 3000)
    x = np.concatenate([x, rng.uniform(0.01, 0.99, 3000)])
    assert value(x).tolist() == [plain(number) for number in x.tolist()]


def in_ulp(found, exact):
    return max(float(abs(f - e) / float(np.spacing(abs(float(e))))) for f, e in zip(found.tolist(), exact, strict=True))


@pytest.fixture
def mpmath():
    module = pytest.importorskip("mpmath")
    with module.workdps(40):
        yield module


def test_the_logarithm_is_accurate(mpmath):
    rng = np.random.default_rng(1)
    x = np.concatenate([10 ** rng.uniform(-307, 308, 500), rng.uniform(0.5, 2, 1000), 1 + rng.normal(size=500) * 1e-6])
    assert in_ulp(portable.log_value(x), [mpmath.log(number) for number in x.tolist()]) < 1
    subnormal = 2.0 ** -np.arange(1022.0, 1075.0)
    assert in_ulp(portable.log_value(subnormal), [mpmath.log(number) for number in subnormal.tolist()]) < 1


def test_the_exponential_is_accurate(mpmath):
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-745, 709.7, 1000), rng.uniform(-1, 1, 1000), rng.normal(size=300) * 1e-8])
    assert in_ulp(portable.exp_value(x), [mpmath.exp(number) for number in x.tolist()]) < 1


def test_the_normal_quantile_is_accurate(mpmath):
    rng = np.random.default_rng(3)
    p = np.concatenate([rng.uniform(0, 1, 700), 10 ** rng.uniform(-16, -1, 300), 10 ** rng.uniform(-300, -16, 100)])
    found = portable.normal_quantile_value(p)

    def nearer(z, wanted):  # a step of Newton's method, which doubles the number of digits
        return z - (mpmath.erfc(-z / mpmath.sqrt(2)) / 2 - wanted) / mpmath.npdf(z)

    start = zip(map(mpmath.mpf, found.tolist()), p.tolist(), strict=True)
    exact = [nearer(nearer(z, wanted), wanted) for z, wanted in start]
    assert in_ulp(found, exact) < 6


def test_portable_functions_at_the_ends():
    inf, nan, least = math.inf, math.nan, 5e-324
    log = portable.portable_log(mp.asarray(np.array([0.0, -0.0, -1.0, inf, nan, 1.0])))
    np.testing.assert_array_equal(log, [-inf, -inf, nan, inf, nan, 0.0])
    exp = portable.portable_exp(
        mp.asarray(np.array([0.0, inf, -inf, nan, 709.78, 709.79, 1e300, -745.1, -746, -1e300]))
    )
    assert exp.tolist()[:3] == [1.0, inf, 0.0]
    assert np.isnan(exp.tolist()[3])
    assert 1.79e308 < exp.tolist()[4] < inf
    assert exp.tolist()[5:] == [inf, inf, least, 0.0, 0.0]
    p = np.array([0.0, 1.0, 0.5, -0.1, 1.1, nan, least, 1 - 2.0**-53])
    z = portable.normal_quantile(mp.asarray(p)).numpy()
    np.testing.assert_array_equal(z[:6], [-inf, inf, 0.0, nan, nan, nan])
    assert z[6] == pytest.approx(-38.467405617144344, rel=1e-15)
    assert z[7] == -portable.normal_quantile_value(np.float64(2.0**-53))


def test_portable_functions_in_float32_are_rounded_once():
    x = np.float32(np.random.default_rng(0).uniform(0.01, 0.99, 1000))
    for name, value in [("log", portable.log_value), ("exp", portable.exp_value)]:
        found = getattr(portable, f"portable_{name}")(mp.asarray(x)).numpy()
        np.testing.assert_array_equal(found, value(x.astype(np.float64)).astype(np.float32))


# ── from bits to numbers ─────────────────────────────────────────────────────────────────────────


def words(*pairs):
    return Array(np.asarray(pairs, np.uint32))


top = 2**32 - 1


def test_the_ends_of_what_bits_can_say():
    ends = words((0, 0), (top, top), (2**31, 0), (2**31 - 1, top))
    u = between(ends).tolist()
    assert u == [2.0**-53, 1 - 2.0**-53, 0.5 + 2.0**-53, 0.5 - 2.0**-53]
    z = portable.normal_quantile_value(np.asarray(u))
    assert z[0] == -z[1] == pytest.approx(-8.2095, abs=1e-4)
    assert z[2] == -z[3] > 0
    assert fraction(ends, np.dtype(np.float64)).tolist() == [0.0, 1 - 2.0**-53, 0.5, 0.5 - 2.0**-53]
    assert fraction(Array(np.uint32([0, top])), np.dtype(np.float32)).tolist() == [0.0, 1 - 2.0**-24]
    assert joined(ends).tolist() == [0, 2**64 - 1, 2**31, top << 32 | (2**31 - 1)]


def test_integers_below_a_limit_are_the_upper_half_of_an_exact_product():
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 2**32, size=(500, 2), dtype=np.uint32)
    limits = np.concatenate([rng.integers(1, 2**64, 250, dtype=np.uint64), rng.integers(1, 1000, 250, dtype=np.uint64)])
    found = below(Array(pairs), Array(limits)).tolist()
    drawn = [int(low) | int(high) << 32 for low, high in pairs]
    assert found == [w * int(n) >> 64 for w, n in zip(drawn, limits, strict=True)]
    assert below(words((5, 7)), Array(np.uint64(0))).tolist() == [7 << 32 | 5]
    assert below(words((top, top)), Array(np.uint64(3))).tolist() == [2]


def test_sums_have_an_order():
    x = np.random.default_rng(0).normal(size=(3, 7))
    halves = x[:, :4] + np.pad(x[:, 4:], ((0, 0), (0, 1)))
    halves = halves[:, :2] + halves[:, 2:]
    np.testing.assert_array_equal(total(mp.asarray(x)), halves[:, :1] + halves[:, 1:])


def test_the_logarithm_of_a_factorial():
    k = [0, 1, 2, 5, 20, 170]
    found = log_factorial(mp.asarray(np.asarray(k, np.float64))).tolist()
    assert found == pytest.approx([math.log(math.factorial(n)) for n in k], rel=1e-13, abs=1e-11)


# ── distributions ────────────────────────────────────────────────────────────────────────────────

continuous = {
    "uniform": (lambda g, **o: g.uniform((N,), -1.0, 3.0, **o), lambda s: s.uniform(-1, 4)),
    "normal": (lambda g, **o: g.normal((N,), 1.0, 2.0, **o), lambda s: s.norm(1, 2)),
    "exponential": (lambda g, **o: g.exponential((N,), 2.0, **o), lambda s: s.expon(scale=2)),
    "gumbel": (lambda g, **o: g.gumbel((N,), 1.0, 2.0, **o), lambda s: s.gumbel_r(1, 2)),
    "laplace": (lambda g, **o: g.laplace((N,), 1.0, 2.0, **o), lambda s: s.laplace(1, 2)),
    "gamma 0.2": (lambda g, **o: g.gamma(0.2, (N,), 2.0, **o), lambda s: s.gamma(0.2, scale=2)),
    "gamma 1": (lambda g, **o: g.gamma(1.0, (N,), **o), lambda s: s.gamma(1)),
    "gamma 9": (lambda g, **o: g.gamma(9.0, (N,), **o), lambda s: s.gamma(9)),
    "beta": (lambda g, **o: g.beta(2.0, 0.5, (N,), **o), lambda s: s.beta(2, 0.5)),
    "dirichlet": (lambda g, **o: g.dirichlet([0.5, 1.0, 2.0], (N,), **o)[:, 2], lambda s: s.beta(2, 1.5)),
}


@pytest.mark.parametrize("dtype", [mp.float32, mp.float64])
@pytest.mark.parametrize("name", continuous)
def test_continuous_distributions(name, dtype):
    stats = pytest.importorskip("scipy.stats")
    draw, distribution = continuous[name]
    x = draw(Generator(5), dtype=dtype)
    assert x.type == ArrayType((N,), np.dtype(dtype))
    x, law = x.numpy().astype(np.float64), distribution(stats)
    assert stats.kstest(x, law.cdf).pvalue > SIGNIFICANCE
    assert x.mean() == pytest.approx(law.mean(), abs=5 * law.std() / np.sqrt(N))
    fourth = law.stats("k") + 3
    assert x.var() == pytest.approx(law.var(), rel=5 * np.sqrt((fourth - 1) / N))


def test_the_test_of_distributions_can_fail():
    stats = pytest.importorskip("scipy.stats")
    assert stats.kstest(Generator(5).gamma(1.03, (N,)).numpy(), stats.gamma(1).cdf).pvalue < SIGNIFICANCE


@pytest.mark.parametrize("rate", [0.01, 0.7, 9.9, 10.0, 33.3, 4000.0])
def test_poisson(rate):
    stats = pytest.importorskip("scipy.stats")
    k = Generator(6).poisson(rate, (N,))
    assert k.dtype == mp.int64
    law = stats.poisson(rate)
    edges = np.unique(law.ppf(np.linspace(0.002, 0.998, 40)))
    expected = np.diff([0, *law.cdf(edges), 1]) * N
    counts = np.histogram(k.numpy(), [-1, *edges + 0.5, np.inf])[0]
    assert stats.chisquare(counts[expected > 5], expected[expected > 5] * counts[expected > 5].sum()
                           / expected[expected > 5].sum()).pvalue > SIGNIFICANCE  # fmt: skip
    assert Generator(6).poisson(0.0, (9,)).tolist() == [0] * 9


def chi_squared(counts, probabilities):
    stats = pytest.importorskip("scipy.stats")
    counts = np.asarray(counts)
    return stats.chisquare(counts, np.asarray(probabilities) * counts.sum()).pvalue


def test_integers():
    g = Generator(7)
    x = g.integers(-3, 7, (N,))
    assert x.dtype == mp.int64
    assert chi_squared(np.bincount(x.numpy() + 3), [0.1] * 10) > SIGNIFICANCE
    assert set(g.integers(0, 256, (N,), dtype=mp.uint8).tolist()) == set(range(256))
    wide = g.integers(-(2**63), 2**63, (N,)).numpy()
    assert abs(wide.astype(np.float64).mean()) < 5 * 2**64 / np.sqrt(12 * N)
    assert set(g.integers(mp.asarray([0, -5]), mp.asarray([1, -3]), (20, 2)).numpy()[:, 1].tolist()) == {-5, -4}
    assert g.integers([0, 10], 11, (3, 2)).numpy()[:, 1].tolist() == [10] * 3
    assert int(g.integers(2**64 - 1, 2**64, dtype=mp.uint64)) == 2**64 - 1


def test_categorical():
    g = Generator(8)
    drawn = g.categorical(mp.log([1.0, 2.0, 0.0, 5.0]), (N,))
    counts = np.bincount(drawn.numpy(), minlength=4)
    assert counts[2] == 0
    assert chi_squared(counts[[0, 1, 3]], [1 / 8, 2 / 8, 5 / 8]) > SIGNIFICANCE
    two = mp.asarray([[100.0, 0.0], [0.0, 100.0]])
    assert g.categorical(two).tolist() == [0, 1]
    assert g.categorical(two, (3, 2)).tolist() == [[0, 1]] * 3


@pytest.mark.parametrize("draws", [1200, pytest.param(4800, marks=pytest.mark.slow)])
def test_permutation(draws):
    g = Generator(9)
    orders = [tuple(g.permutation(4).tolist()) for _ in range(draws)]
    assert len(set(orders)) == 24
    assert chi_squared([orders.count(order) for order in sorted(set(orders))], [1 / 24] * 24) > SIGNIFICANCE
    x = np.arange(12).reshape(4, 3)
    assert sorted(g.permutation(x).tolist()) == x.tolist()
    assert g.permutation(0).shape == (0,)
    assert mp.grad(lambda x: mp.sum(g.permutation(x) * mp.asarray([1.0, 2.0])))(mp.zeros((2,))).tolist() in (
        [1, 2],
        [2, 1],
    )


@pytest.mark.parametrize("draws", [800, pytest.param(3000, marks=pytest.mark.slow)])
def test_choice(draws):
    g = Generator(10)
    assert chi_squared(np.bincount(g.choice(3, (N,)).numpy()), [1 / 3] * 3) > SIGNIFICANCE
    weighted = g.choice([10.0, 20.0, 30.0], (N,), weights=[1.0, 0.0, 3.0]).numpy()
    assert chi_squared([(weighted == value).sum() for value in (10, 30)], [0.25, 0.75]) > SIGNIFICANCE
    assert g.choice(np.eye(3), (2, 2)).shape == (2, 2, 3)
    pairs = [tuple(g.choice(3, 2, replace=False, weights=[1.0, 2.0, 3.0]).tolist()) for _ in range(draws)]
    exact = {(0, 1): 1 / 6 * 2 / 5, (0, 2): 1 / 6 * 3 / 5, (1, 0): 1 / 3 * 1 / 4, (1, 2): 1 / 3 * 3 / 4,
             (2, 0): 1 / 2 * 1 / 3, (2, 1): 1 / 2 * 2 / 3}  # fmt: skip
    assert chi_squared([pairs.count(pair) for pair in exact], list(exact.values())) > SIGNIFICANCE


def test_small_gamma_numbers_are_not_lost_in_shares():
    d = Generator(11).dirichlet([0.001, 0.002], (1000,), dtype=mp.float64).numpy()
    assert np.isfinite(d).all()
    np.testing.assert_allclose(d.sum(axis=1), 1, rtol=0, atol=4e-16)
    assert d[:, 0].mean() == pytest.approx(1 / 3, abs=0.08)


# ── laws of all methods ──────────────────────────────────────────────────────────────────────────

methods = {
    "bits": lambda g, shape: g.bits(shape),
    "uniform": lambda g, shape: g.uniform(shape),
    "uniform float64": lambda g, shape: g.uniform(shape, dtype=mp.float64),
    "integers": lambda g, shape: g.integers(0, 10**9, shape),
    "bernoulli": lambda g, shape: g.bernoulli(0.5, shape),
    "normal": lambda g, shape: g.normal(shape),
    "gumbel": lambda g, shape: g.gumbel(shape),
    "laplace": lambda g, shape: g.laplace(shape),
    "exponential": lambda g, shape: g.exponential(shape),
    "gamma": lambda g, shape: g.gamma(0.7, shape),
    "beta": lambda g, shape: g.beta(0.7, 2.0, shape),
    "poisson": lambda g, shape: g.poisson(30.0, shape),
    "dirichlet": lambda g, shape: g.dirichlet([0.7, 2.0], shape),
    "categorical": lambda g, shape: g.categorical([0.0, 0.1, 0.2], shape),
    "choice": lambda g, shape: g.choice(1000, shape),
}
others = {"permutation", "split", "fold_in"}


def test_every_method_is_tried():
    public = {name for name in vars(Generator) if not name.startswith("_")}
    assert {name.split()[0] for name in methods} | others == public


@pytest.mark.parametrize("name", methods)
def test_every_method_takes_one_draw_and_depends_on_positions_alone(name):
    draw = methods[name]
    g = Generator(12)
    flat = draw(g, (30,)).numpy()
    assert int(g.draws) == 1
    assert not np.array_equal(draw(g, (30,)), flat)
    np.testing.assert_array_equal(draw(Generator(12), (7,)), flat[:7])
    np.testing.assert_array_equal(draw(Generator(12), (2, 3, 5)), flat.reshape(2, 3, 5, *flat.shape[1:]))
    np.testing.assert_array_equal(draw(Generator(12), ()), flat[0])
    assert draw(Generator(12), (0,)).shape[0] == 0


legal_edges = {
    "weights with zeros": lambda g: g.choice(3, (40,), weights=[0.0, 1.0, 1.0]),
    "weights with zeros, without replacement": lambda g: g.choice(3, (2,), weights=[0.0, 1.0, 1.0], replace=False),
    "without replacement": lambda g: g.choice(9, (4,), replace=False),
    "logits of −∞": lambda g: g.categorical([0.0, -math.inf, 1.0], (40,)),
    "a probability of 0 and 1": lambda g: g.bernoulli([0.0, 1.0]),
    "a rate of 0": lambda g: g.poisson([0.0, 9.99, 10.0, 1e18]),
    "tiny gamma": lambda g: g.gamma([1e-3, 1e-300, 1e-320], scale=[1.0, 0.0, 1.0]),
    "tiny beta": lambda g: g.beta([1e-3, 1e-320], 1e-320),
    "one tiny share": lambda g: g.dirichlet([1e-310, 1e-3, 1e9], (40,)),
    "far limits": lambda g: g.uniform((40,), -3e38, 3e38),
    "half precision": lambda g: g.normal((40,), dtype=mp.float16),
    "permutation": lambda g: g.permutation(9),
    "split": lambda g: g.split(3)[1].normal(),
    "fold_in": lambda g: g.fold_in(3).normal(),
}


@pytest.mark.parametrize("name", [*methods, *legal_edges])
def test_debug_finds_nothing_to_accuse_in_a_legal_draw(name):
    draw = legal_edges[name] if name in legal_edges else lambda g: methods[name](g, (200,))
    with mp.debug():
        drawn = draw(Generator(0))
        graph = mp.trace(draw, Generator(0))
        mp.evaluate(graph, Generator(0))
        mp.grad(lambda x, g: x * mp.sum(draw(g).astype(mp.float64)))(mp.asarray(1.0, dtype=mp.float64), Generator(0))
    assert np.isfinite(drawn.numpy().astype(np.float64)).all()


@pytest.mark.parametrize("name", methods)
def test_a_traced_draw_has_the_bits_of_the_eager_one(name):
    f = lambda g: methods[name](g, (5,))
    graph = mp.trace(f, Generator(6))
    drawn, draws = mp.evaluate(graph, Generator(6))
    assert drawn.numpy().tobytes() == f(Generator(6)).numpy().tobytes()
    assert int(draws) == 1
    text = str(graph)
    assert str(mp.parse(text)) == text


def test_a_gamma_number_does_not_depend_on_how_often_its_neighbours_were_rejected():
    a = np.full(40, 0.9)
    first = Generator(13).gamma(a, dtype=mp.float64).numpy()
    a[1::2] = 1e-3
    np.testing.assert_array_equal(Generator(13).gamma(a, dtype=mp.float64).numpy()[::2], first[::2])


def test_the_dtype_is_rounded_to_once():
    for draw in (continuous["normal"][0], continuous["gamma 0.2"][0], continuous["gumbel"][0]):
        wide = draw(Generator(3), dtype=mp.float64).numpy()
        for dtype in (mp.float16, mp.float32):
            np.testing.assert_array_equal(draw(Generator(3), dtype=dtype), wide.astype(dtype))


def test_parameters_of_many_shapes():
    mean, deviation = mp.asarray([0.0, 100.0]), mp.asarray([[0.0], [1e-3]])
    x = Generator(0).normal(None, mean, deviation)
    assert x.shape == (2, 2)
    assert x[0].tolist() == [0, 100]
    assert Generator(0).normal((3, 2, 2), mean, deviation).shape == (3, 2, 2)
    assert Generator(0).gamma(np.ones((2, 1)), scale=[1.0, 2.0, 3.0]).shape == (2, 3)
    assert Generator(0).dirichlet(np.ones((4, 3))).shape == (4, 3)


@pytest.mark.parametrize(
    ("draw", "standard"),
    [
        (lambda g, m, s: g.normal((4,), m, s), lambda g: g.normal((4,))),
        (lambda g, m, s: g.gumbel((4,), m, s), lambda g: g.gumbel((4,))),
        (lambda g, m, s: g.laplace((4,), m, s), lambda g: g.laplace((4,))),
        (lambda g, m, s: g.exponential((4,), s) + m, lambda g: g.exponential((4,))),
        (lambda g, m, s: g.gamma(2.0, (4,), s) + m, lambda g: g.gamma(2.0, (4,))),
        (lambda g, m, s: g.uniform((4,), m, m + s), lambda g: g.uniform((4,))),
    ],
)
def test_location_and_scale_have_gradients(draw, standard):
    m, s = mp.asarray([1.0, 2.0, 3.0, 4.0]), mp.asarray(2.0)
    to_location, to_scale = mp.grad(lambda m, s: mp.sum(draw(Generator(1), m, s)), [0, 1])(m, s)
    assert to_location.tolist() == [1, 1, 1, 1]
    assert float(to_scale) == pytest.approx(float(mp.sum(standard(Generator(1)))), rel=1e-6)


@pytest.mark.parametrize(
    "draw",
    [
        lambda g, a: g.gamma(a),
        lambda g, a: g.beta(a, 2.0 * a),
        lambda g, a: g.dirichlet(mp.stack([a, a]))[0],
        lambda g, a: g.poisson(a).astype(mp.float32),
        lambda g, a: g.bernoulli(a / 9).astype(mp.float32),
    ],
)
def test_no_gradient_flows_where_none_is_promised(draw):
    assert float(mp.grad(lambda a: draw(Generator(1), a) + 3.0 * a)(2.0)) == 3.0


def test_parameters_that_are_outside_in_a_trace_give_nan():
    graph = mp.trace(lambda a: Generator(0).gamma(a), mp.asarray([1.0, 1.0, 1.0, 1.0]))
    found = mp.evaluate(graph, mp.asarray([1.0, 0.0, -1.0, np.nan])).numpy()
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, True])


# ── what is refused ──────────────────────────────────────────────────────────────────────────────

refused = {
    "negative deviation": (lambda g: g.normal((), 0.0, -1.0), SettingError, "normal: deviation is 0 or .* not -1.0"),
    "one negative of many": (lambda g: g.normal((2,), 0.0, [1.0, -2.0]), SettingError, "not -2.0"),
    "mean NaN": (lambda g: g.normal((), math.nan), SettingError, "normal: mean is a finite number, not nan"),
    "p above 1": (lambda g: g.bernoulli(1.5), SettingError, "bernoulli: p is from 0 to 1, not 1.5"),
    "p below 0": (lambda g: g.bernoulli(mp.asarray([0.5, -0.5])), SettingError, "not -0.5"),
    "p NaN": (lambda g: g.bernoulli(math.nan), SettingError, "not nan"),
    "low is high": (lambda g: g.integers(3, 3), SettingError, "low=3 is not below high=3"),
    "low above high": (lambda g: g.uniform((), 2.0, 1.0), SettingError, "uniform: low=2.0 is not below high=1.0"),
    "beyond the dtype": (lambda g: g.integers(0, 300, dtype=mp.uint8), SettingError, "300 do not fit into uint8"),
    "below the dtype": (lambda g: g.integers(-1, 3, dtype=mp.uint8), SettingError, "-1 do not fit into uint8"),
    "fractions": (lambda g: g.integers(0.5, 2), DTypeError, "integers takes integers, not f32"),
    "integers as floats": (lambda g: g.integers(0, 2, dtype=mp.float32), DTypeError, "not of dtype f32"),
    "a = 0": (lambda g: g.gamma(0.0), SettingError, "gamma: a is a number above 0, not 0.0"),
    "b < 0": (lambda g: g.beta(1.0, -1.0), SettingError, "beta: b is a number above 0"),
    "rate < 0": (lambda g: g.poisson(-1.0), SettingError, "poisson: rate is 0 or .* not -1.0"),
    "shapes": (lambda g: g.normal((2,), [1.0, 2.0, 3.0]), ShapeError, r"normal: .*\(3,\) and \(2,\)"),
    "a shape too short": (lambda g: g.normal((2,), [[1.0], [2.0]]), ShapeError, r"normal: .*\(2, 1\) do not fit"),
    "text": (lambda g: g.normal((), "a"), DTypeError, "numbers from str"),
    "nothing": (lambda g: g.gamma(None), DTypeError, "numbers from NoneType"),
    "a truth value": (lambda g: g.normal((), True), DTypeError, "takes numbers, not bool"),
    "a logit NaN": (lambda g: g.categorical([0.0, math.nan]), SettingError, "logits is a finite number or −∞"),
    "one logit": (lambda g: g.categorical(1.0), ShapeError, "along the last axis"),
    "no class": (lambda g: g.categorical(np.zeros((2, 0))), ShapeError, "along the last axis"),
    "less than nothing": (lambda g: g.permutation(-1), ShapeError, "not -1"),
    "half an item": (lambda g: g.permutation(2.5), ShapeError, "not 2.5"),
    "low beyond the dtype": (lambda g: g.uniform((), -1e39, 0.0), SettingError, "low is .* float32 holds.*-1e"),
    "high beyond the dtype": (lambda g: g.uniform((), 0, 65520, dtype=mp.float16), SettingError, "holds.*65520"),
    "high of 100 bits": (lambda g: g.uniform((), 0, 10**40), SettingError, "high is .* float32 holds"),
    "high infinite": (lambda g: g.uniform((), 0.0, math.inf, dtype=mp.float64), SettingError, "finite .* not inf"),
    "a rate beyond int64": (lambda g: g.poisson(1e19), SettingError, r"rate is .* at most 9\.22.* not 1e\+19"),
    "no weight": (lambda g: g.choice(3, (3,), weights=[0.0, 0.0, 0.0]), SettingError, "0 of the 3 weights are above 0"),
    "no weight, no replacement": (
        lambda g: g.choice(4, 3, weights=[1.0, 0, 0, 0], replace=False), SettingError, "3 to be drawn, and 1 of the 4"),
    "no possible class": (lambda g: g.categorical([-math.inf, -math.inf]), SettingError, "no class can be drawn"),
    "one without a class": (lambda g: g.categorical([[0.0, 1.0], [-math.inf] * 2]), SettingError, "no class"),
    "a negative exponential": (lambda g: g.exponential((), -1.0), SettingError, "not -1.0"),
    "a negative width": (lambda g: g.laplace((), 0.0, -1.0), SettingError, "not -1.0"),
    "an infinite place": (lambda g: g.gumbel((), math.inf), SettingError, "not inf"),
    "shares of nothing": (lambda g: g.dirichlet([0.0, 1.0]), SettingError, "not 0.0"),
    "bits of no shape": (lambda g: g.bits("a"), ShapeError, "no shape"),
    "split by nothing": (lambda g: g.split(-1), ShapeError, "no shape"),
    "folded in": (lambda g: g.fold_in(-1), SettingError, "fold_in"),
    "one of one": (lambda g: g[0], ShapeError, "not several"),
    "a seed": (lambda _: Generator(-1), SettingError, "seed"),
    "a seed of all": (lambda _: mp.seed(-1), SettingError, "seed"),
    "more than there are": (lambda g: g.choice(2, 3, replace=False), SettingError, "3 of 2 cannot be drawn"),
    "weights for others": (lambda g: g.choice(3, weights=[1.0, 2.0]), ShapeError, "there are 3 to choose from"),
}  # fmt: skip


@pytest.mark.parametrize("name", refused)
def test_what_is_refused(name):
    draw, error, match = refused[name]
    g = Generator(0)
    with pytest.raises(error, match=match) as caught:
        draw(g)
    assert int(g.draws) == 0
    assert "at:  test_ops_distributions.py:" in str(caught.value)


def test_every_method_refuses_something():
    named = {name for draw, _, _ in refused.values() for name in draw.__code__.co_names}
    assert {name for name in vars(Generator) if not name.startswith("_")} <= named


@pytest.mark.parametrize(
    "name", ["negative deviation", "p above 1", "a = 0", "no possible class", "a rate beyond int64"]
)
def test_what_is_known_inside_a_gradient_is_refused_there(name):
    draw, error, match = refused[name]
    with pytest.raises(error, match=match):
        mp.grad(lambda x: x * mp.sum(draw(Generator(0)).astype(mp.float32)))(1.0)


def test_a_parameter_that_is_differentiated_is_refused():
    with pytest.raises(SettingError, match=r"deviation is 0 or .* not -1\.0"):
        mp.grad(lambda s: Generator(0).normal((), 0.0, s))(-1.0)


def test_the_largest_rate():
    drawn = Generator(0).poisson(9.22e18, (1000,)).numpy()
    assert np.all(np.abs(drawn / 9.22e18 - 1) < 1e-8)


def test_weights_of_zero_are_never_drawn_and_the_rest_in_proportion():
    g = Generator(3)
    order = g.choice(5, 3, weights=[0.0, 1e-320, 3.0, 0.0, 1e300], replace=False).tolist()
    assert order == [4, 2, 1]
    weighted = mp.trace(lambda g, w: g.choice(3, (N,), weights=w), g, mp.asarray([1.0, 1.0, 1.0]))
    drawn, _ = mp.evaluate(weighted, g, mp.asarray([1.0, 0.0, 3.0]))
    counts = np.bincount(drawn.numpy(), minlength=3)
    assert counts[1] == 0
    assert chi_squared(counts[[0, 2]], [0.25, 0.75]) > SIGNIFICANCE


# ── sorting ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sort_and_argsort(axis):
    x = np.random.default_rng(0).integers(0, 4, size=(5, 6)).astype(np.float32)
    np.testing.assert_array_equal(mp.argsort(x, axis=axis), np.argsort(x, axis=axis, kind="stable"))
    np.testing.assert_array_equal(mp.sort(x, axis=axis), np.sort(x, axis=axis))
    np.testing.assert_array_equal(mp.sort(x, axis=axis, descending=True), -np.sort(-x, axis=axis))
    np.testing.assert_array_equal(
        mp.argsort(x, axis=axis, descending=True), np.argsort(-x, axis=axis, kind="stable")
    )  # equal elements in their order, also here


def test_sorting_at_the_edges():
    assert mp.sort([3.0, math.nan, -math.inf, 1.0]).tolist()[:3] == [-math.inf, 1, 3]
    assert mp.argsort([True, False]).tolist() == [1, 0]
    assert mp.sort(np.zeros((0,))).shape == (0,)
    with pytest.raises(ShapeError, match="sort: axis"):
        mp.sort(3.0)


def test_the_gradient_of_sort_follows_the_elements():
    weights = mp.asarray([1.0, 2.0, 3.0])
    assert mp.grad(lambda x: mp.sum(mp.sort(x) * weights))(mp.asarray([5.0, 1.0, 3.0])).tolist() == [3, 1, 2]
