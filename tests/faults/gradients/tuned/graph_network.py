"""A graph network of two layers; only some of the nodes have a label."""

import numpy as np


def loss(A, X, Y, mask, W0, W1):
    H = np.tanh(A @ X @ W0)
    Z = A @ H @ W1
    Z = Z - Z.max(axis=1, keepdims=True)
    logp = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    value = -(mask * (Y * logp).sum(axis=1)).sum() / mask.sum()
    return value, H, np.exp(logp)


def loss_backward(A, X, Y, mask, W0, W1, H, P):
    G = mask[:, None] * (P - Y) / mask.sum()
    gW1 = (A @ H).T @ G
    gH = A.T @ G @ W1.T
    gU = gH * (1 - np.square(H))
    gW0 = (A @ X).T @ gU
    return gW0, gW1


def subject(rng):
    n = 6
    A = rng.random((n, n)) * (rng.random((n, n)) < 0.6) + np.eye(n)
    A = A / A.sum(axis=1, keepdims=True)
    Y = np.eye(3)[rng.integers(0, 3, n)]
    mask = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    return loss, loss_backward, (A, rng.normal(size=(n, 4)), Y, mask, rng.normal(size=(4, 5)), rng.normal(size=(5, 3)))


FAULTS = (
    [("gH = A.T @ G @ W1.T", "gH = A @ G @ W1.T", "transpose")],
    [("G = mask[:, None] * (P - Y) / mask.sum()", "G = mask[:, None] * (P - Y)", "missing mean")],
    [("G = mask[:, None] * (P - Y) / mask.sum()", "G = (P - Y) / mask.sum()", "missing derivative")],
    [("gU = gH * (1 - np.square(H))", "gU = gH * (1 - H)", "wrong derivative")],
    [("gU = gH * (1 - np.square(H))", "gU = gH * (1 - np.square(A @ X @ W0))", "derivative at the input")],
    [("gW0 = (A @ X).T @ gU", "gW0 = X.T @ gU", "missing derivative")],
    [
        ("G = mask[:, None] * (P - Y) / mask.sum()", "G = mask[:, None] * (Y - P) / mask.sum()", "sign"),
        ("gU = gH * (1 - np.square(H))", "gU = gH", "missing derivative"),
    ],
)
