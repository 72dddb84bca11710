"""A robust regression: a hidden layer of elu units and the Huber loss."""

import numpy as np

DELTA = 0.7


def elu(z):
    return np.where(z > 0, z, np.exp(z) - 1)


def elu_prime(z):
    return np.where(z > 0, 1, np.exp(z))


def forward(X, y, W1, b1, w2, b2):
    z1 = X @ W1 + b1
    a1 = elu(z1)
    r = a1 @ w2 + b2 - y
    small = np.abs(r) <= DELTA
    return np.mean(np.where(small, 0.5 * r**2, DELTA * (np.abs(r) - 0.5 * DELTA)))


def gradient(X, z1, a1, r, w2):
    dr = np.clip(r, -DELTA, DELTA) / len(r)
    dw2 = a1.T @ dr
    db2 = np.sum(dr)
    da1 = dr[:, None] * w2
    dz1 = da1 * elu_prime(z1)
    dW1 = X.T @ dz1
    db1 = np.sum(dz1, axis=0)
    return dW1, db1, dw2, db2


def subject(rng):
    args = (
        rng.normal(size=(7, 3)),
        rng.normal(size=7),
        rng.normal(size=(3, 4)),
        rng.normal(size=4),
        rng.normal(size=4),
        0.2,
    )
    return forward, gradient, args, {"wrt": ["W1", "b1", "w2", "b2"]}


FAULTS = (
    [("dz1 = da1 * elu_prime(z1)", "dz1 = da1 * elu_prime(a1)", "derivative at the output")],
    [("np.clip(r, -DELTA, DELTA) / len(r)", "np.sign(r) / len(r)", "wrong derivative")],
    [("dw2 = a1.T @ dr", "dw2 = z1.T @ dr", "wrong value")],
    [("db1 = np.sum(dz1, axis=0)", "db1 = np.sum(dz1, axis=1)", "wrong axis")],
    [
        ("dz1 = da1 * elu_prime(z1)", "dz1 = da1", "missing derivative"),
        ("np.clip(r, -DELTA, DELTA) / len(r)", "np.clip(r, -DELTA, DELTA)", "missing mean"),
    ],
)
