"""Layers as objects with forward and backward, and a net that chains them."""

import numpy as np


class Dense:
    def __init__(self, W, b):
        self.W = W
        self.b = b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class LeakyReLU:
    slope = 0.1

    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, self.slope * x)

    def backward(self, dout):
        return np.where(self.mask, dout, self.slope * dout)


class MeanSquares:
    def forward(self, out, target):
        self.difference = out - target
        return np.mean(self.difference**2)

    def backward(self):
        return 2 * self.difference / self.difference.size


class Net:
    def __init__(self, layers):
        self.layers = layers
        self.criterion = MeanSquares()

    def forward(self, x, target):
        for layer in self.layers:
            x = layer.forward(x)
        return self.criterion.forward(x, target)

    def backward(self):
        dout = self.criterion.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)


def subject(rng):
    layers = [
        Dense(rng.normal(size=(3, 6)), rng.normal(size=6)),
        LeakyReLU(),
        Dense(rng.normal(size=(6, 4)), rng.normal(size=4)),
    ]
    net = Net(layers)
    return net.forward, net.backward, (rng.normal(size=(7, 3)), rng.normal(size=(7, 4)))


FAULTS = (
    [
        (
            "return np.where(self.mask, dout, self.slope * dout)",
            "return np.where(self.mask, dout, 0)",
            "wrong derivative",
        )
    ],
    [("return np.where(self.mask, dout, self.slope * dout)", "return dout", "missing derivative")],
    [("return 2 * self.difference / self.difference.size", "return self.difference / self.difference.size", "factor")],
    [
        (
            "return 2 * self.difference / self.difference.size",
            "return -2 * self.difference / self.difference.size",
            "sign",
        )
    ],
    [("return 2 * self.difference / self.difference.size", "return 2 * self.difference", "missing mean")],
)
