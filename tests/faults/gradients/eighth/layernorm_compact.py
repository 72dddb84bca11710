"""Layer normalization with its compact gradient, inside of a residual block."""

import numpy as np


class Block:
    def __init__(self, rng, d):
        self.gain = rng.normal(1, 0.2, size=d)
        self.shift = rng.normal(0, 0.2, size=d)
        self.W = rng.normal(size=(d, d)) / np.sqrt(d)
        self.readout = rng.normal(size=d)

    def forward(self, x, t):
        self.x, self.t = x, t
        mean = x.mean(axis=-1, keepdims=True)
        self.inv_std = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        self.x_hat = (x - mean) * self.inv_std
        self.u = self.gain * self.x_hat + self.shift
        self.pre = self.u @ self.W
        self.r = x + np.maximum(self.pre, 0)  # residual connection
        self.o = self.r @ self.readout
        return 0.5 * np.mean((self.o - t) ** 2)

    def backward(self):
        n = len(self.t)
        do = (self.o - self.t) / n
        dreadout = self.r.T @ do
        dr = do[:, None] * self.readout[None, :]
        dpre = dr * (self.pre > 0)
        dW = self.u.T @ dpre
        du = dpre @ self.W.T
        dgain = (du * self.x_hat).sum(axis=0)
        dshift = du.sum(axis=0)
        g = du * self.gain
        g_mean = g.mean(axis=-1, keepdims=True)
        gx_mean = (g * self.x_hat).mean(axis=-1, keepdims=True)
        dx = dr + self.inv_std * (g - g_mean - self.x_hat * gx_mean)
        return {"gain": dgain, "shift": dshift, "W": dW, "readout": dreadout, "x": dx}


def subject(rng):
    block = Block(rng, 4)
    return block.forward, block.backward, (rng.normal(size=(7, 4)), rng.normal(size=7))


FAULTS = (
    [("dx = dr + self.inv_std", "dx = self.inv_std", "missing path")],
    [
        (
            "gx_mean = (g * self.x_hat).mean(axis=-1, keepdims=True)",
            "gx_mean = (g * self.x_hat).mean(axis=0, keepdims=True)",
            "wrong axis",
        )
    ],
    [("g_mean = g.mean(axis=-1, keepdims=True)", "g_mean = g.sum(axis=-1, keepdims=True)", "missing mean")],
    [
        ("du = dpre @ self.W.T", "du = dpre @ self.W", "transpose"),
        ("do = (self.o - self.t) / n", "do = 2 * (self.o - self.t) / n", "factor"),
    ],
)
