"""A bag of context words predicts the next one; input and output embeddings are the same matrix."""

import numpy as np


class TiedModel:
    def __init__(self, rng, vocabulary, size):
        self.E = rng.normal(size=(vocabulary, size)) * 0.7
        self.M = rng.normal(size=(size, size)) * 0.7
        self.b = rng.normal(size=vocabulary) * 0.1

    def loss(self, context, following):
        self.context, self.following = context, following
        self.mean = self.E[context].mean(axis=1)
        self.h = np.tanh(self.mean @ self.M)
        logits = self.h @ self.E.T + self.b
        exps = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p = exps / exps.sum(axis=1, keepdims=True)
        return -np.log(self.p[np.arange(len(following)), following]).mean()

    def backward(self):
        n, words = self.context.shape
        dlogits = self.p.copy()
        dlogits[np.arange(n), self.following] -= 1
        dlogits /= n
        dE = dlogits.T @ self.h
        db = dlogits.sum(axis=0)
        dh = dlogits @ self.E
        da = dh * (1 - self.h**2)
        dM = self.mean.T @ da
        dmean = da @ self.M.T
        np.add.at(dE, self.context, dmean[:, None, :] / words)
        return {"E": dE, "M": dM, "b": db}


def subject(rng):
    model = TiedModel(rng, 7, 4)
    return model.loss, model.backward, (rng.integers(0, 7, (5, 3)), rng.integers(0, 7, 5))


FAULTS = (
    [("        np.add.at(dE, self.context, dmean[:, None, :] / words)\n", "", "missing path")],
    [("dmean[:, None, :] / words)", "dmean[:, None, :])", "missing mean")],
    [
        ("dmean = da @ self.M.T", "dmean = da @ self.M", "transpose"),
        (
            "dlogits[np.arange(n), self.following] -= 1",
            "dlogits[np.arange(n), self.context[:, -1]] -= 1",
            "wrong target",
        ),
    ],
)
