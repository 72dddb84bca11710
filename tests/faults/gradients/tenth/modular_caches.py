"""Affine, leaky and softmax layers with caches, as in a course's assignment."""

import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def leaky_forward(x):
    return np.where(x > 0, x, 0.1 * x), x


def leaky_backward(dout, cache):
    return dout * np.where(cache > 0, 1.0, 0.1)


def forward(x, y, w1, b1, w2, b2):
    hidden, first = affine_forward(x, w1, b1)
    active, kink = leaky_forward(hidden)
    scores, second = affine_forward(active, w2, b2)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(len(y)), y].mean()
    return loss, (first, kink, second, log_probs, y)


def backward(cache):
    first, kink, second, log_probs, y = cache
    n = len(y)
    dscores = np.exp(log_probs)
    dscores[np.arange(n), y] -= 1
    dscores /= n
    dactive, dw2, db2 = affine_backward(dscores, second)
    dhidden = leaky_backward(dactive, kink)
    _, dw1, db1 = affine_backward(dhidden, first)
    return dw1, db1, dw2, db2


def subject(rng):
    x, y = rng.normal(size=(5, 3)), np.array([0, 2, 1, 3, 2])
    weights = [rng.normal(size=(3, 6)), rng.normal(size=6), rng.normal(size=(6, 4)), rng.normal(size=4)]
    return forward, backward, (x, y, *weights), {"wrt": ["w1", "b1", "w2", "b2"]}


FAULTS = (
    [("    dscores /= n\n", "", "missing mean")],
    [("db = dout.sum(axis=0)", "db = dout.sum(axis=1)", "wrong axis")],
    [("return dout * np.where(cache > 0, 1.0, 0.1)", "return dout * (cache > 0)", "wrong derivative")],
    [("dscores[np.arange(n), y] -= 1", "dscores[np.arange(n), y - 1] -= 1", "wrong target")],
    [
        ("    dhidden = leaky_backward(dactive, kink)\n", "    dhidden = dactive\n", "missing derivative"),
        ("db = dout.sum(axis=0)", "db = dout", "not summed"),
    ],
)
