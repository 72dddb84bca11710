"""Networks as data: what is kept, what is refused, and that a stranger's file can do no harm."""

import json
import sys

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import CheckpointError
from maplet.nn.module import built_in


class Own(nn.Module):
    def __init__(self, width):
        self.width = width

    def forward(self, x):
        return x * self.width


class OwnLinear(nn.Linear):
    """A class of one's own that looks like a built-in one."""


OwnLinear.__name__ = "Linear"

x = mp.asarray(np.random.default_rng(0).normal(size=(5, 3)), dtype="float32")


def rebuilt(net):
    return nn.build(json.loads(json.dumps(nn.describe(net)))).load_state({k: v.numpy() for k, v in net.state().items()})


def test_a_description_is_small_and_readable():
    net = nn.Sequential(nn.Linear(3, 2, weight_init="he_uniform"), nn.Softmax(axis=1))
    assert nn.describe(net) == {
        "type": "Sequential",
        "layers": [
            {
                "type": "Linear",
                "in_features": 3,
                "out_features": 2,
                "bias": True,
                "weight_init": "he_uniform",
                "bias_init": "zeros",
            },
            {"type": "Softmax", "axis": 1},
        ],
    }


@pytest.mark.parametrize(
    "initializer",
    [nn.initializers.Normal(0.0, 0.1), nn.initializers.Scaled(2.0, "out", "normal"), nn.initializers.Constant(3.0)],
)
def test_initializers_with_settings_are_kept(initializer):
    net = rebuilt(nn.Linear(3, 2, weight_init=initializer))
    assert net.weight_init == initializer


def test_an_initializer_of_ones_own_is_left_out_but_not_its_weights():
    net = nn.Linear(3, 2, weight_init=lambda shape, generator: generator.uniform(shape) + 5)
    built = rebuilt(net)
    assert built.weight_init == "lecun_uniform"
    np.testing.assert_array_equal(built(x), net(x))


def test_a_layer_that_stands_in_two_places_stays_one():
    shared, dropout = nn.Linear(3, 3), nn.Dropout(0.5)
    net = nn.Sequential(shared, dropout, nn.Sequential(shared, dropout), shared)
    built = rebuilt(net)
    assert built[0] is built[2][0] is built[3]
    assert built[1] is built[2][1]
    for _ in range(2):
        np.testing.assert_array_equal(built(x), net(x))
    assert set(mp.grad(lambda net: mp.sum(net(x)))(built)) == {"layers.0.weight", "layers.0.bias"}


def test_a_parameter_that_stands_in_two_places_stays_one():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    net[2].bias = net[1].bias
    built = rebuilt(net)
    assert built[1].weight is built[0].weight
    assert built[2].bias is built[1].bias
    assert built[2].weight is not built[0].weight
    np.testing.assert_array_equal(built(x), net(x))


def test_what_is_frozen_stays_frozen():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    net[0].freeze()
    built = rebuilt(net)
    assert [p.trainable for p in built.parameters().values()] == [False, False, True, True]


def test_the_dtype_is_kept():
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.2)).astype("float64")
    built = rebuilt(net)
    assert built[0].weight.dtype == np.float64
    np.testing.assert_array_equal(built(x), net(x))


def test_layers_added_and_taken_away_are_seen():
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    net.layers.append(nn.Linear(3, 1))
    del net.layers[1]
    np.testing.assert_array_equal(rebuilt(net)(x), net(x))


def test_describing_and_loading_leave_the_default_generator_alone():
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    before = mp.random.default.draws.item()
    nn.build(nn.describe(net), initialize=False)
    assert mp.random.default.draws.item() == before


def test_building_draws_weights_from_the_seed():
    description = nn.describe(nn.Sequential(nn.Linear(3, 3)))
    one, same, other = (nn.build(description, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0].weight, same[0].weight)
    assert not np.array_equal(one[0].weight, other[0].weight)


