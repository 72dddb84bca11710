"""Squeeze and excitation: the mean of each channel decides how much of it passes."""

import numpy as np


class Gate:
    def __init__(self, rng, channels, squeezed):
        self.params = {
            "D": rng.normal(size=(channels, squeezed)),
            "U": rng.normal(size=(squeezed, channels)),
            "bias": rng.normal(size=channels),
        }
        self.grads = {}

    def forward(self, x, wanted):
        p = self.params
        mean = x.mean(axis=(1, 2))
        r = np.maximum(mean @ p["D"], 0)
        s = 1 / (1 + np.exp(-(r @ p["U"] + p["bias"])))
        y = x * s[:, None, None, :]
        self.cache = x, wanted, mean, r, s, y
        return np.abs(y - wanted).mean()

    def backward(self):
        p = self.params
        x, wanted, mean, r, s, y = self.cache
        dy = np.sign(y - wanted) / y.size
        ds = (dy * x).sum(axis=(1, 2))
        dpre = ds * s * (1 - s)
        self.grads["U"] = r.T @ dpre
        self.grads["bias"] = dpre.sum(axis=0)
        dr = (dpre @ p["U"].T) * (r > 0)
        self.grads["D"] = mean.T @ dr
        dmean = dr @ p["D"].T
        self.grads["x"] = dy * s[:, None, None, :] + dmean[:, None, None, :] / (x.shape[1] * x.shape[2])


def subject(rng):
    gate = Gate(rng, 5, 3)
    return gate.forward, gate.backward, (rng.normal(size=(4, 3, 6, 5)) + 0.3, rng.normal(size=(4, 3, 6, 5)))


FAULTS = (
    [("dy = np.sign(y - wanted) / y.size", "dy = np.sign(y - wanted) / len(y)", "missing mean")],
    [("dy = np.sign(y - wanted) / y.size", "dy = (y - wanted) / y.size", "wrong derivative")],
    [("dpre = ds * s * (1 - s)", "dpre = ds", "missing derivative")],
    [("dmean[:, None, None, :] / (x.shape[1] * x.shape[2])", "dmean[:, None, None, :]", "missing mean")],
    [(" + dmean[:, None, None, :] / (x.shape[1] * x.shape[2])", "", "missing path")],
    [("ds = (dy * x).sum(axis=(1, 2))", "ds = (dy * y).sum(axis=(1, 2))", "wrong value")],
    [
        ('dr = (dpre @ p["U"].T) * (r > 0)', 'dr = dpre @ p["U"].T', "missing derivative"),
        ("dy * s[:, None, None, :] + dmean", "dy + dmean", "missing derivative"),
    ],
)
