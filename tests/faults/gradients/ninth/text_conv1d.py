"""A one-dimensional convolution by loops, ReLU, the mean over time, and a logistic output."""

import numpy as np


class SignalNet:
    def __init__(self, rng, channels, filters, width):
        self.K = rng.normal(size=(filters, channels, width))
        self.kb = rng.normal(size=filters)
        self.w = rng.normal(size=filters)
        self.b = rng.normal(size=1)

    def loss(self, x, y):
        """x: (N, C, L), y: (N,) of 0 and 1."""
        self.x, self.y = x, y
        N, _, L = x.shape
        F, _, width = self.K.shape
        steps = L - width + 1
        self.z = np.zeros((N, F, steps))
        for t in range(steps):
            window = x[:, :, t : t + width]
            self.z[:, :, t] = np.tensordot(window, self.K, axes=([1, 2], [1, 2])) + self.kb
        self.a = np.maximum(self.z, 0)
        self.pooled = self.a.mean(axis=2)
        self.p = 1 / (1 + np.exp(-(self.pooled @ self.w + self.b)))
        return -np.mean(y * np.log(self.p) + (1 - y) * np.log(1 - self.p))

    def backward(self):
        N, _, steps = self.z.shape
        width = self.K.shape[2]
        dlogit = (self.p - self.y) / N
        dw = self.pooled.T @ dlogit
        db = np.array([dlogit.sum()])
        dpooled = dlogit[:, None] * self.w
        da = np.repeat(dpooled[:, :, None], steps, axis=2) / steps
        dz = da * (self.z > 0)
        dK = np.zeros_like(self.K)
        for t in range(steps):
            dK += np.tensordot(dz[:, :, t], self.x[:, :, t : t + width], axes=([0], [0]))
        dkb = dz.sum(axis=(0, 2))
        return {"K": dK, "kb": dkb, "w": dw, "b": db}


def subject(rng):
    net = SignalNet(rng, 2, 5, 3)
    return net.loss, net.backward, (rng.normal(size=(7, 2, 8)), rng.integers(0, 2, 7) * 1.0)


FAULTS = (
    [
        (
            "np.repeat(dpooled[:, :, None], steps, axis=2) / steps",
            "np.repeat(dpooled[:, :, None], steps, axis=2)",
            "missing mean",
        )
    ],
    [("dz = da * (self.z > 0)", "dz = da", "missing derivative")],
    [("dK += np.tensordot", "dK = np.tensordot", "missing path")],
    [
        ("dlogit = (self.p - self.y) / N", "dlogit = (self.y - self.p) / N", "sign"),
        ("dkb = dz.sum(axis=(0, 2))", "dkb = dz.mean(axis=0).sum(axis=1)", "extra mean"),
    ],
)
