"""A siamese encoder: both images through the same sigmoid layer, contrastive loss on the Euclidean distance."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Siamese:
    margin = 1.5

    def __init__(self, rng, n_in, n_out):
        self.W = rng.normal(size=(n_in, n_out))
        self.b = rng.normal(size=n_out)

    def embed(self, x):
        return sigmoid(x @ self.W + self.b)

    def loss(self, left, right, same):
        self.left, self.right, self.same = left, right, same
        self.e1, self.e2 = self.embed(left), self.embed(right)
        self.diff = self.e1 - self.e2
        self.d = np.sqrt(np.sum(self.diff**2, axis=1))
        self.gap = np.maximum(0, self.margin - self.d)
        return np.mean(same * self.d**2 + (1 - same) * self.gap**2)

    def backward(self):
        n = len(self.same)
        g_d = (2 * self.same * self.d - 2 * (1 - self.same) * self.gap) / n
        g_diff = (g_d / self.d)[:, None] * self.diff
        g_z1 = g_diff * self.e1 * (1 - self.e1)
        g_z2 = -g_diff * self.e2 * (1 - self.e2)
        g_W = self.left.T @ g_z1 + self.right.T @ g_z2
        g_b = (g_z1 + g_z2).sum(axis=0)
        return {"W": g_W, "b": g_b}


def subject(rng):
    net = Siamese(rng, 4, 3)
    return net.loss, net.backward, (rng.normal(size=(7, 4)), rng.normal(size=(7, 4)), rng.integers(0, 2, 7) * 1.0)


FAULTS = (
    [("g_z2 = -g_diff * self.e2", "g_z2 = g_diff * self.e2", "sign")],
    [("g_W = self.left.T @ g_z1 + self.right.T @ g_z2", "g_W = self.left.T @ g_z1", "missing path")],
    [
        (
            "g_d = (2 * self.same * self.d - 2 * (1 - self.same)",
            "g_d = (2 * self.same * self.d + 2 * (1 - self.same)",
            "sign",
        )
    ],
    [
        ("g_z1 = g_diff * self.e1 * (1 - self.e1)", "g_z1 = g_diff", "missing derivative"),
        ("g_b = (g_z1 + g_z2).sum(axis=0)", "g_b = (g_z1 + g_z2).mean(axis=0)", "extra mean"),
    ],
)
