"""Laws of the layers for images and of the norms, over the examples of all layers: compiled, in halves, trained."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from test_nn_layers import examples, torch_peer
from torch_images import peers

cases = [pytest.param(make, x, id=f"{name}-{n}") for name in peers for n, (make, x) in enumerate(examples[name])]
every_case = pytest.mark.parametrize(("make", "x"), cases)


def twins(make):
    net = make()
    return net, nn.build(nn.describe(net)).load_state(net.state())


def assert_close(ours, theirs, tolerance):
    for name, one in ours.items():
        np.testing.assert_allclose(one, theirs[name], rtol=tolerance, atol=tolerance, err_msg=name)
    assert set(ours) == set(theirs)


@every_case
def test_compiled_and_at_once_agree_with_their_gradients_and_state(make, x):
    at_once, compiled = twins(make)
    x = mp.asarray(x, dtype="float32")
    weights = mp.asarray(np.random.default_rng(0).normal(size=at_once(x).shape), dtype="float32")
    compiled(x)  # so that both have seen it once

    def step(net, x):
        y, pullback = mp.vjp(lambda net, x: net(x), net, x)
        return y, *pullback(weights)

    native = mp.jit(step)
    for _ in range(2):
        y, gradients, at_x = step(at_once, x)
        native_y, native_gradients, native_at_x = native(compiled, x)
        np.testing.assert_allclose(native_y, y, rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(native_at_x, at_x, rtol=2e-5, atol=2e-6)
        assert_close(native_gradients, gradients, 2e-5)
        assert_close(compiled.state(), at_once.state(), 2e-6)


@every_case
@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 0.004), (mp.bfloat16, 0.03)])
def test_halves_give_halves_near_to_what_float32_gives(make, x, dtype, tolerance):
    net, half = twins(make)
    x = mp.asarray(x, dtype=dtype)
    half.astype(dtype)
    net.load_state({name: np.asarray(value, "float32") for name, value in half.state().items()})
    y = half(x)
    assert y.dtype == x.dtype
    assert {leaf.dtype for leaf in half.state().values()} <= {x.dtype}
    np.testing.assert_allclose(np.asarray(y, "float32"), net(x.astype("float32")), rtol=tolerance, atol=tolerance)


@every_case
def test_integers_are_numbers_too(make, x):
    net, twin = twins(make)
    x = np.round(8 * x).astype(np.int32)
    np.testing.assert_allclose(net(x), twin(x.astype(np.float32)), rtol=1e-6)


learns = [case for case in cases if case.values[0]().parameters()]


@pytest.mark.parametrize(("make", "x"), learns)
def test_ten_steps_of_training_go_as_in_pytorch(make, x):
    torch = pytest.importorskip("torch")
    net = make().astype("float64")
    peer, _ = torch_peer(net, torch)
    theirs = torch.optim.SGD([p for p in peer.parameters() if p.requires_grad], lr=0.1, momentum=0.5)
    optimizer = optim.SGD(0.1, momentum=0.5)
    x = x.astype("float64")
    target = np.random.default_rng(0).normal(size=net.eval()(x).shape)
    net.train()

    @mp.jit
    def step(net, optimizer, x):
        loss, gradients = mp.value_and_grad(lambda net: nn.mse(net(x), target))(net)
        optimizer.update(net, gradients)
        return loss

    losses = []
    for _ in range(10):
        theirs.zero_grad()
        loss = ((peer(torch.tensor(x)) - torch.tensor(target)) ** 2).mean()
        loss.backward()
        theirs.step()
        losses.append(loss.item())
        np.testing.assert_allclose(step(net, optimizer, mp.asarray(x)), loss.item(), rtol=1e-9)
    assert losses[-1] != losses[0]
    # Inference, too, where running averages are taken.
    np.testing.assert_allclose(net.eval()(x), peer.eval()(torch.tensor(x)).detach(), rtol=1e-8, atol=1e-10)


coupled = {"BatchNorm", "SpectralNorm"}


@pytest.mark.parametrize(("make", "x"), [case for case in cases if case.id.split("-")[0] not in coupled])
def test_mapped_over_batches_it_gives_what_a_loop_gives(make, x):
    net = make()
    batches = mp.asarray(np.stack([x, x[::-1] * 0.5]), dtype="float32")
    mapped = mp.vmap(net)(batches)
    for n in range(2):
        np.testing.assert_allclose(mapped[n], net(batches[n]), rtol=1e-5, atol=1e-6)


def test_a_small_net_for_images_is_saved_and_trained_by_fit(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, size=70)
    # A bright upper or lower half; the last batch of an epoch is short.
    pictures = rng.normal(size=(70, 8, 8, 1)).astype("float32")
    pictures[labels == 0, :4] += 1
    pictures[labels == 1, 4:] += 1
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", bias=False, rng=0), nn.BatchNorm(4), nn.ReLU(), nn.MaxPool2d((4, 8)),
        nn.Conv2d(4, 4, 1, groups=4, rng=1), nn.LayerNorm(4), nn.Flatten(), nn.Linear(8, 2, rng=2),
    )  # fmt: skip
    run = mp.fit(
        net,
        (pictures, labels),
        epochs=20,
        batch_size=16,
        loss=nn.cross_entropy,
        optimizer=optim.Adam(0.02),
        metrics=["accuracy"],
    )
    assert run.history[-1]["accuracy"] > 0.95
    assert float(mp.max(mp.abs(net[1].running_mean))) > 0.01
    assert not net.training
    mp.save(net, tmp_path / "net")
    loaded = mp.load(tmp_path / "net").net.eval()
    np.testing.assert_array_equal(loaded(pictures), net(pictures))
