"""A deep autoencoder as a class with dicts."""

import numpy as np


class AutoEncoder:
    def __init__(self, rng):
        self.params = {
            "We": rng.normal(size=(6, 4)),
            "be": 0.5 * rng.normal(size=4),
            "Wd": rng.normal(size=(4, 6)),
            "bd": 0.5 * rng.normal(size=6),
        }
        self.grads = {}

    def forward(self, X):
        p = self.params
        self.X = X
        self.pre = X @ p["We"] + p["be"]
        self.code = np.maximum(self.pre, 0.01 * self.pre)
        self.out = self.code @ p["Wd"] + p["bd"]
        return 0.5 * np.mean(np.sum((self.out - X) ** 2, axis=1))

    def backward(self):
        n = self.X.shape[0]
        d_out = (self.out - self.X) / n
        self.grads["Wd"] = self.code.T @ d_out
        self.grads["bd"] = d_out.sum(0)
        d_code = d_out @ self.params["Wd"].T
        slope = np.ones_like(self.pre)
        slope[self.pre < 0] = 0.01
        d_pre = d_code * slope
        self.grads["We"] = self.X.T @ d_pre
        self.grads["be"] = d_pre.sum(0)
        return self.grads


def subject(rng):
    net = AutoEncoder(rng)
    return net.forward, net.backward, (rng.normal(size=(8, 6)),)


FAULTS = (
    [("d_pre = d_code * slope", "d_pre = d_code", "missing derivative")],
    [("slope[self.pre < 0] = 0.01", "slope[self.pre < 0] = 0.0", "wrong derivative")],
    [("d_out = (self.out - self.X) / n", "d_out = self.out - self.X", "missing mean")],
    [("d_out = (self.out - self.X) / n", "d_out = (self.X - self.out) / n", "sign")],
    [('self.grads["be"] = d_pre.sum(0)', 'self.grads["be"] = d_pre', "not summed")],
    [
        ("d_pre = d_code * slope", "d_pre = d_code", "missing derivative"),
        ('self.grads["bd"] = d_out.sum(0)', 'self.grads["bd"] = d_out.sum(1)', "wrong axis"),
    ],
)
