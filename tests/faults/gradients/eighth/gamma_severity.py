"""Severity of claims: gamma regression with a log link and one hidden tanh layer, sample weights, column vectors."""

import numpy as np


class GammaNet:
    def __init__(self, rng, d, h):
        self.params = {
            "W1": rng.normal(size=(d, h)) * 0.5,
            "b1": rng.normal(size=(1, h)) * 0.5,
            "W2": rng.normal(size=(h, 1)) * 0.5,
            "b2": rng.normal(size=(1, 1)),
        }

    def deviance(self, X, y, weight):
        p = self.params
        self.X, self.y, self.weight = X, y, weight
        self.H = np.tanh(X @ p["W1"] + p["b1"])
        self.eta = self.H @ p["W2"] + p["b2"]
        self.mu = np.exp(self.eta)
        return np.mean(weight * (y / self.mu + np.log(self.mu)))

    def backward(self):
        n = self.y.shape[0]
        d_mu = self.weight * (1 / self.mu - self.y / self.mu**2) / n
        d_eta = d_mu * self.mu
        grads = {"W2": self.H.T @ d_eta, "b2": d_eta.sum(axis=0, keepdims=True)}
        d_h = d_eta @ self.params["W2"].T
        d_z = d_h * (1 - self.H**2)
        grads["W1"] = self.X.T @ d_z
        grads["b1"] = d_z.sum(axis=0, keepdims=True)
        return grads


def subject(rng):
    net = GammaNet(rng, 3, 4)
    return (
        net.deviance,
        net.backward,
        (rng.normal(size=(7, 3)), rng.gamma(2.0, 1.0, (7, 1)), rng.uniform(0.5, 2, (7, 1))),
    )


FAULTS = (
    [("d_eta = d_mu * self.mu", "d_eta = d_mu", "missing derivative")],
    [('grads["b1"] = d_z.sum(axis=0, keepdims=True)', 'grads["b1"] = d_z.sum(axis=1, keepdims=True)', "wrong axis")],
    [
        ("d_z = d_h * (1 - self.H**2)", "d_z = d_h * (1 - self.H)", "wrong derivative"),
        ("self.y / self.mu**2) / n", "self.y / self.mu**2)", "missing mean"),
    ],
)
