"""A padded convolution with a stride in loops, a leaky relu, global average pooling and a softmax, as layers."""

import numpy as np


class Conv:
    def __init__(self, rng, filters, channels, size, stride):
        self.W = 0.5 * rng.normal(size=(filters, channels, size, size))
        self.b = 0.1 * rng.normal(size=filters)
        self.stride, self.size = stride, size

    def forward(self, x):
        self.x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        k, s = self.size, self.stride
        self.rows = (self.x.shape[2] - k) // s + 1
        self.cols = (self.x.shape[3] - k) // s + 1
        out = np.zeros((len(x), len(self.W), self.rows, self.cols))
        for i in range(self.rows):
            for j in range(self.cols):
                patch = self.x[:, :, i * s : i * s + k, j * s : j * s + k]
                out[:, :, i, j] = np.tensordot(patch, self.W, axes=([1, 2, 3], [1, 2, 3])) + self.b
        return out

    def backward(self, dout):
        k, s = self.size, self.stride
        self.dW = np.zeros_like(self.W)
        self.db = dout.sum(axis=(0, 2, 3))
        for i in range(self.rows):
            for j in range(self.cols):
                patch = self.x[:, :, i * s : i * s + k, j * s : j * s + k]
                self.dW += np.tensordot(dout[:, :, i, j], patch, axes=([0], [0]))


class Net:
    def __init__(self, rng):
        self.conv = Conv(rng, 3, 2, 3, 2)
        self.V = rng.normal(size=(3, 4))
        self.c = rng.normal(size=4)

    def forward(self, images, labels):
        self.labels = labels
        self.z = self.conv.forward(images)
        self.a = np.where(self.z > 0, self.z, 0.1 * self.z)
        self.pooled = self.a.mean(axis=(2, 3))
        scores = self.pooled @ self.V + self.c
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.p[np.arange(len(labels)), labels]).mean()

    def backward(self):
        n, area = len(self.labels), self.conv.rows * self.conv.cols
        dscores = self.p.copy()
        dscores[np.arange(n), self.labels] -= 1
        dscores /= n
        self.dV = self.pooled.T @ dscores
        self.dc = dscores.sum(axis=0)
        dpooled = dscores @ self.V.T
        da = np.ones_like(self.a) * dpooled[:, :, None, None] / area
        dz = da * np.where(self.z > 0, 1.0, 0.1)
        self.conv.backward(dz)


def subject(rng):
    net = Net(rng)
    return net.forward, net.backward, (rng.normal(size=(4, 2, 5, 5)), rng.integers(0, 4, 4))


FAULTS = (
    [("dpooled[:, :, None, None] / area", "dpooled[:, :, None, None]", "missing mean")],
    [("        dscores /= n\n", "", "missing mean")],
    [("dz = da * np.where(self.z > 0, 1.0, 0.1)", "dz = da * np.where(self.z > 0, 1.0, 0.0)", "wrong derivative")],
    [("dz = da * np.where(self.z > 0, 1.0, 0.1)", "dz = da", "missing derivative")],
    [("self.db = dout.sum(axis=(0, 2, 3))", "self.db = dout.mean(axis=(0, 2, 3))", "extra mean")],
    [("self.db = dout.sum(axis=(0, 2, 3))", "self.db = dout.sum(axis=(2, 3))", "not summed")],
    [
        ("dscores[np.arange(n), self.labels] -= 1", "dscores[np.arange(n), self.labels - 1] -= 1", "wrong target"),
        ("self.db = dout.sum(axis=(0, 2, 3))", "self.db = -dout.sum(axis=(0, 2, 3))", "sign"),
    ],
)
