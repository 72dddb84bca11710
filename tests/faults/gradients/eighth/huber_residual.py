"""Two residual blocks with softplus and a Huber loss for outliers."""

import numpy as np


def softplus(z):
    return np.log1p(np.exp(z))


class ResidualRegressor:
    def __init__(self, rng, width, delta=1.0):
        self.delta = delta
        self.params = {}
        for k in (1, 2):
            self.params[f"W{k}"] = rng.normal(size=(width, width)) * 0.4
            self.params[f"b{k}"] = rng.normal(size=width) * 0.2
        self.params["v"] = 0.4 * rng.normal(size=width)

    def loss(self, x, t):
        p = self.params
        z1 = x @ p["W1"] + p["b1"]
        r1 = x + softplus(z1)
        z2 = r1 @ p["W2"] + p["b2"]
        r2 = r1 + softplus(z2)
        e = r2 @ p["v"] - t
        small = np.abs(e) <= self.delta
        self.cache = x, z1, r1, z2, r2, e, small
        return np.where(small, 0.5 * e**2, self.delta * (np.abs(e) - 0.5 * self.delta)).mean()

    def backward(self):
        x, z1, r1, z2, r2, e, small = self.cache
        p, n = self.params, len(e)
        grads = {}
        de = np.where(small, e, self.delta * np.sign(e)) / n
        grads["v"] = r2.T @ de
        dr2 = np.outer(de, p["v"])
        dz2 = dr2 / (1 + np.exp(-z2))
        grads["W2"] = r1.T @ dz2
        grads["b2"] = dz2.sum(axis=0)
        dr1 = dr2 + dz2 @ p["W2"].T
        dz1 = dr1 / (1 + np.exp(-z1))
        grads["W1"] = x.T @ dz1
        grads["b1"] = dz1.sum(axis=0)
        return grads


def subject(rng):
    model = ResidualRegressor(rng, 4)
    return model.loss, model.backward, (rng.normal(size=(13, 4)), 1.5 + 3 * rng.normal(size=13))


FAULTS = (
    [('dr1 = dr2 + dz2 @ p["W2"].T', 'dr1 = dz2 @ p["W2"].T', "missing path")],
    [("np.where(small, e, self.delta * np.sign(e))", "np.where(small, e, self.delta)", "missing derivative")],
    [
        ("np.where(small, e, self.delta * np.sign(e))", "np.where(small, 2 * e, self.delta * np.sign(e))", "factor"),
        ('dr1 = dr2 + dz2 @ p["W2"].T', 'dr1 = dr2 + dz2 @ p["W2"]', "transpose"),
    ],
)
