"""Branches that are added and joined, and functions as layers; the laws of all layers stand in test_nn_layers.py."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import CheckpointError, MapletError, SettingError, ShapeError

x = mp.asarray(np.random.default_rng(0).normal(size=(5, 4)), dtype="float32")


def test_branches_may_be_functions():
    np.testing.assert_array_equal(nn.Residual(mp.tanh)(x), x + mp.tanh(x))
    both = nn.Parallel(mp.tanh, lambda x: x[:, :1])
    np.testing.assert_array_equal(both(x), np.concatenate([mp.tanh(x), x[:, :1]], axis=1))


def test_branches_are_part_of_the_tree():
    net = nn.Parallel(nn.Residual(nn.Linear(4, 4)), nn.Dropout(0.5))
    assert list(net.parameters()) == ["layers.0.layer.weight", "layers.0.layer.bias"]
    assert not net.eval().layers[1].training
    assert repr(net).splitlines() == [
        "Parallel(", "  Residual(", "    Linear(4, 4),", "  ),", "  Dropout(0.5),", ")",
    ]  # fmt: skip


def test_residual_says_both_shapes():
    with pytest.raises(ShapeError, match=r"adds the input \(5, 4\) and what Linear makes of it, \(5, 1\)") as caught:
        nn.Residual(nn.Linear(4, 1))(x)
    assert "Parallel" in str(caught.value)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (
            nn.Parallel(nn.Linear(4, 1), mp.tanh, combine="sum"),
            r"outputs of the same shape, and its layers make Linear \(5, 1\), tanh \(5, 4\)",
        ),
        (nn.Parallel(nn.Linear(4, 1), mp.tanh, combine="stack"), "outputs of the same shape"),
        (nn.Parallel(nn.Linear(4, 1), mp.tanh, axis=0), "the same shape but for axis 0"),
        (nn.Parallel(mp.sum, mp.tanh, combine="sum"), r"sum \(\), tanh \(5, 4\)"),
    ],
)
def test_parallel_names_what_each_layer_makes(net, words):
    with pytest.raises(ShapeError, match=words):
        net(x)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Residual(nn.ReLU), r"argument 0 is .*(?s:.*)write ReLU\(\.\.\.\)"),
        (lambda: nn.Residual([nn.ReLU()]), r"unpack a list: Residual\(\*layers\)"),
        (lambda: nn.Parallel(nn.ReLU(), 3), "argument 1 is 3, not a layer(?s:.*)a layer, or a function"),
        (nn.Parallel, "there is no layer"),
        (lambda: nn.Parallel(nn.ReLU(), combine="mean"), "no combine='mean'(?s:.*)concat, sum, stack"),
        (lambda: nn.Lambda(3), "argument 0 is 3, not a layer"),
        (lambda: nn.GLU(gate="tanh"), "gate='tanh': expected 'sigmoid', 'relu', 'gelu' or 'silu'"),
    ],
)
def test_settings_that_make_no_layer_are_refused(make, words):
    with pytest.raises(SettingError, match=words):
        make()


def test_parallel_and_glu_name_an_axis_that_is_not_there():
    for net in (nn.Parallel(mp.tanh, mp.exp, axis=2), nn.GLU(2)):
        with pytest.raises(MapletError, match="axis 2 of an array with 2 axes"):
            net(x)
    with pytest.raises(ShapeError, match=r"halves axis 1, and the length 3 in \(5, 3\) is odd"):
        nn.GLU()(x[:, :3])


def test_several_slopes_have_an_axis():
    with pytest.raises(ShapeError, match=r"PReLU\(3\) takes \(…, 3\), given \(5, 4\)"):
        nn.PReLU(3)(x)
    assert nn.PReLU()(1.0).shape == ()


# ── functions ────────────────────────────────────────────────────────────────────────────────────


def test_a_function_as_a_layer_computes_trains_and_compiles():
    net = nn.Sequential(nn.Linear(4, 4, rng=0), nn.Lambda(lambda x: mp.sum(x**2, axis=-1)))
    value, gradients = mp.value_and_grad(lambda net: mp.sum(net(x)))(net)
    hidden = net[0](x)
    np.testing.assert_allclose(value, np.sum(hidden.numpy() ** 2), rtol=1e-6)
    np.testing.assert_allclose(gradients["layers.0.bias"], 2 * hidden.numpy().sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(mp.jit(lambda net, x: net(x))(net, x), net(x), rtol=1e-6)
    assert mp.check_gradient(lambda net, x: net(x), net, x).passed
    assert "layers.1" in net.modules()


def test_a_function_is_not_saved_as_data_but_the_weights_are(tmp_path):
    make = lambda: nn.Sequential(nn.Linear(4, 4), nn.Lambda(lambda x: 2 * x))
    net = make()
    with pytest.raises(CheckpointError, match=r"layers\.1\.function is <lambda>, no layer of maplet"):
        nn.describe(net)
    with pytest.raises(CheckpointError, match=r"nn\.Tanh\(\) does the same"):
        nn.describe(nn.Lambda(mp.tanh))
    mp.save(net, tmp_path / "saved")
    with pytest.raises(CheckpointError, match=r"mp\.load\(path, net=MyNet"):
        mp.load(tmp_path / "saved")
    again = make()
    mp.load(tmp_path / "saved", net=again)
    np.testing.assert_array_equal(again(x), net(x))
