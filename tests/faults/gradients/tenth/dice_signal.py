"""Marking parts of a signal: a filter with a sigmoid behind it, and the soft Dice loss."""

import numpy as np


class Marker:
    def __init__(self, rng):
        self.kernel = rng.normal(size=3)
        self.bias = rng.normal(size=1)

    def forward(self, x, y):
        self.places = x.shape[1] - len(self.kernel) + 1
        z = np.zeros((len(x), self.places)) + self.bias
        for k in range(len(self.kernel)):
            z = z + self.kernel[k] * x[:, k : k + self.places]
        self.z = z
        self.p = 1 / (1 + np.exp(-z))
        self.inter = np.sum(self.p * y, axis=1, keepdims=True)
        self.total = np.sum(self.p + y, axis=1, keepdims=True)
        dice = (2 * self.inter + 1) / (self.total + 1)
        return np.mean(1 - dice)

    def backward(self, x, y):
        dinter = -2 / (self.total + 1) / len(x)
        dtotal = (2 * self.inter + 1) / (self.total + 1) ** 2 / len(x)
        dp = dinter * y + dtotal
        dz = dp * self.p * (1 - self.p)
        self.dkernel = np.zeros_like(self.kernel)
        for k in range(len(self.kernel)):
            self.dkernel[k] = np.sum(dz * x[:, k : k + self.places])
        self.dbias = np.array([dz.sum()])


def subject(rng):
    marker = Marker(rng)
    y = np.array([[0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0, 1.0]])
    return marker.forward, marker.backward, (rng.normal(size=(3, 7)), y)


FAULTS = (
    [("dp = dinter * y + dtotal", "dp = dinter * y", "missing path")],
    [("dz = dp * self.p * (1 - self.p)", "dz = dp * self.z * (1 - self.z)", "derivative at the input")],
    [("dinter = -2 /", "dinter = -1 /", "factor")],
    [("dz = dp * self.p * (1 - self.p)", "dz = dp * self.p", "wrong derivative")],
    [
        ("dtotal = (2 *", "dtotal = -(2 *", "sign"),
        ("dz = dp * self.p * (1 - self.p)", "dz = dp", "missing derivative"),
    ],
)
