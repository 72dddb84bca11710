"""A linear autoencoder with tied weights and an L1 penalty on its codes; rectified, squared error."""

import numpy as np


class SparseCoder:
    beta = 0.3

    def __init__(self, rng, n_in, n_code):
        self.W = rng.normal(size=(n_in, n_code))
        self.b = rng.normal(size=n_code)
        self.c = rng.normal(size=n_in)

    def cost(self, x):
        self.x = x
        self.pre = x @ self.W + self.b
        self.code = np.maximum(self.pre, 0)
        self.err = self.code @ self.W.T + self.c - x
        return (np.sum(self.err**2) + self.beta * np.sum(np.abs(self.code))) / len(x)

    def backward(self):
        n = len(self.x)
        d_rec = 2 * self.err / n
        d_code = d_rec @ self.W + self.beta * np.sign(self.code) / n
        d_pre = d_code * (self.pre > 0)
        dW = self.x.T @ d_pre + d_rec.T @ self.code
        db = d_pre.sum(axis=0)
        dc = d_rec.sum(axis=0)
        return {"W": dW, "b": db, "c": dc}


def subject(rng):
    net = SparseCoder(rng, 5, 4)
    return net.cost, net.backward, (rng.normal(size=(7, 5)),)


FAULTS = (
    [("dW = self.x.T @ d_pre + d_rec.T @ self.code", "dW = self.x.T @ d_pre", "missing path")],
    [
        ("self.beta * np.sign(self.code) / n", "self.beta * np.sign(self.code)", "missing mean"),
        ("d_rec = 2 * self.err / n", "d_rec = self.err / n", "factor"),
    ],
    [
        ("d_pre = d_code * (self.pre > 0)", "d_pre = d_code", "missing derivative"),
        ("dc = d_rec.sum(axis=0)", "dc = d_rec.mean(axis=0)", "extra mean"),
    ],
)
