"""Formulas element by element: read place by place, they come to the gradient."""

import inspect

import numpy as np
import pytest

import maplet as mp
from formula_values import Reader
from maplet import nn

rng = np.random.default_rng(3)


def normal(*shape):
    return rng.normal(size=shape)


def squares(z, T):
    return mp.sum((z - T) ** 2) / 2


def convolution(W, X, T, **settings):
    z = mp.conv(X, W, **settings)
    return squares(z, T)


def softmax_regression(W, b, X, y):
    z = X @ W + b
    return nn.cross_entropy(z, y)


def by_label(W, X, y):
    z = X @ W
    p = mp.softmax(z, axis=1)
    return mp.sum(p[mp.arange(3), y])


def perceptron(W1, b1, W2, X, T):
    h = mp.tanh(X @ W1 + b1)
    z = h @ W2
    return squares(z, T)


def embedding(E, i, T):
    h = E[i]
    return squares(h, T)


def bag_of_words(E, W, i, y):
    h = mp.mean(E[i], axis=1)
    z = h @ W
    return nn.cross_entropy(z, y)


def columns(E, i, T):
    h = mp.take(E, i, axis=1)
    return squares(h, T)


def logistic_regression(w, X, t):
    z = X @ w
    return nn.binary_cross_entropy(z, t)


image, kernel = normal(1, 4, 4, 2), normal(2, 2, 2, 2)
words, targets = np.asarray([0, 2, 2]), np.asarray([1, 0, 1])
programs = {
    "softmax regression": (softmax_regression, (normal(2, 3), normal(3), normal(4, 2), np.asarray([0, 1, 2, 0]))),
    "by label": (by_label, (normal(2, 2), normal(3, 2), targets)),
    "logistic regression": (logistic_regression, (normal(2), normal(4, 2), np.asarray([0.0, 1.0, 1.0, 0.0]))),
    "perceptron": (perceptron, (normal(2, 3), normal(3), normal(3, 2), normal(4, 2), normal(4, 2))),
    "embedding": (embedding, (normal(4, 2), words, normal(3, 2))),
    "bag of words": (bag_of_words, (normal(4, 2), normal(2, 2), np.asarray([[0, 2], [2, 1]]), targets[:2])),
    "columns": (columns, (normal(2, 4), words, normal(2, 3))),
    "convolution": (convolution, (kernel, image, normal(1, 3, 3, 2))),
    "padding": (lambda W, X, T: convolution(W, X, T, padding="same"), (kernel, image, normal(1, 4, 4, 2))),
    "strides": (
        lambda W, X, T: convolution(W, X, T, strides=2),
        (kernel[..., :1, :1], image[..., :1], normal(1, 2, 2, 1)),
    ),
    "dilation": (lambda W, X, T: convolution(W, X, T, dilation=2), (kernel, image, normal(1, 2, 2, 2))),
    "both": (lambda W, X, T: convolution(W, X, T, strides=2, dilation=3), (kernel, image, normal(1, 1, 1, 2))),
    "groups": (lambda W, X, T: convolution(W, X, T, groups=2), (normal(2, 2, 1, 2), image, normal(1, 3, 3, 2))),
    "one dimension": (convolution, (normal(2, 2, 3), normal(2, 4, 2), normal(2, 3, 3))),
    "sequence of convolutions": (
        lambda V, W, X, T: convolution(W, mp.tanh(mp.conv(X, V)), T),
        (normal(2, 1, 2), normal(2, 2, 1), normal(2, 4, 1), normal(2, 2, 1)),
    ),
}


@pytest.mark.parametrize("name", programs)
def test_formulas_come_to_the_gradient_place_by_place(name):
    f, args = programs[name]
    names = list(inspect.signature(f).parameters)[:-1]  # not with respect to targets
    found, derivation = mp.derive(f, *args, names=[n for n in names if n not in ("y", "i")]), mp.explain(f, *args)
    reader = Reader({leaf.name: leaf.value for leaf in derivation.leaves})
    terms = found.terms
    shapes = [term.shape for term in (*terms.assumed, *(term for _, term in terms.lines), *terms.results.values())]
    arrays = [reader.line(*pair) for pair in zip(found.formulas(indexed=True), shapes, strict=True)]
    for (path, _), array in zip(terms.results.items(), arrays[-len(terms.results) :], strict=True):
        np.testing.assert_allclose(array, derivation.gradients()[path], rtol=1e-9, atol=1e-12)


def test_a_convolution_is_written_as_in_a_textbook():
    def loss(W, X, T):
        z = mp.conv(X, W)
        return mp.sum((z - T) ** 2) / 2

    found = mp.derive(loss, kernel, image, normal(1, 3, 3, 2))
    assert found.text().splitlines()[:4] == ["z = X ∗ W", "δ1 = z − T", "∂loss/∂W = X ⋆ δ1", "∂loss/∂X = δ1 ∗ᵀ W"]
    assert "permute" not in found.numpy()


def test_an_embedding_adds_up_the_rows_of_each_number():
    found = mp.derive(embedding, *programs["embedding"][1], names=["E"])
    assert found.text().splitlines()[-1] == "∂loss/∂E = onehot(i)ᵀ (h − T)"
    assert found.text(indexed=True).endswith("= Σ[l] [i[l] = j]·(h[l,k] − T[l,k])")


def test_a_letter_that_is_a_variable_stands_for_no_place():
    assert "h[j,k] = E[i[j],k]" in mp.derive(embedding, *programs["embedding"][1]).text(indexed=True)
