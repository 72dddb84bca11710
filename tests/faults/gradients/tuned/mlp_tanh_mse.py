"""A net with one hidden layer of tanh and the squared error, with a cache by name."""

import numpy as np


def forward(x, y, W1, b1, W2, b2):
    h = np.tanh(x @ W1 + b1)
    out = h @ W2 + b2
    loss = np.mean(np.sum((out - y) ** 2, axis=1))
    cache = {"x": x, "h": h, "out": out, "y": y, "W2": W2}
    return loss, cache


def backward(cache):
    x, h, out, y = cache["x"], cache["h"], cache["out"], cache["y"]
    n = x.shape[0]
    dout = 2 * (out - y) / n
    dW2 = h.T @ dout
    db2 = dout.sum(axis=0)
    dh = dout @ cache["W2"].T
    dz = dh * (1 - h**2)
    dW1 = x.T @ dz
    db1 = dz.sum(axis=0)
    return dW1, db1, dW2, db2


def subject(rng):
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    return (
        forward,
        backward,
        (x, y, rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(5, 2)), rng.normal(size=2)),
    )


FAULTS = (
    [("dz = dh * (1 - h**2)", "dz = dh", "missing derivative")],
    [("dz = dh * (1 - h**2)", "dz = dh * (1 - h)", "wrong derivative")],
    [("dz = dh * (1 - h**2)", "dz = dh * h * (1 - h)", "wrong derivative")],
    [("dz = dh * (1 - h**2)", "dz = dh * (1 - np.tanh(h) ** 2)", "derivative at the output")],
    [("dz = dh * (1 - h**2)", "dz = dh * (1 - h**2) ** 2", "extra derivative")],
    [("dout = 2 * (out - y) / n", "dout = (out - y) / n", "factor")],
    [("db1 = dz.sum(axis=0)", "db1 = dz.mean(axis=0)", "extra mean")],
    [
        ("dout = 2 * (out - y) / n", "dout = 2 * (y - out) / n", "sign"),
        ("dz = dh * (1 - h**2)", "dz = dh", "missing derivative"),
    ],
    [
        ("dz = dh * (1 - h**2)", "dz = dh * (1 - h)", "wrong derivative"),
        ("db2 = dout.sum(axis=0)", "db2 = dout", "not summed"),
    ],
)
