"""Triplets with cosine similarity: anchor, positive and negative through one linear map, hinge with a margin."""

import numpy as np


def cosine(a, b):
    na, nb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    return np.sum(a * b, axis=1) / (na * nb)


def cosine_grad(a, b):
    """∂cos(a, b)/∂a, row by row."""
    na, nb = np.linalg.norm(a, axis=1, keepdims=True), np.linalg.norm(b, axis=1, keepdims=True)
    c = cosine(a, b)[:, None]
    return b / (na * nb) - c * a / na**2


class Triplet:
    def __init__(self, rng, n_in, n_out):
        self.W = rng.normal(size=(n_in, n_out))

    def loss(self, anchor, positive, negative):
        self.inputs = anchor, positive, negative
        self.a, self.p, self.n = anchor @ self.W, positive @ self.W, negative @ self.W
        self.hinge = np.maximum(0, 0.6 - cosine(self.a, self.p) + cosine(self.a, self.n))
        return self.hinge.mean()

    def backward(self):
        anchor, positive, negative = self.inputs
        active = (self.hinge > 0).astype(float)[:, None] / len(anchor)
        da = active * (cosine_grad(self.a, self.n) - cosine_grad(self.a, self.p))
        dp = -active * cosine_grad(self.p, self.a)
        dn = active * cosine_grad(self.n, self.a)
        dW = anchor.T @ da + positive.T @ dp + negative.T @ dn
        return {"W": dW}


def subject(rng):
    net = Triplet(rng, 4, 3)
    return net.loss, net.backward, tuple(rng.normal(size=(7, 4)) for _ in range(3))


FAULTS = (
    [("return b / (na * nb) - c * a / na**2", "return b / (na * nb)", "missing path")],
    [("dn = active * cosine_grad(self.n, self.a)", "dn = -active * cosine_grad(self.n, self.a)", "sign")],
    [
        (
            "active = (self.hinge > 0).astype(float)[:, None] / len(anchor)",
            "active = (self.hinge > 0).astype(float)[:, None]",
            "missing mean",
        ),
        (
            "dW = anchor.T @ da + positive.T @ dp + negative.T @ dn",
            "dW = anchor.T @ da + positive.T @ dp",
            "missing path",
        ),
    ],
)
