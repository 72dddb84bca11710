"""`where` and its branch not taken: kept out of the gradient where that can be seen, named by the lint elsewhere."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn

# For each: a function that is finite everywhere, points where a branch not taken is infinite or NaN, its derivative.
guarded = {
    "sqrt": (lambda x: mp.where(x > 0, mp.sqrt(x), 0.0), [-1.0, 0.0, 4.0], [0.0, 0.0, 0.25]),
    "x ln x": (lambda x: mp.where(x > 0, x * mp.log(x), 0.0), [-1.0, 0.0, 1.0], [0.0, 0.0, 1.0]),
    "sin x / x": (lambda x: mp.where(x == 0, 1.0, mp.sin(x) / x), [0.0, np.pi], [0.0, -1 / np.pi]),
    "else branch": (lambda x: mp.where(x <= 0, 0.0, 1.0 / x), [0.0, 2.0], [0.0, -0.25]),
    "nested": (
        lambda x: mp.where(x > 0, mp.where(x > 1, mp.log(x), mp.sqrt(x)), 0.0),
        [-1.0, 0.0, 0.25, 2.0],
        [0.0, 0.0, 1.0, 0.5],
    ),
    "relu of a quotient": (lambda x: mp.relu(x / (1.0 + x)), [-1.0, 1.0], [0.0, 0.25]),
    "clip of a pole": (lambda x: mp.clip(1.0 / x, 0.0, 5.0), [0.0, 2.0], [0.0, -0.25]),
    "overflow": (lambda x: mp.where(x > 0, x, mp.expm1(x) * 1.0), [900.0, 0.0], [1.0, 1.0]),
    "power": (lambda x: mp.where(x > 0, x**0.5, 0.0), [-1.0, 0.0, 4.0], [0.0, 0.0, 0.25]),
    "both branches": (lambda x: mp.where(x > 0, mp.sqrt(x), mp.log(-x)), [-2.0, 4.0], [-0.5, 0.25]),
    "condition repeated": (
        lambda x: mp.where(mp.expand_dims(mp.max(x) > 0, axis=0), mp.sqrt(x), 0.0),
        [4.0, 1.0],
        [0.25, 0.5],
    ),
}


@pytest.mark.parametrize("name", guarded)
def test_the_branch_not_taken_sends_no_nan(name):
    f, points, expected = guarded[name]
    x = mp.asarray(points, dtype=mp.float64)
    found = mp.grad(lambda x: mp.sum(f(x)))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", guarded)
def test_the_second_derivative_is_finite_too(name):
    f, points, _ = guarded[name]
    x = mp.asarray(points, dtype=mp.float64)
    second = mp.grad(lambda x: mp.sum(mp.grad(lambda x: mp.sum(f(x)))(x)))(x)
    assert np.isfinite(np.asarray(second)).all()


@pytest.mark.parametrize("name", sorted(guarded.keys() - {"condition repeated"}))  # whose rows depend on each other
def test_forward_mode_and_vmap_agree(name):
    f, points, expected = guarded[name]
    x = mp.asarray(points, dtype=mp.float64)
    _, pushed = mp.jvp(f, (x,), (mp.ones_like(x),))
    np.testing.assert_allclose(pushed, expected, rtol=1e-12)
    np.testing.assert_allclose(mp.vmap(mp.grad(f))(x), expected, rtol=1e-12)


@pytest.mark.parametrize("name", guarded)
def test_there_is_nothing_to_lint(name):
    f, points, _ = guarded[name]
    assert mp.lint(lambda x: mp.sum(f(x)), batch=(mp.asarray(points),)) == []


def test_a_network_pays_nothing_for_it():
    """Where no singular operation stands behind a `where`, nothing is added to the backward pass."""
    backward = str(mp.trace(mp.grad(lambda x: mp.sum(mp.leaky_relu(x))), mp.zeros((3,))))
    assert backward.count("where(") == 2
    halved = str(mp.trace(mp.grad(lambda x: mp.sum(mp.where(x > 0, mp.sin(x) / 2.0, 0.0))), mp.zeros((3,))))
    assert halved.count("where(") == 1


def test_values_that_count_are_not_touched():
    """An infinite derivative where the branch is taken stays one: it is the function's own."""
    assert np.isinf(float(mp.grad(lambda x: mp.where(x >= 0, mp.sqrt(x), 0.0))(0.0)))


# ── the lint ─────────────────────────────────────────────────────────────────────────────────────


def root_used_twice(x):
    root = mp.sqrt(x)
    return mp.sum(mp.where(x > 0, root, 0.0)) + mp.sum(mp.where(x > 1, root, 0.0))


def sum_of_the_branch(x):
    return mp.where(x > 0, mp.sum(mp.stack([mp.sqrt(x), x])), 0.0)


def total(condition, branch):
    return mp.sum(mp.where(condition, branch, 0.0))


