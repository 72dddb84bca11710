"""Continuous bag of words: the mean of the context's vectors predicts the middle word by a full softmax."""

import numpy as np


class CBOW:
    def __init__(self, rng, vocab, dim):
        self.W_in = rng.normal(size=(vocab, dim))
        self.W_out = rng.normal(size=(dim, vocab))

    def forward(self, contexts, targets):
        self.contexts, self.targets = contexts, targets
        self.h = self.W_in[contexts].mean(axis=1)
        score = self.h @ self.W_out
        e = np.exp(score - score.max(axis=1, keepdims=True))
        self.prob = e / e.sum(axis=1, keepdims=True)
        return -np.sum(np.log(self.prob[np.arange(len(targets)), targets])) / len(targets)

    def backward(self):
        n, width = self.contexts.shape
        ds = self.prob.copy()
        ds[np.arange(n), self.targets] -= 1
        ds = ds / n
        dW_out = self.h.T @ ds
        dh = ds @ self.W_out.T
        dW_in = np.zeros_like(self.W_in)
        for j in range(width):
            np.add.at(dW_in, self.contexts[:, j], dh / width)
        return {"W_in": dW_in, "W_out": dW_out}


def subject(rng):
    model = CBOW(rng, 8, 3)
    return model.forward, model.backward, (rng.integers(0, 8, (5, 4)), rng.integers(0, 8, 5))


FAULTS = (
    [
        (
            "np.add.at(dW_in, self.contexts[:, j], dh / width)",
            "np.add.at(dW_in, self.contexts[:, j], dh)",
            "missing mean",
        )
    ],
    [
        (
            "np.add.at(dW_in, self.contexts[:, j], dh / width)",
            "dW_in[self.contexts[:, j]] = dh / width",
            "missing path",
        ),
        ("ds = ds / n", "ds = -ds / n", "sign"),
    ],
)
