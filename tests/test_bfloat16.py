"""bfloat16: numbers of 16 bits that are stored so and computed with in float32, natively as in `evaluate`."""

# A table of functions of one signature, of which each uses what it needs.
# ruff: noqa: ARG005

import ml_dtypes
import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.errors import DTypeError
from native_laws import assert_equal

rng = np.random.default_rng(0)
everywhere = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)


def test_every_number_goes_to_float32_and_back():
    wide = np.asarray(mp.jit(lambda x: mp.astype(x, mp.float32))(mp.asarray(everywhere)))
    np.testing.assert_array_equal(wide, everywhere.astype(np.float32))
    back = np.asarray(mp.jit(lambda x: mp.astype(x, mp.bfloat16))(mp.asarray(wide)))
    assert_equal(back, everywhere)


def test_rounding_is_to_the_nearest_and_ties_to_even():
    bits = rng.integers(0, 2**32, size=200_000, dtype=np.uint32)
    ties = (rng.integers(0, 2**16, size=1000, dtype=np.uint32) << 16) | 0x8000
    x = np.concatenate([bits, ties, ties + 1, ties - 1]).view(np.float32)
    with np.errstate(all="ignore"):
        expected = x.astype(ml_dtypes.bfloat16)
    assert_equal(np.asarray(mp.jit(lambda x: mp.astype(x, mp.bfloat16))(mp.asarray(x))), expected)


programs = {
    "arithmetic": lambda x, y: (x * 3 - y) / (1 + mp.abs(x)),
    "functions": lambda x, y: mp.exp(-mp.square(x)) + mp.tanh(y),
    "sums": lambda x, y: mp.sum(x, axis=1) + mp.sum(y, axis=1),
    "across": lambda x, y: mp.mean(x + y, axis=0),
    "product": lambda x, y: x @ y.T,
    "turned": lambda x, y: x.T + 1,
    "joined": lambda x, y: mp.concat([x, mp.flip(y, axis=1)], axis=1)[:, ::2],
    "extremes": lambda x, y: mp.max(x, axis=1) + mp.astype(mp.argmin(y, axis=1), mp.bfloat16),
    "running": lambda x, y: mp.cumulative_sum(x, axis=1),
    "softmax": lambda x, y: mp.softmax(x) * y,
    "looked up": lambda x, y: mp.take(x, mp.argmax(y, axis=0), axis=0),
    "host": lambda x, y: mp.sort(x, axis=1),
    "with float32": lambda x, y: mp.astype(x, mp.float32) * y,
    "gradient": lambda x, y: mp.grad(lambda x: mp.sum(mp.sigmoid(x @ y.T)))(x),
}


@pytest.mark.parametrize("name", programs)
def test_native_code_gives_the_same_bits(name):
    x, y = (mp.asarray(rng.normal(size=(21, 70)), dtype=mp.bfloat16) for _ in range(2))
    expected, found = programs[name](x, y), mp.jit(programs[name])(x, y)
    assert found.dtype == expected.dtype
    if name in ("sums", "across", "product", "softmax", "gradient", "functions"):
        np.testing.assert_allclose(found.astype(mp.float32), expected.astype(mp.float32), rtol=2**-7, atol=2**-7)
    else:
        assert_equal(np.asarray(found), np.asarray(expected))


def test_sums_do_not_stop_growing():
    """In bfloat16 itself 256 + 1 is 256."""
    ones = mp.ones((4, 5000), dtype=mp.bfloat16)
    for total in (mp.sum(ones, axis=1), mp.jit(lambda x: mp.sum(x, axis=1))(ones), (ones @ ones.T)[0]):
        assert float(total[0]) == 4992  # 5000, rounded once


def test_dtypes_meet():
    x = mp.ones(3, dtype=mp.bfloat16)
    assert (x + 1.5).dtype == (x * 2).dtype == (x + mp.ones(3, dtype=mp.int32)).dtype == mp.bfloat16
    assert (x + mp.ones(3)).dtype == mp.float32
    assert (x + mp.ones(3, dtype=mp.float16)).dtype == mp.float32  # neither holds the other
    assert (x + mp.ones(3, dtype=mp.float64)).dtype == mp.float64
    assert mp.finfo(mp.bfloat16).eps == 2.0**-7
    assert mp.isdtype(mp.bfloat16, "real floating")
    assert mp.asarray([1.0], dtype="bfloat16").dtype == mp.asarray([1.0], dtype="bf16").dtype == mp.bfloat16


