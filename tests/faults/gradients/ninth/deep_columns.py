"""Columns are samples: three layers with tanh and a linear output, L2 on the weights but not on the biases."""

import numpy as np


class DeepRegressor:
    lambd = 0.7

    def __init__(self, rng, dims):
        self.params = {}
        for layer in range(1, len(dims)):
            self.params[f"W{layer}"] = rng.normal(size=(dims[layer], dims[layer - 1]))
            self.params[f"b{layer}"] = rng.normal(size=(dims[layer], 1))
        self.L = len(dims) - 1

    def forward(self, X, Y):
        self.Y = Y
        self.A = {0: X}
        m = X.shape[1]
        for layer in range(1, self.L + 1):
            Z = self.params[f"W{layer}"] @ self.A[layer - 1] + self.params[f"b{layer}"]
            self.A[layer] = np.tanh(Z) if layer < self.L else Z
        penalty = sum(np.sum(self.params[f"W{layer}"] ** 2) for layer in range(1, self.L + 1))
        return np.sum((self.A[self.L] - Y) ** 2) / (2 * m) + self.lambd / (2 * m) * penalty

    def backward(self):
        m = self.Y.shape[1]
        grads = {}
        dZ = self.A[self.L] - self.Y
        for layer in range(self.L, 0, -1):
            grads[f"dW{layer}"] = dZ @ self.A[layer - 1].T / m + self.lambd / m * self.params[f"W{layer}"]
            grads[f"db{layer}"] = np.sum(dZ, axis=1, keepdims=True) / m
            if layer > 1:
                dZ = self.params[f"W{layer}"].T @ dZ * (1 - self.A[layer - 1] ** 2)
        return grads


def subject(rng):
    net = DeepRegressor(rng, (3, 5, 4, 2))
    return net.forward, net.backward, (rng.normal(size=(3, 7)), rng.normal(size=(2, 7)))


FAULTS = (
    [("+ self.lambd / m * self.params[", "+ self.lambd * self.params[", "missing mean")],
    [
        (
            "np.sum(dZ, axis=1, keepdims=True) / m",
            'np.sum(dZ, axis=1, keepdims=True) / m + self.lambd / m * self.params[f"b{layer}"]',
            "extra path",
        )
    ],
    [
        (
            "dZ = self.A[self.L] - self.Y",
            "dZ = (self.A[self.L] - self.Y) * (1 - self.A[self.L] ** 2)",
            "extra derivative",
        )
    ],
    [
        ("dZ = self.A[self.L] - self.Y", "dZ = self.Y - self.A[self.L]", "sign"),
        ("np.sum(dZ, axis=1, keepdims=True) / m", "np.sum(dZ, axis=0, keepdims=True) / m", "wrong axis"),
    ],
    [
        ("* (1 - self.A[layer - 1] ** 2)", "* (1 - self.A[layer - 1]) ** 2", "wrong derivative"),
        ("np.sum(dZ, axis=1, keepdims=True) / m", "np.sum(dZ, axis=1, keepdims=True)", "missing mean"),
    ],
)
