"""Functional, as a home-made autograd tutorial has it: each function returns its value and what takes a gradient back."""

import numpy as np


def linear(x, w, b):
    def back(g):
        return g @ w.T, x.T @ g, g.sum(0)

    return x @ w + b, back


def leaky_relu(x, slope=0.1):
    def back(g):
        return g * np.where(x > 0, 1.0, slope)

    return np.where(x > 0, x, slope * x), back


def cross_entropy(logits, target):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(target))

    def back():
        g = np.exp(log_probs)
        g[rows, target] -= 1
        return g / len(target)

    return -log_probs[rows, target].mean(), back


class Model:
    def __init__(self, rng):
        self.w1, self.b1 = rng.normal(size=(3, 6)), rng.normal(size=6)
        self.w2, self.b2 = rng.normal(size=(6, 6)), rng.normal(size=6)
        self.w3, self.b3 = rng.normal(size=(6, 4)), rng.normal(size=4)

    def forward(self, x, target):
        x, self.back1 = linear(x, self.w1, self.b1)
        x, self.act1 = leaky_relu(x)
        x, self.back2 = linear(x, self.w2, self.b2)
        x, self.act2 = leaky_relu(x)
        x, self.back3 = linear(x, self.w3, self.b3)
        loss, self.back_loss = cross_entropy(x, target)
        return loss

    def backward(self):
        g = self.back_loss()
        g, self.dw3, self.db3 = self.back3(g)
        g = self.act2(g)
        g, self.dw2, self.db2 = self.back2(g)
        g = self.act1(g)
        _, self.dw1, self.db1 = self.back1(g)


def subject(rng):
    model = Model(rng)
    return model.forward, model.backward, (rng.normal(size=(5, 3)), rng.integers(0, 4, 5))


FAULTS = (
    [("        g = self.act1(g)\n", "", "missing derivative")],
    [("g[rows, target] -= 1", "g[rows, target - 1] -= 1", "wrong target")],
    [("return g * np.where(x > 0, 1.0, slope)", "return g * np.where(x > 0, 1.0, 0.0)", "wrong derivative")],
    [
        ("return g / len(target)", "return g", "missing mean"),
        ("return g @ w.T, x.T @ g, g.sum(0)", "return g @ w.T, x.T @ g, g", "not summed"),
    ],
)
