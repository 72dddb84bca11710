"""Every layer beside PyTorch's, with the same weights: values, gradients, and ten steps of training."""

import numpy as np
import pytest

import maplet as mp
from layer_examples import arrays, as_inputs, cases, drops, examples, is_quick
from maplet import nn
from maplet.nn.module import built_in
from torch_layers import peers, torch_peer, without_peer
from torch_training import train_both

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("same_weights")


def excused(identity):
    """Whether nothing in PyTorch is compared with an example, as `without_peer` says."""
    return identity in without_peer or identity.rpartition("-")[0] in without_peer


compared = [case for case in cases if not excused(case.id)]


def test_every_layer_has_a_peer_or_a_reason_why_not():
    known = {*peers, *without_peer, *(name for name in built_in if hasattr(torch.nn, name))}
    assert set(examples) <= {name.partition("-")[0] for name in known}
    assert set(without_peer) <= {*examples, *(case.id for case in cases)}


def flat(value):
    """Nested tuples of PyTorch's as a list."""
    return [one for item in value for one in flat(item)] if isinstance(value, tuple) else [value]


def assert_close(ours, theirs, tolerance, what=""):
    """Sums that cancel are rounded as their terms are, which are about as large as the largest sum."""
    largest = max(1.0, float(abs(theirs).max()))
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * largest, err_msg=what)


def as_tensors(xs):
    return [torch.tensor(x.numpy().copy(), requires_grad=x.dtype.kind == "f") for x in xs]


@pytest.mark.parametrize(("make", "x"), compared)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6)])
def test_values_and_gradients_agree(make, x, dtype, tolerance):
    net = make().astype(dtype)
    if drops(net):
        net.eval()
    peer, named = torch_peer(net, torch)
    if dtype == "float32":  # each layer inside rounds
        tolerance *= max(1, len({name.rpartition(".")[0] for name in net.parameters()}))
    xs = as_inputs(x, dtype)
    their_xs = as_tensors(xs)
    theirs = flat(peer(*their_xs))
    draw = np.random.default_rng(1)
    weights = [draw.normal(size=tuple(one.shape)).astype(dtype) for one in theirs]
    sum((one * torch.tensor(weight)).sum() for one, weight in zip(theirs, weights, strict=True)).backward()

    ours, pullback = mp.vjp(lambda net, *xs: arrays(net(*xs)), net, *xs)
    gradients, *gradients_x = pullback([mp.asarray(weight) for weight in weights])
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one, other.detach(), tolerance)
    assert set(gradients) == set(named)
    for name, parameter in named.items():
        assert_close(gradients[name], parameter.gradient, tolerance, name)
    for gradient, their_x in zip(gradients_x, their_xs, strict=True):
        if their_x.requires_grad:
            assert_close(gradient, their_x.grad, tolerance)


def quick(case):
    """Whether it is the first example of a layer that has something to train itself, or one for all such layers."""
    return is_quick(case.id) or (case.id.endswith("-0") and case.values[0]().parameters())


@pytest.mark.parametrize(
    ("make", "x"),
    [case if quick(case) else pytest.param(*case.values, id=case.id, marks=pytest.mark.slow) for case in compared],
)
def test_ten_steps_of_training_agree(make, x):
    """What has no parameters stands behind a Linear, so that there is something to train."""
    net = make()
    if not net.parameters():
        net = nn.Sequential(nn.Linear(x.shape[-1], x.shape[-1], rng=0), net)
    net.astype("float64")
    if drops(net):
        net.eval()
    peer, named = torch_peer(net, torch)
    xs = as_inputs(x, "float64")
    train_both(
        torch,
        (net, lambda net: arrays(net(*xs))),
        (peer, lambda peer: flat(peer(*[torch.tensor(x.numpy()) for x in xs]))),
        named,
    )
