"""A maxout layer of three pieces under a linear output, squared error; the winner takes the gradient."""

import numpy as np


class MaxoutNet:
    def __init__(self, rng, n_in, n_hidden, pieces, n_out):
        self.W = rng.normal(size=(pieces, n_in, n_hidden))
        self.b = rng.normal(size=(pieces, n_hidden))
        self.V = rng.normal(size=(n_hidden, n_out))
        self.c = rng.normal(size=n_out)

    def forward(self, x, y):
        self.x, self.y = x, y
        self.z = np.einsum("nd,pdh->nph", x, self.W) + self.b
        self.winner = self.z.argmax(axis=1)
        self.h = self.z.max(axis=1)
        self.out = self.h @ self.V + self.c
        return np.sum((self.out - y) ** 2) / (2 * len(x))

    def backward(self):
        n = len(self.x)
        d_out = (self.out - self.y) / n
        dV = self.h.T @ d_out
        dc = d_out.sum(axis=0)
        dh = d_out @ self.V.T
        pieces = np.arange(self.W.shape[0])
        gate = self.winner[:, None, :] == pieces[None, :, None]
        dz = dh[:, None, :] * gate
        dW = np.einsum("nd,nph->pdh", self.x, dz)
        db = dz.sum(axis=0)
        return {"W": dW, "b": db, "V": dV, "c": dc}


def subject(rng):
    net = MaxoutNet(rng, 4, 5, 3, 2)
    return net.forward, net.backward, (rng.normal(size=(7, 4)), rng.normal(size=(7, 2)))


FAULTS = (
    [("dz = dh[:, None, :] * gate", "dz = np.repeat(dh[:, None, :], len(pieces), axis=1)", "missing derivative")],
    [("d_out = (self.out - self.y) / n", "d_out = 2 * (self.out - self.y) / n", "factor")],
    [
        ("db = dz.sum(axis=0)", "db = dz.mean(axis=0)", "extra mean"),
        ("d_out = (self.out - self.y) / n", "d_out = (self.y - self.out) / n", "sign"),
    ],
)