# ── what cannot be described ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("net", "word"),
    [
        (Own(2), r"^the network is an Own, a class of your own"),
        (nn.Sequential(nn.Tanh(), Own(2)), r"^layers\.1 is an Own, a class of your own"),
        (nn.Sequential(OwnLinear(3, 2)), r"^layers\.0 is a Linear, a class of your own"),
        (nn.Sequential(nn.Sequential(lambda x: x)), r"^layers\.0\.layers\.0 is <lambda>, no layer of maplet"),
    ],
)
def test_classes_of_ones_own_are_refused_with_the_way_out(net, word):
    with pytest.raises(CheckpointError, match=word) as caught:
        nn.describe(net)
    assert "mp.load(path, net=MyNet(...))" in caught.value.fix


def test_a_function_has_a_layer_that_does_the_same():
    with pytest.raises(CheckpointError, match=r"layers\.0 is relu(?s:.*)nn\.ReLU\(\) does the same"):
        nn.describe(nn.Sequential(mp.relu))


def changed_weight(net):
    net[0].weight = mp.Parameter(mp.zeros((3, 5)))


def extra_parameter(net):
    net.gain = mp.Parameter(1.0)


def bias_of_another_shape(net):
    net[0].bias = mp.Parameter(mp.zeros((7,)))


@pytest.mark.parametrize(
    ("change", "name"),
    [(changed_weight, r"layers\.0\.weight"), (extra_parameter, "gain"), (bias_of_another_shape, r"layers\.0\.bias")],
)
def test_a_network_that_its_settings_do_not_tell_is_refused(change, name):
    net = nn.Sequential(nn.Linear(3, 2))
    change(net)
    with pytest.raises(CheckpointError, match=f"^{name}: not what the settings of the layers say"):
        nn.describe(net)


# ── what cannot be built ─────────────────────────────────────────────────────────────────────────

linear = {"type": "Linear", "in_features": 3, "out_features": 2}


@pytest.mark.parametrize(
    ("description", "word"),
    [
        ({"type": "system"}, "is of type 'system', which is no layer of maplet"),
        ({"type": "Module"}, "no layer of maplet"),
        ({"type": "Own", "width": 2}, "no layer of maplet"),
        ({"type": ["Linear"]}, "no description"),
        ({}, "is of type None"),
        ([], "no description"),
        (None, "no description"),
        ("Linear", "no description"),
        ({"type": "Linear"}, "missing 2 required positional arguments"),
        ({**linear, "in_features": -3}, "expected an integer ≥ 1"),
        ({**linear, "in_features": "3"}, "expected an integer ≥ 1"),
        ({**linear, "shape": 3}, "shape: Linear has no such setting"),
        ({**linear, "rng": 3}, "rng: Linear has no such setting"),
        ({**linear, "self": 3}, "self: Linear has no such setting"),
        ({**linear, "weight_init": "exec"}, "there is no initializer 'exec'"),
        ({**linear, "weight_init": {"initializer": "open", "value": 1}}, "no description"),
        ({"type": "Dropout", "rate": "high"}, "no description"),
        ({"type": "Sequential", "layers": [3]}, "argument 0 is 3, not a layer"),
        ({"type": "Sequential", "layers": [{"type": "Linear"}]}, "missing 2"),
        ({"type": "Sequential", "layers": [{"same": "layers.5"}]}, "no description"),
        ({"type": "Sequential", "layers": [{**linear, "in_features": 0}]}, "expected an integer ≥ 1"),
        ({**linear, "tied": {"weight": "nothing"}}, "no description"),
        ({**linear, "frozen": ["nothing"]}, "no description"),
        ({**linear, "dtype": "float12"}, "no description"),
    ],
)
def test_what_is_no_description_is_refused(description, word):
    with pytest.raises(CheckpointError, match=word):
        nn.build(description)


def test_only_built_in_layers_are_ever_made():
    assert "Own" not in built_in
    assert built_in["Linear"] is nn.Linear
    for name, cls in built_in.items():
        assert cls.__module__.startswith("maplet.nn.")
        assert getattr(sys.modules[cls.__module__], name) is cls
        assert getattr(nn, name) is cls
