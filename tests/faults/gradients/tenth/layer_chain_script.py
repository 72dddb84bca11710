"""A list of layer objects: forward through the list, backward through the list, then a step of each."""

import numpy as np


class Dense:
    def __init__(self, n_in, n_out, generator):
        self.W = generator.normal(0, 1 / np.sqrt(n_in), size=(n_in, n_out))
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.gW = self.x.T @ grad
        self.gb = grad.sum(axis=0)
        return grad @ self.W.T

    def step(self, lr):
        self.W = self.W - lr * self.gW
        self.b = self.b - lr * self.gb


class Sigmoid:
    def forward(self, x):
        self.x = x
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, grad):
        return grad * self.y * (1 - self.y)

    def step(self, lr):
        pass


def mse(y, t):
    return ((y - t) ** 2).mean()


def mse_grad(y, t):
    return 2 * (y - t) / y.size


generator = np.random.default_rng(8)
inputs, targets = generator.normal(size=(10, 3)), generator.uniform(size=(10, 2))
layers = [Dense(3, 5, generator), Sigmoid(), Dense(5, 5, generator), Sigmoid(), Dense(5, 2, generator)]

for step in range(20):
    out = inputs
    for layer in layers:
        out = layer.forward(out)
    loss = mse(out, targets)
    grad = mse_grad(out, targets)
    for layer in reversed(layers):
        grad = layer.backward(grad)
    for layer in layers:
        layer.step(0.5)

FAULTS = (
    [("return grad * self.y * (1 - self.y)", "return grad * self.x * (1 - self.x)", "derivative at the input")],
    [("self.gb = grad.sum(axis=0)", "self.gb = grad", "not summed")],
    [
        (
            "return grad * self.y * (1 - self.y)",
            "return grad * self.y * (1 - self.y) * self.y * (1 - self.y)",
            "extra derivative",
        )
    ],
    [("self.b = self.b - lr * self.gb", "self.b = self.b + lr * self.gb", "climbs")],
    [
        ("return 2 * (y - t) / y.size", "return 2 * (t - y) / y.size", "sign"),
        ("self.gb = grad.sum(axis=0)", "self.gb = grad.mean(axis=0)", "extra mean"),
    ],
)
