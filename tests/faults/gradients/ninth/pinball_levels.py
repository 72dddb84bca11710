"""Three quantiles at once from a shared softsign layer: the pinball loss, averaged over rows, summed over levels."""

import numpy as np

TAUS = np.array([0.15, 0.5, 0.8])


class QuantileNet:
    def __init__(self, rng, n_in, n_hidden):
        self.W = rng.normal(size=(n_in, n_hidden))
        self.b = rng.normal(size=n_hidden)
        self.V = rng.normal(size=(n_hidden, 3))
        self.c = rng.normal(size=3)

    def loss(self, x, y):
        self.x = x
        self.z = x @ self.W + self.b
        self.a = self.z / (1 + np.abs(self.z))
        self.q = self.a @ self.V + self.c
        self.u = y[:, None] - self.q
        return np.sum(np.where(self.u >= 0, TAUS * self.u, (TAUS - 1) * self.u)) / len(x)

    def backward(self):
        n = len(self.x)
        du = np.where(self.u >= 0, TAUS, TAUS - 1) / n
        dq = -du
        dV = self.a.T @ dq
        dc = dq.sum(axis=0)
        da = dq @ self.V.T
        dz = da / (1 + np.abs(self.z)) ** 2
        dW = self.x.T @ dz
        db = dz.sum(axis=0)
        return {"W": dW, "b": db, "V": dV, "c": dc}


def subject(rng):
    net = QuantileNet(rng, 4, 5)
    return net.loss, net.backward, (rng.normal(size=(7, 4)), 2 * rng.normal(size=7))


FAULTS = (
    [("dz = da / (1 + np.abs(self.z)) ** 2", "dz = da / (1 + np.abs(self.a)) ** 2", "derivative at the output")],
    [("dz = da / (1 + np.abs(self.z)) ** 2", "dz = da / (1 + np.abs(self.z))", "wrong derivative")],
    [
        ("dq = -du", "dq = du", "sign"),
        ("dc = dq.sum(axis=0)", "dc = dq", "not summed"),
    ],
)
