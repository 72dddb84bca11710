"""Random numbers: the published generator, the published distributions, and positions instead of history."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import DTypeError, PositionError, SettingError, ShapeError, TraceError
from maplet.ops.philox import philox
from maplet.ops.random import Generator, as_generator
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import compute


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_the_known_answers_of_random123(counter, key, expected):
    words = lambda text: tuple(int(word, 16) for word in text.split())
    assert tuple(int(word) for word in philox(words(key), words(counter))) == words(expected)


def bits(shape, key=11, draw=5):
    return bind("random_bits", Array(np.uint64(key)), Array(np.uint64(draw)), shape=shape).numpy()


def test_a_draw_depends_on_the_position_of_the_element_only():
    flat = bits((30,))
    np.testing.assert_array_equal(bits((5, 6)).ravel(), flat)
    np.testing.assert_array_equal(bits((2, 3, 5)).ravel(), flat)
    np.testing.assert_array_equal(bits((7,)), flat[:7])
    assert bits(()) == flat[0]
    assert not np.array_equal(bits((30,), draw=6), flat)
    assert not np.array_equal(bits((30,), key=12), flat)


def test_large_keys_and_draws_use_all_their_bits():
    seen = {bits((4,), key, draw).tobytes() for key in (0, 1, 2**32, 2**63) for draw in (0, 1, 2**32, 2**63)}
    assert len(seen) == 16


@pytest.mark.parametrize("dtype", [mp.float16, mp.float32, mp.float64])
def test_uniform_numbers(dtype):
    n = 100_000
    u = Generator(1).uniform((n,), dtype=dtype)
    assert u.type == ArrayType((n,), np.dtype(dtype))
    u = u.numpy().astype(np.float64)
    assert u.min() >= 0
    assert u.max() < 1
    assert u.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * n) + 2**-11 * (dtype == mp.float16))
    assert u.var() == pytest.approx(1 / 12, rel=0.02)
    counts = np.histogram(u, bins=16, range=(0, 1))[0]
    assert np.sum((counts - n / 16) ** 2) / (n / 16) < 45  # χ² with 15 degrees of freedom exceeds this once in 10,000
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 5 / np.sqrt(n)


@pytest.mark.parametrize(("low", "high"), [(1.0, 2.0), (-1.0, 1.0), (0.0, 1e-30), (5.0, 9.0)])
def test_uniform_numbers_stay_below_their_upper_limit(low, high, monkeypatch):
    """Also where the largest draw would round up to it."""
    g = Generator(0)
    monkeypatch.setattr(g, "bits", lambda shape: mp.full(shape, 2**32 - 1, dtype=mp.uint32), raising=False)
    for dtype in (mp.float32, mp.float64):
        top = g.uniform((3,), low, high, dtype=dtype).numpy()
        assert np.all(top < np.asarray(high, dtype))
        assert np.all(top > np.asarray(low, dtype))


@pytest.mark.parametrize("dtype", [mp.float32, mp.float64])
def test_normal_numbers(dtype):
    n = 100_000
    z = Generator(2).normal((n,), 3.0, 2.0, dtype=dtype)
    assert z.dtype == dtype
    z = (z.numpy().astype(np.float64) - 3) / 2
    for power, moment, spread in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert np.mean(z**power) == pytest.approx(moment, abs=5 * np.sqrt(spread / n))
    assert np.abs(z).max() < 6


def test_bernoulli():
    g = Generator(3)
    assert float(mp.mean(g.bernoulli(0.3, (50_000,)).astype(mp.float32))) == pytest.approx(0.3, abs=0.01)
    assert not mp.any(g.bernoulli(0.0, (100,)))
    assert mp.all(g.bernoulli(1.0, (100,)))
    assert g.bernoulli(mp.asarray([0.0, 1.0]), (3, 2)).tolist() == [[False, True]] * 3


def test_streams_differ_and_repeat():
    draw = lambda g: g.uniform((8,)).numpy().tobytes()
    parent = Generator(7)
    seen = {draw(parent.fold_in(n)) for n in range(50)} | {
        draw(Generator(7)),
        draw(Generator(8)),
        draw(Generator(8).fold_in(0)),
        draw(parent.fold_in(2**63 - 1)),
        draw(parent.fold_in(2).fold_in(3)),
        draw(parent.fold_in(3).fold_in(2)),
    }
    assert len(seen) == 56
    parent.normal((3,))
    assert draw(parent.fold_in(3)) == draw(Generator(7).fold_in(3))
    assert int(parent.draws) == 1


def test_a_traced_number_can_be_folded_in():
    eager = [Generator(7).fold_in(n).bits((3,)).tolist() for n in range(4)]
    graph = mp.trace(lambda n: Generator(7).fold_in(n).bits((3,)), mp.asarray(2))
    assert mp.evaluate(graph, mp.asarray(2)).tolist() == eager[2]
    several = Generator(7).fold_in(mp.arange(4))
    assert [several[n].bits((3,)).tolist() for n in range(4)] == eager


def test_split_gives_generators_of_their_own():
    parent = Generator(7)
    first, second = parent.split(3), parent.split(3)
    assert int(parent.draws) == 2
    assert first.key.type == first.draws.type == ArrayType((3,), np.dtype(np.uint64))
    seen = {one.uniform((4,)).numpy().tobytes() for one in (*first, *second)}
    assert len(seen) == 6
    assert first[-1].normal().tolist() == first[2].normal().tolist()
    assert Generator(7).split(5)[2].key.tolist() == first[2].key.tolist()


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda several: several.normal((2,)), ShapeError, r"made by split(?s:.*)vmap"),
        (lambda several: several[3], PositionError, "index 3 is outside"),
        (lambda several: several["a"], DTypeError, "index of type str"),
        (lambda several: several[0, 0], ShapeError, "2 indices"),
        (lambda several: several[0][0], ShapeError, "one generator, not several"),
        (lambda several: several[0].split(-1), ShapeError, "split"),
    ],
)
def test_what_several_generators_cannot_do(use, error, match):
    with pytest.raises(error, match=match):
        use(Generator(0).split(3))


def test_some_of_several_generators():
    several, table = Generator(4).split(4), Generator(4).split((2, 3))
    keys = several.key.tolist()
    several.draws = mp.asarray(np.arange(4, dtype=np.uint64))
    assert several[1:3].key.tolist() == keys[1:3]
    assert several[1:3].draws.tolist() == [1, 2]
    assert several[mp.asarray([3, 0])].key.tolist() == [keys[3], keys[0]]
    assert several[np.int64(2)].key.tolist() == several[mp.asarray(2)].key.tolist() == keys[2]
    assert table[1, 2].key.tolist() == table[1][2].key.tolist() == table.key.tolist()[1][2]
    assert [part.key.shape for part in table] == [(3,), (3,)]


def test_the_number_of_a_generator_may_be_traced():
    several = Generator(4).split(4)
    expected = [one.normal().tolist() for one in several]
    assert mp.scan(lambda carry, n: (carry, several[n].normal()), None, mp.arange(4))[1].tolist() == expected
    assert mp.vmap(lambda n: several[n].normal())(mp.asarray([2, -1])).tolist() == [expected[2], expected[3]]


def test_threads_never_get_the_same_draw():
    g = Generator(0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            drawn = list(pool.map(lambda _: g.bits((2,)).numpy().tobytes(), range(1200)))
    finally:
        sys.setswitchinterval(interval)
    assert int(g.draws) == 1200
    assert set(drawn) == {bits((2,), key=0, draw=draw).tobytes() for draw in range(1200)}


@pytest.mark.parametrize("f", [lambda g: g.normal((2,)), lambda g: g.gamma([0.5, 3.0]), lambda g: g.permutation(4)])
def test_a_batch_of_generators_draws_what_each_of_them_would(f):
    several = Generator(4).split(3)
    graph, _ = batch(mp.trace(f, several[0]), 3, [True, True], rows=True)
    drawn, draws = compute(graph, [several.key.numpy(), several.draws.numpy()])
    assert draws.tolist() == [1, 1, 1]
    for row, one in zip(drawn, several, strict=True):
        assert row.tobytes() == f(one).numpy().tobytes()


def test_rows_that_share_a_generator_draw_different_numbers():
    g = Generator(4)
    graph, _ = batch(mp.trace(lambda x, g: x + g.normal((2,)), mp.zeros((2,)), g), 3, [True, False, False], rows=True)
    drawn, draws = compute(graph, [np.zeros((3, 2), np.float32), g.key.numpy(), g.draws.numpy()])
    assert drawn.tobytes() == g.normal((3, 2)).numpy().tobytes()
    assert draws == 1


names = [name for name in vars(Generator) if not name.startswith("_")]


@pytest.mark.parametrize("name", [*names, "randn", "shuffle", "default_rng"])
def test_names_that_people_look_for_show_the_way(name):
    with pytest.raises(AttributeError, match=r"mp\.random\.Generator\(seed\)"):
        getattr(mp.random, name)
    assert not hasattr(mp.random, name)
    assert not hasattr(mp.random, "no_such_thing")


def test_the_default_generator_starts_at_zero_and_can_be_set():
    mp.seed(0)
    first = as_generator(None).uniform((3,))
    assert first.tolist() == Generator(0).uniform((3,)).tolist()
    mp.seed(5)
    assert mp.random.default.uniform((3,)).tolist() == Generator(5).uniform((3,)).tolist()
    mp.seed(0)


def test_what_rng_may_be():
    g = Generator(4)
    assert as_generator(g) is g
    assert as_generator(4).uniform(()).tolist() == g.uniform(()).tolist()
    assert as_generator(np.int64(4)).key.tolist() == 4
    first, second = (as_generator(np.random.default_rng(0)) for _ in range(2))
    assert int(first.key) == int(second.key)


@pytest.mark.parametrize(
    "turn",
    [
        lambda rng: mp.scan(lambda carry, _: (carry, as_generator(rng).normal()), None, length=3),
        lambda rng: mp.vmap(lambda x: x + mp.nn.Linear(1, 1, rng=rng).weight)(mp.zeros((3,))),
        lambda rng: mp.trace(lambda: as_generator(rng).normal()),
        lambda rng: mp.grad(lambda x: mp.sum(mp.map(lambda y: y * as_generator(rng).normal(), x)))(mp.ones((3,))),
    ],
)
def test_a_numpy_generator_cannot_count_its_draws_in_a_graph(turn):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(TraceError, match=r"test_ops_random(?s:.*)mp\.random\.Generator\(int\(rng\.integers"):
        turn(rng)
    assert rng.bit_generator.state == before


def test_a_numpy_generator_may_make_a_layer_where_there_are_values():
    weigh = lambda x: mp.sum(mp.nn.Linear(2, 1, rng=np.random.default_rng(0))(x))
    expected = mp.nn.Linear(2, 1, rng=np.random.default_rng(0)).weight
    assert mp.grad(weigh)(mp.ones((2,))).tolist() == expected.numpy().ravel().tolist()


def test_a_generator_advances_once_in_a_gradient_and_not_on_failure():
    g, twin = Generator(9), Generator(9)

    def f(s, g):
        return s * mp.sum(g.uniform((3,)))

    assert float(mp.grad(f)(1.0, g)) == pytest.approx(float(mp.sum(twin.uniform((3,)))))
    assert int(g.draws) == 1
    with pytest.raises(ZeroDivisionError):
        mp.grad(lambda s: f(s, g) / (1 // 0))(1.0)
    assert int(g.draws) == 1


def test_a_traced_draw_has_the_bits_of_the_eager_one():
    graph = mp.trace(lambda g: g.normal((5,)), Generator(6))
    drawn = mp.evaluate(graph, Generator(6))
    assert drawn[0].numpy().tobytes() == Generator(6).normal((5,)).numpy().tobytes()


@pytest.mark.parametrize("bad", [-1, 2**64, 1.5, True, "0"])
def test_seeds_that_are_none(bad):
    with pytest.raises(SettingError, match="seed"):
        Generator(bad)


@pytest.mark.parametrize(
    "bad",
    [-1, 2**63, 2**64 + 3, True, 1.5, mp.asarray(-1), np.int64(-1), np.int8(-1), np.uint64(2**63 + 3), [1, -2],
     mp.asarray([3, -1])],
)  # fmt: skip
def test_numbers_that_cannot_be_folded_in(bad):
    with pytest.raises((SettingError, DTypeError), match=r"(?s)fold_in takes.*at: .*test_ops_random"):
        Generator(0).fold_in(bad)


def test_a_number_that_cannot_be_folded_in_is_seen_inside_a_gradient():
    fold = lambda x, n: x * Generator(0).fold_in(n).normal()
    with pytest.raises(SettingError, match="fold_in"):
        mp.grad(fold)(1.0, mp.asarray(-1))
    graph = mp.trace(fold, 1.0, mp.asarray(0))  # as is documented: of a traced number the lower 63 bits count
    assert mp.evaluate(graph, 1.0, mp.asarray(-1)).tolist() == fold(1.0, 2**63 - 1).tolist()


@pytest.mark.parametrize("dtype", [mp.float16, mp.float32, mp.float64])
@pytest.mark.parametrize(("low", "high"), [(-0.9, 0.9), (-1.0, 1.0), (-0.5, 0.6), (-0.25, 0.25)])
def test_uniform_limits_may_be_as_far_apart_as_their_dtype_goes(dtype, low, high):
    n, top = 20_000, float(np.finfo(dtype).max)
    limits = low * top, high * top
    u = Generator(3).uniform((n,), *limits, dtype=dtype)
    unit = Generator(3).uniform((n,), dtype=dtype).numpy().astype(np.float64)
    expected = low * (1 - unit) + high * unit
    np.testing.assert_allclose(u.numpy().astype(np.float64) / top, expected, rtol=0, atol=2 * np.finfo(dtype).eps)
    assert np.all(u.numpy() < np.dtype(dtype).type(limits[1]))
    place = lambda low, high: Generator(3).uniform((n,), low, high, dtype=dtype)
    traced = [mp.asarray(limit, dtype=dtype) for limit in limits]
    with mp.debug():
        assert mp.evaluate(mp.trace(place, *traced), *traced).numpy().tobytes() == place(*traced).numpy().tobytes()
        slopes = mp.grad(lambda a, b: place(a, b)[0], [0, 1])(*traced)
    assert [slope.tolist() for slope in slopes] == pytest.approx([1 - unit[0], unit[0]], abs=float(np.finfo(dtype).eps))


def test_limits_near_and_far_in_one_draw():
    low, high = [-3e38, 0.0, -1.0], [3e38, 1e-30, 3.0]
    together = Generator(1).uniform((1000, 3), low, high).numpy()
    for place in (1, 2):  # the near ones have the bits that they have alone
        alone = Generator(1).uniform((1000, 3), low[place], high[place]).numpy()
        np.testing.assert_array_equal(together[:, place], alone[:, place])
    assert (together[:, 0].astype(np.float64) / 6e38).std() == pytest.approx(1 / math.sqrt(12), rel=0.05)


def test_limits_may_be_numpy_arrays():
    assert Generator(0).uniform(None, np.zeros(3), 1.0).tolist() == Generator(0).uniform((3,)).tolist()


@pytest.mark.parametrize(
    "draw", [lambda: Generator(0).uniform((2,), dtype=mp.int64), lambda: Generator(0).normal((2,), dtype=mp.int32)]
)
def test_random_numbers_are_real(draw):
    with pytest.raises(DTypeError, match="floating"):
        draw()
