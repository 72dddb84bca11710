"""Convolutions as layers: their layout, their scale, what they refuse; the laws stand in test_nn_layers.py."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import SettingError, ShapeError

convolutions = [nn.Conv1d, nn.Conv2d, nn.Conv3d]
transposed = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]


@pytest.mark.parametrize("make", convolutions + transposed)
def test_the_weight_lies_as_the_operation_takes_it(make):
    count = make.spatial_axes
    layer = make(6, 4, (1, 2, 3)[:count], groups=2)
    assert layer.weight.shape == (*(1, 2, 3)[:count], 3, 4)
    assert layer.bias.shape == (4,)
    x = mp.asarray(np.random.default_rng(0).normal(size=(2, *(5, 6, 7)[:count], 6)), dtype="float32")
    operation = mp.conv if make in convolutions else mp.conv_transpose
    np.testing.assert_array_equal(layer(x), operation(x, layer.weight, groups=2))


@pytest.mark.parametrize("groups", [1, 4])
def test_a_signal_keeps_its_variance_whatever_the_groups(groups):
    layer = nn.Conv2d(16, 64, 5, groups=groups, rng=0)
    fan = 5 * 5 * 16 // groups
    np.testing.assert_allclose(np.var(layer.weight.numpy()) * fan, 1, rtol=0.05)
    y = layer(mp.random.Generator(1).normal((4, 20, 20, 16)))
    np.testing.assert_allclose(np.var(y.numpy()), 1, rtol=0.1)
    doubled = nn.Conv2d(16, 64, 5, groups=groups, weight_init="he_normal", rng=0)
    np.testing.assert_allclose(np.var(doubled.weight.numpy()) * fan, 2, rtol=0.1)


def test_causal_places_see_nothing_of_what_comes_after():
    layer = nn.Conv1d(2, 3, 3, dilation=2, padding="causal")
    x = np.random.default_rng(0).normal(size=(1, 10, 2)).astype("float32")
    later = x.copy()
    later[:, 6:] += 1
    before, after = layer(x).numpy(), layer(later).numpy()
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] != after[:, 6:]).all()


@pytest.mark.parametrize("padding", ["valid", "same", 1, ((1, 0), (0, 2))])
def test_a_transposed_convolution_is_the_adjoint_of_one(padding):
    # ⟨conv(x), y⟩ = ⟨x, conv_transpose(y)⟩, with the channels of the weight exchanged
    forward = nn.Conv2d(3, 5, 4, strides=2, padding=padding, bias=False).astype("float64")
    backward = nn.ConvTranspose2d(5, 3, 4, strides=2, padding=padding, bias=False).astype("float64")
    backward.weight = mp.Parameter(forward.weight.mT)
    rng = np.random.default_rng(0)
    places = {"valid": (8, 10), "same": (8, 10), 1: (8, 10), ((1, 0), (0, 2)): (9, 8)}[padding]
    x = rng.normal(size=(2, *places, 3))
    y = rng.normal(size=forward(x).shape)
    assert backward(y).shape == x.shape
    np.testing.assert_allclose(np.sum(forward(x).numpy() * y), np.sum(x * backward(y).numpy()))


def test_same_padding_enlarges_by_the_strides():
    assert nn.ConvTranspose2d(2, 3, 5, strides=(2, 3), padding="same")(mp.zeros((1, 4, 6, 2))).shape == (1, 8, 18, 3)


def test_it_shows_as_it_was_made():
    layer = nn.Conv2d(3, 8, [3, np.int64(5)], strides=np.int64(2), padding=[[1, 1], [0, 2]], bias=False)
    assert repr(layer) == "Conv2d(3, 8, (3, 5), strides=2, padding=((1, 1), (0, 2)), bias=False)"
    assert repr(nn.build(nn.describe(layer))) == repr(layer)


def test_the_summary_says_shapes_and_numbers():
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    text = net.summary((2, 28, 28, 1))
    assert "Conv2d(1, 8, 3)  (2, 26, 26, 8)          80   206 k" in text
    assert "(2, 1352)" in text
    assert "96 parameters, all trained" in text


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "shape", "expected", "fix"),
    [
        (lambda: nn.Conv2d(3, 8, 3), (4, 3, 9, 9), "(N, H, W, 3)", "channels stand last"),
        (lambda: nn.Conv2d(3, 8, 3), (4, 9, 9, 5), "(N, H, W, 3)", "in_channels=5"),
        (lambda: nn.Conv2d(1, 8, 3), (4, 9, 9), "(N, H, W, 1)", "axis=-1"),
        (lambda: nn.Conv2d(3, 8, 3), (9, 9, 3), "(N, H, W, 3)", "axis=0"),
        (lambda: nn.Conv1d(3, 8, 3), (4, 9, 9, 3), "(N, T, 3)", "1 of space or time"),
        (lambda: nn.Conv3d(2, 8, 3), (), "(N, D, H, W, 2)", "one axis of examples"),
        (lambda: nn.ConvTranspose1d(3, 8, 3), (4, 9, 2), "(N, T, 3)", "in_channels=2"),
    ],
)
def test_an_input_that_does_not_fit_is_named(make, shape, expected, fix):
    layer = make()
    with pytest.raises(ShapeError) as caught:
        layer(mp.zeros(shape))
    assert caught.value.message == f"{layer!r} takes {expected}, given {shape}"
    assert fix in caught.value.fix


def test_an_input_smaller_than_a_window_is_refused_by_name_of_the_layer():
    net = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 5))
    with pytest.raises(ShapeError, match="the kernel has length 5") as caught:
        net(mp.zeros((1, 4, 9, 1)))
    assert "layers.1" in caught.value.where


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"in_channels": 0}, "Conv2d: in_channels=0: expected an integer ≥ 1"),
        ({"out_channels": 2.5}, "Conv2d: out_channels=2.5: expected an integer ≥ 1"),
        ({"kernel_size": 0}, "Conv2d: kernel_size is an integer from 1"),
        ({"kernel_size": True}, "Conv2d: kernel_size is an integer from 1"),
        ({"kernel_size": (3, 3, 3)}, "or one for each of 2 spatial axes"),
        ({"strides": -1}, "Conv2d: strides is an integer from 1"),
        ({"dilation": 0}, "Conv2d: dilation is an integer from 1"),
        ({"padding": "causal"}, "causal"),
        ({"padding": "full"}, "Conv2d: padding='full' says nothing"),
        ({"padding": -1}, "Conv2d: padding=-1 says nothing"),
        ({"padding": True}, "Conv2d: padding=True says nothing"),
        ({"groups": 3}, "do not both fall into 3 equal groups"),
        ({"groups": 0}, "Conv2d: groups=0: expected an integer ≥ 1"),
        ({"weight_init": "xavier"}, "there is no initializer 'xavier'"),
    ],
)
def test_settings_out_of_range_are_refused_at_once(settings, said):
    with pytest.raises(SettingError) as caught:
        nn.Conv2d(**{"in_channels": 4, "out_channels": 8, "kernel_size": 3} | settings)
    assert said in str(caught.value)


def test_a_transposed_convolution_is_not_causal_by_name():
    with pytest.raises(SettingError, match="padding=") as caught:
        nn.ConvTranspose1d(1, 1, 3, padding="causal")
    assert "ConvTranspose1d" in caught.value.message
    mended = nn.ConvTranspose1d(1, 1, 3, padding=((0, 2),))
    x = np.zeros((1, 5, 1), "float32")
    later = x.copy()
    later[:, 3:] = 1
    assert mended(x).shape == x.shape
    np.testing.assert_array_equal(mended(later)[:, :3], mended(x)[:, :3])
