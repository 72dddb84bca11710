"""Of a table of which a step looks up some rows, only these are moved, where the rule lets the others rest."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.tree import leaves
from test_optim import full

rng = np.random.default_rng(0)
at = np.asarray([[3, 60], [3, 7], [1, 63], [0, 3]])


class Tables(nn.Module):
    """Two tables, one of them looked up twice, and a layer."""

    def __init__(self, rows=64, features=3):
        self.users, self.items = nn.Embedding(rows, features), nn.Embedding(rows, features)
        self.twice = nn.Embedding(rows, features)
        self.out = nn.Linear(features, 1)

    def forward(self, x):
        both = self.users(x) * self.items(x[:, ::-1])
        return self.out(mp.sum(both + self.twice(x) * self.twice((x + 1) % 64), axis=1))[:, 0]


def step(net, optimizer, x):
    loss, gradients = mp.value_and_grad(lambda net: mp.sum(mp.square(net(x))))(net)
    optimizer.update(net, gradients)
    return loss


def everything(*trees):
    return {f"{n}.{name}": np.array(leaf) for n, tree in enumerate(trees) for name, leaf in leaves(tree).items()}


rules = {
    "SGD": lambda: optim.SGD(0.01),  # with 0.1 it diverges, and so do roundings
    "Adagrad": lambda: optim.Adagrad(0.1),
    "Adagrad, clipped": lambda: optim.Adagrad(0.1, clip_value=0.5),
    "a chain": lambda: optim.Chain(0.1, optim.scale(0.5), optim.scale_by_adagrad(initial_accumulator=1.0)),
    "a schedule": lambda: optim.Adagrad(optim.Step(0.1, every=1)),
    "momentum": lambda: optim.SGD(0.1, momentum=0.9),
    "decay": lambda: optim.Adagrad(0.1, weight_decay=0.1),
    "the whole norm": lambda: optim.SGD(0.1, clip_norm=0.5),
    "Adam": lambda: optim.Adam(0.1),
}


@pytest.mark.parametrize("name", rules)
def test_rows_are_moved_as_in_the_whole_table(name):
    found = []
    for take_step in (step, mp.jit(step)):
        net, optimizer, numbers = Tables(), rules[name](), np.random.default_rng(1)
        net.load_state({key: numbers.normal(size=x.shape).astype(np.float32) for key, x in net.state().items()})
        start = everything(net)
        losses = [float(take_step(net, optimizer, mp.asarray((at + 5 * n) % 64))) for n in range(3)]
        found.append((losses, everything(net, optimizer)))
    (losses, right), (native_losses, native) = found
    np.testing.assert_allclose(native_losses, losses, rtol=1e-5)
    assert native.keys() == right.keys()
    for key, array in native.items():
        np.testing.assert_allclose(array, right[key], rtol=2e-5, atol=1e-6, err_msg=key)
    if optimizer.rule().rests:
        untouched = sorted(set(range(64)) - {int(row) % 64 for n in range(3) for row in ((at + 5 * n) % 64).flat})
        for key in ("0.users.weight", "0.items.weight"):
            np.testing.assert_array_equal(native[key][untouched], start[key][untouched])


def test_the_rest_of_a_table_costs_nothing():
    """Everything is written where it lies, and there is no room for a gradient as large as a table."""
    net, optimizer = Tables(5000, 16), optim.Adagrad(0.1)
    net.twice.freeze()
    optimizer.init(net)
    told = mp.explain_compile(mp.jit(step), net, optimizer, mp.asarray(at))
    assert {"net.users.weight", "net.items.weight"} <= set(told.in_place)
    assert not any("users" in name or "items" in name for name in told.moved), told.moved
    assert told.arena < 5000 * 16 * 4


@pytest.mark.parametrize("name", full)
def test_a_rule_says_whether_an_element_without_gradient_rests(name):
    optimizer = optim.registry[name](0.1)
    if not hasattr(optimizer, "rule"):
        pytest.skip("it is made of others, which say it")
    parameters = {"w": mp.asarray(rng.normal(size=(3, 4)))}
    for scale in (1.0, -0.5):
        optimizer.update(parameters, {"w": mp.asarray(scale * rng.normal(size=(3, 4)))})
    before = everything(parameters, optimizer.state)
    optimizer.update(parameters, {"w": mp.zeros((3, 4), dtype="float64")})
    after = everything(parameters, optimizer.state)
    rested = all(np.array_equal(before[key], after[key]) for key in before)
    assert optimizer.rule().rests == rested
