"""A net and its peer in PyTorch, trained side by side."""

import numpy as np

import maplet as mp
from maplet import nn, optim


def train_both(torch, ours, theirs, named, *, steps=10, tolerance=1e-9):
    """Ten steps of SGD with momentum towards the same targets: losses, then weights and outputs, agree.

    Parameters
    ----------
    torch
        The module.
    ours, theirs
        A net and the function that calls it and gives its outputs as a list; the same of PyTorch.
    named
        The parameters of theirs by our names, each an `Arranged`.
    steps
        How many.
    tolerance
        How far they may differ, relative and absolute.
    """
    (net, run), (peer, run_peer) = ours, theirs
    close = {"rtol": tolerance, "atol": tolerance}
    draw = np.random.default_rng(0)
    targets = [draw.normal(size=tuple(y.shape)) for y in run_peer(peer.eval())]
    peer.train(net.training)
    optimizer = optim.SGD(0.1, momentum=0.5)
    their_optimizer = torch.optim.SGD(peer.parameters(), lr=0.1, momentum=0.5)

    def total(net):
        return sum(nn.mse(y, target) for y, target in zip(run(net), targets, strict=True))

    def step(net, optimizer):
        loss, gradients = mp.value_and_grad(total)(net)
        optimizer.update(net, gradients)
        return loss

    before = {name: parameter.numpy().copy() for name, parameter in net.parameters().items()}
    for _ in range(steps):
        their_optimizer.zero_grad()
        pairs = zip(run_peer(peer), targets, strict=True)
        loss = sum(((y - torch.tensor(target)) ** 2).mean() for y, target in pairs)
        loss.backward()
        their_optimizer.step()
        np.testing.assert_allclose(step(net, optimizer), loss.item(), **close)
    assert set(named) == set(net.parameters())
    for name, parameter in net.parameters().items():
        np.testing.assert_allclose(parameter, named[name].value, **close, err_msg=name)
    assert any(np.abs(before[name] - parameter).max() > 1e-3 for name, parameter in net.parameters().items())
    # Inference, too, where running averages are taken.
    for y, other in zip(run(net.eval()), run_peer(peer.eval()), strict=True):
        np.testing.assert_allclose(y, other.detach(), **close)
