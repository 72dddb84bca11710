"""Norms: what their statistics are, running averages as state, weights computed from others, and what is refused."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.errors import DataError, SettingError, ShapeError, TraceError

rng = np.random.default_rng(0)
pictures = rng.normal(3, 2, size=(6, 5, 4, 8)).astype("float32")


@pytest.mark.parametrize(
    ("make", "axes"),
    [
        (lambda: nn.BatchNorm(8), (0, 1, 2)),
        (lambda: nn.LayerNorm(8), (3,)),
        (lambda: nn.LayerNorm((5, 4, 8)), (1, 2, 3)),
        (lambda: nn.GroupNorm(1, 8), (1, 2, 3)),
        (lambda: nn.GroupNorm(8, 8), (1, 2)),
        (lambda: nn.InstanceNorm(8), (1, 2)),
    ],
)
def test_means_are_0_and_variances_1_over_the_axes_that_are_said(make, axes):
    y = make()(pictures).numpy()
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(axes), 1, rtol=1e-4)


def test_a_large_mean_costs_no_digits():
    x = rng.normal(size=(64, 8)).astype("float32")
    for layer in (nn.BatchNorm(8), nn.LayerNorm(8), nn.GroupNorm(1, 8)):
        np.testing.assert_allclose(layer(x + 1024), layer(x), atol=4 * np.spacing(np.float32(1024)))


@pytest.mark.parametrize("dtype", ["float16", mp.bfloat16])
def test_statistics_of_halves_are_computed_in_float32(dtype):
    x = mp.asarray(1000 * rng.normal(size=(32, 4, 8)), dtype=dtype)  # whose squares float16 cannot hold
    for make in (nn.BatchNorm, nn.LayerNorm, nn.RMSNorm, nn.InstanceNorm, lambda n: nn.GroupNorm(2, n)):
        layer = make(8)
        expected = layer(x.astype("float32"))
        found = make(8).astype(dtype)(x)
        assert found.dtype == x.dtype
        np.testing.assert_array_equal(found, expected.astype(dtype))  # rounded once


# ── running averages ─────────────────────────────────────────────────────────────────────────────


def averaged(layer, batches):
    mean, variance = np.zeros(8), np.ones(8)
    for batch in batches:
        flat = batch.reshape(-1, 8)
        mean = (1 - layer.momentum) * mean + layer.momentum * flat.mean(0)
        variance = (1 - layer.momentum) * variance + layer.momentum * flat.var(0, ddof=1)
    return mean, variance


def assert_averages(layer, batches):
    mean, variance = averaged(layer, batches)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running_variance, variance, rtol=1e-5)


batches = [pictures, pictures * 2 + 1, pictures[:2]]
ways = {
    "called": lambda net, x: net(x),
    "compiled": mp.jit(lambda net, x: net(x)),
    "differentiated": lambda net, x: mp.grad(lambda net: mp.sum(mp.square(net(x))))(net),
    "compiled and differentiated": mp.jit(lambda net, x: mp.grad(lambda net: mp.sum(mp.square(net(x))))(net)),
    "checkpointed": lambda net, x: mp.grad(lambda net: mp.sum(mp.checkpoint(lambda net, x: net(x))(net, x)))(net),
}


@pytest.mark.parametrize("way", ways)
def test_running_averages_are_kept_however_the_layer_is_run(way):
    layer = nn.BatchNorm(8, momentum=0.3)
    for batch in batches:
        ways[way](layer, mp.asarray(batch))
    assert_averages(layer, batches)
    assert type(layer.running_mean) is mp.Array
    assert set(layer.state()) - set(layer.parameters()) == {"running_mean", "running_variance"}


def test_running_averages_are_carried_through_a_scan():
    layer = nn.BatchNorm(8)
    stacked = mp.asarray(np.stack([pictures, pictures * 2]))
    mp.jit(lambda layer, xs: mp.scan(lambda carry, x: (carry, mp.sum(layer(x))), mp.zeros(()), xs))(layer, stacked)
    assert_averages(layer, [pictures, pictures * 2])


def test_fit_keeps_running_averages_and_predicts_with_them():
    x, y = rng.normal(5, 3, size=(70, 8)).astype("float32"), rng.normal(size=(70, 1)).astype("float32")
    net = nn.Sequential(nn.BatchNorm(8), nn.Linear(8, 1))
    run = mp.fit(net, (x, y), epochs=60, batch_size=16, loss=nn.mse, optimizer=optim.SGD(0.01))
    # Averages over the last ten batches or so lie near to those of all data.
    np.testing.assert_allclose(net[0].running_mean, x.mean(0), atol=1.5)
    np.testing.assert_allclose(net[0].running_variance, x.var(0), rtol=0.5)
    np.testing.assert_allclose(run.predict(x[:1]), run.predict(x)[:1], rtol=1e-5)


def test_inference_takes_the_averages_and_changes_nothing():
    layer = nn.BatchNorm(8, epsilon=0.5)
    layer(pictures)
    layer.eval()
    before = {name: leaf.numpy() for name, leaf in layer.state().items()}
    y = layer(pictures)
    expected = (pictures - before["running_mean"]) / np.sqrt(before["running_variance"] + 0.5)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(pictures[:1]), y[:1], rtol=1e-6)
    for name, leaf in layer.state().items():
        np.testing.assert_array_equal(leaf, before[name])


def test_no_gradient_flows_through_the_averages():
    layer = nn.BatchNorm(8, momentum=1.0)

    def kept(x):
        layer(x)
        return mp.sum(layer.running_mean)

    np.testing.assert_array_equal(mp.grad(kept)(mp.asarray(pictures)), np.zeros_like(pictures))


def test_a_frozen_layer_still_averages_and_an_evaluated_one_does_not():
    layer = nn.BatchNorm(8).freeze()
    layer(pictures)
    assert_averages(layer, [pictures])


def test_the_averages_keep_their_dtype():
    layer = nn.BatchNorm(8)
    assert layer(pictures.astype("float64")).dtype == np.float64
    assert layer.running_mean.dtype == np.float32
    assert layer.eval()(pictures.astype("float16")).dtype == np.float32  # where it meets the weights
    assert nn.BatchNorm(8, weight=False, bias=False)(pictures.astype("float16")).dtype == np.float32


def test_a_batch_is_not_normalized_example_by_example():
    with pytest.raises(TraceError):
        mp.vmap(nn.BatchNorm(8))(mp.asarray(pictures))
    layer = nn.BatchNorm(8).eval()
    np.testing.assert_allclose(mp.vmap(layer)(mp.asarray(pictures)), layer(pictures), rtol=1e-6)


def deep(momentum=0.3):
    """Two norms, the second of which sees what the first gives, and a layer that drops while training."""
    return nn.Sequential(
        nn.BatchNorm(8, momentum=momentum), nn.Linear(8, 5, rng=0), nn.Tanh(), nn.Dropout(0.5, rng=1), nn.BatchNorm(5)
    )


def test_statistics_made_anew_are_the_means_over_the_batches():
    net, rows = deep(), [rng.normal(size=(n, 8)).astype("float32") for n in (9, 16, 4)]
    nn.update_statistics(net, rows)
    means, variances = [], []
    for batch in rows:
        normal = (batch - batch.mean(0)) / np.sqrt(batch.var(0) + 1e-5)
        hidden = np.tanh(normal @ net[1].weight.numpy() + net[1].bias.numpy())  # nothing is dropped
        means.append((batch.mean(0), hidden.mean(0)))
        variances.append((batch.var(0, ddof=1), hidden.var(0, ddof=1)))
    for norm, mean, variance in zip(
        (net[0], net[4]), zip(*means, strict=True), zip(*variances, strict=True), strict=True
    ):
        np.testing.assert_allclose(norm.running_mean, np.mean(mean, axis=0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(norm.running_variance, np.mean(variance, axis=0), rtol=1e-4)


def test_statistics_made_anew_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    rows = [rng.normal(size=(12, 8)).astype("float32") for _ in range(3)]
    ours, theirs = nn.BatchNorm(8), torch.nn.BatchNorm1d(8)
    ours(rows[0] * 9)
    nn.update_statistics(ours, iter(rows))
    torch.optim.swa_utils.update_bn([torch.tensor(batch) for batch in rows], theirs)
    np.testing.assert_allclose(ours.running_mean, theirs.running_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.running_variance, theirs.running_var, rtol=1e-5)


def test_making_statistics_anew_changes_nothing_else():
    net = deep().eval()
    net[1].training = True
    before = {name: leaf.numpy().tobytes() for name, leaf in net.state().items() if "running" not in name}
    modes = [module.training for module in net.modules().values()]
    nn.update_statistics(net, [(mp.asarray(inputs["Norm"]),)])
    assert before == {name: leaf.numpy().tobytes() for name, leaf in net.state().items() if "running" not in name}
    assert [module.training for module in net.modules().values()] == modes
    assert (net[0].momentum, net[4].momentum) == (0.3, 0.1)
    nn.update_statistics(nn.Linear(8, 2), [inputs["Norm"]])  # where there are none, there is nothing to do


def test_where_making_them_anew_fails_they_stay():
    net = deep()
    net(inputs["Norm"])
    before = net[0].running_mean.numpy().tobytes()
    with pytest.raises(ShapeError):
        nn.update_statistics(net, [inputs["Norm"] * 3, np.ones((4, 7), "float32")])
    with pytest.raises(DataError, match=r"there is no batch(?s:.*)x\[:256\]"):
        nn.update_statistics(net, [])
    assert net[0].running_mean.numpy().tobytes() == before
    assert net[0].training
    assert net[0].momentum == 0.3


def test_averaged_weights_predict_with_statistics_of_their_own():
    """What the average gives at inference with them is what it gives while training on all data at once."""
    x, y = rng.normal(3, 2, size=(64, 8)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")
    net = nn.Sequential(nn.Linear(8, 6, rng=0), nn.BatchNorm(6), nn.Linear(6, 1, rng=1))
    optimizer = optim.Averaged(optim.SGD(0.3), optim.Average())
    mp.fit(net, (x, y), epochs=4, batch_size=16, loss=nn.mse, optimizer=optimizer, progress=False)
    smooth = optimizer.average.apply(net).train()
    stale = smooth.eval()(x).numpy()
    expected = smooth.train()(x).numpy()
    nn.update_statistics(smooth, [x])
    found = smooth.eval()(x).numpy()
    assert np.abs(found - expected).max() < 0.02 < np.abs(stale - expected).max()  # n − 1 in the running variance


# ── another weight ───────────────────────────────────────────────────────────────────────────────

wrapped = [lambda: nn.Linear(6, 4, rng=0), lambda: nn.Conv2d(4, 6, 3, groups=2, rng=0)]
inputs = {
    "Linear": rng.normal(size=(5, 6)).astype("float32"),
    "Norm": rng.normal(2, 3, size=(10, 8)).astype("float32"),
    "Conv2d": rng.normal(size=(2, 5, 5, 4)).astype("float32"),
}


@pytest.mark.parametrize("make", wrapped)
def test_weight_norm_begins_as_the_layer_and_has_length_and_direction_apart(make):
    layer = make()
    x = inputs[type(layer).__name__]
    expected = layer(x)
    net = nn.WeightNorm(layer)
    np.testing.assert_allclose(net(x), expected, rtol=1e-5, atol=1e-6)
    assert list(net.parameters()) == ["layer.weight", "layer.bias", "length"]
    net.layer.weight = 3 * net.layer.weight
    np.testing.assert_allclose(net(x), expected, rtol=1e-5, atol=1e-6)
    net.length = 2 * net.length
    np.testing.assert_allclose(net(x), 2 * expected, rtol=1e-5, atol=1e-5)
    assert isinstance(net.length, mp.Parameter)
    weight = net.layer.weight
    assert isinstance(weight, mp.Parameter)
    net(x)
    assert net.layer.weight is weight


@pytest.mark.parametrize("make", wrapped)
def test_spectral_norm_makes_the_largest_singular_value_1(make):
    layer = make()
    net = nn.SpectralNorm(layer, iterations=3, rng=0)
    x = inputs[type(layer).__name__]
    for _ in range(20):
        net(x)
    matrix = layer.weight.numpy().reshape(-1, layer.weight.shape[-1])
    layer.weight = layer.weight / np.linalg.norm(matrix, 2)
    np.testing.assert_allclose(net.eval()(x), layer(x), rtol=1e-4, atol=1e-5)


def test_power_iteration_follows_the_weight_in_training_only():
    net = nn.SpectralNorm(nn.Linear(6, 4, rng=0), rng=0)
    net.layer.weight = mp.asarray(rng.normal(size=(6, 4)), dtype="float32")
    start = net.output_vector
    net.eval()(inputs["Linear"])
    assert net.output_vector is start
    step = mp.jit(lambda net, x: mp.grad(lambda net: mp.sum(net(x)))(net))
    for _ in range(200):
        step(net.train(), inputs["Linear"])
    u, _, vh = np.linalg.svd(net.layer.weight.numpy())
    np.testing.assert_allclose(np.abs(net.input_vector.numpy() @ u[:, 0]), 1, rtol=1e-5)
    np.testing.assert_allclose(np.abs(net.output_vector.numpy() @ vh[0]), 1, rtol=1e-5)
    assert set(net.state()) - set(net.parameters()) == {"input_vector", "output_vector"}


def test_wrapped_layers_stand_in_nets_and_summaries():
    net = nn.Sequential(nn.WeightNorm(nn.Linear(6, 4)), nn.ReLU(), nn.SpectralNorm(nn.Linear(4, 2)))
    assert "\n  layer " in net.summary((3, 6))
    assert net.summary().endswith("42 parameters, all trained")
    net.freeze()
    assert nn.build(nn.describe(net)).parameters()["layers.0.length"].trainable is False


@pytest.mark.parametrize("wrap", [nn.WeightNorm, nn.SpectralNorm])
@pytest.mark.parametrize("given", [nn.ReLU(), nn.LayerNorm(3), nn.WeightNorm(nn.Linear(2, 2)), mp.relu, 3])
def test_only_a_layer_with_a_weight_is_wrapped(wrap, given):
    with pytest.raises(SettingError, match=f"{wrap.__name__} takes a layer with a weight of two axes or more"):
        wrap(given)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [(1, 8), (1, 1, 1, 8), (0, 8)])
def test_one_value_of_each_channel_has_no_variance(shape):
    layer = nn.BatchNorm(8)
    with pytest.raises(ShapeError, match="two values of each channel or more") as caught:
        layer(mp.zeros(shape))
    assert "net.eval()" in caught.value.fix
    assert layer.eval()(mp.zeros(shape)).shape == shape
    np.testing.assert_array_equal(layer.running_mean, np.zeros(8))


@pytest.mark.parametrize(
    ("layer", "shape", "said"),
    [
        (nn.BatchNorm(8), (5, 7), "BatchNorm(8) takes (N, …, 8), given (5, 7)\n  fix: give the layer features=7"),
        (nn.BatchNorm(8), (8,), "BatchNorm(8) takes (N, …, 8), given (8,)\n  fix: give an input of 2 axes"),
        (nn.BatchNorm(8), (5, 8, 3, 3), "channels stand last: mp.moveaxis(x, 1, -1)"),
        (nn.LayerNorm(8), (5, 7), "LayerNorm(8) takes (…, 8), given (5, 7)"),
        (nn.LayerNorm((2, 8)), (5, 8), "LayerNorm((2, 8)) takes (…, 2, 8), given (5, 8)"),
        (nn.LayerNorm((2, 8)), (8,), "LayerNorm((2, 8)) takes (…, 2, 8), given (8,)"),
        (nn.RMSNorm(8), (), "RMSNorm(8) takes (…, 8), given ()"),
        (nn.GroupNorm(2, 8), (5, 7), "GroupNorm(2, 8) takes (N, …, 8), given (5, 7)"),
        (nn.GroupNorm(8, 8), (5, 8), "one value in each group"),
        (nn.InstanceNorm(8), (5, 8), "InstanceNorm(8) takes (N, spatial…, 8), given (5, 8)"),
        (nn.InstanceNorm(8), (5, 1, 1, 8), "has one place"),
    ],
)
def test_an_input_that_does_not_fit_is_named(layer, shape, said):
    with pytest.raises(ShapeError) as caught:
        layer(mp.zeros(shape))
    text = f"{caught.value.message}\n  fix: {caught.value.fix}"
    assert said in text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.BatchNorm(0), "BatchNorm: features=0: expected an integer ≥ 1"),
        (lambda: nn.BatchNorm((3, 4)), "BatchNorm: features=(3, 4): expected an integer ≥ 1"),
        (lambda: nn.BatchNorm(4, momentum=1.5), "BatchNorm: momentum=1.5: expected a finite number ≥ 0 and ≤ 1"),
        (lambda: nn.BatchNorm(4, epsilon=-1.0), "BatchNorm: epsilon=-1.0: expected a finite number ≥ 0"),
        (lambda: nn.LayerNorm(()), "LayerNorm: features=(): expected an integer ≥ 1"),
        (lambda: nn.LayerNorm((4, 0)), "LayerNorm: features=0: expected an integer ≥ 1"),
        (lambda: nn.RMSNorm(4, epsilon=float("nan")), "RMSNorm: epsilon=nan: expected a finite number ≥ 0"),
        (lambda: nn.GroupNorm(3, 8), "GroupNorm: 8 channels do not fall into 3 equal groups"),
        (lambda: nn.GroupNorm(0, 8), "GroupNorm: groups=0: expected an integer ≥ 1"),
        (
            lambda: nn.SpectralNorm(nn.Linear(2, 2), iterations=0),
            "iterations=0: expected an integer ≥ 1",
        ),
    ],
)
def test_settings_out_of_range_are_refused_at_once(make, said):
    with pytest.raises(SettingError) as caught:
        make()
    assert said in str(caught.value)