two = mp.asarray([0.0, 4.0])
hidden = {
    "used twice": (root_used_twice, mp.asarray([0.0, 1.0, 4.0])),
    "added up": (sum_of_the_branch, mp.asarray(0.0)),
    "inside a loop": (lambda x: mp.sum(mp.map(sum_of_the_branch, x)), mp.asarray([0.0, 1.0])),
    "a new axis": (lambda x: total(x[:, None] > 0, mp.sqrt(x)[:, None]), two),
    "repeated": (lambda x: total(mp.broadcast_to(x, (3, 2)) > 0, mp.broadcast_to(mp.sqrt(x), (3, 2))), two),
    "turned, and with another sign": (lambda x: total(-x[::-1] < 0, mp.sqrt(x)[::-1]), two),
    "an element": (lambda x: mp.where(x[0] > 0, mp.sqrt(x)[0], 0.0), two),
    "the same element, used twice": (lambda x: root_used_twice(x[0]), two),
    "in a checkpoint": (lambda x: total(x > 0, mp.checkpoint(mp.sqrt)(x)), two),
    "in a map": (lambda x: total(x > 0, mp.map(mp.sqrt, x)), two),
    "in a scan": (lambda x: total(x > 0, mp.scan(lambda c, r: (c, c * mp.sqrt(r)), 1.0, x)[1]), two),
    "in what a scan hands on": (
        lambda x: total(x > 0, mp.scan(lambda c, _: (mp.sqrt(c), None), x, length=2)[0]),
        two,
    ),
    "in a branch": (lambda x: total(x > 0, mp.cond(mp.sum(x) > 0, mp.sqrt, mp.sin, x)), two),
    "in a map in a checkpoint": (
        lambda x: total(x > 0, mp.checkpoint(lambda x: mp.map(lambda r: 2.0 * mp.sqrt(r), x))(x)),
        two,
    ),
    "decided in a checkpoint": (
        lambda x: total(mp.checkpoint(lambda x: x > 0)(x)[:, None], mp.sqrt(x)[:, None]),
        two,
    ),
    "a length": (lambda x: total(mp.any(x != 0), x / mp.sqrt(mp.sum(x**2))), mp.zeros((2,))),
}


@pytest.mark.parametrize("name", hidden)
def test_what_the_gradient_cannot_keep_out_is_named(name):
    f, x = hidden[name]
    assert np.isnan(np.asarray(mp.grad(f)(x))).any()  # else the finding would be a false alarm
    (finding,) = [finding for finding in mp.lint(f, batch=(x,)) if finding.code == "ML001"]
    assert "sqrt" in finding.message
    assert "test_where_gradients.py" in finding.where
    assert "inside of the outer where" in finding.fix


def test_the_advice_of_the_lint_helps():
    def mended(x):
        root = mp.sqrt(mp.where(x > 0, x, 1.0))
        return mp.sum(mp.where(x > 0, root, 0.0)) + mp.sum(mp.where(x > 1, root, 0.0))

    assert np.isfinite(np.asarray(mp.grad(mended)(mp.asarray([0.0, 1.0, 4.0])))).all()
    assert mp.lint(mended, batch=(mp.asarray([0.0]),)) == []


harmless = {
    "another element": lambda x: mp.where(x[0] > 0, mp.sqrt(x[1]), 0.0) + mp.where(x[0] > 0, x[1] ** 0.5, 0.0),
    "guarded inside": lambda x: total(x > 0, mp.checkpoint(lambda x: mp.where(x > 0, mp.sqrt(x), 0.0))(x)),
    "safe inside": lambda x: total(x[:, None] > 0, mp.sqrt(mp.where(x > 0, x, 1.0))[:, None]),
    "safe inside a map": lambda x: total(x > 0, mp.map(lambda r: mp.sqrt(mp.where(r > 0, r, 1.0)), x)),
    "a pullback of one's own": lambda x: total(x > 0, mp.custom_gradient(lambda x: (mp.sqrt(x), lambda g: g))(x)),
    "a stopped gradient": lambda x: total(x > 0, mp.map(lambda r: r * mp.stop_gradient(mp.sqrt(r)), x)),
    "a quotient by another number": lambda x: total(x > 0, (x / (1.0 + mp.sum(x)))[::-1]),
    "a quotient by their sum": lambda x: total(x > 0, (x / mp.sum(x))[::-1]),
    "a leaky relu": lambda x: total(x[:, None] > 0, x[:, None]) + mp.sum(mp.where(x > 0, x, 0.1 * x)[:, None]),
    "elu by hand": lambda x: mp.sum(mp.where(x > 0, x, mp.exp(x) - 1.0)),
    "softplus by hand": lambda x: mp.sum(mp.where(x > 20.0, x, mp.log1p(mp.exp(x)))),
    "a norm by hand": lambda x: mp.sum(mp.relu((x - mp.mean(x)) / mp.sqrt(mp.mean((x - mp.mean(x)) ** 2) + 1e-5))),
    "clip": lambda x: mp.sum(mp.clip(mp.log(x + 1.0), 0.0, 5.0)[:, None]),
    "cross-entropy by hand": lambda x: -mp.sum(mp.where(x > 1.0, mp.log(mp.softmax(x)), 0.0)),
}


@pytest.mark.parametrize("name", harmless)
def test_what_is_safe_has_no_findings(name):
    f = harmless[name]
    assert np.isfinite(np.asarray(mp.grad(f)(two))).all()
    assert mp.lint(f, batch=(two,)) == []


activations = [nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Softmax]
losses = [nn.cross_entropy, nn.binary_cross_entropy, nn.mse, nn.mae, nn.huber]


@pytest.mark.parametrize("loss", losses)
@pytest.mark.parametrize("activation", activations)
def test_ordinary_networks_have_no_findings(activation, loss):
    net = nn.Sequential(nn.Linear(3, 4), activation(), nn.Dropout(0.5), nn.Linear(4, 4), activation(), nn.Linear(4, 3))
    x, y = mp.ones((5, 3)), mp.asarray([0, 1, 2, 0, 1])

    def of_both(net, x):
        target = y if loss is nn.cross_entropy else mp.one_hot(y, 3)
        return loss(mp.checkpoint(net)(x), target) + loss(net(x), target)

    assert mp.lint(of_both, batch=(net, x)) == []
