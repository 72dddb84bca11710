"""A pre-norm residual block: x + W₂ tanh(W₁ LN(x)), layer normalisation with gain and shift, half squared error."""

import numpy as np


class ResidualBlock:
    def __init__(self, rng, dim, hidden):
        self.g = rng.normal(1, 0.3, dim)
        self.s = rng.normal(size=dim)
        self.W1 = rng.normal(size=(dim, hidden))
        self.b1 = rng.normal(size=hidden)
        self.W2 = rng.normal(size=(hidden, dim))

    def forward(self, x, y):
        self.y = y
        mean = x.mean(axis=1, keepdims=True)
        self.inv = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        self.xhat = (x - mean) * self.inv
        self.ln = self.g * self.xhat + self.s
        self.h = np.tanh(self.ln @ self.W1 + self.b1)
        self.out = x + self.h @ self.W2
        return 0.5 * np.mean(np.sum((self.out - y) ** 2, axis=1))

    def backward(self):
        N = len(self.y)
        dout = (self.out - self.y) / N
        dW2 = self.h.T @ dout
        dpre = (dout @ self.W2.T) * (1 - self.h**2)
        dW1 = self.ln.T @ dpre
        db1 = dpre.sum(axis=0)
        dln = dpre @ self.W1.T
        dg = (dln * self.xhat).sum(axis=0)
        ds = dln.sum(axis=0)
        dxhat = dln * self.g
        m1 = dxhat.mean(axis=1, keepdims=True)
        m2 = (dxhat * self.xhat).mean(axis=1, keepdims=True)
        dx = self.inv * (dxhat - m1 - self.xhat * m2) + dout
        return {"g": dg, "s": ds, "W1": dW1, "b1": db1, "W2": dW2, "x": dx}


def subject(rng):
    block = ResidualBlock(rng, 5, 3)
    return block.forward, block.backward, (rng.normal(size=(7, 5)), rng.normal(size=(7, 5)))


FAULTS = (
    [
        (
            "dx = self.inv * (dxhat - m1 - self.xhat * m2) + dout",
            "dx = self.inv * (dxhat - m1 - self.xhat * m2)",
            "missing path",
        )
    ],
    [("m1 = dxhat.mean(axis=1, keepdims=True)", "m1 = dxhat.mean(axis=0, keepdims=True)", "wrong axis")],
    [
        ("dg = (dln * self.xhat).sum(axis=0)", "dg = dln.sum(axis=0)", "missing derivative"),
        ("dout = (self.out - self.y) / N", "dout = 2 * (self.out - self.y) / N", "factor"),
    ],
)
