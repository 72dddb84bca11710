"""Backpropagation through a GRU, whose gates share one stacked weight matrix."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, rng, D, H):
        self.H = H
        self.params = {
            "Wg": rng.normal(size=(D + H, 2 * H)),
            "bg": rng.normal(size=2 * H),
            "Wc": rng.normal(size=(D + H, H)),
            "bc": rng.normal(size=H),
        }

    def forward(self, x, target):
        """x: (T, N, D), target: (N, H); half the squared distance of the last state."""
        p, H = self.params, self.H
        h = np.zeros((x.shape[1], H))
        self.cache = []
        for t in range(x.shape[0]):
            xh = np.concatenate([x[t], h], axis=1)
            gates = sigmoid(xh @ p["Wg"] + p["bg"])
            r, u = gates[:, :H], gates[:, H:]
            xrh = np.concatenate([x[t], r * h], axis=1)
            c = np.tanh(xrh @ p["Wc"] + p["bc"])
            h_new = u * h + (1 - u) * c
            self.cache.append((xh, gates, xrh, c, h))
            h = h_new
        self.diff = h - target
        return 0.5 * np.sum(self.diff**2) / len(target)

    def backward(self):
        p, H = self.params, self.H
        grads = {k: np.zeros_like(v) for k, v in p.items()}
        dh = self.diff / len(self.diff)
        D = p["Wc"].shape[0] - H
        for xh, gates, xrh, c, h in reversed(self.cache):
            r, u = gates[:, :H], gates[:, H:]
            dc = dh * (1 - u)
            du = dh * (h - c)
            dh_prev = dh * u
            da = dc * (1 - c**2)
            grads["Wc"] += xrh.T @ da
            grads["bc"] += da.sum(axis=0)
            drh = (da @ p["Wc"].T)[:, D:]
            dr = drh * h
            dh_prev = dh_prev + drh * r
            dgates = np.concatenate([dr, du], axis=1) * gates * (1 - gates)
            grads["Wg"] += xh.T @ dgates
            grads["bg"] += dgates.sum(axis=0)
            dh = dh_prev + (dgates @ p["Wg"].T)[:, D:]
        return grads


def subject(rng):
    net = GRU(rng, 2, 3)
    return net.forward, net.backward, (rng.normal(size=(3, 5, 2)), rng.normal(size=(5, 3)))


FAULTS = (
    [("du = dh * (h - c)", "du = dh * (c - h)", "sign")],
    [("dh_prev = dh_prev + drh * r", "dh_prev = dh_prev + drh", "missing derivative")],
    [('dh = dh_prev + (dgates @ p["Wg"].T)[:, D:]', "dh = dh_prev", "missing path")],
    [
        ("da = dc * (1 - c**2)", "da = dc * (1 - np.tanh(c) ** 2)", "derivative at the output"),
        ('grads["bc"] += da.sum(axis=0)', 'grads["bc"] += da.mean(axis=0)', "extra mean"),
    ],
    [
        ("du = dh * (h - c)", "du = dh * (c - h)", "sign"),
        ("dh = self.diff / len(self.diff)", "dh = self.diff", "missing mean"),
    ],
)
