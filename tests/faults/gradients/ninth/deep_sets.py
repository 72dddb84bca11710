"""Deep sets: each element through a sigmoid layer, summed over the set, read by a linear unit; absolute-tail Huber."""

import numpy as np


class DeepSets:
    delta = 0.8

    def __init__(self, rng, n_in, n_hidden):
        self.W = rng.normal(size=(n_in, n_hidden))
        self.b = rng.normal(size=n_hidden)
        self.rho = rng.normal(size=n_hidden)

    def loss(self, sets, y):
        """sets: (N, M, D), y: (N,)."""
        self.sets = sets
        self.a = 1 / (1 + np.exp(-(sets @ self.W + self.b)))
        self.total = self.a.sum(axis=1)
        self.e = self.total @ self.rho - y
        small = np.abs(self.e) <= self.delta
        values = np.where(small, 0.5 * self.e**2, self.delta * (np.abs(self.e) - 0.5 * self.delta))
        return values.mean()

    def backward(self):
        de = np.clip(self.e, -self.delta, self.delta) / len(self.e)
        drho = self.total.T @ de
        dtotal = np.outer(de, self.rho)
        da = np.broadcast_to(dtotal[:, None, :], self.a.shape)
        dz = da * self.a * (1 - self.a)
        dW = np.einsum("nmd,nmh->dh", self.sets, dz)
        db = dz.sum(axis=(0, 1))
        return {"W": dW, "b": db, "rho": drho}


def subject(rng):
    net = DeepSets(rng, 3, 5)
    return net.loss, net.backward, (rng.normal(size=(7, 4, 3)), 2 * rng.normal(size=7))


FAULTS = (
    [("de = np.clip(self.e, -self.delta, self.delta) / len(self.e)", "de = self.e / len(self.e)", "wrong derivative")],
    [
        ("dz = da * self.a * (1 - self.a)", "dz = da * self.total[:, None] * (1 - self.total[:, None])", "wrong value"),
        (
            "de = np.clip(self.e, -self.delta, self.delta) / len(self.e)",
            "de = -np.clip(self.e, -self.delta, self.delta) / len(self.e)",
            "sign",
        ),
    ],
    [
        ("db = dz.sum(axis=(0, 1))", "db = dz.sum(axis=1).mean(axis=0)", "extra mean"),
        ("dz = da * self.a * (1 - self.a)", "dz = da", "missing derivative"),
    ],
)
