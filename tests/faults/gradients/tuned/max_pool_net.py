"""A feature map, its maximum over positions, and a linear layer."""

import numpy as np


def forward(x, y, F, w):
    z = np.einsum("npd,df->npf", x, F)
    best = z.argmax(axis=1)
    rows, features = np.indices(best.shape)
    m = z[rows, best, features]
    out = m @ w
    return np.mean((out - y) ** 2), z, best, m, out


def backward(x, y, F, w, z, best, m, out):
    rows, features = np.indices(best.shape)
    dout = 2 * (out - y) / len(y)
    dw = m.T @ dout
    dm = np.outer(dout, w)
    dz = np.zeros(z.shape)
    dz[rows, best, features] = dm
    dF = np.einsum("npd,npf->df", x, dz)
    return dF, dw


def subject(rng):
    return (
        forward,
        backward,
        (rng.normal(size=(7, 5, 3)), rng.normal(size=7), rng.normal(size=(3, 4)), rng.normal(size=4)),
    )


FAULTS = (
    [("dout = 2 * (out - y) / len(y)", "dout = 2 * (out - y)", "missing mean")],
    [("dout = 2 * (out - y) / len(y)", "dout = (out - y) / len(y)", "factor")],
    [("dw = m.T @ dout", "dw = -m.T @ dout", "sign")],
    [('dF = np.einsum("npd,npf->df", x, dz)', 'dF = np.einsum("npd,npf->df", x, dz) / z.shape[1]', "extra mean")],
)
