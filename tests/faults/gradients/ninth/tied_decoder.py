"""Weight tying: a language model whose output matrix is its embedding table, one tanh layer between."""

import numpy as np


class TiedLM:
    def __init__(self, rng, vocab, dim):
        self.E = rng.normal(size=(vocab, dim))
        self.W = rng.normal(size=(dim, dim))
        self.c = rng.normal(size=vocab)

    def loss(self, tokens, following):
        self.tokens, self.following = tokens, following
        self.e = self.E[tokens]
        self.h = np.tanh(self.e @ self.W)
        logits = self.h @ self.E.T + self.c
        z = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p = z / z.sum(axis=1, keepdims=True)
        return -np.mean(np.log(self.p[np.arange(len(tokens)), following]))

    def backward(self):
        n = len(self.tokens)
        d = self.p.copy()
        d[np.arange(n), self.following] -= 1.0
        d /= n
        dc = d.sum(axis=0)
        dE = d.T @ self.h
        dh = d @ self.E
        da = dh * (1 - self.h**2)
        dW = self.e.T @ da
        np.add.at(dE, self.tokens, da @ self.W.T)
        return {"E": dE, "W": dW, "c": dc}


def subject(rng):
    model = TiedLM(rng, 6, 4)
    return model.loss, model.backward, (np.array([2, 0, 5, 2, 3, 1, 0]), np.array([0, 5, 2, 3, 1, 0, 4]))


FAULTS = (
    [("        np.add.at(dE, self.tokens, da @ self.W.T)\n", "", "missing path")],
    [("d[np.arange(n), self.following] -= 1.0", "d[np.arange(n), self.tokens] -= 1.0", "wrong target")],
    [
        ("np.add.at(dE, self.tokens, da @ self.W.T)", "np.add.at(dE, self.tokens, da @ self.W)", "transpose"),
        ("        d /= n\n", "", "missing mean"),
    ],
)
