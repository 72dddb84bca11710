"""im2col convolution in channels-first order, ReLU, 2×2 max pooling by loops, an affine layer and softmax."""

import numpy as np


def im2col(x, k):
    N, C, H, W = x.shape
    out_h, out_w = H - k + 1, W - k + 1
    cols = np.zeros((N, out_h, out_w, C * k * k))
    for i in range(out_h):
        for j in range(out_w):
            cols[:, i, j] = x[:, :, i : i + k, j : j + k].reshape(N, -1)
    return cols


class ConvPool:
    def __init__(self, rng, channels, filters, k, classes):
        self.k = k
        self.W = 0.6 * rng.normal(size=(channels * k * k, filters))
        self.b = rng.normal(size=filters)
        self.V = rng.normal(size=(filters * 4, classes))
        self.c = rng.normal(size=classes)

    def forward(self, x, y):
        self.y = y
        self.cols = im2col(x, self.k)
        self.conv = self.cols @ self.W + self.b
        self.relu = np.maximum(self.conv, 0)
        N, H, W, F = self.relu.shape
        self.pool = np.zeros((N, H // 2, W // 2, F))
        for i in range(H // 2):
            for j in range(W // 2):
                patch = self.relu[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                self.pool[:, i, j] = patch.max(axis=(1, 2))
        self.flat = self.pool.reshape(N, -1)
        logits = self.flat @ self.V + self.c
        logits -= logits.max(axis=1, keepdims=True)
        self.p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -np.log(self.p[range(N), y]).sum() / N

    def backward(self):
        N = len(self.y)
        d = self.p.copy()
        d[range(N), self.y] -= 1
        d /= N
        dV = self.flat.T @ d
        dc = d.sum(axis=0)
        dpool = (d @ self.V.T).reshape(self.pool.shape)
        drelu = np.zeros_like(self.relu)
        for i in range(dpool.shape[1]):
            for j in range(dpool.shape[2]):
                patch = self.relu[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                winner = patch == self.pool[:, i, j][:, None, None, :]
                drelu[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = winner * dpool[:, i, j][:, None, None, :]
        dconv = drelu * (self.relu > 0)
        dW = np.tensordot(self.cols, dconv, axes=([0, 1, 2], [0, 1, 2]))
        db = dconv.sum(axis=(0, 1, 2))
        return {"W": dW, "b": db, "V": dV, "c": dc}


def subject(rng):
    net = ConvPool(rng, 2, 3, 2, 4)
    return net.forward, net.backward, (rng.normal(size=(6, 2, 5, 5)), rng.integers(0, 4, 6))


FAULTS = (
    [("dconv = drelu * (self.relu > 0)", "dconv = drelu", "missing derivative")],
    [("db = dconv.sum(axis=(0, 1, 2))", "db = dconv.sum(axis=(1, 2)).mean(axis=0)", "extra mean")],
    [("= winner * dpool[:, i, j][:, None, None, :]", "= dpool[:, i, j][:, None, None, :]", "missing derivative")],
    [
        ("d[range(N), self.y] -= 1", "d[range(N), self.y] += 1", "sign"),
        ("        d /= N\n", "", "missing mean"),
    ],
    [
        ("        d /= N\n", "        d /= 2 * N\n", "factor"),
        ("= winner * dpool[:, i, j][:, None, None, :]", "= dpool[:, i, j][:, None, None, :]", "missing derivative"),
    ],
)
