"""Every layer and loss in native code: training beside `evaluate`, and the same bits from any number of threads."""

from functools import partial

import numpy as np
import pytest

import maplet as mp
from layer_examples import arrays, as_inputs, every_layer_in_time
from maplet import nn, optim
from maplet.core.array import Parameter, assign
from maplet.nn.losses import losses
from native_training import assert_the_same_bits_by_threads, train_beside

slowly = partial(pytest.param, marks=pytest.mark.slow)
pytestmark = pytest.mark.usefixtures("any_threads")


class Scaled(nn.Module):
    """A layer whose output is scaled, so that there is something to train."""

    def __init__(self, layer):
        self.layer, self.factor = layer, Parameter(1.5)

    def forward(self, *xs):
        return [y * self.factor for y in arrays(self.layer(*xs))]


@every_layer_in_time
@pytest.mark.parametrize(
    ("dtype", "relative", "training"),
    [("float32", 2e-4, True), slowly("float32", 2e-4, False), slowly("float64", 1e-9, True)],
)
def test_every_layer(make, x, dtype, relative, training):
    def fresh():
        mp.seed(0)
        net = Scaled(make()).astype(dtype)
        net.train() if training else net.eval()
        return (net,)

    def step(net, *xs):
        def loss(net, *xs):
            ys = net(*xs)
            return sum(mp.mean(mp.square(y - 0.3)) for y in ys), ys

        wrt = (0, *(n for n, x in enumerate(xs, start=1) if x.dtype.kind == "f"))
        (value, y), (gradients, *of_x) = mp.value_and_grad(loss, wrt, has_aux=True)(net, *xs)
        for name, parameter in net.parameters().items():
            assign(parameter, parameter - 0.1 * gradients[name])
        return value, y, of_x

    if dtype == "float32":  # each layer inside rounds
        relative *= max(1, len({name.rpartition(".")[0] for name in make().parameters()}))
    batch = tuple(one.numpy() for one in as_inputs(x, dtype))
    fast = train_beside(fresh, step, [batch] * 5, relative=relative)
    assert_the_same_bits_by_threads(fast, fresh, batch)


def heard(y):
    """The output of a net at four times, as logarithms of probabilities."""
    return mp.log_softmax(mp.expand_dims(y, axis=1) * mp.asarray([[1.0], [-1.0], [0.5], [2.0]]))


def taught(name):
    """What becomes of the three outputs of a net before a loss, and what they are compared with."""
    random_ = np.random.default_rng(8)
    classes, (real, other) = random_.integers(0, 3, size=9), random_.normal(size=(2, 9, 3)).astype(np.float32)
    binary, positive = (real > 0).astype(np.float32), np.abs(other) + np.float32(0.1)
    as_it_is = lambda y: y
    return {
        **dict.fromkeys(("cross_entropy", "focal", "hinge"), (as_it_is, [classes])),
        **dict.fromkeys(("binary_cross_entropy", "binary_focal", "binary_hinge", "dice"), (as_it_is, [binary])),
        "kl_divergence": (mp.log_softmax, [positive / positive.sum(axis=1, keepdims=True)]),
        "gaussian_likelihood": (as_it_is, [real, positive]),
        "poisson_likelihood": (as_it_is, [positive.round()]),
        "triplet": (as_it_is, [real, other]),
        "ctc": (heard, [1 + random_.integers(0, 2, size=(9, 2)), 4 - classes // 2, classes]),
    }.get(name, (as_it_is, [real]))


@pytest.mark.parametrize("name", losses)
@pytest.mark.parametrize("options", [{"weights": True}, slowly({}), slowly({"reduction": "sum"})], ids=str)
def test_every_loss(name, options):
    random_ = np.random.default_rng(9)
    x, weights = random_.normal(size=(9, 5)).astype(np.float32), random_.uniform(0.5, 2, size=9).astype(np.float32)
    made_of, others = taught(name)

    def step(net, optimizer, x, weights, *others):
        chosen = {**options, **({"weights": weights} if "weights" in options else {})}
        value, gradients = mp.value_and_grad(lambda net: losses[name](made_of(net(x)), *others, **chosen))(net)
        optimizer.update(net, gradients)
        return value

    batch = (x, weights, *others)
    fresh = lambda: (nn.Linear(5, 3, rng=0), optim.Adam(0.01))
    fast = train_beside(fresh, step, [batch] * 5)
    assert_the_same_bits_by_threads(fast, fresh, batch)
