"""Pools as layers: bins, borders, ties, and what they refuse; the laws stand in test_nn_layers.py."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import SettingError, ShapeError

rng = np.random.default_rng(0)


@pytest.mark.parametrize("length", [1, 2, 5, 7, 12])
@pytest.mark.parametrize("bins", [1, 2, 3, 5, 8, 12])
def test_bins_are_those_of_the_formula(length, bins):
    x = rng.permutation(length).astype("float64").reshape(1, length, 1)
    parts = [x[0, i * length // bins : -(-(i + 1) * length // bins), 0] for i in range(bins)]
    means, greatest = nn.AdaptiveAvgPool1d(bins)(x), nn.AdaptiveMaxPool1d(bins)(x)
    np.testing.assert_allclose(means[0, :, 0], [part.mean() for part in parts], rtol=1e-14)
    np.testing.assert_array_equal(greatest[0, :, 0], [part.max() for part in parts])


def test_what_is_outside_a_bin_does_not_touch_it():
    x = np.array([np.inf, 1, 2, 3, -np.inf]).reshape(1, 5, 1)
    np.testing.assert_array_equal(nn.AdaptiveAvgPool1d(3)(x)[0, :, 0], [np.inf, 2, -np.inf])
    np.testing.assert_array_equal(nn.AdaptiveMaxPool1d(3)(x)[0, :, 0], [np.inf, 3, 3])


def test_integers_stay_integers_where_the_greatest_is_taken():
    x = rng.integers(-9, -1, size=(2, 5, 6, 3))
    for layer in (nn.MaxPool2d(2), nn.AdaptiveMaxPool2d((2, 4)), nn.GlobalMaxPool()):
        y = layer(x)
        assert y.dtype == x.dtype
        np.testing.assert_array_equal(y, layer(x.astype("float64")))
    assert nn.AdaptiveAvgPool2d(2)(x).dtype == np.float32


def test_means_leave_out_what_stands_around():
    x = np.ones((1, 5, 5, 1), "float32")
    for padding in (1, "same", ((2, 0), (0, 2))):
        np.testing.assert_array_equal(nn.AvgPool2d(3, strides=1, padding=padding)(x), 1)
    assert (nn.MaxPool2d(3, padding=1)(-x).numpy() == -1).all()


@pytest.mark.parametrize("padding", [0, 1])
def test_they_are_pytorch_s_own_of_which_padding_is_not_counted(padding):
    torch = pytest.importorskip("torch")
    x = rng.normal(size=(2, 7, 9, 3))
    theirs_x = torch.tensor(x).moveaxis(-1, 1)
    settings = {"strides": 2, "padding": padding}
    for ours, theirs in [
        (nn.AvgPool2d(3, **settings), torch.nn.AvgPool2d(3, 2, padding, count_include_pad=False)),
        (nn.MaxPool2d(3, **settings), torch.nn.MaxPool2d(3, 2, padding)),
    ]:
        np.testing.assert_allclose(ours(x), theirs(theirs_x).moveaxis(1, -1), rtol=1e-12)


def test_ties_share_the_gradient_equally():
    x = mp.ones((1, 4, 1))
    for layer in (nn.MaxPool1d(4), nn.AdaptiveMaxPool1d(1), nn.GlobalMaxPool()):
        np.testing.assert_array_equal(mp.grad(lambda x, layer=layer: mp.sum(layer(x)))(x), np.full((1, 4, 1), 0.25))


def test_means_of_halves_are_added_up_in_float32():
    x = np.full((1, 40, 50, 1), 60.0, "float16")  # whose sum is 120000
    for layer in (nn.AvgPool2d((40, 50)), nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d(3), nn.GlobalAvgPool()):
        y = layer(x)
        assert y.dtype == np.float16
        np.testing.assert_array_equal(y, 60)


def test_settings_are_kept_in_plain_numbers():
    layer = nn.MaxPool2d([2, np.int64(3)], strides=[1, 2], padding=[[1, 0], [0, 0]])
    assert repr(layer) == "MaxPool2d((2, 3), strides=(1, 2), padding=((1, 0), (0, 0)))"
    assert repr(nn.AdaptiveAvgPool2d([1, 2])) == "AdaptiveAvgPool2d((1, 2))"
    assert repr(nn.build(nn.describe(layer))) == repr(layer)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.MaxPool2d(0), "MaxPool2d: window is an integer from 1"),
        (lambda: nn.AvgPool2d(2, strides=(1, 2, 3)), "AvgPool2d: strides is an integer from 1"),
        (lambda: nn.MaxPool1d(2, dilation=0), "MaxPool1d: dilation is"),
        (lambda: nn.MaxPool2d(2, padding="full"), "MaxPool2d: padding='full' says nothing"),
        (lambda: nn.MaxPool2d(2, padding=2), "nothing of the array"),
        (lambda: nn.AvgPool1d(3, padding=((0, 3),)), "nothing of the array"),
        (lambda: nn.AdaptiveAvgPool2d(0), "AdaptiveAvgPool2d: output_size is an integer from 1"),
        (lambda: nn.AdaptiveMaxPool1d((2, 3)), "or one for each of 1 spatial axes"),
    ],
)
def test_settings_out_of_range_are_refused_at_once(make, said):
    with pytest.raises(SettingError) as caught:
        make()
    assert said in str(caught.value)


def test_as_much_padding_as_leaves_something_in_every_window_is_taken():
    x = rng.normal(size=(1, 4, 1))
    assert np.isfinite(nn.MaxPool1d(3, strides=1, padding=2)(x).numpy()).all()
    assert np.isfinite(nn.AvgPool1d(2, strides=1, dilation=2, padding=2)(x).numpy()).all()


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.MaxPool2d(2), (4, 9, 9), "MaxPool2d(2) takes (N, H, W, C), given (4, 9, 9)"),
        (nn.AvgPool1d(2), (4, 9), "AvgPool1d(2) takes (N, T, C), given (4, 9)"),
        (nn.AdaptiveMaxPool3d(2), (4, 9, 9, 3), "AdaptiveMaxPool3d(2) takes (N, D, H, W, C), given (4, 9, 9, 3)"),
        (nn.AdaptiveAvgPool1d(2), (4, 0, 3), "AdaptiveAvgPool1d(2): in (4, 0, 3) a spatial axis is empty"),
        (nn.GlobalAvgPool(), (4, 3), "GlobalAvgPool() takes (N, spatial…, C)"),
        (nn.GlobalMaxPool(), (4, 0, 3), "GlobalMaxPool() takes (N, spatial…, C)"),
        (nn.MaxPool1d(5), (4, 3, 3), "a window spans 5 elements, the padded axis has 3"),
    ],
)
def test_an_input_that_does_not_fit_is_named(layer, shape, expected):
    with pytest.raises(ShapeError) as caught:
        layer(mp.zeros(shape))
    assert expected in str(caught.value)
