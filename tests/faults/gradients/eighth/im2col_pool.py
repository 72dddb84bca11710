"""A convolution by im2col, ReLU, 2×2 max pooling by reshape, and a softmax: an assignment's three-layer convnet."""

import numpy as np


def im2col(x, k):
    N, C, H, W = x.shape
    columns = [x[:, :, i : i + H - k + 1, j : j + W - k + 1] for i in range(k) for j in range(k)]
    return np.stack(columns, axis=2).reshape(N, C * k * k, -1)


class ThreeLayerConvNet:
    def __init__(self, rng, channels, filters, k, classes):
        self.k, self.filters = k, filters
        self.Wc = rng.normal(size=(filters, channels * k * k)) * 0.5
        self.bc = rng.normal(size=filters)
        self.Wf = rng.normal(size=(filters * 4, classes)) * 0.5
        self.bf = rng.normal(size=classes)

    def loss(self, x, y):
        N, _, H, _ = x.shape
        self.out = H - self.k + 1
        self.cols = im2col(x, self.k)
        conv = self.Wc @ self.cols + self.bc[:, None]
        self.relu = np.maximum(conv, 0).reshape(N, self.filters, self.out // 2, 2, self.out // 2, 2)
        self.pooled = self.relu.max(axis=(3, 5), keepdims=True)
        self.flat = self.pooled.reshape(N, -1)
        scores = self.flat @ self.Wf + self.bf
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        self.y = y
        return -np.log(self.probs[np.arange(N), y]).sum() / N

    def backward(self):
        N = len(self.y)
        dscores = self.probs.copy()
        dscores[np.arange(N), self.y] -= 1
        dscores /= N
        self.dWf = self.flat.T @ dscores
        self.dbf = dscores.sum(axis=0)
        dpooled = (dscores @ self.Wf.T).reshape(self.pooled.shape)
        winners = self.relu == self.pooled
        drelu = dpooled * winners
        dconv = (drelu * (self.relu > 0)).reshape(N, self.filters, -1)
        self.dWc = np.einsum("nfp,ncp->fc", dconv, self.cols)
        self.dbc = dconv.sum(axis=(0, 2))


def subject(rng):
    net = ThreeLayerConvNet(rng, 2, 3, 2, 4)
    return net.loss, net.backward, (rng.normal(size=(5, 2, 5, 5)), rng.integers(0, 4, 5))


FAULTS = (
    [("self.dbc = dconv.sum(axis=(0, 2))", "self.dbc = dconv.mean(axis=(0, 2))", "extra mean")],
    [
        (
            "dconv = (drelu * (self.relu > 0)).reshape(N, self.filters, -1)",
            "dconv = drelu.reshape(N, self.filters, -1)",
            "missing derivative",
        )
    ],
    [
        ("        dscores /= N\n", "", "missing mean"),
        ("self.dWf = self.flat.T @ dscores", "self.dWf = -self.flat.T @ dscores", "sign"),
    ],
)
