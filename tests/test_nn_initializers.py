"""Initializers: variance, range, names."""

import json
from math import erf, exp, pi, sqrt

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import SettingError, ShapeError
from maplet.nn.initializers import as_initializer, initializers, own_kinds

inputs, outputs = 300, 500
variances = {
    "lecun": 1 / inputs, "he": 2 / inputs, "kaiming": 2 / inputs,
    "glorot": 2 / (inputs + outputs), "xavier": 2 / (inputs + outputs),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in initializers if name.split("_")[0] in variances])
def test_the_variance_is_that_of_the_formula(name):
    expected = variances[name.split("_")[0]]
    weight = initializers[name]((inputs, outputs), mp.random.Generator(0)).numpy()
    count = weight.size
    assert weight.dtype == np.float32
    assert abs(weight.mean()) < 5 * sqrt(expected / count)
    fourth = 3 if name.endswith("normal") else 9 / 5  # E x⁴ / Var², which tells how far the sample variance strays
    assert abs(weight.var() / expected - 1) < 5 * sqrt((fourth - 1) / count)
    if name.endswith("uniform"):
        assert np.abs(weight).max() <= np.float32(sqrt(3 * expected))
        assert np.abs(weight).max() > 0.999 * sqrt(3 * expected)


@pytest.mark.parametrize("name", [name for name in initializers if name.split("_")[0] in variances])
def test_pytorch_has_the_same_formula(name):
    torch = pytest.importorskip("torch")
    peer = name.replace("glorot", "xavier").replace("he_", "kaiming_").replace("lecun", "kaiming")
    options = {"nonlinearity": "linear" if "lecun" in name else "relu"} if "kaiming" in peer else {}
    torch.manual_seed(0)
    theirs = getattr(torch.nn.init, f"{peer}_")(torch.empty(outputs, inputs), **options).numpy()
    ours = initializers[name]((inputs, outputs), mp.random.Generator(0)).numpy()
    assert abs(ours.std() / theirs.std() - 1) < 0.01


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9), (3, 2, 5, 7), (1, 1, 2, 7), (5, 1), (1, 5)])
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_an_orthogonal_weight_keeps_lengths(shape, gain):
    weight = nn.initializers.Orthogonal(gain)(shape, mp.random.Generator(0)).numpy()
    assert (weight.shape, weight.dtype) == (shape, np.float32)
    matrix = weight.reshape(-1, shape[-1]).astype("float64")
    small = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(small.T @ small, gain**2 * np.eye(small.shape[1]), atol=1e-6)


def test_an_orthogonal_weight_is_equally_likely_in_every_direction():
    """Of Q from LAPACK as it comes, the first entry is never positive; with the signs of R it has mean 0."""
    generator = mp.random.Generator(0)
    first = np.array([nn.initializers.orthogonal((3, 3), generator).numpy()[0, 0] for _ in range(300)])
    assert abs(first.mean()) < 5 * first.std() / sqrt(300)
    assert abs(first.var() * 3 - 1) < 0.3  # a unit vector in three dimensions


def test_a_truncated_normal_number_is_within_two_deviations():
    weight = nn.initializers.TruncatedNormal(1.0, 0.5)((300, 300), mp.random.Generator(0)).numpy()
    assert (weight.min(), weight.max()) == pytest.approx((0.0, 2.0), abs=2e-3)
    assert (weight > 0).all()
    assert (weight < 2).all()
    cut = 1 - 4 * exp(-2) / sqrt(2 * pi) / erf(sqrt(2))  # the variance of a standard normal number within ±2
    assert weight.mean() == pytest.approx(1.0, abs=5 * 0.5 / 300)
    assert weight.var() == pytest.approx(0.25 * cut, rel=0.02)


def test_a_truncated_normal_weight_has_the_spread_of_pytorchs():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.init.trunc_normal_(torch.empty(300, 300), 0.0, 0.05, -0.1, 0.1).numpy()
    ours = nn.initializers.truncated_normal((300, 300), mp.random.Generator(0)).numpy()
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)


def test_the_window_of_a_convolution_counts_on_both_sides():
    weight = nn.initializers.he_uniform((3, 3, 20, 50), mp.random.Generator(0)).numpy()
    assert np.abs(weight).max() == pytest.approx(sqrt(6 / (9 * 20)), rel=1e-3)
    weight = nn.initializers.Scaled(1.0, "out", "uniform")((3, 3, 20, 50), mp.random.Generator(0)).numpy()
    assert np.abs(weight).max() == pytest.approx(sqrt(3 / (9 * 50)), rel=1e-3)


def test_a_signal_keeps_its_size_through_linear_layers():
    generator = mp.random.Generator(0)
    signal = generator.normal((200, 256))
    for _ in range(8):
        signal = nn.Linear(256, 256, rng=generator)(signal)
    assert 0.8 < float(mp.var(signal)) < 1.25


@pytest.mark.parametrize("name", initializers)
def test_every_name_is_public_and_usable_in_a_layer(name):
    layer = nn.Linear(4, 3, weight_init=name, rng=0)
    assert layer.weight.shape == (4, 3)
    assert layer.weight.trainable
    if name.split("_")[0] not in ("xavier", "kaiming"):
        assert getattr(nn.initializers, name) is initializers[name]


@pytest.mark.parametrize(("name", "value"), [("zeros", 0), ("ones", 1)])
def test_constants(name, value):
    np.testing.assert_array_equal(nn.Linear(4, 3, bias_init=name).bias, np.full(3, value))


def test_a_function_is_an_initializer():
    layer = nn.Linear(2, 3, weight_init=lambda shape, generator: generator.uniform(shape, 4, 5))
    assert (layer.weight.numpy() >= 4).all()


def test_an_unknown_name_offers_near_ones():
    with pytest.raises(SettingError, match=r"there is no initializer 'he_unifrom'(?s:.*)he_uniform"):
        nn.Linear(2, 3, weight_init="he_unifrom")
    with pytest.raises(SettingError, match="the initializers are 'zeros', 'ones', 'uniform'"):
        as_initializer("qqq")


def test_a_scaled_initializer_needs_inputs_and_outputs():
    with pytest.raises(ShapeError, match=r"takes 2 axes or more(?s:.*)given \(3,\)"):
        nn.Linear(2, 3, bias_init="he_normal")
    with pytest.raises(ShapeError, match=r"an orthogonal initializer takes 2 axes or more"):
        nn.Linear(2, 3, bias_init="orthogonal")


@pytest.mark.parametrize("kind", own_kinds)
def test_every_kind_is_saved_as_data(kind):
    given = kind(1.5, "out", "normal") if kind is nn.initializers.Scaled else kind(0.01)
    layer = nn.Linear(3, 2, weight_init=given)
    assert nn.build(json.loads(json.dumps(nn.describe(layer)))).weight_init == given
