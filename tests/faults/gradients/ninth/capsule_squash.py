"""One layer of capsules with the squashing nonlinearity and a margin loss on their lengths."""

import numpy as np


class Capsules:
    def __init__(self, rng, n_in, n_caps, dim):
        self.W = rng.normal(size=(n_caps, n_in, dim)) * 0.5
        self.m_plus, self.m_minus, self.down = 0.9, 0.1, 0.5

    def loss(self, x, T):
        """x: (N, D); T: (N, K) one-hot; the margin loss of dynamic routing, with a single vote."""
        self.x, self.T = x, T
        self.s = np.einsum("nd,kdc->nkc", x, self.W)
        self.sq = np.sum(self.s**2, axis=-1)
        self.norm = np.sqrt(self.sq)
        self.length = self.sq / (1 + self.sq)
        self.present = np.maximum(0, self.m_plus - self.length)
        self.absent = np.maximum(0, self.length - self.m_minus)
        per_capsule = T * self.present**2 + self.down * (1 - T) * self.absent**2
        return per_capsule.sum() / len(x)

    def backward(self):
        d_length = -2 * self.T * self.present + 2 * self.down * (1 - self.T) * self.absent
        d_length = d_length / len(self.x)
        d_sq = d_length / (1 + self.sq) ** 2
        d_s = 2 * self.s * d_sq[..., None]
        dW = np.einsum("nd,nkc->kdc", self.x, d_s)
        return {"W": dW}


def subject(rng):
    caps = Capsules(rng, 3, 4, 5)
    return caps.loss, caps.backward, (rng.normal(size=(7, 3)), np.eye(4)[rng.integers(0, 4, 7)])


FAULTS = (
    [("d_sq = d_length / (1 + self.sq) ** 2", "d_sq = d_length / (1 + self.sq)", "wrong derivative")],
    [("d_length = -2 * self.T", "d_length = 2 * self.T", "sign")],
    [
        ("d_s = 2 * self.s * d_sq[..., None]", "d_s = self.s * d_sq[..., None]", "factor"),
        ("        d_length = d_length / len(self.x)\n", "", "missing mean"),
    ],
)
