"""`mp.derive` of losses as people write them by hand: whatever way is taken, the gradient is Xᵀ(ŷ − y)/N."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn

rng = np.random.default_rng(0)
X, W, b = rng.normal(size=(4, 2)), rng.normal(size=(2, 3)), rng.normal(size=3)
y = np.asarray([0, 1, 2, 0])
Y = np.eye(3)[y]
w, c, t = rng.normal(size=2), np.asarray(0.1), np.asarray([0.0, 1.0, 1.0, 0.0])


def shifted(W, b, X, Y):
    z = X @ W + b
    e = mp.exp(z - mp.max(z, axis=1, keepdims=True))
    p = e / mp.sum(e, axis=1, keepdims=True)
    return -mp.mean(mp.sum(Y * mp.log(p), axis=1))


def every_step_named(W, b, X, Y):
    z = X @ W + b
    m = mp.max(z, axis=1, keepdims=True)
    e = mp.exp(z - m)
    s = mp.sum(e, axis=1, keepdims=True)
    p = e / s
    return -mp.sum(Y * mp.log(p)) / 4


def not_shifted(W, b, X, Y):
    z = X @ W + b
    e = mp.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    return -(Y * mp.log(p)).sum() / len(X)


def shift_of_another_shape(W, b, X, Y):
    z = X @ W + b
    e = mp.exp(z - mp.max(z, axis=1)[:, None])
    p = e / mp.sum(e, axis=1).reshape(-1, 1)
    return -mp.sum(Y * mp.log(p)) / 4


def by_label(W, b, X, y):
    z = X @ W + b
    e = mp.exp(z)
    p = e / mp.sum(e, axis=1, keepdims=True)
    return -mp.mean(mp.log(p[mp.arange(4), y]))


def by_label_and_shifted(W, b, X, y):
    z = X @ W + b
    z = z - mp.max(z, axis=1, keepdims=True)
    e = mp.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    return -mp.log(p[mp.arange(4), y]).mean()


def along_axis(W, b, X, y):
    z = X @ W + b
    p = mp.softmax(z, axis=1)
    return -mp.mean(mp.log(mp.take_along_axis(p, y[:, None], axis=1)))


def log_sum_exp(W, b, X, Y):
    z = X @ W + b
    m = mp.max(z, axis=1, keepdims=True)
    lse = m + mp.log(mp.sum(mp.exp(z - m), axis=1, keepdims=True))
    return mp.mean(lse[:, 0] - mp.sum(Y * z, axis=1))


def log_sum_exp_by_label(W, b, X, y):
    z = X @ W + b
    lse = mp.log(mp.sum(mp.exp(z), axis=1))
    return mp.mean(lse - z[np.arange(4), y])


def log_probabilities(W, b, X, Y):
    z = X @ W + b
    logp = z - mp.log(mp.sum(mp.exp(z), axis=1, keepdims=True))
    return -mp.mean(mp.sum(Y * logp, axis=1))


def shifted_log_probabilities(W, b, X, Y):
    z = X @ W + b
    z = z - mp.max(z, axis=1, keepdims=True)
    logp = z - mp.log(mp.sum(mp.exp(z), axis=1, keepdims=True))
    return -mp.sum(Y * logp) / len(X)


def shift_without_gradient(W, b, X, Y):
    z = X @ W + b
    m = mp.stop_gradient(mp.max(z, axis=1, keepdims=True))
    e = mp.exp(z - m)
    s = e.sum(axis=1, keepdims=True)
    return -mp.mean((Y * (z - m - mp.log(s))).sum(axis=1))


def quotient(w, c, X, t):
    z = X @ w + c
    p = 1 / (1 + mp.exp(-z))
    return -mp.mean(t * mp.log(p) + (1 - t) * mp.log(1 - p))


def exponential_named(w, c, X, t):
    z = X @ w + c
    e = mp.exp(-z)
    p = 1 / (1 + e)
    return -mp.mean(t * mp.log(p) + (1 - t) * mp.log(1 - p))


def two_terms(w, c, X, t):
    z = X @ w + c
    p = mp.sigmoid(z)
    each = -t * mp.log(p) - (1 - t) * mp.log(1 - p)
    return mp.sum(each) / len(t)


def softplus(w, c, X, t):
    z = X @ w + c
    return mp.mean(mp.log(1 + mp.exp(z)) - z * t)


def softplus_as_logaddexp(w, c, X, t):
    z = X @ w + c
    return mp.mean(mp.logaddexp(0.0, z) - z * t)


def stable(w, c, X, t):
    z = X @ w + c
    return mp.mean(mp.maximum(z, 0) - z * t + mp.log1p(mp.exp(-mp.abs(z))))


softmax_losses = {
    shifted: "p − Y", every_step_named: "p − Y", not_shifted: "p − Y", shift_of_another_shape: "p − Y",
    by_label: "p − onehot(y)", by_label_and_shifted: "p − onehot(y)", along_axis: "p − onehot(y)",
    log_sum_exp: "softmax(z) − Y", log_sum_exp_by_label: "softmax(z) − onehot(y)",
    log_probabilities: "softmax(z) − Y", shifted_log_probabilities: "softmax(z_2) − Y",
    shift_without_gradient: "softmax(z) − Y",
}  # fmt: skip
sigmoid_losses = {
    quotient: "p − t", exponential_named: "p − t", two_terms: "p − t", softplus: "σ(z) − t",
    softplus_as_logaddexp: "σ(z) − t", stable: "σ(z) − t",
}  # fmt: skip
losses = softmax_losses | sigmoid_losses


def arguments(f):
    if f in sigmoid_losses:
        return w, c, X, t
    return W, b, X, (y if "y" in f.__code__.co_varnames[:4] else Y)


@pytest.mark.parametrize("f", losses, ids=lambda f: f.__name__)
def test_the_gradient_is_prediction_minus_target(f):
    weights = f.__code__.co_varnames[0]
    found = mp.derive(f, *arguments(f), names=[weights])
    last = found.text().splitlines()[-1]
    loss = mp.explain(f, *arguments(f)).loss.name
    assert last == f"∂{loss}/∂{weights} = Xᵀ ({losses[f]})/4"


@pytest.mark.parametrize("f", losses, ids=lambda f: f.__name__)
def test_the_code_gives_the_numbers_of_the_gradient(f):
    given = dict(zip(f.__code__.co_varnames, arguments(f), strict=False))
    code = mp.derive(f, *given.values()).numpy()
    scope = {}
    exec(code, scope)
    names = scope["gradients"].__code__.co_varnames[: scope["gradients"].__code__.co_argcount]
    expected = mp.explain(f, *given.values()).gradients()
    for name, value in scope["gradients"](*[given[name] for name in names]).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-12)


def test_what_is_taken_from_one_hot_targets_is_said_and_of_others_not_taken():
    said = mp.derive(shifted, W, b, X, Y, names=["W"])
    assert said.text().splitlines()[0] == "Σ[axis 1] Y = 1"
    assert said.text(indexed=True).splitlines()[0] == "Σ[k] Y[i,k] = 1"
    assert "# each row of Y adds up to 1" in said.numpy()
    soft = mp.derive(shifted, W, b, X, 2 * Y, names=["W"])
    assert "= 1" not in soft.text()
    assert "p ⊙ (Σ[axis 1] Y) − Y" in soft.text()


def test_a_softmax_with_a_small_number_under_the_logarithm_is_still_one():
    def f(W, b, X, Y):
        z = X @ W + b
        e = mp.exp(z - mp.max(z, axis=1, keepdims=True))
        p = e / mp.sum(e, axis=1, keepdims=True)
        return -mp.mean(mp.sum(Y * mp.log(p + 1e-12), axis=1))

    lines = mp.derive(f, W, b, X, Y, names=["W"]).text().splitlines()
    assert "p = softmax(z)" in lines
    assert not any("max[" in line for line in lines)


def test_an_exponential_that_is_no_part_of_a_softmax_keeps_its_name():
    def f(x, a):
        e = mp.exp(a * x)
        return mp.sum(e * x)

    assert any(line.startswith("e = e^") for line in mp.derive(f, X, np.asarray(2.0)).text().splitlines())


def test_numbers_that_six_digits_do_not_tell_apart_are_written_out():
    def f(z):
        return mp.sum(mp.log(1.0000001 + mp.exp(z)))

    assert "1.0000001" in mp.derive(f, X).text()


def test_a_loss_of_the_library_and_the_same_by_hand_have_one_gradient():
    def of_library(W, b, X, y):
        z = X @ W + b
        return nn.cross_entropy(z, y)

    of_hand = mp.derive(log_sum_exp_by_label, W, b, X, y, names=["W"]).text().replace("log_sum_exp_by_label", "loss")
    assert mp.derive(of_library, W, b, X, y, names=["W"]).text() == of_hand
