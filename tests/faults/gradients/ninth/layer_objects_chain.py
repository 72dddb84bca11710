"""Layer objects that keep their gradients beside their weights: dense, batch of activations, cross-entropy on top."""

import numpy as np


class Dense:
    def __init__(self, rng, fan_in, fan_out):
        self.W = rng.normal(size=(fan_in, fan_out))
        self.b = rng.normal(size=fan_out)

    def forward(self, x):
        self.inp = x
        return x @ self.W + self.b

    def backward(self, grad_output):
        self.dW = self.inp.T @ grad_output
        self.db = grad_output.sum(axis=0)
        return grad_output @ self.W.T


class ELU:
    alpha = 0.7

    def forward(self, x):
        self.out = np.where(x > 0, x, self.alpha * (np.exp(x) - 1))
        return self.out

    def backward(self, grad_output):
        slope = np.where(self.out > 0, 1.0, self.out + self.alpha)
        return grad_output * slope


class Sigmoid:
    def forward(self, x):
        self.s = 1 / (1 + np.exp(-x))
        return self.s

    def backward(self, grad_output):
        return grad_output * self.s * (1 - self.s)


class CrossEntropy:
    def forward(self, logits, labels):
        self.labels = labels
        shifted = logits - logits.max(axis=1, keepdims=True)
        self.log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -self.log_p[np.arange(len(labels)), labels].mean()

    def backward(self):
        n = len(self.labels)
        one_hot = np.zeros_like(self.log_p)
        one_hot[np.arange(n), self.labels] = 1
        return (np.exp(self.log_p) - one_hot) / n


class Model:
    def __init__(self, rng):
        self.layers = [Dense(rng, 3, 6), ELU(), Dense(rng, 6, 5), Sigmoid(), Dense(rng, 5, 4)]
        self.criterion = CrossEntropy()

    def forward(self, x, labels):
        for layer in self.layers:
            x = layer.forward(x)
        return self.criterion.forward(x, labels)

    def backward(self):
        grad = self.criterion.backward()
        for layer in self.layers[::-1]:
            grad = layer.backward(grad)


def subject(rng):
    model = Model(rng)
    return model.forward, model.backward, (rng.normal(size=(7, 3)), rng.integers(0, 4, 7))


FAULTS = (
    [
        (
            "slope = np.where(self.out > 0, 1.0, self.out + self.alpha)",
            "slope = np.where(self.out > 0, 1.0, self.alpha)",
            "wrong derivative",
        )
    ],
    [
        (
            "return (np.exp(self.log_p) - one_hot) / n",
            "p = np.exp(self.log_p)\n        return p * (1 - p) * (p - one_hot) / n",
            "output derivative twice",
        )
    ],
    [("self.db = grad_output.sum(axis=0)", "self.db = grad_output.mean(axis=0)", "extra mean")],
    [
        ("return (np.exp(self.log_p) - one_hot) / n", "return np.exp(self.log_p) - one_hot", "missing mean"),
        ("return grad_output * self.s * (1 - self.s)", "return grad_output", "missing derivative"),
    ],
)
