"""Layer normalization, with the short formula of its gradient."""

import numpy as np


def forward(x, t, g, b):
    m = x.mean(axis=-1, keepdims=True)
    v = x.var(axis=-1, keepdims=True)
    s = np.sqrt(v + 1e-6)
    n = (x - m) / s
    y = n * g + b
    return np.mean((y - t) ** 2), (n, s, y)


def backward(t, g, n, s, y):
    dy = 2 * (y - t) / y.size
    dg = (dy * n).sum(axis=0)
    db = dy.sum(axis=0)
    dn = dy * g
    dx = (dn - dn.mean(axis=-1, keepdims=True) - n * (dn * n).mean(axis=-1, keepdims=True)) / s
    return dx, dg, db


def subject(rng):
    return forward, backward, (rng.normal(size=(5, 6)), rng.normal(size=(5, 6)), rng.normal(size=6), rng.normal(size=6))


FAULTS = (
    [
        (
            "dx = (dn - dn.mean(axis=-1, keepdims=True) - n * (dn * n).mean(axis=-1, keepdims=True)) / s",
            "dx = dn / s",
            "missing path",
        )
    ],
    [("dn = dy * g", "dn = dy", "missing derivative")],
    [("dy = 2 * (y - t) / y.size", "dy = (y - t) / y.size", "factor")],
    [("dg = (dy * n).sum(axis=0)", "dg = (dy * n).mean(axis=0)", "extra mean")],
)
