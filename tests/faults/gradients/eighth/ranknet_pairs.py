"""RankNet: every pair of documents of a query is compared, on purpose as an (N, N) table of differences."""

import numpy as np


class RankNet:
    def __init__(self, rng, d, h):
        self.W = rng.normal(size=(d, h))
        self.b = rng.normal(size=h)
        self.v = rng.normal(size=h)

    def loss(self, docs, relevance):
        self.docs = docs
        self.z = docs @ self.W + self.b
        self.h = np.maximum(self.z, 0)
        s = self.h @ self.v
        self.better = (relevance[:, None] > relevance[None, :]).astype(float)
        self.pairs = self.better.sum()
        self.diff = s[:, None] - s[None, :]
        return np.sum(self.better * np.log1p(np.exp(-self.diff))) / self.pairs

    def backward(self):
        lam = -self.better / (1 + np.exp(self.diff)) / self.pairs
        ds = lam.sum(axis=1) - lam.sum(axis=0)
        self.dv = self.h.T @ ds
        dh = ds[:, None] * self.v[None, :]
        dz = np.where(self.z > 0, dh, 0)
        self.dW = self.docs.T @ dz
        self.db = dz.sum(axis=0)


def subject(rng):
    net = RankNet(rng, 4, 5)
    return net.loss, net.backward, (rng.normal(size=(7, 4)), np.array([2.0, 0.0, 1.0, 3.0, 0.0, 1.0, 2.0]))


FAULTS = (
    [("ds = lam.sum(axis=1) - lam.sum(axis=0)", "ds = lam.sum(axis=1)", "missing path")],
    [("ds = lam.sum(axis=1) - lam.sum(axis=0)", "ds = lam.sum(axis=1) + lam.sum(axis=0)", "sign")],
    [("dz = np.where(self.z > 0, dh, 0)", "dz = np.clip(np.where(self.z > 0, dh, 0), -0.02, 0.02)", "clipped")],
    [
        (
            "lam = -self.better / (1 + np.exp(self.diff)) / self.pairs",
            "lam = -self.better / (1 + np.exp(self.diff))",
            "missing mean",
        ),
        ("dz = np.where(self.z > 0, dh, 0)", "dz = dh", "missing derivative"),
    ],
    [
        ("dz = np.where(self.z > 0, dh, 0)", "dz = np.clip(np.where(self.z > 0, dh, 0), -0.02, 0.02)", "clipped"),
        ("self.dv = self.h.T @ ds", "self.dv = -self.h.T @ ds", "sign"),
    ],
)
