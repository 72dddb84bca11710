"""Each row's activations are centred and scaled before a linear read-out; nothing learned in the normalisation."""

import numpy as np


def rowwise_forward(x, y, W, b, v):
    z = np.tanh(x @ W + b)
    m = z.mean(axis=1, keepdims=True)
    s = np.sqrt(np.mean((z - m) ** 2, axis=1, keepdims=True) + 1e-6)
    n = (z - m) / s
    e = n @ v - y
    loss = np.sum(e**2) / (2 * len(y))
    return loss, z, s, n, e


def rowwise_backward(x, v, z, s, n, e):
    N, H = z.shape
    de = e / N
    dv = n.T @ de
    dn = np.outer(de, v)
    dot = (dn * n).sum(axis=1, keepdims=True) / H
    dz = (dn - dn.mean(axis=1, keepdims=True) - n * dot) / s
    dpre = dz * (1 - z**2)
    dW = x.T @ dpre
    db = dpre.sum(axis=0)
    return {"W": dW, "b": db, "v": dv}


def subject(rng):
    return (
        rowwise_forward,
        rowwise_backward,
        (rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=5)),
    )


FAULTS = (
    [("dz = (dn - dn.mean(axis=1, keepdims=True) - n * dot) / s", "dz = dn / s", "missing path")],
    [("dv = n.T @ de", "dv = z.T @ de", "wrong value")],
    [
        ("de = e / N", "de = 2 * e / N", "factor"),
        ("db = dpre.sum(axis=0)", "db = dpre.sum(axis=1)", "wrong axis"),
    ],
)
