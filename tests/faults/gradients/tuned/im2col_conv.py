"""A convolution as one product of matrices."""

import numpy as np


def im2col(x, k):
    n, rows, columns = x.shape
    patches = [x[:, i : i + k, j : j + k].reshape(n, -1) for i in range(rows - k + 1) for j in range(columns - k + 1)]
    return np.stack(patches, axis=1)


def forward(x, y, F, b):
    cols = im2col(x, 2)
    z = cols @ F + b
    a = np.tanh(z)
    pooled = a.mean(axis=1)
    return ((pooled - y) ** 2).sum() / len(x), cols, a, pooled


def backward(y, cols, a, pooled):
    n, places, _ = cols.shape
    dpooled = 2 * (pooled - y) / n
    da = np.repeat(dpooled[:, None, :], places, axis=1) / places
    dz = da * (1 - a * a)
    dF = np.einsum("npk,npf->kf", cols, dz)
    db = dz.sum(axis=(0, 1))
    return dF, db


def subject(rng):
    return (
        forward,
        backward,
        (rng.normal(size=(5, 4, 4)), rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=3)),
    )


FAULTS = (
    [("places, axis=1) / places", "places, axis=1)", "missing mean")],
    [("dz = da * (1 - a * a)", "dz = da", "missing derivative")],
    [("db = dz.sum(axis=(0, 1))", "db = dz.sum(axis=0)", "not summed")],
    [("dpooled = 2 * (pooled - y) / n", "dpooled = (pooled - y) / n", "factor")],
    [("dz = da * (1 - a * a)", "dz = -da * (1 - a * a)", "sign")],
)
