"""Sharpness-aware minimization: against its formula, and what it leaves alone."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.tree import leaves
from maplet.errors import GradientError, SettingError
from test_optim import Line, bits, loss_of, x, y


def test_ten_steps_follow_the_published_formula():
    theta, optimizer = mp.asarray(np.array([1.0, -2.0])), optim.SGD(0.1)
    worst = optim.sam(lambda t: mp.sum(mp.sin(t) + t**2), rho=0.3)
    by_hand = theta.numpy().copy()
    slope = lambda t: np.cos(t) + 2 * t
    for _ in range(10):
        value, gradient = worst(theta)
        assert value.item() == pytest.approx(np.sum(np.sin(by_hand) + by_hand**2))
        optimizer.update(theta, gradient)
        g = slope(by_hand)
        by_hand = by_hand - 0.1 * slope(by_hand + 0.3 * g / np.linalg.norm(g))
        np.testing.assert_allclose(theta.numpy(), by_hand, rtol=1e-12)


def test_a_network_is_left_as_a_single_gradient_leaves_it():
    once, twice = Line(), Line()
    value, gradients = mp.value_and_grad(loss_of)(once, x, y)
    other, worst = optim.sam(loss_of)(twice, x, y)
    assert bits(once) == bits(twice)  # the running mean has moved once
    assert value.item() == other.item()
    assert worst.keys() == gradients.keys() == {"weight", "bias"}
    norm = np.sqrt(sum(np.sum(g.numpy() ** 2) for g in gradients.values()))
    shifted = Line()
    for name, g in gradients.items():
        parameter = getattr(shifted, name)
        parameter[...] = parameter + 0.05 * g / norm
    for name, g in mp.grad(loss_of)(shifted, x, y).items():
        np.testing.assert_allclose(worst[name].numpy(), g.numpy(), rtol=1e-5)


def test_both_gradients_see_the_same_dropout():
    def loss(net, x):
        return mp.mean(net(x) ** 2)

    nets = [nn.Sequential(nn.Linear(3, 50, rng=0), nn.Dropout(0.5, rng=1)) for _ in range(2)]
    _, tiny = optim.sam(loss, rho=1e-12)(nets[0], x)  # the worst point is the point itself, up to rounding
    single = mp.grad(loss)(nets[1], x)
    for name, gradient in single.items():
        assert tiny[name].tolist() == gradient.tolist()
    assert bits(nets[0]) == bits(nets[1])  # the generator has drawn once


def test_it_is_compiled_once():
    def train(net, optimizer, x, y):
        loss, gradients = optim.sam(loss_of)(net, x, y)
        optimizer.update(net, gradients)
        return loss

    compiled = mp.jit(train)
    eager, native = (Line(), optim.SGD(0.1, momentum=0.9)), (Line(), optim.SGD(0.1, momentum=0.9))
    losses = [compiled(*native, x, y).item() for _ in range(5)]
    assert compiled.compilations == 1
    assert losses[-1] < losses[0]
    for _ in range(5):
        train(*eager, x, y)
    for name, leaf in leaves(eager[0]).items():
        np.testing.assert_allclose(leaves(native[0])[name].numpy(), leaf.numpy(), rtol=1e-4, err_msg=name)


def test_where_the_gradient_is_zero_there_is_no_worse_point():
    value, gradient = optim.sam(lambda t: mp.sum(t**2))(mp.zeros((2,)))
    assert (value.item(), gradient.tolist()) == (0.0, [0.0, 0.0])


def test_fit_takes_the_steps_that_a_loop_takes():
    data = mp.asarray(x), mp.asarray(y)
    for chunks in (1, 2):
        nets = [nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1)) for _ in range(3)]
        plain, inside = optim.SGD(0.1, momentum=0.9), optim.SAM(optim.SGD(0.1, momentum=0.9), rho=0.3)
        for _ in range(3):
            loss = lambda net, x, y: nn.mse(net(x), y)
            _, gradients = optim.sam(loss, rho=0.3)(nets[0], *data)
            plain.update(nets[0], gradients)
        settings = {"loss": nn.mse, "epochs": 3, "batch_size": len(x), "chunks": chunks, "progress": False}
        mp.fit(nets[1], data, optimizer=inside, **settings)
        mp.fit(nets[2], data, optimizer=optim.SGD(0.1, momentum=0.9), **settings)
        for name, leaf in leaves(nets[0]).items():
            np.testing.assert_allclose(leaves(nets[1])[name], leaf, rtol=1e-4, atol=1e-6)
        assert bits(nets[1]) != bits(nets[2])


def test_a_run_with_it_is_resumed_to_the_same_bits(tmp_path):
    data = mp.asarray(x), mp.asarray(y)

    def run(directory, epochs):
        net = nn.Linear(3, 2, rng=0)
        optimizer = optim.Averaged(optim.SAM(optim.Adam(0.1)))
        return mp.fit(
            net, data, loss="mse", optimizer=optimizer, epochs=epochs, batch_size=4, directory=tmp_path / directory,
            existing="resume", progress=False,
        )  # fmt: skip

    whole = run("whole", 4)
    run("parts", 2)
    assert bits(run("parts", 4).net) == bits(whole.net)


def test_errors():
    with pytest.raises(SettingError, match=r"(?s)taken at the weights as they are.*optim.sam\(loss\)\(net, x, y\)"):
        optim.SAM(optim.SGD(0.1)).update(mp.asarray(1.0), 1.0)
    with pytest.raises(SettingError, match=r"(?s)at another point.*optim.SAM\(optim.Groups"):
        optim.Groups({"w*": optim.SAM(optim.SGD(0.1)), "*": optim.SGD(0.1)}).gradients_from(mp.value_and_grad(loss_of))
    with pytest.raises(SettingError, match="rho=0"):
        optim.SAM(optim.SGD(0.1), rho=0)
    with pytest.raises(SettingError, match="rho=0"):
        optim.sam(loss_of, rho=0)
    with pytest.raises(GradientError, match=r"(?s)optim.sam\(loss\)\(net, x, y\)"):
        optim.sam(mp.asarray(1.0))
