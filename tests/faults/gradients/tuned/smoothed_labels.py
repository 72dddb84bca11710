"""Cross-entropy with smoothed labels and a temperature."""

import numpy as np


class Classifier:
    def __init__(self, rng):
        self.W = rng.normal(size=(4, 5))
        self.b = rng.normal(size=(1, 5))
        self.temperature = 2

    def forward(self, X, Y):
        self.X = X
        self.S = Y * 0.9 + 0.1 / Y.shape[1]
        self.Z = (X.dot(self.W) + self.b) / self.temperature
        shifted = self.Z - np.max(self.Z, axis=1, keepdims=True)
        self.P = np.exp(shifted) / np.sum(np.exp(shifted), axis=1, keepdims=True)
        return -np.sum(self.S * np.log(self.P)) / len(X)

    def backward(self):
        dZ = (self.P - self.S) / len(self.X)
        dA = dZ / self.temperature
        self.dW = self.X.T.dot(dA)
        self.db = np.sum(dA, axis=0, keepdims=True)
        return self.dW, self.db


def subject(rng):
    net = Classifier(rng)
    return net.forward, net.backward, (rng.normal(size=(7, 4)), np.eye(5)[rng.integers(0, 5, 7)])


FAULTS = (
    [("dA = dZ / self.temperature", "dA = dZ", "factor")],
    [("dZ = (self.P - self.S) / len(self.X)", "dZ = (self.S - self.P) / len(self.X)", "sign")],
    [("self.db = np.sum(dA, axis=0, keepdims=True)", "self.db = np.sum(dA, axis=1, keepdims=True)", "wrong axis")],
    [
        (
            "dZ = (self.P - self.S) / len(self.X)",
            "dZ = (self.P - self.S) * self.P * (1 - self.P) / len(self.X)",
            "output derivative twice",
        )
    ],
    [
        ("dA = dZ / self.temperature", "dA = dZ", "factor"),
        ("self.db = np.sum(dA, axis=0, keepdims=True)", "self.db = dA", "not summed"),
    ],
)
