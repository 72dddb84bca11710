"""A class: one hidden layer of softplus units, a probability, cross-entropy."""

import numpy as np


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


class Net:
    def __init__(self, rng):
        self.W1 = rng.normal(size=(4, 6))
        self.b1 = rng.normal(size=6)
        self.W2 = rng.normal(size=(6, 1))
        self.b2 = rng.normal(size=1)

    def forward(self, X, y):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = np.log1p(np.exp(self.z1))
        self.p = sigmoid(self.a1 @ self.W2 + self.b2)
        return -np.mean(y * np.log(self.p) + (1 - y) * np.log(1 - self.p))

    def backward(self, X, y):
        dz2 = (self.p - y) / len(y)
        self.dW2 = self.a1.T @ dz2
        self.db2 = dz2.sum(axis=0)
        dz1 = (dz2 @ self.W2.T) * sigmoid(self.z1)
        self.dW1 = X.T @ dz1
        self.db1 = dz1.sum(axis=0)


def subject(rng):
    net = Net(rng)
    return net.forward, net.backward, (rng.normal(size=(5, 4)), np.array([[1.0], [0.0], [0.0], [1.0], [1.0]]))


FAULTS = (
    [("* sigmoid(self.z1)", "* sigmoid(self.a1)", "derivative at the output")],
    [("dz2 = (self.p - y) / len(y)", "dz2 = (self.p - y) * self.p * (1 - self.p) / len(y)", "output derivative twice")],
    [("dz2 = (self.p - y) / len(y)", "dz2 = (self.p - (2 * y - 1)) / len(y)", "wrong target")],
    [("dz2 = (self.p - y) / len(y)", "dz2 = (y - self.p) / len(y)", "sign")],
    [
        ("* sigmoid(self.z1)", "* sigmoid(self.a1)", "derivative at the output"),
        ("dz2 = (self.p - y) / len(y)", "dz2 = self.p - y", "missing mean"),
    ],
)