def half(net):
    """A network whose parameters take half of the memory."""
    for layer in net.layers:
        if isinstance(layer, nn.Linear):
            layer.weight = mp.Parameter(layer.weight.astype(mp.bfloat16))
            layer.bias = mp.Parameter(layer.bias.astype(mp.bfloat16))
    return net


def test_a_network_trains_saves_and_loads(tmp_path):
    mp.seed(0)
    net = half(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)))
    x, y = mp.asarray(rng.normal(size=(64, 8)), dtype=mp.bfloat16), np.arange(64) % 3
    optimizer = optim.Adam(1e-2)
    optimizer.init(net)

    @mp.jit
    def step(net, optimizer, x, y):
        loss, gradients = mp.value_and_grad(lambda net: nn.cross_entropy(net(x), y))(net)
        optimizer.update(net, gradients)
        return loss

    losses = [float(step(net, optimizer, x, y)) for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]
    assert net.layers[0].weight.dtype == mp.bfloat16
    mp.save(net, tmp_path / "net")
    assert_equal(np.asarray(mp.load(tmp_path / "net").net(x)), np.asarray(net(x)))


def test_what_cannot_be_is_said():
    with pytest.raises(DTypeError, match="bf16"):
        mp.linalg.inv(mp.eye(2, dtype=mp.bfloat16))


# ── both kinds of halves ─────────────────────────────────────────────────────────────────────────

halves = [mp.float16, mp.bfloat16]


def sums_of_many(dtype):
    """Sums of thousands of ones, which in halves would stop growing at 2048, or at 256."""
    ones, places = mp.ones((5000, 2), dtype=dtype), mp.zeros((5000,), dtype=mp.int64)
    table = mp.zeros((3, 2), dtype=dtype)

    def taken(table, places):
        return mp.sum(mp.take(table, places, axis=0), dtype=mp.float32)

    return {
        "segment_sum": (lambda x, p: mp.segment_sum(x, p, 3)[0], [ones, places]),
        "scatter_add": (lambda x, p: mp.scatter_add(mp.zeros((3, 2), dtype=x.dtype), p, x)[0], [ones, places]),
        "a gradient": (lambda t, p: mp.grad(lambda t: taken(t, p))(t)[0], [table, places]),
        "a product": (lambda x, p: (x.T @ x)[0], [ones, places]),
        "einsum": (lambda x, p: mp.einsum("ni,ni->i", x, x), [ones, places]),
        "sum": (lambda x, p: mp.sum(x, axis=0), [ones, places]),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", halves)
@pytest.mark.parametrize("name", sums_of_many(mp.float16))
def test_sums_of_halves_are_taken_in_float32(name, dtype):
    function, values = sums_of_many(dtype)[name]
    for found in (function(*values), mp.jit(function)(*values)):
        assert found.dtype == dtype
        np.testing.assert_array_equal(np.asarray(found).astype("f4"), np.full(2, 5000, dtype).astype("f4"))


@pytest.mark.parametrize("dtype", halves)
@pytest.mark.parametrize(
    "product",
    [
        lambda x, y: x @ y,
        lambda x, y: mp.maximum(x @ y + 1, 0),
        lambda x, y: mp.grad(lambda x: mp.sum(mp.sin(x @ y)))(x),
        lambda x, y: (x.T @ x).T,
        lambda x, y: x @ y[:, 0],
    ],
)
def test_products_of_halves_are_contractions_of_float32(product, dtype):
    values = [mp.asarray(rng.normal(size=shape).astype(dtype)) for shape in ((40, 70), (70, 33))]
    found, expected = mp.jit(product)(*values), product(*values)
    assert found.dtype == dtype
    wide = [np.asarray(one).astype("f4") for one in (found, expected)]
    np.testing.assert_allclose(*wide, rtol=2 * float(mp.finfo(dtype).eps), atol=1e-3)
