"""Random numbers: the published generator, the published distributions, and positions instead of history."""

import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import DTypeError, SettingError
from maplet.ops.random import Generator, as_generator, philox


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
    seen = {draw(parent.spawn(n)) for n in range(50)} | {
        draw(Generator(7)),
        draw(Generator(8)),
        draw(Generator(8).spawn(0)),
    }
    assert len(seen) == 53
    assert draw(parent.spawn(3)) == draw(Generator(7).spawn(3))
    assert int(parent.draws) == 0


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


@pytest.mark.parametrize("bad", [-1, 2**32, True])
def test_streams_that_are_none(bad):
    with pytest.raises(SettingError, match="stream"):
        Generator(0).spawn(bad)


@pytest.mark.parametrize(
    "draw", [lambda: Generator(0).uniform((2,), dtype=mp.int64), lambda: Generator(0).normal((2,), dtype=mp.int32)]
)
def test_random_numbers_are_real(draw):
    with pytest.raises(DTypeError, match="floating"):
        draw()
