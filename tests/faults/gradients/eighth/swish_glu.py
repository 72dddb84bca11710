"""A gated unit with swish, as in feed-forward blocks of language models, and a squared error."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class SwiGLU:
    def __init__(self, rng, d, h):
        self.w_gate = rng.normal(size=(d, h)) / np.sqrt(d)
        self.w_up = rng.normal(size=(d, h)) / np.sqrt(d)
        self.w_down = rng.normal(size=(h, d)) / np.sqrt(h)

    def __call__(self, x, target):
        self.x = x
        self.gate = x @ self.w_gate
        self.up = x @ self.w_up
        self.s = sigmoid(self.gate)
        self.act = self.gate * self.s
        self.hidden = self.act * self.up
        self.error = x + self.hidden @ self.w_down - target
        return 0.5 * np.sum(np.square(self.error)) / x.shape[0]

    def backward(self):
        grad = self.error / self.x.shape[0]
        self.grad_w_down = self.hidden.T @ grad
        grad_hidden = grad @ self.w_down.T
        grad_up = grad_hidden * self.act
        grad_act = grad_hidden * self.up
        grad_gate = grad_act * (self.act + self.s * (1 - self.act))
        self.grad_w_up = self.x.T @ grad_up
        self.grad_w_gate = self.x.T @ grad_gate
        self.grad_x = grad + grad_up @ self.w_up.T + grad_gate @ self.w_gate.T
        return self.grad_w_gate, self.grad_w_up, self.grad_w_down, self.grad_x


def subject(rng):
    block = SwiGLU(rng, 3, 4)
    wrt = ("w_gate", "w_up", "w_down", "x")
    return block.__call__, block.backward, (rng.normal(size=(5, 3)), rng.normal(size=(5, 3))), {"wrt": wrt}


FAULTS = (
    [("(self.act + self.s * (1 - self.act))", "self.s * (1 - self.s)", "wrong derivative")],
    [("(self.act + self.s * (1 - self.act))", "(self.gate + self.s * (1 - self.gate))", "derivative at the input")],
    [("self.grad_x = grad + grad_up @ self.w_up.T", "self.grad_x = grad_up @ self.w_up.T", "missing path")],
    [
        ("grad_up = grad_hidden * self.act", "grad_up = grad_hidden * self.gate", "wrong value"),
        ("grad = self.error / self.x.shape[0]", "grad = self.error", "missing mean"),
    ],
    [
        ("self.act + self.s * (1 - self.act)", "self.gate + self.s * (1 - self.gate)", "derivative at the input"),
        ("self.grad_x = grad + grad_up @ self.w_up.T", "self.grad_x = grad_up @ self.w_up.T", "missing path"),
    ],
)
