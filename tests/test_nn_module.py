"""Modules: what belongs to them, under which name; writes, modes, saving, printing, errors with their place."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import DTypeError, GradientError, ShapeError, TraceError


class Branching(nn.Module):
    """Parameters and layers in every kind of place; no call of super().__init__()."""

    def __init__(self, width=3):
        self.width = width
        self.scale = mp.Parameter(mp.ones((width,)))
        self.mean = mp.zeros((width,))
        self.blocks = [nn.Linear(width, width), {"in": nn.Linear(width, width), "out": (nn.Tanh(), nn.Dropout(0.5))}]
        self.note = "not a leaf"

    def forward(self, x):
        x = self.blocks[0](x) * self.scale - self.mean
        self.mean = 0.5 * self.mean + 0.5 * mp.mean(mp.stop_gradient(x), axis=0)
        x = self.blocks[1]["in"](x)
        for layer in self.blocks[1]["out"]:
            x = layer(x)
        return x


class Tied(nn.Module):
    def __init__(self):
        self.encode = nn.Linear(4, 2, bias=False)
        self.decode = nn.Linear(4, 2, bias=False)
        self.decode.weight = self.encode.weight

    def forward(self, x):
        return self.encode(x) @ self.decode.weight.T


x = mp.asarray(np.random.default_rng(0).normal(size=(5, 3)), dtype="float32")


def loss_of(net, x=x):
    return mp.sum(net(x) ** 2)


# ── what belongs to a module ─────────────────────────────────────────────────────────────────────


def test_attributes_lists_and_dicts_belong_to_the_module():
    net = Branching()
    assert list(net.parameters()) == [
        "scale", "blocks.0.weight", "blocks.0.bias", "blocks.1.in.weight", "blocks.1.in.bias",
    ]  # fmt: skip
    generator = "blocks.1.out.1.generator"
    assert set(net.state()) - set(net.parameters()) == {"mean", f"{generator}.key", f"{generator}.draws"}
    assert list(net.modules()) == ["", "blocks.0", "blocks.1.in", "blocks.1.out.0", "blocks.1.out.1"]
    assert net.settings() == {"width": 3}


def test_a_module_added_later_belongs_to_it_too():
    net = nn.Sequential(nn.Linear(3, 3))
    net.layers.append(nn.Linear(3, 1))
    net.temperature = mp.Parameter(1.0)
    assert list(net.parameters())[-3:] == ["layers.1.weight", "layers.1.bias", "temperature"]


def test_the_gradient_is_a_dict_of_the_trainable_parameters():
    net = Branching()
    gradient = mp.grad(loss_of)(net)
    assert {name: g.shape for name, g in gradient.items()} == {name: p.shape for name, p in net.parameters().items()}


def test_a_frozen_parameter_gets_no_gradient():
    net = Branching()
    assert net.blocks[0].freeze() is net.blocks[0]
    assert set(mp.grad(loss_of)(net)) == {"scale", "blocks.1.in.weight", "blocks.1.in.bias"}
    assert set(mp.grad(loss_of)(net.unfreeze())) == set(net.parameters())
    net.freeze()
    with pytest.raises(GradientError, match="unfreeze"):
        mp.grad(loss_of)(net)


def test_tied_weights_are_one_and_get_one_gradient():
    net = Tied()
    v = mp.asarray(np.arange(8.0).reshape(2, 4), dtype="float32")
    assert list(net.parameters()) == ["encode.weight"]
    gradient = mp.grad(loss_of)(net, v)
    w = net.encode.weight.numpy().astype("float64")
    direct = mp.grad(lambda w: mp.sum((v @ w @ w.T) ** 2))(w)
    np.testing.assert_allclose(gradient["encode.weight"], direct, rtol=1e-4)
    net.load_state({"encode.weight": np.ones((4, 2), "float32")})
    assert net.decode.weight is net.encode.weight
    assert net.decode.weight.numpy().sum() == 8


def test_a_module_is_freed_with_its_last_reference():
    net = Branching()
    loss_of(net)
    mp.grad(loss_of)(net)
    seen = weakref.ref(net)
    del net
    gc.collect()
    assert seen() is None


# ── writes ───────────────────────────────────────────────────────────────────────────────────────


def draws(net):
    return net.blocks[1]["out"][1].generator.draws.item()


def test_a_call_writes_and_a_gradient_writes_the_same_once():
    one, other = Branching(), Branching()
    other.load_state(one.state())
    value = loss_of(one)
    value_again, _ = mp.value_and_grad(loss_of)(other)
    np.testing.assert_array_equal(value, value_again)
    np.testing.assert_array_equal(one.mean, other.mean)
    assert np.any(one.mean != 0)
    assert draws(one) == draws(other) == 1


def test_a_gradient_of_a_gradient_writes_once():
    one, other = Branching(), Branching()
    other.load_state(one.state())
    loss_of(one)

    def length_of_gradient(net):
        return mp.sum(mp.grad(loss_of)(net)["blocks.0.weight"] ** 2)

    second = mp.grad(length_of_gradient)(other)
    assert draws(other) == 1
    np.testing.assert_array_equal(one.mean, other.mean)
    assert np.isfinite(second["blocks.0.weight"]).all()


def test_checkpoint_writes_once_and_draws_the_same_mask():
    one, other = Branching(), Branching()
    other.load_state(one.state())
    value, gradient = mp.value_and_grad(loss_of)(one)
    again, recomputed = mp.value_and_grad(mp.checkpoint(loss_of))(other)
    np.testing.assert_allclose(value, again, rtol=1e-6)
    assert draws(one) == draws(other) == 1
    np.testing.assert_array_equal(one.mean, other.mean)
    for name, found in gradient.items():
        np.testing.assert_allclose(recomputed[name], found, rtol=1e-5, atol=1e-6)


def test_a_module_that_is_captured_writes_too():
    one, other = Branching(), Branching()
    other.load_state(one.state())
    loss_of(one)
    mp.grad(lambda x: loss_of(other, x))(x)
    assert draws(other) == 1
    np.testing.assert_array_equal(one.mean, other.mean)


def test_what_fails_writes_nothing():
    net = Branching()
    before = {name: leaf.numpy() for name, leaf in net.state().items()}

    def fails(net):
        loss_of(net)
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        mp.grad(fails)(net)
    for name, value in net.state().items():
        np.testing.assert_array_equal(value, before[name])


# ── modes and seeds ──────────────────────────────────────────────────────────────────────────────


def test_train_and_eval_reach_every_module():
    net = Branching()
    assert all(module.training for module in net.modules().values())
    assert net.eval() is net
    assert not any(module.training for module in net.modules().values())
    assert all(module.training for module in net.train().modules().values())


def test_eval_inside_a_gradient_is_a_write_like_any_other():
    net = nn.Sequential(nn.Linear(3, 1), nn.Dropout(0.5))
    mp.grad(lambda net: loss_of(net.eval()))(net)
    assert not net[1].training


def test_reseed_gives_every_generator_a_stream_of_its_own():
    def masks(net):
        return [layer(mp.ones((40,))).numpy() for layer in net]

    net = nn.Sequential(*[nn.Dropout(0.5, rng=0) for _ in range(3)])
    first = masks(net.reseed(7))
    masks(net)
    again, other = masks(net.reseed(7)), masks(net.reseed(8))
    for n in range(3):
        np.testing.assert_array_equal(first[n], again[n])
        assert not np.array_equal(first[n], other[n])
        assert not np.array_equal(first[n], first[n - 1])


def test_weights_come_from_the_seed_alone():
    nets = []
    for _ in range(2):
        mp.seed(5)
        nets.append(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3)))
    one, other = (net.state() for net in nets)
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name])
    assert not np.array_equal(nn.Linear(3, 4).weight, nn.Linear(3, 4).weight)
    np.testing.assert_array_equal(nn.Linear(3, 4, rng=1).weight, nn.Linear(3, 4, rng=1).weight)


# ── state ────────────────────────────────────────────────────────────────────────────────────────


def test_load_state_names_everything_that_does_not_fit_and_changes_nothing():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    state = {name: np.full(leaf.shape, 7, leaf.dtype) for name, leaf in net.state().items()}
    before = net[0].bias.numpy()
    del state["layers.1.bias"]
    state["layers.2.weight"] = np.zeros(4, "float32")
    state["layers.0.weight"] = np.zeros((3, 2), "float32")
    state["layers.1.weight"] = np.zeros((3, 1), "float64")
    with pytest.raises(ShapeError) as caught:
        net.load_state(state)
    assert caught.value.message.split("\n  ") == [
        "the state does not fit this Sequential:",
        "missing: layers.1.bias f32[1]",
        "unexpected: layers.2.weight f32[4]",
        "misfit: layers.0.weight is f32[2,3], given f32[3,2]",
        "misfit: layers.1.weight is f32[3,1], given f64[3,1]",
    ]
    np.testing.assert_array_equal(net[0].bias, before)


def test_state_is_not_changed_by_later_training():
    net = nn.Linear(2, 2)
    kept = {name: leaf.numpy() for name, leaf in net.state().items()}
    before = kept["weight"].copy()
    net.load_state({name: value + 1 for name, value in kept.items()})
    np.testing.assert_array_equal(kept["weight"], before)
    np.testing.assert_array_equal(net.weight, before + 1)


def test_astype_changes_every_floating_array_in_place():
    net = Tied()
    handle = net.encode.weight
    exact = handle.numpy().astype("float64")
    assert net.astype(mp.float64) is net
    assert net.encode.weight is net.decode.weight is handle
    np.testing.assert_array_equal(handle, exact)
    assert {leaf.dtype.name for leaf in Branching().astype("float64").state().values()} == {"float64", "uint64"}
    with pytest.raises(DTypeError, match="floating numbers, not int32"):
        net.astype("int32")


# ── printing ─────────────────────────────────────────────────────────────────────────────────────


def test_repr_is_the_call_that_makes_it():
    net = nn.Sequential(
        nn.Linear(4, 3, bias=False, weight_init="he_uniform"),
        nn.LeakyReLU(),
        nn.Sequential(nn.ELU(0.5), nn.GELU(approximate=True)),
        nn.Embedding(3, 2, weight_init=nn.initializers.Normal(0.0, 0.1)),
    )
    assert repr(net) == lines("""
    Sequential(
      Linear(4, 3, bias=False, weight_init='he_uniform'),
      LeakyReLU(),
      Sequential(
        ELU(alpha=0.5),
        GELU(approximate=True),
      ),
      Embedding(3, 2, weight_init=Normal(mean=0.0, deviation=0.1)),
    )
    """)
    names = {**vars(nn), "Normal": nn.initializers.Normal}
    assert repr(eval(repr(net), names)) == repr(net)


def test_repr_of_a_class_of_ones_own():
    assert repr(Branching()) == lines("""
    Branching(
      blocks=[
        Linear(3, 3),
        {
          'in': Linear(3, 3),
          'out': (
            Tanh(),
            Dropout(0.5),
          ),
        },
      ],
    )
    """)
    assert repr(Branching(2)).startswith("Branching(\n  width=2,\n  blocks=[\n    Linear(2, 2),")


def test_repr_inside_a_trace():
    texts = []

    def noted(net):
        texts.append(repr(net))
        return loss_of(net)

    net = Branching()
    mp.grad(noted)(net)
    assert texts == [repr(net)]


def lines(text):
    return text.strip().replace("\n    ", "\n")


def test_summary_of_a_network():
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(128, 10))
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), head)
    net[1].freeze()
    assert net.summary((32, 28, 28)) == lines("""
    layer              type              output     parameters  trained
    -------------------------------------------------------------------
                       Sequential        (32, 10)
    layers.0           Flatten()         (32, 784)
    layers.1           Linear(784, 128)  (32, 128)     100,480  no
    layers.2           ReLU()            (32, 128)
    layers.3           Sequential        (32, 10)
    layers.3.layers.0  Dropout(0.5)      (32, 128)
    layers.3.layers.1  Linear(128, 10)   (32, 10)        1,290  yes
    -------------------------------------------------------------------
    101,770 parameters, 1,290 trained, 100,480 frozen
    """)


def test_summary_counts_tied_weights_once():
    net = Tied()
    net.gain = mp.Parameter([1.0, 2.0])
    net.encode.bias = mp.Parameter([1.0, 2.0], trainable=False)
    assert net.summary() == lines("""
    layer   type                      parameters  trained
    --------------------------------------------------------------------------
            Tied                               2  yes
    encode  Linear(4, 2)                      10  partly
    decode  Linear(4, 2, bias=False)              weight tied to encode.weight
    --------------------------------------------------------------------------
    12 parameters, 10 trained, 2 frozen
    """)


def test_summary_runs_nothing_and_writes_nothing():
    net = Branching()
    net.summary((5, 3))
    assert draws(net) == 0
    assert "forward" not in vars(net)
    assert not net.mean.numpy().any()
    assert nn.ReLU().summary((2,)).endswith("no parameters")
    assert "(2, 7, 3)" in nn.Embedding(5, 3).summary((2, 7), dtype="int64")


def test_summary_of_a_misfit_names_the_layer():
    with pytest.raises(ShapeError) as caught:
        nn.Sequential(nn.Linear(4, 3), nn.Linear(4, 3)).summary((1, 4))
    assert caught.value.where.startswith("layers.1 · test_nn_module.py:")


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


class Deep(nn.Module):
    def __init__(self):
        self.body = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(5, 1))

    def forward(self, x):
        return self.body(x)  # the user's line


def test_an_error_names_the_layer_and_the_users_line():
    line = 1 + Path(__file__).read_text().split("\n").index("        return self.body(x)  # the user's line")
    for call in (lambda net: net(x), mp.grad(loss_of), lambda net: mp.trace(loss_of, net)):
        with pytest.raises(ShapeError, match=r"Linear\(5, 1\) takes \(…, 5\), given \(5, 4\)") as caught:
            call(Deep())
        assert caught.value.where == f"body.layers.2 · test_nn_module.py:{line}"


def test_an_error_in_a_single_layer_names_the_users_line():
    with pytest.raises(ShapeError) as caught:
        nn.Linear(5, 1)(x)
    assert caught.value.where.startswith("test_nn_module.py:")


def test_an_error_of_an_operation_names_the_layer_too():
    class Wrong(nn.Module):
        def forward(self, x):
            return x @ x

    with pytest.raises(ShapeError, match="matmul") as caught:
        nn.Sequential(nn.Tanh(), Wrong())(x)
    assert caught.value.where.startswith("layers.1 · test_nn_module.py:")


def test_the_layers_are_left_after_an_error():
    net = Deep()
    for _ in range(2):
        with pytest.raises(ShapeError) as caught:
            net(x)
        assert caught.value.where.startswith("body.layers.2 ")


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no forward method: define forward\(self, x\)"):
        Empty()(x)


def test_forward_takes_whatever_arguments_it_wants():
    class Mixed(nn.Module):
        def forward(self, a, b=2.0, *, c):
            return a * b + c

    assert float(Mixed()(3.0, c=1.0)) == 7
    assert float(Mixed()(mp.asarray(3.0), b=1.0, c=1.0)) == 4


def test_a_condition_on_a_value_in_a_trace_without_values_teaches():
    class Chooses(nn.Module):
        def forward(self, x):
            return x if mp.sum(x) > 0 else -x

    assert Chooses()(mp.asarray([-1.0])).tolist() == [1.0]
    with pytest.raises(TraceError, match=r"mp\.where"):
        mp.trace(Chooses(), x)
