"""A net of any depth with its parameters in lists, for four classes in columns, trained with MSE on softmax outputs."""

import numpy as np


class DeepNet:
    def __init__(self, rng, sizes):
        self.sizes = sizes
        self.weights = [rng.normal(size=(n, m)) for m, n in zip(sizes, sizes[1:])]
        self.biases = [0.1 * rng.normal(size=(n, 1)) for n in sizes[1:]]

    def forward(self, X, Y):
        self.Y = Y
        self.activations, self.zs = [X], []
        for w, b in zip(self.weights[:-1], self.biases[:-1]):
            self.zs.append(w @ self.activations[-1] + b)
            self.activations.append(np.tanh(self.zs[-1]))
        z = self.weights[-1] @ self.activations[-1] + self.biases[-1]
        e = np.exp(z - z.max(axis=0))
        self.S = e / e.sum(axis=0)
        return np.sum((self.S - Y) ** 2) / X.shape[1]

    def backward(self):
        m = self.Y.shape[1]
        dS = 2 * (self.S - self.Y) / m
        delta = self.S * (dS - np.sum(dS * self.S, axis=0))
        grads_w, grads_b = [None] * len(self.weights), [None] * len(self.weights)
        for layer in range(len(self.weights) - 1, -1, -1):
            grads_w[layer] = delta @ self.activations[layer].T
            grads_b[layer] = delta.sum(axis=1, keepdims=True)
            if layer > 0:
                delta = (self.weights[layer].T @ delta) * (1 - self.activations[layer] ** 2)
        self.grad_weights, self.grad_biases = grads_w, grads_b


def subject(rng):
    net = DeepNet(rng, (3, 5, 5, 4))
    return net.forward, net.backward, (rng.normal(size=(3, 7)), np.eye(4)[:, rng.integers(0, 4, 7)])


FAULTS = (
    [("delta = self.S * (dS - np.sum(dS * self.S, axis=0))", "delta = dS", "missing derivative")],
    [("* (1 - self.activations[layer] ** 2)", "* (1 - self.zs[layer - 1] ** 2)", "derivative at the input")],
    [
        (
            "grads_b[layer] = delta.sum(axis=1, keepdims=True)",
            "grads_b[layer] = delta.mean(axis=1, keepdims=True)",
            "extra mean",
        ),
        ("dS = 2 * (self.S - self.Y) / m", "dS = 2 * (self.Y - self.S) / m", "sign"),
    ],
    [
        ("dS = 2 * (self.S - self.Y) / m", "dS = 2 * (self.S - self.Y)", "missing mean"),
        (" * (1 - self.activations[layer] ** 2)", "", "missing derivative"),
    ],
)
