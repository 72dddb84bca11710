"""Binary cross-entropy from logits with weights of the samples."""

import numpy as np


def loss(w, b, x, y, weight):
    s = x @ w + b
    each = np.maximum(s, 0) - s * y + np.log1p(np.exp(-np.abs(s)))
    return np.sum(weight * each) / np.sum(weight)


def gradient(w, b, x, y, weight):
    s = x @ w + b
    p = 1 / (1 + np.exp(-s))
    ds = weight * (p - y) / np.sum(weight)
    return x.T @ ds, ds.sum()


def subject(rng):
    x, y = rng.normal(size=(8, 3)), (rng.random(8) > 0.5).astype(float)
    return loss, gradient, (rng.normal(size=3), 0.2, x, y, rng.random(8) + 0.5), {"wrt": ["w", "b"]}


FAULTS = (
    [("ds = weight * (p - y) / np.sum(weight)", "ds = (p - y) / np.sum(weight)", "missing derivative")],
    [("ds = weight * (p - y) / np.sum(weight)", "ds = weight * (y - p) / np.sum(weight)", "sign")],
    [
        (
            "ds = weight * (p - y) / np.sum(weight)",
            "ds = weight * (p - y) * p * (1 - p) / np.sum(weight)",
            "output derivative twice",
        )
    ],
    [("ds = weight * (p - y) / np.sum(weight)", "ds = weight * (p - 1 + y) / np.sum(weight)", "wrong target")],
)
