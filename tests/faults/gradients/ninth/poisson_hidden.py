"""Counts from a hidden tanh layer with a log link and an exposure; the Poisson deviance without its constants."""

import numpy as np


class PoissonNet:
    def __init__(self, rng, n_in, n_hidden):
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = rng.normal(size=n_hidden)
        self.w2 = 0.5 * rng.normal(size=n_hidden)
        self.b2 = np.zeros(1)

    def loss(self, X, counts, exposure):
        self.X, self.counts = X, counts
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.log_rate = self.h @ self.w2 + self.b2 + np.log(exposure)
        self.rate = np.exp(self.log_rate)
        return np.mean(self.rate - counts * self.log_rate)

    def backward(self):
        n = len(self.counts)
        d_log_rate = (self.rate - self.counts) / n
        dw2 = self.h.T @ d_log_rate
        db2 = np.array([np.sum(d_log_rate)])
        dh = np.outer(d_log_rate, self.w2)
        dz = dh * (1 - self.h**2)
        dW1 = self.X.T @ dz
        db1 = np.sum(dz, axis=0)
        return {"W1": dW1, "b1": db1, "w2": dw2, "b2": db2}


def subject(rng):
    net = PoissonNet(rng, 3, 5)
    return net.loss, net.backward, (rng.normal(size=(7, 3)), rng.poisson(2.0, 7) * 1.0, rng.uniform(0.5, 2, 7))


FAULTS = (
    [
        (
            "db2 = np.array([np.sum(d_log_rate)])",
            "db2 = np.array([np.sum(self.rate - self.counts[:, None]) / n])",
            "broadcast",
        )
    ],
    [
        (
            "d_log_rate = (self.rate - self.counts) / n",
            "d_log_rate = (self.rate - self.counts) * self.rate / n",
            "output derivative twice",
        )
    ],
    [("dz = dh * (1 - self.h**2)", "dz = dh * (1 - self.h) ** 2", "wrong derivative")],
    [
        ("d_log_rate = (self.rate - self.counts) / n", "d_log_rate = (self.counts - self.rate) / n", "sign"),
        ("np.array([np.sum(d_log_rate)])", "np.array([np.mean(d_log_rate)])", "extra mean"),
    ],
)
