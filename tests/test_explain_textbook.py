"""The usual functions of the field: their gradients as a person writes them, and code that gives the same numbers."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from test_explain_derive import run

rng = np.random.default_rng(0)
labels, targets = np.asarray([0, 1, 3, 2, 0]), np.asarray([0.0, 1.0, 1.0, 0.0, 1.0])
book = {}


def of(*shapes, lines):
    """A function of the book: arguments of these shapes, or as they are, and the lines that must be among its own."""

    def noted(function):
        given = [rng.normal(size=one) if isinstance(one, tuple) else one for one in shapes]
        book[function.__name__] = (function, given, lines)
        return function

    return noted


@of((3, 2), (2,), (5, 3), (5, 2), lines=["δ1 = prediction − y", "∂loss/∂W = Xᵀ δ1/5", "∂loss/∂b = (Σ[axis 0] δ1)/5"])
def linear_regression(W, b, X, y):
    prediction = X @ W + b
    return nn.mse(prediction, y)


@of((3,), (), (5, 3), targets, lines=["p = σ(X w + b)", "δ1 = p − y", "∂loss/∂w = Xᵀ δ1/5", "∂loss/∂b = (Σ δ1)/5"])
def logistic_regression(w, b, X, y):
    p = mp.sigmoid(X @ w + b)
    return -mp.mean(y * mp.log(p) + (1 - y) * mp.log(1 - p))


@of((3,), (5, 3), targets, lines=["p = σ(X w)", "δ1 = p − y", "∂loss/∂w = Xᵀ δ1/5"])
def logistic_regression_by_hand(w, X, y):
    p = 1 / (1 + mp.exp(-(X @ w)))
    return -mp.mean(y * mp.log(p) + (1 - y) * mp.log(1 - p))


@of((3, 4), (4,), (5, 3), labels, lines=["δ1 = softmax(z) − onehot(y)", "∂loss/∂W = Xᵀ δ1/5"])
def softmax_regression(W, b, X, y):
    z = X @ W + b
    return nn.cross_entropy(z, y)


@of((3, 4), (4,), (4, 2), (2,), (5, 3), (5, 2),
    lines=["h = tanh (X W1 + b1)", "δ1 = z2 − y", "δ2 = (1 − h²) ⊙ δ1 W2ᵀ", "∂loss/∂W1 = Xᵀ δ2/5",
           "∂loss/∂W2 = hᵀ δ1/5"])  # fmt: skip
def two_layers(W1, b1, W2, b2, X, y):  # noqa: PLR0917  (a net has so many)
    h = mp.tanh(X @ W1 + b1)
    z2 = h @ W2 + b2
    return nn.mse(z2, y)


@of((3, 4), (4, 2), (5, 3), (5, 2), lines=["h = max(δ1, 0)", "δ3 = δ2 W2ᵀ ⊙ [δ1 > 0]", "∂loss/∂W1 = Xᵀ δ3/5"])
def two_layers_of_relu(W1, W2, X, y):
    h = mp.relu(X @ W1)
    return nn.mse(h @ W2, y)


@of((5, 4), (4,), (4,), lines=["y = gamma ⊙ centered/sigma + beta", "∂loss/∂beta = 2·(Σ[axis 0] y)"])
def layer_normalization(x, gamma, beta):
    centered = x - mp.mean(x, axis=1, keepdims=True)
    sigma = mp.sqrt(mp.mean(centered**2, axis=1, keepdims=True) + 1e-5)
    y = gamma * centered / sigma + beta
    return mp.sum(y**2)


@of((3, 2), (4, 2), (4, 2),
    lines=["A = softmax(S)", "δ1 = O Vᵀ", "δ2 = A ⊙ (δ1 − (Σ[axis 1] A ⊙ δ1))", "∂loss/∂V = 2·Aᵀ O",
           "∂loss/∂Q = 1.41421·δ2 K", "∂loss/∂K = 1.41421·δ2ᵀ Q"])  # fmt: skip
def attention(Q, K, V):
    S = Q @ K.T / 2**0.5
    A = mp.softmax(S, axis=1)
    O = A @ V
    return mp.sum(O**2)


@of((4, 1, 2), (4, 1, 2), (4, 1, 2), lines=["δ4 = permute(δ1 ⊙ (δ3 − (Σ[axis 2] δ1 ⊙ δ3)))"])
def attention_of_the_library(Q, K, V):
    return mp.sum(nn.attention(Q, K, V) ** 2)


@of((4, 1, 2), (4, 1, 2), (4, 1, 2), np.asarray([[-np.inf] * 4, [0.0] * 4, [0.0, -np.inf, 0.0, 1.0], [0.0] * 4]),
    lines=["δ2 = max[axis 2] (δ1 + mask)"])  # fmt: skip
def attention_of_a_query_that_sees_nothing(Q, K, V, mask):
    """Where −∞ may stand in a mask, the sum of the exponentials may be 0, and is asked for."""
    return mp.sum(nn.attention(Q, K, V, mask=mask) ** 2)


@of((3,), (5, 3), targets, lines=["δ2 = σ(δ1) − y", "∂loss/∂w = Xᵀ δ2/5", "∂loss/∂y = −δ1/5"])
def logistic_regression_of_the_library(w, X, y):
    return nn.binary_cross_entropy(X @ w, y)


@of((4,), lines=["∂loss/∂z = onehot(1) − softmax(z)"])
def logarithm_of_one_probability(z):
    return mp.log(mp.softmax(z))[1]


@of((4,), (), lines=["∂loss/∂z = a·onehot(0)", "∂loss/∂a = z[:1]"])
def one_element(z, a):
    return a * z[0]


@of((3, 3), (2, 3), (3,), (2,), (3,), lines=["h1 = tanh (h W + x U + b)", "∂loss/∂W = 2·hᵀ δ2", "∂loss/∂h = 2·δ2 Wᵀ"])
def recurrent_step(W, U, b, x, h):
    h1 = mp.tanh(h @ W + x @ U + b)
    return mp.sum(h1**2)


@of((3,), lines=["∂loss/∂w = w/10"])
def weight_decay(w):
    return 0.5 * 0.1 * mp.sum(w**2)


@of((5,), (5,), (5,), lines=["δ1 = x − mu", "∂loss/∂mu = −δ1/(5·e^(2·log_sigma))",
                             "∂loss/∂log_sigma = (1 − δ1²/e^(2·log_sigma))/5"])  # fmt: skip
def gaussian(mu, log_sigma, x):
    return mp.mean(log_sigma + 0.5 * ((x - mu) / mp.exp(log_sigma)) ** 2)


@of((4,), (4,), lines=["∂loss/∂mu = mu", "∂loss/∂log_variance = (e^log_variance − 1)/2"])
def divergence_of_gaussians(mu, log_variance):
    return -0.5 * mp.sum(1 + log_variance - mu**2 - mp.exp(log_variance))


@of(np.full(4, 0.25), np.asarray([0.1, 0.2, 0.3, 0.4]), lines=["∂loss/∂p = ln p + 1 − ln q", "∂loss/∂q = −p/q"])
def divergence(p, q):
    return mp.sum(p * (mp.log(p) - mp.log(q)))


@of((4,), (4,), lines=["∂loss/∂a = (b/δ1 − a·loss/δ2)/δ2", "∂loss/∂b = (a/δ2 − b·loss/δ1)/δ1"])
def cosine_similarity(a, b):
    return mp.sum(a * b) / (mp.sqrt(mp.sum(a**2)) * mp.sqrt(mp.sum(b**2)))


@of((5,), (5,), lines=["δ3 = {1 if δ2 > 1, else δ2}", "δ4 = sign(δ1)", "∂loss/∂p = δ3 ⊙ δ4/5"])
def huber(p, y):
    return nn.huber(p, y)


@of((5,), targets * 2 - 1, lines=["δ1 = 1 − s ⊙ y", "∂loss/∂s = −y ⊙ δ2/5"])
def hinge(s, y):
    return mp.mean(mp.maximum(0.0, 1 - y * s))


@of((5,), lines=["∂loss/∂z = softmax(z)"])
def log_sum_exp(z):
    return mp.log(mp.sum(mp.exp(z)))


@of((5,), lines=["∂loss/∂z = softmax(z)"])
def log_sum_exp_of_the_library(z):
    return mp.logsumexp(z)


@of((5,), lines=["∂loss/∂x = σ(x)"])
def softplus(x):
    return mp.sum(mp.log(1 + mp.exp(x)))


@of((5,), lines=["∂loss/∂x = σ(x) ⊙ (1 − σ(x))"])
def sigmoid_by_hand(x):
    return mp.sum(1 / (1 + mp.exp(-x)))


@of((5,), lines=["∂loss/∂x = σ(x) ⊙ (1 + x ⊙ (1 − σ(x)))"])
def swish(x):
    return mp.sum(x * mp.sigmoid(x))


@of((5,), lines=["∂loss/∂x = 0.398942·x ⊙ e^(−x²/2) + (1 + erf(0.707107·x))/2"])
def gelu(x):
    return mp.sum(mp.gelu(x))


@of((2, 6, 6, 1), (3, 3, 1, 2), lines=["δ1 = x ∗ w"])
def convolution(x, w):
    return mp.sum(mp.conv(x, w) ** 2)


@of((5,), (5,), lines=["δ1 = sign(p − y)", "∂loss/∂p = δ1/5"])
def absolute_error(p, y):
    return mp.mean(mp.abs(p - y))


@of((3, 3), (3,), lines=["∂loss/∂A = x xᵀ/2", "∂loss/∂x = (x A + A x)/2"])
def quadratic_form(A, x):
    return 0.5 * (x @ A @ x)


@of((4, 2), (4, 3), (2, 3), lines=["δ1 = R − U V", "∂loss/∂U = −2·δ1 Vᵀ", "∂loss/∂V = −2·Uᵀ δ1"])
def factorization(U, R, V):
    return mp.sum((R - U @ V) ** 2)


@of((5, 3), (3, 4), lines=["p = softmax(X W)", "δ2 = p ⊙ ((Σ[axis 1] p ⊙ δ1) − δ1)", "∂loss/∂W = Xᵀ δ2/5"])
def entropy(X, W):
    p = mp.softmax(X @ W, axis=1)
    return -mp.mean(mp.sum(p * mp.log(p), axis=1))


@of((3, 4), (4,), lines=["p = softmax(W x)", "δ2 = p ⊙ ((Σ p ⊙ δ1) − δ1)", "∂loss/∂W = δ2 xᵀ", "∂loss/∂x = Wᵀ δ2"])
def entropy_of_a_vector(W, x):
    p = mp.softmax(W @ x)
    return -mp.sum(p * mp.log(p))


@pytest.mark.parametrize("name", book)
def test_the_gradient_stands_as_in_a_book_and_its_code_gives_the_same_numbers(name):
    function, given, lines = book[name]
    gradients, derivation = mp.derive(function, *given), mp.explain(function, *given)
    shown = gradients.text().splitlines()
    for line in lines:
        assert line in shown, "\n".join(shown)
    assert not any("+ −" in line or "ᵀ)ᵀ" in line for line in shown)
    found = run(gradients.numpy(), derivation)
    assert found.keys() == derivation.gradients().keys()
    for leaf, value in derivation.gradients().items():
        assert np.shape(found[leaf]) == value.shape
        np.testing.assert_allclose(found[leaf], value, rtol=1e-5, atol=1e-7)


def test_element_by_element():
    """Vectors have one place, a product over one element is no sum, and nothing is defined by itself."""
    function, given, _ = book["quadratic_form"]
    shown = mp.derive(function, *given).text(indexed=True).splitlines()
    assert shown == ["∂loss/∂A[i,j] = x[i]·x[j]/2", "∂loss/∂x[i] = (Σ[j] x[j]·A[j,i] + Σ[k] A[i,k]·x[k])/2"]
    for function, given, _ in book.values():
        for line in mp.derive(function, *given).text(indexed=True).splitlines():
            left, right = line.split(" = ", 1)
            assert left not in right


@pytest.mark.parametrize("form", ["text", "latex", "numpy"])
def test_formulas_are_linear_in_the_program(form):
    """s ↦ s·s + s has a gradient of 2ⁿ terms, were all of it multiplied out."""

    def repeated(times):
        def f(s):
            for _ in range(times):
                s = s * s + s
            return s

        return mp.derive(f, 0.01)

    few, many = (len(getattr(repeated(times), form)()) for times in (20, 40))
    assert many < 2.5 * few
    assert run(repeated(40).numpy(), mp.explain(lambda s: s, 0.01))["s"] == pytest.approx(2.71479, rel=1e-4)
