"""A block as in language models: root-mean-square norm, then a gated layer, in a class with a list of saved values."""

import numpy as np


def sigmoid(v):
    return 1.0 / (1.0 + np.exp(-v))


class Block:
    eps = 1e-5

    def __init__(self, rng, width, inner):
        self.scale = rng.normal(size=width)
        self.up = rng.normal(size=(width, inner))
        self.gate = rng.normal(size=(width, inner))
        self.down = rng.normal(size=(inner, width))

    def forward(self, x, target):
        inv = 1.0 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.eps)
        xhat = x * inv
        n = xhat * self.scale
        u = n @ self.up
        g = n @ self.gate
        s = sigmoid(g)
        m = u * (g * s)
        y = x + m @ self.down
        self.saved = x, target, inv, xhat, n, u, g, s, m, y
        return ((y - target) ** 2).sum() / (2 * len(x))

    def backward(self):
        x, target, inv, xhat, n, u, g, s, m, y = self.saved
        dy = (y - target) / len(x)
        grads = {"down": m.T @ dy}
        dm = dy @ self.down.T
        du = dm * g * s
        dg = dm * u * (s + g * s * (1 - s))
        grads["up"] = n.T @ du
        grads["gate"] = n.T @ dg
        dn = du @ self.up.T + dg @ self.gate.T
        grads["scale"] = (dn * xhat).sum(axis=0)
        dxhat = dn * self.scale
        dnorm = inv * (dxhat - xhat * (dxhat * xhat).mean(axis=-1, keepdims=True))
        grads["x"] = dy + dnorm
        return grads


def subject(rng):
    block = Block(rng, 4, 5)
    return block.forward, block.backward, (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)))


FAULTS = (
    [("du = dm * g * s", "du = dm * s", "missing derivative")],
    [("dg = dm * u * (s + g * s * (1 - s))", "dg = dm * u * s * (1 - s)", "wrong derivative")],
    [('grads["x"] = dy + dnorm', 'grads["x"] = dnorm', "missing path")],
    [("dn = du @ self.up.T + dg @ self.gate.T", "dn = dg @ self.gate.T", "missing path")],
    [("dxhat = dn * self.scale", "dxhat = dn", "missing derivative")],
    [('grads["scale"] = (dn * xhat).sum(axis=0)', 'grads["scale"] = (dn * x).sum(axis=0)', "wrong value")],
    [
        (
            "dxhat - xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)",
            "dxhat - xhat * (dxhat * xhat).sum(axis=-1, keepdims=True)",
            "missing mean",
        ),
    ],
    [
        ("dy = (y - target) / len(x)", "dy = 2 * (y - target) / len(x)", "factor"),
        ("dxhat = dn * self.scale", "dxhat = dn", "missing derivative"),
    ],
)
