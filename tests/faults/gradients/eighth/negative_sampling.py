"""word2vec by hand: one centre word, its context word, and a handful of negative samples."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class SkipGram:
    def __init__(self, rng, vocabulary, size):
        self.center_vectors = rng.normal(size=(vocabulary, size))
        self.outside_vectors = rng.normal(size=(vocabulary, size))

    def loss(self, centers, outsides, negatives):
        self.batch = centers, outsides, negatives
        self.v = self.center_vectors[centers]  # (B, d)
        self.u = self.outside_vectors[outsides]  # (B, d)
        self.n = self.outside_vectors[negatives]  # (B, K, d)
        self.pos = sigmoid(np.sum(self.v * self.u, axis=1))
        self.neg = sigmoid(-np.einsum("bkd,bd->bk", self.n, self.v))
        return -(np.sum(np.log(self.pos)) + np.sum(np.log(self.neg))) / len(centers)

    def gradients(self):
        centers, outsides, negatives = self.batch
        B = len(centers)
        gpos = (self.pos - 1) / B
        gneg = (1 - self.neg) / B
        grad_v = gpos[:, None] * self.u + np.einsum("bk,bkd->bd", gneg, self.n)
        grad_u = gpos[:, None] * self.v
        grad_n = gneg[:, :, None] * self.v[:, None, :]
        grad_center = np.zeros_like(self.center_vectors)
        grad_outside = np.zeros_like(self.outside_vectors)
        np.add.at(grad_center, centers, grad_v)
        np.add.at(grad_outside, outsides, grad_u)
        np.add.at(grad_outside, negatives, grad_n)
        return {"center_vectors": grad_center, "outside_vectors": grad_outside}


def subject(rng):
    model = SkipGram(rng, 8, 3)
    centers, outsides = rng.integers(0, 8, 5), rng.integers(0, 8, 5)
    return model.loss, model.gradients, (centers, outsides, rng.integers(0, 8, (5, 4)))


FAULTS = (
    [("gneg = (1 - self.neg) / B", "gneg = (self.neg - 1) / B", "sign")],
    [
        (
            'grad_v = gpos[:, None] * self.u + np.einsum("bk,bkd->bd", gneg, self.n)',
            "grad_v = gpos[:, None] * self.u",
            "missing path",
        )
    ],
    [("        np.add.at(grad_outside, negatives, grad_n)\n", "", "missing path")],
    [
        ("gpos = (self.pos - 1) / B", "gpos = self.pos - 1", "missing mean"),
        ("gneg = (1 - self.neg) / B", "gneg = (1 - self.neg) * self.neg / B", "output derivative twice"),
    ],
)
