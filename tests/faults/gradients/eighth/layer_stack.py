"""A micro-framework: layers with forward(x) and backward(grad), put on top of each other by a Sequential."""

import numpy as np


class Dense:
    def __init__(self, rng, n_in, n_out):
        self.W = rng.normal(0, 1 / np.sqrt(n_in), size=(n_in, n_out))
        self.b = 0.1 * rng.normal(size=n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T


class Tanh:
    def forward(self, x):
        self.x = x
        self.out = np.tanh(x)
        return self.out

    def backward(self, grad):
        return grad * (1 - self.out**2)


class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, grad):
        return grad * self.out * (1 - self.out)


class MSELoss:
    def forward(self, pred, target):
        self.pred, self.target = pred, target
        return np.mean((pred - target) ** 2)

    def backward(self):
        return 2 * (self.pred - self.target) / self.pred.size


class Sequential:
    def __init__(self, layers, criterion):
        self.layers = layers
        self.criterion = criterion

    def forward(self, x, y):
        for layer in self.layers:
            x = layer.forward(x)
        return self.criterion.forward(x, y)

    def backward(self):
        grad = self.criterion.backward()
        for layer in reversed(self.layers):
            grad = layer.backward(grad)


def subject(rng):
    layers = [Dense(rng, 4, 4), Tanh(), Dense(rng, 4, 4), Sigmoid(), Dense(rng, 4, 4)]
    net = Sequential(layers, MSELoss())
    return net.forward, net.backward, (rng.normal(size=(7, 4)), rng.normal(size=(7, 4)))


FAULTS = (
    [("grad * (1 - self.out**2)", "grad * (1 - self.x**2)", "derivative at the input")],
    [("return grad @ self.W.T", "return grad @ self.W", "transpose")],
    [("self.db = grad.sum(axis=0)", "self.db = grad", "not summed")],
    [
        ("return grad * self.out * (1 - self.out)", "return grad", "missing derivative"),
        (
            "return 2 * (self.pred - self.target) / self.pred.size",
            "return (self.pred - self.target) / self.pred.size",
            "factor",
        ),
    ],
    [
        ("grad * (1 - self.out**2)", "grad * (1 - self.x**2)", "derivative at the input"),
        ("return grad @ self.W.T", "return grad @ self.W", "transpose"),
    ],
)
