"""What is dropped, how often, and what is kept: the layers that leave something out while a net is trained."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import SettingError, ShapeError

matrix = np.random.default_rng(0).normal(size=(5, 4))
family = pytest.mark.parametrize("kind", [nn.Dropout, nn.ChannelDropout, nn.StochasticDepth, nn.AlphaDropout])


def test_dropout_keeps_the_mean():
    x = mp.ones((200, 500))
    y = nn.Dropout(0.3, rng=0)(x).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
    assert abs((y == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / y.size)
    assert abs(y.mean() - 1) < 5 * np.sqrt(0.3 / 0.7 / y.size)


def test_dropout_layers_are_independent_and_repeatable():
    x = mp.ones((30, 30))
    mp.seed(4)
    first, second = nn.Dropout(0.5), nn.Dropout(0.5)
    a, b, a_again = first(x).numpy(), second(x).numpy(), first(x).numpy()
    for one, other in ((a, b), (a, a_again)):
        assert abs((one == other).mean() - 0.5) < 5 * 0.5 / 30
    mp.seed(4)
    np.testing.assert_array_equal(nn.Dropout(0.5)(x), a)
    np.testing.assert_array_equal(nn.Dropout(0.5, rng=3)(x), nn.Dropout(0.5, rng=3)(x))
    shared = mp.random.Generator(3)
    assert not np.array_equal(nn.Dropout(0.5, rng=shared)(x), nn.Dropout(0.5, rng=shared)(x))


def test_the_gradient_of_dropout_is_its_mask():
    layer = nn.Dropout(0.4, rng=0)
    x = mp.asarray(matrix, dtype="float32")
    y, pullback = mp.vjp(layer, x)
    np.testing.assert_allclose(pullback(mp.ones(x.shape))[0], y / x, rtol=1e-6)


@family
@pytest.mark.parametrize("rate", [1, 1.5, -0.1, float("nan"), True])
def test_a_dropout_rate_is_from_0_to_less_than_1(kind, rate):
    with pytest.raises(SettingError, match=f"{kind.__name__}: rate=.*: expected a finite number ≥ 0 and < 1"):
        kind(rate)


@family
def test_nothing_is_dropped_at_inference_or_at_rate_0(kind):
    x = mp.asarray(matrix)
    np.testing.assert_array_equal(kind(0.5).eval()(x), x)
    np.testing.assert_array_equal(kind(0)(x), x)


@family
def test_each_call_draws_anew_and_a_seed_repeats_it(kind):
    x, layer = mp.ones((40, 3, 5)), kind(0.5, rng=1)
    first, second = layer(x).numpy(), layer(x).numpy()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(kind(0.5, rng=1)(x), first)


@family
def test_compiled_steps_draw_the_same(kind):
    x = mp.asarray(matrix, dtype="float32")
    plain, compiled = kind(0.5, rng=1), kind(0.5, rng=1)
    step = mp.jit(lambda layer, x: layer(x))
    for _ in range(3):
        np.testing.assert_allclose(step(compiled, x), plain(x), rtol=1e-6)


# Which axes one draw stands for: the shape of the mask.
masks = {
    nn.ChannelDropout: {(300, 7, 6, 5): (300, 1, 1, 5), (300, 9, 5): (300, 1, 5), (300, 5): (300, 5)},
    nn.StochasticDepth: {(900, 3, 2, 4): (900, 1, 1, 1), (900, 4): (900, 1), (900,): (900,)},
}


@pytest.mark.parametrize("kind", masks)
def test_what_belongs_together_is_dropped_together(kind):
    for shape, mask in masks[kind].items():
        y = kind(0.3, rng=0)(mp.ones(shape)).numpy()
        drawn = y[tuple(slice(n) for n in mask)]
        np.testing.assert_array_equal(y, np.broadcast_to(drawn, shape))
        assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
        assert abs((drawn == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / drawn.size)


@pytest.mark.parametrize("kind", masks)
def test_the_gradient_is_the_mask(kind):
    x = mp.asarray(matrix)
    y, pullback = mp.vjp(kind(0.4, rng=0), x)
    np.testing.assert_allclose(pullback(mp.ones(x.shape, dtype="float64"))[0], y / x, rtol=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    x = mp.random.Generator(0).normal((400, 500), dtype="float64")
    y = nn.AlphaDropout(rate, rng=0)(x).numpy()
    assert abs(y.mean()) < 5 / np.sqrt(y.size)
    assert abs(y.var() - 1) < 5 * np.sqrt(2 / y.size) * 3
    dropped = np.unique(y, return_counts=True)[1].max() / y.size  # which all have one value
    assert abs(dropped - rate) < 5 * np.sqrt(rate * (1 - rate) / y.size)


def test_alpha_dropout_is_that_of_pytorch():
    """The same two lines: of what is kept, and the one value of what is dropped."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x = np.linspace(-2, 2, 1000)
    theirs = torch.nn.functional.alpha_dropout(torch.tensor(x), 0.3, training=True).numpy()
    ours = nn.AlphaDropout(0.3, rng=0)(mp.asarray(x)).numpy()
    lines = []
    for y in (ours, theirs):
        values, counts = np.unique(y.round(12), return_counts=True)
        value = values[counts.argmax()]
        kept = np.abs(y - value) > 1e-9
        lines.append([value, *np.polyfit(x[kept], y[kept], 1)])
    np.testing.assert_allclose(*lines, rtol=1e-9)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (nn.ChannelDropout(0.5), (4,), r"takes \(N, …, channels\), given \(4,\)"),
        (nn.StochasticDepth(0.5), (), "given a single number"),
    ],
)
def test_shapes_without_the_axes_are_refused(layer, shape, words):
    with pytest.raises(ShapeError, match=words):
        layer(mp.ones(shape))


def test_a_branch_is_left_out_for_whole_examples():
    net = nn.Residual(nn.Sequential(nn.Linear(4, 4, rng=0), nn.StochasticDepth(0.5, rng=1)))
    x = mp.asarray(matrix, dtype="float32")
    y, branch = net(x), net.layer[0](x)
    for row, given, added in zip(y.numpy(), x.numpy(), branch.numpy(), strict=True):
        assert np.array_equal(row, given) or np.allclose(row, given + 2 * added, rtol=1e-6)
