"""A class with sigmoid layers, whose state lies in attributes."""

import numpy as np


class Network:
    def __init__(self, rng, sizes):
        self.W1 = rng.normal(size=(sizes[0], sizes[1]))
        self.b1 = rng.normal(size=sizes[1])
        self.W2 = rng.normal(size=(sizes[1], sizes[2]))
        self.b2 = rng.normal(size=sizes[2])

    @staticmethod
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def sigmoid_prime(self, z):
        s = self.sigmoid(z)
        return s * (1 - s)

    def forward(self, x, y):
        self.x, self.y = x, y
        self.z1 = x @ self.W1 + self.b1
        self.a1 = self.sigmoid(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        self.a2 = self.sigmoid(self.z2)
        return 0.5 * np.sum((self.a2 - y) ** 2) / len(x)

    def backward(self):
        n = len(self.x)
        delta2 = (self.a2 - self.y) * self.sigmoid_prime(self.z2)
        self.dW2 = self.a1.T @ delta2 / n
        self.db2 = delta2.sum(axis=0) / n
        delta1 = (delta2 @ self.W2.T) * self.sigmoid_prime(self.z1)
        self.dW1 = self.x.T @ delta1 / n
        self.db1 = delta1.sum(axis=0) / n


def subject(rng):
    net = Network(rng, (3, 4, 2))
    return net.forward, net.backward, (rng.normal(size=(6, 3)), rng.random((6, 2)))


FAULTS = (
    [("* self.sigmoid_prime(self.z1)", "* self.sigmoid_prime(self.a1)", "derivative at the output")],
    [("* self.sigmoid_prime(self.z2)", "* self.sigmoid_prime(self.a2)", "derivative at the output")],
    [("* self.sigmoid_prime(self.z1)", "* self.z1 * (1 - self.z1)", "derivative at the input")],
    [("* self.sigmoid_prime(self.z2)", "", "missing derivative")],
    [("* self.sigmoid_prime(self.z1)", "* self.sigmoid(self.z1)", "wrong derivative")],
    [("self.dW1 = self.x.T @ delta1 / n", "self.dW1 = self.x.T @ delta1", "missing mean")],
    [
        ("delta2 = (self.a2 - self.y)", "delta2 = (self.y - self.a2)", "sign"),
        ("* self.sigmoid_prime(self.z1)", "* self.sigmoid_prime(self.a1)", "derivative at the output"),
    ],
    [
        ("* self.sigmoid_prime(self.z2)", "", "missing derivative"),
        ("self.db1 = delta1.sum(axis=0) / n", "self.db1 = delta1.sum(axis=0)", "missing mean"),
    ],
)
