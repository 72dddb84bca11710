"""Stochastic gradient descent, a sample at a time: one hidden tanh layer and a sigmoid output, squared error."""

import numpy as np

rng = np.random.RandomState(4)
data = rng.randn(6, 3)
labels = (data[:, 0] - data[:, 2] > 0).astype(float)

W = rng.randn(4, 3)
c = rng.randn(4) * 0.1
v = rng.randn(4)
d = 0.2
eta = 0.15

for epoch in range(4):
    total = 0.0
    for x, y in zip(data, labels):
        z = W.dot(x) + c
        h = np.tanh(z)
        s = v.dot(h) + d
        p = 1 / (1 + np.exp(-s))
        E = 0.5 * (p - y) ** 2
        total += E

        ds = (p - y) * p * (1 - p)
        dv = ds * h
        dh = ds * v
        dz = dh * (1 - np.tanh(z) ** 2)
        dW = np.outer(dz, x)

        v -= eta * dv
        d -= eta * ds
        W -= eta * dW
        c -= eta * dz
    print(epoch, total / len(data))

FAULTS = (
    [("dz = dh * (1 - np.tanh(z) ** 2)", "dz = dh * (1 - z**2)", "derivative at the input")],
    [("ds = (p - y) * p * (1 - p)", "ds = p - y", "missing derivative")],
    [
        (
            "        dh = ds * v\n        dz = dh * (1 - np.tanh(z) ** 2)\n        dW = np.outer(dz, x)\n\n        v -= eta * dv\n",
            "        v -= eta * dv\n        dh = ds * v\n        dz = dh * (1 - np.tanh(z) ** 2)\n        dW = np.outer(dz, x)\n\n",
            "stale weights",
        ),
    ],
    [
        ("ds = (p - y) * p * (1 - p)", "ds = 2 * (p - y) * p * (1 - p)", "factor"),
        ("W -= eta * dW", "W += eta * dW", "climbs"),
    ],
)
