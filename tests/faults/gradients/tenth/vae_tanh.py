"""A variational autoencoder with given noise: squared error and the divergence from a normal distribution."""

import numpy as np


class VAE:
    def __init__(self, rng):
        self.We = rng.normal(size=(4, 5))
        self.Wm = 0.5 * rng.normal(size=(5, 2))
        self.Ws = 0.5 * rng.normal(size=(5, 2))
        self.Wd = rng.normal(size=(2, 4))

    def forward(self, x, eps):
        self.h = np.tanh(x @ self.We)
        self.mean, self.logvar = self.h @ self.Wm, self.h @ self.Ws
        self.z = self.mean + np.exp(0.5 * self.logvar) * eps
        self.xhat = self.z @ self.Wd
        reconstruction = 0.5 * np.sum((self.xhat - x) ** 2)
        kl = -0.5 * np.sum(1 + self.logvar - self.mean**2 - np.exp(self.logvar))
        return (reconstruction + kl) / len(x)

    def backward(self, x, eps):
        n = len(x)
        dxhat = (self.xhat - x) / n
        self.dWd = self.z.T @ dxhat
        dz = dxhat @ self.Wd.T
        dmean = dz + self.mean / n
        dlogvar = dz * eps * 0.5 * np.exp(0.5 * self.logvar)
        dlogvar += 0.5 * (np.exp(self.logvar) - 1) / n
        self.dWm = self.h.T @ dmean
        self.dWs = self.h.T @ dlogvar
        dh = dmean @ self.Wm.T + dlogvar @ self.Ws.T
        self.dWe = x.T @ (dh * (1 - self.h**2))


def subject(rng):
    vae = VAE(rng)
    return vae.forward, vae.backward, (rng.normal(size=(6, 4)), rng.normal(size=(6, 2)))


FAULTS = (
    [("dz = dxhat @ self.Wd.T", "dz = dxhat @ self.Wd.T * (1 - self.z**2)", "extra derivative")],
    [("dmean = dz + self.mean / n", "dmean = dz", "missing path")],
    [("dlogvar = dz * eps * 0.5 * np.exp", "dlogvar = dz * eps * np.exp", "factor")],
    [("dlogvar += 0.5 * (np.exp(self.logvar) - 1) / n", "dlogvar += 0.5 * (1 - np.exp(self.logvar)) / n", "sign")],
    [("dh = dmean @ self.Wm.T + dlogvar @ self.Ws.T", "dh = dmean @ self.Wm.T", "missing path")],
    [
        ("dmean = dz + self.mean / n", "dmean = dz + self.mean", "missing mean"),
        ("(dh * (1 - self.h**2))", "dh", "missing derivative"),
    ],
)
