"""A net that solves u' = -k u, u(0) = 1: the loss is made of its derivative by the time."""

import numpy as np


class DecayNet:
    k = 1.7

    def __init__(self, rng):
        self.w1, self.b1, self.w2 = rng.normal(size=5), rng.normal(size=5), rng.normal(size=5)

    def forward(self, t):
        self.a = np.tanh(np.outer(t, self.w1) + self.b1)
        self.s = 1 - self.a**2
        u = self.a @ self.w2
        velocity = (self.s * self.w1) @ self.w2
        self.residual = velocity + self.k * u
        self.a0 = np.tanh(self.b1)
        self.miss = self.a0 @ self.w2 - 1
        return np.mean(self.residual**2) + self.miss**2

    def backward(self, t):
        dr = 2 * self.residual / len(t)
        dmiss = 2 * self.miss
        self.dw2 = self.a.T @ (self.k * dr) + (self.s * self.w1).T @ dr
        self.dw2 += dmiss * self.a0
        da = self.k * np.outer(dr, self.w2)
        ds = np.outer(dr, self.w1 * self.w2)
        da -= 2 * self.a * ds
        dz = da * self.s
        self.dw1 = t @ dz + (self.s.T @ dr) * self.w2
        self.db1 = dz.sum(axis=0)
        self.db1 += dmiss * self.w2 * (1 - self.a0**2)


def subject(rng):
    net = DecayNet(rng)
    return net.forward, net.backward, (np.linspace(0, 2, 7),)


FAULTS = (
    [("        da -= 2 * self.a * ds\n", "", "missing path")],
    [("da = self.k * np.outer(dr, self.w2)", "da = np.outer(dr, self.w2)", "factor")],
    [("self.db1 += dmiss * self.w2 * (1 - self.a0**2)", "self.db1 += dmiss * self.w2", "missing derivative")],
    [("self.dw1 = t @ dz + (self.s.T @ dr) * self.w2", "self.dw1 = t @ dz", "missing path")],
    [
        ("dr = 2 * self.residual / len(t)", "dr = 2 * self.residual", "missing mean"),
        ("da -= 2 * self.a * ds", "da += 2 * self.a * ds", "sign"),
    ],
)
