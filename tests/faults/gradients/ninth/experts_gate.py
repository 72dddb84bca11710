"""A mixture of linear experts under a softmax gate; the loss is the negative log of the mixed likelihood."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class MixtureOfExperts:
    def __init__(self, rng, dim, n_experts):
        self.E = rng.normal(size=(dim, n_experts))
        self.e0 = rng.normal(size=n_experts)
        self.G = rng.normal(size=(dim, n_experts))
        self.g0 = rng.normal(size=n_experts)

    def nll(self, X, y):
        self.X, self.y = X, y
        self.mean = X @ self.E + self.e0
        self.gate = softmax(X @ self.G + self.g0)
        density = np.exp(-0.5 * (y[:, None] - self.mean) ** 2)
        joint = self.gate * density
        total = joint.sum(axis=1, keepdims=True)
        self.resp = joint / total
        return -np.mean(np.log(total))

    def backprop(self):
        n = len(self.X)
        d_mean = self.resp * (self.mean - self.y[:, None]) / n
        d_gate_logits = (self.gate - self.resp) / n
        dE = self.X.T @ d_mean
        de0 = d_mean.sum(axis=0)
        dG = self.X.T @ d_gate_logits
        dg0 = d_gate_logits.sum(axis=0)
        return {"E": dE, "e0": de0, "G": dG, "g0": dg0}


def subject(rng):
    model = MixtureOfExperts(rng, 4, 3)
    return model.nll, model.backprop, (rng.normal(size=(7, 4)), rng.normal(size=7))


FAULTS = (
    [("d_mean = self.resp * (self.mean", "d_mean = self.gate * (self.mean", "wrong value")],
    [("d_gate_logits = (self.gate - self.resp) / n", "d_gate_logits = (self.resp - self.gate) / n", "sign")],
    [("de0 = d_mean.sum(axis=0)", "de0 = d_mean.sum()", "wrong axis")],
    [
        ("d_gate_logits = (self.gate - self.resp) / n", "d_gate_logits = self.gate - self.resp", "missing mean"),
        ("de0 = d_mean.sum(axis=0)", "de0 = d_mean.mean(axis=0)", "extra mean"),
    ],
)
