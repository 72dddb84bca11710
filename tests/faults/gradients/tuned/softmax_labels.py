"""Softmax regression with the numbers of the classes as labels."""

import numpy as np


def forward(x, labels, W, b):
    scores = x @ W + b
    scores -= scores.max(axis=1, keepdims=True)
    e = np.exp(scores)
    probs = e / e.sum(axis=1, keepdims=True)
    n = x.shape[0]
    return -np.log(probs[np.arange(n), labels]).mean(), probs


def backward(x, labels, probs):
    n = x.shape[0]
    dscores = probs.copy()
    dscores[np.arange(n), labels] -= 1
    dscores /= n
    dW = x.T @ dscores
    db = np.sum(dscores, axis=0)
    return dW, db


def subject(rng):
    return forward, backward, (rng.normal(size=(8, 4)), rng.integers(0, 3, 8), rng.normal(size=(4, 3)), np.zeros(3))


FAULTS = (
    [("    dscores /= n\n", "", "missing mean")],
    [("dscores[np.arange(n), labels] -= 1", "dscores[np.arange(n), (labels + 1) % 3] -= 1", "wrong target")],
    [("dscores[np.arange(n), labels] -= 1", "dscores[np.arange(n), labels - 1] -= 1", "wrong target")],
    [("db = np.sum(dscores, axis=0)", "db = np.sum(dscores, axis=1)", "wrong axis")],
    [("dW = x.T @ dscores", "dW = -(x.T @ dscores)", "sign")],
    [
        (
            "dscores /= n",
            "dscores = probs * (dscores - (dscores * probs).sum(axis=1, keepdims=True)) / n",
            "output derivative twice",
        )
    ],
    [
        ("    dscores /= n\n", "", "missing mean"),
        ("db = np.sum(dscores, axis=0)", "db = np.sum(dscores)", "wrong axis"),
    ],
)
