"""A hidden layer with a dropout mask that is given."""

import numpy as np


def forward(x, y, mask, W1, W2):
    z = x @ W1
    h = np.maximum(z, 0)
    d = h * mask / 0.8
    out = d @ W2
    return np.mean((out - y) ** 2)


def backward(x, y, mask, W1, W2):
    z = x @ W1
    h = np.maximum(z, 0)
    d = h * mask / 0.8
    out = d @ W2
    dout = 2 * (out - y) / out.size
    dW2 = d.T @ dout
    dd = dout @ W2.T
    dh = dd * mask / 0.8
    dz = np.where(z > 0, dh, 0)
    dW1 = x.T @ dz
    return dW1, dW2


def subject(rng):
    mask = (rng.random((6, 5)) > 0.2).astype(float)
    mask[0, 0] = 0.0
    return (
        forward,
        backward,
        (rng.normal(size=(6, 3)), rng.normal(size=(6, 2)), mask, rng.normal(size=(3, 5)), rng.normal(size=(5, 2))),
    )


FAULTS = (
    [("dh = dd * mask / 0.8", "dh = dd", "missing derivative")],
    [("dh = dd * mask / 0.8", "dh = dd * mask", "factor")],
    [("dz = np.where(z > 0, dh, 0)", "dz = dh", "missing derivative")],
    [("dW2 = d.T @ dout", "dW2 = h.T @ dout", "wrong value")],
    [("dout = 2 * (out - y) / out.size", "dout = 2 * (out - y) / len(out)", "factor")],
)
