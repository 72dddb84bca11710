"""A network of Gaussian bumps: centres, one width per bump, a linear read-out, mean squared error."""

import numpy as np


class RBFNet:
    def __init__(self, rng, dim, n_centers):
        self.centers = rng.normal(size=(n_centers, dim))
        self.log_width = 0.3 * rng.normal(size=n_centers)
        self.w = rng.normal(size=n_centers)
        self.bias = rng.normal(size=1)

    def forward(self, X, y):
        self.X, self.y = X, y
        self.diff = X[:, None, :] - self.centers[None, :, :]
        self.dist2 = (self.diff**2).sum(-1)
        self.inv = np.exp(-2 * self.log_width)
        self.phi = np.exp(-0.5 * self.dist2 * self.inv)
        self.pred = self.phi @ self.w + self.bias
        return np.mean((self.pred - y) ** 2)

    def gradients(self):
        err = 2 * (self.pred - self.y) / len(self.y)
        g_w = self.phi.T @ err
        g_bias = np.array([err.sum()])
        g_phi = err[:, None] * self.w
        g_exponent = g_phi * self.phi
        g_dist2 = -0.5 * g_exponent * self.inv
        g_centers = -2 * np.einsum("nk,nkd->kd", g_dist2, self.diff)
        g_log_width = np.sum(g_exponent * self.dist2 * self.inv, axis=0)
        return {"centers": g_centers, "log_width": g_log_width, "w": g_w, "bias": g_bias}


def subject(rng):
    net = RBFNet(rng, 3, 5)
    return net.forward, net.gradients, (rng.normal(size=(7, 3)), rng.normal(size=7))


FAULTS = (
    [("g_exponent = g_phi * self.phi", "g_exponent = g_phi", "missing derivative")],
    [("g_centers = -2 * np.einsum", "g_centers = 2 * np.einsum", "sign")],
    [
        ("err = 2 * (self.pred - self.y) / len(self.y)", "err = (self.pred - self.y) / len(self.y)", "factor"),
        ("np.array([err.sum()])", "np.array([err.mean()])", "extra mean"),
    ],
)
