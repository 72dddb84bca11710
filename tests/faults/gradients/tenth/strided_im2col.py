"""A convolution with a stride as a matrix product (im2col), relu, mean over the places, softmax."""

import numpy as np

SIZE, STRIDE = 2, 2


def im2col(x):
    n, channels, height, width = x.shape
    rows, cols = (height - SIZE) // STRIDE + 1, (width - SIZE) // STRIDE + 1
    patches = np.zeros((n, rows * cols, channels * SIZE * SIZE))
    for r in range(rows):
        for c in range(cols):
            window = x[:, :, r * STRIDE : r * STRIDE + SIZE, c * STRIDE : c * STRIDE + SIZE]
            patches[:, r * cols + c] = window.reshape(n, -1)
    return patches


def forward(x, onehot, K, k0, V, v0):
    col = im2col(x)
    z = col @ K + k0
    h = np.maximum(z, 0)
    g = h.mean(axis=1)
    s = g @ V + v0
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.sum(onehot * np.log(p)) / len(x)
    return loss, (col, z, g, p, onehot, V)


def backward(cache):
    col, z, g, p, onehot, V = cache
    n, places, _ = col.shape
    ds = (p - onehot) / n
    dV = g.T @ ds
    dv0 = ds.sum(axis=0)
    dg = ds @ V.T
    dh = np.repeat(dg[:, None, :], places, axis=1) / places
    dz = dh * (z > 0)
    dK = np.einsum("npk,npf->kf", col, dz)
    dk0 = dz.sum(axis=(0, 1))
    return dK, dk0, dV, dv0


def subject(rng):
    x, onehot = rng.normal(size=(3, 2, 4, 6)), np.eye(4)[[2, 0, 3]]
    weights = (0.5 * rng.normal(size=(8, 5)), rng.normal(size=5), rng.normal(size=(5, 4)), rng.normal(size=4))
    return forward, backward, (x, onehot, *weights), {"wrt": ["K", "k0", "V", "v0"]}


FAULTS = (
    [("dv0 = ds.sum(axis=0)", "dv0 = ds", "not summed")],
    [("ds = (p - onehot) / n", "ds = (p - onehot) * p * (1 - p) / n", "output derivative twice")],
    [("dz = dh * (z > 0)", "dz = dh", "missing derivative")],
    [("ds = (p - onehot) / n", "ds = (onehot - p) / n", "sign")],
    [
        ("places, axis=1) / places", "places, axis=1)", "missing mean"),
        ("dk0 = dz.sum(axis=(0, 1))", "dk0 = dz.sum(axis=(0, 2))", "wrong axis"),
    ],
)
